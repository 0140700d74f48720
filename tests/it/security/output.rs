//! What goes out: texts that others would run, and who may ask from a page of another site.

use roundtable_kernel::operation::Kind;
use roundtable_kernel::standing::Role;
use roundtable_server::settings::Settings;
use serde_json::{Value, json};

use crate::harness::Who;
use crate::harness::browser::Browser;
use crate::harness::client::text;
use crate::harness::live::{Live, live, live_with, quick, socket};

/// What a page would run.
const SCRIPTS: &[&str] = &[
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "\"><script>alert(1)</script>",
    "'onmouseover='alert(1)",
    "javascript:alert(1)",
    "<iframe src=javascript:alert(1)>",
    "<a href=\"javascript:alert(1)\">x</a>",
    "</title><script>alert(1)</script>",
    "<!--<script>alert(1)//-->",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "{{constructor.constructor('alert(1)')()}}",
    "<base href=//evil.example>",
    "<link rel=stylesheet href=//evil.example>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "&lt;script&gt;",
    "<style>@import '//evil.example'</style>",
    "\u{2028}<script>",
    "+ADw-script+AD4-",
    "%3Cscript%3E",
    "<details open ontoggle=alert(1)>",
    "]]><script>",
];

/// Pages made for people.
const PAGES: &[&str] =
    &["/", "/access", "/problems", "/problems/FORBIDDEN", "/docs/", "/graphiql", "/sign-ins/callback"];

async fn upgraded(live: &Live, origin: Option<&str>) -> bool {
    match socket(live, origin).await {
        Ok(_) => true,
        Err(status) => {
            assert_eq!(status, 403, "{origin:?}");
            false
        }
    }
}

