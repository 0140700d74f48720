//! GraphQL over HTTP: what is negotiated, refused and bounded.

use std::time::Instant;

use roundtable_kernel::standing::Role;
use serde_json::{Value, json};

use crate::harness::client::text;
use crate::harness::{Answer, App, Who, wire};

const RESPONSE: &str = "application/graphql-response+json";

async fn post(app: &App, accept: &str, body: Value) -> Answer {
    let call = app.rest(&app.world.ours.lead, "POST", "/graphql").json(body);
    if accept.is_empty() { call.send().await } else { call.header("accept", accept).send().await }
}

fn code(answer: &Answer) -> &str {
    answer.body["errors"][0]["extensions"]["code"].as_str().or(answer.body["code"].as_str()).unwrap_or_default()
}

cases! {
    async fn the_media_type_asked_for_is_the_one_given(app: App) {
        let query = json!({ "query": "{ me { name } }" });
        for (accept, given) in [
            ("", "application/json"), ("*/*", "application/json"), ("application/json", "application/json"),
            (RESPONSE, RESPONSE), ("application/graphql-response+json, application/json;q=0.9", RESPONSE),
        ] {
            let answer = post(&app, accept, query.clone()).await;
            assert_eq!(answer.is(200)["data"]["me"]["name"], "ours intermediary");
            assert!(answer.header("content-type").starts_with(given), "{accept}: {}", answer.header("content-type"));
        }
        post(&app, "text/html", query).await.refused(406, "NOT_ACCEPTABLE");
    }

    async fn what_does_not_run_is_a_client_error_without_data(app: App) {
        for (query, expected) in [
            ("{ me {", "QUERY_INVALID"),
            ("{ nothing }", "QUERY_INVALID"),
            ("{ me { nothing } }", "QUERY_INVALID"),
            ("{ organization { id } }", "QUERY_INVALID"),
            ("query($id: ID!) { organization(id: $id) { id } }", "QUERY_INVALID"),
            ("mutation { archiveLocation(id: \"x\") { id } }", "QUERY_INVALID"),
        ] {
            let strict = post(&app, RESPONSE, json!({ "query": query })).await;
            assert_eq!(strict.status, 400, "{query}: {}", strict.body);
            assert!(strict.body.get("data").is_none(), "{}", strict.body);
            assert_eq!(code(&strict), expected, "{query}");
            let lenient = post(&app, "application/json", json!({ "query": query })).await;
            assert_eq!(lenient.status, 200, "{query}: {}", lenient.body);
            assert_eq!(code(&lenient), expected, "{query}");
        }
        // What runs and fails is an answer with data.
        let failing = "{ me { name } partner(id: \"0198c000-0000-7000-8000-000000000000\") { id } }";
        let ran = post(&app, RESPONSE, json!({ "query": failing })).await;
        assert_eq!(ran.is(200)["data"]["partner"], Value::Null);
    }

    async fn what_is_selected_is_what_is_answered(app: App) {
        let lead = &app.world.ours.lead;
        let made = app.make(lead, "/v1/locations", json!({ "organizationId": app.world.ours.organization[&Role::Employer],
            "name": "Hall 9", "country": "US" })).await;
        // A variable without a value is as if its argument were not there.
        let query = "query($after: String, $first: Int = 1, $no: Boolean!) { locations(first: $first, after: $after) {
            nodes { name @skip(if: true) ...Named ... on Location @include(if: $no) { id } } edges { cursor node { a: id b: id __typename } } \
            pageInfo { hasNextPage } totalCount __typename } __typename } fragment Named on Location { name organization { id }
            organization { name } }";
        let answer = app.gql(lead, query, json!({ "no": false })).await;
        let found = &answer.ok()["locations"];
        assert_eq!(found["nodes"].as_array().unwrap().len(), 1, "{found}");
        let names: Vec<&String> = found["nodes"][0].as_object().unwrap().keys().collect();
        assert_eq!(names, ["name", "organization"], "{found}");
        assert!(found["nodes"][0]["organization"]["name"].is_string() && found["nodes"][0]["organization"]["id"].is_string());
        let edge = &found["edges"][0];
        assert_eq!((&edge["node"]["a"], &edge["node"]["__typename"]), (&edge["node"]["b"], &json!("Location")), "{edge}");
        assert!(edge["cursor"].is_string());
        assert_eq!((&found["__typename"], &answer.ok()["__typename"]), (&json!("LocationConnection"), &json!("Query")));
        assert_eq!(app.gql(lead, "query($no: Boolean!) { me { name @skip(if: $no) } }", Value::Null).await.code(), "QUERY_INVALID");
        // What is merged has to be one thing.
        for twice in [
            "{ locations { nodes { x: organization { name } } nodes { x: name } } }",
            "mutation { a: archiveLocation(id: \"1\", version: 1) { id } ... on Mutation { a: archiveLocation(id: \"2\", version: 1) { id } } }",
        ] {
            assert_eq!(app.gql(lead, twice, Value::Null).await.code(), "QUERY_INVALID", "{twice}");
        }
        // A default counts in a directive, also where the library runs it.
        let defaulted = "query($all: Boolean = false) { me { name standings @include(if: $all) { role } } __type(name: \"Need\") { name } }";
        assert!(app.gql(lead, defaulted, Value::Null).await.ok()["me"].get("standings").is_none());
        // What a patch does not name stays as it is, also where a variable for it has no value.
        let change = "mutation($id: ID!, $version: Int!, $name: String, $country: String) { updateLocation(id: $id, version: \
                      $version, input: { name: $name, country: $country }) { name country } }";
        let given = json!({ "id": made["id"], "version": 1, "name": "Hall 10" });
        assert_eq!(app.gql(lead, change, given).await.ok()["updateLocation"], json!({ "name": "Hall 10", "country": "US" }));
    }

    async fn what_is_asked_beside_the_schema_is_the_same(app: App) {
        let lead = &app.world.ours.lead;
        let partner = app.world.ours.partner[&Role::Union];
        let data = format!(
            "node(id: \"{partner}\") {{ id ... on Partner {{ kind seats {{ role person {{ name }} }} }} }} \
             partners(first: 100, sort: \"-id\") {{ nodes {{ __typename id kind state ... on Union {{ unionKind }} organization {{ name }} }} \
             edges {{ node {{ id }} }} pageInfo {{ endCursor }} }} \
             events(first: 3) {{ nodes {{ kind record {{ id ... on Partner {{ kind }} }} }} }} me {{ name standings {{ role }} }}"
        );
        let alone = app.gql(lead, &format!("{{ {data} }}"), Value::Null).await.ok().clone();
        let beside = app.gql(lead, &format!("{{ {data} __type(name: \"Need\") {{ name }} }}"), Value::Null).await.ok().clone();
        assert!(alone["partners"]["nodes"].as_array().unwrap().iter().any(|one| one["__typename"] == "Union"), "{alone}");
        for field in ["node", "partners", "events", "me"] {
            assert_eq!(alone[field], beside[field], "{field}");
            assert!(alone[field].is_object(), "{field}: {alone}");
        }
        assert_eq!(beside["__type"]["name"], "Need");
    }

    async fn a_body_that_is_no_request_is_refused(app: App) {
        for body in [
            json!({}), json!({ "query": 5 }), json!({ "query": "{ me { name } }", "variables": [] }),
            json!({ "query": "{ me { name } }", "extensions": "x" }), json!("x"), json!(5),
        ] {
            post(&app, RESPONSE, body).await.refused(400, "MALFORMED_BODY");
        }
        let lead = &app.world.ours.lead;
        app.rest(lead, "POST", "/graphql").body("application/json", "{").send().await.refused(400, "MALFORMED_BODY");
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"] {
            app.rest(lead, "POST", "/graphql").body(kind, r#"{"query":"{ me { name } }"}"#).send().await
                .refused(415, "UNSUPPORTED_MEDIA_TYPE");
        }
        let answer = app.rest(lead, "PUT", "/graphql").json(json!({})).send().await;
        answer.refused(405, "METHOD_NOT_ALLOWED");
        assert_eq!(answer.header("allow"), "GET, POST");
        let eight = format!(r#"{{"query":"{{ me {{ name }} }}","variables":{{"x":"{}"}}}}"#, "x".repeat(8 << 20));
        app.rest(lead, "POST", "/graphql").body("application/json", eight).send().await.refused(413, "BODY_TOO_LARGE");
    }

    async fn reading_by_get_works_and_changing_by_get_does_not(app: App) {
        let lead = &app.world.ours.lead;
        let answer = app.rest(lead, "GET", "/graphql?query=%7B%20me%20%7B%20name%20%7D%20%7D").is(200).await;
        assert_eq!(answer["data"]["me"]["name"], "ours intermediary");
        let with = "/graphql?query=query(%24n%3AInt)%7Bpeople(first%3A%24n)%7Bnodes%7Bid%7D%7D%7D&variables=%7B%22n%22%3A1%7D";
        assert_eq!(app.rest(lead, "GET", with).is(200).await["data"]["people"]["nodes"].as_array().unwrap().len(), 1);
        let change = "/graphql?query=mutation%20%7B%20createPerson(input%3A%7Bname%3A%22x%22%7D)%20%7B%20id%20%7D%20%7D";
        let answer = app.rest(lead, "GET", change).send().await;
        answer.refused(405, "METHOD_NOT_ALLOWED");
        // Nor when it hides behind the name of another operation.
        let two = "/graphql?operationName=b&query=query%20a%7Bme%7Bname%7D%7D%20mutation%20b%7BcreatePerson(input%3A%7Bname%3A%22x%22%7D)%7Bid%7D%7D";
        app.rest(lead, "GET", two).send().await.refused(405, "METHOD_NOT_ALLOWED");
    }

    async fn a_batch_is_bounded(app: App) {
        let one = json!({ "query": "{ me { name } }" });
        let ten: Vec<Value> = vec![one.clone(); 10];
        let answer = post(&app, "", Value::Array(ten)).await;
        assert_eq!(answer.is(200).as_array().unwrap().len(), 10);
        for wrong in [vec![], vec![one; 11]] {
            post(&app, "", Value::Array(wrong)).await.refused(400, "QUERY_TOO_COMPLEX");
        }
    }

    async fn doubling_fragments_are_refused_before_they_cost_anything(app: App) {
        let mut query = String::from("{ me { ...f0 } }");
        for number in 0..30 {
            query += &format!(" fragment f{number} on Me {{ ...f{next} ...f{next} }}", next = number + 1);
        }
        query += " fragment f30 on Me { name }";
        post(&app, RESPONSE, json!({ "query": "{ me { name } }" })).await.is(200);
        let began = Instant::now();
        let answer = post(&app, RESPONSE, json!({ "query": query })).await;
        let took = began.elapsed();
        assert_eq!((answer.status, code(&answer)), (400, "QUERY_TOO_COMPLEX"), "{}", answer.body);
        // Expanded, it would take years. Wide, for busy machines.
        assert!(took.as_millis() < 2000, "{took:?}");
        let began = Instant::now();
        let circle = "{ me { ...a } } fragment a on Me { ...b } fragment b on Me { ...a }";
        assert_eq!(post(&app, RESPONSE, json!({ "query": circle })).await.status, 400);
        assert!(began.elapsed().as_millis() < 2000);
    }

    async fn depth_aliases_fields_and_size_are_bounded(app: App) {
        let deep = format!("{{ organizations {{ nodes {{ {}id{} }} }} }}", "parent { ".repeat(12), " }".repeat(12));
        let aliases: String = (0..60).map(|number| format!("a{number}: me {{ name }} ")).collect();
        let fields: String = (0..1100).map(|_| "name ").collect();
        let brackets = format!("{{ me {} }}", "{ a ".repeat(100));
        for query in [
            deep, format!("{{ {aliases} }}"), format!("{{ me {{ {fields} }} }}"), brackets,
            format!("{{ me {{ name }} }} #{}", "x".repeat(70_000)),
            format!("{{ me {{ name {} }} }}", "@skip(if: false) ".repeat(120)),
        ] {
            let answer = post(&app, RESPONSE, json!({ "query": query })).await;
            assert_eq!((answer.status, code(&answer)), (400, "QUERY_TOO_COMPLEX"), "{:.80} {}", query, answer.body);
        }
    }

    async fn the_schema_can_be_asked_for(app: App) {
        let query = "{ __schema { types { name kind description fields { name description type { name ofType { name \
                     ofType { name ofType { name } } } } } } } }";
        let answer = app.gql(&Who::anonymous(), query, Value::Null).await;
        let types = answer.ok()["__schema"]["types"].as_array().unwrap();
        for kind in types.iter().filter(|kind| {
            let name = text(&kind["name"]);
            !name.starts_with("__") && !["ID", "Int", "Float", "String", "Boolean"].contains(&name)
        }) {
            assert!(kind["description"].is_string(), "{} has no description", kind["name"]);
            for field in kind["fields"].as_array().into_iter().flatten() {
                assert!(field["description"].is_string(), "{}.{}", kind["name"], field["name"]);
            }
        }
        let forms = "{ __type(name: \"Partner\") { possibleTypes { name } } }";
        let forms = app.gql(&Who::anonymous(), forms, Value::Null).await.ok()["__type"]["possibleTypes"].clone();
        let names: Vec<&str> = forms.as_array().unwrap().iter().map(|one| text(&one["name"])).collect();
        for name in ["Employer", "Union", "Institution", "OtherPartner"] {
            assert!(names.contains(&name), "{names:?}");
        }
    }

    async fn a_refusal_carries_its_code_status_and_request(app: App) {
        let union = app.world.who(Role::Union);
        let query = "{ me { name } accounts { nodes { id } } }";
        let answer = app.gql(union, query, Value::Null).await;
        assert_eq!(answer.code(), "FORBIDDEN");
        let extensions = &answer.body["errors"][0]["extensions"];
        assert_eq!(extensions["status"], 403);
        assert!(extensions["requestId"].is_string());
    }

    async fn what_ran_and_failed_says_where(app: App) {
        let union = app.world.who(Role::Union);
        let query = json!({ "query": "{ me { name } accounts { nodes { id } } }" });
        let answer = app.rest(union, "POST", "/graphql").json(query).header("accept", RESPONSE).send().await;
        assert_eq!(answer.is(200)["errors"][0]["path"], json!(["accounts"]), "{}", answer.body);
        assert!(answer.body["data"]["me"]["name"].is_string() && answer.body["data"]["accounts"].is_null(), "{}", answer.body);
        assert!(answer.body["errors"][0]["extensions"].get("place").is_none());
        let query = json!({ "query": "{ accounts { nodes { id } } }" });
        let answer = app.rest(union, "POST", "/graphql").json(query).header("accept", RESPONSE).send().await;
        assert!(answer.is(200).get("data").is_some(), "it ran: {}", answer.body);
    }

    async fn twenty_meetings_with_agenda_and_people_are_four_statements(app: App) {
        let lead = &app.world.ours.lead;
        for number in 0..20 {
            let draft = json!({
                "title": format!("Batch {number}"), "kind": "partnership", "startsAt": "2027-01-12T15:00:00Z",
                "durationMinutes": 60, "timeZone": "America/Chicago",
            });
            let meeting = app.make(lead, "/v1/meetings", draft).await;
            let item = json!({ "meetingId": meeting["id"], "title": "x", "kind": "design", "minutes": 10 });
            app.make(lead, "/v1/agenda-items", item).await;
            for role in [Role::Union, Role::Institution] {
                let asked = json!({ "meetingId": meeting["id"], "seatId": app.world.ours.seat[&role] });
                app.make(lead, "/v1/attendances", asked).await;
            }
        }
        let query = "{ meetings(first: 20, sort: \"-id\") { nodes { title agendaItems { title } \
                     attendances { partStat person { name } } } } }";
        let nodes = app.gql(lead, query, Value::Null).await.ok()["meetings"]["nodes"].clone();
        let nodes = nodes.as_array().unwrap();
        assert_eq!(nodes.len(), 20);
        for node in nodes {
            assert_eq!(node["attendances"].as_array().unwrap().len(), 2, "{node}");
            assert!(node["attendances"][1]["person"]["name"].is_string());
            assert_eq!(node["agendaItems"][0]["title"], "x");
        }
        if let Some(listened) = wire::listened(&app).await {
            let graph = || async {
                let answer = listened.app.gql(lead, query, Value::Null).await;
                assert_eq!(answer.ok()["meetings"]["nodes"].as_array().unwrap().len(), 20);
            };
            let path = "/v1/meetings?first=20&sort=-id&expand=agendaItems,attendances.person";
            let expanded = || async {
                assert_eq!(listened.app.get(lead, path).await["items"].as_array().unwrap().len(), 20);
            };
            let took = [listened.least(graph).await, listened.least(expanded).await];
            assert!(took.iter().all(|least| (1..=4).contains(least)), "{took:?} statements");
        }
    }
}
