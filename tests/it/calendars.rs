//! Calendars both ways: secret feeds, single meetings, and files of other programs.

use std::collections::BTreeSet;

use roundtable_calendar::lines::{self, Component};
use roundtable_calendar::zones;
use roundtable_entity::Via;
use roundtable_exchange::mapping::{self, ImportKind};
use roundtable_exchange::{reading, writing};
use roundtable_kernel::op::Op;
use roundtable_kernel::standing::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::client::text;
use crate::harness::{Answer, App, Who};
use crate::imports::data;

/// A feed of this person's: its record, and the path of its secret address.
async fn feed(app: &App, who: &Who, members: Value) -> (Value, String) {
    let mut body = json!({ "name": "phone" });
    body.as_object_mut().unwrap().extend(members.as_object().cloned().unwrap_or_default());
    let made = app.make(who, "/v1/calendar-feeds", body).await;
    let path = path_of(app, &made);
    (made, path)
}

fn path_of(app: &App, made: &Value) -> String {
    text(&made["address"]).strip_prefix(&app.server.app.public_url).unwrap().to_owned()
}

async fn read(app: &App, path: &str) -> Answer {
    app.rest(&Who::anonymous(), "GET", path).send().await
}

fn calendar(answer: &Answer) -> Component {
    answer.is(200);
    let file = String::from_utf8(answer.bytes.clone()).unwrap();
    for line in file.split_terminator("\r\n") {
        assert!(line.len() <= 75 && !line.contains('\n'), "{line:?}");
    }
    assert!(file.ends_with("END:VCALENDAR\r\n"));
    let (components, faults) = lines::read(&file);
    assert!(faults.is_empty() && components.len() == 1, "{faults:?}");
    components.into_iter().next().unwrap()
}

fn events(calendar: &Component) -> Vec<&Component> {
    calendar.parts.iter().filter(|part| part.name == "VEVENT").collect()
}

fn titles(answer: &Answer) -> BTreeSet<String> {
    events(&calendar(answer)).iter().map(|event| event.text("SUMMARY").unwrap()).collect()
}

fn event<'c>(calendar: &'c Component, title: &str) -> &'c Component {
    events(calendar).into_iter().find(|event| event.text("SUMMARY").as_deref() == Some(title)).unwrap()
}

/// A meeting the intermediary called.
async fn called(app: &App, title: &str, members: Value) -> Value {
    let lead = &app.world.ours.lead;
    let mut body = json!({
        "title": title, "kind": "action_team", "mode": "action", "objective": "Agree on one pilot",
        "startsAt": "2027-03-09T15:00:00Z", "durationMinutes": 60, "timeZone": "America/Chicago",
    });
    body.as_object_mut().unwrap().extend(members.as_object().cloned().unwrap_or_default());
    let meeting = app.make(lead, "/v1/meetings", body).await;
    app.act(lead, &meeting, "/v1/meetings", "schedule", json!({})).await
}

async fn import_into(app: &App, at: Uuid, file: &str, bytes: &[u8]) -> writing::Report {
    let source = reading::from_bytes(file, bytes).unwrap();
    let plan = mapping::plan(ImportKind::Ics, &source);
    let ctx = roundtable_server::serve::own_ctx(&app.server.app, at, Via::Import).for_operation(Op::CreateImportJob);
    let progress = std::sync::Arc::new(|_, _| ());
    writing::carry_out(&ctx, writing::Into::Partnership(at), ImportKind::Ics, plan, false, progress).await.unwrap()
}

async fn import(app: &App, text: &str) -> writing::Report {
    import_into(app, app.world.ours.id, "calendar.ics", text.as_bytes()).await
}

fn file(events: &str) -> String {
    format!("BEGIN:VCALENDAR\nVERSION:2.0\n{events}END:VCALENDAR\n")
}

async fn meetings(app: &App, who: &Who, query: &str) -> Vec<Value> {
    let page = app.get(who, &format!("/v1/meetings?first=200&sort=startsAt&{query}")).await;
    page["items"].as_array().unwrap().clone()
}

