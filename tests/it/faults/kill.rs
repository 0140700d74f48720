//! The process is killed while it writes. What was acknowledged is there, what was not is whole or absent, and a request
//! repeated with its key has one effect.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use crate::harness::chance::rounds;
use crate::harness::client::text;
use crate::harness::process::{Line, Process};
use crate::harness::{App, Backend};

/// A write by its key: what was sent, and what was answered if anything was.
type Sent = Mutex<BTreeMap<String, (Value, Option<Value>)>>;

async fn write_until_it_dies(process: &Process, app: &App, round: usize, writer: usize, sent: &Sent) {
    let meeting = app.world.ours.draft_meeting;
    let lead = &app.world.ours.lead;
    let Ok(mut line) = Line::open(process.address).await else { return };
    for number in 0.. {
        let key = format!("round-{round}-writer-{writer}-{number}");
        let (path, body) = if number % 4 == 3 {
            let item = json!({ "meetingId": meeting, "title": key, "kind": "decision", "minutes": 5 });
            ("/v1/agenda-items", item)
        } else {
            let body = json!({
                "title": key, "kind": "partnership", "objective": "To try it", "startsAt": "2031-01-11T15:00:00Z",
                "durationMinutes": 60, "timeZone": "UTC",
            });
            ("/v1/meetings", body)
        };
        let headers = format!("Idempotency-Key: {key}\r\n");
        sent.lock().unwrap().insert(key.clone(), (json!({ "path": path, "body": body }), None));
        match line.ask(lead, "POST", path, &headers, Some(&body)).await {
            Ok(reply) if reply.status == 201 => {
                sent.lock().unwrap().get_mut(&key).unwrap().1 = Some(reply.body);
            }
            Ok(reply) if reply.status == 503 => {}
            Ok(reply) => panic!("{}: {}", reply.status, reply.body),
            Err(_) => return,
        }
    }
}

async fn count(app: &App, sql: &str) -> i64 {
    let store = roundtable_server::connect(&crate::harness::backend::settings(&app.url)).await.unwrap();
    let row = store.read().query_one_raw(Statement::from_string(store.backend(), sql)).await.unwrap().unwrap();
    let count = row.try_get_by_index(0).unwrap();
    store.close().await.unwrap();
    count
}

cases! {
    async fn what_was_acknowledged_before_a_kill_is_there_once(app: App) {
        let rounds = if app.backend == Backend::Sqlite { rounds(6, 1000) } else { rounds(4, 300) };
        let lead = &app.world.ours.lead;
        let (mut acknowledged, mut repeated) = (0, 0);
        for round in 0..rounds {
            let sent = Sent::default();
            let process = Process::start(&app.url);
            let writers = (0..8).map(|writer| write_until_it_dies(&process, &app, round, writer, &sent));
            // Once a few were acknowledged, at any moment: between two requests, within one, within a commit.
            let enough = 1 + round % 5;
            let moment = async {
                while sent.lock().unwrap().values().filter(|(_, answered)| answered.is_some()).count() < enough {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                tokio::time::sleep(Duration::from_micros((round as u64 * 13_700) % 50_000)).await;
            };
            tokio::select! {
                _ = futures_util::future::join_all(writers) => panic!("the writers stopped before the kill"),
                () = moment => {}
            }
            process.kill();
            let process = Process::start(&app.url);
            let mut line = Line::open(process.address).await.unwrap();
            let sent = sent.into_inner().unwrap();
            for (key, (asked, answered)) in &sent {
                let path = text(&asked["path"]);
                if let Some(answered) = answered {
                    acknowledged += 1;
                    let found = line.ask(lead, "GET", &format!("{path}/{}", text(&answered["id"])), "", None).await.unwrap();
                    assert_eq!((found.status, &found.body), (200, answered), "{key} was acknowledged");
                }
                let again = line
                    .ask(lead, "POST", path, &format!("Idempotency-Key: {key}\r\n"), Some(&asked["body"]))
                    .await
                    .unwrap();
                assert_eq!(again.status, 201, "{}", again.body);
                repeated += 1;
                if let Some(answered) = answered {
                    assert_eq!(&again.body, answered, "{key} was repeated");
                }
            }
            process.kill();
        }
        let written = "SELECT (SELECT count(*) FROM meeting WHERE title LIKE 'round-%') + (SELECT count(*) FROM agenda_item \
                       WHERE title LIKE 'round-%')";
        assert_eq!(count(&app, written).await, repeated, "each was made once");
        let told = "SELECT count(*) FROM event WHERE record_version = 1 AND (record_id IN (SELECT id FROM meeting WHERE title LIKE \
                    'round-%') OR record_id IN (SELECT id FROM agenda_item WHERE title LIKE 'round-%'))";
        assert_eq!(count(&app, told).await, repeated, "each was told of once");
        assert!(acknowledged > 0, "nothing was acknowledged in {rounds} rounds");
    }
}
