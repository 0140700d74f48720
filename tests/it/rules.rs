//! The rules of the partnership itself, each provoked once through REST and once through GraphQL.

use roundtable_kernel::op::Op;
use roundtable_kernel::standing::Role;
use serde_json::{Value, json};

use crate::harness::client::text;
use crate::harness::{App, refused};

async fn draft(app: &App, more: Value) -> Value {
    let mut body = json!({
        "title": "Under rules", "kind": "action_team", "mode": "action", "objective": "Agree on one pilot",
        "startsAt": "2027-02-09T15:00:00Z", "durationMinutes": 60, "timeZone": "America/Chicago",
    });
    for (member, value) in more.as_object().unwrap() {
        body[member] = value.clone();
    }
    app.make(&app.world.ours.lead, "/v1/meetings", body).await
}

async fn item(app: &App, meeting: &Value, kind: &str, minutes: i32) {
    let item = json!({ "meetingId": meeting["id"], "title": "Item", "kind": kind, "minutes": minutes });
    app.make(&app.world.ours.lead, "/v1/agenda-items", item).await;
}

async fn ask(app: &App, meeting: &Value, role: Role, invited_as: &str) {
    let asked = json!({ "meetingId": meeting["id"], "seatId": app.world.ours.seat[&role], "invitedAs": invited_as });
    app.make(&app.world.ours.lead, "/v1/attendances", asked).await;
}

async fn cannot_schedule(app: &App, meeting: &Value, status: u16, code: &str) {
    refused(app, &app.world.ours.lead, Op::ScheduleMeeting, Some(meeting), json!({}), status, code).await;
}

async fn now(app: &App, path: &str, id: impl std::fmt::Display) -> Value {
    app.get(&app.world.ours.lead, &format!("/v1/{path}/{id}")).await
}

