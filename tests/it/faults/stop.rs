//! Stopping in order: what is under way is answered, and a replica takes the rest.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::harness::backend::{close, served};
use crate::harness::chance::rounds;
use crate::harness::client::text;
use crate::harness::live::within;
use crate::harness::process::{Line, Process};
use crate::harness::{App, Backend};

/// Asks in turn, over a kept connection, until it is over. What a client and a proxy does when a kept connection ends
/// before an answer begins (RFC 9112, section 9.3.1) is done here too: it asks again elsewhere, with the same key.
async fn client(name: usize, targets: &[std::net::SocketAddr], app: &App, answered: &AtomicUsize, over: &AtomicBool) {
    let lead = &app.world.ours.lead;
    let (mut target, mut line, mut number) = (0, None, 0);
    'next: while !over.load(Ordering::Relaxed) {
        number += 1;
        let headers = format!("Idempotency-Key: {name}-{number}\r\n");
        for _ in 0..10 {
            let kept = line.is_some();
            let mut open = match line.take() {
                Some(open) => open,
                None => match Line::open(targets[target % targets.len()]).await {
                    Ok(open) => open,
                    // Nobody listens there any more, so nothing was asked.
                    Err(_) => {
                        target += 1;
                        continue;
                    }
                },
            };
            let reply = if number % 3 == 0 {
                let body = json!({ "name": format!("Somebody {name} {number}") });
                open.ask(lead, "POST", "/v1/people", &headers, Some(&body)).await
            } else {
                open.ask(lead, "GET", "/v1/partners?first=20", "", None).await
            };
            match reply {
                Ok(reply) => {
                    assert!(matches!(reply.status, 200 | 201), "{}: {}", reply.status, reply.body);
                    answered.fetch_add(1, Ordering::Relaxed);
                    line = (!reply.closing).then_some(open);
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    continue 'next;
                }
                Err(error) if kept && error.kind() != ErrorKind::TimedOut => target += 1,
                Err(error) => panic!("a request failed while a replica stopped: {error}"),
            }
        }
        panic!("nobody answered");
    }
}

cases! {
    async fn a_server_told_to_stop_answers_what_is_under_way(app: App) {
        for _ in 0..rounds(2, 100) {
            let mut going = Process::start(&app.url);
            let staying = Process::start(&app.url);
            let (targets, answered) = ([going.address, staying.address], AtomicUsize::new(0));
            let over = AtomicBool::new(false);
            let clients = (0..8).map(|name| client(name, &targets, &app, &answered, &over));
            let more = async || {
                let enough = answered.load(Ordering::Relaxed) + 50;
                within(10, "they are answered", async || answered.load(Ordering::Relaxed) >= enough).await;
            };
            let stop = async {
                more().await;
                going.ask_to_stop();
                within(5, "it ends, and well", async || going.ended(Duration::from_millis(1))).await;
                more().await;
                over.store(true, Ordering::Relaxed);
            };
            futures_util::future::join(futures_util::future::join_all(clients), stop).await;
        }
    }

    /// Or else whoever copies the file of a server at rest would leave behind what stands beside it.
    async fn a_server_that_has_stopped_leaves_one_file(app: App) {
        if app.backend == Backend::Postgres {
            return;
        }
        close(&app.server.app.store).await;
        let lead = &app.world.ours.lead;
        let mut server = Process::start(&app.url);
        let mut line = Line::open(server.address).await.unwrap();
        let person = json!({ "name": "Last Written" });
        let made = line.ask(lead, "POST", "/v1/people", "", Some(&person)).await.unwrap();
        let path = format!("/v1/people/{}", text(&made.body["id"]));
        assert_eq!(line.ask(lead, "GET", &path, "", None).await.unwrap().status, 200);
        server.ask_to_stop();
        within(5, "it ends, and well", async || server.ended(Duration::from_millis(1))).await;
        let file = app.url.strip_prefix("sqlite:").unwrap();
        for beside in ["-wal", "-shm"] {
            assert!(!std::fs::exists(format!("{file}{beside}")).unwrap(), "{beside}");
        }
        let app = served(&app.url, &app).await;
        assert_eq!(app.get(lead, &path).await["name"], person["name"]);
        close(&app.server.app.store).await;
    }
}
