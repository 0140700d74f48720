//! Topics: where a matter belongs is for its parties together, and what they keep for the bargaining table is there for
//! nobody else.

use std::collections::BTreeSet;

use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Kind;
use roundtable_kernel::standing::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::client::text;
use crate::harness::{App, Who, refused};

/// A word that stands in every sealed text and nowhere else.
const WORD: &str = "zanzibar";

fn house(app: &App, role: Role) -> Value {
    json!(app.world.ours.organization[&role])
}

fn employer(app: &App) -> &Who {
    app.world.who(Role::Employer)
}

fn union(app: &App) -> &Who {
    app.world.who(Role::Union)
}

fn topic_body(app: &App, more: Value) -> Value {
    let mut body = json!({
        "subject": format!("Overtime {WORD}"), "text": format!("Who is asked for overtime first, {WORD}."),
        "subjectMatter": "hours", "rationale": format!("The contract is open in May, {WORD}."), "reviewOn": "2027-05-01",
        "partyOrganizationIds": [house(app, Role::Employer), house(app, Role::Union)],
    });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

async fn topic(app: &App, more: Value) -> Value {
    app.make(employer(app), "/v1/topics", topic_body(app, more)).await
}

fn consent_body(app: &App, role: Role, topic: &Value, to: &str) -> Value {
    json!({ "topicId": topic["id"], "organizationId": house(app, role), "consentsTo": to })
}

async fn consent(app: &App, role: Role, topic: &Value, to: &str) -> Value {
    app.make(app.world.who(role), "/v1/topic-consents", consent_body(app, role, topic, to)).await
}

/// The topic as a party sees it by now.
async fn now(app: &App, topic: &Value) -> Value {
    app.get(union(app), &format!("/v1/topics/{}", text(&topic["id"]))).await
}

async fn act(app: &App, who: &Who, topic: &Value, verb: &str, body: Value) -> Value {
    let topic = now(app, topic).await;
    app.act(who, &topic, "/v1/topics", verb, body).await
}

/// Both parties consent, and one of them says so.
async fn agreed(app: &App, topic: &Value, to: &str) -> Value {
    consent(app, Role::Employer, topic, to).await;
    consent(app, Role::Union, topic, to).await;
    act(app, union(app), topic, if to == "reopening" { "reopen" } else { "agree" }, json!({})).await
}

fn members(record: &Value) -> BTreeSet<String> {
    record.as_object().unwrap().keys().cloned().collect()
}

/// Every string in an answer.
fn strings(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            found.insert(text.clone());
        }
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(members) => members.values().for_each(|member| strings(member, found)),
        _ => {}
    }
}

