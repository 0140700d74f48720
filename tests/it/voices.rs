//! Thresholds with sixty-four employers who speak at once: each is counted once, and what follows happens once.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use roundtable_entity::event;
use roundtable_kernel::standing::Role;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};

use crate::harness::client::{id, text};
use crate::harness::{Answer, App, Who};

const EMPLOYERS: usize = 64;

/// An employer at the table, with somebody who speaks for it.
struct Employer {
    organization: Value,
    who: Who,
}

async fn employers(app: &App, count: usize) -> Vec<Employer> {
    let mut made = Vec::with_capacity(count);
    for number in 0..count {
        let (organization, who) = app.employer(&format!("Works {number}")).await;
        made.push(Employer { organization: organization["id"].clone(), who });
    }
    made
}

/// A need that all of them endorse, with their endorsements.
async fn endorsed_need(app: &App, employers: &[Employer]) -> (Value, Vec<Value>) {
    let body = json!({ "title": "People leave", "problemStatement": "In the first year.", "kind": "retention" });
    let need = app.make(&employers[0].who, "/v1/needs", body).await;
    let voice = |one: &Employer| json!({ "needId": need["id"], "organizationId": one.organization, "importance": 4 });
    let voices = everybody_twice(app, employers, "/v1/endorsements", voice).await;
    (need, voices)
}

/// A root cause of a need, held against evidence.
async fn tested_root(app: &App, need: &Value) -> Value {
    let lead = &app.world.ours.lead;
    let surface = json!({ "needId": need["id"], "level": "surface", "text": "Second shift" });
    let surface = app.make(lead, "/v1/causes", surface).await;
    let root = json!({ "needId": need["id"], "parentId": surface["id"], "level": "root", "text": "No mentors" });
    let root = app.make(lead, "/v1/causes", root).await;
    app.act(lead, &root, "/v1/causes", "test", json!({ "evidence": "Exit talks" })).await
}

/// A solution for a need, being designed by an employer and the college.
async fn designed(app: &App, need: &Value, employer: &Employer) -> Value {
    let lead = &app.world.ours.lead;
    let plan = json!({
        "origin": "need_led", "title": "Mentors", "text": "One each", "needIds": [need["id"]],
        "designerOrganizationIds": [employer.organization, app.world.ours.organization[&Role::Institution]],
        "noAlternativesReason": "Nothing else was thought of",
    });
    let solution = app.make(lead, "/v1/solutions", plan).await;
    let solution = app.act(&employer.who, &solution, "/v1/solutions", "take-on", json!({})).await;
    let solution = app.act(app.world.who(Role::Institution), &solution, "/v1/solutions", "take-on", json!({})).await;
    app.act(lead, &solution, "/v1/solutions", "design", json!({})).await
}

async fn policy(app: &App, key: &str, value: &str) {
    let setting = json!({ "key": key, "value": value, "reason": "a large table" });
    app.make(&app.world.ours.lead, "/v1/policy-settings", setting).await;
}

async fn now(app: &App, path: &str, record: &Value) -> Value {
    app.get(&app.world.ours.lead, &format!("/v1/{path}/{}", text(&record["id"]))).await
}

/// How often this happened to a record.
async fn happened(app: &App, kind: &str, record: &Value) -> u64 {
    event::Entity::find()
        .filter(event::Column::Kind.eq(kind))
        .filter(event::Column::RecordId.eq(id(&record["id"])))
        .count(app.server.app.store.maintenance())
        .await
        .unwrap()
}

/// Sends again what the server was too busy for; whoever is told so has not been counted.
async fn insist(app: &App, who: &Who, path: &str, version: Option<i64>, body: &Value) -> Answer {
    loop {
        let mut call = app.rest(who, "POST", path).json(body.clone());
        if let Some(version) = version {
            call = call.version(version);
        }
        let answer = call.send().await;
        if answer.code() != "UNAVAILABLE" {
            return answer;
        }
    }
}

/// Everybody says the same thing twice, all at once: one of each two is taken, the other is one voice too many.
async fn everybody_twice(
    app: &App,
    employers: &[Employer],
    path: &str,
    body: impl Fn(&Employer) -> Value,
) -> Vec<Value> {
    let said: Vec<(&Employer, Value)> = employers.iter().chain(employers).map(|one| (one, body(one))).collect();
    let answers = join_all(said.iter().map(|(one, body)| insist(app, &one.who, path, None, body))).await;
    let mut taken: BTreeMap<String, Value> = BTreeMap::new();
    for ((one, _), answer) in said.iter().zip(answers) {
        match answer.status {
            201 => assert!(
                taken.insert(one.organization.to_string(), answer.body).is_none(),
                "{path}: {} was counted twice",
                one.who.name
            ),
            _ => drop(answer.refused(409, "ONE_VOICE_PER_ORGANIZATION").clone()),
        }
    }
    assert_eq!(taken.len(), employers.len(), "{path}");
    taken.into_values().collect()
}

/// Everybody takes back what it said, all at once.
async fn everybody_withdraws(app: &App, employers: &[Employer], path: &str, said: &[Value]) {
    let whose = |record: &Value| {
        employers.iter().find(|one| one.organization == record["organizationId"]).map(|one| &one.who).unwrap()
    };
    let withdraw = |record: &Value| {
        let (who, version) = (whose(record).clone(), record["version"].as_i64());
        let path = format!("{path}/{}/withdraw", text(&record["id"]));
        async move { insist(app, &who, &path, version, &json!({})).await }
    };
    for answer in join_all(said.iter().map(withdraw)).await {
        answer.is(200);
    }
}

