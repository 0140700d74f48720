//! Reading what one may not read: questions that are not allowed are refused, never left out.

use std::collections::HashSet;

use roundtable_kernel::operation::Kind;
use roundtable_kernel::token::new_secret;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::chance::rounds;
use crate::harness::client::text;
use crate::harness::{Who, sample};

/// Parameters by which other systems were asked for what they keep.
const STRANGE: &[&str] = &[
    "password",
    "filter[password]",
    "filters[createdBy][password][$startsWith]",
    "where",
    "where[password]",
    "$where",
    "$or",
    "t1.password",
    "organization.account.passwordHash",
    "__proto__",
    "__typename",
    "select",
    "fields",
    "populate",
    "include",
    "join",
    "limit",
    "offset",
    "page",
    "orderBy",
    "sort[password]",
    "id[$ne]",
    "q[password_start]",
    "access_token",
    "token",
    "role",
    "partnershipid",
    "ID",
    " id",
    "id ",
    "created_at",
    "archived_at",
    "row_key",
    "search",
    "password_hash",
];

/// What no client ever sees, in the spellings one would try.
const HIDDEN: &[&str] = &[
    "passwordHash",
    "password_hash",
    "tokenHash",
    "token_hash",
    "secretHash",
    "secret_hash",
    "emailKey",
    "email_key",
    "nameKey",
    "name_key",
    "rowKey",
    "search",
    "secret",
    "token",
    "password",
    "authorAccountId",
    "id.password",
    "organization.name",
    "t0.id",
    "\"id\"",
    "id;",
    "id desc",
    "-",
    "--id",
    "-id,id",
    "rowid",
    "ctid",
    "1",
    "*",
];

