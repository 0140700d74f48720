//! The inbox: what partners bring is answered by its day, carried on with credit, and closed once it is settled.

use chrono::TimeDelta;
use roundtable_entity::event;
use roundtable_kernel::op::Op;
use roundtable_kernel::standing::Role;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};

use crate::harness::client::{id, text};
use crate::harness::{App, Who, refused};

fn house(app: &App, role: Role) -> Value {
    json!(app.world.ours.organization[&role])
}

async fn input(app: &App, who: &Who, kind: &str, more: Value) -> Value {
    let mut body = json!({ "kind": kind, "text": "Who pays for the hours of the mentors?" });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    app.make(who, "/v1/inputs", body).await
}

async fn now(app: &App, path: &str, record: &Value) -> Value {
    app.get(&app.world.ours.lead, &format!("/v1/{path}/{}", text(&record["id"]))).await
}

async fn act(app: &App, who: &Who, record: &Value, verb: &str, body: Value) -> Value {
    let record = now(app, "inputs", record).await;
    app.act(who, &record, "/v1/inputs", verb, body).await
}

/// The record an input was made into, as the intermediary sees it.
async fn made(app: &App, path: &str, input: &Value) -> Value {
    app.get(&app.world.ours.lead, &format!("/v1/{path}/{}", text(&input["convertedToId"]))).await
}

/// Some days later, with what the server does by itself then.
async fn days_later(app: &App, days: i64) {
    app.server.app.clock.advance(TimeDelta::days(days));
    roundtable_server::serve::sweep(&app.server.app).await.unwrap();
}

async fn told(app: &App, kind: &str, record: &Value) -> u64 {
    event::Entity::find()
        .filter(event::Column::Kind.eq(kind))
        .filter(event::Column::RecordId.eq(id(&record["id"])))
        .count(app.server.app.store.read())
        .await
        .unwrap()
}

