//! Rows and files that something else spoiled: the others are shown, and `doctor` says which are spoiled and what to do.

use roundtable_server::{connect, doctor};
use sea_orm::ConnectionTrait;
use serde_json::json;

use crate::harness::backend::{Backend, close, settings};
use crate::harness::chance::rounds;
use crate::harness::chance::{self, Chance};
use crate::harness::client::text;

cases! {
    async fn one_row_that_cannot_be_read_keeps_no_other_from_being_shown(app: App) {
        let lead = &app.world.ours.lead;
        let before = app.get(lead, "/v1/organizations?first=200").await;
        let before = before["items"].as_array().unwrap().len();
        let mut ids = Vec::new();
        for name in ["Spoiled aa", "Spoiled bb", "Spoiled cc"] {
            let made = app.make(lead, "/v1/organizations", json!({ "name": name, "kind": "employer" })).await;
            ids.push(text(&made["id"]).to_owned());
        }
        let spoil = "UPDATE organization SET kind = 'no such kind' WHERE name = 'Spoiled bb'";
        app.server.app.store.maintenance().execute_unprepared(spoil).await.unwrap();
        // The whole list, a search, and a walk in pages of one, past the row that cannot be read.
        let list = app.get(lead, "/v1/organizations?first=200").await;
        assert_eq!(list["items"].as_array().unwrap().len(), before + 2);
        let found = app.get(lead, "/v1/organizations?q=spoiled").await;
        assert_eq!(found["items"].as_array().unwrap().len(), 2, "{found}");
        let mut walked = Vec::new();
        let mut path = "/v1/organizations?first=1&sort=-createdAt".to_owned();
        while walked.len() < 4 {
            let page = app.get(lead, &path).await;
            walked.push(text(&page["items"][0]["name"]).to_owned());
            path = format!("/v1/organizations?first=1&sort=-createdAt&after={}", text(&page["pageInfo"]["endCursor"]));
        }
        assert_eq!(walked[..2], ["Spoiled cc", "Spoiled aa"]);
        let graph = app.gql(lead, "{ organizations(first: 200) { nodes { id } } }", json!({})).await;
        assert_eq!(graph.ok()["organizations"]["nodes"].as_array().unwrap().len(), before + 2);
        // By its id it is an error of the server's, and of this record alone.
        let one = app.rest(lead, "GET", &format!("/v1/organizations/{}", ids[1])).send().await;
        assert_eq!((one.status, text(&one.body["code"])), (500, "INTERNAL"));
        assert!(!one.body.to_string().contains("no such kind"), "{}", one.body);
        app.get(lead, &format!("/v1/organizations/{}", ids[0])).await;
        let findings = doctor::examine(&app.server.app.store, &settings(&app.url)).await;
        let wrong: Vec<_> = findings.iter().filter(|one| one.found.contains("cannot be read")).collect();
        assert_eq!(wrong.len(), 1);
        assert!(wrong[0].found.contains(&ids[1]) && wrong[0].found.starts_with("organization "), "{}", wrong[0].found);
        assert!(wrong[0].remedy.contains("SQL"));
    }

    async fn a_damaged_file_is_told_and_never_answered_from_as_if_it_were_whole(app: App) {
        if app.backend == Backend::Postgres {
            // PostgreSQL finds it by its own checksums.
            return;
        }
        let lead = &app.world.ours.lead;
        let good = app.get(lead, "/v1/organizations?first=200").await;
        close(&app.server.app.store).await;
        let file = app.url.strip_prefix("sqlite:").unwrap();
        let whole = std::fs::read(file).unwrap();
        let mut chance = Chance::from(chance::seed());
        let copy = format!("{file}-damaged");
        let (mut told, mut same) = (0, 0);
        for round in 0..rounds(12, 500) {
            let mut bytes = whole.clone();
            // A few bytes of one page, or the end of the file.
            if round % 6 == 5 {
                bytes.truncate(bytes.len() / 4096 / 2 * 4096);
            } else {
                let page = chance.below(bytes.len() / 4096);
                for _ in 0..64 {
                    bytes[page * 4096 + chance.below(4096)] ^= u8::try_from(1 + chance.below(255)).unwrap();
                }
            }
            for beside in ["-wal", "-shm"] {
                let _ = std::fs::remove_file(format!("{copy}{beside}"));
            }
            std::fs::write(&copy, &bytes).unwrap();
            let settings = settings(&format!("sqlite:{copy}"));
            let findings = match connect(&settings).await {
                Err(error) => vec![doctor::unreachable(&error)],
                Ok(store) => {
                    let findings = doctor::examine(&store, &settings).await;
                    // The file may be too damaged to close in order.
                    let _ = store.close().await;
                    findings
                }
            };
            let wrong: Vec<_> = findings.iter().filter(|finding| !finding.well).collect();
            assert!(wrong.iter().all(|finding| !finding.remedy.is_empty()));
            if wrong.is_empty() {
                // Within a value nothing but a checksum could tell; free space does not matter at all.
                same += 1;
            } else {
                told += 1;
            }
        }
        assert!(told > same, "damage was told {told} times, and not {same} times");
        assert!(good["items"].as_array().unwrap().len() > 2);
    }
}