cases! {
    async fn unknown_parameters_are_refused_on_every_route(app: App) {
        let table = app.server.app.operations.clone();
        let mut wrong = Vec::new();
        let mut asked = 0;
        for (number, operation) in table.iter().enumerate() {
            let id = Uuid::now_v7().to_string();
            let path = sample::path(operation, Some(&id));
            let mut paths = vec![path.clone()];
            if operation.kind == Kind::List {
                paths.extend([format!("{path}.csv"), format!("{path}.jsonl")]);
            }
            for path in paths {
                for step in 0..4 {
                    // All of them are asked of some route, and each route is asked several.
                    let name = STRANGE[(number * 4 + step) % STRANGE.len()];
                    if operation.parameters.iter().any(|known| known.name == name) {
                        continue;
                    }
                    let escaped: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
                    let mut call = app.rest(&app.world.ours.lead, operation.kind.method(), &format!("{path}?{escaped}=x"));
                    if let Some(body) = sample::body(&table, operation) {
                        call = call.json(body);
                    }
                    let answer = call.version(1).send().await;
                    asked += 1;
                    if (answer.status, answer.code()) != (400, "UNKNOWN_PARAMETER") {
                        wrong.push(format!("{}: {} {}", answer.asked, answer.status, answer.body));
                    }
                }
            }
        }
        for path in ["/v1/events/stream", "/hsds", "/hsds/services", "/hsds/package.zip", "/graphql"] {
            let query = if path == "/graphql" { "query=%7Bme%7Bname%7D%7D&" } else { "" };
            for name in ["password", "filter%5Bpassword%5D", "search%5B%24ne%5D", "t1.password"] {
                let path = format!("{path}?{query}{name}=x");
                let call = app.rest(&app.world.ours.lead, "GET", &path);
                let call = if path.contains("stream") { call.header("accept", "text/event-stream") } else { call };
                let answer = call.send().await;
                if (answer.status, answer.code()) != (400, "UNKNOWN_PARAMETER") {
                    wrong.push(format!("{}: {} {}", answer.asked, answer.status, answer.body));
                }
            }
        }
        assert!(asked > 800, "only {asked}");
        assert!(wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
    }

    async fn a_route_without_parameters_answers_the_same_with_one(app: App) {
        let at = |path: &'static str, query: &'static str| {
            let call = app.rest(&Who::anonymous(), "GET", &format!("{path}{query}")).header("request-id", "the-same-request");
            call.send()
        };
        for path in [
            "/", "/healthz", "/readyz", "/openapi.json", "/openapi-3.0.json", "/schema.graphql", "/access", "/problems",
            "/problems/FORBIDDEN", "/docs/", "/pages/roundtable.css", "/sign-ins/callback", "/calendars/unknown.ics",
            "/.well-known/jwks.json", "/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource",
            "/scim/v2/ServiceProviderConfig", "/scim/v2/Users", "/nowhere",
        ] {
            let plain = at(path, "").await;
            for query in ["?password=x", "?filters[createdBy][password][$startsWith]=a", "?__proto__[admin]=1"] {
                let with = at(path, query).await;
                assert_eq!((with.status, &with.bytes), (plain.status, &plain.bytes), "{path}{query}");
            }
        }
    }

    async fn nothing_hidden_is_filtered_or_sorted_by(app: App) {
        let table = app.server.app.operations.clone();
        let lead = &app.world.ours.lead;
        for (number, operation) in table.iter().filter(|one| one.kind == Kind::List).enumerate() {
            // Some of each list in an ordinary run, and each of several lists; all of all in the long form.
            for (_, name) in HIDDEN.iter().enumerate().filter(|(at, _)| (at + number) % rounds(4, 1) == 0) {
                let escaped: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
                if !operation.parameters.iter().any(|known| known.name == *name) {
                    let answer = app.rest(lead, "GET", &format!("{}?{escaped}=x", operation.path)).send().await;
                    answer.refused(400, "UNKNOWN_PARAMETER");
                }
                if operation.parameters.iter().any(|known| known.name == "sort") {
                    let answer = app.rest(lead, "GET", &format!("{}?sort={escaped}", operation.path)).send().await;
                    answer.refused(400, "INVALID_INPUT");
                }
            }
        }
    }

    async fn a_filter_never_makes_a_list_longer(app: App) {
        let table = app.server.app.operations.clone();
        let lead = &app.world.ours.lead;
        let mut filtered = 0;
        for operation in table.iter().filter(|one| one.kind == Kind::List) {
            if !operation.parameters.iter().any(|one| one.name == "total") {
                continue;
            }
            let all = app.rest(lead, "GET", &format!("{}?total=true&first=1", operation.path)).send().await;
            if all.status == 403 {
                continue;
            }
            let all = all.is(200)["totalCount"].as_u64().unwrap();
            for parameter in &operation.parameters {
                if matches!(parameter.name.as_str(), "first" | "after" | "sort" | "total" | "archived") {
                    continue;
                }
                let value = sample::smallest(&table, &parameter.schema);
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let value = value.replace(':', "%3A").replace('+', "%2B");
                let path = format!("{}?total=true&first=1&{}={value}", operation.path, parameter.name);
                let some = app.get(lead, &path).await["totalCount"].as_u64().unwrap();
                assert!(some <= all, "{path}: {some} of {all}");
                filtered += 1;
            }
        }
        assert!(filtered > 100, "only {filtered}");
    }

    /// Whoever may do the most at a table still sees no member that is hidden, at whatever door.
    async fn no_answer_holds_what_is_hidden(app: App) {
        let table = app.server.app.operations.clone();
        for who in [&app.world.ours.lead, &app.world.operator] {
            for operation in table.iter().filter(|one| one.kind == Kind::List) {
                let answer = app.rest(who, "GET", &format!("{}?first=200", operation.path)).send().await;
                if answer.status == 200 {
                    let shown = String::from_utf8_lossy(&answer.bytes).into_owned();
                    for name in ["asswordHash", "okenHash", "ecretHash", "mailKey", "ameKey", "privatePem", "$argon2"] {
                        assert!(!shown.contains(name), "{} shows {name}", answer.asked);
                    }
                }
            }
        }
        let document = String::from_utf8(app.rest(&Who::anonymous(), "GET", "/openapi.json").send().await.bytes).unwrap();
        for name in ["passwordHash", "tokenHash", "secretHash", "emailKey", "privatePem"] {
            assert!(!document.contains(name), "the document names {name}");
        }
    }

    async fn no_id_and_no_secret_comes_twice(app: App) {
        let many = rounds(100_000, 1_000_000);
        let ids: HashSet<Uuid> = (0..many).map(|_| Uuid::now_v7()).collect();
        assert_eq!(ids.len(), many);
        let secrets: HashSet<String> = (0..many / 10).map(|_| new_secret("rti").unwrap()).collect();
        assert_eq!(secrets.len(), many / 10);
        assert!(secrets.iter().all(|secret| secret.len() == 4 + 43));
        // The server makes the ids: one that is sent is refused.
        let body = json!({ "id": Uuid::now_v7(), "name": "Chosen" });
        app.rest(&app.world.ours.lead, "POST", "/v1/people").json(body).send().await.refuses_member("/id", "unknown_member");
        let made = app.make(&app.world.ours.lead, "/v1/people", json!({ "name": "Given" })).await;
        assert_eq!(text(&made["id"]).as_bytes()[14], b'7', "{made}");
    }

    /// An upload or an export is an answer to whoever asks, and never an address that others could use.
    async fn a_file_is_given_to_whoever_may_read_the_list_and_kept_nowhere(app: App) {
        let lead = &app.world.ours.lead;
        let file = app.rest(lead, "GET", "/v1/seats.csv").send().await;
        file.is(200);
        assert_eq!((file.header("cache-control"), file.header("location")), ("no-store", ""));
        assert!(file.header("content-disposition").starts_with("attachment; filename=\"seats-"));
        app.rest(&Who::anonymous(), "GET", "/v1/seats.csv").send().await.refused(401, "UNAUTHENTICATED");
        let theirs = app.rest(&app.world.theirs.lead, "GET", "/v1/seats.csv").send().await;
        theirs.is(200);
        let ours: Value = app.get(lead, "/v1/seats?first=200").await;
        let shown = String::from_utf8(theirs.bytes).unwrap();
        for seat in ours["items"].as_array().unwrap() {
            assert!(!shown.contains(text(&seat["id"])), "{seat}");
        }
    }
}
