//! The feed: everything that happened, in order, as far as the reader may know, and nothing beyond.

use std::collections::{BTreeMap, BTreeSet};

use roundtable_entity::{event, event_mark};
use roundtable_kernel::order;
use roundtable_kernel::standing::Role;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, Database, EntityTrait, QueryFilter, QueryOrder, TransactionTrait};
use serde_json::{Value, json};

use crate::harness::client::{id, text};
use crate::harness::{App, Backend, Who};

/// Everything the feed shows from a cursor on, and the cursor to go on from.
pub async fn all(app: &App, who: &Who, filter: &str, after: Option<String>) -> (Vec<Value>, String) {
    let (mut events, mut after) = (Vec::new(), after);
    loop {
        let cursor = after.as_ref().map(|after| format!("&after={after}")).unwrap_or_default();
        let page = app.get(who, &format!("/v1/events?first=200{filter}{cursor}")).await;
        events.extend(page["items"].as_array().unwrap().iter().cloned());
        let end = text(&page["pageInfo"]["endCursor"]).to_owned();
        if page["pageInfo"]["hasNextPage"] == false {
            return (events, end);
        }
        after = Some(end);
    }
}

/// The cursor of now.
pub async fn now(app: &App, who: &Who) -> String {
    all(app, who, "", None).await.1
}

fn address(app: &App, record_type: &str, record_id: &str) -> String {
    let of = |table: &str| table.trim_end_matches('_') == record_type;
    let collections = &app.server.app.operations.collections;
    let found = collections.iter().find(|one| one.narrows.is_none() && of(one.table)).unwrap();
    format!("/v1/{}/{record_id}", found.path)
}

async fn stored(app: &App) -> Vec<event::Model> {
    let read = app.server.app.store.read();
    event::Entity::find().order_by_asc(event::Column::Sequence).all(read).await.unwrap()
}

async fn organization(app: &App, name: &str) -> Value {
    let lead = &app.world.ours.lead;
    app.make(lead, "/v1/organizations", json!({ "name": name, "kind": "employer" })).await
}

