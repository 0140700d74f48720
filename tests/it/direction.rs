//! Direction: from what employers say to solutions that fit, with the intermediary never setting the course. Refusals
//! are asked for at both doors.

use roundtable_kernel::op::Op;
use roundtable_kernel::standing::Role;
use serde_json::{Value, json};

use crate::harness::client::text;
use crate::harness::{App, Who, refused};

/// The record as it stands by now.
pub(crate) async fn now(app: &App, path: &str, record: &Value) -> Value {
    app.get(&app.world.ours.lead, &format!("/v1/{path}/{}", text(&record["id"]))).await
}

/// Does a named thing to a record as it stands by now.
pub(crate) async fn act(app: &App, who: &Who, path: &str, record: &Value, verb: &str, body: Value) -> Value {
    let record = now(app, path, record).await;
    app.act(who, &record, &format!("/v1/{path}"), verb, body).await
}

/// Two employers are at this table, so two share a need.
async fn two_share_a_need(app: &App) {
    let setting = json!({ "key": "shared_need_min_employers", "value": "2", "reason": "a small table" });
    app.make(&app.world.ours.lead, "/v1/policy-settings", setting).await;
}

pub(crate) fn employer(app: &App) -> &Who {
    app.world.who(Role::Employer)
}

pub(crate) fn champion(app: &App) -> &Who {
    app.world.who(Role::Champion)
}

pub(crate) fn house(app: &App, role: Role) -> Value {
    json!(app.world.ours.organization[&role])
}

fn wording(title: &str) -> Value {
    json!({ "title": title, "problemStatement": "Half of those we hire leave in the first year.", "kind": "retention" })
}

pub(crate) async fn need(app: &App, who: &Who) -> Value {
    app.make(who, "/v1/needs", wording("People leave in the first year")).await
}

fn voice_of(app: &App, role: Role, need: &Value, importance: i32) -> Value {
    json!({ "needId": need["id"], "organizationId": house(app, role), "importance": importance, "affectedCount": 12 })
}

pub(crate) async fn endorse(app: &App, role: Role, need: &Value, importance: i32) -> Value {
    app.make(app.world.who(role), "/v1/endorsements", voice_of(app, role, need, importance)).await
}

