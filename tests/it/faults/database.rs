//! PostgreSQL goes away and comes back. Meanwhile requests are refused so that clients try again; then all is as before.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::Who;
use crate::harness::backend::{cluster, made};
use crate::harness::chance::rounds;
use crate::harness::client::text;
use crate::harness::postgres::Cluster;
use crate::harness::process::{Line, Process};

#[derive(Default)]
pub struct Seen {
    pub over: AtomicBool,
    pub written: Mutex<Vec<String>>,
}

/// Writes and reads in turn; a refusal has to say when to try again.
pub async fn client(process: &Process, lead: &Who, name: usize, seen: &Seen) {
    let mut line = Line::open(process.address).await.unwrap();
    for number in 0.. {
        if seen.over.load(Ordering::Relaxed) {
            return;
        }
        let body = json!({ "name": format!("Somebody {name} {number}") });
        let reply = line.ask(lead, "POST", "/v1/people", "", Some(&body)).await.expect("an answer, whatever it says");
        match reply.status {
            201 => seen.written.lock().unwrap().push(text(&reply.body["id"]).into()),
            503 => {
                assert!(reply.header("retry-after").is_some(), "{}", reply.headers);
            }
            status => panic!("{status}: {}", reply.body),
        }
        let alive = line.ask(lead, "GET", "/healthz", "", None).await.expect("it lives");
        assert_eq!(alive.status, 200);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn a_database_that_crashes_and_comes_back_costs_refusals_and_no_write() {
    // Says once for all cases when PostgreSQL is missing.
    if cluster("a database that crashes").is_none() {
        return;
    }
    let private = Cluster::durable().unwrap();
    private.psql("postgres", "CREATE DATABASE crashing").unwrap();
    let url = private.url("crashing");
    let world = made(url.clone());
    let lead = &world.ours.lead;
    let mut revived = None;
    let process = Process::start(&url);
    actix_web::rt::System::new().block_on(async {
        for round in 0..rounds(2, 100) {
            let seen = Seen::default();
            let clients =
                futures_util::future::join_all((0..4).map(|name| client(&process, lead, round * 4 + name, &seen)));
            let bounce = async {
                tokio::time::sleep(Duration::from_millis(300)).await;
                private.crash().unwrap();
                tokio::time::sleep(Duration::from_millis((round as u64 * 700) % 3000)).await;
                drop(revived.take());
                let back = private.revive().unwrap();
                let at = Instant::now();
                // As before within two seconds of the database.
                let mut line = Line::open(process.address).await.unwrap();
                loop {
                    let reply = line.ask(lead, "GET", "/v1/me", "", None).await.unwrap();
                    if reply.status == 200 {
                        break;
                    }
                    assert!(at.elapsed() < Duration::from_secs(10), "it does not recover: {}", reply.body);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                tokio::time::sleep(Duration::from_millis(300)).await;
                seen.over.store(true, Ordering::Relaxed);
                back
            };
            let (_, back) = futures_util::future::join(clients, bounce).await;
            revived = Some(back);
            let mut line = Line::open(process.address).await.unwrap();
            for id in seen.written.into_inner().unwrap() {
                let found = line.ask(lead, "GET", &format!("/v1/people/{id}"), "", None).await.unwrap();
                assert_eq!(found.status, 200, "{id} was acknowledged");
            }
        }
    });
    process.kill();
    drop(revived);
}
