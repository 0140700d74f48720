//! Making it fall over: depth, cost, floods, and requests that are more than they seem.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Kind, Nothing, Text};
use roundtable_kernel::relation::MOST_RECORDS;
use roundtable_kernel::standing::Role;
use roundtable_server::serve;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::harness::client::text;
use crate::harness::live::{live, quick};
use crate::harness::{Answer, App, Who, wire};

/// A request that is refused in this time was refused before it cost anything. Wide, for busy machines.
const AT_ONCE: Duration = Duration::from_millis(1500);

async fn graph(app: &App, body: Value) -> (Answer, Duration) {
    let began = Instant::now();
    let answer = app.rest(&app.world.ours.lead, "POST", "/graphql").json(body).send().await;
    (answer, began.elapsed())
}

fn code(answer: &Answer) -> &str {
    answer.body["errors"][0]["extensions"]["code"].as_str().or(answer.body["code"].as_str()).unwrap_or_default()
}

/// Documents that cost far more than their size.
fn bombs() -> Vec<(&'static str, String)> {
    let many = |text: &str, times: usize| text.repeat(times);
    let chain: String = (0..2000).map(|one| format!("fragment f{one} on Query {{ ...f{} }} ", one + 1)).collect();
    let doubling: String =
        (0..30).map(|one| format!("fragment f{one} on Query {{ ...f{n} ...f{n} }} ", n = one + 1)).collect();
    vec![
        ("fields 10,000 deep", many("{a", 10_000)),
        ("fields 10,000 deep, closed in comments", many("{a#}\n", 10_000)),
        ("fields deep, closed in texts", many("{a(b:\"}\")", 6_000)),
        ("fields deep, closed in blocks of text", many("{a(b:\"\"\"}\\\"\"\"}\"\"\")", 3_000)),
        ("lists 10,000 deep", format!("{{ me(x: {}", many("[", 10_000))),
        ("objects 10,000 deep", format!("{{ me(x: {}", many("{a:", 10_000))),
        ("types 10,000 deep", format!("query($x: {}Int", many("[", 10_000))),
        ("a chain of 2,000 fragments", format!("{{ ...f0 }} {chain} fragment f2000 on Query {{ me {{ name }} }}")),
        ("fragments that double 30 times", format!("{{ ...f0 }} {doubling} fragment f30 on Query {{ me {{ name }} }}")),
        (
            "2,000 spreads of one fragment",
            format!("{{ {} }} fragment f on Query {{ me {{ name }} }}", many("...f ", 2000)),
        ),
        (
            "a thousand aliases",
            (0..1000).fold("{".to_owned(), |all, one| format!("{all} a{one}: me {{ name }}")) + " }",
        ),
        ("a thousand directives", format!("{{ me {{ name {} }} }}", many("@include(if: true) ", 1000))),
        ("comments without end", format!("{{ me {{ name }} }} {}", many("#\n", 40_000))),
        ("commas without end", format!("{{ me {{ name }} }} {}", many(",", 80_000))),
    ]
}

/// Sends bytes over a connection of its own and reads what comes, until nothing does.
async fn raw(at: std::net::SocketAddr, sent: &[u8], wait: Duration) -> String {
    let mut stream = TcpStream::connect(at).await.unwrap();
    // A server that has refused already may have closed its side.
    let _ = stream.write_all(sent).await;
    let mut read = Vec::new();
    let until = Instant::now() + wait;
    while let Ok(Ok(count)) =
        tokio::time::timeout(until.saturating_duration_since(Instant::now()), stream.read_buf(&mut read)).await
    {
        if count == 0 {
            break;
        }
    }
    String::from_utf8_lossy(&read).into_owned()
}

fn statuses(answer: &str) -> Vec<&str> {
    answer.match_indices("HTTP/1.1 ").map(|(at, _)| &answer[at + 9..at + 12]).collect()
}

