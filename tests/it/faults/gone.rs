//! Clients that hang up in the middle of a write. Whatever of it stands, stands whole, and nobody after them notices.

use std::time::Duration;

use serde_json::json;

use crate::harness::chance::rounds;
use crate::harness::chance::{self, Chance};
use crate::harness::client::text;

cases! {
    async fn a_client_that_hangs_up_at_any_moment_leaves_nothing_half_done(app: App) {
        let lead = &app.world.ours.lead;
        let mut chance = Chance::from(chance::seed());
        for round in 0..rounds(1_000, 20_000) {
            let name = format!("Gone {round}");
            let body = json!({ "name": name, "kind": "employer" });
            let asked = app.rest(lead, "POST", "/v1/organizations").json(body).send();
            let patience = Duration::from_micros(u64::try_from(chance.below(5_000)).unwrap());
            let answer = tokio::time::timeout(patience, asked).await;
            if let Ok(answer) = answer {
                assert_eq!(answer.status, 201, "{}", answer.body);
            }
            // The connection it was written on is the next one's.
            let after = json!({ "name": format!("Here {round}"), "kind": "employer" });
            let made = app.rest(lead, "POST", "/v1/organizations").json(after).send().await;
            assert_eq!(made.status, 201, "round {round}: {}", made.body);
            let path = format!("/v1/organizations/{}", text(&made.body["id"]));
            assert_eq!(app.get(lead, &path).await["name"], made.body["name"]);
        }
    }
}
