//! The intermediary's work queue: what facilitation is owed, the most overdue first, at both doors.

use chrono::{Days, NaiveDate, TimeDelta};
use roundtable_kernel::op::Op;
use roundtable_kernel::standing::Role;
use serde_json::{Value, json};

use crate::direction::{
    act, champion, confirm, employer, house, input, need, now, plan, said, shared_need, tested_root,
};
use crate::harness::client::text;
use crate::harness::{App, Backend, refused, wire};

fn address(app: &App) -> String {
    format!("/v1/partnerships/{}/work-queue", app.world.ours.id)
}

async fn queue(app: &App) -> Value {
    app.get(&app.world.ours.lead, &address(app)).await
}

/// What is owed about this record, kind by kind.
fn owed<'q>(queue: &'q Value, record: &Value) -> Vec<&'q Value> {
    queue["debts"].as_array().unwrap().iter().filter(|debt| debt["id"] == record["id"]).collect()
}

/// The kinds of what is owed about this record by now.
async fn kinds(app: &App, record: &Value) -> Vec<String> {
    let queue = queue(app).await;
    owed(&queue, record).iter().map(|debt| text(&debt["kind"]).to_owned()).collect()
}

fn total(queue: &Value, kind: &str) -> i64 {
    let totals = queue["totals"].as_array().unwrap();
    totals.iter().find(|total| total["kind"] == kind).unwrap()["count"].as_i64().unwrap()
}

fn today(app: &App) -> NaiveDate {
    app.server.app.clock.now().date_naive()
}

fn later(app: &App, days: i64) {
    app.server.app.clock.advance(TimeDelta::days(days));
}

/// The place of each debt in the order: the most overdue first, then by the day it is due or has waited from.
fn places(queue: &Value) -> Vec<(bool, String, String)> {
    let place = |debt: &Value| {
        let day = debt.get("dueOn").unwrap_or(&debt["since"]);
        (debt.get("overdueDays").is_none(), text(day).to_owned(), text(&debt["id"]).to_owned())
    };
    queue["debts"].as_array().unwrap().iter().map(place).collect()
}

