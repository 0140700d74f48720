//! Direction: from what employers say to solutions that fit, with the intermediary never setting the course. Refusals
//! are asked for at both doors.

use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Kind;
use roundtable_kernel::standing::Role;
use serde_json::{Value, json};

use crate::harness::client::text;
use crate::harness::{App, Who, sample};

/// Asks both doors for what they have to refuse with the same code.
#[track_caller]
async fn refused(app: &App, who: &Who, op: Op, at: Option<&Value>, body: Value, status: u16, code: &str) {
    let table = &app.server.app.operations;
    let operation = table.get(op).unwrap();
    let id = at.map(|record| text(&record["id"]).to_owned());
    let version = at.and_then(|record| record["version"].as_i64()).unwrap_or_default();
    let mut call = app.rest(who, operation.kind.method(), &sample::path(operation, id.as_deref()));
    if operation.kind.needs_version() {
        call = call.version(version);
    }
    if operation.kind != Kind::Archive {
        call = call.json(body.clone());
    }
    call.send().await.refused(status, code);
    let mut sent = body;
    // Over GraphQL the table acted at is filled in just as it is over REST.
    if let Some(members) = sent.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    let document = sample::document(table, operation, id.as_deref(), version, Some(&sent), false);
    app.gql(who, &document, Value::Null).await.refused(code);
}

/// The record as it stands by now.
async fn now(app: &App, path: &str, record: &Value) -> Value {
    app.get(&app.world.ours.lead, &format!("/v1/{path}/{}", text(&record["id"]))).await
}

/// Does a named thing to a record as it stands by now.
async fn act(app: &App, who: &Who, path: &str, record: &Value, verb: &str, body: Value) -> Value {
    let record = now(app, path, record).await;
    app.act(who, &record, &format!("/v1/{path}"), verb, body).await
}

/// Two employers are at this table, so two share a need.
async fn two_share_a_need(app: &App) {
    let setting = json!({ "key": "shared_need_min_employers", "value": "2", "reason": "a small table" });
    app.make(&app.world.ours.lead, "/v1/policy-settings", setting).await;
}

fn employer(app: &App) -> &Who {
    app.world.who(Role::Employer)
}

fn champion(app: &App) -> &Who {
    app.world.who(Role::Champion)
}

fn house(app: &App, role: Role) -> Value {
    json!(app.world.ours.organization[&role])
}

fn wording(title: &str) -> Value {
    json!({ "title": title, "problemStatement": "Half of those we hire leave in the first year.", "kind": "retention" })
}

async fn need(app: &App, who: &Who) -> Value {
    app.make(who, "/v1/needs", wording("People leave in the first year")).await
}

fn voice_of(app: &App, role: Role, need: &Value, importance: i32) -> Value {
    json!({ "needId": need["id"], "organizationId": house(app, role), "importance": importance, "affectedCount": 12 })
}

async fn endorse(app: &App, role: Role, need: &Value, importance: i32) -> Value {
    app.make(app.world.who(role), "/v1/endorsements", voice_of(app, role, need, importance)).await
}

async fn shared_need(app: &App) -> Value {
    two_share_a_need(app).await;
    let need = need(app, employer(app)).await;
    endorse(app, Role::Employer, &need, 5).await;
    endorse(app, Role::Champion, &need, 3).await;
    now(app, "needs", &need).await
}

async fn cause(app: &App, who: &Who, need: &Value, level: &str, parent: Option<&Value>) -> Value {
    let mut body = json!({ "needId": need["id"], "level": level, "text": format!("A {level} cause") });
    if let Some(parent) = parent {
        body["parentId"] = parent["id"].clone();
    }
    app.make(who, "/v1/causes", body).await
}

fn word_on(app: &App, role: Role, cause: &Value) -> Value {
    json!({ "causeId": cause["id"], "organizationId": house(app, role) })
}

async fn confirm(app: &App, role: Role, cause: &Value) -> Value {
    app.make(app.world.who(role), "/v1/cause-confirmations", word_on(app, role, cause)).await
}