cases! {
    /// Practices 8 and 9: however many speak at once, each employer is one voice.
    async fn sixty_four_employers_who_endorse_twice_at_once_share_a_need_once(app: App) {
        let employers = employers(&app, EMPLOYERS).await;
        policy(&app, "shared_need_min_employers", "50").await;
        let body = json!({ "title": "People leave", "problemStatement": "In the first year.", "kind": "retention" });
        let need = app.make(&employers[0].who, "/v1/needs", body).await;
        for round in 1..=3 {
            let voice = |one: &Employer| {
                json!({ "needId": need["id"], "organizationId": one.organization, "importance": 4, "affectedCount": 2 })
            };
            let voices = everybody_twice(&app, &employers, "/v1/endorsements", voice).await;
            let shared = now(&app, "needs", &need).await;
            assert_eq!((&shared["state"], &shared["endorsements"]), (&json!("shared"), &json!(64)));
            assert_eq!((&shared["rankScore"], &shared["affected"]), (&json!(64 * 4001), &json!(128)));
            assert_eq!(happened(&app, "need.shared", &need).await, round);
            everybody_withdraws(&app, &employers, "/v1/endorsements", &voices).await;
            let back = now(&app, "needs", &need).await;
            assert_eq!((&back["state"], &back["endorsements"]), (&json!("voiced"), &json!(0)));
            assert_eq!((&back["rankScore"], &back["affected"]), (&json!(0), &json!(0)));
            // It is taken back to what it was with the first who withdraws.
            assert_eq!(happened(&app, "need.voiced", &need).await, 1 + round);
        }
    }

    /// Practices 8, 24 and 27: one confirmed root and one adoption, whoever comes last.
    async fn sixty_four_employers_who_confirm_and_approve_at_once_do_so_once(app: App) {
        let employers = employers(&app, EMPLOYERS).await;
        policy(&app, "root_confirm_min", "50").await;
        policy(&app, "adoption_quorum", "1").await;
        let (need, _) = endorsed_need(&app, &employers).await;
        let root = tested_root(&app, &need).await;
        for round in 1..=2 {
            let word = |one: &Employer| json!({ "causeId": root["id"], "organizationId": one.organization });
            let words = everybody_twice(&app, &employers, "/v1/cause-confirmations", word).await;
            let confirmed = now(&app, "causes", &root).await;
            assert_eq!((&confirmed["state"], &confirmed["confirmations"]), (&json!("confirmed"), &json!(64)));
            assert_eq!(now(&app, "needs", &need).await["state"], "root_caused");
            assert_eq!(happened(&app, "cause.confirmed", &root).await, round);
            assert_eq!(happened(&app, "need.root_caused", &need).await, round);
            if round == 1 {
                everybody_withdraws(&app, &employers, "/v1/cause-confirmations", &words).await;
                let tested = now(&app, "causes", &root).await;
                assert_eq!((&tested["state"], &tested["confirmations"]), (&json!("tested"), &json!(0)));
                assert_eq!(now(&app, "needs", &need).await["state"], "shared");
            }
        }
        for _ in 0..2 {
            let solution = designed(&app, &need, &employers[0]).await;
            let word = |one: &Employer| json!({ "solutionId": solution["id"], "organizationId": one.organization });
            let said: Vec<Value> = employers.iter().map(word).collect();
            let approve = employers.iter().chain(&employers).zip(said.iter().chain(&said));
            let approve = approve.map(|(one, body)| insist(&app, &one.who, "/v1/solution-approvals", None, body));
            let answers = join_all(approve).await;
            assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), EMPLOYERS);
            for answer in answers.iter().filter(|answer| answer.status != 201) {
                // Whoever comes once it is adopted finds nothing left to approve.
                assert!(matches!(answer.code(), "ONE_VOICE_PER_ORGANIZATION" | "WRONG_STATE"), "{}", answer.body);
            }
            let adopted = now(&app, "solutions", &solution).await;
            assert_eq!((&adopted["state"], &adopted["approvals"]), (&json!("adopted"), &json!(64)));
            assert_eq!(adopted["approvalsNeeded"], 64);
            assert_eq!(happened(&app, "solution.adopted", &solution).await, 1);
            assert_eq!(happened(&app, "need.solving", &need).await, 1);
        }
    }

    /// Practice 24: a solution is not adopted for a need that is shared no longer, because somebody takes a word back.
    async fn nothing_is_adopted_by_taking_an_approval_back(app: App) {
        let employers = employers(&app, 4).await;
        policy(&app, "shared_need_min_employers", "3").await;
        policy(&app, "adoption_quorum", "1").await;
        let (need, voices) = endorsed_need(&app, &employers).await;
        let root = tested_root(&app, &need).await;
        let word = |one: &Employer| json!({ "causeId": root["id"], "organizationId": one.organization });
        everybody_twice(&app, &employers, "/v1/cause-confirmations", word).await;
        let solution = designed(&app, &need, &employers[0]).await;
        let mut third = Value::Null;
        for one in &employers[..3] {
            let word = json!({ "solutionId": solution["id"], "organizationId": one.organization });
            third = app.make(&one.who, "/v1/solution-approvals", word).await;
        }
        // The last two no longer endorse the need; the third takes its approval back as well.
        let leaving: Vec<Value> =
            voices.into_iter().filter(|voice| employers[2..].iter().any(|one| one.organization == voice["organizationId"])).collect();
        everybody_withdraws(&app, &employers, "/v1/endorsements", &leaving).await;
        app.act(&employers[2].who, &third, "/v1/solution-approvals", "withdraw", json!({})).await;
        let open = now(&app, "solutions", &solution).await;
        assert_eq!((&open["state"], &open["approvals"]), (&json!("designing"), &json!(2)));
        assert_eq!(now(&app, "needs", &need).await["state"], "voiced");
    }
}
