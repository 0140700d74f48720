//! The primary is lost and its standby takes its place. What was acknowledged is there, and the old one takes no more writes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::database::{Seen, client};
use crate::harness::backend::{cluster, made};
use crate::harness::chance::rounds;
use crate::harness::postgres::Cluster;
use crate::harness::process::{Line, Process};

/// An address that leads to whichever server is the primary. Leading elsewhere ends the connections that are open.
struct Switch {
    address: SocketAddr,
    to: watch::Sender<SocketAddr>,
}

impl Switch {
    async fn to(server: SocketAddr) -> Switch {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (to, led) = watch::channel(server);
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut led = led.clone();
                tokio::spawn(async move {
                    let target = *led.borrow_and_update();
                    let Ok(mut far) = TcpStream::connect(target).await else { return };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = led.changed() => {}
                    }
                });
            }
        });
        Switch { address, to }
    }
}

fn address(cluster: &Cluster) -> SocketAddr {
    let url = cluster.url("");
    url.rsplit_once('@').unwrap().1.trim_end_matches('/').parse().unwrap()
}

#[test]
fn a_standby_that_is_promoted_has_all_that_was_acknowledged() {
    if cluster("a promoted standby").is_none() {
        return;
    }
    let mut primary = Arc::new(Cluster::replicated().unwrap());
    primary.psql("postgres", "CREATE DATABASE promoted").unwrap();
    let world = made(primary.url("promoted"));
    let lead = &world.ours.lead;
    actix_web::rt::System::new().block_on(async {
        let switch = Switch::to(address(&primary)).await;
        let process = tokio::task::spawn_blocking({
            let url = format!("postgres://postgres@{}/promoted", switch.address);
            move || Process::start(&url)
        });
        let process = process.await.unwrap();
        for round in 0..rounds(1, 50) {
            let standby = Arc::new(primary.standby().unwrap());
            let synchronous = "ALTER SYSTEM SET synchronous_standby_names = '*'; SELECT pg_reload_conf()";
            primary.psql("postgres", synchronous).unwrap();
            primary.until("postgres", "EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')").unwrap();
            let seen = Seen::default();
            let clients =
                futures_util::future::join_all((0..4).map(|name| client(&process, lead, round * 4 + name, &seen)));
            let failover = async {
                while seen.written.lock().unwrap().len() < 20 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                let lost = Instant::now();
                let promoted = tokio::task::spawn_blocking({
                    let (primary, standby) = (primary.clone(), standby.clone());
                    move || {
                        primary.crash().unwrap();
                        standby.psql("postgres", "SELECT pg_promote()").unwrap();
                    }
                });
                promoted.await.unwrap();
                switch.to.send(address(&standby)).unwrap();
                let before = seen.written.lock().unwrap().len();
                while seen.written.lock().unwrap().len() < before + 20 {
                    assert!(lost.elapsed() < Duration::from_secs(120), "nothing is written after the promotion");
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                seen.over.store(true, Ordering::Relaxed);
            };
            futures_util::future::join(clients, failover).await;
            let mut line = Line::open(process.address).await.unwrap();
            for id in seen.written.into_inner().unwrap() {
                let found = line.ask(lead, "GET", &format!("/v1/people/{id}"), "", None).await.unwrap();
                assert_eq!(found.status, 200, "{id} was acknowledged");
            }
            // The old one comes back. No standby follows it, so it acknowledges nothing to whoever still writes there.
            let revived = primary.revive().unwrap();
            let strays = tokio::time::timeout(Duration::from_secs(20), async {
                let astray = tokio::task::spawn_blocking({
                    let url = primary.url("promoted");
                    move || Process::start(&url)
                });
                let astray = astray.await.unwrap();
                let mut line = Line::open(astray.address).await.unwrap();
                let body = json!({ "name": "Written to the wrong one" });
                let asked = line.ask(lead, "POST", "/v1/people", "", Some(&body));
                tokio::time::timeout(Duration::from_secs(3), asked)
                    .await
                    .is_ok_and(|reply| reply.is_ok_and(|reply| reply.status < 300))
            });
            assert!(!strays.await.unwrap_or(false), "a write was acknowledged by the server that was replaced");
            drop(revived);
            primary = standby;
        }
        process.kill();
    });
}
