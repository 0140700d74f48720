//! Two servers behind haproxy are replaced one after the other, some of them killed, while clients ask and webhooks are sent
//! to a receiver that answers badly. No request fails, and every event arrives.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use roundtable_kernel::standing::Role;
use serde_json::json;
use uuid::Uuid;

use crate::harness::Who;
use crate::harness::backend::Backend;
use crate::harness::chance::rounds;
use crate::harness::client::{id, text};
use crate::harness::live::within;
use crate::harness::process::{Line, Process};
use crate::harness::receiver::{Received, Receiver};

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The proxy, in the settings that `tests/scale/haproxy.cfg` and docs/operations.md give.
struct Proxy {
    child: Child,
    address: SocketAddr,
}

impl Proxy {
    fn before(servers: [u16; 2]) -> Option<Proxy> {
        let port = free_port();
        let [first, second] = servers.map(|port| format!("127.0.0.1:{port}"));
        let mut command = Command::new("haproxy");
        command.args(["-db", "-f", concat!(env!("CARGO_MANIFEST_DIR"), "/scale/haproxy.cfg")]);
        command.env("PROXY", format!("127.0.0.1:{port}")).env("FIRST", first).env("SECOND", second);
        match command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            Ok(child) => Some(Proxy { child, address: SocketAddr::from(([127, 0, 0, 1], port)) }),
            Err(error) => {
                use std::io::Write;
                // Past the capture of the test runner: nobody may take this for a run.
                let _ = writeln!(
                    std::io::stderr(),
                    "\n*** NOT RUN: replacing servers behind a proxy. haproxy cannot be started ({error}); install the \
                     package haproxy.\n"
                );
                None
            }
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks in turn through the proxy. Where an answer is cut off in its middle, which a kill may do, it asks again with its key.
async fn client(
    name: usize,
    proxy: SocketAddr,
    (lead, house): (&Who, Uuid),
    over: &AtomicBool,
    killing: &AtomicBool,
    made: &Mutex<Vec<Uuid>>,
) {
    let mut line = None;
    for number in 0.. {
        if over.load(Ordering::SeqCst) {
            return;
        }
        let headers = format!("Idempotency-Key: rolling-{name}-{number}\r\n");
        let mut tries = 0;
        let reply = loop {
            tries += 1;
            let mut open = match line.take() {
                Some(open) => open,
                None => Line::open(proxy).await.unwrap(),
            };
            let asked = if number % 2 == 0 {
                let body = json!({ "name": format!("Place {name} {number}"), "organizationId": house });
                open.ask(lead, "POST", "/v1/locations", &headers, Some(&body)).await
            } else {
                open.ask(lead, "GET", "/v1/partners?first=20", "", None).await
            };
            match asked {
                Ok(reply) => {
                    line = (!reply.closing).then_some(open);
                    break reply;
                }
                Err(error) => {
                    assert!(killing.load(Ordering::SeqCst) && tries < 5, "a request failed: {error}");
                }
            }
        };
        let killing = killing.load(Ordering::SeqCst);
        assert!(matches!(reply.status, 200 | 201), "{} (killing: {killing}): {}", reply.status, reply.text);
        if reply.status == 201 {
            made.lock().unwrap().push(id(&reply.body["id"]));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

cases! {
    async fn servers_are_replaced_one_after_the_other_and_nothing_is_lost(app: App) {
        if app.backend == Backend::Sqlite {
            // One server has a SQLite file.
            return;
        }
        let ports = [free_port(), free_port()];
        let Some(proxy) = Proxy::before(ports) else { return };
        let start = |port: u16| {
            let url = app.url.clone();
            let more = json!({ "bind": format!("127.0.0.1:{port}"), "webhook_timeout_seconds": 1 });
            move || Process::start_with(&url, more, None)
        };
        let mut servers = ports.map(|port| start(port)());
        let (lead, house) = (&app.world.ours.lead, app.world.ours.organization[&Role::Employer]);
        // Refuses, hangs up or never answers now and then.
        let receiver = Receiver::start(|number| if number % 9 == 4 { [500, 0, 1][number % 3] } else { 200 }).await;
        let mut line = Line::open(proxy.address).await.unwrap();
        let began = Instant::now();
        let hook = loop {
            let body = json!({ "url": receiver.url, "kinds": ["location"] });
            let made = line.ask(lead, "POST", "/v1/webhooks", "Idempotency-Key: hook\r\n", Some(&body)).await;
            match made {
                Ok(made) if made.status == 201 => break made.body,
                made => assert!(began.elapsed() < Duration::from_secs(30), "the proxy does not answer: {made:?}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            line = Line::open(proxy.address).await.unwrap();
        };
        let (over, killing, made) = (AtomicBool::new(false), AtomicBool::new(false), Mutex::default());
        let clients = (0..4).map(|name| client(name, proxy.address, (lead, house), &over, &killing, &made));
        let restarts = rounds(4, 50);
        let replacing = async {
            for round in 0..restarts {
                tokio::time::sleep(Duration::from_millis(400)).await;
                let at = round % 2;
                // First they are asked to stop, then killed.
                if round < restarts / 2 {
                    servers[at].ask_to_stop();
                    let began = Instant::now();
                    while !servers[at].ended(Duration::from_millis(1)) {
                        assert!(began.elapsed() < Duration::from_secs(60), "it does not stop");
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                } else {
                    killing.store(true, Ordering::SeqCst);
                    servers[at].kill_now();
                }
                // To wait for it here would hold up the clients.
                servers[at] = tokio::task::spawn_blocking(start(ports[at])).await.unwrap();
            }
            over.store(true, Ordering::SeqCst);
        };
        futures_util::future::join(futures_util::future::join_all(clients), replacing).await;
        let made: BTreeSet<Uuid> = made.into_inner().unwrap().into_iter().collect();
        assert!(made.len() > 20, "hardly anything was written");
        let of = |one: &Received| id(&one.body()["data"]["recordId"]);
        within(60, "every event is delivered", async || {
            let taken: BTreeSet<Uuid> = receiver.taken().iter().map(of).collect();
            taken.is_superset(&made)
        })
        .await;
        let mut by_id: BTreeMap<String, BTreeSet<Uuid>> = BTreeMap::new();
        for one in receiver.taken() {
            assert!(one.is_signed_with(text(&hook["secret"])));
            by_id.entry(one.id().to_owned()).or_default().insert(of(&one));
        }
        assert!(by_id.values().all(|records| records.len() == 1), "one id, one event");
        let again = receiver.taken().len() - by_id.len();
        assert!(again <= (made.len() / 100).max(restarts * 8), "{again} of {} came twice", by_id.len());
    }
}
