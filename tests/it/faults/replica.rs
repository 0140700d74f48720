//! A read replica that lags, stops replaying, is promoted or lost. Whoever reads, through whichever server, sees all that
//! was acknowledged before, and is never shown an earlier state after a later one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use roundtable_server::settings::Settings;
use serde_json::json;

use crate::harness::Who;
use crate::harness::backend::{cluster, made};
use crate::harness::chance::rounds;
use crate::harness::chance::{self, Chance};
use crate::harness::client::text;
use crate::harness::postgres::Cluster;
use crate::harness::process::{Line, Process, Reply};

/// Reads answered at the replica and at the primary, by all servers.
async fn answered(servers: &[Process]) -> (u64, u64) {
    let mut sums = (0, 0);
    for server in servers {
        let mut line = Line::open(server.address).await.unwrap();
        let metrics = line.ask(&Who::anonymous(), "GET", "/metrics", "", None).await.unwrap().text;
        let of = |at: &str| {
            let name = format!("roundtable_reads_total{{at=\"{at}\"}} ");
            metrics.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok()).unwrap_or(0)
        };
        sums = (sums.0 + of("replica"), sums.1 + of("primary"));
    }
    sums
}

fn version(reply: &Reply) -> i64 {
    reply.body["version"].as_i64().unwrap()
}

/// A record that one client changes and several read.
struct Watched {
    id: String,
    /// The latest version that somebody was shown or acknowledged.
    known: AtomicI64,
}

async fn change(servers: &[Process], lead: &Who, watched: &Watched, histories: usize, over: &AtomicBool) {
    let mut lines = Vec::new();
    for server in servers {
        lines.push(Line::open(server.address).await.unwrap());
    }
    let path = format!("/v1/people/{}", watched.id);
    for history in 0..histories {
        let by = history % lines.len();
        let known = watched.known.load(Ordering::SeqCst);
        let body = json!({ "name": format!("Person {history}") });
        let headers = format!("If-Match: \"{known}\"\r\n");
        let changed = lines[by].ask(lead, "PATCH", &path, &headers, Some(&body)).await.unwrap();
        assert_eq!(changed.status, 200, "{}", changed.body);
        watched.known.fetch_max(version(&changed), Ordering::SeqCst);
        // Through the other server, and in a list.
        let other = (by + 1) % lines.len();
        let read = lines[other].ask(lead, "GET", &path, "", None).await.unwrap();
        assert_eq!((read.status, version(&read)), (200, known + 1), "history {history}");
        let list = lines[other].ask(lead, "GET", &format!("/v1/people?id={}", watched.id), "", None).await.unwrap();
        assert_eq!(list.body["items"][0]["version"], json!(known + 1), "history {history}");
    }
    over.store(true, Ordering::SeqCst);
}

async fn watch(server: &Process, lead: &Who, watched: &[Watched], over: &AtomicBool) {
    let mut line = Line::open(server.address).await.unwrap();
    let mut turn = 0;
    while !over.load(Ordering::SeqCst) {
        turn += 1;
        let one = &watched[turn % watched.len()];
        let known = one.known.load(Ordering::SeqCst);
        let (asked, at) = if turn % 3 == 0 {
            let query = json!({ "query": format!("{{ person(id: \"{}\") {{ version }} }}", one.id) });
            let reply = line.ask(lead, "POST", "/graphql", "", Some(&query)).await.unwrap();
            let at = reply.body["data"]["person"]["version"].as_i64();
            (reply, at)
        } else {
            let reply = line.ask(lead, "GET", &format!("/v1/people/{}", one.id), "", None).await.unwrap();
            let at = reply.body["version"].as_i64();
            (reply, at)
        };
        let at = at.unwrap_or_else(|| panic!("{}: {}", asked.status, asked.body));
        assert!(at >= known, "version {at} was shown after version {known}");
        one.known.fetch_max(at, Ordering::SeqCst);
    }
}

/// Stops replaying, or goes on. A standby ends what stands in its way, this question too, so it is asked until it answers.
fn replay(standby: &Cluster, what: &str) {
    standby.until("replicated", &format!("(SELECT true FROM pg_wal_replay_{what}())")).unwrap();
}

/// Sees everything of its own at once, whatever the replica does.
async fn reads_its_own(servers: &[Process], lead: &Who, name: &str) {
    let (mut here, mut there) =
        (Line::open(servers[0].address).await.unwrap(), Line::open(servers[1].address).await.unwrap());
    for number in 0..10 {
        let body = json!({ "name": format!("{name} {number}") });
        let made = here.ask(lead, "POST", "/v1/people", "", Some(&body)).await.unwrap();
        assert_eq!(made.status, 201, "{}", made.body);
        let read = there.ask(lead, "GET", &format!("/v1/people/{}", text(&made.body["id"])), "", None).await.unwrap();
        assert_eq!(read.status, 200, "{name} {number}");
    }
}