cases! {
    async fn a_feed_shows_what_its_owner_may_see_and_nothing_else(app: App) {
        called(&app, "For all", json!({})).await;
        called(&app, "For few", json!({ "publicity": "participants" })).await;
        called(&app, "For the public", json!({ "publicity": "public" })).await;
        let (_, union) = feed(&app, app.world.who(Role::Union), json!({})).await;
        let seen = titles(&read(&app, &union).await);
        assert!(seen.contains("For all") && !seen.contains("For few") && !seen.contains("Not yet called"), "{seen:?}");
        let (_, observer) = feed(&app, app.world.who(Role::Observer), json!({})).await;
        let answer = read(&app, &observer).await;
        let seen = titles(&answer);
        assert!(seen.contains("For the public") && !seen.contains("For all"), "{seen:?}");
        assert!(!String::from_utf8_lossy(&answer.bytes).contains("ATTENDEE"));
        let (_, lead) = feed(&app, &app.world.ours.lead, json!({ "planned": true })).await;
        let seen = titles(&read(&app, &lead).await);
        assert!(seen.contains("For few") && seen.contains("Not yet called"), "{seen:?}");
        // What each feed shows is what the list shows.
        let listed: BTreeSet<String> = meetings(&app, app.world.who(Role::Observer), "").await.iter()
            .map(|one| text(&one["title"]).to_owned()).collect();
        assert_eq!(titles(&read(&app, &observer).await), listed);
        let (_, asked) = feed(&app, app.world.who(Role::Union), json!({ "askedOnly": true })).await;
        assert!(!titles(&read(&app, &asked).await).contains("For all"));
    }

    async fn a_feed_is_its_owners_alone_and_its_address_is_shown_once(app: App) {
        let who = app.world.who(Role::Union);
        let (made, path) = feed(&app, who, json!({})).await;
        let one = format!("/v1/calendar-feeds/{}", text(&made["id"]));
        let again = app.get(who, &one).await;
        assert!(again.get("address").is_none() && again.get("tokenHash").is_none(), "{again}");
        for other in [Role::Intermediary, Role::Employer, Role::Observer] {
            let other = app.world.who(other);
            app.rest(other, "GET", &one).send().await.refused(404, "NOT_FOUND");
            let listed = app.get(other, "/v1/calendar-feeds").await;
            assert!(listed["items"].as_array().unwrap().iter().all(|row| row["id"] != made["id"]));
        }
        let rotated = app.act(who, &again, "/v1/calendar-feeds", "rotate", json!({})).await;
        read(&app, &path).await.refused(404, "NOT_FOUND");
        let path = path_of(&app, &rotated);
        read(&app, &path).await.is(200);
        app.rest(who, "DELETE", &one).version(rotated["version"].as_i64().unwrap()).is(200).await;
        read(&app, &path).await.refused(404, "NOT_FOUND");
        read(&app, "/calendars/rtc_unknown.ics").await.refused(404, "NOT_FOUND");
    }

    async fn a_feed_dies_with_the_role(app: App) {
        let who = app.world.who(Role::Union);
        let (_, path) = feed(&app, who, json!({})).await;
        read(&app, &path).await.is(200);
        let lead = &app.world.ours.lead;
        let seat = app.get(lead, &format!("/v1/seats/{}", app.world.ours.seat[&Role::Union])).await;
        app.act(lead, &seat, "/v1/seats", "end", json!({ "reason": "moved on", "leaveUncovered": true })).await;
        read(&app, &path).await.refused(404, "NOT_FOUND");
    }

    async fn a_feed_is_kept_by_its_owner_alone_and_asked_for_again_by_its_tag(app: App) {
        let (_, path) = feed(&app, app.world.who(Role::Union), json!({})).await;
        let answer = read(&app, &path).await;
        answer.is(200);
        for (name, value) in [
            ("content-type", "text/calendar; charset=utf-8"), ("cache-control", "private, no-cache"),
            ("referrer-policy", "no-referrer"), ("x-robots-tag", "noindex"),
        ] {
            assert_eq!(answer.header(name), value);
        }
        let tag = answer.header("etag").to_owned();
        let asked = app.rest(&Who::anonymous(), "GET", &path).header("if-none-match", &tag).send().await;
        assert!(asked.status == 304 && asked.bytes.is_empty());
        called(&app, "A new one", json!({})).await;
        let asked = app.rest(&Who::anonymous(), "GET", &path).header("if-none-match", &tag).send().await;
        assert_eq!(asked.status, 200);
        let head = app.rest(&Who::anonymous(), "HEAD", &path).send().await;
        assert_eq!(head.status, 200);
    }

    async fn a_meeting_keeps_its_uid_and_counts_its_changes(app: App) {
        let lead = &app.world.ours.lead;
        let title = "Énergie; \"pilot\", part\\two";
        let made = called(&app, title, json!({
            "place": "Hall 3, Rockford", "url": "https://meet.example.org/x?a=1;b=2", "logistics": "Bring:\nboots; gloves",
        })).await;
        let asked = json!({ "meetingId": made["id"], "seatId": app.world.ours.seat[&Role::Union] });
        app.make(lead, "/v1/attendances", asked).await;
        let path = format!("/v1/meetings/{}/calendar", text(&made["id"]));
        let answer = app.rest(lead, "GET", &path).header("accept", "text/calendar").send().await;
        assert_eq!(answer.header("content-type"), "text/calendar");
        let first = calendar(&answer);
        let shown = event(&first, title);
        assert_eq!(shown.text("UID").unwrap(), text(&made["uid"]));
        assert_eq!(shown.text("SEQUENCE").unwrap(), "0");
        let starts = shown.property("DTSTART").unwrap();
        assert_eq!((starts.value.as_str(), starts.parameter("TZID")), ("20270309T090000", Some("America/Chicago")));
        assert_eq!(shown.text("LOCATION").unwrap(), "Hall 3, Rockford");
        assert_eq!(shown.text("CONFERENCE").unwrap(), "https://meet.example.org/x?a=1;b=2");
        assert!(shown.text("DESCRIPTION").unwrap().ends_with("Bring:\nboots; gloves"));
        let zone = first.parts.iter().find(|part| part.name == "VTIMEZONE").unwrap();
        assert_eq!(zone.text("TZID").unwrap(), "America/Chicago");
        assert!(zones::described(zone, 2027).is_some());
        let attendee = shown.property("ATTENDEE").unwrap();
        assert_eq!(attendee.parameter("PARTSTAT"), Some("NEEDS-ACTION"));
        assert_eq!(attendee.value, "mailto:union@person.example");
        // Another organisation's person is named, and not how to reach them.
        let other = app.rest(app.world.who(Role::Employer), "GET", &path).send().await;
        let other = calendar(&other);
        assert!(event(&other, title).property("ATTENDEE").unwrap().value.starts_with("urn:uuid:"));
        let now = app.get(lead, &format!("/v1/meetings/{}", text(&made["id"]))).await;
        let moved = app.patch(lead, &now, "/v1/meetings", json!({ "startsAt": "2027-03-16T15:00:00Z" })).await;
        let moved = moved.is(200).clone();
        app.act(lead, &moved, "/v1/meetings", "cancel", json!({ "reason": "snow" })).await;
        let last = calendar(&app.rest(lead, "GET", &path).send().await);
        let last = event(&last, title);
        assert_eq!((last.text("UID"), last.text("STATUS").as_deref()), (shown.text("UID"), Some("CANCELLED")));
        assert_eq!(last.text("SEQUENCE").unwrap(), "2");
        let graph = format!("{{ meetingCalendar(id: \"{}\") {{ text }} }}", text(&made["id"]));
        let graph = app.gql(lead, &graph, Value::Null).await;
        assert!(text(&graph.ok()["meetingCalendar"]["text"]).starts_with("BEGIN:VCALENDAR\r\n"));
    }

    async fn what_is_to_come_of_a_series_stands_as_a_rule(app: App) {
        let lead = &app.world.ours.lead;
        let series = app.make(lead, "/v1/meeting-series", json!({
            "title": "Weekly", "kind": "executive", "mode": "process", "rrule": "FREQ=WEEKLY;BYDAY=TU",
            "startsLocal": "2027-03-02T09:00", "timeZone": "America/Chicago", "durationMinutes": 45,
            "excluded": ["2027-03-23T09:00"],
        })).await;
        app.act(lead, &series, "/v1/meeting-series", "generate-meetings", json!({ "until": "2027-03-25" })).await;
        let made = meetings(&app, lead, &format!("seriesId={}", text(&series["id"]))).await;
        assert_eq!(made.len(), 3, "the excluded one is not made");
        let (_, path) = feed(&app, lead, json!({ "planned": true })).await;
        let shown = calendar(&read(&app, &path).await);
        let rule = events(&shown).into_iter().find(|one| one.text("UID").unwrap().starts_with(text(&series["id"]))
            && one.property("RRULE").is_some()).unwrap();
        let left_out: Vec<String> = rule.every("EXDATE").map(|one| one.value.clone()).collect();
        assert_eq!(left_out, ["20270302T090000", "20270309T090000", "20270316T090000", "20270323T090000"]);
        let (_, path) = feed(&app, lead, json!({})).await;
        assert!(events(&calendar(&read(&app, &path).await)).iter().all(|one| one.property("RRULE").is_none()));
        let wrong = app.patch(lead, &series, "/v1/meeting-series", json!({ "excluded": ["never"] })).await;
        assert!(matches!(wrong.status, 400 | 412), "{}", wrong.body);
    }

    async fn a_calendar_read_again_is_the_same_meetings(app: App) {
        let lead = &app.world.ours.lead;
        called(&app, "Round trip", json!({
            "place": "Hall 3", "url": "https://meet.example.org/x", "logistics": "Boots, gloves",
            "asynchronousInput": "By mail", "publicity": "public", "durationMinutes": 95, "timeZone": "Europe/Berlin",
        })).await;
        let gone = called(&app, "Called off", json!({})).await;
        app.act(lead, &gone, "/v1/meetings", "cancel", json!({ "reason": "snow" })).await;
        let (_, path) = feed(&app, lead, json!({ "planned": true })).await;
        let answer = read(&app, &path).await;
        let same = import_into(&app, app.world.ours.id, "ours.ics", &answer.bytes).await;
        assert_eq!((same.created, same.updated, same.refused.len()), (0, 0, 0), "{same:?}");
        let there = import_into(&app, app.world.theirs.id, "ours.ics", &answer.bytes).await;
        assert_eq!(there.refused, [], "{there:?}");
        let again = import_into(&app, app.world.theirs.id, "ours.ics", &answer.bytes).await;
        assert_eq!((again.created, again.updated), (0, 0), "{again:?}");
        let members = ["uid", "title", "kind", "mode", "objective", "startsAt", "durationMinutes", "timeZone", "place", "url",
            "logistics", "asynchronousInput", "publicity"];
        let shape = |one: &Value| members.map(|member| one[member].clone());
        let theirs = meetings(&app, &app.world.theirs.lead, "").await;
        for one in meetings(&app, lead, "startsAtFrom=2026-01-01T00:00:00Z").await {
            let other = theirs.iter().find(|other| other["uid"] == one["uid"]).unwrap_or_else(|| panic!("{one}"));
            assert_eq!(shape(&one), shape(other));
            let off = |one: &Value| one["state"] == "cancelled";
            assert_eq!(off(&one), off(other), "{other}");
        }
    }

    async fn the_newest_edition_of_an_event_counts(app: App) {
        let lead = &app.world.ours.lead;
        let edition = |sequence: u8, title: &str, more: &str| file(&format!(
            "BEGIN:VEVENT\nUID:one@example.org\nSEQUENCE:{sequence}\nSUMMARY:{title}\nDTSTART:20270105T150000Z\n\
             DTEND:20270105T160000Z\nLAST-MODIFIED:2026010{sequence}T000000Z\n{more}END:VEVENT\n"
        ));
        let found = async |title: &str| {
            let all = meetings(&app, lead, "uid=one@example.org").await;
            assert_eq!(all.len(), 1, "{all:?}");
            assert_eq!(all[0]["title"], title);
            all[0].clone()
        };
        assert_eq!(import(&app, &edition(2, "Second", "DESCRIPTION:Objective: one pilot\\nand tea\n")).await.created, 1);
        let made = found("Second").await;
        assert_eq!((&made["state"], &made["objective"]), (&json!("scheduled"), &json!("one pilot")));
        assert_eq!(import(&app, &edition(1, "First", "")).await.unchanged, 1);
        let kept = app.patch(lead, &made, "/v1/meetings", json!({ "title": "Ours" })).await;
        kept.is(200);
        assert_eq!(import(&app, &edition(2, "Second", "")).await.unchanged, 1);
        found("Ours").await;
        assert_eq!(import(&app, &edition(3, "Third", "")).await.updated, 1);
        found("Third").await;
        assert_eq!(import(&app, &edition(4, "Third", "STATUS:CANCELLED\n")).await.updated, 1);
        assert_eq!(found("Third").await["state"], "cancelled");
        assert_eq!(import(&app, &edition(4, "Third", "STATUS:CANCELLED\n")).await.unchanged, 1);
    }

    async fn events_that_recur_become_their_occurrences_or_a_series(app: App) {
        let lead = &app.world.ours.lead;
        let event = |uid: &str, more: &str| format!(
            "BEGIN:VEVENT\nUID:{uid}\nSUMMARY:{uid}\nDTSTART;TZID=Central Standard Time:20270302T090000\nDURATION:PT45M\n\
             {more}END:VEVENT\n"
        );
        let text = file(&[
            event("few", "RRULE:FREQ=WEEKLY;COUNT=4\nEXDATE;TZID=America/Chicago:20270309T090000\n"),
            event("few", "RECURRENCE-ID;TZID=America/Chicago:20270316T090000\nLOCATION:Elsewhere\n"),
            event("endless", "RRULE:FREQ=WEEKLY\nEXDATE:20270309T150000Z\n"),
            event("endless", "RECURRENCE-ID:20270316T140000Z\nSTATUS:CANCELLED\n"),
            event("hourly", "RRULE:FREQ=HOURLY\n"),
        ].concat());
        let report = import(&app, &text).await;
        assert_eq!(report.refused.len(), 1, "{:?}", report.refused);
        assert_eq!((report.refused[0].code, report.refused[0].line > 20), ("rule_not_taken", true));
        let all = meetings(&app, lead, "startsAtFrom=2027-03-01T00:00:00Z").await;
        let of = |title: &str| all.iter().filter(|one| one["title"] == title).collect::<Vec<_>>();
        let starts: Vec<&Value> = of("few").iter().map(|one| &one["startsLocal"]).collect();
        assert_eq!(starts, ["2027-03-02T09:00-06:00", "2027-03-02T09:00-06:00", "2027-03-23T09:00-05:00"]);
        assert_eq!(of("endless").len(), 1);
        assert_eq!(of("endless")[0]["state"], "cancelled");
        let series = app.get(lead, "/v1/meeting-series?sort=-createdAt&first=1").await["items"][0].clone();
        assert_eq!(series["excluded"], json!(["2027-03-09T09:00", "2027-03-16T09:00"]));
        assert_eq!(of("endless")[0]["seriesId"], series["id"]);
        assert_eq!((import(&app, &text).await.created, import(&app, &text).await.updated), (0, 0));
    }

    async fn broken_files_are_refused_with_their_lines(app: App) {
        let report = import(&app, &file("no line\nBEGIN:VEVENT\nUID:a\nDTSTART:tomorrow\nEND:VEVENT\nBEGIN:VEVENT\nUID:b\n\
            DTSTART;TZID=Mars/Base:20270101T000000\nEND:VEVENT\nBEGIN:VEVENT\nUID:c\nDTSTART:20270101T000000Z\n\
            DTEND:20270105T000000Z\nEND:VEVENT\n")).await;
        let told: Vec<(u64, &str)> = report.refused.iter().map(|one| (one.line, one.code)).collect();
        assert_eq!(told, [(3, "line_unreadable"), (6, "wrong_form"), (10, "unknown_time_zone"), (12, "too_long")]);
        for noise in ["", "BEGIN:VCALENDAR", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nRRULE:", "BEGIN:VEVENT\nDTSTART:99999999T999999\n"] {
            let bytes = noise.as_bytes();
            if let Ok(source) = reading::from_bytes("x.ics", bytes) {
                assert!(mapping::plan(ImportKind::Ics, &source).planned.is_empty());
            }
        }
    }

    async fn files_of_the_world_are_imported_or_refused_with_reasons(app: App) {
        let Some(folder) = data("ics-real-world") else { return };
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|one| one.unwrap().path()).collect();
        files.sort();
        let (mut created, mut silent) = (0, Vec::new());
        for path in files.iter().filter(|path| path.extension().is_some_and(|end| end == "ics")) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let bytes = std::fs::read(path).unwrap();
            let first = import_into(&app, app.world.ours.id, &name, &bytes).await;
            let second = import_into(&app, app.world.ours.id, &name, &bytes).await;
            assert_eq!((second.created, second.updated), (0, 0), "{name}: {:?}", second.by_record);
            created += first.created;
            assert!(first.refused.iter().all(|one| !one.code.is_empty() && !one.detail.is_empty()));
            let ignored = first.accounted.iter().any(|one| one.ignored > 0);
            if first.created + first.unchanged + first.refused.len() == 0 && !ignored {
                silent.push(name.clone());
            }
            for table in &first.accounted {
                let parts = table.planned + table.duplicates + table.refused + table.ignored;
                assert_eq!(parts, table.rows, "{name}: {table:?}");
            }
            let codes: BTreeSet<&str> = first.refused.iter().map(|one| one.code).collect();
            println!("{name}: {} created, {} unchanged, {} refused {codes:?}", first.created, first.unchanged, first.refused.len());
        }
        assert!(files.len() > 40 && created > 400, "{created} of {} files", files.len());
        assert!(silent.is_empty(), "neither imported nor refused: {silent:?}");
    }
}
