//! PostgreSQL is stuck: somebody holds a table, or every connection. Whoever asks for it is refused in time, and nobody
//! else is touched.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement, TransactionTrait};
use serde_json::json;

use super::{quantile, report};
use crate::harness::chance;
use crate::harness::live::within;
use crate::harness::process::{Line, Process, Reply};
use crate::harness::{App, Backend, Who, backend};

/// What a machine that is busy with other cases may take besides.
const BUSY: Duration = Duration::from_secs(6);

/// Asks for it over and over until it is over; returns what came and when.
async fn asking(process: &Process, who: &Who, path: &str, over: &AtomicBool) -> Vec<(Duration, Reply)> {
    let mut line = Line::open(process.address).await.unwrap();
    let mut replies = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let asked = Instant::now();
        let reply = line.ask(who, "GET", path, "", None).await.unwrap();
        replies.push((asked.elapsed(), reply));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    replies
}

async fn locked(app: App) {
    let lead = &app.world.ours.lead;
    let process = Process::start(&app.url);
    let mut line = Line::open(process.address).await.unwrap();
    let mut normal = Vec::new();
    for _ in 0..100 {
        let asked = Instant::now();
        assert_eq!(line.ask(lead, "GET", "/v1/meetings?first=20", "", None).await.unwrap().status, 200);
        normal.push(asked.elapsed());
    }
    let other = Database::connect(&app.url).await.unwrap();
    let holding = other.begin().await.unwrap();
    holding.execute_unprepared("LOCK TABLE location IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let over = AtomicBool::new(false);
    // More than there are connections.
    let stuck = (0..16).map(|_| asking(&process, lead, "/v1/locations", &over));
    let free = asking(&process, lead, "/v1/meetings?first=20", &over);
    let pause = async {
        tokio::time::sleep(Duration::from_secs(if chance::long() { 60 } else { 6 })).await;
        over.store(true, Ordering::Relaxed);
    };
    let (stuck, free, ()) = futures_util::future::join3(futures_util::future::join_all(stuck), free, pause).await;
    for (took, reply) in stuck.iter().flatten() {
        assert_eq!(reply.status, 503, "{}", reply.body);
        assert!(reply.header("retry-after").is_some(), "{}", reply.headers);
        assert!(*took < Duration::from_secs(9) + BUSY, "refused after {took:?}");
    }
    assert!(free.iter().all(|(_, reply)| reply.status == 200), "{:?}", free.iter().find(|one| one.1.status != 200));
    let mut times: Vec<Duration> = free.into_iter().map(|(took, _)| took).collect();
    let (normal, meanwhile) = (quantile(&mut normal, 0.99), quantile(&mut times, 0.99));
    assert!(meanwhile < 10 * normal + Duration::from_secs(1), "{meanwhile:?} instead of {normal:?}");
    holding.rollback().await.unwrap();
    within(5, "all is as before", async || {
        line.ask(lead, "GET", "/v1/locations", "", None).await.unwrap().status == 200
    })
    .await;
    report(&format!(
        "F5: a table locked under 16 clients: {} refusals; p99 of another route {meanwhile:?} meanwhile, {normal:?} before",
        stuck.iter().map(Vec::len).sum::<usize>()
    ));
    other.close().await.unwrap();
}

#[test]
fn a_locked_table_takes_nothing_else_with_it() {
    backend::run(Backend::Postgres, locked);
}

/// Process ids of PostgreSQL's ends of connections to this database.
async fn backends(other: &DatabaseConnection) -> BTreeSet<i32> {
    let all = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle'";
    let rows = other.query_all_raw(Statement::from_string(DbBackend::Postgres, all)).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index::<i32>(0).unwrap()).collect()
}

fn signal(name: &str, pids: &BTreeSet<i32>) {
    let pids = pids.iter().map(ToString::to_string);
    assert!(Command::new("kill").arg(name).args(pids).status().unwrap().success());
}

async fn stopped(app: App) {
    let lead = &app.world.ours.lead;
    let other = Database::connect(&app.url).await.unwrap();
    for _ in 0..chance::rounds(1, 20) {
        let before = backends(&other).await;
        let process = Process::start(&app.url);
        let over = AtomicBool::new(false);
        let warm = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            over.store(true, Ordering::Relaxed);
        };
        let clients = (0..4).map(|_| asking(&process, lead, "/v1/locations", &over));
        futures_util::future::join(futures_util::future::join_all(clients), warm).await;
        // They have nothing to do now, so none of them holds what all of PostgreSQL needs.
        let its: BTreeSet<i32> = &backends(&other).await - &before;
        assert!(!its.is_empty());
        signal("-STOP", &its);
        let over = AtomicBool::new(false);
        let pause = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            over.store(true, Ordering::Relaxed);
        };
        let clients = (0..4).map(|_| asking(&process, lead, "/v1/locations", &over));
        let (asked, ()) = futures_util::future::join(futures_util::future::join_all(clients), pause).await;
        signal("-CONT", &its);
        let mut times: Vec<Duration> = asked.iter().flatten().map(|(took, _)| *took).collect();
        for (_, reply) in asked.iter().flatten() {
            assert_eq!(reply.status, 200, "{}", reply.body);
        }
        let (half, slowest) = (quantile(&mut times, 0.5), times[times.len() - 1]);
        assert!(slowest < Duration::from_secs(8) + BUSY, "answered after {slowest:?}");
        report(&format!(
            "F5: {} of PostgreSQL's processes stopped: {} answers, half of them within {half:?}, all within {slowest:?}",
            its.len(),
            times.len()
        ));
    }
    other.close().await.unwrap();
}