cases! {
    async fn the_feed_shows_each_what_a_read_shows_them_and_all_of_it(app: App) {
        let stored = stored(&app).await;
        assert!(stored.len() > 500, "a busy world: {}", stored.len());
        for role in Role::ALL {
            let who = app.world.who(role);
            let (events, _) = all(&app, who, "", None).await;
            let shown: BTreeMap<&str, &Value> = events.iter().map(|event| (text(&event["id"]), event)).collect();
            assert_eq!(shown.len(), events.len(), "{role:?}: an event twice");
            let mut reads: BTreeMap<String, Option<Value>> = BTreeMap::new();
            for row in &stored {
                let path = address(&app, &row.record_type, &row.record_id.to_string());
                if !reads.contains_key(&path) {
                    let answer = app.rest(who, "GET", &path).send().await;
                    reads.insert(path.clone(), (answer.status == 200).then_some(answer.body));
                }
                let (read, event) = (&reads[&path], shown.get(row.id.to_string().as_str()));
                match (read, event) {
                    (None, None) => {}
                    (None, Some(event)) => panic!("{role:?} is shown what it cannot read: {event}"),
                    (Some(_), None) => {
                        let changed: Vec<String> = serde_json::from_str(&row.changed_fields).unwrap();
                        let hidden = ["hoursOffered", "payload", "email", "phone", "warnings"];
                        let all = !changed.is_empty() && changed.iter().all(|one| hidden.contains(&one.as_str()));
                        assert!(all, "{role:?} misses {} of {path}: {changed:?}", row.kind);
                    }
                    (Some(read), Some(event)) => {
                        let gone = read.get("archivedAt").is_some();
                        assert_eq!(event["archived"], gone, "{role:?} {path}");
                        assert_eq!(event.get("record"), Some(read).filter(|_| !gone), "{role:?} {path}");
                        assert_eq!(event["kind"], row.kind);
                        assert_eq!(event["recordVersion"], row.record_version);
                    }
                }
            }
            let order: Vec<&str> = events.iter().map(|event| text(&event["id"])).collect();
            let expected: Vec<String> = stored.iter().map(|row| row.id.to_string()).collect();
            let expected: Vec<&str> = expected.iter().map(String::as_str).filter(|id| shown.contains_key(id)).collect();
            assert_eq!(order, expected, "{role:?}");
            if role.is_member() || role == Role::Observer {
                let own = app.world.ours.organization.get(&role).map(ToString::to_string);
                for event in events.iter().filter(|event| event.get("actorAccountId").is_some()) {
                    let acted_for = event["actorOrganizationId"].as_str().map(str::to_owned);
                    assert!(own.is_some() && acted_for == own, "{role:?} knows who did {event}");
                    assert!(event.get("requestId").is_some());
                }
            }
        }
        app.rest(&Who::anonymous(), "GET", "/v1/events").send().await.refused(401, "UNAUTHENTICATED");
        // A system with narrow scopes is told what they name.
        app.rest(&app.world.narrow, "GET", "/v1/events").send().await.refused(403, "SCOPE_MISSING");
    }

    async fn who_raised_a_masked_doubt_is_told_by_nothing(app: App) {
        let (ours, lead) = (&app.world.ours, &app.world.ours.lead);
        let (union, employer) = (&ours.who[&Role::Union], &ours.who[&Role::Employer]);
        let cursor = now(&app, employer).await;
        let doubt = json!({ "kind": "doubt", "text": "Whose idea was this?", "masked": true });
        let doubt = app.make(union, "/v1/inputs", doubt).await;
        let filter = format!("&recordId={}", text(&doubt["id"]));
        let (seen, _) = all(&app, employer, &filter, Some(cursor)).await;
        assert_eq!(seen.len(), 1, "{seen:?}");
        let members: BTreeSet<&str> = seen[0].as_object().unwrap().keys().map(String::as_str).collect();
        for member in ["actorRole", "actorAccountId", "actorOrganizationId", "operation", "via", "requestId"] {
            assert!(!members.contains(member), "{member} is told: {}", seen[0]);
        }
        let told = seen[0].to_string();
        for name in [union.account, ours.organization[&Role::Union], ours.person[&Role::Union]] {
            assert!(!told.contains(&name.to_string()), "{told}");
        }
        for knows in [union, lead] {
            let (seen, _) = all(&app, knows, &filter, None).await;
            assert_eq!(seen[0]["actorRole"], "union");
            assert_eq!(seen[0]["actorAccountId"], json!(union.account));
        }
        let by = format!("/v1/events?actorAccountId={}&recordType=input", union.account);
        let found = app.get(employer, &by).await;
        assert_eq!(found["items"], json!([]), "to ask for it by name tells nothing either");
    }

    async fn what_changed_unseen_is_no_event(app: App) {
        let ours = &app.world.ours;
        let partner = app.get(&ours.lead, &format!("/v1/partners/{}", ours.partner[&Role::Champion])).await;
        let cursor = now(&app, &ours.lead).await;
        app.act(&ours.who[&Role::Champion], &partner, "/v1/partners", "offer-hours", json!({ "hours": 9 })).await;
        for (who, count) in [(&ours.lead, 1), (&ours.who[&Role::Champion], 1), (&ours.who[&Role::Union], 0)] {
            let (seen, _) = all(&app, who, "&recordType=partner", Some(cursor.clone())).await;
            assert_eq!(seen.len(), count, "{}: {seen:?}", who.name);
        }
        // Taken away again, it leaves nothing that could be compared, and still is not told.
        let person = app.get(&ours.lead, &format!("/v1/people/{}", ours.person[&Role::Institution])).await;
        let hide = json!({ "contactVisibility": "intermediary" });
        let hidden = app.patch(&ours.lead, &person, "/v1/people", hide).await.is(200).clone();
        let cursor = now(&app, &ours.lead).await;
        app.patch(&ours.lead, &hidden, "/v1/people", json!({ "phone": null })).await.is(200);
        let (seen, _) = all(&app, &ours.who[&Role::Union], "&recordType=person", Some(cursor)).await;
        assert!(seen.is_empty(), "{seen:?}");
    }

    async fn a_page_follows_another_and_filters_narrow(app: App) {
        let lead = &app.world.ours.lead;
        let (whole, _) = all(&app, lead, "&recordType=meeting,seat", None).await;
        let (mut walked, mut after) = (Vec::new(), String::new());
        loop {
            let page = app.get(lead, &format!("/v1/events?recordType=meeting,seat&first=7{after}")).await;
            walked.extend(page["items"].as_array().unwrap().iter().cloned());
            after = format!("&after={}", text(&page["pageInfo"]["endCursor"]));
            if page["pageInfo"]["hasNextPage"] == false {
                break;
            }
        }
        let ids = |events: &[Value]| events.iter().map(|event| event["id"].clone()).collect::<Vec<_>>();
        assert_eq!(ids(&whole), ids(&walked));
        assert!(whole.iter().all(|event| ["meeting", "seat"].contains(&text(&event["recordType"]))));
        let (kinds, _) = all(&app, lead, "&kind=meeting.scheduled", None).await;
        assert!(!kinds.is_empty() && kinds.iter().all(|event| event["kind"] == "meeting.scheduled"));
        let (kinds, _) = all(&app, lead, "&kind=meeting", None).await;
        assert!(kinds.iter().all(|event| text(&event["kind"]).starts_with("meeting.")), "no meeting_series");
        let (none, _) = all(&app, lead, "&since=2100-01-01T00:00:00Z", None).await;
        assert!(none.is_empty());
        app.rest(lead, "GET", "/v1/events?recordType=salary").send().await.refuses_member("/recordType", "unknown_value");
        app.rest(lead, "GET", "/v1/events?sort=kind").send().await.refused(400, "UNKNOWN_PARAMETER");
        let first = organization(&app, "Feed one").await;
        let query = "query($id: [ID!]) { events(recordId: $id) { nodes { kind recordVersion archived
            record { id ... on Organization { name } } } pageInfo { endCursor } } }";
        let seen = app.gql(lead, query, json!({ "id": [first["id"]] })).await;
        let nodes = &seen.ok()["events"]["nodes"];
        assert_eq!(nodes[0]["record"]["name"], "Feed one", "{nodes}");
    }

    async fn an_archived_record_leaves_a_tombstone(app: App) {
        let lead = &app.world.ours.lead;
        let made = organization(&app, "Short lived").await;
        let path = format!("/v1/organizations/{}", text(&made["id"]));
        app.rest(lead, "DELETE", &path).version(1).is(200).await;
        let (seen, _) = all(&app, lead, &format!("&recordId={}", text(&made["id"])), None).await;
        assert_eq!(seen.len(), 2);
        for event in &seen {
            assert_eq!(event["archived"], true);
            assert!(event.get("record").is_none());
        }
    }

    async fn a_cursor_tells_nothing_and_is_taken_from_answers_only(app: App) {
        let lead = &app.world.ours.lead;
        let (one, two) = (now(&app, lead).await, now(&app, lead).await);
        assert_ne!(one, two, "the same place looks new each time");
        for wrong in ["x", "MTIz", &one[..one.len() - 2], &format!("{one}AAAA")] {
            app.rest(lead, "GET", &format!("/v1/events?after={wrong}")).send().await.refused(400, "INVALID_CURSOR");
        }
    }

    async fn what_is_forgotten_is_said_to_be(app: App) {
        let lead = &app.world.ours.lead;
        let early = app.get(lead, "/v1/events?first=1").await;
        let early = text(&early["pageInfo"]["endCursor"]).to_owned();
        let now = now(&app, lead).await;
        let store = app.server.app.store.clone();
        // What webhooks were not told of stays.
        order::forget(&store, chrono::Utc::now() + chrono::TimeDelta::days(1)).await.unwrap();
        assert!(!stored(&app).await.is_empty());
        let last = order::settle(&store).await.unwrap();
        let relayed = event_mark::Entity::update_many()
            .col_expr(event_mark::Column::Position, Expr::value(last))
            .filter(event_mark::Column::Name.eq("relayed"));
        relayed.exec(store.maintenance()).await.unwrap();
        order::forget(&store, chrono::Utc::now() + chrono::TimeDelta::days(1)).await.unwrap();
        assert!(stored(&app).await.is_empty());
        app.rest(lead, "GET", &format!("/v1/events?after={early}")).send().await.refused(410, "CURSOR_GONE");
        organization(&app, "After all").await;
        let (seen, _) = all(&app, lead, "", Some(now)).await;
        assert_eq!(seen.len(), 1, "a cursor of the end still holds");
    }

    async fn nothing_is_skipped_that_is_committed_late(app: App) {
        if app.backend != Backend::Postgres {
            return;
        }
        let lead = &app.world.ours.lead;
        let made = organization(&app, "Committed late").await;
        let cursor = now(&app, lead).await;
        let filter = format!("&recordId={}", text(&made["id"]));
        let copy = |kind: &str| {
            let of = id(&made["id"]);
            format!(
                "INSERT INTO event (id, partnership_id, kind, record_type, record_id, record_version, changed_fields, \
                 operation, actor_role, via, request_id, happened_at) SELECT gen_random_uuid(), partnership_id, '{kind}', \
                 record_type, record_id, record_version, changed_fields, operation, actor_role, via, request_id, \
                 happened_at FROM event WHERE record_id = '{of}' AND kind = 'organization.created'"
            )
        };
        let other = Database::connect(&app.url).await.unwrap();
        let (slow, fast) = (other.begin().await.unwrap(), other.begin().await.unwrap());
        slow.execute_unprepared(&copy("organization.slow")).await.unwrap();
        fast.execute_unprepared(&copy("organization.fast")).await.unwrap();
        fast.commit().await.unwrap();
        let (seen, after) = all(&app, lead, &filter, Some(cursor)).await;
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0]["kind"], "organization.fast", "the one with the greater number came first");
        slow.commit().await.unwrap();
        let (seen, _) = all(&app, lead, &filter, Some(after)).await;
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0]["kind"], "organization.slow", "and the other is not skipped");
        other.close().await.unwrap();
    }

    async fn a_reader_beside_many_writers_misses_nothing(app: App) {
        let lead = &app.world.ours.lead;
        let mut cursor = now(&app, lead).await;
        let writers = futures_util::future::join_all((0..8).map(|writer| {
            let app = &app;
            async move {
                let mut made = Vec::new();
                for number in 0..12 {
                    made.push(organization(app, &format!("Busy {writer} {number}")).await["id"].clone());
                }
                made
            }
        }));
        let reader = async {
            let mut seen = Vec::new();
            let began = std::time::Instant::now();
            while seen.len() < 96 {
                let (events, next) = all(&app, lead, "&kind=organization.created", Some(cursor.clone())).await;
                seen.extend(events.into_iter().map(|event| event["recordId"].clone()));
                cursor = next;
                assert!(began.elapsed().as_secs() < 60, "only {} of 96", seen.len());
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
            seen
        };
        let (made, seen) = tokio::join!(writers, reader);
        let made: BTreeSet<String> = made.into_iter().flatten().map(|id| id.to_string()).collect();
        let unique: BTreeSet<String> = seen.iter().map(ToString::to_string).collect();
        assert_eq!(unique.len(), seen.len(), "none twice");
        assert_eq!(unique, made);
    }
}
