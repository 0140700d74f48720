//! What is told as it happens: server-sent events, GraphQL over WebSocket and over server-sent events.

use std::cell::Cell;
use std::time::{Duration, Instant};

use actix_web::rt::time::timeout;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{SinkExt, StreamExt};
use roundtable_kernel::standing::Role;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::client::text;
use crate::harness::live::{Live, Socket, live, live_with, quick, socket};
use crate::harness::receiver::Receiver;
use crate::harness::{App, Backend, Who};

/// A stream of server-sent events.
struct Told {
    response: reqwest::Response,
    buffer: String,
}

/// One of them.
#[derive(Debug, Default)]
struct Heard {
    id: String,
    event: String,
    data: Value,
}

fn token(who: &Who) -> String {
    format!("Bearer {}", who.token.clone().unwrap_or_default())
}

impl Told {
    async fn open(live: &Live, who: &Who, query: &str, last: Option<&str>) -> Told {
        let mut request = reqwest::Client::new()
            .get(live.url(&format!("/v1/events/stream{query}")))
            .header("accept", "text/event-stream")
            .header("accept-encoding", "gzip")
            .header("authorization", token(who));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Told { response, buffer: String::new() }
    }

    /// The next that has data, or `None` at the end or when nothing comes.
    async fn next(&mut self, seconds: f64) -> Option<Heard> {
        let until = Instant::now() + Duration::from_secs_f64(seconds);
        loop {
            while let Some((one, rest)) = self.buffer.split_once("\n\n") {
                let mut heard = Heard::default();
                for line in one.lines() {
                    match line.split_once(": ") {
                        Some(("id", id)) => heard.id = id.into(),
                        Some(("event", event)) => heard.event = event.into(),
                        Some(("data", data)) => heard.data = serde_json::from_str(data).unwrap(),
                        _ => {}
                    }
                }
                let rest = rest.to_owned();
                self.buffer = rest;
                if !heard.event.is_empty() {
                    return Some(heard);
                }
            }
            let left = until.saturating_duration_since(Instant::now());
            let chunk = timeout(left, self.response.chunk()).await.ok()?.ok()??;
            self.buffer += std::str::from_utf8(&chunk).unwrap();
        }
    }
}

async fn say(socket: &mut Socket, message: Value) {
    socket.send(Message::text(message.to_string())).await.unwrap();
}

/// The next message, or the code it was closed with.
async fn hear(socket: &mut Socket) -> Result<Value, u16> {
    loop {
        let message = timeout(Duration::from_secs(30), socket.next()).await.expect("something comes");
        match message {
            Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
            Some(Ok(Message::Close(frame))) => return Err(frame.map_or(0, |frame| frame.code.into())),
            Some(Ok(_)) => {}
            other => panic!("the socket broke off: {other:?}"),
        }
    }
}

async fn introduced(live: &Live, who: &Who) -> Socket {
    let mut socket = socket(live, None).await.unwrap();
    say(&mut socket, json!({ "type": "connection_init", "payload": { "Authorization": token(who) } })).await;
    assert_eq!(hear(&mut socket).await.unwrap()["type"], "connection_ack");
    socket
}

/// How soon the end of a stream is heard. That nothing is told after a second is counted in
/// `a_lost_role_is_lost_at_every_door_of_every_replica`; a machine that is busy with other cases takes its time to say so.
const AT_ONCE: Duration = Duration::from_secs(8);
/// A subscription begins without a word. After this long it has, on a busy machine too.
const BEGUN: Duration = Duration::from_millis(1500);

const FOLLOW: &str = "subscription($kind: [String!]) { events(kind: $kind) { kind cursor
    record { id ... on Location { name } } } }";

async fn follow(socket: &mut Socket, id: &str, kind: &str) {
    let payload = json!({ "query": FOLLOW, "variables": { "kind": [kind] } });
    say(socket, json!({ "id": id, "type": "subscribe", "payload": payload })).await;
    // An answer to something sent later says that the earlier was taken up.
    say(socket, json!({ "type": "ping" })).await;
    assert_eq!(hear(socket).await.unwrap()["type"], "pong");
    tokio::time::sleep(BEGUN).await;
}