fn shows_none_of(value: &Value, sealed: &[(&'static str, Value)], what: &str) {
    let mut shown = BTreeSet::new();
    strings(value, &mut shown);
    for (collection, record) in sealed {
        assert!(!shown.contains(text(&record["id"])), "{what} shows one of {collection}");
    }
    let words: Vec<_> = shown.iter().filter(|text| text.contains(WORD)).collect();
    assert!(words.is_empty(), "{what} shows {words:?}");
}

/// A matter with everything that hangs on it.
struct Matter {
    /// The records, by collection.
    records: Vec<(&'static str, Value)>,
    need: Value,
    /// Another need, of which nothing is sealed.
    other: Value,
    /// A solution to both needs.
    mixed: Value,
    /// A meeting with an item about the need and one about something else.
    meeting: Value,
}

impl Matter {
    fn first(&self, collection: &str) -> &Value {
        &self.records.iter().find(|(known, _)| *known == collection).unwrap().1
    }
}

fn need_body(title: &str) -> Value {
    json!({ "title": title, "problemStatement": format!("{title}, in the first year."), "kind": "job_quality" })
}

async fn matter(app: &App) -> Matter {
    let lead = &app.world.ours.lead;
    let (champion, college) = (app.world.who(Role::Champion), app.world.who(Role::Institution));
    let mut records: Vec<(&'static str, Value)> = Vec::new();
    let said = json!({
        "employerOrganizationId": house(app, Role::Employer), "text": format!("Too much {WORD}."), "saidOn": "2026-01-12",
        "setting": "visit",
    });
    let said = app.make(employer(app), "/v1/employer-statements", said).await;
    let mut body = need_body(&format!("Overtime {WORD}"));
    body["sourceStatementIds"] = json!([said["id"]]);
    let need = app.make(employer(app), "/v1/needs", body).await;
    let mut body = need_body("People leave");
    body["sourceStatementIds"] = json!([said["id"]]);
    let other = app.make(champion, "/v1/needs", body).await;
    let own = json!({ "needId": need["id"] });
    let with = |more: Value| {
        let mut body = own.clone();
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    for (role, who) in [(Role::Employer, employer(app)), (Role::Champion, champion)] {
        let voice = with(json!({ "organizationId": house(app, role), "importance": 5 }));
        records.push(("endorsements", app.make(who, "/v1/endorsements", voice).await));
    }
    let rating = with(json!({ "rating": 2, "comment": format!("{WORD}?") }));
    records.push(("feasibility-ratings", app.make(college, "/v1/feasibility-ratings", rating).await));
    let surface = with(json!({ "level": "surface", "text": format!("Late calls, {WORD}") }));
    let surface = app.make(lead, "/v1/causes", surface).await;
    let root = with(json!({ "level": "root", "parentId": surface["id"], "text": format!("No roster, {WORD}") }));
    let root = app.make(college, "/v1/causes", root).await;
    let root = app.act(lead, &root, "/v1/causes", "test", json!({ "evidence": format!("Rosters, {WORD}") })).await;
    let word = json!({ "causeId": root["id"], "organizationId": house(app, Role::Champion) });
    records.push(("cause-confirmations", app.make(champion, "/v1/cause-confirmations", word).await));
    let offer = json!({
        "causeId": root["id"], "organizationId": house(app, Role::Institution), "text": format!("A roster course, {WORD}"),
    });
    records.push(("offers", app.make(college, "/v1/offers", offer).await));
    records.push(("causes", surface));
    records.push(("causes", root));
    let idea = with(json!({ "kind": "idea", "text": format!("Ask by lot, {WORD}") }));
    records.push(("inputs", app.make(app.world.who(Role::WorkforceBoard), "/v1/inputs", idea).await));
    let look = json!({ "subject": format!("The lot of 2019, {WORD}"), "needIds": [need["id"]] });
    records.push(("second-looks", app.make(lead, "/v1/second-looks", look).await));
    let plan = json!({
        "origin": "need_led", "title": format!("Rosters, {WORD}"), "text": format!("Four weeks ahead, {WORD}"),
        "needIds": [need["id"]], "causeIds": [records[5].1["id"]],
        "designerOrganizationIds": [house(app, Role::Employer), house(app, Role::Institution)],
    });
    let solution = app.make(college, "/v1/solutions", plan).await;
    let mixed = json!({
        "origin": "need_led", "title": "Mentors", "text": "One each", "needIds": [need["id"], other["id"]],
        "designerOrganizationIds": [house(app, Role::Employer), house(app, Role::Institution)],
    });
    let mixed = app.make(college, "/v1/solutions", mixed).await;
    for (about, score, sealed) in [(&need, 1, true), (&other, 5, false)] {
        let fit = json!({
            "solutionId": mixed["id"], "needId": about["id"], "organizationId": house(app, Role::Champion), "score": score,
        });
        let fit = app.make(champion, "/v1/fit-scores", fit).await;
        if sealed {
            records.push(("fit-scores", fit));
        }
    }
    let mixed = app.get(lead, &format!("/v1/solutions/{}", text(&mixed["id"]))).await;
    assert_eq!((&mixed["fitScores"], &mixed["fitAverage"]), (&json!(2), &json!(3.0)));
    records.push(("solutions", solution));
    let draft = json!({
        "title": "Next", "kind": "action_team", "mode": "action", "objective": "Agree on one pilot",
        "startsAt": "2026-09-08T14:00:00Z", "durationMinutes": 60, "timeZone": "America/Chicago", "publicity": "public",
    });
    let meeting = app.make(lead, "/v1/meetings", draft).await;
    let item = with(json!({
        "meetingId": meeting["id"], "title": format!("Overtime {WORD}"), "kind": "design", "minutes": 40,
    }));
    records.push(("agenda-items", app.make(lead, "/v1/agenda-items", item).await));
    let item = json!({ "meetingId": meeting["id"], "title": "Pilot", "kind": "design", "minutes": 20 });
    app.make(lead, "/v1/agenda-items", item).await;
    let meeting = app.act(lead, &meeting, "/v1/meetings", "schedule", json!({})).await;
    let decided =
        with(json!({ "madeIn": "async", "text": format!("Look into it, {WORD}"), "decidedOn": "2026-02-01" }));
    records.push(("decisions", app.make(lead, "/v1/decisions", decided).await));
    let todo = with(json!({ "ownerOrganizationId": house(app, Role::Institution), "title": format!("Count, {WORD}") }));
    records.push(("action-items", app.make(lead, "/v1/action-items", todo).await));
    let known = json!({ "recordType": "need", "recordId": need["id"], "scheme": "test", "value": WORD });
    let known = app.rest(lead, "POST", "/v1/external-ids").json(known).send().await;
    if known.status == 201 {
        records.push(("external-ids", known.body));
    }
    records.push(("employer-statements", said));
    let need = app.get(lead, &format!("/v1/needs/{}", text(&need["id"]))).await;
    records.push(("needs", need.clone()));
    Matter { records, need, other, mixed, meeting }
}

fn about(matter: &Matter) -> Value {
    json!({ "needIds": [matter.need["id"]], "employerStatementIds": [matter.first("employer-statements")["id"]] })
}

/// A matter kept for the bargaining table, with its topic.
async fn routed(app: &App) -> (Matter, Value) {
    let matter = matter(app).await;
    let topic = topic(app, about(&matter)).await;
    let topic = agreed(app, &topic, "bargaining_table").await;
    assert_eq!((&topic["state"], &topic["venue"]), (&json!("agreed"), &json!("bargaining_table")));
    (matter, topic)
}

/// Everybody but the parties: ten roles, and a system of the intermediary's.
fn others(app: &App) -> Vec<(Role, &Who)> {
    let mut others: Vec<(Role, &Who)> = Role::ALL
        .into_iter()
        .filter(|role| !matches!(role, Role::Employer | Role::Union))
        .map(|role| (role, app.world.who(role)))
        .collect();
    others.push((Role::Intermediary, &app.world.service));
    others
}

cases! {
    /// Practice 80: until it is agreed, a matter of bargaining is the parties'.
    async fn a_topic_is_held_to_its_parties_and_the_intermediary_sees_a_stub(app: App) {
        let matter = matter(&app).await;
        let topic = topic(&app, about(&matter)).await;
        let path = format!("/v1/topics/{}", text(&topic["id"]));
        assert_eq!(app.get(union(&app), &path).await, app.get(employer(&app), &path).await);
        let lists: BTreeSet<String> = members(&topic).into_iter().filter(|name| topic[name].is_array()).collect();
        for who in [&app.world.ours.lead, app.world.who(Role::IntermediaryStaff), &app.world.service] {
            let stub = app.get(who, &path).await;
            let kept = ["id", "partnershipId", "state", "venue", "reviewOn", "version", "createdAt", "updatedAt"];
            let kept: BTreeSet<String> = kept.into_iter().map(str::to_owned).chain(lists.iter().cloned()).collect();
            assert_eq!(members(&stub), kept);
            for list in lists.iter().filter(|name| *name != "partyOrganizationIds") {
                assert_eq!(stub[list], json!([]), "{list}");
            }
            assert_eq!(stub["partyOrganizationIds"], topic["partyOrganizationIds"]);
            let query = format!("{{ topic(id: {}) {{ subject text rationale subjectMatter needIds consents {{ id }} }} }}", topic["id"]);
            let seen = app.gql(who, &query, Value::Null).await;
            let nothing = json!({ "subject": null, "text": null, "rationale": null, "subjectMatter": null, "needIds": [], "consents": [] });
            assert_eq!(seen.ok()["topic"], nothing);
        }
        for (role, who) in others(&app).into_iter().filter(|(role, _)| !role.is_intermediary()) {
            let answer = app.rest(who, "GET", &path).send().await;
            assert!(matches!(answer.status, 403 | 404), "{role:?} {}", answer.status);
            let listed = app.rest(who, "GET", "/v1/topics?total=true").send().await;
            assert!(listed.status == 403 || listed.body["totalCount"] == 0, "{role:?} {}", listed.body);
        }
        // What it is about goes on as before.
        app.get(app.world.who(Role::Institution), &format!("/v1/needs/{}", text(&matter.need["id"]))).await;
    }

    /// Practice 79: what belongs in the partnership is published to its members.
    async fn what_is_agreed_for_the_partnership_is_published_to_members(app: App) {
        let matter = matter(&app).await;
        let topic = topic(&app, about(&matter)).await;
        let topic = agreed(&app, &topic, "partnership").await;
        assert_eq!((&topic["state"], &topic["venue"]), (&json!("agreed"), &json!("partnership")));
        let path = format!("/v1/topics/{}", text(&topic["id"]));
        for role in [Role::Intermediary, Role::Champion, Role::Institution, Role::LaborAgency, Role::OtherPartner] {
            let read = app.get(app.world.who(role), &path).await;
            assert_eq!((&read["subject"], &read["needIds"]), (&topic["subject"], &topic["needIds"]), "{role:?}");
            assert!(read.get("rationale").is_none(), "{role:?}");
        }
        for role in [Role::Operator, Role::Observer] {
            app.rest(app.world.who(role), "GET", &path).send().await.refused(403, "FORBIDDEN");
        }
        let need = app.get(union(&app), &format!("/v1/needs/{}", text(&matter.need["id"]))).await;
        assert_ne!(need["state"], "routed");
        let again = agreed(&app, &topic, "reopening").await;
        assert_eq!((&again["state"], &again["venue"]), (&json!("reopened"), &json!("undetermined")));
        app.rest(app.world.who(Role::Institution), "GET", &path).is(404).await;
    }

    /// Practice 80: joint consent, by the parties and nobody for them.
    async fn neither_one_side_nor_a_third_party_nor_the_intermediary_says_where_a_topic_belongs(app: App) {
        let topic = topic(&app, json!({})).await;
        let give = |role: Role| consent_body(&app, role, &topic, "bargaining_table");
        let lead = &app.world.ours.lead;
        for who in [lead, &app.world.service, app.world.who(Role::IntermediaryStaff)] {
            refused(&app, who, Op::CreateTopicConsent, None, give(Role::Union), 403, "INTERMEDIARY_CANNOT_SET_COURSE").await;
            for op in [Op::AgreeTopic, Op::ReopenTopic] {
                refused(&app, who, op, Some(&topic), json!({}), 403, "INTERMEDIARY_CANNOT_SET_COURSE").await;
            }
        }
        refused(&app, employer(&app), Op::CreateTopicConsent, None, give(Role::Union), 403, "NOT_YOURS").await;
        let third = app.rest(app.world.who(Role::Champion), "POST", "/v1/topic-consents").json(give(Role::Champion)).send().await;
        third.refuses_member("/topicId", "not_found");
        refused(&app, app.world.who(Role::Champion), Op::AgreeTopic, Some(&topic), json!({}), 404, "NOT_FOUND").await;
        refused(&app, app.world.who(Role::Institution), Op::AgreeTopic, Some(&topic), json!({}), 403, "FORBIDDEN").await;
        refused(&app, employer(&app), Op::AgreeTopic, Some(&topic), json!({}), 409, "JOINT_CONSENT_REQUIRED").await;
        let first = consent(&app, Role::Employer, &topic, "bargaining_table").await;
        refused(&app, employer(&app), Op::AgreeTopic, Some(&topic), json!({}), 409, "JOINT_CONSENT_REQUIRED").await;
        refused(&app, union(&app), Op::AgreeTopic, Some(&topic), json!({}), 409, "JOINT_CONSENT_REQUIRED").await;
        // What one party has consented to is not changed or taken away by the other.
        let patch = json!({ "text": "Something else." });
        refused(&app, union(&app), Op::UpdateTopic, Some(&topic), patch.clone(), 409, "JOINT_CONSENT_REQUIRED").await;
        refused(&app, union(&app), Op::ArchiveTopic, Some(&topic), Value::Null, 409, "JOINT_CONSENT_REQUIRED").await;
        consent(&app, Role::Union, &topic, "partnership").await;
        refused(&app, union(&app), Op::AgreeTopic, Some(&topic), json!({}), 409, "JOINT_CONSENT_REQUIRED").await;
        app.act(employer(&app), &first, "/v1/topic-consents", "withdraw", json!({})).await;
        let given = consent(&app, Role::Employer, &topic, "partnership").await;
        let twice = consent_body(&app, Role::Employer, &topic, "partnership");
        refused(&app, employer(&app), Op::CreateTopicConsent, None, twice, 409, "ONE_VOICE_PER_ORGANIZATION").await;
        let topic = act(&app, employer(&app), &topic, "agree", json!({})).await;
        assert_eq!(topic["venue"], "partnership");
        let settled = app.get(employer(&app), &format!("/v1/topic-consents/{}", text(&given["id"]))).await;
        refused(&app, employer(&app), Op::WithdrawTopicConsent, Some(&settled), json!({}), 409, "WRONG_STATE").await;
        // A member that is no party reads it by now, and still has no say.
        refused(&app, app.world.who(Role::Champion), Op::ReopenTopic, Some(&topic), json!({}), 403, "NOT_YOURS").await;
        refused(&app, employer(&app), Op::ReopenTopic, Some(&topic), json!({}), 409, "JOINT_CONSENT_REQUIRED").await;
        consent(&app, Role::Employer, &topic, "reopening").await;
        refused(&app, employer(&app), Op::ReopenTopic, Some(&topic), json!({}), 409, "JOINT_CONSENT_REQUIRED").await;
    }

    /// A refusal takes the consents back, and only all parties go on from there.
    async fn a_contested_topic_is_opened_again_by_all_parties(app: App) {
        let topic = topic(&app, json!({})).await;
        consent(&app, Role::Employer, &topic, "partnership").await;
        let why = json!({ "reason": "Overtime is in the contract." });
        refused(&app, &app.world.ours.lead, Op::ContestTopic, Some(&topic), why.clone(), 403, "INTERMEDIARY_CANNOT_SET_COURSE").await;
        let contested = act(&app, union(&app), &topic, "contest", why).await;
        assert_eq!((&contested["state"], &contested["venue"]), (&json!("contested"), &json!("undetermined")));
        let again = consent_body(&app, Role::Employer, &topic, "partnership");
        refused(&app, employer(&app), Op::CreateTopicConsent, None, again, 409, "WRONG_STATE").await;
        let stub = app.get(&app.world.ours.lead, &format!("/v1/topics/{}", text(&topic["id"]))).await;
        assert!(stub.get("contestedReason").is_none());
        assert_eq!(agreed(&app, &topic, "reopening").await["state"], "reopened");
        assert_eq!(agreed(&app, &topic, "bargaining_table").await["venue"], "bargaining_table");
    }

    async fn a_topic_names_employers_and_unions_at_the_table_with_its_proposer_among_them(app: App) {
        let (employers, unions) = (house(&app, Role::Employer), house(&app, Role::Union));
        for (parties, pointer, code) in [
            (json!([employers, house(&app, Role::Champion)]), "/partyOrganizationIds", "one_sided"),
            (json!([employers, house(&app, Role::Institution)]), "/partyOrganizationIds/1", "not_a_party"),
            (json!([house(&app, Role::Champion), unions]), "/partyOrganizationIds", "not_your_matter"),
            (json!([employers, Uuid::now_v7()]), "/partyOrganizationIds/1", "not_found"),
            (json!([employers, app.world.theirs.organization[&Role::Union]]), "/partyOrganizationIds/1", "not_found"),
        ] {
            let body = topic_body(&app, json!({ "partyOrganizationIds": parties }));
            app.rest(employer(&app), "POST", "/v1/topics").json(body).send().await.refuses_member(pointer, code);
        }
        let mut silent = topic_body(&app, json!({}));
        silent.as_object_mut().unwrap().remove("subject");
        assert_eq!(app.rest(employer(&app), "POST", "/v1/topics").json(silent).send().await.code(), "INVALID_INPUT");
        // The intermediary and a labor agency may put one forward, without being of it.
        for role in [Role::Intermediary, Role::LaborAgency] {
            let made = app.make(app.world.who(role), "/v1/topics", topic_body(&app, json!({}))).await;
            assert!(made.get("text").is_none(), "{role:?} gets a stub");
            assert_eq!(now(&app, &made).await["subjectMatter"], "hours");
        }
        let body = topic_body(&app, json!({}));
        refused(&app, app.world.who(Role::Institution), Op::CreateTopic, None, body, 403, "FORBIDDEN").await;
        let topic = topic(&app, json!({})).await;
        let emptied = app.patch(employer(&app), &topic, "/v1/topics", json!({ "subject": null })).await;
        assert_eq!(emptied.code(), "INVALID_INPUT");
        app.patch(union(&app), &topic, "/v1/topics", json!({ "text": "Who is asked first." })).await.is(200);
    }

    /// Practice 80: absent by id, in lists, counts, sorts, searches, nested fields and references.
    async fn what_is_sealed_is_absent_for_everybody_but_its_parties(app: App) {
        let (matter, _) = routed(&app).await;
        let table = &app.server.app.operations;
        for (role, who) in others(&app) {
            for (collection, record) in &matter.records {
                let read = |id: String| app.rest(who, "GET", &format!("/v1/{collection}/{id}")).header("request-id", "one-and-the-same").send();
                let (sealed, random) = (read(text(&record["id"]).into()).await, read(Uuid::now_v7().to_string()).await);
                assert!(matches!(sealed.status, 403 | 404), "{role:?} {collection} {}", sealed.status);
                assert_eq!(sealed.bytes, random.bytes, "{role:?} {collection}");
                let query = format!("{{ node(id: {}) {{ id }} }}", record["id"]);
                let node = app.gql(who, &query, Value::Null).await;
                assert!(node.body["data"]["node"].is_null(), "{role:?} {collection} {}", node.body);
                let path = format!("/v1/{collection}?total=true&id={}", text(&record["id"]));
                let listed = app.rest(who, "GET", &path).send().await;
                assert!(listed.status == 403 || listed.body["totalCount"] == 0, "{role:?} {path} {}", listed.body);
            }
            let trace = format!("/v1/needs/{}/trace", text(&matter.need["id"]));
            assert!(matches!(app.rest(who, "GET", &trace).send().await.status, 403 | 404), "{role:?}");
            let trace = format!("/v1/needs/{}/trace", text(&matter.other["id"]));
            let trace = app.rest(who, "GET", &trace).send().await;
            shows_none_of(&trace.body, &matter.records, "the trace of the other need");
            for operation in table.iter().filter(|one| one.kind == Kind::List) {
                let counts = operation.parameters.iter().any(|one| one.name == "total");
                let total = if counts { "&total=true" } else { "" };
                let page = app.rest(who, "GET", &format!("{}?first=200{total}", operation.path)).send().await;
                if page.status == 403 {
                    continue;
                }
                shows_none_of(page.is(200), &matter.records, &format!("{role:?} {}", operation.path));
                let shown = page.body["items"].as_array().unwrap().len();
                assert!(shown == 200 || !counts || page.body["totalCount"] == shown, "{role:?} {}", operation.path);
                if operation.parameters.iter().any(|one| one.name == "q") {
                    let found = app.get(who, &format!("{}?q={WORD}&total=true", operation.path)).await;
                    assert_eq!((&found["items"], &found["totalCount"]), (&json!([]), &json!(0)), "{role:?} {}", operation.path);
                }
            }
        }
    }

    /// The same by every sort, filter, cursor and expansion, for those who see most.
    async fn no_filter_sort_cursor_or_expansion_tells_of_what_is_sealed(app: App) {
        let matter = matter(&app).await;
        let lead = &app.world.ours.lead;
        let cursors: Vec<String> = {
            let page = app.get(lead, "/v1/needs?first=1&sort=-rankScore").await;
            let by_search = app.get(lead, &format!("/v1/needs?first=1&q={WORD}")).await;
            [page, by_search].iter().filter_map(|page| page["pageInfo"]["endCursor"].as_str().map(str::to_owned)).collect()
        };
        let topic = topic(&app, about(&matter)).await;
        agreed(&app, &topic, "bargaining_table").await;
        let table = &app.server.app.operations;
        let mut asked = 0;
        for who in [lead, app.world.who(Role::Champion)] {
            for operation in table.iter().filter(|one| one.kind == Kind::List) {
                // The feed has one order.
                let Some(sorts) = operation.parameters.iter().find(|one| one.name == "sort") else { continue };
                for sort in sorts.schema["enum"].as_array().unwrap() {
                    let path = format!("{}?first=200&sort={}", operation.path, text(sort));
                    let page = app.rest(who, "GET", &path).send().await;
                    if page.status == 200 {
                        shows_none_of(&page.body, &matter.records, &path);
                        asked += 1;
                    }
                }
                for parameter in operation.parameters.iter().filter(|one| one.schema["format"] == "uuid" || one.schema["oneOf"].is_array() || one.name.ends_with("Id")) {
                    for (_, record) in &matter.records {
                        let path = format!("{}?{}={}&total=true", operation.path, parameter.name, text(&record["id"]));
                        let page = app.rest(who, "GET", &path).send().await;
                        if page.status == 200 {
                            assert_eq!((&page.body["items"], &page.body["totalCount"]), (&json!([]), &json!(0)), "{path}");
                            asked += 1;
                        }
                    }
                }
            }
            let endorsed = app.get(who, "/v1/needs?endorsementsFrom=1&first=200").await;
            shows_none_of(&endorsed, &matter.records, "needs by endorsements");
            for path in [
                "solutions?expand=fit,approvedBy&first=200", "meetings?expand=agendaItems,decisions,actionItems&first=200",
                "needs?expand=endorsedBy,feasibility,causes.confirmedBy,offers&first=200", "inputs?expand=need&first=200",
                "second-looks?expand=input&first=200",
            ] {
                let page = app.rest(who, "GET", &format!("/v1/{path}")).send().await;
                assert!(matches!(page.status, 200 | 400), "{path}: {}", page.body);
                shows_none_of(&page.body, &matter.records, path);
            }
            let nested = "{ meetings(first: 200) { nodes { agendaItems { id title need { id } } } } \
                          solutions(first: 200) { nodes { needIds causeIds fit { id need { id title } } } } }";
            shows_none_of(app.gql(who, nested, Value::Null).await.ok(), &matter.records, "nested fields");
        }
        for cursor in cursors {
            for path in ["sort=-rankScore", "q=zanzibar"] {
                let page = app.rest(lead, "GET", &format!("/v1/needs?{path}&first=200&after={cursor}")).send().await;
                assert!(matches!(page.status, 200 | 400), "{}", page.body);
                shows_none_of(&page.body, &matter.records, "a cursor of before");
            }
        }
        assert!(asked > 500, "{asked}");
    }

    /// What points to something sealed is refused to all others as if nothing were there.
    async fn a_reference_to_what_is_sealed_is_one_to_nothing(app: App) {
        let (matter, _) = routed(&app).await;
        let champion = app.world.who(Role::Champion);
        let lead = &app.world.ours.lead;
        let (need, cause, input) = (&matter.need["id"], &matter.first("causes")["id"], &matter.first("inputs")["id"]);
        let own = house(&app, Role::Champion);
        for (who, path, body, pointer) in [
            (champion, "endorsements", json!({ "needId": need, "organizationId": own, "importance": 3 }), "/needId"),
            (champion, "cause-confirmations", json!({ "causeId": cause, "organizationId": own }), "/causeId"),
            (champion, "offers", json!({ "needId": need, "organizationId": own, "text": "x" }), "/needId"),
            (champion, "fit-scores", json!({ "solutionId": matter.mixed["id"], "needId": need, "organizationId": own, "score": 3 }), "/needId"),
            (champion, "topics", topic_body(&app, json!({ "needIds": [need], "partyOrganizationIds": [own, house(&app, Role::Union)] })), "/needIds/0"),
            (lead, "feasibility-ratings", json!({ "needId": need, "rating": 3 }), "/needId"),
            (lead, "causes", json!({ "needId": need, "level": "surface", "text": "x" }), "/needId"),
            (lead, "inputs", json!({ "kind": "idea", "text": "x", "needId": need }), "/needId"),
            (lead, "second-looks", json!({ "subject": "x", "needIds": [need] }), "/needIds/0"),
            (lead, "solutions", json!({ "origin": "need_led", "title": "x", "text": "x", "needIds": [need] }), "/needIds/0"),
            (lead, "agenda-items", json!({ "meetingId": matter.meeting["id"], "needId": need, "title": "x", "kind": "design", "minutes": 5 }), "/needId"),
            (lead, "decisions", json!({ "madeIn": "async", "text": "x", "decidedOn": "2026-02-01", "needId": need }), "/needId"),
            (lead, "action-items", json!({ "ownerOrganizationId": own, "title": "x", "needId": need }), "/needId"),
        ] {
            let sealed = app.rest(who, "POST", &format!("/v1/{path}")).json(body.clone()).header("request-id", "one-and-the-same").send().await;
            sealed.refuses_member(pointer, "not_found");
            let random = body.to_string().replace(text(need), &Uuid::now_v7().to_string()).replace(text(cause), &Uuid::now_v7().to_string());
            let random = app.rest(who, "POST", &format!("/v1/{path}")).json(serde_json::from_str(&random).unwrap()).header("request-id", "one-and-the-same").send().await;
            assert_eq!(sealed.bytes, random.bytes, "{path}");
        }
        let look = json!({ "subject": "x", "inputId": input });
        app.rest(lead, "POST", "/v1/second-looks").json(look).send().await.refuses_member("/inputId", "not_found");
    }

    /// Practice 80: the parties read on, and take nothing further in the partnership.
    async fn its_parties_read_what_is_sealed_and_discuss_it_elsewhere(app: App) {
        let (matter, topic) = routed(&app).await;
        let need = &matter.need["id"];
        for who in [employer(&app), union(&app)] {
            for (collection, record) in &matter.records {
                let read = app.rest(who, "GET", &format!("/v1/{collection}/{}", text(&record["id"]))).send().await;
                let out_of_reach = ["endorsements", "cause-confirmations", "fit-scores"].contains(collection) && who.name == union(&app).name;
                assert_eq!(read.status, if out_of_reach { 403 } else { 200 }, "{} {collection}", who.name);
            }
            let found = app.get(who, &format!("/v1/needs?q={WORD}&total=true")).await;
            assert_eq!((&found["totalCount"], &found["items"][0]["state"]), (&json!(1), &json!("routed")));
        }
        let own = house(&app, Role::Employer);
        for (op, body) in [
            (Op::CreateEndorsement, json!({ "needId": need, "organizationId": own, "importance": 3 })),
            (Op::CreateFeasibilityRating, json!({ "needId": need, "rating": 3 })),
            (Op::CreateCause, json!({ "needId": need, "level": "surface", "text": "x" })),
            (Op::CreateCauseConfirmation, json!({ "causeId": matter.first("causes")["id"], "organizationId": own })),
            (Op::CreateInput, json!({ "kind": "idea", "text": "x", "needId": need })),
            (Op::CreateOffer, json!({ "needId": need, "organizationId": own, "text": "x" })),
            (Op::CreateSecondLook, json!({ "subject": "x", "needIds": [need] })),
            (Op::CreateSolution, json!({ "origin": "need_led", "title": "x", "text": "x", "needIds": [need] })),
            (Op::CreateAgendaItem, json!({ "meetingId": matter.meeting["id"], "needId": need, "title": "x", "kind": "design", "minutes": 5 })),
            (Op::CreateActionItem, json!({ "ownerOrganizationId": own, "title": "x", "needId": need })),
            (Op::CreateTopic, topic_body(&app, json!({ "needIds": [need] }))),
        ] {
            refused(&app, employer(&app), op, None, body, 403, "RESERVED_FOR_BARGAINING").await;
        }
        let now = |collection: &'static str| {
            let path = format!("/v1/{collection}/{}", text(&matter.first(collection)["id"]));
            let app = &app;
            async move { app.get(employer(app), &path).await }
        };
        let (need, voice) = (now("needs").await, now("endorsements").await);
        refused(&app, employer(&app), Op::UpdateNeed, Some(&need), json!({ "title": "x" }), 403, "RESERVED_FOR_BARGAINING").await;
        refused(&app, employer(&app), Op::ParkNeed, Some(&need), json!({ "reason": "not now" }), 403, "RESERVED_FOR_BARGAINING").await;
        refused(&app, employer(&app), Op::WithdrawEndorsement, Some(&voice), json!({}), 403, "RESERVED_FOR_BARGAINING").await;
        let said = now("employer-statements").await;
        refused(&app, employer(&app), Op::CorrectEmployerStatement, Some(&said), json!({ "text": "x" }), 403, "RESERVED_FOR_BARGAINING").await;
        refused(&app, employer(&app), Op::UpdateTopic, Some(&topic), json!({ "text": "x" }), 409, "WRONG_STATE").await;
    }

    /// Figures, orders and lists of ids on what stays open say nothing of what was sealed.
    async fn derived_figures_count_without_what_is_sealed(app: App) {
        let (matter, _) = routed(&app).await;
        let lead = &app.world.ours.lead;
        let path = format!("/v1/solutions/{}", text(&matter.mixed["id"]));
        let mixed = app.get(lead, &path).await;
        assert_eq!(mixed["needIds"], json!([matter.other["id"]]));
        assert_eq!((&mixed["fitScores"], &mixed["fitAverage"]), (&json!(1), &json!(5.0)));
        assert_eq!(app.get(union(&app), &path).await["needIds"].as_array().unwrap().len(), 2);
        let other = app.get(lead, &format!("/v1/needs/{}", text(&matter.other["id"]))).await;
        assert_eq!(other["sourceStatementIds"], json!([]));
        // A change by somebody who does not see the link keeps it.
        let college = app.world.who(Role::Institution);
        app.patch(college, &mixed, "/v1/solutions", json!({ "title": "Mentors on every shift" })).await.is(200);
        assert_eq!(app.get(union(&app), &path).await["needIds"].as_array().unwrap().len(), 2);
        // The agenda has room again: forty minutes of it were sealed.
        let item = json!({ "meetingId": matter.meeting["id"], "title": "Mentors", "kind": "design", "minutes": 40 });
        app.make(lead, "/v1/agenda-items", item).await;
        let observer = app.world.who(Role::Observer);
        let agenda = app.get(observer, &format!("/v1/agenda-items?meetingId={}&total=true", text(&matter.meeting["id"]))).await;
        assert_eq!(agenda["totalCount"], 2);
    }

    /// A sealed root cause no longer carries a need, and comes back with the topic.
    async fn a_need_falls_back_when_its_root_cause_is_sealed_and_comes_back_when_it_is_opened(app: App) {
        let matter = matter(&app).await;
        let lead = &app.world.ours.lead;
        for (key, value) in [("shared_need_min_employers", "2"), ("root_confirm_min", "1")] {
            let setting = json!({ "key": key, "value": value, "reason": "a small table" });
            app.make(lead, "/v1/policy-settings", setting).await;
        }
        let root = matter.records.iter().filter(|(known, _)| *known == "causes").nth(1).unwrap().1.clone();
        let word = json!({ "causeId": root["id"], "organizationId": house(&app, Role::Employer) });
        app.make(employer(&app), "/v1/cause-confirmations", word).await;
        let path = format!("/v1/needs/{}", text(&matter.need["id"]));
        assert_eq!(app.get(lead, &path).await["state"], "root_caused");
        let topic = topic(&app, json!({ "causeIds": [root["id"]] })).await;
        agreed(&app, &topic, "bargaining_table").await;
        let need = app.get(lead, &path).await;
        assert_eq!((&need["state"], &need["confirmedRoots"], &need["surfaceOnly"]), (&json!("shared"), &json!(0), &json!(true)));
        app.rest(lead, "GET", &format!("/v1/causes/{}", text(&root["id"]))).is(404).await;
        agreed(&app, &topic, "reopening").await;
        let need = app.get(lead, &path).await;
        assert_eq!((&need["state"], &need["confirmedRoots"]), (&json!("root_caused"), &json!(1)));
    }

    /// Practice 80: opened again by the same parties together, everything is where it was.
    async fn the_same_parties_together_open_what_they_sealed(app: App) {
        let (matter, topic) = routed(&app).await;
        let lead = &app.world.ours.lead;
        let again = agreed(&app, &topic, "reopening").await;
        assert_eq!((&again["state"], &again["venue"]), (&json!("reopened"), &json!("undetermined")));
        for (collection, record) in &matter.records {
            let who = if ["endorsements", "cause-confirmations"].contains(collection) { app.world.who(Role::Champion) } else { lead };
            app.get(who, &format!("/v1/{collection}/{}", text(&record["id"]))).await;
        }
        let need = app.get(lead, &format!("/v1/needs/{}", text(&matter.need["id"]))).await;
        assert_eq!((&need["state"], &need["endorsements"]), (&matter.need["state"], &matter.need["endorsements"]));
        let mixed = app.get(lead, &format!("/v1/solutions/{}", text(&matter.mixed["id"]))).await;
        assert_eq!((&mixed["needIds"], &mixed["fitAverage"]), (&matter.mixed["needIds"], &matter.mixed["fitAverage"]));
        let idea = json!({ "kind": "idea", "text": "x", "needId": matter.need["id"] });
        app.make(employer(&app), "/v1/inputs", idea).await;
    }

    /// What two topics are about stays sealed until both are opened.
    async fn what_a_second_topic_seals_too_stays_sealed_when_the_first_is_opened(app: App) {
        let matter = matter(&app).await;
        let (first, second) = (topic(&app, about(&matter)).await, topic(&app, about(&matter)).await);
        agreed(&app, &first, "bargaining_table").await;
        agreed(&app, &second, "bargaining_table").await;
        let path = format!("/v1/needs/{}", text(&matter.need["id"]));
        agreed(&app, &first, "reopening").await;
        app.rest(&app.world.ours.lead, "GET", &path).is(404).await;
        assert_eq!(app.get(union(&app), &path).await["state"], "routed");
        agreed(&app, &second, "reopening").await;
        assert_eq!(app.get(&app.world.ours.lead, &path).await["state"], matter.need["state"]);
    }

    /// What a sealed input was made into says the same, and is sealed with it.
    async fn what_a_sealed_input_was_made_into_is_sealed_with_it(app: App) {
        let lead = &app.world.ours.lead;
        let mut ideas = Vec::new();
        for (to, path) in [("need", "needs"), ("resource", "resources")] {
            let idea = json!({ "kind": "idea", "text": format!("By lot, {WORD}") });
            let idea = app.make(app.world.who(Role::WorkforceBoard), "/v1/inputs", idea).await;
            let idea = app.act(lead, &idea, "/v1/inputs", "convert", json!({ "to": to })).await;
            app.get(lead, &format!("/v1/{path}/{}", text(&idea["convertedToId"]))).await;
            ideas.push((path, idea));
        }
        let ids: Vec<&Value> = ideas.iter().map(|(_, idea)| &idea["id"]).collect();
        let topic = topic(&app, json!({ "inputIds": ids })).await;
        agreed(&app, &topic, "bargaining_table").await;
        for (path, idea) in &ideas {
            let made = format!("/v1/{path}/{}", text(&idea["convertedToId"]));
            for gone in [made.clone(), format!("/v1/inputs/{}", text(&idea["id"]))] {
                app.rest(lead, "GET", &gone).is(404).await;
            }
            let found = app.get(lead, &format!("/v1/{path}?q={WORD}&total=true")).await;
            assert_eq!(found["totalCount"], 0, "{path}");
            if *path == "needs" {
                assert_eq!(app.get(union(&app), &made).await["state"], "routed");
            }
        }
    }

    /// However many consent and agree at once, each party is counted once and one outcome stands.
    async fn sixty_four_consents_at_once_leave_one_outcome(app: App) {
        let matter = matter(&app).await;
        let topic = topic(&app, about(&matter)).await;
        let give = |number: usize| {
            let role = if number.is_multiple_of(2) { Role::Employer } else { Role::Union };
            let body = consent_body(&app, role, &topic, "bargaining_table");
            app.rest(app.world.who(role), "POST", "/v1/topic-consents").json(body).send()
        };
        let answers = futures_util::future::join_all((0..64).map(give)).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 2);
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            assert!(matches!(answer.code(), "ONE_VOICE_PER_ORGANIZATION" | "UNAVAILABLE"), "{}", answer.body);
        }
        let path = format!("/v1/topics/{}/agree", text(&topic["id"]));
        let agree = |number: usize| {
            let who = if number.is_multiple_of(2) { employer(&app) } else { union(&app) };
            app.rest(who, "POST", &path).version(topic["version"].as_i64().unwrap()).json(json!({})).send()
        };
        let answers = futures_util::future::join_all((0..64).map(agree)).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            assert!(matches!(answer.code(), "STALE" | "WRONG_STATE" | "UNAVAILABLE"), "{}", answer.body);
        }
        let topic = now(&app, &topic).await;
        assert_eq!((&topic["state"], &topic["venue"]), (&json!("agreed"), &json!("bargaining_table")));
        app.rest(&app.world.ours.lead, "GET", &format!("/v1/needs/{}", text(&matter.need["id"]))).is(404).await;
    }

    /// Endorsements that come in while a need is being sealed are sealed with it, or refused.
    async fn nothing_slips_out_while_a_matter_is_being_sealed(app: App) {
        let lead = &app.world.ours.lead;
        let need = app.make(employer(&app), "/v1/needs", need_body(&format!("Overtime {WORD}"))).await;
        let topic = topic(&app, json!({ "needIds": [need["id"]] })).await;
        consent(&app, Role::Employer, &topic, "bargaining_table").await;
        consent(&app, Role::Union, &topic, "bargaining_table").await;
        let path = format!("/v1/topics/{}/agree", text(&topic["id"]));
        let ideas = (0..24).map(|_| {
            let idea = json!({ "kind": "idea", "text": "x", "needId": need["id"] });
            app.rest(app.world.who(Role::Institution), "POST", "/v1/inputs").json(idea).send()
        });
        let agree = app.rest(union(&app), "POST", &path).version(topic["version"].as_i64().unwrap()).json(json!({})).send();
        let (ideas, agree) = futures_util::future::join(futures_util::future::join_all(ideas), agree).await;
        agree.is(200);
        let made = ideas.iter().filter(|answer| answer.status == 201).count();
        for (who, seen) in [(union(&app), made), (lead, 0)] {
            let listed = app.get(who, &format!("/v1/inputs?needId={}&total=true", text(&need["id"]))).await;
            assert_eq!(listed["totalCount"], seen, "{}", who.name);
        }
    }

    /// An answer kept for a key tells nothing that was sealed since.
    async fn an_answer_kept_for_a_key_is_not_given_again_once_sealed(app: App) {
        let lead = &app.world.ours.lead;
        let body = need_body(&format!("Overtime {WORD}"));
        let send = || app.rest(lead, "POST", "/v1/needs").key("again").json(body.clone()).send();
        let need = send().await.is(201).clone();
        let topic = topic(&app, json!({ "needIds": [need["id"]] })).await;
        agreed(&app, &topic, "bargaining_table").await;
        send().await.refused(404, "NOT_FOUND");
    }
}
