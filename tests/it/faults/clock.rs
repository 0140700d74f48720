//! Clocks that differ and jump. Order is that of commits and never of clocks; what falls due is done once.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde_json::json;

use crate::harness::App;
use crate::harness::client::text;
use crate::harness::live::{quick, server};

cases! {
    async fn servers_five_minutes_apart_keep_one_order(app: App) {
        let lead = &app.world.ours.lead;
        let ahead = App::over(server(&app, &quick(&app.url)).await, &app);
        let behind = App::over(server(&app, &quick(&app.url)).await, &app);
        ahead.server.app.clock.advance(TimeDelta::minutes(5));
        behind.server.app.clock.advance(TimeDelta::minutes(-5));
        // One record, changed by both in turn, each on what the other left.
        let mut record = ahead.make(lead, "/v1/people", json!({ "name": "Of two clocks" })).await;
        for number in 0..10 {
            let by = if number % 2 == 0 { &behind } else { &ahead };
            let changed = by.patch(lead, &record, "/v1/people", json!({ "name": format!("Of two clocks {number}") })).await;
            record = changed.is(200).clone();
            assert_eq!(record["version"], json!(number + 2));
        }
        // A write made on what went before is refused, whatever the clock says.
        let stale = json!({ "id": record["id"], "version": 10 });
        behind.patch(lead, &stale, "/v1/people", json!({ "name": "Late" })).await.refused(412, "STALE");
        // The feed has each once and in the order of versions, read in small pages through either.
        for by in [&ahead, &behind] {
            let mut path = format!("/v1/events?recordId={}&first=3", text(&record["id"]));
            let (mut versions, mut seen) = (Vec::new(), BTreeSet::new());
            loop {
                let page = by.get(lead, &path).await;
                for event in page["items"].as_array().unwrap() {
                    assert!(seen.insert(text(&event["id"]).to_owned()), "an event came twice");
                    versions.push(event["recordVersion"].as_i64().unwrap());
                }
                if page["pageInfo"]["hasNextPage"] != json!(true) {
                    break;
                }
                let after = text(&page["pageInfo"]["endCursor"]);
                path = format!("/v1/events?recordId={}&first=3&after={after}", text(&record["id"]));
            }
            assert_eq!(versions, (1..=11).collect::<Vec<i64>>());
        }
    }

    async fn a_clock_that_jumps_repeats_nothing_that_fell_due(app: App) {
        let lead = &app.world.ours.lead;
        let entry = json!({ "name": "Left unverified", "entryKind": "asset" });
        let entry = app.make(lead, "/v1/resources", entry).await;
        let path = format!("/v1/resources/{}", text(&entry["id"]));
        let published = app.act(lead, &entry, "/v1/resources", "publish", json!({})).await;
        let clock = &app.server.app.clock;
        let mut versions = BTreeSet::new();
        // Years on, back by an hour, past 2038 and a leap day, and on again.
        for by in [TimeDelta::days(800), TimeDelta::hours(-1), TimeDelta::days(365 * 12), TimeDelta::hours(-1), TimeDelta::days(1)] {
            clock.advance(by);
            roundtable_server::serve::sweep(&app.server.app).await.unwrap();
            versions.insert(app.get(lead, &path).await["version"].as_i64().unwrap());
        }
        let now = app.get(lead, &path).await;
        assert_eq!(now["recordState"], "stale", "{now}");
        assert_eq!(versions.len(), 1, "it was marked once: {versions:?}");
        assert!(now["version"].as_i64() > published["version"].as_i64());
    }
}
