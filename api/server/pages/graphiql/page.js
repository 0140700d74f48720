// The token is kept for this tab only.
const field = document.getElementById('token');
field.value = sessionStorage.getItem('token') || '';
field.addEventListener('input', () => sessionStorage.setItem('token', field.value));

const fetcher = async (params) => {
  const headers = { 'Content-Type': 'application/json', Accept: 'application/graphql-response+json, application/json' };
  if (field.value) headers.Authorization = 'Bearer ' + field.value.trim();
  const answer = await fetch('/graphql', { method: 'POST', headers, body: JSON.stringify(params) });
  return answer.json();
};

const first = `# The table in one request. Paste an access token above.
{
  partnerships { nodes { id workingTitle phase } }
  meetings(first: 5, sort: "-startsAt") {
    nodes { title objective state startsLocal agendaItems { title minutes } }
  }
}
`;

if (window.ReactDOM && window.GraphiQL) {
  ReactDOM.createRoot(document.getElementById('graphiql')).render(
    React.createElement(GraphiQL, { fetcher, defaultQuery: first }),
  );
} else {
  document.getElementById('graphiql').textContent = 'The files of this page could not be fetched.';
}