/// A root cause that was held against evidence.
async fn tested_root(app: &App, need: &Value) -> Value {
    let lead = &app.world.ours.lead;
    let surface = cause(app, lead, need, "surface", None).await;
    let root = cause(app, app.world.who(Role::Institution), need, "root", Some(&surface)).await;
    act(app, lead, "causes", &root, "test", json!({ "evidence": "Eleven exit talks of the last year." })).await
}

async fn root_caused_need(app: &App) -> Value {
    let need = shared_need(app).await;
    let root = tested_root(app, &need).await;
    confirm(app, Role::Employer, &root).await;
    confirm(app, Role::Champion, &root).await;
    now(app, "needs", &need).await
}

fn said(app: &App) -> Value {
    json!({
        "employerOrganizationId": house(app, Role::Employer), "text": "We lose people after the first winter.",
        "saidOn": "2026-01-12", "setting": "visit",
    })
}

cases! {
    /// Practice 11.
    async fn a_statement_is_its_employers_to_confirm_and_feeds_no_need_before(app: App) {
        let lead = &app.world.ours.lead;
        let statement = app.make(lead, "/v1/employer-statements", said(&app)).await;
        assert_eq!(statement["confirmation"], "pending");
        let mut body = wording("Winters");
        body["sourceStatementIds"] = json!([statement["id"]]);
        refused(&app, lead, Op::CreateNeed, None, body.clone(), 409, "STATEMENT_UNCONFIRMED").await;
        refused(&app, employer(&app), Op::CreateNeed, None, body.clone(), 409, "STATEMENT_UNCONFIRMED").await;
        let at = Some(&statement);
        for op in [Op::ConfirmEmployerStatement, Op::RejectEmployerStatement] {
            refused(&app, lead, op, at, json!({}), 403, "INTERMEDIARY_CANNOT_SET_COURSE").await;
            refused(&app, app.world.who(Role::Union), op, at, json!({}), 403, "EMPLOYER_ONLY").await;
            // To another employer an unconfirmed statement is not there.
            refused(&app, champion(&app), op, at, json!({}), 404, "NOT_FOUND").await;
        }
        act(&app, employer(&app), "employer-statements", &statement, "confirm", json!({})).await;
        let confirmed = now(&app, "employer-statements", &statement).await;
        let fed = app.make(champion(&app), "/v1/needs", body).await;
        assert_eq!(fed["state"], "voiced");
        refused(&app, champion(&app), Op::CorrectEmployerStatement, Some(&confirmed), json!({ "text": "x" }), 403, "NOT_YOURS").await;
    }

    /// Practice 11: partners listen, and a correction has to be heard anew.
    async fn partners_mark_a_statement_heard_and_hear_it_anew_once_corrected(app: App) {
        let statement = app.make(employer(&app), "/v1/employer-statements", said(&app)).await;
        assert_eq!(statement["confirmation"], "confirmed", "an employer's own record needs no other word");
        let college = app.world.who(Role::Institution);
        let heard = act(&app, college, "employer-statements", &statement, "hear", json!({})).await;
        assert_eq!(heard["heardBy"], json!([house(&app, Role::Institution)]));
        let corrected = act(
            &app,
            employer(&app),
            "employer-statements",
            &statement,
            "correct",
            json!({ "text": "We lose people after the first overtime season." }),
        )
        .await;
        assert_eq!((&corrected["confirmation"], &corrected["heardBy"]), (&json!("corrected"), &json!([])));
        assert_eq!(corrected["firstText"], statement["text"]);
        let statement = now(&app, "employer-statements", &statement).await;
        refused(&app, &app.world.ours.lead, Op::HearEmployerStatement, Some(&statement), json!({}), 403, "FORBIDDEN").await;
    }

    /// Practice 8: what others observe waits for an employer.
    async fn only_an_employer_voices_a_need(app: App) {
        let lead = &app.world.ours.lead;
        let observed = need(&app, app.world.who(Role::Institution)).await;
        assert_eq!(observed["state"], "draft");
        refused(&app, lead, Op::VoiceNeed, Some(&observed), json!({}), 403, "INTERMEDIARY_CANNOT_SET_COURSE").await;
        refused(&app, &app.world.service, Op::VoiceNeed, Some(&observed), json!({}), 403, "INTERMEDIARY_CANNOT_SET_COURSE").await;
        refused(&app, app.world.who(Role::Institution), Op::VoiceNeed, Some(&observed), json!({}), 403, "EMPLOYER_ONLY").await;
        let early = voice_of(&app, Role::Employer, &observed, 4);
        refused(&app, employer(&app), Op::CreateEndorsement, None, early, 409, "WRONG_STATE").await;
        let voiced = act(&app, champion(&app), "needs", &observed, "voice", json!({})).await;
        assert_eq!((&voiced["state"], &voiced["voicedByOrganizationId"]), (&json!("voiced"), &house(&app, Role::Champion)));
    }

    /// Practices 4 and 8.
    async fn each_employer_has_one_voice_on_a_need_and_nobody_else_has_any(app: App) {
        let need = need(&app, employer(&app)).await;
        endorse(&app, Role::Employer, &need, 5).await;
        let again = voice_of(&app, Role::Employer, &need, 1);
        refused(&app, employer(&app), Op::CreateEndorsement, None, again, 409, "ONE_VOICE_PER_ORGANIZATION").await;
        let other = voice_of(&app, Role::Employer, &need, 1);
        refused(&app, champion(&app), Op::CreateEndorsement, None, other.clone(), 403, "NOT_YOURS").await;
        refused(&app, app.world.who(Role::Union), Op::CreateEndorsement, None, other.clone(), 403, "EMPLOYER_ONLY").await;
        for who in [&app.world.ours.lead, &app.world.service, app.world.who(Role::IntermediaryStaff)] {
            refused(&app, who, Op::CreateEndorsement, None, other.clone(), 403, "INTERMEDIARY_CANNOT_SET_COURSE").await;
        }
    }

    /// Practice 9.
    async fn a_need_is_shared_at_the_threshold_and_withdrawals_take_it_back(app: App) {
        two_share_a_need(&app).await;
        let need = need(&app, employer(&app)).await;
        let first = endorse(&app, Role::Employer, &need, 5).await;
        assert_eq!(now(&app, "needs", &need).await["state"], "voiced");
        app.rest(app.world.who(Role::Observer), "GET", &format!("/v1/needs/{}", text(&need["id"]))).is(404).await;
        endorse(&app, Role::Champion, &need, 3).await;
        let shared = now(&app, "needs", &need).await;
        assert_eq!((&shared["state"], &shared["endorsements"]), (&json!("shared"), &json!(2)));
        assert_eq!((&shared["rankScore"], &shared["affected"]), (&json!(8002), &json!(24)));
        app.get(app.world.who(Role::Observer), &format!("/v1/needs/{}", text(&need["id"]))).await;
        app.act(employer(&app), &first, "/v1/endorsements", "withdraw", json!({ "reason": "We changed shifts." })).await;
        let back = now(&app, "needs", &need).await;
        assert_eq!((&back["state"], &back["endorsements"], &back["rankScore"]), (&json!("voiced"), &json!(1), &json!(3001)));
        // A voice once withdrawn can be raised anew.
        endorse(&app, Role::Employer, &need, 2).await;
        assert_eq!(now(&app, "needs", &need).await["state"], "shared");
    }

    /// Practice 8: feasibility is advice.
    async fn feasibility_comes_from_every_side_and_never_changes_the_order(app: App) {
        let need = need(&app, employer(&app)).await;
        endorse(&app, Role::Employer, &need, 4).await;
        let before = now(&app, "needs", &need).await;
        let rating = json!({ "needId": need["id"], "rating": 1 });
        for role in [Role::Intermediary, Role::Employer, Role::Union, Role::Institution] {
            app.make(app.world.who(role), "/v1/feasibility-ratings", rating.clone()).await;
            refused(&app, app.world.who(role), Op::CreateFeasibilityRating, None, rating.clone(), 409, "ONE_VOICE_PER_ORGANIZATION").await;
        }
        assert_eq!(now(&app, "needs", &need).await, before);
    }

    /// What an employer said of a need is known to employers and the intermediary; all others see how many.
    async fn others_see_how_many_endorse_and_not_who(app: App) {
        let need = shared_need(&app).await;
        let path = format!("/v1/needs/{}?expand=endorsedBy", text(&need["id"]));
        let seen = app.get(app.world.who(Role::Union), &path).await;
        assert_eq!((&seen["endorsements"], &seen["endorsedBy"]), (&json!(2), &json!([])));
        let seen = app.get(champion(&app), &path).await;
        assert_eq!(seen["endorsedBy"].as_array().map(Vec::len), Some(2));
        app.rest(app.world.who(Role::Union), "GET", "/v1/endorsements").is(403).await;
    }

    /// Practices 26 and 27.
    async fn a_root_confirmed_by_two_endorsing_employers_takes_the_need_on(app: App) {
        let lead = &app.world.ours.lead;
        let need = shared_need(&app).await;
        assert_eq!(need["surfaceOnly"], true);
        let root = tested_root(&app, &need).await;
        assert_eq!(now(&app, "needs", &need).await["surfaceOnly"], false);
        let word = word_on(&app, Role::Employer, &root);
        refused(&app, lead, Op::CreateCauseConfirmation, None, word.clone(), 403, "INTERMEDIARY_CANNOT_SET_COURSE").await;
        refused(&app, app.world.who(Role::Institution), Op::CreateCauseConfirmation, None, word.clone(), 403, "EMPLOYER_ONLY").await;
        let first = confirm(&app, Role::Employer, &root).await;
        assert_eq!(now(&app, "causes", &root).await["state"], "tested");
        refused(&app, employer(&app), Op::CreateCauseConfirmation, None, word, 409, "ONE_VOICE_PER_ORGANIZATION").await;
        confirm(&app, Role::Champion, &root).await;
        assert_eq!(now(&app, "causes", &root).await["state"], "confirmed");
        let caused = now(&app, "needs", &need).await;
        assert_eq!((&caused["state"], &caused["confirmedRoots"]), (&json!("root_caused"), &json!(1)));
        app.act(employer(&app), &first, "/v1/cause-confirmations", "withdraw", json!({})).await;
        assert_eq!(now(&app, "needs", &need).await["state"], "shared");
    }

    /// Practice 27: whoever does not endorse the need has no word on its causes.
    async fn causes_are_confirmed_and_rejected_by_employers_that_endorse_the_need(app: App) {
        let need = need(&app, employer(&app)).await;
        let root = tested_root(&app, &need).await;
        let word = word_on(&app, Role::Champion, &root);
        refused(&app, champion(&app), Op::CreateCauseConfirmation, None, word, 409, "ENDORSEMENT_REQUIRED").await;
        let why = json!({ "reason": "Not what we see." });
        refused(&app, champion(&app), Op::RejectCause, Some(&root), why.clone(), 409, "ENDORSEMENT_REQUIRED").await;
        endorse(&app, Role::Champion, &need, 3).await;
        let rejected = act(&app, champion(&app), "causes", &root, "reject", why).await;
        assert_eq!(rejected["state"], "rejected");
        assert_eq!(now(&app, "needs", &need).await["surfaceOnly"], true);
    }

    /// Practice 26: a tree, from the surface to the root, of one need.
    async fn a_tree_of_causes_has_no_circle_and_nothing_beneath_a_root(app: App) {
        let lead = &app.world.ours.lead;
        let (one, another) = (need(&app, employer(&app)).await, need(&app, champion(&app)).await);
        let surface = cause(&app, lead, &one, "surface", None).await;
        let root = cause(&app, lead, &one, "root", Some(&surface)).await;
        let body = |need: &Value, level: &str, parent: Option<&Value>| {
            let mut body = json!({ "needId": need["id"], "level": level, "text": "Why" });
            if let Some(parent) = parent {
                body["parentId"] = parent["id"].clone();
            }
            body
        };
        for (wrong, pointer, code) in [
            (body(&one, "root", None), "/level", "wrong_level"),
            (body(&one, "surface", Some(&surface)), "/level", "wrong_level"),
            (body(&one, "contributing", Some(&root)), "/parentId", "beneath_root"),
            (body(&another, "root", Some(&surface)), "/parentId", "of_another_need"),
        ] {
            app.rest(lead, "POST", "/v1/causes").json(wrong).send().await.refuses_member(pointer, code);
        }
        refused(&app, lead, Op::ArchiveCause, Some(&surface), Value::Null, 409, "IN_USE").await;
        app.patch(lead, &surface, "/v1/causes", json!({ "parentId": root["id"] })).await.refuses_member("/parentId", "unknown_member");
    }

    /// Practice 8: needs are listed in the order employers gave them.
    async fn needs_are_listed_in_the_order_employers_gave_them(app: App) {
        let (low, high) = (need(&app, employer(&app)).await, need(&app, employer(&app)).await);
        endorse(&app, Role::Employer, &low, 2).await;
        endorse(&app, Role::Employer, &high, 5).await;
        let listed = app.get(app.world.who(Role::Institution), "/v1/needs?sort=-rankScore").await;
        let order: Vec<&Value> = listed["items"].as_array().unwrap().iter().map(|need| &need["id"]).collect();
        assert_eq!(order[..2], [&high["id"], &low["id"]]);
    }

    /// Practice 8: the words an employer voiced are not the intermediary's to change.
    async fn the_wording_of_a_voiced_need_is_the_employers(app: App) {
        let lead = &app.world.ours.lead;
        let voiced = need(&app, employer(&app)).await;
        let patch = json!({ "title": "People leave" });
        refused(&app, lead, Op::UpdateNeed, Some(&voiced), patch.clone(), 403, "INTERMEDIARY_CANNOT_SET_COURSE").await;
        refused(&app, champion(&app), Op::UpdateNeed, Some(&voiced), patch.clone(), 403, "NOT_YOURS").await;
        app.patch(employer(&app), &voiced, "/v1/needs", patch.clone()).await.is(200);
        endorse(&app, Role::Champion, &voiced, 3).await;
        let endorsed = now(&app, "needs", &voiced).await;
        refused(&app, employer(&app), Op::UpdateNeed, Some(&endorsed), patch, 409, "WRONG_STATE").await;
        let why = json!({ "reason": "Another matter comes first." });
        refused(&app, lead, Op::ParkNeed, Some(&endorsed), why.clone(), 403, "INTERMEDIARY_CANNOT_SET_COURSE").await;
        let parked = act(&app, employer(&app), "needs", &voiced, "park", why).await;
        assert_eq!(parked["state"], "parked");
        let resumed = act(&app, employer(&app), "needs", &voiced, "resume", json!({})).await;
        assert_eq!(resumed["state"], "voiced");
    }

    /// However many speak at once, each organisation is counted once.
    async fn sixty_four_endorsements_of_one_employer_at_once_leave_one_voice(app: App) {
        let need = need(&app, employer(&app)).await;
        let voice = |_| {
            let body = voice_of(&app, Role::Employer, &need, 5);
            app.rest(employer(&app), "POST", "/v1/endorsements").json(body).send()
        };
        let answers = futures_util::future::join_all((0..64).map(voice)).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            assert!(matches!(answer.code(), "ONE_VOICE_PER_ORGANIZATION" | "UNAVAILABLE"), "{}", answer.body);
        }
        let need = now(&app, "needs", &need).await;
        assert_eq!((&need["endorsements"], &need["rankScore"]), (&json!(1), &json!(5001)));
    }
}