pub(crate) async fn shared_need(app: &App) -> Value {
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

pub(crate) fn word_on(app: &App, role: Role, cause: &Value) -> Value {
    json!({ "causeId": cause["id"], "organizationId": house(app, role) })
}

pub(crate) async fn confirm(app: &App, role: Role, cause: &Value) -> Value {
    app.make(app.world.who(role), "/v1/cause-confirmations", word_on(app, role, cause)).await
}

/// A root cause that was held against evidence.
pub(crate) async fn tested_root(app: &App, need: &Value) -> Value {
    let lead = &app.world.ours.lead;
    let surface = cause(app, lead, need, "surface", None).await;
    let root = cause(app, app.world.who(Role::Institution), need, "root", Some(&surface)).await;
    act(app, lead, "causes", &root, "test", json!({ "evidence": "Eleven exit talks of the last year." })).await
}

pub(crate) async fn root_caused_need(app: &App) -> Value {
    let need = shared_need(app).await;
    let root = tested_root(app, &need).await;
    confirm(app, Role::Employer, &root).await;
    confirm(app, Role::Champion, &root).await;
    now(app, "needs", &need).await
}

pub(crate) fn said(app: &App) -> Value {
    json!({
        "employerOrganizationId": house(app, Role::Employer), "text": "We lose people after the first winter.",
        "saidOn": "2026-01-12", "setting": "visit",
    })
}

pub(crate) async fn input(app: &App, who: &Who, kind: &str, more: Value) -> Value {
    let mut body = json!({ "kind": kind, "text": "Will anybody stay for that?" });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    app.make(who, "/v1/inputs", body).await
}

/// A second look whose questions are answered.
async fn answered_look(app: &App, more: Value) -> Value {
    let mut body = json!({
        "subject": "The evening course of 2016", "problemAimedAt": "Too few applicants", "problemDefinedBy": "The college",
        "peopleServed": "Eleven adults", "whatHappened": "Two finished", "whyItStopped": "The money ended",
    });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let look = app.make(&app.world.ours.lead, "/v1/second-looks", body).await;
    let patch = json!({ "whatDiffersNow": "Employers pay for the hours" });
    app.patch(&app.world.ours.lead, &look, "/v1/second-looks", patch).await.is(200).clone()
}

pub(crate) fn plan(app: &App, need: &Value) -> Value {
    json!({
        "origin": "need_led", "title": "Mentors for the first year", "text": "Each newcomer has a mentor on the floor.",
        "needIds": [need["id"]], "designerOrganizationIds": [house(app, Role::Employer), house(app, Role::Institution)],
        "alternativesConsidered": ["A bonus after six months"],
    })
}

pub(crate) async fn designed(app: &App, body: Value) -> Value {
    let solution = app.make(app.world.who(Role::Institution), "/v1/solutions", body).await;
    act(app, employer(app), "solutions", &solution, "take-on", json!({})).await;
    act(app, &app.world.ours.lead, "solutions", &solution, "design", json!({})).await
}

pub(crate) fn approval(app: &App, role: Role, solution: &Value) -> Value {
    json!({ "solutionId": solution["id"], "organizationId": house(app, role) })
}

pub(crate) async fn adopted(app: &App) -> (Value, Value) {
    let need = root_caused_need(app).await;
    let solution = designed(app, plan(app, &need)).await;
    app.make(employer(app), "/v1/solution-approvals", approval(app, Role::Employer, &solution)).await;
    (now(app, "needs", &need).await, now(app, "solutions", &solution).await)
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

    /// Practices 9 and 10: shared is what employers at the table share.
    async fn the_voice_of_an_employer_that_rests_counts_again_once_it_is_back(app: App) {
        let lead = &app.world.ours.lead;
        let need = shared_need(&app).await;
        assert_eq!((&need["state"], &need["endorsements"]), (&json!("shared"), &json!(2)));
        let organization = app.world.ours.organization[&Role::Champion];
        let found = app.get(lead, &format!("/v1/partners?organizationId={organization}")).await;
        let partner = found["items"][0].clone();
        act(&app, lead, "partners", &partner, "rest", json!({})).await;
        let alone = now(&app, "needs", &need).await;
        assert_eq!((&alone["state"], &alone["endorsements"]), (&json!("voiced"), &json!(1)));
        act(&app, lead, "partners", &partner, "reactivate", json!({})).await;
        let again = now(&app, "needs", &need).await;
        assert_eq!((&again["state"], &again["endorsements"]), (&json!("shared"), &json!(2)));
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

    /// Practice 8: the order is everybody's to know, the weights behind it are not.
    async fn others_see_the_order_of_needs_and_not_the_weights_behind_it(app: App) {
        let mut made = Vec::new();
        for importance in [2, 5, 3] {
            let need = need(&app, employer(&app)).await;
            endorse(&app, Role::Employer, &need, importance).await;
            made.push(need);
        }
        let ids: Vec<&str> = made.iter().map(|need| text(&need["id"])).collect();
        let union = app.world.who(Role::Union);
        let path = format!("/v1/needs?first=1&sort=-rankScore&id={}", ids.join(","));
        let (mut next, mut order) = (path.clone(), Vec::new());
        loop {
            let page = app.get(union, &next).await;
            let shown = &page["items"][0];
            assert!(shown.get("rankScore").is_none() && shown.get("affected").is_none(), "{shown}");
            order.push(shown["id"].clone());
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
            next = format!("{path}&after={}", text(&page["pageInfo"]["endCursor"]));
        }
        assert_eq!(order, [made[1]["id"].clone(), made[2]["id"].clone(), made[0]["id"].clone()]);
        // Nor are they felt for with a cursor that holds a weight.
        let seen = app.get(employer(&app), &path).await;
        assert_eq!(seen["items"][0]["rankScore"], 5001);
        let weighted = format!("{path}&after={}", text(&seen["pageInfo"]["endCursor"]));
        assert_eq!(app.get(employer(&app), &weighted).await["items"][0]["id"], order[1]);
        app.rest(union, "GET", &weighted).send().await.refused(400, "INVALID_CURSOR");
        let query = format!("{{ need(id: \"{}\") {{ rankScore affected endorsements }} }}", ids[0]);
        let seen = app.gql(union, &query, Value::Null).await;
        assert_eq!(seen.ok()["need"], json!({ "rankScore": null, "affected": null, "endorsements": 1 }));
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
        let listed = app.get(app.world.who(Role::Institution), &format!("/v1/needs?sort=-rankScore&id={},{}", text(&low["id"]), text(&high["id"])))
            .await;
        let order: Vec<&Value> = listed["items"].as_array().unwrap().iter().map(|need| &need["id"]).collect();
        assert_eq!(order, [&high["id"], &low["id"]]);
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
        refused(&app, employer(&app), Op::ParkNeed, Some(&endorsed), why.clone(), 409, "ENDORSEMENT_REQUIRED").await;
        let parked = act(&app, champion(&app), "needs", &voiced, "park", why).await;
        assert_eq!(parked["state"], "parked");
        let resumed = act(&app, champion(&app), "needs", &voiced, "resume", json!({})).await;
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

    /// Practice 15.
    async fn an_input_is_answered_by_its_day_and_never_put_away_unanswered(app: App) {
        let lead = &app.world.ours.lead;
        let college = app.world.who(Role::Institution);
        let asked = input(&app, college, "question", json!({})).await;
        let due = chrono::Utc::now().date_naive() + chrono::Days::new(10);
        assert_eq!(asked["answerBy"], json!(due));
        refused(&app, lead, Op::ArchiveInput, Some(&asked), Value::Null, 409, "INPUT_UNANSWERED").await;
        refused(&app, college, Op::ArchiveInput, Some(&asked), Value::Null, 409, "INPUT_UNANSWERED").await;
        refused(&app, college, Op::AnswerInput, Some(&asked), json!({ "answer": "Yes." }), 403, "FORBIDDEN").await;
        act(&app, lead, "inputs", &asked, "acknowledge", json!({})).await;
        let parked = act(&app, lead, "inputs", &asked, "park", json!({ "reason": "Until spring." })).await;
        refused(&app, lead, Op::ArchiveInput, Some(&parked), Value::Null, 409, "INPUT_UNANSWERED").await;
        act(&app, lead, "inputs", &asked, "answer", json!({ "answer": "Yes." })).await;
        let again = act(&app, college, "inputs", &asked, "reopen", json!({})).await;
        assert_eq!(again["state"], "new");
        act(&app, lead, "inputs", &asked, "answer", json!({ "answer": "Yes, from May." })).await;
        act(&app, college, "inputs", &asked, "close", json!({})).await;
    }

    /// Practice 15: a doubt may be raised without the others knowing by whom.
    async fn nobody_but_its_own_and_the_intermediary_learns_who_is_behind_a_masked_doubt(app: App) {
        let lead = &app.world.ours.lead;
        let masked = json!({ "masked": true });
        let unions = input(&app, app.world.who(Role::Union), "doubt", masked.clone()).await;
        let employers = input(&app, employer(&app), "doubt", masked).await;
        let path = |doubt: &Value| format!("/v1/inputs/{}?expand=from", text(&doubt["id"]));
        let names = |doubt: &Value| -> Vec<String> { doubt.as_object().unwrap().keys().cloned().collect() };
        let college = app.world.who(Role::Institution);
        let (one, another) = (app.get(college, &path(&unions)).await, app.get(college, &path(&employers)).await);
        assert_eq!(names(&one), names(&another));
        for hidden in ["fromOrganizationId", "fromPersonId", "from"] {
            assert!(one.get(hidden).is_none(), "{hidden}");
        }
        for knows in [lead, app.world.who(Role::Union)] {
            assert_eq!(app.get(knows, &path(&unions)).await["fromOrganizationId"], house(&app, Role::Union));
        }
        let listed = app.get(college, &format!("/v1/inputs?id={},{}", text(&unions["id"]), text(&employers["id"]))).await;
        assert!(listed["items"].as_array().unwrap().iter().all(|doubt| doubt.get("fromOrganizationId").is_none()));
        let query = format!("{{ input(id: {}) {{ fromOrganizationId from {{ id }} }} }}", unions["id"]);
        let seen = app.gql(college, &query, Value::Null).await;
        assert_eq!(seen.ok()["input"], json!({ "fromOrganizationId": null, "from": null }));
        let body = json!({ "kind": "idea", "text": "Mentors", "masked": true });
        app.rest(college, "POST", "/v1/inputs").json(body).send().await.refuses_member("/masked", "not_a_doubt");
    }

    /// Practices 16 and 17.
    async fn a_claim_opens_a_second_look_that_concludes_with_all_questions_answered(app: App) {
        let lead = &app.world.ours.lead;
        let claim = json!({ "claimType": "tried_before", "attemptedYear": 2016 });
        let claim = input(&app, employer(&app), "claim", claim).await;
        assert_eq!(claim["state"], "second_look");
        let look = app.get(lead, &format!("/v1/second-looks/{}", text(&claim["secondLookId"]))).await;
        assert_eq!((&look["state"], &look["inputId"]), (&json!("opened"), &claim["id"]));
        let look = act(&app, employer(&app), "second-looks", &look, "review", json!({})).await;
        let found = json!({ "finding": "not_a_solution", "failureReason": "problem_not_identified" });
        let op = Op::ConcludeSecondLook;
        refused(&app, lead, op, Some(&look), found.clone(), 403, "INTERMEDIARY_CANNOT_SET_COURSE").await;
        refused(&app, employer(&app), op, Some(&look), found.clone(), 409, "QUESTIONS_UNANSWERED").await;
        let answers = json!({
            "problemAimedAt": "Too few applicants", "problemDefinedBy": "The college", "peopleServed": "Eleven adults",
            "whatHappened": "Two finished", "whyItStopped": "The money ended", "whatDiffersNow": "Employers pay",
        });
        app.patch(lead, &look, "/v1/second-looks", answers).await.is(200);
        let observer = app.world.who(Role::Observer);
        let path = format!("/v1/second-looks/{}", text(&look["id"]));
        app.rest(observer, "GET", &path).is(404).await;
        let concluded = act(&app, employer(&app), "second-looks", &look, "conclude", found).await;
        assert_eq!(concluded["failureReason"], "problem_not_identified");
        assert_eq!(app.get(observer, &path).await["state"], "concluded");
        let why = json!({ "reason": "The college found its old records." });
        let again = act(&app, app.world.who(Role::Institution), "second-looks", &look, "reopen", why).await;
        assert_eq!(again["state"], "gathering");
    }

    /// Practices 20 and 28: an employer reviews, and the owner is heard first.
    async fn an_employer_reviews_a_second_look_and_its_owner_is_heard_first(app: App) {
        let look = answered_look(&app, json!({ "ownerOrganizationId": house(&app, Role::Institution) })).await;
        let union = app.world.who(Role::Union);
        let look = act(&app, union, "second-looks", &look, "review", json!({})).await;
        let (op, found) = (Op::ConcludeSecondLook, json!({ "finding": "adaptable" }));
        refused(&app, union, op, Some(&look), found.clone(), 409, "EMPLOYER_REVIEW_REQUIRED").await;
        refused(&app, champion(&app), op, Some(&look), found.clone(), 403, "NOT_YOURS").await;
        let look = act(&app, employer(&app), "second-looks", &look, "review", json!({})).await;
        refused(&app, employer(&app), op, Some(&look), found.clone(), 409, "OWNER_REPLY_PENDING").await;
        let (op, reply) = (Op::ReplySecondLook, json!({ "reply": "We would teach it on the floor today." }));
        let lead = &app.world.ours.lead;
        refused(&app, lead, op, Some(&look), reply.clone(), 403, "INTERMEDIARY_CANNOT_SET_COURSE").await;
        refused(&app, union, op, Some(&look), reply.clone(), 403, "NOT_YOURS").await;
        act(&app, app.world.who(Role::Institution), "second-looks", &look, "reply", reply).await;
        let concluded = act(&app, employer(&app), "second-looks", &look, "conclude", found).await;
        assert_eq!((&concluded["finding"], &concluded["ownerSilent"]), (&json!("adaptable"), &json!(false)));
    }

    /// Practice 12.
    async fn offers_are_made_by_whose_they_are_against_a_need_or_a_cause(app: App) {
        let lead = &app.world.ours.lead;
        let need = need(&app, employer(&app)).await;
        let body =
            json!({ "needId": need["id"], "organizationId": house(&app, Role::Institution), "text": "Twelve places" });
        refused(&app, lead, Op::CreateOffer, None, body.clone(), 403, "INTERMEDIARY_CANNOT_SET_COURSE").await;
        refused(&app, app.world.who(Role::Union), Op::CreateOffer, None, body.clone(), 403, "NOT_YOURS").await;
        let college = app.world.who(Role::Institution);
        let offer = app.make(college, "/v1/offers", body.clone()).await;
        let explored = act(&app, lead, "offers", &offer, "explore", json!({})).await;
        assert_eq!(explored["state"], "exploring");
        let mut neither = body;
        neither["needId"] = Value::Null;
        app.rest(college, "POST", "/v1/offers").json(neither).send().await.refuses_member("/needId", "need_or_cause");
    }

    /// Practices 8, 9 and 24: problem, underlying cause, right solution.
    async fn no_solution_is_adopted_before_the_need_is_shared_and_its_cause_confirmed(app: App) {
        two_share_a_need(&app).await;
        let need = need(&app, employer(&app)).await;
        let solution = designed(&app, plan(&app, &need)).await;
        let (op, word) = (Op::CreateSolutionApproval, approval(&app, Role::Employer, &solution));
        refused(&app, employer(&app), op, None, word.clone(), 409, "ENDORSEMENT_REQUIRED").await;
        endorse(&app, Role::Employer, &need, 5).await;
        refused(&app, employer(&app), op, None, word.clone(), 409, "SHARED_NEED_THRESHOLD").await;
        endorse(&app, Role::Champion, &need, 4).await;
        refused(&app, employer(&app), op, None, word.clone(), 409, "ROOT_CAUSE_REQUIRED").await;
        let root = tested_root(&app, &need).await;
        confirm(&app, Role::Employer, &root).await;
        confirm(&app, Role::Champion, &root).await;
        refused(&app, &app.world.ours.lead, op, None, word.clone(), 403, "INTERMEDIARY_CANNOT_SET_COURSE").await;
        refused(&app, app.world.who(Role::Institution), op, None, word.clone(), 403, "EMPLOYER_ONLY").await;
        app.make(employer(&app), "/v1/solution-approvals", word).await;
        assert_eq!(now(&app, "solutions", &solution).await["state"], "adopted");
        assert_eq!(now(&app, "needs", &need).await["state"], "solving");
        let met = act(&app, employer(&app), "needs", &need, "meet", json!({})).await;
        assert_eq!(met["state"], "met");
    }

    /// Practice 8: adoption takes the quorum of the employers that endorsed, each counted once.
    async fn a_solution_is_adopted_by_the_quorum_of_endorsing_employers(app: App) {
        let setting = json!({ "key": "adoption_quorum", "value": "1", "reason": "we decide together" });
        app.make(&app.world.ours.lead, "/v1/policy-settings", setting).await;
        let need = root_caused_need(&app).await;
        let solution = designed(&app, plan(&app, &need)).await;
        let (op, word) = (Op::CreateSolutionApproval, approval(&app, Role::Employer, &solution));
        app.make(employer(&app), "/v1/solution-approvals", word.clone()).await;
        refused(&app, employer(&app), op, None, word, 409, "ONE_VOICE_PER_ORGANIZATION").await;
        let half = now(&app, "solutions", &solution).await;
        assert_eq!((&half["state"], &half["approvals"]), (&json!("designing"), &json!(1)));
        assert_eq!(half["approvalsNeeded"], 2);
        app.make(champion(&app), "/v1/solution-approvals", approval(&app, Role::Champion, &solution)).await;
        assert_eq!(now(&app, "solutions", &solution).await["state"], "adopted");
    }

    /// Practices 13, 28 and 30.
    async fn a_solution_is_designed_jointly_held_beside_others_and_builds_on_second_looks(app: App) {
        let need = root_caused_need(&app).await;
        let college = app.world.who(Role::Institution);
        let mut alone = plan(&app, &need);
        alone["designerOrganizationIds"] = json!([house(&app, Role::Institution)]);
        let alone = app.make(college, "/v1/solutions", alone).await;
        refused(&app, college, Op::DesignSolution, Some(&alone), json!({}), 409, "DESIGN_NOT_JOINT").await;
        let mut only = plan(&app, &need);
        only["alternativesConsidered"] = json!([]);
        let only = designed(&app, only).await;
        let (op, word) = (Op::CreateSolutionApproval, approval(&app, Role::Employer, &only));
        refused(&app, employer(&app), op, None, word, 409, "ALTERNATIVES_REQUIRED").await;
        let look = answered_look(&app, json!({})).await;
        let mut built = plan(&app, &need);
        built["secondLookIds"] = json!([look["id"]]);
        let built = designed(&app, built).await;
        let word = approval(&app, Role::Employer, &built);
        refused(&app, employer(&app), op, None, word.clone(), 409, "SECOND_LOOK_DUE").await;
        let look = act(&app, employer(&app), "second-looks", &look, "review", json!({})).await;
        act(&app, employer(&app), "second-looks", &look, "conclude", json!({ "finding": "solution" })).await;
        app.make(employer(&app), "/v1/solution-approvals", word).await;
        assert_eq!(now(&app, "solutions", &built).await["state"], "adopted");
    }

    /// Practice 23.
    async fn a_solution_in_search_of_a_problem_waits_for_a_need_that_others_raised(app: App) {
        let college = app.world.who(Role::Institution);
        let own = need(&app, college).await;
        let mut body = plan(&app, &own);
        body["origin"] = json!("solution_led");
        let ours = app.make(college, "/v1/solutions", body).await;
        assert_eq!(ours["seekingProblem"], true);
        refused(&app, college, Op::DesignSolution, Some(&ours), json!({}), 409, "SOLUTION_SEEKS_PROBLEM").await;
        let voiced = need(&app, champion(&app)).await;
        let found = app.patch(college, &ours, "/v1/solutions", json!({ "needIds": [voiced["id"]] })).await;
        assert_eq!(found.is(200)["seekingProblem"], false);
    }

    /// Practice 3: employers say how well it fits, each once, and the average stands on the solution.
    async fn employers_score_how_well_a_solution_fits(app: App) {
        let need = need(&app, employer(&app)).await;
        let solution = app.make(&app.world.ours.lead, "/v1/solutions", plan(&app, &need)).await;
        let score = |role: Role, score: i32| {
            let own = house(&app, role);
            json!({ "solutionId": solution["id"], "needId": need["id"], "organizationId": own, "score": score })
        };
        app.make(employer(&app), "/v1/fit-scores", score(Role::Employer, 5)).await;
        app.make(champion(&app), "/v1/fit-scores", score(Role::Champion, 2)).await;
        let (op, again) = (Op::CreateFitScore, score(Role::Champion, 4));
        refused(&app, champion(&app), op, None, again.clone(), 409, "ONE_VOICE_PER_ORGANIZATION").await;
        refused(&app, &app.world.ours.lead, op, None, again, 403, "INTERMEDIARY_CANNOT_SET_COURSE").await;
        let scored = now(&app, "solutions", &solution).await;
        assert_eq!((&scored["fitScores"], &scored["fitAverage"]), (&json!(2), &json!(3.5)));
    }

    /// Practices 7, 13 and 52.
    async fn a_step_leads_to_a_long_term_goal_and_starts_once_its_lead_took_it_on(app: App) {
        let lead = &app.world.ours.lead;
        let (_, solution) = adopted(&app).await;
        let near = json!({ "statement": "Mentors named in every shop", "horizon": "short" });
        let near = app.make(lead, "/v1/goals", near).await;
        let step = json!({
            "title": "Name the mentors", "goalId": near["id"], "solutionId": solution["id"],
            "leadOrganizationId": house(&app, Role::Institution),
        });
        let loose = app.rest(lead, "POST", "/v1/plan-steps").json(step.clone()).send().await;
        loose.refuses_member("/goalId", "unconnected");
        let far = app.make(lead, "/v1/goals", json!({ "statement": "People stay", "horizon": "long" })).await;
        app.patch(lead, &near, "/v1/goals", json!({ "parentGoalId": far["id"] })).await.is(200);
        refused(&app, lead, Op::AgreeGoal, Some(&far), json!({}), 403, "INTERMEDIARY_CANNOT_SET_COURSE").await;
        act(&app, employer(&app), "goals", &far, "agree", json!({})).await;
        let step = app.make(lead, "/v1/plan-steps", step).await;
        let college = app.world.who(Role::Institution);
        refused(&app, college, Op::StartPlanStep, Some(&step), json!({}), 409, "RESPONSIBILITY_NOT_ACCEPTED").await;
        refused(&app, lead, Op::AcceptPlanStep, Some(&step), json!({}), 403, "INTERMEDIARY_CANNOT_SET_COURSE").await;
        refused(&app, app.world.who(Role::Union), Op::AcceptPlanStep, Some(&step), json!({}), 403, "NOT_YOURS").await;
        act(&app, college, "plan-steps", &step, "accept", json!({})).await;
        let started = act(&app, college, "plan-steps", &step, "start", json!({})).await;
        assert_eq!(started["state"], "started");
    }

    /// Practice 29.
    async fn a_trace_shows_what_hangs_on_a_need_as_far_as_the_reader_may_know(app: App) {
        let lead = &app.world.ours.lead;
        let (need, solution) = adopted(&app).await;
        let offer = json!({ "needId": need["id"], "organizationId": house(&app, Role::Institution), "text": "Places" });
        app.make(app.world.who(Role::Institution), "/v1/offers", offer).await;
        let doubt = json!({ "needId": need["id"], "masked": true });
        input(&app, app.world.who(Role::Union), "doubt", doubt).await;
        let path = format!("/v1/needs/{}/trace", text(&need["id"]));
        let whole = app.get(lead, &path).await;
        let kinds = |trace: &Value| -> Vec<String> {
            let nodes = trace["nodes"].as_array().unwrap();
            let mut kinds: Vec<String> = nodes.iter().map(|node| text(&node["kind"]).to_owned()).collect();
            kinds.sort();
            kinds
        };
        assert_eq!(kinds(&whole), ["Cause", "Cause", "Input", "Need", "Offer", "Solution"]);
        let solved = json!({ "from": need["id"], "to": solution["id"], "relation": "solved_by" });
        assert!(whole["links"].as_array().unwrap().contains(&solved));
        let outside = app.get(app.world.who(Role::Observer), &path).await;
        assert_eq!(kinds(&outside), ["Need", "Solution"]);
        let query = format!("{{ needTrace(id: {}) {{ nodes {{ id kind label state }} }} }}", need["id"]);
        let through_graphql = app.gql(lead, &query, Value::Null).await;
        assert_eq!(through_graphql.ok()["needTrace"]["nodes"], whole["nodes"]);
    }
}