#[test]
fn a_connection_whose_other_end_is_stopped_is_left_for_another() {
    backend::run(Backend::Postgres, stopped);
}

/// Longer than a connection may be silent.
const LATE: Duration = Duration::from_secs(5);

async fn slow(app: App) {
    let lead = &app.world.ours.lead;
    let process = Process::start_with(&app.url, json!({ "workers": 1 }), None);
    let mut line = Line::open(process.address).await.unwrap();
    assert_eq!(line.ask(lead, "GET", "/v1/locations", "", None).await.unwrap().status, 200);
    let other = Database::connect(&app.url).await.unwrap();
    let later = format!(
        "ALTER TABLE location RENAME TO location_kept; CREATE VIEW location AS WITH late AS MATERIALIZED \
         (SELECT pg_sleep({})) SELECT location_kept.* FROM location_kept, late",
        LATE.as_secs()
    );
    other.execute_unprepared(&later).await.unwrap();
    let at_work = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
    let over = AtomicBool::new(false);
    let watching = async {
        let mut most = 0;
        while !over.load(Ordering::Relaxed) {
            let row = other.query_one_raw(Statement::from_string(DbBackend::Postgres, at_work)).await.unwrap().unwrap();
            most = most.max(row.try_get_by_index::<i64>(0).unwrap());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        most
    };
    let asked = Instant::now();
    let answer = async {
        let reply = line.ask(lead, "GET", "/v1/locations", "", None).await.unwrap();
        over.store(true, Ordering::Relaxed);
        reply
    };
    let (reply, most) = futures_util::future::join(answer, watching).await;
    assert_eq!((reply.status, most), (200, 1), "the answer, and how often it was asked for at once: {}", reply.body);
    assert!(asked.elapsed() >= LATE, "it was not slow: {:?}", asked.elapsed());
    other.close().await.unwrap();
}

#[test]
fn a_slow_answer_is_waited_for_and_not_asked_for_again() {
    backend::run(Backend::Postgres, slow);
}

async fn exhausted(app: App) {
    let lead = &app.world.ours.lead;
    let process = Process::start_with(&app.url, json!({ "database_connections": 5 }), None);
    let mut line = Line::open(process.address).await.unwrap();
    assert_eq!(line.ask(lead, "GET", "/v1/me", "", None).await.unwrap().status, 200);
    let other = Database::connect(&app.url).await.unwrap();
    let holding = other.begin().await.unwrap();
    // The last is read whenever somebody is looked up, so that every connection is taken in the end.
    holding.execute_unprepared("LOCK TABLE location, seat, account IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let over = AtomicBool::new(false);
    let clients = if chance::long() { 500 } else { 60 };
    let all = (0..clients).map(|_| asking(&process, lead, "/v1/locations", &over));
    let forged = Who::with_token("forged", "abc.def.ghi");
    let quick = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut line = Line::open(process.address).await.unwrap();
        let (began, mut slowest) = (Instant::now(), Duration::ZERO);
        while began.elapsed() < Duration::from_secs(if chance::long() { 60 } else { 4 }) {
            // What needs no database is answered without one.
            for (who, method, path, body, status) in [
                (lead, "GET", "/healthz", None, 200),
                (lead, "GET", "/v1/nothing", None, 404),
                (&forged, "GET", "/v1/locations", None, 401),
                (&Who::anonymous(), "POST", "/v1/sessions", Some(json!({ "email": 1 })), 400),
            ] {
                let asked = Instant::now();
                let reply = line.ask(who, method, path, "", body.as_ref()).await.unwrap();
                assert_eq!(reply.status, status, "{path}: {}", reply.body);
                slowest = slowest.max(asked.elapsed());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        over.store(true, Ordering::Relaxed);
        slowest
    };
    let (all, quick) = futures_util::future::join(futures_util::future::join_all(all), quick).await;
    assert!(quick < BUSY, "{quick:?} for what needs no database");
    let mut times = Vec::new();
    for (took, reply) in all.into_iter().flatten() {
        assert!(matches!(reply.status, 503), "{}: {}", reply.status, reply.body);
        times.push(took);
    }
    let (half, slowest) = (quantile(&mut times, 0.5), times[times.len() - 1]);
    assert!(slowest < Duration::from_secs(9) + BUSY, "refused after {slowest:?}");
    holding.rollback().await.unwrap();
    within(5, "all is as before", async || {
        line.ask(lead, "GET", "/v1/locations", "", None).await.unwrap().status == 200
    })
    .await;
    // As many as the manual says: three times those asked for, and the one that listens.
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    within(10, "no connection is left over", async || {
        let statement = sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, open);
        let row = other.query_one_raw(statement).await.unwrap().unwrap();
        row.try_get_by_index::<i64>(0).unwrap() <= 3 * 5 + 1
    })
    .await;
    report(&format!(
        "F6: {clients} clients at 5 connections that are all taken: {} refusals, half of them within {half:?}, all within \
         {slowest:?}; what needs no database within {quick:?}",
        times.len()
    ));
    other.close().await.unwrap();
}

#[test]
fn connections_that_are_all_taken_cost_refusals_and_nobody_hangs() {
    backend::run(Backend::Postgres, exhausted);
}