async fn location(app: &App, name: &str) -> Value {
    let (lead, organization) = (&app.world.ours.lead, app.world.ours.organization[&Role::Employer]);
    app.make(lead, "/v1/locations", json!({ "organizationId": organization, "name": name })).await
}

/// Takes the union's person their seat.
async fn leave(app: &App) {
    let (lead, seat) = (&app.world.ours.lead, app.world.ours.seat[&Role::Union]);
    let seat = app.get(lead, &format!("/v1/seats/{seat}")).await;
    app.act(lead, &seat, "/v1/seats", "end", json!({ "leaveUncovered": true })).await;
}

cases! {
    async fn a_stream_tells_what_happens_and_goes_on_where_it_broke_off(app: App) {
        let live = live(&app).await;
        let union = &app.world.ours.who[&Role::Union];
        let mut told = Told::open(&live, union, "?kind=location", None).await;
        let made = location(&live.app, "Plant 2").await;
        let heard = told.next(5.0).await.expect("it is told");
        assert_eq!(heard.event, "location.created");
        assert_eq!(heard.data["record"], app.get(union, &format!("/v1/locations/{}", text(&made["id"]))).await);
        drop(told);
        location(&live.app, "Plant 3").await;
        let mut told = Told::open(&live, union, "?kind=location", Some(&heard.id)).await;
        let missed = told.next(5.0).await.expect("what was missed is told");
        assert_eq!(missed.data["record"]["name"], "Plant 3");
        // What may not be known is not told: a hope is its organisation's and the intermediary's.
        let hope = json!({ "organizationId": app.world.ours.organization[&Role::Employer], "kind": "hope", "text": "x" });
        app.make(&app.world.ours.lead, "/v1/interests", hope).await;
        drop(told);
        let mut told = Told::open(&live, union, "", Some(&missed.id)).await;
        assert!(told.next(1.0).await.is_none_or(|heard| heard.event != "interest.created"));
        drop(told);
        live.stop().await;
    }

    async fn a_stream_ends_when_the_role_is_lost(app: App) {
        let live = live(&app).await;
        let union = &app.world.ours.who[&Role::Union];
        let mut told = Told::open(&live, union, "", None).await;
        location(&live.app, "Before").await;
        assert_eq!(told.next(5.0).await.unwrap().event, "location.created");
        leave(&live.app).await;
        let began = Instant::now();
        let mut last = Heard::default();
        while let Some(heard) = told.next(2.0).await {
            last = heard;
        }
        assert_eq!(last.event, "end", "{last:?}");
        assert_eq!(last.data["code"], "FORBIDDEN");
        assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
        live.stop().await;
    }

    async fn a_stream_is_refused_and_counted_like_any_request(app: App) {
        let live = live_with(&app, roundtable_server::settings::Settings { streams_per_account: 1, ..quick(&app.url) }).await;
        let union = &app.world.ours.who[&Role::Union];
        let get = |who: Who, path: &'static str| {
            let request = reqwest::Client::new().get(live.url(path)).header("authorization", token(&who));
            async move { request.send().await.unwrap().status().as_u16() }
        };
        assert_eq!(get(Who::anonymous(), "/v1/events/stream").await, 401);
        assert_eq!(get(union.clone(), "/v1/events/stream?after=x").await, 400);
        assert_eq!(get(union.clone(), "/v1/events/stream?colour=red").await, 400);
        let told = Told::open(&live, union, "", None).await;
        assert_eq!(get(union.clone(), "/v1/events/stream").await, 429);
        drop(told);
        live.stop().await;
    }

    async fn a_socket_speaks_the_protocol(app: App) {
        let live = live(&app).await;
        let union = &app.world.ours.who[&Role::Union];
        let mut socket = introduced(&live, union).await;
        follow(&mut socket, "1", "location.created").await;
        location(&live.app, "Plant 4").await;
        let heard = hear(&mut socket).await.unwrap();
        assert_eq!((&heard["type"], &heard["id"]), (&json!("next"), &json!("1")), "{heard}");
        assert_eq!(heard["payload"]["data"]["events"]["record"]["name"], "Plant 4", "{heard}");
        // Queries go the same way.
        say(&mut socket, json!({ "id": "2", "type": "subscribe", "payload": { "query": "{ me { name } }" } })).await;
        assert_eq!(hear(&mut socket).await.unwrap()["type"], "next");
        assert_eq!(hear(&mut socket).await.unwrap(), json!({ "id": "2", "type": "complete" }));
        say(&mut socket, json!({ "id": "3", "type": "subscribe", "payload": { "query": "subscription { nothing }" } })).await;
        let refused = hear(&mut socket).await.unwrap();
        assert_eq!(refused["type"], "error");
        assert_eq!(refused["payload"][0]["extensions"]["code"], "QUERY_INVALID", "{refused}");
        say(&mut socket, json!({ "id": "1", "type": "complete" })).await;
        location(&live.app, "Plant 5").await;
        say(&mut socket, json!({ "type": "ping" })).await;
        assert_eq!(hear(&mut socket).await.unwrap()["type"], "pong", "nothing of what was completed");
        drop(socket);
        live.stop().await;
    }

    async fn a_socket_is_closed_with_the_code_that_says_why(app: App) {
        let live = live(&app).await;
        let union = &app.world.ours.who[&Role::Union];
        let subscribe = json!({ "id": "1", "type": "subscribe", "payload": { "query": FOLLOW } });
        let init = json!({ "type": "connection_init", "payload": { "authorization": token(union) } });
        let refused = json!({ "type": "connection_init", "payload": { "authorization": "Bearer x" } });
        for (code, messages) in [
            (4401, vec![subscribe.clone()]),
            (4400, vec![json!({ "type": "hello" })]),
            (4403, vec![json!({ "type": "connection_init" })]),
            (4403, vec![refused]),
            (4429, vec![init.clone(), init.clone()]),
            (4409, vec![init.clone(), subscribe.clone(), subscribe.clone()]),
            (4408, vec![]),
        ] {
            let mut socket = socket(&live, None).await.unwrap();
            for message in &messages {
                say(&mut socket, message.clone()).await;
            }
            let closed = loop {
                if let Err(code) = hear(&mut socket).await {
                    break code;
                }
            };
            assert_eq!(closed, code, "{messages:?}");
        }
        assert_eq!(socket(&live, Some("https://elsewhere.example")).await.err(), Some(403));
        assert!(socket(&live, Some("http://127.0.0.1:8080")).await.is_ok(), "its own pages may");
        // Lost roles and a stopping server.
        let mut socket = introduced(&live, union).await;
        let mut other = introduced(&live, &app.world.ours.lead).await;
        follow(&mut socket, "1", "location.created").await;
        leave(&live.app).await;
        let began = Instant::now();
        let closed = loop {
            if let Err(code) = hear(&mut socket).await {
                break code;
            }
        };
        assert_eq!(closed, 4403);
        assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
        live.app.server.app.hub.stop();
        assert_eq!(hear(&mut other).await, Err(1001));
        live.stop().await;
    }

    async fn graphql_is_told_by_server_sent_events_too(app: App) {
        let live = live(&app).await;
        let union = &app.world.ours.who[&Role::Union];
        let post = |query: &str| {
            reqwest::Client::new()
                .post(live.url("/graphql"))
                .header("accept", "text/event-stream")
                .header("content-type", "application/json")
                .header("authorization", token(union))
                .body(json!({ "query": query, "variables": { "kind": ["location.created"] } }).to_string())
        };
        let response = post(FOLLOW).send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut told = Told { response, buffer: String::new() };
        tokio::time::sleep(BEGUN).await;
        location(&live.app, "Plant 6").await;
        let heard = told.next(5.0).await.unwrap();
        assert_eq!(heard.event, "next");
        assert_eq!(heard.data["data"]["events"]["record"]["name"], "Plant 6");
        let response = post("{ me { name } }").send().await.unwrap();
        let whole = timeout(Duration::from_secs(30), response.text()).await.unwrap().unwrap();
        assert!(whole.starts_with("event: next\n") && whole.ends_with("event: complete\ndata:\n\n"), "{whole}");
        drop(told);
        live.stop().await;
    }

    async fn another_replica_tells_of_it_and_ends_what_was_lost(app: App) {
        if app.backend != Backend::Postgres {
            return;
        }
        let (here, there) = (live(&app).await, live(&app).await);
        let union = &app.world.ours.who[&Role::Union];
        let mut told = Told::open(&there, union, "", None).await;
        let mut socket = introduced(&there, union).await;
        follow(&mut socket, "1", "location.created").await;
        let began = Instant::now();
        location(&here.app, "Plant 7").await;
        assert_eq!(told.next(5.0).await.unwrap().data["record"]["name"], "Plant 7");
        assert_eq!(hear(&mut socket).await.unwrap()["type"], "next");
        assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
        leave(&here.app).await;
        let began = Instant::now();
        let mut last = Heard::default();
        while let Some(heard) = told.next(2.0).await {
            last = heard;
        }
        assert_eq!(last.event, "end");
        assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
        loop {
            if let Err(code) = hear(&mut socket).await {
                assert_eq!(code, 4403);
                break;
            }
        }
        there.stop().await;
        here.stop().await;
    }

    /// A principal is read again when a second has passed, whatever a replica was told: so what is asked later than that
    /// after the commit is refused, and no event that was committed later is told. Counted by the server's clock, so that
    /// it holds however busy the machine is.
    async fn a_lost_role_is_lost_at_every_door_of_every_replica(app: App) {
        if app.backend != Backend::Postgres {
            return;
        }
        let replicas = [live(&app).await, live(&app).await];
        let union = &app.world.ours.who[&Role::Union];
        let receiver = Receiver::start(|_| 200).await;
        let webhook = json!({ "url": receiver.url, "kinds": ["location.created"] });
        replicas[0].app.make(union, "/v1/webhooks", webhook).await;
        let feed = replicas[0].app.make(union, "/v1/calendar-feeds", json!({ "name": "phone" })).await;
        let here = &replicas[0].app.server.app.public_url;
        let feed = text(&feed["address"]).strip_prefix(here.as_str()).unwrap().to_owned();
        let (mut streams, mut sockets) = (Vec::new(), Vec::new());
        for replica in &replicas {
            streams.push(Told::open(replica, union, "?kind=location.created", None).await);
            let mut socket = introduced(replica, union).await;
            let query = "subscription { events(kind: [\"location.created\"]) { happenedAt } }";
            say(&mut socket, json!({ "id": "1", "type": "subscribe", "payload": { "query": query } })).await;
            sockets.push(socket);
        }
        // Each has told something before the role is lost, however late it began.
        let told = async {
            for stream in &mut streams {
                assert_eq!(stream.next(60.0).await.unwrap().event, "location.created");
            }
            for socket in &mut sockets {
                while hear(socket).await.unwrap()["type"] != "next" {}
            }
            while receiver.received().is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let goes_on = async {
            loop {
                location(&replicas[0].app, "First").await;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        tokio::select! {
            () = told => {}
            () = goes_on => {}
        }

        let paths = ["/v1/locations?first=1", "/graphql", "/v1/events?first=1", &feed];
        let (over, unserved) = (Cell::new(false), Cell::new(replicas.len() * paths.len()));
        let polls = replicas.iter().flat_map(|replica| {
            paths.map(|path| {
                let door = Door { url: replica.url(path), token: token(union) };
                door.ask_until(&over, &unserved)
            })
        });
        let happens = async {
            for number in 0.. {
                location(&replicas[0].app, &format!("Before {number}")).await;
                if number >= 10 && unserved.get() == 0 {
                    break;
                }
            }
            leave(&replicas[0].app).await;
            let lost = Utc::now();
            let mut late = 0;
            while late < 15 {
                let made = location(&replicas[0].app, "After").await;
                late += usize::from(at(&made["createdAt"]) > lost + SECOND);
                tokio::time::sleep(Duration::from_millis(40)).await;
            }
            over.set(true);
            lost
        };
        let (lost, asked) = futures_util::join!(happens, futures_util::future::join_all(polls));

        for (door, asked) in asked {
            let before = asked.iter().filter(|(began, served)| *served && *began < lost).count();
            let late: Vec<_> = asked.iter().filter(|(began, _)| *began > lost + SECOND).collect();
            let last = asked.iter().filter(|(_, served)| *served).map(|(began, _)| *began - lost).max();
            eprintln!("{}: last served {} ms after", door.url, last.map_or(0, |last| last.num_milliseconds()));
            assert!(before > 0 && late.len() > 3, "{}: {before} before, {} late", door.url, late.len());
            assert!(late.iter().all(|(_, served)| !served), "{}: served after {last:?}", door.url);
        }
        let heard = |way: &str, told: &[DateTime<Utc>]| {
            let last = told.iter().max().map(|last| *last - lost);
            eprintln!("{way}: {} events, the last {} ms after", told.len(), last.map_or(0, |last| last.num_milliseconds()));
            assert!(told.iter().all(|at| *at <= lost + SECOND), "{way} told of what came {last:?} after");
        };
        for mut stream in streams {
            let mut told = Vec::new();
            let end = loop {
                match stream.next(30.0).await.expect("it ends") {
                    heard if heard.event == "end" => break heard,
                    heard => told.push(at(&heard.data["happenedAt"])),
                }
            };
            assert_eq!(end.data["code"], "FORBIDDEN");
            heard("server-sent events", &told);
        }
        for mut socket in sockets {
            let mut told = Vec::new();
            let closed = loop {
                match hear(&mut socket).await {
                    Ok(message) if message["payload"]["data"]["events"]["happenedAt"].is_string() => {
                        told.push(at(&message["payload"]["data"]["events"]["happenedAt"]));
                    }
                    Ok(_) => {}
                    Err(code) => break code,
                }
            };
            assert_eq!(closed, 4403);
            heard("WebSocket", &told);
        }
        let told: Vec<_> = receiver.received().iter().map(|one| at(&one.body()["data"]["happenedAt"])).collect();
        heard("webhook", &told);
        for replica in replicas {
            replica.stop().await;
        }
    }

    /// On SQLite the other server is not told of what happens here, as when replicas cannot hear each other.
    async fn a_socket_that_is_never_silent_asks_nothing_with_a_lost_role(app: App) {
        let (here, there) = (live(&app).await, live(&app).await);
        let mut socket = introduced(&there, &app.world.ours.who[&Role::Union]).await;
        leave(&here.app).await;
        let lost = Instant::now();
        let query = json!({ "query": "{ locations(first: 1) { nodes { id } } }" });
        let closed = loop {
            let late = lost.elapsed() > Duration::from_secs(1);
            let ask = json!({ "id": "1", "type": "subscribe", "payload": query }).to_string();
            // It may be closed while this is on its way.
            let _ = socket.send(Message::text(ask)).await;
            match hear(&mut socket).await {
                Ok(message) if message["type"] == "next" => assert!(!late, "served {:?} after", lost.elapsed()),
                Ok(message) => panic!("{message}"),
                Err(code) => break code,
            }
            match hear(&mut socket).await {
                Ok(message) => assert_eq!(message["type"], "complete"),
                Err(code) => break code,
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        assert_eq!(closed, 4403);
        there.stop().await;
        here.stop().await;
    }
}

const SECOND: TimeDelta = TimeDelta::seconds(1);

fn at(moment: &Value) -> DateTime<Utc> {
    text(moment).parse().unwrap()
}

/// A door that is asked again and again.
struct Door {
    url: String,
    token: String,
}

impl Door {
    /// When each request began, and whether it was served. Its first success is counted off.
    async fn ask_until(self, over: &Cell<bool>, unserved: &Cell<usize>) -> (Door, Vec<(DateTime<Utc>, bool)>) {
        let client = reqwest::Client::new();
        let mut asked = Vec::new();
        while !over.get() {
            let began = Utc::now();
            let request = match self.url.ends_with("/graphql") {
                true => client
                    .post(&self.url)
                    .header("content-type", "application/json")
                    .body(json!({ "query": "{ locations(first: 1) { nodes { id } } }" }).to_string()),
                false => client.get(&self.url),
            };
            // The address of a calendar is its secret.
            let request = match self.url.ends_with(".ics") {
                true => request,
                false => request.header("authorization", &self.token),
            };
            let answer = request.send().await.unwrap();
            let served = answer.status() == 200;
            let body = answer.text().await.unwrap();
            let served = served && !body.contains("\"errors\"");
            if served && !asked.iter().any(|(_, served)| *served) {
                unserved.set(unserved.get() - 1);
            }
            asked.push((began, served));
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        (self, asked)
    }
}