cases! {
    async fn depth_and_cost_are_refused_before_anything_runs(app: App) {
        graph(&app, json!({ "query": "{ me { name } }" })).await.0.is(200);
        for (name, query) in bombs() {
            let (answer, took) = graph(&app, json!({ "query": query })).await;
            assert!(matches!(code(&answer), "QUERY_TOO_COMPLEX" | "QUERY_INVALID"), "{name}: {} {}", answer.status, answer.body);
            assert!(took < AT_ONCE, "{name}: {took:?}");
        }
        let deep = format!("{{\"query\":\"{{ me {{ name }} }}\",\"variables\":{{\"x\":{}1{}}}}}", "[".repeat(10_000), "]".repeat(10_000));
        for path in ["/graphql", "/v1/people"] {
            let began = Instant::now();
            let answer = app.rest(&app.world.ours.lead, "POST", path).body("application/json", deep.clone()).send().await;
            answer.refused(400, "MALFORMED_BODY");
            assert!(began.elapsed() < AT_ONCE);
        }
        // Brackets in texts and comments are no nesting.
        let harmless = format!("{{ me {{ name }} }} # {}", "{[(".repeat(100));
        graph(&app, json!({ "query": harmless })).await.0.is(200);
        let quoted = format!("{{ organizations(q: \"{}\") {{ nodes {{ id }} }} }}", "(".repeat(100));
        assert_eq!(graph(&app, json!({ "query": quoted })).await.0.is(200)["data"]["organizations"]["nodes"], json!([]));
    }

    async fn a_socket_bounds_documents_like_a_request_does(app: App) {
        let live = live(&app).await;
        let mut request = format!("ws://{}/graphql", live.address).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
        let stream = TcpStream::connect(live.address).await.unwrap();
        let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
        let token = format!("Bearer {}", app.world.ours.lead.token.clone().unwrap());
        let init = json!({ "type": "connection_init", "payload": { "Authorization": token } });
        socket.send(Message::text(init.to_string())).await.unwrap();
        for (number, (name, query)) in bombs().into_iter().enumerate() {
            let id = number.to_string();
            let asked = json!({ "id": id, "type": "subscribe", "payload": { "query": query } });
            socket.send(Message::text(asked.to_string())).await.unwrap();
            loop {
                let heard = tokio::time::timeout(Duration::from_secs(30), socket.next()).await.unwrap().unwrap().unwrap();
                let Message::Text(text) = heard else { continue };
                let heard: Value = serde_json::from_str(&text).unwrap();
                if heard["id"] == id {
                    assert_eq!(heard["type"], "error", "{name}: {heard}");
                    break;
                }
            }
        }
        live.stop().await;
    }

    async fn relations_bring_in_a_bounded_number_of_records(app: App) {
        let lead = &app.world.ours.lead;
        let organization = app.world.ours.organization[&Role::Employer];
        for number in 0..30 {
            let body = json!({ "organizationId": organization, "name": format!("Plant {number}") });
            app.make(lead, "/v1/locations", body).await;
        }
        let app = &app;
        let nested = |times: usize| {
            let open = "organization { locations { ".repeat(times);
            let query = format!("{{ locations(first: 40, organizationId: [\"{organization}\"]) {{ nodes {{ {open} id {} }} }} }}", "} } ".repeat(times));
            async move { graph(app, json!({ "query": query })).await }
        };
        let (once, _) = nested(1).await;
        assert_eq!(once.is(200)["data"]["locations"]["nodes"].as_array().unwrap().len(), 31);
        let (often, took) = nested(3).await;
        assert_eq!(code(&often), "QUERY_TOO_COMPLEX", "{:.300}", often.body.to_string());
        assert!(often.bytes.len() < 100_000 && took < Duration::from_secs(60), "{took:?}");
        // The same over REST: 31 × (1 + 31 + 31 + 31 × 31) records.
        let at = format!("/v1/locations?first=40&organizationId={organization}");
        app.get(lead, &format!("{at}&expand=organization.locations")).await;
        let path = format!("{at}&expand=organization.locations.organization.locations");
        let refused = app.rest(lead, "GET", &path).send().await;
        refused.refused(400, "QUERY_TOO_COMPLEX");
        const { assert!(MOST_RECORDS >= 200 * 50, "a full page with some relations is no attack") };
    }

    async fn fifty_aliases_of_a_relation_are_one_statement(app: App) {
        let lead = &app.world.ours.lead;
        let organization = app.world.ours.organization[&Role::Employer];
        let aliases: String = (0..50).map(|one| format!("a{one}: locations {{ name }} ")).collect();
        let query = format!("{{ organization(id: \"{organization}\") {{ {aliases} }} }}");
        app.gql(lead, &query, Value::Null).await.ok();
        if let Some(listened) = wire::listened(&app).await {
            let least = listened.least(|| async { listened.app.gql(lead, &query, Value::Null).await.ok(); }).await;
            assert!(least <= 4, "{least} statements");
            let least = listened.least(|| async { listened.app.rest(&Who::anonymous(), "GET", "/healthz").send().await.is(200); }).await;
            assert_eq!(least, 0, "health asks nothing of the database");
        }
    }

    async fn long_texts_cost_no_more_than_their_length(app: App) {
        let table = app.server.app.operations.clone();
        let long = ["a".repeat(200_000), "(".repeat(200_000), "a@".repeat(100_000), "1-".repeat(100_000), " \t".repeat(100_000)];
        let mut checked = 0;
        for operation in table.iter() {
            let Some(body) = &operation.body else { continue };
            let members = table.schemas.named[body.as_str()]["properties"].as_object().cloned().unwrap_or_default();
            for (name, schema) in members.iter().filter(|(_, schema)| schema.get("pattern").is_some()) {
                for text in &long {
                    let began = Instant::now();
                    assert!(table.schemas.check(body, &json!({ name: text })).is_err(), "{body} {name}");
                    assert!(began.elapsed() < Duration::from_secs(2), "{body} {name} {:.3}: {:?}", text, began.elapsed());
                    assert!(schema["pattern"].is_string());
                    checked += 1;
                }
            }
        }
        assert!(checked > 50, "only {checked}");
        let began = Instant::now();
        let words = "(((".repeat(150);
        app.get(&app.world.ours.lead, &format!("/v1/organizations?q={words}a")).await;
        app.rest(&app.world.ours.lead, "GET", &format!("/v1/organizations?q={}", "a".repeat(5000))).send().await
            .refused(400, "INVALID_INPUT");
        assert!(began.elapsed() < AT_ONCE * 2);
    }

    async fn bodies_are_bounded_whatever_they_say_of_themselves(app: App) {
        let live = live(&app).await;
        let token = app.world.ours.lead.token.clone().unwrap();
        let head = format!("POST /v1/people HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n");
        // Two megabytes without a length.
        let mut chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
        for _ in 0..2048 {
            chunked.extend(format!("400\r\n{}\r\n", "x".repeat(1024)).bytes());
        }
        chunked.extend(b"0\r\n\r\n");
        let answer = raw(live.address, &chunked, Duration::from_secs(5)).await;
        assert_eq!(statuses(&answer), ["413"], "{answer}");
        for (length, status) in [("-1", "400"), ("99999999999999999999999", "400"), ("0x10", "400"), ("1e3", "400"), ("1, 1", "400"), ("+5", "400")] {
            let answer = raw(live.address, format!("{head}Content-Length: {length}\r\n\r\nhello").as_bytes(), Duration::from_secs(3)).await;
            assert_eq!(statuses(&answer).first(), Some(&status), "{length}: {answer}");
        }
        let many: String = (0..5000).map(|one| format!("X-Header-{one}: x\r\n")).collect();
        let answer = raw(live.address, format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{many}\r\n").as_bytes(), Duration::from_secs(3)).await;
        assert!(statuses(&answer).iter().all(|status| status.starts_with('4')), "{answer}");
        let long = format!("GET /healthz?{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(200_000));
        let answer = raw(live.address, long.as_bytes(), Duration::from_secs(3)).await;
        assert!(statuses(&answer).iter().all(|status| status.starts_with('4')), "{answer}");
        let items: Vec<Value> = (0..100_000).map(|_| json!("x")).collect();
        let answer = app.rest(&app.world.ours.lead, "POST", "/v1/service-accounts").json(json!({ "name": "x", "scopes": items })).send().await;
        answer.refused(400, "INVALID_INPUT");
        assert!(answer.bytes.len() < 100_000, "{}", answer.bytes.len());
        app.rest(&Who::anonymous(), "GET", "/healthz").send().await.is(200);
        live.stop().await;
    }

    async fn long_headers_cost_no_more_than_their_length(app: App) {
        let lead = &app.world.ours.lead;
        let many = |text: &str, times: usize| vec![text; times].join(",");
        let headers = [
            ("accept", many("text/x;q=0.1", 600)), ("accept-language", many("en-US;q=0.5", 700)), ("accept-encoding", many("gzip;q=0.5", 700)),
            ("range", format!("bytes={}", many("0-1", 1000))), ("cookie", vec!["a=b"; 500].join("; ")), ("if-none-match", many("\"x\"", 2000)),
            ("if-match", many("\"x\"", 2000)), ("x-forwarded-for", many("10.0.0.1", 900)), ("forwarded", many("for=10.0.0.1", 600)),
            ("sec-websocket-protocol", many("x", 4000)), ("prefer", many("respond-async", 500)),
        ];
        for (name, value) in headers {
            let began = Instant::now();
            let answer = app.rest(lead, "GET", "/v1/people?first=1").header(name, &value).send().await;
            assert!(answer.status < 500 && began.elapsed() < AT_ONCE, "{name}: {} {:?}", answer.status, began.elapsed());
            let began = Instant::now();
            let answer = app.rest(lead, "POST", "/graphql").header(name, &value).json(json!({ "query": "{ me { name } }" })).send().await;
            assert!(answer.status < 500 && began.elapsed() < AT_ONCE, "{name}: {} {:?}", answer.status, began.elapsed());
        }
    }

    async fn http_2_is_not_spoken(app: App) {
        let live = live(&app).await;
        let answer = raw(live.address, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", Duration::from_secs(2)).await;
        assert!(!answer.as_bytes().windows(3).any(|three| three == b"\0\0\0"), "no frame comes back: {answer:?}");
        let upgrade = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
        let answer = raw(live.address, upgrade.as_bytes(), Duration::from_secs(2)).await;
        assert!(!answer.contains("101 Switching"), "{answer}");
        live.stop().await;
    }

    /// Two readers that disagree where a request ends would take the second for somebody else's. It is refused or one request.
    async fn no_request_hides_in_another(app: App) {
        let live = live(&app).await;
        let hidden = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
        let chunk = "0\r\n\r\n";
        let both = [
            format!("Content-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}{hidden}", chunk.len() + hidden.len()),
            format!("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n{chunk}{hidden}"),
            format!("Content-Length: 0\r\nContent-Length: {}\r\n\r\n{hidden}", hidden.len()),
            format!("Transfer-Encoding: chunked, identity\r\nContent-Length: 3\r\n\r\n{chunk}{hidden}"),
            format!("Transfer-Encoding: identity, chunked\r\nContent-Length: 3\r\n\r\n{chunk}{hidden}"),
            format!("Transfer-Encoding: xchunked\r\nContent-Length: 3\r\n\r\n{chunk}{hidden}"),
            format!("Transfer-Encoding : chunked\r\nContent-Length: 3\r\n\r\n{chunk}{hidden}"),
            format!("Transfer-Encoding:\x0bchunked\r\nContent-Length: 3\r\n\r\n{chunk}{hidden}"),
            format!("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n{chunk}{hidden}"),
            format!("Transfer-Encoding: \"chunked\"\r\nContent-Length: 3\r\n\r\n{chunk}{hidden}"),
            format!("X: y\rTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n{chunk}{hidden}"),
            format!("Content-Length: {}\r\n Transfer-Encoding: chunked\r\n\r\n{chunk}{hidden}", chunk.len()),
            format!("Transfer-Encoding: chunked\r\n\r\n0;a=\"\r\n\r\n\"\r\n{hidden}\r\n\r\n"),
            format!("Transfer-Encoding: chunked\r\n\r\n-1\r\n{hidden}"),
            format!("Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{hidden}"),
            format!("Content-Length: 3\n\nabc{hidden}"),
        ];
        for rest in both {
            let sent = format!("POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{rest}");
            let answer = raw(live.address, sent.as_bytes(), Duration::from_secs(1)).await;
            let statuses = statuses(&answer);
            let ambiguous = rest.contains("Content-Length") && rest.matches("ncoding").count() + rest.matches("Content-Length").count() > 1;
            let refused = statuses.first().is_none_or(|status| *status == "400");
            // Where the two lengths contradict each other nothing may be believed that follows.
            assert!(!ambiguous || refused || statuses.len() == 1, "{sent:?}: {answer}");
            assert!(statuses.len() <= 2, "{sent:?}: {answer}");
        }
        live.stop().await;
    }

    async fn a_panic_costs_its_own_request_alone(app: App) {
        let mut operations = roundtable_server::operations();
        operations.report::<Nothing, Text, _, _>(Op::GetMe, "me", "me", |_, _: Nothing| async {
            // What no test found.
            let nothing: Option<Text> = std::hint::black_box(None);
            Ok(nothing.unwrap())
        });
        let settings = quick(&app.url);
        let server = roundtable_server::assemble_of(operations, app.server.app.store.clone(), &settings).await.unwrap();
        let (tell, told) = tokio::sync::oneshot::channel();
        let listening = server.clone();
        let running = actix_web::rt::spawn(async move {
            serve::listen(listening, &settings, |address| { let _ = tell.send(address); }).await.unwrap();
        });
        let at = told.await.unwrap();
        let client = reqwest::Client::new();
        let token = app.world.ours.lead.token.clone().unwrap();
        let get = async |path: &str| {
            let request = client.get(format!("http://{at}{path}")).header("authorization", format!("Bearer {token}"));
            let answer = request.header("request-id", "the-one-that-panics").send().await.unwrap();
            let status = answer.status().as_u16();
            (status, serde_json::from_slice::<Value>(&answer.bytes().await.unwrap()).unwrap_or_default())
        };
        for _ in 0..3 {
            let (beside, panicked) = futures_util::join!(get("/v1/people?first=1"), get("/v1/me"));
            assert_eq!(beside.0, 200);
            assert_eq!((panicked.0, &panicked.1["code"]), (500, &json!("INTERNAL")), "{}", panicked.1);
            assert_eq!(panicked.1["requestId"], "the-one-that-panics");
            assert!(!panicked.1.to_string().contains("unwrap"), "{}", panicked.1);
        }
        let graph = client.post(format!("http://{at}/graphql")).header("authorization", format!("Bearer {token}"));
        let query = json!({ "query": "{ people(first: 1) { nodes { id } } }" }).to_string();
        let graph = graph.header("content-type", "application/json").body(query).send().await.unwrap();
        assert_eq!(graph.status(), 200);
        let metrics = client.get(format!("http://{at}/metrics")).send().await.unwrap().text().await.unwrap();
        assert!(metrics.contains("http_server_panics_total"), "it is counted");
        server.app.hub.stop();
        running.await.unwrap();
    }

    async fn no_page_is_larger_or_deeper_than_allowed(app: App) {
        let table = app.server.app.operations.clone();
        let lead = &app.world.ours.lead;
        for operation in table.iter().filter(|one| one.kind == Kind::List) {
            for first in ["0", "-1", "201", "1000000", "99999999999", "1.5", "x", ""] {
                let answer = app.rest(lead, "GET", &format!("{}?first={first}", operation.path)).send().await;
                assert_eq!(answer.status, 400, "{}: {}", answer.asked, answer.body);
            }
            for after in ["0", "AAAA", "eyJvZmZzZXQiOjEwMDAwMDB9", "%00"] {
                let answer = app.rest(lead, "GET", &format!("{}?after={after}", operation.path)).send().await;
                assert!(matches!(answer.status, 400 | 403), "{}: {} {}", answer.asked, answer.status, answer.body);
            }
        }
        // The directory's standard has numbered pages. One far beyond the end is empty, and soon.
        let began = Instant::now();
        let far = app.get(lead, "/hsds/services?page=1000000&per_page=200").await;
        assert_eq!((&far["contents"], far["empty"].as_bool()), (&json!([]), Some(true)), "{far}");
        assert!(began.elapsed() < AT_ONCE);
        app.rest(lead, "GET", "/hsds/services?page=1000001").send().await.refused(400, "INVALID_INPUT");
        assert!(text(&app.get(lead, "/v1/people?first=1").await["items"][0]["id"]).len() == 36);
    }
}

/// The request timeout begins with the first byte. A socket that sends none is closed as well.
#[test]
fn a_socket_that_says_nothing_is_closed() {
    crate::harness::backend::run(crate::harness::Backend::Sqlite, |app| async move {
        let live = live(&app).await;
        let began = Instant::now();
        let silent = raw(live.address, b"", Duration::from_secs(60));
        let halting = raw(live.address, b"GET /healthz HTTP/1.1\r\nHost:", Duration::from_secs(60));
        let (silent, halting) = futures_util::join!(silent, halting);
        assert!(began.elapsed() < Duration::from_secs(50), "{:?}", began.elapsed());
        assert!(
            statuses(&silent).iter().chain(&statuses(&halting)).all(|status| *status == "408"),
            "{silent} {halting}"
        );
        live.stop().await;
    });
}
