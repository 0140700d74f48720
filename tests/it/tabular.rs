//! Whole collections as files: out, in, in again, and undone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use roundtable_entity::{OnError, Record, Via, import_file, import_job};
use roundtable_exchange::code_lists::{self, CodeList, Loaded};
use roundtable_exchange::reading::{self, Source};
use roundtable_exchange::running;
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::operation::Kind;
use roundtable_kernel::standing::{Caller, Role, Standing};
use roundtable_server::serve;
use sea_orm::{ActiveModelTrait, ActiveValue};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::client::text;
use crate::harness::{Answer, App, Who};

fn rows_of(csv: &[u8]) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::ReaderBuilder::new().from_reader(csv);
    let headers = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let rows = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
    (headers, rows)
}

fn lines_of(jsonl: &[u8]) -> Vec<Value> {
    std::str::from_utf8(jsonl).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every page of a list.
async fn walked(app: &App, who: &Who, path: &str) -> Result<Vec<Value>, Answer> {
    let mut items = Vec::new();
    let mut after = String::new();
    loop {
        let mark = if path.contains('?') { '&' } else { '?' };
        let page = app.rest(who, "GET", &format!("{path}{mark}first=7{after}")).send().await;
        if page.status != 200 {
            return Err(page);
        }
        items.extend(page.body["items"].as_array().unwrap().iter().cloned());
        match page.body["pageInfo"]["endCursor"].as_str().filter(|_| page.body["pageInfo"]["hasNextPage"] == true) {
            Some(cursor) => after = format!("&after={cursor}"),
            None => return Ok(items),
        }
    }
}

/// An import of a collection that may still be going on when it is answered.
async fn sent(app: &App, who: &Who, collection: &str, content: impl AsRef<[u8]>, more: Value) -> Answer {
    let mut body = json!({
        "kind": "csv", "fileName": format!("{collection}.csv"), "collection": collection,
        "content": STANDARD.encode(content),
    });
    for (name, value) in more.as_object().unwrap() {
        body[name.as_str()] = value.clone();
    }
    app.rest(who, "POST", "/v1/import-jobs").json(body).send().await
}

/// An import of a collection, waited for.
async fn import(app: &App, who: &Who, collection: &str, content: impl AsRef<[u8]>, more: Value) -> Value {
    let mut job = sent(app, who, collection, content, more).await.is(200).clone();
    for _ in 0..600 {
        if !matches!(text(&job["state"]), "queued" | "running") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        job = app.get(who, &format!("/v1/import-jobs/{}", text(&job["id"]))).await;
    }
    job
}

async fn refusals(app: &App, who: &Who, job: &Value) -> Vec<(i64, String, String)> {
    let path = format!("/v1/import-rows?jobId={}&outcome=refused&sort=line", text(&job["id"]));
    let rows = walked(app, who, &path).await.unwrap();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    rows.iter().map(|row| (row["line"].as_i64().unwrap(), text(row, "member"), text(row, "code"))).collect()
}

async fn load(app: &App, list: CodeList, name: &str, text: &str, dry_run: bool) -> Loaded {
    load_source(app, list, &reading::from_bytes(name, text.as_bytes()).unwrap(), dry_run).await
}

async fn load_source(app: &App, list: CodeList, source: &Source, dry_run: bool) -> Loaded {
    let operator = Arc::new(Caller::System(Standing::operator()));
    let ctx = Ctx::new(app.server.app.clone(), operator, Via::Import, Arc::from("a list of codes"));
    code_lists::carry_out(&ctx, list, source, dry_run).await.unwrap()
}

cases! {
    async fn a_file_holds_what_the_list_shows_to_whoever_asks(app: App) {
        let table = &app.server.app.operations;
        let mut rows = 0;
        for operation in table.iter().filter(|one| one.kind == Kind::List) {
            let members = table.schemas.named[operation.item.as_deref().unwrap()]["properties"].as_object().unwrap();
            for role in Role::ALL {
                let who = app.world.who(role);
                let list = walked(&app, who, &operation.path).await;
                let csv = app.rest(who, "GET", &format!("{}.csv", operation.path)).send().await;
                let jsonl = app.rest(who, "GET", &format!("{}.jsonl", operation.path)).send().await;
                let list = match list {
                    Ok(list) => list,
                    Err(refused) => {
                        for file in [&csv, &jsonl] {
                            assert_eq!((file.status, file.code()), (refused.status, refused.code()), "{}", file.asked);
                        }
                        continue;
                    }
                };
                csv.is(200);
                // A cursor of the feed is written anew each time, and says the same.
                let told = |rows: &[Value]| -> Vec<Value> {
                    let mut rows = rows.to_vec();
                    rows.iter_mut().filter_map(Value::as_object_mut).for_each(|row| drop(row.remove("cursor")));
                    rows
                };
                assert_eq!(told(&lines_of(&jsonl.bytes)), told(&list), "{}", jsonl.asked);
                let (headers, cells) = rows_of(&csv.bytes);
                assert!(headers.iter().eq(members.keys()), "{}", csv.asked);
                assert_eq!(cells.len(), list.len(), "{}", csv.asked);
                for (row, item) in cells.iter().zip(&list) {
                    for (name, cell) in headers.iter().zip(row).filter(|(name, _)| *name != "cursor") {
                        assert_eq!(*cell, roundtable_kernel::cell::written(&item[name]), "{} {name}", csv.asked);
                    }
                    rows += 1;
                }
            }
        }
        assert!(rows > 1000, "{rows}");
        let nobody = app.rest(&Who::anonymous(), "GET", "/v1/organizations.csv").send().await;
        nobody.refused(401, "UNAUTHENTICATED");
    }

    async fn a_file_is_asked_for_by_address_or_by_media_type(app: App) {
        let lead = &app.world.ours.lead;
        let ask = |path: &'static str, accept: &'static str| app.rest(lead, "GET", path).header("accept", accept).send();
        let file = app.rest(lead, "GET", "/v1/organizations.csv").send().await;
        assert_eq!(file.header("content-type"), "text/csv; charset=utf-8; header=present");
        assert_eq!(file.header("cache-control"), "no-store");
        let name = file.header("content-disposition");
        assert!(name.starts_with("attachment; filename=\"organizations-2") && name.ends_with(".csv\""), "{name}");
        assert!(file.bytes.windows(2).any(|two| two == b"\r\n"));
        assert_eq!(ask("/v1/organizations", "text/csv").await.bytes, file.bytes);
        let lines = app.rest(lead, "GET", "/v1/organizations.jsonl").send().await;
        assert_eq!(lines.header("content-type"), "application/x-ndjson");
        assert_eq!(ask("/v1/organizations", "application/x-ndjson").await.bytes, lines.bytes);
        for json in ["application/json, text/csv", "*/*", "text/html, */*;q=0.1"] {
            assert_eq!(ask("/v1/organizations", json).await.header("content-type"), "application/json", "{json}");
        }
        ask("/v1/organizations", "text/csv;q=0").await.refused(406, "NOT_ACCEPTABLE");
        ask("/v1/organizations.csv", "application/json").await.refused(406, "NOT_ACCEPTABLE");
        ask("/v1/meetings/0198c000-0000-7000-8000-000000000000", "text/csv").await.refused(406, "NOT_ACCEPTABLE");
        app.rest(lead, "POST", "/v1/organizations.csv").send().await.refused(405, "METHOD_NOT_ALLOWED");
        let head = app.rest(lead, "HEAD", "/v1/organizations.csv").send().await;
        assert_eq!((head.status, head.bytes.len()), (200, 0));
    }

    async fn a_file_takes_the_filters_and_sorts_of_its_list(app: App) {
        let lead = &app.world.ours.lead;
        for query in ["kind=employer", "sort=-name", "q=house", "archived=true", "sort=-updatedAt&kind=union,employer"] {
            let list = walked(&app, lead, &format!("/v1/organizations?{query}")).await.unwrap();
            let file = app.rest(lead, "GET", &format!("/v1/organizations.jsonl?{query}")).send().await;
            assert_eq!(lines_of(&file.bytes), list, "{query}");
        }
        for (query, code) in [
            ("first=1", "UNKNOWN_PARAMETER"), ("after=x", "UNKNOWN_PARAMETER"), ("total=true", "UNKNOWN_PARAMETER"),
            ("expand=parent", "INVALID_INPUT"), ("sort=colour", "INVALID_INPUT"), ("colour=red", "UNKNOWN_PARAMETER"),
        ] {
            app.rest(lead, "GET", &format!("/v1/organizations.csv?{query}")).send().await.refused(400, code);
        }
    }

    async fn a_cell_that_would_be_a_formula_is_text_and_comes_back(app: App) {
        let lead = &app.world.ours.lead;
        let evil = ["=HYPERLINK(\"http://x\")", "+1", "-1+1|cmd", "@SUM(A1)", "\t=1", "\r=1", "'=1", "it's \"plain\",\r\nreally"];
        let mut made = Vec::new();
        for text in evil {
            made.push(app.make(lead, "/v1/organizations", json!({ "name": "Formula", "kind": "other", "description": text })).await);
        }
        let ids: Vec<&str> = made.iter().map(|one| text(&one["id"])).collect();
        let path = format!("/v1/organizations.csv?id={}", ids.join(","));
        let file = app.rest(lead, "GET", &path).send().await;
        let (headers, rows) = rows_of(&file.bytes);
        assert_eq!(rows.len(), evil.len());
        for row in &rows {
            for (name, cell) in headers.iter().zip(row) {
                assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{name}: {cell:?}");
            }
        }
        let again = import(&app, lead, "organizations", &file.bytes, json!({})).await;
        let counts = (again["unchanged"].as_i64(), again["updated"].as_i64(), again["refused"].as_i64());
        assert_eq!(counts, (Some(evil.len() as i64), Some(0), Some(0)), "{again}");
    }

    async fn refused_rows_are_named_by_line_and_member_and_nothing_is_written(app: App) {
        let lead = &app.world.ours.lead;
        let before = walked(&app, lead, "/v1/organizations").await.unwrap().len();
        let file = "\u{feff}name,kind,country,website,parentId\r\n\
            Good One,employer,US,https://a.example,\r\n\
            \"Two\r\nlines\",employer,us,a.example,\r\n\
            --,employer,,,\r\n\
            Bad,nothing,,,0198c000-0000-7000-8000-000000000000\r\n\
            Short,employer\r\n\
            Orphan,employer,,,0198c000-0000-7000-8000-000000000000\r\n";
        let expected: Vec<(i64, String, String)> = [
            (3, "country", "wrong_form"), (3, "website", "wrong_form"), (5, "name", "blank"),
            (6, "kind", "unknown_value"), (7, "", "wrong_length"), (8, "parentId", "not_found"),
        ].map(|(line, member, code)| (line, member.to_owned(), code.to_owned())).to_vec();
        for more in [json!({ "matchKey": "name" }), json!({ "matchKey": "name", "dryRun": true })] {
            let job = import(&app, lead, "organizations", file, more.clone()).await;
            let mut found = refusals(&app, lead, &job).await;
            found.sort();
            assert_eq!(found, expected, "{more}");
            assert_eq!((&job["rows"], &job["rowsRead"], &job["refused"]), (&json!(6), &json!(6), &json!(5)), "{job}");
            let tried = more.get("dryRun").is_some();
            let outcome = if tried { ("completed", 1) } else { ("failed", 0) };
            assert_eq!((text(&job["state"]), job["created"].as_i64().unwrap()), outcome, "{job}");
            assert_eq!(job.get("failure").is_some(), !tried);
            assert_eq!(walked(&app, lead, "/v1/organizations").await.unwrap().len(), before);
            let report = app.get(lead, &format!("/v1/import-jobs/{}/report", text(&job["id"]))).await;
            assert_eq!(report["refused"].as_array().unwrap().len(), expected.len());
        }
        // The same file with bad rows skipped, and once more: one record, made once.
        for (created, unchanged) in [(1, 0), (0, 1)] {
            let job = import(&app, lead, "organizations", file, json!({ "matchKey": "name", "onError": "skip" })).await;
            assert_eq!(text(&job["state"]), "completed");
            let counts = (job["created"].as_i64().unwrap(), job["unchanged"].as_i64().unwrap());
            assert_eq!(counts, (created, unchanged), "{job}");
            assert_eq!(walked(&app, lead, "/v1/organizations").await.unwrap().len(), before + 1);
        }
    }

    async fn a_file_that_cannot_be_meant_is_refused_with_the_remedy(app: App) {
        let lead = &app.world.ours.lead;
        for (collection, content, more, pointer, says) in [
            ("organizations", "nmae,kind\nA,employer\n", json!({ "matchKey": "none" }), "/content", "near it are name"),
            ("organizations", "name,colour\nA,red\n", json!({ "matchKey": "none" }), "/content", "these are: "),
            ("organizations", "name,name\nA,B\n", json!({ "matchKey": "none" }), "/content", "two columns"),
            ("organizations", "name,\nA,B\n", json!({ "matchKey": "none" }), "/content", "column 2 has no name"),
            ("organizations", "", json!({ "matchKey": "none" }), "/content", "empty"),
            ("organizations", "name,kind\nA,\"employer\n", json!({ "matchKey": "none" }), "/content", "never closed"),
            ("organizations", "name,kind\nA,employer\n", json!({}), "/matchKey", "no column id"),
            ("organizations", "name,kind\nA,employer\n", json!({ "matchKey": "city" }), "/matchKey", "no column city"),
            ("organizations", "name,kind\nA,employer\n", json!({ "matchKey": "version" }), "/matchKey", "externalId"),
            ("organizations", "name,kind\nA,employer\n", json!({ "kind": "board" }), "/kind", "csv or jsonl"),
            ("organisations", "name\nA\n", json!({}), "/collection", "organizations"),
            ("invitations", "email\na@b.example\n", json!({ "matchKey": "none" }), "/collection", "organizations"),
            ("events", "id\n", json!({}), "/collection", "organizations"),
        ] {
            let refused = sent(&app, lead, collection, content, more).await;
            let refused = refused.refused(400, "INVALID_INPUT");
            assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
            assert!(text(&refused["errors"][0]["detail"]).contains(says), "{refused}");
        }
        let lone = json!({ "kind": "csv", "fileName": "organizations.csv", "content": "", "matchKey": "id" });
        app.rest(lead, "POST", "/v1/import-jobs").json(lone).send().await.refuses_member("/matchKey", "not_here");
        // What the role cannot make, it cannot import.
        let codes = sent(&app, lead, "codes", "system,vintage,code,title\n", json!({ "matchKey": "code" })).await;
        codes.refused(403, "FORBIDDEN");
        let union = app.world.who(Role::Union);
        sent(&app, union, "organizations", "name,kind\n", json!({ "matchKey": "name" })).await.refused(403, "FORBIDDEN");
        let rows: String = (0..=running::MOST_AT_ONCE).map(|number| format!("Row {number},employer\n")).collect();
        let many = sent(&app, lead, "organizations", format!("name,kind\n{rows}"), json!({ "matchKey": "name" })).await;
        many.refuses_member("/content", "too_many_rows");
    }

    async fn an_import_endorses_nothing_in_an_employers_place(app: App) {
        let lead = &app.world.ours.lead;
        let endorsements = sent(&app, lead, "endorsements", "needId,organizationId\n", json!({ "matchKey": "none" })).await;
        endorsements.refused(403, "INTERMEDIARY_CANNOT_SET_COURSE");
    }

    async fn rows_find_their_records_by_id_external_id_or_member(app: App) {
        let lead = &app.world.ours.lead;
        let at = |path: String| { let app = &app; async move { app.get(lead, &path).await } };
        let first = "externalId,name,kind,city\nwd:1,Key One,employer,Rockford\nwd:2,Key Two,union,\n";
        let job = import(&app, lead, "organizations", first, json!({})).await;
        assert_eq!((text(&job["state"]), &job["created"]), ("completed", &json!(2)), "{job}");
        let second = "externalId;name;kind;city\nwd:1;Key One Renamed;employer;\nwd:3;Caf\u{e9} Three;other;Freeport\n";
        // As an old spreadsheet writes it.
        let second: Vec<u8> = second.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect();
        let job = import(&app, lead, "organizations", second, json!({ "matchKey": "externalId" })).await;
        assert_eq!((&job["created"], &job["updated"]), (&json!(1), &json!(1)), "{job}");
        let known = walked(&app, lead, "/v1/external-ids?scheme=wd").await.unwrap();
        assert_eq!(known.len(), 3);
        let one = known.iter().find(|one| one["value"] == "1").unwrap();
        let path = format!("/v1/organizations/{}", text(&one["recordId"]));
        let now = at(path.clone()).await;
        // An empty cell leaves a member as it is.
        assert_eq!((&now["name"], &now["city"]), (&json!("Key One Renamed"), &json!("Rockford")));
        let three = known.iter().find(|one| one["value"] == "3").unwrap();
        assert_eq!(at(format!("/v1/organizations/{}", text(&three["recordId"]))).await["name"], "Caf\u{e9} Three");
        let clear = format!("id,city\n{},\n", text(&now["id"]));
        let job = import(&app, lead, "organizations", &clear, json!({})).await;
        assert_eq!(job["unchanged"], 1, "{job}");
        let job = import(&app, lead, "organizations", &clear, json!({ "clearEmpty": true })).await;
        assert_eq!(job["updated"], 1, "{job}");
        assert!(at(path.clone()).await.get("city").is_none());
        // Lines of JSON, where null empties and what is absent stays.
        let line = json!({ "name": "Key One Renamed", "legalStatus": "LLC", "naics": ["332710"], "state": "x" });
        let refused = import(&app, lead, "organizations", line.to_string(), json!({ "kind": "jsonl", "matchKey": "name" })).await;
        assert_eq!(refusals(&app, lead, &refused).await, [(1, "state".to_owned(), "unknown_member".to_owned())]);
        for (line, updated) in [
            (json!({ "name": "Key One Renamed", "legalStatus": "LLC", "naics": ["332710"], "version": 1 }), 1),
            (json!({ "name": "Key One Renamed" }), 0),
            (json!({ "name": "Key One Renamed", "legalStatus": null }), 1),
        ] {
            let job = import(&app, lead, "organizations", line.to_string(), json!({ "kind": "jsonl", "matchKey": "name" })).await;
            assert_eq!(job["updated"], updated, "{job}");
        }
        let now = at(path).await;
        assert!(now.get("legalStatus").is_none() && now["naics"] == json!(["332710"]), "{now}");
        // Two of one name are not told apart, an id of another partnership is none, a fixed member stays.
        for name in ["Twin", "Twin"] {
            app.make(lead, "/v1/organizations", json!({ "name": name, "kind": "other" })).await;
        }
        let theirs = app.world.theirs.organization[&Role::Union];
        let location = walked(&app, lead, "/v1/locations").await.unwrap().remove(0);
        for (collection, file, more, found) in [
            ("organizations", "name,city\nTwin,X\n".to_owned(), json!({ "matchKey": "name" }), ("name", "ambiguous")),
            ("organizations", format!("id,city\n{theirs},X\n"), json!({}), ("id", "not_found")),
            ("locations", format!("id,organizationId\n{},{theirs}\n", text(&location["id"])), json!({}), ("organizationId", "fixed")),
            ("organizations", "id,externalId,name,kind\n,wd,A,other\n".to_owned(), json!({}), ("externalId", "wrong_form")),
            ("organizations", "id,externalId,name,kind\n,wd:2,A,other\n".to_owned(), json!({}), ("externalId", "taken")),
        ] {
            let job = import(&app, lead, collection, file, more).await;
            assert_eq!(refusals(&app, lead, &job).await, [(2, found.0.to_owned(), found.1.to_owned())], "{job}");
        }
    }

    async fn an_import_cut_off_anywhere_goes_on_and_doubles_nothing(app: App) {
        let at = app.world.ours.id;
        let lead = &app.world.ours.lead;
        let rows = 350;
        for (round, on_error) in [OnError::Skip, OnError::AllOrNothing].into_iter().enumerate() {
            let before = walked(&app, lead, "/v1/organizations").await.unwrap().len();
            let content: String = (0..rows).map(|number| format!("Cut {round} {number},employer\n")).collect();
            let new = import_job::NewImportJob {
                partnership_id: at, kind: "csv".into(), file_name: "organizations.csv".into(), dry_run: false,
                collection: Some("organizations".into()), match_key: Some("none".into()), id_scheme: None,
                on_error: Some(on_error), clear_empty: None,
            };
            let store = &app.server.app.store;
            let id = Uuid::now_v7();
            let mut job = import_job::Model::begin(id, app.server.app.clock.now(), new);
            job.account_id = ActiveValue::Set(Some(lead.account));
            job.insert(store.maintenance()).await.unwrap();
            let file = import_file::ActiveModel {
                job_id: ActiveValue::Set(id), content: ActiveValue::Set(format!("name,kind\n{content}")),
            };
            file.insert(store.maintenance()).await.unwrap();
            // Begun by several at once, and cut off at several places.
            let mut cut = 0;
            for wait in [20, 60, 150, 300] {
                let (one, two) = (running::carry_on(&app.server.app, id), running::carry_on(&app.server.app, id));
                let both = async { futures_util::future::join(one, two).await };
                cut += i32::from(tokio::time::timeout(Duration::from_millis(wait), both).await.is_err());
            }
            assert!(cut > 0);
            let path = format!("/v1/import-jobs/{id}");
            let mut job = app.get(lead, &path).await;
            // What was cut off may have left a step on its way to the database, after which the job looks alive once more.
            for _ in 0..5 {
                if job["state"] != "completed" {
                    app.server.app.clock.advance(TimeDelta::minutes(11));
                    serve::sweep(&app.server.app).await.unwrap();
                    job = app.get(lead, &path).await;
                }
            }
            assert_eq!((text(&job["state"]), &job["created"], &job["rowsRead"]), ("completed", &json!(rows), &json!(rows)));
            let now = walked(&app, lead, "/v1/organizations").await.unwrap().len();
            assert_eq!(now - before, usize::try_from(rows).unwrap());
            // Carried on once more, it stays as it is.
            running::carry_on(&app.server.app, id).await.unwrap();
            assert_eq!(app.get(lead, &path).await, job);
        }
    }

    async fn an_import_ends_with_the_role_of_whoever_asked_for_it(app: App) {
        let world = &app.world.ours;
        let staff = app.world.who(Role::IntermediaryStaff);
        let new = import_job::NewImportJob {
            partnership_id: world.id, kind: "csv".into(), file_name: "organizations.csv".into(), dry_run: false,
            collection: Some("organizations".into()), match_key: Some("none".into()), id_scheme: None,
            on_error: Some(OnError::Skip), clear_empty: None,
        };
        let store = &app.server.app.store;
        let id = Uuid::now_v7();
        let mut job = import_job::Model::begin(id, app.server.app.clock.now(), new);
        job.account_id = ActiveValue::Set(Some(staff.account));
        job.insert(store.maintenance()).await.unwrap();
        let content = ActiveValue::Set("name,kind\nNever Made,other\n".into());
        import_file::ActiveModel { job_id: ActiveValue::Set(id), content }.insert(store.maintenance()).await.unwrap();
        let path = format!("/v1/staff-appointments?accountId={}", staff.account);
        let appointed = walked(&app, &app.world.operator, &path).await.unwrap().remove(0);
        let version = appointed["version"].as_i64().unwrap();
        let end = format!("/v1/staff-appointments/{}", text(&appointed["id"]));
        app.rest(&app.world.operator, "DELETE", &end).version(version).is(200).await;
        running::carry_on(&app.server.app, id).await.unwrap_err();
        let job = app.get(&world.lead, &format!("/v1/import-jobs/{id}")).await;
        assert_eq!(job["state"], "failed");
        assert!(text(&job["failure"]).contains("may no longer"), "{job}");
        assert!(walked(&app, &world.lead, "/v1/organizations?q=never").await.unwrap().is_empty());
    }

    async fn an_import_is_undone_unless_its_records_changed_since(app: App) {
        let lead = &app.world.ours.lead;
        let old = app.make(lead, "/v1/organizations", json!({ "name": "Was Here", "kind": "other", "city": "Rockford" })).await;
        let file = "externalId,name,kind,city\n,Was Here,other,Freeport\nzz:1,Undone One,employer,\nzz:2,Undone Two,employer,\n";
        let before = walked(&app, lead, "/v1/organizations.jsonl").await;
        assert!(before.is_err(), "a file is no page");
        let live = walked(&app, lead, "/v1/organizations").await.unwrap();
        let job = import(&app, lead, "organizations", file, json!({ "matchKey": "name" })).await;
        assert_eq!((&job["created"], &job["updated"]), (&json!(2), &json!(1)), "{job}");
        let rows = walked(&app, lead, &format!("/v1/import-rows?jobId={}", text(&job["id"]))).await.unwrap();
        assert_eq!(rows.len(), 5, "two with an external id each, and one changed");
        // Somebody changes one of them.
        let two = rows.iter().find(|row| row["line"] == 4 && row["collection"] == "organizations").unwrap();
        let path = format!("/v1/organizations/{}", text(&two["recordId"]));
        let two = app.get(lead, &path).await;
        let changed = app.patch(lead, &two, "/v1/organizations", json!({ "city": "Beloit" })).await.is(200).clone();
        let revert = format!("/v1/import-jobs/{}/revert", text(&job["id"]));
        let version = job["version"].as_i64().unwrap();
        let refused = app.rest(lead, "POST", &revert).version(version).json(json!({})).send().await;
        let errors = refused.refused(409, "IMPORT_CHANGED_SINCE")["errors"].clone();
        assert_eq!(errors.as_array().unwrap().len(), 1, "{errors}");
        assert_eq!(errors[0]["pointer"], path.trim_start_matches("/v1"));
        assert_eq!(walked(&app, lead, "/v1/organizations").await.unwrap().len(), live.len() + 2);
        // Its own import is undone first where that changed it; here the change is taken out of the way by archiving.
        app.rest(lead, "DELETE", &path).version(changed["version"].as_i64().unwrap()).json(json!({})).is(200).await;
        let refused = app.rest(lead, "POST", &revert).version(version).json(json!({})).send().await;
        refused.refused(409, "IMPORT_CHANGED_SINCE");
        let other = "externalId,name,kind,city\nyy:1,Undone Three,employer,\n,Was Here,other,Beloit\n";
        let other = import(&app, lead, "organizations", other, json!({ "matchKey": "name" })).await;
        let undone = app.act(lead, &other, "/v1/import-jobs", "revert", json!({})).await;
        assert_eq!(undone["state"], "reverted");
        assert!(undone.get("revertedAt").is_some());
        let was = app.get(lead, &format!("/v1/organizations/{}", text(&old["id"]))).await;
        assert_eq!(was["city"], "Freeport", "as the import before had left it");
        assert_eq!(walked(&app, lead, "/v1/external-ids?scheme=yy").await.unwrap().len(), 0);
        assert_eq!(walked(&app, lead, "/v1/organizations?q=undone").await.unwrap().len(), 1);
        let again = app.rest(lead, "POST", &format!("/v1/import-jobs/{}/revert", text(&other["id"])));
        again.version(undone["version"].as_i64().unwrap()).json(json!({})).send().await.refused(409, "WRONG_STATE");
        // Nothing is left that would keep the file from coming in again.
        let anew = "externalId,name,kind\nyy:1,Undone Three,employer\n";
        assert_eq!(import(&app, lead, "organizations", anew, json!({})).await["created"], 1);
    }

    async fn a_record_is_made_or_changed_by_its_external_id(app: App) {
        let lead = &app.world.ours.lead;
        let path = "/v1/organizations/by-external-id/org-id:us%2Fein/12-34%20x";
        let body = |city: Option<&str>| {
            let mut body = json!({ "name": "Upserted", "kind": "employer", "naics": ["332710"] });
            body["city"] = json!(city);
            body
        };
        let put = |body: Value| app.rest(lead, "PUT", path).json(body);
        put(body(None)).version(3).send().await.refused(412, "STALE");
        let tried = app.rest(lead, "PUT", &format!("{path}?validateOnly=true")).json(body(Some("Rockford"))).is(201).await;
        app.rest(lead, "GET", &format!("/v1/organizations/{}", text(&tried["id"]))).is(404).await;
        let made = put(body(Some("Rockford"))).send().await;
        let record = made.is(201).clone();
        assert_eq!(made.header("location"), format!("/v1/organizations/{}", text(&record["id"])));
        assert_eq!(made.header("etag"), "\"1\"");
        let known = walked(&app, lead, "/v1/external-ids?scheme=org-id:us/ein").await.unwrap();
        assert_eq!((known.len(), &known[0]["value"], &known[0]["recordId"]), (1, &json!("12-34 x"), &record["id"]));
        // Once more, nothing changes; another body is the whole of what it becomes.
        assert_eq!(put(body(Some("Rockford"))).is(200).await, record);
        let changed = put(body(None)).is(200).await;
        assert!(changed.get("city").is_none() && changed["naics"] == json!(["332710"]) && changed["version"] == 2, "{changed}");
        put(body(None)).version(1).send().await.refused(412, "STALE");
        put(body(Some("Beloit"))).version(2).is(200).await;
        put(body(None)).header("if-none-match", "*").send().await.refused(412, "STALE");
        put(json!({ "name": "Upserted" })).send().await.refuses_member("/kind", "required");
        app.rest(lead, "PUT", &format!("{path}?scheme=x")).json(body(None)).send().await.refuses_member("/scheme", "repeated");
        app.rest(app.world.who(Role::Union), "PUT", path).json(body(None)).send().await.refused(403, "FORBIDDEN");
        // The other door, and the other partnership's own.
        let query = "mutation($c: String) { it: upsertOrganization(scheme: \"org-id:us/ein\", value: \"12-34 x\", \
            input: { name: \"Upserted\", kind: EMPLOYER, city: $c }) { id city naics version } }";
        let graph = app.gql(lead, query, json!({ "c": "Rockton" })).await.ok()["it"].clone();
        assert_eq!((&graph["id"], &graph["city"], &graph["naics"]), (&record["id"], &json!("Rockton"), &json!([])));
        let theirs = app.rest(&app.world.theirs.lead, "PUT", path).json(body(None)).is(201).await;
        assert_ne!(theirs["id"], record["id"]);
        let version = graph["version"].as_i64().unwrap();
        app.rest(lead, "DELETE", &format!("/v1/organizations/{}", text(&record["id"]))).version(version).is(200).await;
        put(body(None)).send().await.refused(409, "ARCHIVED");
    }

    async fn files_of_others_are_refused_with_reasons(app: App) {
        let Some(folder) = crate::imports::data("") else { return };
        let lead = &app.world.ours.lead;
        let (mut open, mut tried) = (vec![folder], 0);
        while let Some(path) = open.pop() {
            if path.is_dir() {
                open.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                continue;
            }
            let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
            let kind = match ending.as_str() {
                "csv" | "xlsx" | "md" => "csv",
                "json" | "txt" | "ics" => "jsonl",
                _ => continue,
            };
            let bytes: Vec<u8> = std::fs::read(&path).unwrap().into_iter().take(200_000).collect();
            let more = json!({ "kind": kind, "matchKey": "none", "dryRun": true });
            let answer = sent(&app, lead, "resources", bytes, more).await;
            assert!(matches!(answer.status, 200 | 400), "{path:?}: {}", answer.body);
            let refused = answer.status == 400 || answer.body["state"] != "completed" || answer.body["refused"] != 0;
            assert!(refused || answer.body["rows"] == 0, "{path:?}: {}", answer.body);
            tried += 1;
        }
        assert!(tried > 100, "{tried}");
    }

    async fn lists_of_codes_are_loaded_and_records_are_held_to_them(app: App) {
        let (operator, lead) = (&app.world.operator, &app.world.ours.lead);
        let had = json!({ "name": "Had It", "kind": "employer", "naics": ["332710"] });
        let had = app.make(lead, "/v1/organizations", had).await;
        let list = "code,title\n33,Manufacturing\n332,Fabricated Metal\n3327,Machine Shops and Screws\n\
            332710,Machine Shops\n332721,Turned Products\nmachines,Manufacturing\n";
        let counts = |loaded: &Loaded| (loaded.created, loaded.updated, loaded.unchanged, loaded.refused.len());
        assert_eq!(counts(&load(&app, CodeList::Naics2022, "naics.csv", list, true).await), (4, 1, 0, 1));
        let loaded = load(&app, CodeList::Naics2022, "naics.csv", list, false).await;
        assert_eq!((counts(&loaded), loaded.refused[0].0), ((4, 1, 0, 1), 7), "{loaded:?}");
        assert_eq!(counts(&load(&app, CodeList::Naics2022, "naics.csv", list, false).await), (0, 0, 5, 1));
        let found = walked(&app, lead, "/v1/codes?q=machine&system=naics&sort=code").await.unwrap();
        let found: Vec<(&Value, &Value)> = found.iter().map(|code| (&code["code"], &code["parent"])).collect();
        assert_eq!(found, [(&json!("3327"), &json!("332")), (&json!("332710"), &json!("3327"))]);
        assert_eq!(walked(&app, lead, "/v1/codes?parent=3327").await.unwrap().len(), 2);
        let unknown = |naics: &str| {
            let body = json!({ "name": "Coded", "kind": "employer", "naics": ["33", naics] });
            app.rest(lead, "POST", "/v1/organizations").json(body).send()
        };
        let refused = unknown("332799").await;
        let refused = refused.refused(422, "UNKNOWN_CODE");
        assert_eq!(refused["errors"][0]["pointer"], "/naics/1");
        assert!(text(&refused["detail"]).contains("the nearest is 3327 "), "{refused}");
        let code = walked(&app, lead, "/v1/codes?code=332710").await.unwrap().remove(0);
        let retire = |who: &Who| {
            let version = code["version"].as_i64().unwrap();
            app.rest(who, "POST", &format!("/v1/codes/{}/retire", text(&code["id"]))).version(version).json(json!({})).send()
        };
        retire(lead).await.refused(403, "FORBIDDEN");
        retire(operator).await.is(200);
        assert!(text(&unknown("332710").await.refused(422, "UNKNOWN_CODE")["detail"]).contains("retired"));
        assert!(app.get(lead, &format!("/v1/codes/{}", text(&code["id"]))).await.get("retiredAt").is_some());
        app.patch(lead, &had, "/v1/organizations", json!({ "city": "Rockford" })).await.is(200);
        app.make(lead, "/v1/organizations", json!({ "name": "Coded", "kind": "employer", "naics": ["332721"] })).await;
    }

    async fn code_lists_of_the_publishers_are_loaded(app: App) {
        let Some(folder) = crate::imports::data("codes") else { return };
        let lead = &app.world.ours.lead;
        let mut sizes = Vec::new();
        for (list, file) in [
            (CodeList::Naics2022, "naics-2022-3digit.csv"), (CodeList::Soc2018, "soc2018_definitions.csv"),
            (CodeList::Cip2020, "in_demand_cips.csv"), (CodeList::SocCip, "soc2018_cip2020_crosswalk.csv"),
        ] {
            let whole = std::fs::read_to_string(folder.join(file)).unwrap();
            // All of a crosswalk takes a while in an unoptimised build; its beginning has all its shapes.
            let beginning: String = whole.split_inclusive('\n').take(1500).collect();
            let first = load(&app, list, file, &beginning, false).await;
            let again = load(&app, list, file, &beginning, false).await;
            assert_eq!((again.created, again.updated, &again.refused), (0, 0, &first.refused), "{file}");
            assert!(first.refused.is_empty(), "{file} {:?}", first.refused);
            sizes.push(again.unchanged);
        }
        assert_eq!(&sizes[..3], [96, 1447, 722]);
        let soc = walked(&app, lead, "/v1/codes?system=soc&code=11-1011").await.unwrap().remove(0);
        assert_eq!((&soc["title"], &soc["parent"]), (&json!("Chief Executives"), &json!("11-1010")));
        assert!(soc["crosswalk"].as_array().unwrap().contains(&json!("52.0201")), "{soc}");
        let cip = walked(&app, lead, "/v1/codes?system=cip&code=52.0201").await.unwrap().remove(0);
        assert!(cip["crosswalk"].as_array().unwrap().contains(&json!("11-1011")), "{cip}");
        let sheet = std::fs::read(folder.join("naics-2022-2-6digit.xlsx")).unwrap();
        let mut source = reading::from_bytes("naics.xlsx", &sheet).unwrap();
        assert_eq!((source.tables.len(), source.tables[0].rows.len()), (1, 2125));
        // To the sectors of several codes, of which manufacturing is the first.
        let rows = &mut source.tables[0].rows;
        let upto = rows.iter().position(|row| row.content().contains("31-33")).unwrap() + 10;
        rows.truncate(upto);
        let loaded = load_source(&app, CodeList::Naics2022, &source, false).await;
        assert!(loaded.refused.is_empty(), "{:?}", loaded.refused);
        let food = walked(&app, lead, "/v1/codes?system=naics&code=311").await.unwrap().remove(0);
        assert_eq!((&food["title"], &food["parent"]), (&json!("Food Manufacturing"), &json!("31")));
    }

    async fn what_goes_out_comes_in_again_at_an_empty_table(app: App) {
        let (operator, lead) = (&app.world.operator, &app.world.ours.lead);
        let open = json!({ "slug": "empty", "workingTitle": "An empty table", "timeZone": "America/Chicago",
            "industryUnionized": "partly" });
        let empty = app.make(operator, "/v1/partnerships", open).await;
        let appointed = json!({ "partnershipId": empty["id"], "accountId": lead.account, "role": "intermediary" });
        app.make(operator, "/v1/staff-appointments", appointed).await;
        let id = |value: &Value| Uuid::parse_str(text(value)).unwrap();
        let here = Who::with_token("lead here", &app.token(lead.account, Some(app.world.ours.id)));
        let there = Who::with_token("lead there", &app.token(lead.account, Some(id(&empty["id"]))));
        let table = &app.server.app.operations;
        let creates: Vec<&str> = ORDER.iter().copied().chain(
            table.collections.iter().map(|one| one.path).filter(|path| !ORDER.contains(path)),
        ).filter(|path| table.iter().any(|one| one.collection == *path && one.kind == Kind::Create)).collect();
        let mut not_made: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut compared = 0;
        for form in ["csv", "jsonl"] {
            for collection in &creates {
                let file = app.rest(&here, "GET", &format!("/v1/{collection}.{form}")).send().await;
                if file.status != 200 {
                    not_made.entry((*collection).to_owned()).or_default().insert(file.code().to_owned());
                    continue;
                }
                let more = json!({ "kind": form, "idScheme": "before", "onError": "skip" });
                let job = sent(&app, &there, collection, &file.bytes, more.clone()).await;
                if job.status != 200 {
                    let code = job.body["errors"][0]["code"].as_str().unwrap_or(job.code()).to_owned();
                    not_made.entry((*collection).to_owned()).or_default().insert(code);
                    continue;
                }
                let job = import(&app, &there, collection, &file.bytes, more).await;
                for (_, member, code) in refusals(&app, &there, &job).await {
                    not_made.entry((*collection).to_owned()).or_default().insert(format!("{member} {code}"));
                }
            }
        }
        // What came in is what went out, apart from ids, times and versions, and what only acts move.
        let known = walked(&app, &there, "/v1/external-ids?scheme=before").await.unwrap();
        let ours: HashMap<&str, &str> =
            known.iter().map(|one| (text(&one["value"]), text(&one["recordId"]))).collect();
        let translated = |value: &Value| -> Value {
            let one = |value: &Value| value.as_str().and_then(|id| ours.get(id)).map_or(value.clone(), |id| json!(id));
            match value {
                Value::Array(items) => items.iter().map(one).collect(),
                other => one(other),
            }
        };
        for collection in &creates {
            let create = table.iter().find(|one| one.collection == *collection && one.kind == Kind::Create).unwrap();
            let sent = table.schemas.named[create.body.as_deref().unwrap()]["properties"].as_object().unwrap();
            let (Ok(before), Ok(after)) = (
                walked(&app, &here, &format!("/v1/{collection}")).await,
                walked(&app, &there, &format!("/v1/{collection}")).await,
            ) else { continue };
            let after: HashMap<&str, &Value> = after.iter().map(|one| (text(&one["id"]), one)).collect();
            for record in &before {
                let Some(copy) = ours.get(text(&record["id"])).and_then(|id| after.get(id)) else {
                    assert!(not_made.contains_key(*collection), "{collection} {record} did not come in");
                    continue;
                };
                for member in sent.keys().filter(|member| *member != "partnershipId") {
                    assert_eq!(translated(&record[member]), copy[member], "{collection}.{member}");
                }
                compared += 1;
            }
        }
        let expected: BTreeMap<String, BTreeSet<String>> = NOT_MADE
            .iter()
            .map(|(collection, why)| ((*collection).to_owned(), why.iter().map(|why| (*why).to_owned()).collect()))
            .collect();
        assert_eq!(not_made, expected, "{compared} compared");
        assert!(compared > 60, "{compared}");
    }
}

/// Collections in an order in which what others point to comes first.
const ORDER: &[&str] = &[
    "organizations",
    "people",
    "affiliations",
    "locations",
    "partners",
    "employers",
    "unions",
    "institutions",
    "seats",
    "champions",
    "meeting-series",
    "meetings",
    "agenda-items",
    "attendances",
    "minutes",
    "decisions",
    "action-items",
    "employer-statements",
    "needs",
    "causes",
    "goals",
    "solutions",
    "plan-steps",
    "resources",
];

/// What an import by the intermediary cannot make at an empty table, and why.
const NOT_MADE: &[(&str, &[&str])] = &[
    // Who is imported is a prospect until it joins by an act, and a meeting is a draft until it is held.
    ("action-items", &["ownerOrganizationId not_a_partner"]),
    ("decisions", &[" WRONG_STATE"]),
    ("minutes", &[" WRONG_STATE"]),
    // The words of partners.
    ("cause-confirmations", &["INTERMEDIARY_CANNOT_SET_COURSE"]),
    ("endorsements", &["INTERMEDIARY_CANNOT_SET_COURSE"]),
    ("fit-scores", &["INTERMEDIARY_CANNOT_SET_COURSE"]),
    ("mission-statements", &["INTERMEDIARY_CANNOT_SET_COURSE"]),
    ("offers", &["INTERMEDIARY_CANNOT_SET_COURSE"]),
    ("plan-approvals", &["INTERMEDIARY_CANNOT_SET_COURSE"]),
    ("provisioned-logins", &[" INTERMEDIARY_CANNOT_SET_COURSE"]),
    ("solution-approvals", &["INTERMEDIARY_CANNOT_SET_COURSE"]),
    ("topic-consents", &["FORBIDDEN"]),
    // What is held to its parties is a stub to the intermediary.
    ("topics", &["subject required", "subjectMatter required", "text required"]),
    // Two employers' ratings come from one mouth.
    ("feasibility-ratings", &[" ONE_VOICE_PER_ORGANIZATION"]),
    // The installation's own.
    ("codes", &["FORBIDDEN"]),
    ("partnerships", &["FORBIDDEN"]),
    // Their creation hands out a secret.
    ("invitations", &["unknown_value"]),
    ("service-accounts", &["unknown_value"]),
    // Other systems' ids are not given to these, so they are not matched by them.
    ("external-ids", &["recordType unknown_value"]),
    ("staff-appointments", &["recordType unknown_value"]),
    ("webhooks", &["recordType unknown_value"]),
];