#[test]
fn a_read_replica_shows_no_past() {
    if cluster("a read replica").is_none() {
        return;
    }
    let primary = Cluster::replicated().unwrap();
    primary.psql("postgres", "CREATE DATABASE replicated").unwrap();
    let url = primary.url("replicated");
    let world = made(url.clone());
    let standby = Arc::new(primary.standby().unwrap());
    let start = || Process::start_with(&url, json!({ "database_read_url": standby.url("replicated") }), None);
    let servers = [(); 2].map(|()| start());
    let lead = &world.ours.lead;
    actix_web::rt::System::new().block_on(async {
        let mut line = Line::open(servers[0].address).await.unwrap();
        let mut watched = Vec::new();
        for number in 0..3 {
            let body = json!({ "name": format!("Watched {number}") });
            let made = line.ask(lead, "POST", "/v1/people", "", Some(&body)).await.unwrap();
            watched.push(Watched { id: text(&made.body["id"]).into(), known: AtomicI64::new(version(&made)) });
        }
        // Replaying stops and goes on, so that the replica is behind again and again.
        let (over, paused) = (AtomicBool::new(false), Arc::new(AtomicBool::new(false)));
        let pausing = std::thread::spawn({
            let (standby, paused) = (standby.clone(), paused.clone());
            move || {
                let mut chance = Chance::from(chance::seed());
                while !paused.load(Ordering::SeqCst) {
                    replay(&standby, "pause");
                    std::thread::sleep(Duration::from_millis(u64::try_from(chance.below(150)).unwrap()));
                    replay(&standby, "resume");
                    std::thread::sleep(Duration::from_millis(u64::try_from(700 + chance.below(300)).unwrap()));
                }
            }
        });
        let writing = change(&servers, lead, &watched[0], rounds(80, 10_000), &over);
        let watching = servers.iter().map(|server| watch(server, lead, &watched, &over));
        futures_util::future::join(writing, futures_util::future::join_all(watching)).await;
        paused.store(true, Ordering::SeqCst);
        pausing.join().unwrap();
        let (at_replica, at_primary) = answered(&servers).await;
        assert!(at_replica > 20 && at_primary > 20, "{at_replica} at the replica, {at_primary} at the primary");
        if chance::long() {
            println!("{at_replica} reads at the replica, {at_primary} at the primary");
        }

        // Stopped for good: what is written is read, and whoever lost a right has lost it.
        replay(&standby, "pause");
        reads_its_own(&servers, lead, "Paused").await;
        let narrow = &world.narrow;
        let mut line = Line::open(servers[1].address).await.unwrap();
        assert_eq!(line.ask(narrow, "GET", "/v1/meetings", "", None).await.unwrap().status, 200);
        let mut here = Line::open(servers[0].address).await.unwrap();
        let accounts = here.ask(lead, "GET", "/v1/service-accounts?first=200", "", None).await.unwrap();
        let accounts = accounts.body["items"].as_array().unwrap();
        let account = accounts.iter().find(|one| one["name"] == json!(narrow.name)).unwrap();
        let (path, headers) = (
            format!("/v1/service-accounts/{}", text(&account["id"])),
            format!("If-Match: \"{}\"\r\n", account["version"]),
        );
        let ended = here.ask(lead, "DELETE", &path, &headers, None).await.unwrap();
        assert_eq!(ended.status, 200, "{}", ended.body);
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let refused = line.ask(narrow, "GET", "/v1/meetings", "", None).await.unwrap();
        assert_eq!(refused.status, 401, "{}", refused.body);

        // Promoted by mistake: it is no copy of the primary any more, and is not read.
        replay(&standby, "resume");
        standby.psql("replicated", "SELECT pg_promote(false)").unwrap();
        standby.until("replicated", "NOT pg_is_in_recovery()").unwrap();
        standby.psql("replicated", "UPDATE person SET name = 'Elsewhere'").unwrap();
        let (at_replica, _) = answered(&servers).await;
        reads_its_own(&servers, lead, "Promoted").await;
        assert_eq!(answered(&servers).await.0, at_replica, "a promoted replica was read");
        // Lost: nobody notices.
        standby.crash().unwrap();
        reads_its_own(&servers, lead, "Lost").await;
        // A server starts without it.
        let late = start();
        let mut line = Line::open(late.address).await.unwrap();
        assert_eq!(line.ask(lead, "GET", "/v1/me", "", None).await.unwrap().status, 200);
    });
}

#[test]
fn only_postgresql_has_a_read_replica() {
    let settings = |database: &str, replica: &str| Settings {
        database_url: database.into(),
        database_read_url: replica.into(),
        ..Settings::default()
    };
    let there = "postgres://roundtable@127.0.0.1/roundtable";
    for (database, replica) in [("sqlite:roundtable.db", there), (there, "sqlite:copy.db"), (there, "127.0.0.1")] {
        let refused = settings(database, replica).check().unwrap_err();
        assert!(refused.detail.contains("database_read_url"), "{}", refused.detail);
    }
    settings(there, there).check().unwrap();
    settings("sqlite:roundtable.db", "").check().unwrap();
}
