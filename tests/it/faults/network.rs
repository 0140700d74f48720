//! The network between server and PostgreSQL is cut, reset, silent or slow. Requests are refused in time, and what was not
//! answered is found out by its key.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use super::{lead, report};
use crate::harness::chance::rounds;
use crate::harness::process::{Line, Process, Reply};
use crate::harness::proxy::{Proxy, Way};
use crate::harness::{App, Backend, Who, backend};

/// Seconds in which a request is answered or refused.
const DEADLINE: u64 = 2;
/// How long PostgreSQL holds what a connection had begun that says nothing any more.
const HELD: Duration = Duration::from_secs(10);
/// What a machine that is busy with other cases may take besides.
const BUSY: Duration = Duration::from_secs(6);

#[derive(Default)]
struct Seen {
    over: AtomicBool,
    /// Every write by its key: its body, and its answer if there was one.
    sent: Mutex<BTreeMap<String, (Value, Option<Value>)>>,
    longest: Mutex<Duration>,
    refused: Mutex<usize>,
}

impl Seen {
    fn took(&self, time: Duration) {
        let mut longest = self.longest.lock().unwrap();
        *longest = time.max(*longest);
    }
}

/// Writes and reads in turn, and holds every answer to its deadline.
async fn client(process: &Process, lead: &Who, name: &str, seen: &Seen) {
    let mut line = Line::open(process.address).await.unwrap();
    for number in 0.. {
        if seen.over.load(Ordering::Relaxed) {
            return;
        }
        let key = format!("{name}-{number}");
        let body = json!({ "name": key, "kind": "employer" });
        let asked = Instant::now();
        let reply = if number % 2 == 0 {
            seen.sent.lock().unwrap().insert(key.clone(), (body.clone(), None));
            let headers = format!("Idempotency-Key: {key}\r\n");
            line.ask(lead, "POST", "/v1/organizations", &headers, Some(&body)).await.unwrap()
        } else {
            line.ask(lead, "GET", "/v1/organizations?first=5", "", None).await.unwrap()
        };
        let took = asked.elapsed();
        assert!(took < Duration::from_secs(DEADLINE + 1) + BUSY, "answered after {took:?}");
        seen.took(took);
        match reply.status {
            201 => seen.sent.lock().unwrap().get_mut(&key).unwrap().1 = Some(reply.body),
            200 => {}
            503 => {
                assert!(reply.header("retry-after").is_some(), "{}", reply.headers);
                *seen.refused.lock().unwrap() += 1;
            }
            status => panic!("{status}: {}", reply.body),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How long it took until both a read and a write went well again.
async fn healed(process: &Process, lead: &Who, name: &str) -> Duration {
    let since = Instant::now();
    let mut line = Line::open(process.address).await.unwrap();
    loop {
        let read = line.ask(lead, "GET", "/v1/me", "", None).await.unwrap();
        let body = json!({ "name": name, "kind": "employer" });
        let wrote = line.ask(lead, "POST", "/v1/organizations", "", Some(&body)).await.unwrap();
        if (read.status, wrote.status) == (200, 201) {
            return since.elapsed();
        }
        assert!(since.elapsed() < Duration::from_secs(4) + 4 * BUSY, "it does not heal: {} {}", read.body, wrote.body);
    }
}

/// The answer to a write that is sent again: at once, or when PostgreSQL has given up what is held by a connection that it does
/// not know to be gone.
async fn repeated(line: &mut Line, lead: &Who, headers: &str, body: &Value, held: bool) -> Reply {
    let since = Instant::now();
    loop {
        let reply = line.ask(lead, "POST", "/v1/organizations", headers, Some(body)).await.unwrap();
        match reply.header("retry-after") {
            Some(seconds) if held && reply.status == 503 && since.elapsed() < HELD + BUSY => {
                tokio::time::sleep(Duration::from_secs(seconds.parse().unwrap())).await;
            }
            _ => return reply,
        }
    }
}

fn ways() -> Vec<(Way, bool)> {
    let drip = Way::Drip(Duration::from_millis(500));
    let slow = Way::Slow(Duration::from_millis(200));
    // True: connections that stood are silent for ever, as after a firewall has forgotten them.
    vec![
        (Way::Silent, true),
        (Way::Reset, false),
        (Way::Cut, false),
        (Way::Silent, false),
        (drip, false),
        (slow, false),
    ]
}

async fn hurt(app: App) {
    let proxy = Proxy::start(&app.url);
    let process = Process::start_with(&proxy.url, json!({ "request_seconds": DEADLINE }), None);
    let ways = ways();
    let (mut slowest, mut longest, mut refused, mut keys) = (Duration::ZERO, Duration::ZERO, 0, 0);
    for round in 0..rounds(3, 200) {
        let lead = &lead(&app);
        let (way, forgotten) = ways[round % ways.len()];
        let seen = Seen::default();
        let names: Vec<String> = (0..4).map(|number| format!("way-{round}-{number}")).collect();
        let clients = futures_util::future::join_all(names.iter().map(|name| client(&process, lead, name, &seen)));
        let fault = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            proxy.set(way);
            tokio::time::sleep(Duration::from_millis(if round % 4 == 3 { 600 } else { 2500 })).await;
            if forgotten {
                proxy.open_for_new()
            } else {
                proxy.set(Way::Open)
            }
            let took = healed(&process, lead, &format!("healed {round}")).await;
            seen.over.store(true, Ordering::Relaxed);
            took
        };
        let (_, took) = futures_util::future::join(clients, fault).await;
        slowest = slowest.max(took);
        longest = longest.max(*seen.longest.lock().unwrap());
        refused += *seen.refused.lock().unwrap();
        let mut line = Line::open(process.address).await.unwrap();
        let sent = seen.sent.into_inner().unwrap();
        keys += sent.len();
        for (key, (body, answered)) in sent {
            let headers = format!("Idempotency-Key: {key}\r\n");
            let again = repeated(&mut line, lead, &headers, &body, forgotten).await;
            assert_eq!(again.status, 201, "{key}: {}", again.body);
            assert!(answered.is_none_or(|answered| answered == again.body), "{key} was acknowledged otherwise");
        }
    }
    let count = "SELECT count(*) FROM organization WHERE name LIKE 'way-%'";
    let statement = Statement::from_string(app.server.app.store.backend(), count);
    let row = app.server.app.store.read().query_one_raw(statement).await.unwrap().unwrap();
    assert_eq!(row.try_get_by_index::<i64>(0).unwrap(), i64::try_from(keys).unwrap(), "each was made once");
    assert!(refused > 0, "the network was never missed");
    report(&format!(
        "F4: {keys} writes over a hurt network, each made once; {refused} refusals; the longest answer {longest:?} at a \
         deadline of {DEADLINE} s; healed after {slowest:?} at the most"
    ));
}

#[test]
fn a_network_that_is_cut_silent_or_reset_costs_refusals_in_time_and_no_write() {
    backend::run(Backend::Postgres, hurt);
}

async fn deaf(app: App) {
    let proxy = Proxy::start(&app.url);
    let mut settings = crate::harness::live::quick(&app.url);
    settings.listen_url = proxy.url.clone();
    let live = crate::harness::live::live_with(&app, settings).await;
    let is_told = async || live.app.server.app.hub.is_told();
    crate::harness::live::within(5, "others are heard", is_told).await;
    proxy.set(Way::Silent);
    crate::harness::live::within(20, "the silence is noticed", async || !live.app.server.app.hub.is_told()).await;
    proxy.open_for_new();
    crate::harness::live::within(20, "others are heard again", is_told).await;
    live.stop().await;
}

#[test]
fn a_replica_that_hears_nothing_notices_and_listens_anew() {
    backend::run(Backend::Postgres, deaf);
}
