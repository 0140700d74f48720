//! The disk is full. Writes are refused by a code of their own, reads go on, and all is as before once there is room.

use std::time::Duration;

use roundtable_server::doctor;
use sea_orm::ConnectionTrait;
use serde_json::json;

use super::{lead, report};
use crate::harness::chance::{self, Chance, rounds};
use crate::harness::client::text;
use crate::harness::live::within;
use crate::harness::process::{Line, Process};
use crate::harness::room::Room;
use crate::harness::strace::Strace;
use crate::harness::{App, Backend, Who, backend};

/// Writes until there is no room, from several clients; returns the ids that were acknowledged.
async fn write_until_full(process: &Process, lead: &Who, round: usize) -> Vec<String> {
    let writers = (0..4).map(|writer| async move {
        let mut line = Line::open(process.address).await.unwrap();
        let (mut kept, mut full) = (Vec::new(), 0);
        for number in 0..4000 {
            let body =
                json!({ "name": format!("Full {round} {writer} {number} {}", "x".repeat(200)), "kind": "employer" });
            let reply = line.ask(lead, "POST", "/v1/organizations", "", Some(&body)).await.unwrap();
            match (reply.status, reply.body["code"].as_str().unwrap_or_default()) {
                (201, _) => kept.push(text(&reply.body["id"]).to_owned()),
                (507, "STORAGE_FULL") => full += 1,
                // Beside one that found no room.
                (503, "UNAVAILABLE") => {}
                (status, _) => panic!("{status}: {}", reply.body),
            }
            if full >= 5 {
                let read = line.ask(lead, "GET", "/v1/organizations?first=20", "", None).await.unwrap();
                assert_eq!(read.status, 200, "{}", read.body);
                return kept;
            }
        }
        panic!("it was never full");
    });
    futures_util::future::join_all(writers).await.concat()
}

async fn full_and_empty_again(process: &Process, app: &App, room: &Room, rounds: usize) -> usize {
    let mut acknowledged = 0;
    let mut line = Line::open(process.address).await.unwrap();
    for round in 0..rounds {
        let lead = &lead(app);
        // Some writes find room yet, so that it ends in the middle of one.
        room.fill(2_000_000 + 37_000 * (round as u64 % 20));
        let kept = write_until_full(process, lead, round).await;
        room.empty();
        within(5, "there is room again", async || {
            let body = json!({ "name": "There is room", "kind": "employer" });
            let reply = line.ask(lead, "POST", "/v1/organizations", "", Some(&body)).await.unwrap();
            assert!(matches!(reply.status, 201 | 503 | 507), "{}", reply.body);
            reply.status == 201
        })
        .await;
        assert!(!kept.is_empty(), "nothing was written before it was full");
        acknowledged += kept.len();
        for id in kept {
            let found = line.ask(lead, "GET", &format!("/v1/organizations/{id}"), "", None).await.unwrap();
            assert_eq!(found.status, 200, "{id} was acknowledged");
        }
    }
    acknowledged
}

/// How often one disk is filled. What is written each time stays, so that it would not be empty any more in the end.
const EACH: usize = 8;

/// Parts of so many rounds, each for a disk of its own.
fn parts(rounds: usize) -> impl Iterator<Item = usize> {
    (0..rounds).step_by(EACH).map(move |begun| EACH.min(rounds - begun))
}

/// Whether every page of a SQLite file is as it should be.
async fn sound(url: &str) {
    let settings = backend::settings(url);
    let store = roundtable_server::connect(&settings).await.unwrap();
    let findings = doctor::examine(&store, &settings).await;
    let sound = findings.iter().find(|finding| finding.found.contains("integrity_check")).unwrap();
    assert!(sound.well, "{}", sound.found);
}

async fn sqlite(app: App) {
    let (rounds, mut kept) = (rounds(2, 200), 0);
    for part in parts(rounds) {
        let Some(room) = Room::of(48) else { return };
        let file = room.path().join("case.db");
        let copy = format!("VACUUM INTO '{}'", file.display());
        app.server.app.store.maintenance().execute_unprepared(&copy).await.unwrap();
        let url = format!("sqlite:{}", file.display());
        let process = Process::start(&url);
        kept += full_and_empty_again(&process, &app, &room, part).await;
        process.kill();
        sound(&url).await;
    }
    report(&format!("F7: SQLite, the disk {rounds} times full: {kept} writes acknowledged and there, the file sound"));
}

#[test]
fn a_full_disk_is_told_of_and_survived_on_sqlite() {
    backend::run(Backend::Sqlite, sqlite);
}

