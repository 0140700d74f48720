// Goes where a browser would: signs in at the address given, by the name given, consents, and prints the address that
// the provider sends the browser back to.
const [, , start, name] = process.argv;
const cookies = new Map();

async function visit(address, form) {
  const headers = { cookie: [...cookies].map(([key, value]) => `${key}=${value}`).join("; ") };
  const body = form && new URLSearchParams(form);
  const answer = await fetch(address, { method: form ? "POST" : "GET", headers, body, redirect: "manual" });
  for (const cookie of answer.headers.getSetCookie()) {
    const [key, ...value] = cookie.split(";")[0].split("=");
    cookies.set(key, value.join("="));
  }
  return answer;
}

const origin = new URL(start).origin;
let answer = await visit(start);
for (let step = 0; step < 12; step += 1) {
  const to = answer.headers.get("location");
  if (to && new URL(to, origin).origin !== origin) {
    console.log(to);
    process.exit(0);
  }
  if (to) {
    answer = await visit(new URL(to, origin));
    continue;
  }
  const page = await answer.text();
  const action = /action="([^"]+)"/.exec(page)?.[1];
  const prompt = /name="prompt" value="([^"]+)"/.exec(page)?.[1];
  if (answer.status !== 200 || !action) {
    console.error(`${answer.status}: ${page.slice(0, 2000)}`);
    process.exit(1);
  }
  answer = await visit(new URL(action, origin), { prompt, login: name, password: "any" });
}
console.error("the provider sends the browser round in circles");
process.exit(1);