cases! {
    /// Texts are given out as JSON, as cells or as lines of a calendar, each named as what it is, and never as a page.
    async fn no_text_of_a_record_is_ever_a_page(app: App) {
        let live = live(&app).await;
        let lead = &app.world.ours.lead;
        for script in SCRIPTS {
            let name = format!("Script {script}");
            app.make(lead, "/v1/people", json!({ "name": name })).await;
            let firm = app.make(lead, "/v1/organizations", json!({ "name": name, "kind": "employer", "description": script })).await;
            let entry = json!({ "name": name, "entryKind": "program", "ownerOrganizationId": firm["id"], "description": script });
            let entry = app.make(lead, "/v1/resources", entry).await;
            app.act(lead, &entry, "/v1/resources", "publish", json!({})).await;
        }
        let client = reqwest::Client::new();
        let table = app.server.app.operations.clone();
        let mut paths: Vec<String> = table.iter().filter(|one| one.kind == Kind::List).flat_map(|one| {
            [format!("{}?first=200", one.path), format!("{}.csv", one.path), format!("{}.jsonl", one.path)]
        }).collect();
        paths.extend(["/hsds", "/hsds/services", "/hsds/organizations", "/hsds/package.zip", "/v1/nowhere", "/v1/people?first=<script>", "/scim/v2/Users",
            "/v1/people/<script>", "/problems/<script>", "/nowhere/<script>", "/calendars/<script>.ics", "/.well-known/jwks.json", "/openapi.json",
            "/schema.graphql", "/healthz", "/metrics"].map(str::to_owned));
        for path in &paths {
            let url = live.url(&path.replace('<', "%3C").replace('>', "%3E"));
            for accept in ["*/*", "text/html,application/xhtml+xml,*/*;q=0.8"] {
                let request = client.get(&url).header("accept", accept);
                let answer = request.header("authorization", format!("Bearer {}", lead.token.clone().unwrap())).send().await.unwrap();
                let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
                let kind = header("content-type");
                assert!(!kind.is_empty() || answer.status().as_u16() == 304, "{path} says not what it is");
                for page in ["html", "xml", "svg", "javascript"] {
                    assert!(!kind.contains(page), "{path} {accept}: {kind}");
                }
                assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
                if kind.starts_with("text/csv") || kind.contains("jsonl") {
                    assert!(header("content-disposition").starts_with("attachment"), "{path}");
                }
            }
        }
        // Nor does any page for people hold a text of a record, or a script that is not a file of its own.
        for path in PAGES {
            let answer = client.get(live.url(path)).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{path}");
            let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
            let (kind, policy, sniff) = (header("content-type"), header("content-security-policy"), header("x-content-type-options"));
            let page = answer.text().await.unwrap();
            assert!(kind.starts_with("text/html"), "{path}: {kind}");
            assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
            assert!(!policy.split(';').any(|part| part.contains("script-src") && part.contains("unsafe")), "{path}: {policy}");
            assert_eq!(sniff, "nosniff", "{path}");
            assert!(!page.contains("alert(1)"), "{path}");
            for (at, _) in page.match_indices("<script") {
                let tag = &page[at..at + page[at..].find('>').unwrap()];
                assert!(tag.contains(" src="), "{path} has a script of its own: {tag}");
            }
            assert!(!page.contains(" onclick=") && !page.contains(" onload=") && !page.contains("javascript:"), "{path}");
        }
        live.stop().await;
    }

    /// Where people look at texts in a browser: as they stand, in the pages, and in what the pages fetch.
    async fn no_text_is_run_in_a_browser(app: App) {
        let lead = &app.world.ours.lead;
        let token = format!("Bearer {}", lead.token.clone().unwrap());
        let Some(mut browser) = Browser::start(json!({ "authorization": token })).await else { return };
        browser.open("data:text/html,<body onload=alert(1)>").await;
        assert_eq!(browser.complaints().await, ["a dialog: \"1\""], "what runs is seen");
        let live = live(&app).await;
        for script in SCRIPTS {
            app.make(lead, "/v1/people", json!({ "name": format!("Script {script}") })).await;
        }
        for path in PAGES {
            browser.open(&live.url(path)).await;
            assert_eq!(browser.complaints().await, [""; 0], "{path}");
            assert!(!text(&browser.evaluate("document.title").await).is_empty(), "{path}");
        }
        let lists = ["/v1/people?first=200", "/v1/people.csv", "/v1/people.jsonl", "/v1/nowhere"].map(str::to_owned);
        let sent = SCRIPTS.iter().flat_map(|script| {
            let escaped: String = script.bytes().map(|byte| format!("%{byte:02X}")).collect();
            [
                format!("/sign-ins/callback?error={escaped}&error_description={escaped}"),
                format!("/problems/{escaped}"),
                format!("/docs/{escaped}"),
                format!("/docs/?url={escaped}&configUrl={escaped}#/{escaped}"),
                format!("/v1/people?first={escaped}"),
            ]
        });
        for path in lists.into_iter().chain(sent) {
            browser.open(&live.url(&path)).await;
            assert_eq!(browser.complaints().await, [""; 0], "{path}");
        }
        // The page of REST asks for the people, and shows them as text.
        browser.open("about:blank").await;
        browser.open(&live.url("/docs/#/people/listPeople")).await;
        for button in [".try-out__btn", ".execute"] {
            let button = format!("document.querySelector('#operations-people-listPeople {button}')");
            browser.until(&format!("!!{button}")).await;
            browser.evaluate(&format!("{button}.click()")).await;
        }
        browser.until("(document.querySelector('.live-responses-table')?.textContent ?? '').includes('onerror=alert(1)')").await;
        assert_eq!(browser.complaints().await, [""; 0], "the page of REST");
        // So does that of GraphQL, where its files are part of the build.
        let query = json!("{ people(first: 5, sort: \"-createdAt\") { nodes { name } } }");
        browser.open(&live.url("/")).await;
        browser.evaluate(&format!("localStorage.clear(); localStorage.setItem('graphiql:query', {query})")).await;
        browser.open(&live.url("/graphiql")).await;
        if browser.evaluate("!!window.GraphiQL").await == true {
            let button = "document.querySelector('.graphiql-execute-button')";
            browser.until(&format!("!!{button}")).await;
            browser.evaluate(&format!("{button}.click()")).await;
            browser.until("(document.querySelector('.result-window')?.textContent ?? '').includes('alert(1)')").await;
            assert_eq!(browser.complaints().await, [""; 0], "the page of GraphQL");
        }
        live.stop().await;
    }

    async fn a_page_shows_what_it_was_sent_as_text(app: App) {
        for script in SCRIPTS {
            let escaped: String = script.bytes().map(|byte| format!("%{byte:02X}")).collect();
            for path in [
                format!("/sign-ins/callback?code={escaped}&state={escaped}&iss={escaped}"),
                format!("/sign-ins/callback?error={escaped}&error_description={escaped}"),
                format!("/problems/{escaped}"),
                format!("/docs/{escaped}"),
            ] {
                let answer = app.rest(&Who::anonymous(), "GET", &path).send().await;
                let page = String::from_utf8_lossy(&answer.bytes).into_owned();
                if answer.header("content-type").starts_with("text/html") {
                    for opens in ["<script>alert", "<img", "<svg", "<iframe", "<base", "<math", "<style", "<details", "<meta http", "<a href=\"java"] {
                        assert!(!page.contains(opens), "{path}: {page}");
                    }
                }
            }
        }
    }

    /// Descriptions of the schema reach GraphiQL and Swagger as they are; what is in them is ours and holds no markup.
    async fn no_description_of_the_schema_holds_markup(app: App) {
        let query = "{ __schema { types { name description fields { name description } inputFields { name description } enumValues { description } } } }";
        let answer = app.gql(&Who::anonymous(), query, Value::Null).await;
        let shown = answer.ok().to_string().to_lowercase();
        let document = String::from_utf8(app.rest(&Who::anonymous(), "GET", "/openapi.json").send().await.bytes).unwrap().to_lowercase();
        for markup in ["<script", "<img", "<svg", "<iframe", "javascript:", "onerror=", "<a href"] {
            assert!(!shown.contains(markup) && !document.contains(markup), "{markup}");
        }
    }

    async fn a_socket_is_opened_from_known_origins_alone(app: App) {
        let named = Settings { cors_origins: "https://front.example.org".into(), ..quick(&app.url) };
        let live = live_with(&app, named).await;
        for known in [None, Some("http://127.0.0.1:8080"), Some("https://front.example.org")] {
            assert!(upgraded(&live, known).await, "{known:?}");
        }
        for strange in [
            "https://evil.example", "null", "", "http://front.example.org", "https://front.example.org:444", "https://front.example.org.evil.example",
            "https://evil.example/https://front.example.org", "https://front.example.orgx", "HTTPS://FRONT.EXAMPLE.ORG", "file://", "*",
            "https://front.example.org, https://evil.example", "http://127.0.0.1:8081", "https://front.example.org/", "chrome-extension://x",
        ] {
            assert!(!upgraded(&live, Some(strange)).await, "{strange}");
        }
        // What a browser asks before it lets a script of another site read: no.
        let client = reqwest::Client::new();
        for (origin, known) in [("https://front.example.org", true), ("https://evil.example", false), ("null", false)] {
            let asked = client.request(reqwest::Method::OPTIONS, live.url("/v1/people"));
            let asked = asked.header("origin", origin).header("access-control-request-method", "POST");
            let answer = asked.header("access-control-request-headers", "authorization").send().await.unwrap();
            let allowed = answer.headers().get("access-control-allow-origin").and_then(|value| value.to_str().ok());
            assert_eq!(allowed, known.then_some(origin), "{origin}");
            assert!(answer.headers().get("access-control-allow-credentials").is_none());
        }
        live.stop().await;
    }

    /// What a form or a link of another site can send changes nothing: it has no token, and no token is taken from a cookie.
    async fn nothing_is_changed_by_a_form_or_a_link(app: App) {
        let lead = &app.world.ours.lead;
        let token = lead.token.clone().unwrap();
        let table = app.server.app.operations.clone();
        for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""] {
            let call = app.rest(lead, "POST", "/v1/people").body(kind, "{\"name\":\"Forged\"}");
            call.send().await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
        }
        for name in ["authorization", "access_token", "token", "session", "roundtable"] {
            let call = app.rest(&Who::anonymous(), "POST", "/v1/people").header("cookie", &format!("{name}={token}; {name}=Bearer {token}"));
            call.json(json!({ "name": "Forged" })).send().await.refused(401, "UNAUTHENTICATED");
        }
        for over in ["x-http-method-override", "x-http-method", "x-method-override"] {
            let path = format!("/v1/people/{}", app.world.ours.person[&Role::Union]);
            let before = app.get(lead, &path).await;
            app.rest(lead, "GET", &path).header(over, "DELETE").version(before["version"].as_i64().unwrap()).send().await.is(200);
            assert_eq!(app.get(lead, &path).await, before);
        }
        for operation in table.iter().filter(|one| one.kind.writes()) {
            if !table.iter().any(|other| !other.kind.writes() && other.path == operation.path) && !operation.path.contains('{') {
                app.rest(lead, "GET", &operation.path).send().await.refused(405, "METHOD_NOT_ALLOWED");
            }
        }
        let answer = app.rest(lead, "POST", "/v1/people").json(json!({ "name": "Real" })).send().await;
        assert!(answer.headers.get("set-cookie").is_none(), "{:?}", answer.headers);
        let session = json!({ "email": "x@example.org", "password": "x" });
        let answer = app.rest(&Who::anonymous(), "POST", "/v1/sessions").json(session).send().await;
        assert!(answer.headers.get("set-cookie").is_none(), "{:?}", answer.headers);
    }

    async fn a_package_of_the_map_holds_no_formula(app: App) {
        let lead = &app.world.ours.lead;
        let evil = ["=HYPERLINK(\"http://x\")", "+cmd|' /C calc'!A0", "-1+1|cmd", "@SUM(A1)", "\t=1", "=1+1"];
        for formula in evil {
            let firm = app.make(lead, "/v1/organizations", json!({ "name": formula.trim(), "kind": "employer", "description": formula })).await;
            let entry = json!({ "name": formula.trim(), "entryKind": "program", "ownerOrganizationId": firm["id"], "phone": "+1 815 555 0100" });
            let entry = app.make(lead, "/v1/resources", entry).await;
            app.act(lead, &entry, "/v1/resources", "publish", json!({})).await;
        }
        let package = app.rest(lead, "GET", "/hsds/package.zip").send().await;
        package.is(200);
        let mut package = zip::ZipArchive::new(std::io::Cursor::new(package.bytes)).unwrap();
        let mut seen = 0;
        for number in 0..package.len() {
            let file = package.by_index(number).unwrap();
            let name = file.name().unwrap().into_owned();
            if !name.ends_with(".csv") {
                continue;
            }
            for row in csv::Reader::from_reader(file).records() {
                for cell in row.unwrap().iter() {
                    seen += usize::from(cell.starts_with('\''));
                    let harmless = cell.trim_start_matches(['+', '-']).bytes().all(|byte| byte.is_ascii_digit() || b" .()-".contains(&byte));
                    assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']) || harmless, "{name}: {cell:?}");
                }
            }
        }
        assert!(seen >= evil.len(), "only {seen} cells were guarded");
    }

    /// One line is one line: in headers, in files, in calendars. Mail and logs have cases of their own.
    async fn line_ends_in_names_make_no_line_of_their_own(app: App) {
        let lead = &app.world.ours.lead;
        for evil in ["A\r\nSet-Cookie: x=y", "A\nX-Evil: 1", "A\rB", "A\u{85}B", "A\u{2028}B", "A\u{b}B", "A\u{1b}[31mB"] {
            let made = app.rest(lead, "POST", "/v1/meetings").json(json!({
                "title": evil, "kind": "action_team", "mode": "action", "objective": evil, "startsAt": "2027-03-09T15:00:00Z",
                "durationMinutes": 60, "timeZone": "America/Chicago", "place": evil,
            })).send().await;
            if made.status == 400 {
                continue;
            }
            let meeting = app.act(lead, made.is(201), "/v1/meetings", "schedule", json!({})).await;
            for path in [format!("/v1/meetings/{}", text(&meeting["id"])), format!("/v1/meetings.csv?id={}", text(&meeting["id"]))] {
                let answer = app.rest(lead, "GET", &path).send().await;
                answer.is(200);
                for (name, value) in &answer.headers {
                    assert!(!name.as_str().contains("evil") && !value.as_bytes().iter().any(|byte| matches!(byte, b'\r' | b'\n')), "{name}");
                }
                assert!(answer.headers.get("set-cookie").is_none() && answer.headers.get("x-evil").is_none());
            }
        }
        let feed = app.make(lead, "/v1/calendar-feeds", json!({ "name": "phone" })).await;
        let feed = text(&feed["address"]).strip_prefix(&app.server.app.public_url).unwrap().to_owned();
        let calendar = app.rest(&Who::anonymous(), "GET", &feed).send().await;
        let calendar = String::from_utf8(calendar.bytes).unwrap();
        for line in calendar.split("\r\n") {
            assert!(!line.starts_with("Set-Cookie") && !line.starts_with("X-Evil") && !line.contains(['\r', '\n']), "{line:?}");
        }
        // What stands in an address or in a header is no line either.
        for name in ["request-id", "acting-partnership", "idempotency-key", "last-event-id"] {
            let answer = app.rest(lead, "GET", "/v1/people?first=1").header(name, "a b\tc").send().await;
            assert!(answer.status < 500 && !answer.header("request-id").contains(' '), "{name}: {}", answer.status);
        }
    }
}