cases! {
    /// Practice 15: an input becomes what carries it on, and whoever brought it keeps the credit.
    async fn an_input_is_made_into_what_carries_it_on_with_credit_to_its_author(app: App) {
        let lead = &app.world.ours.lead;
        let (union, college) = (app.world.who(Role::Union), app.world.who(Role::Institution));
        let idea = input(&app, union, "idea", json!({ "subject": "Hours for mentors" })).await;
        refused(&app, college, Op::ConvertInput, Some(&idea), json!({ "to": "need" }), 403, "NOT_YOURS").await;
        let idea = act(&app, lead, &idea, "convert", json!({ "to": "need", "needKind": "retention" })).await;
        assert_eq!((&idea["state"], &idea["convertedToType"]), (&json!("converted"), &json!("need")));
        let need = made(&app, "needs", &idea).await;
        assert_eq!((&need["state"], &need["title"], &need["kind"]), (&json!("draft"), &json!("Hours for mentors"), &json!("retention")));
        assert_eq!(need["raisedByOrganizationId"], house(&app, Role::Union));
        refused(&app, lead, Op::ConvertInput, Some(&idea), json!({ "to": "need" }), 409, "WRONG_STATE").await;
        // An employer's input is made into a draft too: voicing is a step of its own.
        let employers = input(&app, app.world.who(Role::Employer), "input", json!({})).await;
        let employers = act(&app, app.world.who(Role::Employer), &employers, "convert", json!({ "to": "need" })).await;
        assert_eq!(made(&app, "needs", &employers).await["state"], "draft");

        let found = input(&app, college, "input", json!({ "subject": "A simulator nobody uses" })).await;
        let found = act(&app, lead, &found, "convert", json!({ "to": "resource", "entryKind": "asset" })).await;
        let entry = made(&app, "resources", &found).await;
        assert_eq!((&entry["recordState"], &entry["discoveredByOrganizationId"]), (&json!("draft"), &house(&app, Role::Institution)));

        let offered = input(&app, college, "idea", json!({ "needId": need["id"] })).await;
        refused(&app, lead, Op::ConvertInput, Some(&offered), json!({ "to": "offer" }), 403, "INTERMEDIARY_CANNOT_SET_COURSE").await;
        let offered = act(&app, college, &offered, "convert", json!({ "to": "offer" })).await;
        let offer = made(&app, "offers", &offered).await;
        assert_eq!((&offer["organizationId"], &offer["needId"]), (&house(&app, Role::Institution), &need["id"]));

        let question = input(&app, union, "question", json!({ "needId": need["id"] })).await;
        let nowhere = app.rest(lead, "POST", &format!("/v1/inputs/{}/convert", text(&question["id"]))).version(1).json(json!({ "to": "agenda_item" }));
        nowhere.send().await.refuses_member("/meetingId", "required");
        let meeting = app.get(lead, "/v1/meetings?state=scheduled&first=1").await["items"][0]["id"].clone();
        let question = act(&app, lead, &question, "convert", json!({ "to": "agenda_item", "meetingId": meeting, "minutes": 5 })).await;
        let item = made(&app, "agenda-items", &question).await;
        assert_eq!((&item["presenterOrganizationId"], &item["needId"]), (&house(&app, Role::Union), &need["id"]));
    }

    /// Practice 15: nor does what a masked doubt was made into tell whose it was.
    async fn what_a_masked_doubt_is_made_into_names_nobody(app: App) {
        let lead = &app.world.ours.lead;
        let (union, college) = (app.world.who(Role::Union), app.world.who(Role::Institution));
        for (to, path) in [("need", "needs"), ("resource", "resources"), ("agenda_item", "agenda-items")] {
            let doubt = input(&app, union, "doubt", json!({ "masked": true })).await;
            refused(&app, union, Op::ConvertInput, Some(&doubt), json!({ "to": to }), 403, "FORBIDDEN").await;
            let mut body = json!({ "to": to });
            if to == "agenda_item" {
                body["meetingId"] = app.get(lead, "/v1/meetings?state=scheduled&first=1").await["items"][0]["id"].clone();
                body["minutes"] = json!(5);
            }
            let doubt = act(&app, lead, &doubt, "convert", body).await;
            let record = made(&app, path, &doubt).await;
            let own = text(&house(&app, Role::Union)).to_owned();
            assert!(!record.to_string().contains(&own), "{to}: {record}");
            let seen = app.get(college, &format!("/v1/inputs/{}", text(&doubt["id"]))).await;
            assert!(!seen.to_string().contains(&own), "{to}: {seen}");
        }
        let doubt = input(&app, union, "doubt", json!({ "masked": true })).await;
        refused(&app, lead, Op::ConvertInput, Some(&doubt), json!({ "to": "offer" }), 403, "INTERMEDIARY_CANNOT_SET_COURSE").await;
    }

    /// Practice 15: what waits past its day is told of once, and can be listed.
    async fn an_input_past_its_day_is_overdue_until_it_is_answered(app: App) {
        let lead = &app.world.ours.lead;
        let asked = input(&app, app.world.who(Role::Institution), "question", json!({})).await;
        let list = format!("/v1/inputs?overdue=true&id={}", text(&asked["id"]));
        days_later(&app, 10).await;
        assert_eq!(app.get(lead, &list).await["items"], json!([]), "the day itself is in time");
        days_later(&app, 1).await;
        days_later(&app, 1).await;
        assert_eq!(app.get(lead, &list).await["items"][0]["overdue"], true);
        assert_eq!(told(&app, "input.overdue", &asked).await, 1);
        act(&app, lead, &asked, "answer", json!({ "answer": "The board does." })).await;
        assert_eq!(app.get(lead, &list).await["items"], json!([]));
        let author = app.world.who(Role::Institution);
        let again = act(&app, author, &asked, "reopen", json!({})).await;
        assert_eq!((&again["state"], &again["overdue"]), (&json!("new"), &json!(false)));
        days_later(&app, 11).await;
        assert_eq!(told(&app, "input.overdue", &asked).await, 2, "once each time it is opened");
        refused(&app, lead, Op::ArchiveInput, Some(&now(&app, "inputs", &asked).await), Value::Null, 409, "INPUT_UNANSWERED").await;
    }

    /// Practice 15: what is settled closes by itself, and its author may open it again.
    async fn what_is_answered_and_left_alone_closes_by_itself(app: App) {
        let lead = &app.world.ours.lead;
        let union = app.world.who(Role::Union);
        let answered = input(&app, union, "question", json!({})).await;
        act(&app, lead, &answered, "answer", json!({ "answer": "The board does." })).await;
        let converted = input(&app, union, "idea", json!({})).await;
        act(&app, lead, &converted, "convert", json!({ "to": "need" })).await;
        let parked = input(&app, union, "idea", json!({})).await;
        act(&app, lead, &parked, "park", json!({ "reason": "Until spring." })).await;
        days_later(&app, 9).await;
        assert_eq!(now(&app, "inputs", &answered).await["state"], "answered");
        days_later(&app, 2).await;
        for closed in [&answered, &converted] {
            assert_eq!(now(&app, "inputs", closed).await["state"], "closed");
            assert_eq!(told(&app, "input.closed", closed).await, 1);
        }
        assert_eq!(now(&app, "inputs", &parked).await["state"], "parked", "nobody answered it");
        let via = event::Entity::find()
            .filter(event::Column::Kind.eq("input.closed"))
            .filter(event::Column::RecordId.eq(id(&answered["id"])))
            .one(app.server.app.store.read())
            .await
            .unwrap();
        assert_eq!(via.unwrap().via, "system");
        assert_eq!(act(&app, union, &answered, "reopen", json!({})).await["state"], "new");
    }

    /// Practice 21: what a partner does already is put on the map as its own, and looked at again.
    async fn a_claim_of_doing_it_already_drafts_an_entry_and_opens_a_second_look(app: App) {
        let college = app.world.who(Role::Institution);
        let claim = json!({ "claimType": "already_doing", "subject": "Our evening course" });
        let claim = input(&app, college, "claim", claim).await;
        assert_eq!(claim["state"], "second_look");
        let entry = app.get(college, &format!("/v1/resources/{}", text(&claim["resourceId"]))).await;
        let own = house(&app, Role::Institution);
        assert_eq!((&entry["recordState"], &entry["ownerOrganizationId"], &entry["name"]), (&json!("draft"), &own, &json!("Our evening course")));
        let look = now(&app, "second-looks", &json!({ "id": claim["secondLookId"] })).await;
        assert_eq!((&look["resourceId"], &look["ownerOrganizationId"], &look["state"]), (&entry["id"], &own, &json!("opened")));
        app.act(college, &entry, "/v1/resources", "publish", json!({})).await;
    }

    /// Practice 22: nobody is put on the map by others without its own word.
    async fn who_is_said_to_do_it_confirms_or_corrects_before_the_entry_is_listed(app: App) {
        let lead = &app.world.ours.lead;
        let (employer, board) = (app.world.who(Role::Employer), app.world.who(Role::WorkforceBoard));
        let claimed = || async {
            let claim = json!({
                "claimType": "scale_existing", "subject": "The board's job club", "namedOrganizationId": house(&app, Role::WorkforceBoard),
            });
            let claim = input(&app, employer, "claim", claim).await;
            assert_eq!(claim["state"], "new", "it still waits for an answer");
            app.get(board, &format!("/v1/resources/{}", text(&claim["resourceId"]))).await
        };
        let entry = claimed().await;
        assert_eq!((&entry["ownerConfirmation"], &entry["ownerOrganizationId"]), (&json!("pending"), &house(&app, Role::WorkforceBoard)));
        for who in [lead, employer, board] {
            refused(&app, who, Op::PublishResource, Some(&entry), json!({}), 409, "OWNER_CONFIRMATION_REQUIRED").await;
        }
        refused(&app, lead, Op::ConfirmResource, Some(&entry), json!({}), 403, "INTERMEDIARY_CANNOT_SET_COURSE").await;
        refused(&app, employer, Op::ConfirmResource, Some(&entry), json!({}), 403, "NOT_YOURS").await;
        refused(&app, app.world.who(Role::Union), Op::ConfirmResource, Some(&entry), json!({}), 404, "NOT_FOUND").await;
        let moved = app.patch(employer, &entry, "/v1/resources", json!({ "ownerOrganizationId": house(&app, Role::Employer) })).await;
        moved.refuses_member("/ownerOrganizationId", "owner_asked");
        let confirmed = app.act(board, &entry, "/v1/resources", "confirm", json!({})).await;
        assert_eq!(confirmed["ownerConfirmation"], "confirmed");
        // What somebody else changes after that, the owner is asked about again.
        let changed = app.patch(employer, &confirmed, "/v1/resources", json!({ "fees": "None" })).await.is(200).clone();
        assert_eq!(changed["ownerConfirmation"], "pending");
        let confirmed = app.act(board, &changed, "/v1/resources", "confirm", json!({})).await;
        app.act(lead, &confirmed, "/v1/resources", "publish", json!({})).await;

        let entry = claimed().await;
        let corrected = app.patch(board, &entry, "/v1/resources", json!({ "name": "Job club, Rockford only" })).await.is(200).clone();
        assert_eq!(corrected["ownerConfirmation"], "corrected");
        app.act(lead, &corrected, "/v1/resources", "publish", json!({})).await;
    }

    /// Practice 20: the owner is waited for until its day, and its silence is written down.
    async fn an_owner_that_stays_silent_is_waited_for_until_its_day_and_no_longer(app: App) {
        let employer = app.world.who(Role::Employer);
        let look = json!({
            "subject": "The evening course of 2016", "ownerOrganizationId": house(&app, Role::Institution),
            "problemAimedAt": "Too few applicants", "problemDefinedBy": "The college", "peopleServed": "Eleven adults",
            "whatHappened": "Two finished", "whyItStopped": "The money ended", "whatDiffersNow": "Employers pay",
        });
        let look = app.make(&app.world.ours.lead, "/v1/second-looks", look).await;
        let look = app.act(employer, &look, "/v1/second-looks", "review", json!({})).await;
        let found = json!({ "finding": "adaptable" });
        // The day itself is the owner's still.
        for days in [10, 1] {
            refused(&app, employer, Op::ConcludeSecondLook, Some(&look), found.clone(), 409, "OWNER_REPLY_PENDING").await;
            days_later(&app, days).await;
        }
        let concluded = app.act(employer, &look, "/v1/second-looks", "conclude", found).await;
        assert_eq!((&concluded["state"], &concluded["ownerSilent"]), (&json!("concluded"), &json!(true)));
    }
}
