//! Everything at once for a while: what the server takes of memory, files and disk does not grow with time.

use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{lead, report};
use crate::harness::chance::{self, Chance};
use crate::harness::client::text;
use crate::harness::process::{Line, Process};
use crate::harness::{App, Who};

/// Does what people do, until then; returns how many requests that were.
async fn person(process: &Process, who: impl Fn() -> Who, number: usize, until: Instant) -> usize {
    let mut chance = Chance::from(number as u64);
    let mut line = Line::open(process.address).await.unwrap();
    let (mut done, mut who_since, mut lead) = (0, Instant::now(), who());
    while Instant::now() < until {
        if who_since.elapsed() > Duration::from_secs(300) {
            (who_since, lead) = (Instant::now(), who());
        }
        let name = format!("Soak {number} {done}");
        let body = json!({ "name": name, "kind": "employer" });
        let made = line.ask(&lead, "POST", "/v1/organizations", "", Some(&body)).await.unwrap();
        assert_eq!(made.status, 201, "{}", made.body);
        let path = format!("/v1/organizations/{}", text(&made.body["id"]));
        let changed = json!({ "name": format!("{name} again") });
        let patched = line.ask(&lead, "PATCH", &path, "If-Match: \"1\"\r\n", Some(&changed)).await.unwrap();
        assert_eq!(patched.status, 200, "{}", patched.body);
        let query =
            json!({ "query": "{ meetings(first: 20) { nodes { id title agendaItems { nodes { title } } } } }" });
        for (method, path, headers, body, status) in [
            ("GET", "/v1/organizations?first=50&sort=-createdAt&total=true", "", None, 200),
            ("GET", "/v1/people?q=soak", "", None, 200),
            ("GET", "/v1/meetings.csv", "", None, 200),
            ("GET", "/v1/events?first=20", "", None, 200),
            ("POST", "/graphql", "", Some(&query), 200),
            ("POST", "/v1/people", "", Some(&json!({ "nonsense": true })), 400),
            ("DELETE", &path, "If-Match: \"2\"\r\n", None, 200),
        ] {
            if path.ends_with(".csv") && !chance.one_in(4) {
                continue;
            }
            let mut apart = Line::open(process.address).await.unwrap();
            let line = if path.ends_with(".csv") { &mut apart } else { &mut line };
            let reply = line.ask(&lead, method, path, headers, body).await.unwrap();
            assert_eq!(reply.status, status, "{method} {path}: {}", reply.body);
            done += 1;
        }
        done += 2;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    done
}

/// What a server takes.
#[derive(Clone, Copy, Debug)]
struct Taken {
    memory: u64,
    descriptors: usize,
    log: u64,
}

async fn taken(process: &Process, app: &App, until: Instant, seen: &Mutex<Vec<Taken>>) {
    let log = app.url.strip_prefix("sqlite:").map(|file| format!("{file}-wal"));
    while Instant::now() < until {
        let log = log.as_ref().map_or(0, |log| Path::new(log).metadata().map_or(0, |found| found.len()));
        seen.lock().unwrap().push(Taken { memory: process.memory(), descriptors: process.descriptors(), log });
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

cases! {
    async fn what_it_takes_does_not_grow_with_time(app: App) {
        let process = Process::start(&app.url);
        let length = Duration::from_secs(if chance::long() { 600 } else { 10 });
        let until = Instant::now() + length;
        let seen = Mutex::default();
        let people = (0..4).map(|number| person(&process, || lead(&app), number, until));
        let people = futures_util::future::join_all(people);
        let (done, ()) = futures_util::future::join(people, taken(&process, &app, until, &seen)).await;
        let seen = seen.into_inner().unwrap();
        // Half the time is for what is kept in memory to fill.
        let (first, last) = (seen[seen.len() / 2], seen[seen.len() - 1]);
        let grown = last.memory.saturating_sub(first.memory);
        assert!(grown < 64 << 20, "{} MB more in the second half", grown >> 20);
        let descriptors = last.descriptors.abs_diff(first.descriptors);
        assert!(descriptors < 20, "from {} files and sockets to {}", first.descriptors, last.descriptors);
        let log = seen.iter().map(|taken| taken.log).max().unwrap();
        assert!(log < 64 << 20, "a write-ahead log of {} MB", log >> 20);
        report(&format!(
            "F22: {:?}, {length:?}, {} requests; memory {} MB at half time and {} MB at the end, files and sockets {} and \
             {}, the write-ahead log at most {} MB",
            app.backend, done.iter().sum::<usize>(), first.memory >> 20, last.memory >> 20, first.descriptors,
            last.descriptors, log >> 20
        ));
    }
}
