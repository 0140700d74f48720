//! Many at once: nothing is lost, nothing happens twice.

use roundtable_kernel::standing::Role;
use serde_json::json;

use crate::harness::chance::rounds;
use crate::harness::client::text;

cases! {
    async fn sixty_four_writers_of_one_record_lose_no_change(app: App) {
        let lead = &app.world.ours.lead;
        let body = json!({ "partnershipId": app.world.ours.id, "organizationId":
            app.world.ours.organization[&Role::Union], "kind": "contract", "text": "0", "force": "soft" });
        let made = app.make(lead, "/v1/constraints", body).await;
        let path = format!("/v1/constraints/{}", text(&made["id"]));
        let each = rounds(1, 50);
        let writer = |_| {
            let path = path.clone();
            let app = &app;
            async move {
                // Reads, adds one, and begins anew when somebody was faster.
                let mut made = 0;
                while made < each {
                    let now = app.get(lead, &path).await;
                    let sum: i32 = text(&now["text"]).parse().unwrap();
                    let next = json!({ "text": (sum + 1).to_string() });
                    let version = now["version"].as_i64().unwrap();
                    let answer = app.rest(lead, "PATCH", &path).version(version).json(next).send().await;
                    match answer.status {
                        200 => made += 1,
                        412 | 503 => {}
                        _ => panic!("{}: {}", answer.status, answer.body),
                    }
                }
            }
        };
        futures_util::future::join_all((0..64).map(writer)).await;
        let now = app.get(lead, &path).await;
        let all = 64 * each;
        assert_eq!((&now["text"], &now["version"]), (&json!(all.to_string()), &json!(all + 1)));
    }

    async fn of_sixty_four_changes_on_one_version_one_is_made(app: App) {
        let lead = &app.world.ours.lead;
        let made = app.make(lead, "/v1/people", json!({ "name": "Contested" })).await;
        let change = |number: usize| app.patch(lead, &made, "/v1/people", json!({ "pronouns": number.to_string() }));
        let mut changes = Vec::new();
        for number in 0..64 {
            changes.push(change(number));
        }
        let answers = futures_util::future::join_all(changes).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            answer.refused(412, "STALE");
        }
    }

    async fn one_point_person_is_live_however_many_are_accepted_at_once(app: App) {
        let (ours, lead) = (&app.world.ours, &app.world.ours.lead);
        let firm = app.make(lead, "/v1/organizations", json!({ "name": "Contested Works", "kind": "employer" })).await;
        let partner = app.make(lead, "/v1/partners", json!({ "organizationId": firm["id"] })).await;
        let partner = app.act(lead, &partner, "/v1/partners", "invite", json!({})).await;
        let partner = app.act(lead, &partner, "/v1/partners", "join", json!({})).await;
        let mut seats = Vec::new();
        for number in 0..64 {
            let person = app.make(lead, "/v1/people", json!({ "name": format!("Candidate {number}") })).await;
            let seat = json!({ "partnerId": partner["id"], "personId": person["id"], "role": "point_person" });
            seats.push(app.make(lead, "/v1/seats", seat).await);
        }
        let accept = |seat: &serde_json::Value| {
            let path = format!("/v1/seats/{}/accept", text(&seat["id"]));
            app.rest(lead, "POST", &path).version(1).json(json!({})).send()
        };
        let answers = futures_util::future::join_all(seats.iter().map(accept)).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            assert!(matches!(answer.code(), "POINT_PERSON_EXISTS" | "UNAVAILABLE"), "{}", answer.body);
        }
        let path = format!("/v1/seats?partnerId={}&state=live&total=true", text(&partner["id"]));
        assert_eq!(app.get(lead, &path).await["totalCount"], 1);
        let now = app.get(lead, &format!("/v1/partners/{}", text(&partner["id"]))).await;
        assert_eq!(now["liveSeats"], 1);
        assert!(ours.seat.len() > 1);
    }

    async fn of_many_partnerships_with_one_slug_one_is_opened(app: App) {
        let open = |number: usize| {
            let body = json!({ "slug": "contested", "workingTitle": format!("Number {number}") });
            app.rest(&app.world.operator, "POST", "/v1/partnerships").json(body).send()
        };
        let answers = futures_util::future::join_all((0..32).map(open)).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            assert!(matches!(answer.code(), "SLUG_TAKEN" | "UNAVAILABLE"), "{}", answer.body);
        }
    }
}