cases! {
    /// Practice 25: below the surface of each need.
    async fn a_need_is_owed_its_causes_until_a_root_is_confirmed(app: App) {
        let drafted = need(&app, app.world.who(Role::Institution)).await;
        let shared = shared_need(&app).await;
        assert_eq!(kinds(&app, &drafted).await, [""; 0], "a draft is nobody's need yet");
        assert_eq!(kinds(&app, &shared).await, ["need_without_cause"]);
        let root = tested_root(&app, &shared).await;
        assert_eq!(kinds(&app, &shared).await, ["need_without_root_cause"]);
        for role in [Role::Employer, Role::Champion] {
            confirm(&app, role, &root).await;
        }
        assert_eq!(kinds(&app, &shared).await, [""; 0]);
    }

    /// Practices 15 and 25: what partners bring waits for its answer, however it was put aside.
    async fn doubts_and_inputs_wait_in_the_queue_until_they_are_answered(app: App) {
        let lead = &app.world.ours.lead;
        let asked = input(&app, app.world.who(Role::Union), "question", json!({ "subject": "Who pays?" })).await;
        let doubt = input(&app, app.world.who(Role::Institution), "doubt", json!({ "masked": true })).await;
        act(&app, lead, "inputs", &asked, "park", json!({ "reason": "After the season." })).await;
        let fresh = queue(&app).await;
        let shown = json!([{
            "kind": "input_unanswered", "recordType": "Input", "id": asked["id"], "title": "Who pays?",
            "since": today(&app), "dueOn": asked["answerBy"],
        }]);
        assert_eq!(json!(owed(&fresh, &asked)), shown);
        assert_eq!(owed(&fresh, &doubt)[0]["kind"], "doubt_unanswered");
        later(&app, 12);
        let next = input(&app, app.world.who(Role::Union), "question", json!({})).await;
        let late = queue(&app).await;
        assert_eq!(owed(&late, &asked)[0]["overdueDays"], 2, "ten days are given to answer");
        assert_eq!(owed(&late, &next)[0].get("overdueDays"), None);
        assert!(places(&late).is_sorted(), "{late}");
        act(&app, lead, "inputs", &asked, "answer", json!({ "answer": "The employers." })).await;
        act(&app, lead, "inputs", &doubt, "answer", json!({ "answer": "We think so." })).await;
        let answered = queue(&app).await;
        assert!(owed(&answered, &asked).is_empty() && owed(&answered, &doubt).is_empty(), "{answered}");
        assert_eq!(total(&answered, "doubt_unanswered"), total(&late, "doubt_unanswered") - 1);
        assert_eq!(answered["count"], late["count"].as_i64().unwrap() - 2);
    }

    /// Practices 17 and 25.
    async fn a_second_look_is_owed_its_owners_reply_and_another_look_on_its_day(app: App) {
        let lead = &app.world.ours.lead;
        let college = app.world.who(Role::Institution);
        let body = json!({
            "subject": "The evening course", "ownerOrganizationId": house(&app, Role::Institution),
            "reviewOn": today(&app) + Days::new(20),
        });
        let look = app.make(lead, "/v1/second-looks", body).await;
        assert_eq!(kinds(&app, &look).await, [""; 0], "the owner has its time");
        later(&app, 11);
        assert_eq!(kinds(&app, &look).await, ["owner_reply_overdue"]);
        act(&app, college, "second-looks", &look, "reply", json!({ "reply": "We would do it otherwise." })).await;
        assert_eq!(kinds(&app, &look).await, [""; 0]);
        later(&app, 9);
        let due = queue(&app).await;
        assert_eq!(owed(&due, &look)[0]["kind"], "second_look_due");
        assert_eq!(owed(&due, &look)[0].get("overdueDays"), None, "it is due today");
        let next = json!({ "reviewOn": today(&app) + Days::new(90) });
        let look = now(&app, "second-looks", &look).await;
        app.patch(lead, &look, "/v1/second-looks", next).await.is(200);
        assert_eq!(kinds(&app, &look).await, [""; 0]);
    }

    /// Practices 11, 12, 23 and 25.
    async fn statements_offers_and_solutions_wait_for_the_word_that_is_missing(app: App) {
        let lead = &app.world.ours.lead;
        let college = app.world.who(Role::Institution);
        let statement = app.make(lead, "/v1/employer-statements", said(&app)).await;
        assert_eq!(kinds(&app, &statement).await, ["statement_unconfirmed"]);
        act(&app, employer(&app), "employer-statements", &statement, "confirm", json!({})).await;
        assert_eq!(kinds(&app, &statement).await, [""; 0]);
        let voiced = need(&app, champion(&app)).await;
        let words = json!({ "needId": voiced["id"], "organizationId": house(&app, Role::Institution), "text": "Places. ".repeat(60) });
        let offer = app.make(college, "/v1/offers", words).await;
        let made = queue(&app).await;
        assert_eq!(owed(&made, &offer)[0]["kind"], "offer_unexplored");
        assert_eq!(text(&owed(&made, &offer)[0]["title"]).chars().count(), 200, "a line and not a page");
        act(&app, lead, "offers", &offer, "explore", json!({})).await;
        assert_eq!(kinds(&app, &offer).await, [""; 0]);
        let own = need(&app, college).await;
        let mut led = plan(&app, &own);
        led["origin"] = json!("solution_led");
        let solution = app.make(college, "/v1/solutions", led).await;
        assert_eq!(kinds(&app, &solution).await, ["solution_seeking_problem"]);
        app.patch(college, &solution, "/v1/solutions", json!({ "needIds": [voiced["id"]] })).await.is(200);
        assert_eq!(kinds(&app, &solution).await, [""; 0]);
    }

    /// Practices 25 and 57: who is about to be lost is seen before.
    async fn partners_without_a_lasting_point_person_are_owed(app: App) {
        let ours = &app.world.ours;
        let (lead, college) = (&ours.lead, json!({ "id": ours.partner[&Role::Institution] }));
        let seat = json!({ "id": ours.seat[&Role::Institution] });
        assert_eq!(kinds(&app, &college).await, [""; 0]);
        let leaves = today(&app) + Days::new(45);
        let seat = now(&app, "seats", &seat).await;
        let seat = app.patch(lead, &seat, "/v1/seats", json!({ "expectedEndOn": leaves })).await.is(200).clone();
        let risky = queue(&app).await;
        let debt = owed(&risky, &college)[0];
        assert_eq!((&debt["kind"], &debt["recordType"], &debt["dueOn"]), (&json!("partner_at_risk"), &json!("Partner"), &json!(leaves)));
        let coverage = app.get(lead, "/v1/coverage").await;
        assert_eq!(coverage["atRisk"], total(&risky, "partner_at_risk"));
        app.act(lead, &seat, "/v1/seats", "end", json!({ "leaveUncovered": true })).await;
        assert_eq!(kinds(&app, &college).await, ["partner_uncovered"]);
        let coverage = app.get(lead, "/v1/coverage").await;
        assert_eq!(coverage["uncovered"], total(&queue(&app).await, "partner_uncovered"));
    }

    /// Practice 25: what one knew is to pass on by its day.
    async fn a_handover_is_owed_from_the_day_after_it_was_due(app: App) {
        let ours = &app.world.ours;
        let (lead, college) = (&ours.lead, json!({ "id": ours.partner[&Role::Institution] }));
        let person = app.make(lead, "/v1/people", json!({ "name": "Next in line" })).await;
        let seat = json!({ "partnerId": college["id"], "personId": person["id"], "role": "alternate" });
        let seat = app.make(lead, "/v1/seats", seat).await;
        let alternate = app.act(lead, &seat, "/v1/seats", "accept", json!({})).await;
        let leaving = now(&app, "seats", &json!({ "id": ours.seat[&Role::Institution] })).await;
        app.act(lead, &leaving, "/v1/seats", "end", json!({ "reason": "retired" })).await;
        let passed = app.get(lead, &format!("/v1/handovers?fromSeatId={}", text(&leaving["id"]))).await;
        let passed = passed["items"][0].clone();
        assert_eq!(kinds(&app, &passed).await, [""; 0], "it has no day yet");
        let by_today = json!({ "dueOn": today(&app) });
        app.patch(&app.seated(&alternate).await, &passed, "/v1/handovers", by_today).await.is(200);
        assert_eq!(kinds(&app, &passed).await, [""; 0], "it is due today");
        later(&app, 3);
        let late = queue(&app).await;
        let debt = owed(&late, &passed)[0];
        assert_eq!((&debt["kind"], &debt["overdueDays"]), (&json!("handover_overdue"), &json!(3)));
        assert_eq!(debt["title"], now(&app, "partners", &college).await["name"]);
    }

    /// Practices 2, 25 and 41.
    async fn a_plan_that_stands_still_and_actions_without_a_goal_are_owed(app: App) {
        let lead = &app.world.ours.lead;
        let item = json!({ "ownerOrganizationId": house(&app, Role::Union), "title": "Ask around" });
        let item = app.make(lead, "/v1/action-items", item).await;
        assert_eq!(kinds(&app, &item).await, ["action_unconnected"]);
        let direction = app.get(lead, &format!("/v1/partnerships/{}/direction", app.world.ours.id)).await;
        assert_eq!(direction["unconnected"]["count"], total(&queue(&app).await, "action_unconnected"));
        let goal = app.make(lead, "/v1/goals", json!({ "statement": "People stay", "horizon": "long" })).await;
        app.patch(lead, &item, "/v1/action-items", json!({ "goalId": goal["id"] })).await.is(200);
        assert_eq!(kinds(&app, &item).await, [""; 0]);
        let plan = app.get(lead, "/v1/plan-versions?state=in_force").await["items"][0].clone();
        assert_eq!(kinds(&app, &plan).await, [""; 0]);
        later(&app, 31);
        assert_eq!(kinds(&app, &plan).await, ["plan_not_started"]);
        later(&app, 60);
        let late = queue(&app).await;
        let overdue: Vec<(&Value, &Value)> =
            owed(&late, &plan).iter().map(|debt| (&debt["kind"], &debt["overdueDays"])).collect();
        assert_eq!(overdue, [(&json!("plan_not_started"), &json!(61)), (&json!("plan_unreviewed"), &json!(1))]);
        act(&app, lead, "plan-versions", &plan, "review", json!({})).await;
        assert_eq!(kinds(&app, &plan).await, ["plan_not_started"]);
    }

    /// Practice 25: managing is the intermediary's, at its own table, and both doors say the same.
    async fn the_queue_is_read_by_the_intermediary_of_that_partnership_alone(app: App) {
        let (ours, at) = (&app.world.ours, json!({ "id": app.world.ours.id }));
        let op = Op::GetPartnershipWorkQueue;
        let seen = queue(&app).await;
        for who in [app.world.who(Role::IntermediaryStaff), &app.world.service] {
            assert_eq!(app.get(who, &address(&app)).await, seen, "{}", who.name);
        }
        for role in Role::ALL.into_iter().filter(|role| !role.is_intermediary()) {
            refused(&app, app.world.who(role), op, Some(&at), Value::Null, 403, "FORBIDDEN").await;
        }
        refused(&app, &app.world.theirs.lead, op, Some(&at), Value::Null, 404, "NOT_FOUND").await;
        refused(&app, &app.world.narrow, op, Some(&at), Value::Null, 403, "SCOPE_MISSING").await;
        let query = format!(
            "{{ partnershipWorkQueue(id: \"{}\") {{ count totals {{ kind count }} \
             debts {{ kind recordType id title since dueOn overdueDays }} }} }}",
            ours.id
        );
        let graph = app.gql(&ours.lead, &query, Value::Null).await.ok()["partnershipWorkQueue"].clone();
        assert_eq!((&graph["count"], graph["totals"].as_array().unwrap().len()), (&seen["count"], 15));
        let ids = |queue: &Value| -> Vec<Value> {
            queue["debts"].as_array().unwrap().iter().map(|debt| debt["id"].clone()).collect()
        };
        assert_eq!(ids(&graph), ids(&seen));
        assert!(!ids(&seen).is_empty());
        let first = (&graph["debts"][0]["kind"], &seen["debts"][0]["kind"]);
        assert_eq!(text(first.0).to_lowercase(), text(first.1));
    }

    /// Practice 25: however much is owed, fifty of a kind are shown, all are counted, and it costs the same.
    async fn fifty_of_a_kind_are_shown_and_all_are_counted_by_as_many_statements(app: App) {
        let mut took = Vec::new();
        for wanted in [60, 120] {
            while total(&queue(&app).await, "input_unanswered") < wanted {
                for _ in 0..10 {
                    input(&app, app.world.who(Role::Union), "question", json!({})).await;
                }
            }
            let full = queue(&app).await;
            let shown = full["debts"].as_array().unwrap().iter().filter(|debt| debt["kind"] == "input_unanswered");
            assert_eq!(shown.count(), 50);
            if let Some(listened) = wire::listened(&app).await {
                let least = listened.least(|| async { drop(queue(&listened.app).await) }).await;
                took.push(least);
            }
        }
        if app.backend == Backend::Postgres {
            assert!(took[0] == took[1] && (1..=40).contains(&took[0]), "{took:?}");
        }
    }
}