cases! {
    async fn no_meeting_is_called_without_an_objective(app: App) {
        let meeting = draft(&app, json!({})).await;
        let meeting = app.patch(&app.world.ours.lead, &meeting, "/v1/meetings", json!({ "objective": null })).await;
        cannot_schedule(&app, meeting.is(200), 422, "OBJECTIVE_REQUIRED").await;
    }

    async fn a_meeting_that_only_informs_is_not_called(app: App) {
        let meeting = draft(&app, json!({})).await;
        item(&app, &meeting, "update", 20).await;
        cannot_schedule(&app, &meeting, 422, "AGENDA_INFORMATION_ONLY").await;
    }

    async fn an_agenda_fits_its_meeting(app: App) {
        let meeting = draft(&app, json!({})).await;
        item(&app, &meeting, "design", 40).await;
        item(&app, &meeting, "design", 30).await;
        cannot_schedule(&app, &meeting, 422, "AGENDA_EXCEEDS_DURATION").await;
        // Nor does it grow beyond once called.
        let fits = draft(&app, json!({})).await;
        item(&app, &fits, "design", 40).await;
        app.act(&app.world.ours.lead, &fits, "/v1/meetings", "schedule", json!({})).await;
        let more = json!({ "meetingId": fits["id"], "title": "More", "kind": "design", "minutes": 30 });
        refused(&app, &app.world.ours.lead, Op::CreateAgendaItem, None, more, 422, "AGENDA_EXCEEDS_DURATION").await;
    }

    async fn small_employers_decide_without_being_there(app: App) {
        let lead = &app.world.ours.lead;
        let partner = now(&app, "partners", app.world.ours.partner[&Role::Champion]).await;
        app.patch(lead, &partner, "/v1/employers", json!({ "sizeClass": "small" })).await.is(200);
        let meeting = draft(&app, json!({})).await;
        item(&app, &meeting, "decision", 20).await;
        ask(&app, &meeting, Role::Champion, "required").await;
        cannot_schedule(&app, &meeting, 422, "ASYNCHRONOUS_INPUT_REQUIRED").await;
        let answerable = json!({ "asynchronousInput": "a form, open for a week" });
        let meeting = app.patch(lead, &meeting, "/v1/meetings", answerable).await.is(200).clone();
        app.act(lead, &meeting, "/v1/meetings", "schedule", json!({})).await;
    }

    async fn an_employer_gives_no_more_time_than_it_offered_unless_told_why(app: App) {
        let lead = &app.world.ours.lead;
        // The employer offers one hour a quarter.
        let meeting = draft(&app, json!({ "durationMinutes": 180 })).await;
        ask(&app, &meeting, Role::Employer, "required").await;
        cannot_schedule(&app, &meeting, 409, "EMPLOYER_TIME_EXCEEDED").await;
        let short = json!({ "timeOverrides": [{ "partnerId": app.world.ours.partner[&Role::Employer], "reason": "short" }] });
        let path = format!("/v1/meetings/{}/schedule", text(&meeting["id"]));
        let answer = app.rest(lead, "POST", &path).version(1).json(short).send().await;
        answer.refuses_member("/timeOverrides/0/reason", "too_short");
        let why = "the plant asked for the long form";
        let told = json!({ "timeOverrides": [{ "partnerId": app.world.ours.partner[&Role::Employer], "reason": why }] });
        app.act(lead, &meeting, "/v1/meetings", "schedule", told).await;
        // The employer sees the reason; another does not.
        let seen = format!("/v1/time-overrides?meetingId={}&total=true", text(&meeting["id"]));
        let shown = app.get(app.world.who(Role::Employer), &seen).await;
        assert_eq!((&shown["totalCount"], &shown["items"][0]["reason"]), (&json!(1), &json!(why)));
        assert_eq!(shown["items"][0]["minutesOver"], 120);
        assert_eq!(app.get(app.world.who(Role::Champion), &seen).await["totalCount"], 0);
        // As an optional guest it gives no time it did not offer.
        let optional = draft(&app, json!({ "durationMinutes": 180 })).await;
        ask(&app, &optional, Role::Employer, "optional").await;
        app.act(lead, &optional, "/v1/meetings", "schedule", json!({})).await;
    }

    async fn employers_are_not_required_at_long_meetings_of_process(app: App) {
        let meeting = draft(&app, json!({ "mode": "process", "durationMinutes": 90 })).await;
        ask(&app, &meeting, Role::Champion, "required").await;
        cannot_schedule(&app, &meeting, 422, "PROCESS_TIME_CAP").await;
        let cap = json!({ "key": "process_minutes_cap", "value": "120" });
        app.make(&app.world.ours.lead, "/v1/policy-settings", cap).await;
        app.act(&app.world.ours.lead, &meeting, "/v1/meetings", "schedule", json!({})).await;
    }

    async fn a_meeting_closes_with_the_result_of_its_objective(app: App) {
        let lead = &app.world.ours.lead;
        let held = now(&app, "meetings", app.world.ours.held_meeting).await;
        refused(&app, lead, Op::CloseMeeting, Some(&held), json!({}), 422, "OBJECTIVE_RESULT_REQUIRED").await;
        let closed = app.act(lead, &held, "/v1/meetings", "close", json!({ "objectiveResult": "partly" })).await;
        assert_eq!((&closed["state"], &closed["objectiveResult"]), (&json!("closed"), &json!("partly")));
        let refusal = refused(&app, lead, Op::CancelMeeting, Some(&closed), json!({ "reason": "late" }), 409, "WRONG_STATE").await;
        assert!(text(&refusal["detail"]).contains("draft, scheduled"), "{refusal}");
    }

    async fn a_partner_has_one_point_person(app: App) {
        let (lead, ours) = (&app.world.ours.lead, &app.world.ours);
        let person = app.make(lead, "/v1/people", json!({ "name": "Second" })).await;
        let seat = json!({
            "partnerId": ours.partner[&Role::Union], "personId": person["id"], "role": "point_person",
        });
        let seat = app.make(lead, "/v1/seats", seat).await;
        refused(&app, lead, Op::AcceptSeat, Some(&seat), json!({}), 409, "POINT_PERSON_EXISTS").await;
    }

    async fn the_last_point_person_does_not_leave_unnoticed(app: App) {
        let lead = &app.world.ours.lead;
        let seat = now(&app, "seats", app.world.ours.seat[&Role::Institution]).await;
        refused(&app, lead, Op::EndSeat, Some(&seat), json!({ "reason": "moved" }), 409, "LAST_POINT_PERSON").await;
        let ended = app.act(lead, &seat, "/v1/seats", "end", json!({ "leaveUncovered": true })).await;
        assert_eq!(ended["state"], "ended");
    }

    async fn an_alternate_takes_over_with_what_was_open(app: App) {
        let (lead, ours) = (&app.world.ours.lead, &app.world.ours);
        let (partner, organization) = (ours.partner[&Role::Institution], ours.organization[&Role::Institution]);
        let person = app.make(lead, "/v1/people", json!({ "name": "Alternate" })).await;
        let seat = json!({ "partnerId": partner, "personId": person["id"], "role": "alternate" });
        let seat = app.make(lead, "/v1/seats", seat).await;
        let alternate = app.act(lead, &seat, "/v1/seats", "accept", json!({})).await;
        let leaving = now(&app, "seats", ours.seat[&Role::Institution]).await;
        let open = json!({ "ownerOrganizationId": organization, "title": "Send the curriculum", "seatId": leaving["id"] });
        app.make(lead, "/v1/action-items", open).await;
        app.act(lead, &leaving, "/v1/seats", "end", json!({ "reason": "retired" })).await;
        let successor = now(&app, "seats", text(&alternate["id"])).await;
        assert_eq!(successor["role"], "point_person");
        let passed = app.get(lead, &format!("/v1/handovers?partnerId={partner}&fromSeatId={}", text(&leaving["id"]))).await;
        let handover = &passed["items"][0];
        assert_eq!((&handover["state"], &handover["items"]), (&json!("open"), &json!(["Send the curriculum"])));
        assert_eq!(handover["toSeatId"], alternate["id"]);
    }

    async fn champions_come_from_employers(app: App) {
        let ours = &app.world.ours;
        let body = json!({ "partnerId": ours.partner[&Role::Union], "personId": ours.person[&Role::Union] });
        refused(&app, &ours.lead, Op::CreateChampion, None, body, 422, "CHAMPION_MUST_BE_EMPLOYER").await;
    }

    async fn the_intermediary_does_not_set_the_course(app: App) {
        let ours = &app.world.ours;
        let partner = now(&app, "partners", ours.partner[&Role::Employer]).await;
        for who in [&ours.lead, app.world.who(Role::IntermediaryStaff), &app.world.service] {
            refused(&app, who, Op::OfferHours, Some(&partner), json!({ "hours": 5 }), 403, "INTERMEDIARY_CANNOT_SET_COURSE").await;
        }
        let union = app.world.who(Role::Union);
        refused(&app, union, Op::OfferHours, Some(&partner), json!({ "hours": 5 }), 403, "EMPLOYER_ONLY").await;
        let champion = app.world.who(Role::Champion);
        refused(&app, champion, Op::OfferHours, Some(&partner), json!({ "hours": 5 }), 403, "NOT_YOURS").await;
    }

    async fn work_is_taken_on_before_it_is_done(app: App) {
        let ours = &app.world.ours;
        let employer = app.world.who(Role::Employer);
        let offered = json!({ "ownerOrganizationId": ours.organization[&Role::Employer], "title": "Open the shop floor" });
        let offered = app.make(&ours.lead, "/v1/action-items", offered).await;
        refused(&app, employer, Op::CompleteActionItem, Some(&offered), json!({}), 409, "ACTION_NOT_ACCEPTED").await;
        refused(&app, &ours.lead, Op::AcceptActionItem, Some(&offered), json!({}), 403, "INTERMEDIARY_CANNOT_SET_COURSE").await;
        let accepted = app.act(employer, &offered, "/v1/action-items", "accept", json!({})).await;
        let done = app.act(employer, &accepted, "/v1/action-items", "complete", json!({})).await;
        assert_eq!(done["state"], "done");
    }

    async fn codes_and_time_zones_are_known_ones(app: App) {
        let lead = &app.world.ours.lead;
        let body = json!({ "entryKind": "program", "name": "x", "naics": ["332719"] });
        refused(&app, lead, Op::CreateResource, None, body, 422, "UNKNOWN_CODE").await;
        let right = json!({ "entryKind": "program", "name": "x", "naics": ["332710"], "soc": ["51-4041"] });
        app.make(lead, "/v1/resources", right).await;
        let body = json!({
            "title": "x", "kind": "executive", "startsAt": "2027-02-09T15:00:00Z", "durationMinutes": 60,
            "timeZone": "Mars/Olympus",
        });
        refused(&app, lead, Op::CreateMeeting, None, body, 422, "UNKNOWN_TIME_ZONE").await;
        let body = json!({ "slug": "mars", "workingTitle": "x", "timeZone": "Mars/Olympus" });
        refused(&app, &app.world.operator, Op::CreatePartnership, None, body, 422, "UNKNOWN_TIME_ZONE").await;
    }

    async fn what_is_unique_is_there_once(app: App) {
        let ours = &app.world.ours;
        let body = json!({ "slug": "theirs", "workingTitle": "x" });
        refused(&app, &app.world.operator, Op::CreatePartnership, None, body, 409, "SLUG_TAKEN").await;
        let body = json!({ "organizationId": ours.organization[&Role::Union] });
        refused(&app, &ours.lead, Op::CreatePartner, None, body, 409, "ALREADY_EXISTS").await;
        let body = json!({ "meetingId": ours.meeting, "seatId": ours.seat[&Role::Union] });
        refused(&app, &ours.lead, Op::CreateAttendance, None, body, 409, "ALREADY_EXISTS").await;
    }

    async fn a_series_keeps_its_local_time_across_daylight_saving(app: App) {
        let lead = &app.world.ours.lead;
        let series = app.get(lead, "/v1/meeting-series").await["items"][0].clone();
        app.act(lead, &series, "/v1/meeting-series", "generate-meetings", json!({ "until": "2026-12-31" })).await;
        let path = format!("/v1/meetings?seriesId={}&sort=startsAt", text(&series["id"]));
        let made = app.get(lead, &path).await;
        let times: Vec<(&str, &str)> = made["items"].as_array().unwrap().iter()
            .map(|one| (text(&one["startsAt"]), text(&one["startsLocal"]))).collect();
        assert_eq!(times, [
            ("2026-09-08T14:00:00Z", "2026-09-08T09:00-05:00"),
            ("2026-10-13T14:00:00Z", "2026-10-13T09:00-05:00"),
            ("2026-11-10T15:00:00Z", "2026-11-10T09:00-06:00"),
        ]);
        // Again makes nothing new.
        let series = now(&app, "meeting-series", text(&series["id"])).await;
        app.act(lead, &series, "/v1/meeting-series", "generate-meetings", json!({ "until": "2026-12-31" })).await;
        assert_eq!(app.get(lead, &path).await["items"].as_array().unwrap().len(), 3);
    }

    async fn minutes_are_approved_by_those_who_were_there(app: App) {
        let ours = &app.world.ours;
        let path = format!("/v1/minutes?meetingId={}", ours.held_meeting);
        let minutes = app.get(&ours.lead, &path).await["items"][0].clone();
        refused(&app, app.world.who(Role::Employer), Op::ApproveMinutes, Some(&minutes), json!({}), 403, "NOT_YOURS").await;
        let approved = app.act(app.world.who(Role::Union), &minutes, "/v1/minutes", "approve", json!({})).await;
        assert_eq!((&approved["state"], approved["approvedBy"].as_array().unwrap().len()), (&json!("approved"), 1));
    }

    async fn a_name_hit_ranks_before_a_hit_in_the_description(app: App) {
        let lead = &app.world.ours.lead;
        for (name, description) in [
            ("Evening classes", "Everything about robotics, from the first day on."),
            ("Robotics laboratory", "Open on weekdays."),
            ("Library", "Books."),
        ] {
            app.make(lead, "/v1/resources", json!({ "entryKind": "resource", "name": name, "description": description })).await;
        }
        let names = |page: &Value| -> Vec<String> {
            page["items"].as_array().unwrap().iter().map(|one| text(&one["name"]).to_owned()).collect()
        };
        let found = app.get(lead, "/v1/resources?q=robotics&total=true").await;
        assert_eq!(names(&found), ["Robotics laboratory", "Evening classes"]);
        assert_eq!(found["totalCount"], 2);
        let sorted = app.get(lead, "/v1/resources?q=robotics&sort=name").await;
        assert_eq!(names(&sorted), ["Evening classes", "Robotics laboratory"]);
        // Page by page, and nothing of the search's own language gets through.
        let first = app.get(lead, "/v1/resources?q=robotics&first=1").await;
        let next = format!("/v1/resources?q=robotics&first=1&after={}", text(&first["pageInfo"]["endCursor"]));
        assert_eq!(names(&app.get(lead, &next).await), ["Evening classes"]);
        for hostile in ["%22", "robotics*", "NEAR(", "robotics%20OR", "%27%27", "a:b", "!%26%7C", "(((", "%F0%9F%A4%96"] {
            let page = app.rest(lead, "GET", &format!("/v1/resources?q={hostile}&total=true")).send().await;
            page.is(200);
        }
        let graph = app.gql(lead, "{ resources(q: \"robotics\") { nodes { name } } }", Value::Null).await;
        assert_eq!(graph.ok()["resources"]["nodes"][0]["name"], "Robotics laboratory");
    }

    async fn common_words_do_not_keep_a_search_from_finding(app: App) {
        let lead = &app.world.ours.lead;
        app.make(lead, "/v1/resources", json!({ "entryKind": "resource", "name": "Tooling courses here and now" })).await;
        for query in ["tooling", "tooling%20here", "where%20is%20tooling", "how%20about%20more%20tooling%20now"] {
            let found = app.get(lead, &format!("/v1/resources?q={query}&total=true")).await;
            assert_eq!(found["totalCount"], 1, "{query}");
        }
        // Nothing but common words finds the same on both databases: nothing to go by.
        let found = app.get(lead, "/v1/resources?q=here&total=true").await;
        assert_eq!(found["totalCount"], 0);
    }

    async fn time_asked_of_employers_is_counted_against_what_they_offer(app: App) {
        let employer = app.world.who(Role::Employer);
        let ledger = app.get(employer, "/v1/time-ledger?quarter=2026-Q3").await;
        let rows = ledger["employers"].as_array().unwrap();
        let own = app.world.ours.partner[&Role::Employer].to_string();
        assert!(rows.len() == 1 && rows[0]["partnerId"] == own, "{ledger}");
        // An hour offered, and a meeting of four to which it is required.
        assert_eq!((&rows[0]["offeredMinutes"], &rows[0]["requiredMinutes"]), (&json!(60), &json!(240)));
        let all = app.get(&app.world.ours.lead, "/v1/time-ledger?quarter=2026-Q3").await;
        assert!(all["employers"].as_array().unwrap().len() > 1, "{all}");
    }
}