/// Calls of the system that fail on a disk that is full or breaks, and how.
const CALLS: &[(&str, &str)] = &[
    ("pwrite64", "ENOSPC"),
    ("pwrite64", "EIO"),
    ("fsync", "EIO"),
    ("fsync", "ENOSPC"),
    ("pread64", "EIO"),
    ("ftruncate", "EIO"),
    ("openat", "EMFILE"),
    ("fallocate", "ENOSPC"),
];

async fn injected(app: App) {
    let log = tempfile::NamedTempFile::new().unwrap();
    let process = Process::start_logging(&app.url, json!({ "workers": 1 }), "error", log.path());
    let mut line = Line::open(process.address).await.unwrap();
    let (mut kept, mut refused, mut damaged, mut chance) = (Vec::new(), 0, 0, Chance::from(chance::seed()));
    let rounds = rounds(8, 200);
    for round in 0..rounds {
        let lead = lead(&app);
        let (call, error) = CALLS[round % CALLS.len()];
        let first = 1 + chance.below(12);
        let filter = format!("inject={call}:error={error}:when={first}..{}", first + chance.below(4));
        let Some(strace) = Strace::attach(&process, &["-e", &format!("trace={call}"), "-e", &filter], None).await
        else {
            return;
        };
        for number in 0..12 {
            let body = json!({ "name": format!("Injected {round} {number}"), "kind": "employer" });
            let reply = line.ask(&lead, "POST", "/v1/organizations", "", Some(&body)).await.unwrap();
            match (reply.status, reply.body["code"].as_str().unwrap_or_default()) {
                (201, _) => kept.push(text(&reply.body["id"]).to_owned()),
                (507, "STORAGE_FULL") | (503, "UNAVAILABLE") => refused += 1,
                (status, _) => {
                    let logged = std::fs::read_to_string(log.path()).unwrap();
                    // SQLite takes some pages that it could not read for damaged ones, and says so.
                    damaged += 1;
                    let told = logged.matches("disk image is malformed").count() >= damaged;
                    assert!(
                        told && (call, status) == ("pread64", 500),
                        "{call} {error}: {status}: {}\n{logged}",
                        reply.body
                    );
                }
            }
        }
        strace.detach();
        within(5, "all is as before", async || {
            let body = json!({ "name": format!("After {round}"), "kind": "employer" });
            line.ask(&lead, "POST", "/v1/organizations", "", Some(&body)).await.unwrap().status == 201
        })
        .await;
    }
    let lead = lead(&app);
    for id in &kept {
        let found = line.ask(&lead, "GET", &format!("/v1/organizations/{id}"), "", None).await.unwrap();
        assert_eq!(found.status, 200, "{id} was acknowledged");
    }
    process.kill();
    sound(&app.url).await;
    assert!(refused > 0, "no call failed");
    report(&format!(
        "F7: SQLite, {rounds} times a call of the system failed: {refused} writes refused and {damaged} taken for damage, {} \
         acknowledged and there, the file sound",
        kept.len()
    ));
}

#[test]
fn a_call_of_the_system_that_fails_costs_no_more_than_what_it_was_for() {
    backend::run(Backend::Sqlite, injected);
}

async fn postgres(app: App) {
    let cluster = backend::cluster("a full disk").unwrap();
    let Some((server, _)) = cluster.process() else { return };
    let (_, database) = app.url.rsplit_once('/').unwrap();
    let full = format!("{database}_full");
    app.server.app.store.close().await.unwrap();
    let (rounds, mut kept) = (rounds(2, 100), 0);
    for part in parts(rounds) {
        let Some(room) = Room::of(160) else { return };
        room.give_to(server);
        let place = room.path().display();
        cluster.psql("postgres", &format!("CREATE TABLESPACE {full} LOCATION '{place}'")).unwrap();
        cluster.psql("postgres", &format!("CREATE DATABASE {full} TEMPLATE {database} TABLESPACE {full}")).unwrap();
        let process = Process::start(&cluster.url(&full));
        kept += full_and_empty_again(&process, &app, &room, part).await;
        process.kill();
        // Reading all of it finds every page sound.
        cluster.psql(&full, "VACUUM (DISABLE_PAGE_SKIPPING) organization; VACUUM event").unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        cluster.psql("postgres", &format!("DROP DATABASE {full} WITH (FORCE)")).unwrap();
        cluster.psql("postgres", &format!("DROP TABLESPACE {full}")).unwrap();
    }
    report(&format!("F7: PostgreSQL, the disk {rounds} times full: {kept} writes acknowledged and there"));
}

#[test]
fn a_full_disk_is_told_of_and_survived_on_postgres() {
    backend::run(Backend::Postgres, postgres);
}
