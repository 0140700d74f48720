//! What lies outside a caller's view does not exist: not by id, filter, sort, cursor, count, search, nested field,
//! reference or import.

use std::collections::BTreeSet;

use roundtable_kernel::access::{Reach, rule};
use roundtable_kernel::graphql::field_name;
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Kind;
use roundtable_kernel::standing::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::client::text;
use crate::harness::world::Row;
use crate::harness::{App, Who, sample};

fn ids(page: &Value) -> BTreeSet<String> {
    page["items"].as_array().unwrap().iter().map(|item| text(&item["id"]).to_owned()).collect()
}

/// Ids of the other partnership, as the outsider's opposite sees them.
fn foreign(app: &App) -> BTreeSet<String> {
    app.world.rows.iter().filter(|row| !row.theirs).map(|row| row.id.to_string()).collect()
}

/// The outsider: leads the other partnership.
fn outsider(app: &App) -> &Who {
    &app.world.theirs.lead
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

/// Somebody of the other partnership who may read such lists: its intermediary, or a party where that has no part.
fn reader(app: &App, op: Op) -> &Who {
    match rule(op).reach(Role::Intermediary) {
        Reach::Nothing => &app.world.theirs.who[&Role::Union],
        _ => outsider(app),
    }
}

fn shows_nothing_of(value: &Value, foreign: &BTreeSet<String>, what: &str) {
    let mut shown = BTreeSet::new();
    strings(value, &mut shown);
    let leaked: Vec<_> = shown.intersection(foreign).collect();
    assert!(leaked.is_empty(), "{what} shows {leaked:?}");
}

cases! {
    async fn no_list_shows_a_row_of_the_other_partnership(app: App) {
        let table = &app.server.app.operations;
        let common: BTreeSet<String> = app.world.rows.iter()
            .filter(|row| matches!(row.collection, "codes" | "accounts"))
            .map(|row| row.id.to_string())
            .collect();
        let foreign: BTreeSet<String> = foreign(&app).difference(&common).cloned().collect();
        let mut lists = 0;
        for operation in table.iter().filter(|one| one.kind == Kind::List && one.collection != "accounts") {
            // The feed has one order and tests of its own.
            let Some(sorts) = operation.parameters.iter().find(|one| one.name == "sort") else { continue };
            for sort in sorts.schema["enum"].as_array().unwrap() {
                let path = format!("{}?first=200&total=true&sort={}", operation.path, text(sort));
                let page = app.get(reader(&app, operation.op), &path).await;
                shows_nothing_of(&page, &foreign, &path);
                assert_eq!(page["totalCount"], page["items"].as_array().unwrap().len(), "{path}");
                lists += 1;
            }
            let archived = app.get(reader(&app, operation.op), &format!("{}?archived=true&total=true", operation.path)).await;
            shows_nothing_of(&archived, &foreign, &operation.path);
            // By filter on every member that holds an id of ours.
            for row in app.world.rows.iter().filter(|row| !row.theirs && row.collection == operation.collection) {
                if operation.collection == "codes" {
                    continue;
                }
                let page = app.get(reader(&app, operation.op), &format!("{}?id={}&total=true", operation.path, row.id)).await;
                assert_eq!((&page["items"], &page["totalCount"]), (&json!([]), &json!(0)), "{}", operation.path);
            }
            let ours = &app.world.ours;
            for (member, id) in [
                ("partnershipId", ours.id), ("organizationId", ours.organization[&Role::Employer]),
                ("personId", ours.person[&Role::Employer]), ("partnerId", ours.partner[&Role::Employer]),
                ("meetingId", ours.meeting), ("seatId", ours.seat[&Role::Employer]),
                ("ownerOrganizationId", ours.organization[&Role::Employer]),
            ] {
                if operation.parameters.iter().any(|one| one.name == member) {
                    let path = format!("{}?{member}={id}&total=true", operation.path);
                    let page = app.get(reader(&app, operation.op), &path).await;
                    assert_eq!((&page["items"], &page["totalCount"]), (&json!([]), &json!(0)), "{path}");
                }
            }
        }
        assert!(lists > 150, "{lists}");
    }

    async fn no_graphql_list_shows_a_row_of_the_other_partnership(app: App) {
        let table = &app.server.app.operations;
        for operation in table.iter().filter(|one| one.kind == Kind::List) {
            if matches!(operation.collection, "accounts" | "codes" | "events") {
                continue;
            }
            let field = field_name(operation);
            for row in app.world.rows.iter().filter(|row| !row.theirs && row.collection == operation.collection).take(2) {
                let query = format!("{{ it: {field}(id: \"{}\") {{ totalCount nodes {{ id }} }} }}", row.id);
                let answer = app.gql(reader(&app, operation.op), &query, Value::Null).await;
                assert_eq!(answer.ok()["it"], json!({ "totalCount": 0, "nodes": [] }), "{query}");
            }
            let query = format!("{{ it: {field}(first: 200) {{ totalCount nodes {{ id }} }} }}");
            let answer = app.gql(reader(&app, operation.op), &query, Value::Null).await;
            let shown = &answer.ok()["it"];
            shows_nothing_of(shown, &foreign(&app), &query);
            assert_eq!(shown["totalCount"], shown["nodes"].as_array().unwrap().len());
        }
    }

    async fn a_search_finds_only_what_the_caller_may_know_of(app: App) {
        for path in ["organizations?q=house", "people?q=person", "meetings?q=pilot", "resources?q=welding"] {
            let page = app.get(outsider(&app), &format!("/v1/{path}&total=true&first=200")).await;
            let shown = page["items"].as_array().unwrap().len();
            assert!(shown > 0, "{path}");
            assert_eq!(page["totalCount"], shown, "{path}");
            shows_nothing_of(&page, &foreign(&app), path);
        }
        let found = app.get(outsider(&app), "/v1/organizations?q=ours&total=true").await;
        assert_eq!((&found["items"], &found["totalCount"]), (&json!([]), &json!(0)));
    }

    async fn a_cursor_of_the_other_partnership_opens_nothing(app: App) {
        let lead = &app.world.ours.lead;
        for sort in ["", "&sort=name", "&sort=-createdAt"] {
            let page = app.get(lead, &format!("/v1/organizations?first=2{sort}")).await;
            let cursor = text(&page["pageInfo"]["endCursor"]);
            let path = format!("/v1/organizations?first=200{sort}&after={cursor}");
            let answer = app.rest(outsider(&app), "GET", &path).send().await;
            if answer.status == 200 {
                shows_nothing_of(&answer.body, &foreign(&app), &path);
            } else {
                answer.refused(400, "INVALID_CURSOR");
            }
        }
    }

    async fn node_and_every_reader_answer_a_foreign_id_like_a_random_one(app: App) {
        for row in app.world.rows.iter().filter(|row| !row.theirs && row.collection != "codes") {
            let ask = |id: Uuid| {
                let app = &app;
                async move {
                    let query = format!("{{ node(id: \"{id}\") {{ id __typename }} }}");
                    app.gql_with(outsider(app), &query, Value::Null, &[("request-id", "one-and-the-same")]).await.bytes
                }
            };
            assert_eq!(ask(row.id).await, ask(Uuid::now_v7()).await, "{}", row.collection);
        }
    }

    async fn node_finds_what_the_caller_may_know_of(app: App) {
        let table = &app.server.app.operations;
        // A member's webhook is nothing to the intermediary.
        let closed = |row: &&Row| row.collection.starts_with("webhook") && !row.owners.is_empty();
        for row in app.world.rows.iter().filter(|row| !row.theirs && !closed(row)) {
            let collection = table.collections.iter().find(|one| one.path == row.collection).unwrap();
            let who = match row.collection {
                "accounts" | "codes" => &app.world.operator,
                // Whoever made it, and one of the parties.
                "calendar-feeds" | "topic-consents" => app.world.who(row.owners[0]),
                _ => &app.world.ours.lead,
            };
            let answer = app.gql(who, &format!("{{ node(id: \"{}\") {{ id __typename }} }}", row.id), Value::Null).await;
            let node = &answer.ok()["node"];
            assert_eq!(node["id"], row.id.to_string(), "{}", row.collection);
            let name = text(&node["__typename"]);
            let is_partner = ["Partner", "Employer", "Union", "Institution"].contains(&collection.name);
            assert!(is_partner && ["Employer", "Union", "Institution", "OtherPartner"].contains(&name)
                || name == collection.name, "{name} for {}", collection.name);
        }
    }

    async fn nested_fields_show_nothing_of_the_other_partnership(app: App) {
        // Every relation of every record, one step far, through both doors.
        let table = &app.server.app.operations;
        let foreign = foreign(&app);
        let mut followed = 0;
        for operation in table.iter().filter(|one| one.kind == Kind::List && one.collection != "accounts") {
            let name = operation.item.as_deref().unwrap();
            let relations: Vec<&str> =
                table.relations.iter().filter(|one| one.from == name).map(|one| one.field).collect();
            if relations.is_empty() || operation.collection == "codes" {
                continue;
            }
            let path = format!("{}?first=200&expand={}", operation.path, relations.join(","));
            let page = app.get(reader(&app, operation.op), &path).await;
            shows_nothing_of(&page, &foreign, &path);
            let nested: Vec<String> = relations.iter().map(|field| format!("{field} {{ id }}")).collect();
            let query = format!("{{ it: {}(first: 200) {{ nodes {{ id {} }} }} }}", field_name(operation), nested.join(" "));
            let answer = app.gql(reader(&app, operation.op), &query, Value::Null).await;
            shows_nothing_of(answer.ok(), &foreign, &query);
            followed += relations.len();
        }
        assert!(followed > 50, "{followed}");
    }

    async fn a_foreign_id_in_a_body_is_refused_like_a_random_one(app: App) {
        // Every reference of every body an outsider may send, pointed at ours and at nothing.
        let table = &app.server.app.operations;
        let ours = &app.world.ours;
        let at = |member: &str| match member {
            "organizationId" | "ownerOrganizationId" | "parentId" | "hostOrganizationId" | "presenterOrganizationId"
            | "employerOrganizationId" | "intermediaryOrganizationId" => Some(ours.organization[&Role::Employer]),
            "unionOrganizationId" => Some(ours.organization[&Role::Union]),
            "personId" => Some(ours.person[&Role::Employer]),
            "partnerId" => Some(ours.partner[&Role::Employer]),
            "seatId" => Some(ours.seat[&Role::Employer]),
            "meetingId" | "toMeetingId" => Some(ours.meeting),
            "partnershipId" => Some(ours.id),
            "locationId" | "seriesId" | "supersedesId" | "recordId" => {
                let path = match member {
                    "locationId" => "locations",
                    "seriesId" => "meeting-series",
                    "supersedesId" => "decisions",
                    _ => "organizations",
                };
                app.world.rows.iter().find(|row| row.collection == path && !row.theirs).map(|row| row.id)
            }
            _ => None,
        };
        let mut tried = 0;
        for operation in table.iter().filter(|one| sample::takes_validate_only(one)) {
            if roundtable_kernel::access::rule(operation.op).reach(Role::Intermediary)
                != roundtable_kernel::access::Reach::All {
                continue;
            }
            let Some(name) = &operation.body else { continue };
            let row = app.world.rows.iter().find(|row| row.theirs && row.collection == operation.collection);
            let id = row.map(|row| row.id.to_string());
            let members = table.schemas.named[name.as_str()]["properties"].as_object().into_iter().flatten();
            for (member, _) in members {
                let Some(foreign) = at(member) else { continue };
                let mut answers = Vec::new();
                for target in [foreign, Uuid::now_v7()] {
                    let mut body = sample::body(table, operation).unwrap();
                    body[member] = json!(target);
                    let id = id.as_deref().filter(|_| operation.kind.has_id());
                    let path = format!("{}?validateOnly=true", sample::path(operation, id));
                    let mut call = app.rest(outsider(&app), operation.kind.method(), &path)
                        .header("request-id", "one-and-the-same").json(body);
                    if operation.kind.needs_version() {
                        call = call.version(row.unwrap().version);
                    }
                    let answer = call.send().await;
                    assert!((400..500).contains(&answer.status), "{} took {member}: {}", operation.op.name(), answer.body);
                    answers.push(answer);
                }
                assert_eq!(answers[0].body, answers[1].body, "{} {member}", operation.op.name());
                tried += 1;
            }
        }
        assert!(tried > 40, "{tried}");
    }

    async fn an_import_into_the_other_partnership_is_refused(app: App) {
        let file = json!({
            "partnershipId": app.world.ours.id, "kind": "csv", "fileName": "a.csv", "content": "bmFtZSxraW5kCkEsZW1wbG95ZXIK",
        });
        let random = json!({ "partnershipId": Uuid::now_v7(), "kind": "csv", "fileName": "a.csv", "content": "bmFtZQo=" });
        let send = |body: Value| app.rest(outsider(&app), "POST", "/v1/import-jobs")
            .header("request-id", "one-and-the-same").json(body).send();
        let (ours, random) = (send(file).await, send(random).await);
        ours.refused(400, "INVALID_INPUT");
        assert_eq!(ours.bytes, random.bytes);
        app.rest(app.world.who(Role::Employer), "POST", "/v1/import-jobs")
            .json(json!({ "kind": "csv", "fileName": "a.csv", "content": "bmFtZQo=" })).send().await
            .refused(403, "FORBIDDEN");
    }

    async fn scopes_hold_for_nested_fields_too(app: App) {
        let narrow = &app.world.narrow;
        let path = format!("/v1/meetings/{}?expand=attendances,agendaItems", app.world.ours.meeting);
        let meeting = app.get(narrow, &path).await;
        assert!(meeting["attendances"].as_array().is_none_or(Vec::is_empty), "{meeting}");
        let query = format!("{{ meeting(id: \"{}\") {{ title attendances {{ id person {{ name }} }} }} }}", app.world.ours.meeting);
        let graph = app.gql(narrow, &query, Value::Null).await;
        assert_eq!(graph.ok()["meeting"]["attendances"], json!([]));
        let node = app.gql(narrow, &format!("{{ node(id: \"{}\") {{ id }} }}", app.world.ours.person[&Role::Union]), Value::Null).await;
        assert_eq!(node.ok()["node"], Value::Null);
    }

    async fn prospects_are_known_to_the_intermediary_and_champions_only(app: App) {
        let prospect = app.world.ours.prospect.to_string();
        for role in Role::ALL.into_iter().filter(|role| *role != Role::Observer) {
            let who = app.world.who(role);
            let page = app.get(who, "/v1/partners?first=200&total=true").await;
            let employers = app.get(who, "/v1/employers?first=200&total=true").await;
            let known = role.is_intermediary() || matches!(role, Role::Champion | Role::Operator);
            assert_eq!(ids(&page).contains(&prospect), known, "{role:?}");
            assert_eq!(ids(&employers).contains(&prospect), known, "{role:?}");
            assert_eq!(page["totalCount"], page["items"].as_array().unwrap().len(), "{role:?}");
            let status = app.rest(who, "GET", &format!("/v1/partners/{prospect}")).send().await.status;
            assert_eq!(status, if known { 200 } else { 404 }, "{role:?}");
            let counted = app.get(who, "/v1/partners?state=prospect&total=true").await["totalCount"].clone();
            let expected = if known { 1 + i32::from(role == Role::Operator) } else { 0 };
            assert_eq!(counted, expected, "{role:?}");
            let query = "{ partners(state: [PROSPECT]) { totalCount } }";
            assert_eq!(app.gql(who, query, Value::Null).await.ok()["partners"]["totalCount"], expected, "{role:?}");
        }
    }

    async fn drafts_are_known_to_those_who_draft_them(app: App) {
        let (meeting, resource) = (app.world.ours.draft_meeting.to_string(), app.world.ours.draft_resource.to_string());
        for role in Role::ALL.into_iter().filter(|role| *role != Role::Operator) {
            let who = app.world.who(role);
            for (path, draft) in [("meetings", &meeting), ("resources", &resource)] {
                let page = app.get(who, &format!("/v1/{path}?first=200&total=true")).await;
                assert_eq!(ids(&page).contains(draft), role.is_intermediary(), "{path} {role:?}");
                assert_eq!(page["totalCount"], page["items"].as_array().unwrap().len(), "{path} {role:?}");
                let status = app.rest(who, "GET", &format!("/v1/{path}/{draft}")).send().await.status;
                assert_eq!(status == 200, role.is_intermediary(), "{path} {role:?}");
            }
            let found = app.get(who, "/v1/resources?q=unchecked&total=true").await;
            assert_eq!(found["totalCount"], i32::from(role.is_intermediary()), "{role:?}");
        }
        // Who drafts knows; another member does not, until it is called.
        let champion = app.world.who(Role::Champion);
        let draft = json!({
            "title": "A champion's draft", "kind": "action_team", "startsAt": "2026-11-03T15:00:00Z",
            "durationMinutes": 30, "timeZone": "America/Chicago",
        });
        let draft = app.make(champion, "/v1/meetings", draft).await;
        let path = format!("/v1/meetings/{}", text(&draft["id"]));
        app.get(champion, &path).await;
        app.rest(app.world.who(Role::Union), "GET", &path).send().await.refused(404, "NOT_FOUND");
        let item = json!({ "meetingId": draft["id"], "title": "x", "kind": "design", "minutes": 10 });
        let item = app.make(champion, "/v1/agenda-items", item).await;
        app.rest(app.world.who(Role::Union), "GET", &format!("/v1/agenda-items/{}", text(&item["id"]))).send().await
            .refused(404, "NOT_FOUND");
    }

    async fn members_that_are_not_the_callers_to_see_are_absent(app: App) {
        let ours = &app.world.ours;
        let partner = format!("/v1/partners/{}", ours.partner[&Role::Employer]);
        let hours = format!("{{ partner(id: \"{}\") {{ hoursOffered }} }}", ours.partner[&Role::Employer]);
        let person = format!("/v1/people/{}", ours.person[&Role::Employer]);
        let contact = format!("{{ person(id: \"{}\") {{ email phone }} }}", ours.person[&Role::Employer]);
        for (role, sees) in [
            (Role::Employer, true), (Role::Intermediary, true), (Role::IntermediaryStaff, true), (Role::Union, false),
            (Role::Champion, false), (Role::Institution, false),
        ] {
            let who = app.world.who(role);
            assert_eq!(app.get(who, &partner).await.get("hoursOffered").is_some(), sees, "{role:?}");
            assert_eq!(app.gql(who, &hours, Value::Null).await.ok()["partner"]["hoursOffered"].is_i64(), sees, "{role:?}");
            let shown = app.get(who, &person).await;
            assert_eq!((shown.get("email").is_some(), shown.get("phone").is_some()), (sees, sees), "{role:?}");
            assert_eq!(app.gql(who, &contact, Value::Null).await.ok()["person"]["email"].is_string(), sees, "{role:?}");
            let nested = app.get(who, &format!("/v1/seats/{}?expand=person,partner", ours.seat[&Role::Employer])).await;
            assert_eq!(nested["person"].get("email").is_some(), sees, "{role:?}");
            assert_eq!(nested["partner"].get("hoursOffered").is_some(), sees, "{role:?}");
            let listed = app.get(who, &format!("/v1/people?id={}", ours.person[&Role::Employer])).await;
            assert_eq!(listed["items"][0].get("email").is_some(), sees, "{role:?}");
        }
        // Nor can they be felt for by a filter, a sort or a search.
        let union = app.world.who(Role::Union);
        for query in ["partners?hoursOffered=1", "people?email=employer@person.example", "partners?hoursOfferedFrom=1"] {
            app.rest(union, "GET", &format!("/v1/{query}")).send().await.refused(400, "UNKNOWN_PARAMETER");
        }
        for query in ["partners?sort=hoursOffered", "people?sort=email"] {
            app.rest(union, "GET", &format!("/v1/{query}")).send().await.refused(400, "INVALID_INPUT");
        }
        let found = app.get(union, "/v1/people?q=employer@person.example&total=true").await;
        assert_eq!(found["totalCount"], 0);
    }

    async fn hopes_stay_with_their_owner_and_the_intermediary(app: App) {
        for role in Role::ALL.into_iter().filter(|role| role.is_member()) {
            let page = app.get(app.world.who(role), "/v1/interests?first=200&total=true").await;
            assert_eq!(page["totalCount"], 1, "{role:?}");
            let own = app.world.ours.organization[&role].to_string();
            assert_eq!(page["items"][0]["organizationId"], own);
        }
        let all = app.get(&app.world.ours.lead, "/v1/interests?total=true").await;
        assert_eq!(all["totalCount"], 8);
    }
}
