//! What may be done to a record, and why: what is explained is what happens.

use roundtable_kernel::access::rule;
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Kind;
use roundtable_kernel::standing::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::chance::{self, Chance};
use crate::harness::client::text;
use crate::harness::world::Row;
use crate::harness::{Answer, App, Who, sample};

async fn explained(app: &App, who: &Who, collection: &str, id: Uuid) -> Answer {
    app.rest(who, "GET", &format!("/v1/{collection}/{id}/access")).send().await
}

/// What is said of one operation.
fn about(explained: &Value, op: Op) -> &Value {
    let said = explained["operations"].as_array().unwrap();
    said.iter().find(|one| one["operation"] == op.name()).unwrap_or_else(|| panic!("nothing of {op:?}: {explained}"))
}

/// Does what was explained, without keeping it, and says where the two differ.
async fn differing(app: &App, who: &Who, row: &Row, said: &Value) -> Option<String> {
    let table = &app.server.app.operations;
    let operation = table.iter().find(|one| said["operation"] == one.op.name()).unwrap();
    let id = row.id.to_string();
    let mut path = sample::path(operation, Some(&id));
    if sample::takes_validate_only(operation) {
        path += "?validateOnly=true";
    }
    let mut call = app.rest(who, operation.kind.method(), &path);
    if operation.kind.needs_version() {
        call = call.version(row.version);
    }
    if let Some(body) = sample::body(table, operation) {
        call = call.json(body);
    }
    let answer = call.send().await;
    let same = match (said["because"].as_str().unwrap(), answer.status) {
        ("GRANTED", 200 | 201) => true,
        // What stands in the body or the parameters is the caller's to get right.
        ("GRANTED", 400) => operation.body.is_some() || operation.kind == Kind::Report,
        ("GRANTED", 422) => said["needsBody"] == true,
        (code, _) => answer.code() == code,
    };
    let rightly = said["allowed"] == (said["because"] == "GRANTED")
        && said.get("remedy").is_some() != (said["allowed"] == true)
        && said["reach"] == rule(operation.op).reach(role(app, who)).word();
    if same && rightly {
        None
    } else {
        Some(format!("{} {path}: {said}\n    was {} {}", who.name, answer.status, answer.body))
    }
}

fn role(app: &App, who: &Who) -> Role {
    Role::ALL.into_iter().find(|role| app.world.who(*role).name == who.name).unwrap()
}

cases! {
    async fn what_is_explained_is_what_happens(app: App) {
        let mut chance = Chance::from(chance::seed());
        let share = if chance::long() { 1 } else { 12 };
        let (mut wrong, mut tried, mut refused, mut absent) = (Vec::new(), 0, 0, 0);
        for row in &app.world.rows {
            for role in Role::ALL.into_iter().filter(|_| chance.one_in(share)).collect::<Vec<_>>() {
                let who = app.world.who(role);
                let (collection, id) = (row.collection, row.id);
                let answer = explained(&app, who, collection, id).await;
                let read = app.rest(who, "GET", &format!("/v1/{collection}/{id}")).send().await;
                assert_eq!(answer.status, read.status, "{collection} {role:?}");
                if read.status != 200 {
                    assert_eq!(answer.code(), read.code(), "{collection} {role:?}");
                    absent += 1;
                    continue;
                }
                assert_eq!((&answer.body["version"], &answer.body["role"]), (&read.body["version"], &json!(role.word())));
                let document = format!(
                    "{{ it: access(collection: \"{collection}\", id: \"{id}\") {{ collection id version role operations {{ \
                     operation allowed because detail remedy reach roles needsBody }} }} }}"
                );
                let mut graph = app.gql(who, &document, Value::Null).await.ok()["it"].clone();
                for one in graph["operations"].as_array_mut().unwrap() {
                    one.as_object_mut().unwrap().retain(|_, value| !value.is_null());
                }
                assert_eq!(graph, answer.body, "both doors say the same");
                for said in answer.body["operations"].as_array().unwrap() {
                    wrong.extend(differing(&app, who, row, said).await);
                    refused += usize::from(said["allowed"] == false);
                    tried += 1;
                }
                let after = app.rest(who, "GET", &format!("/v1/{collection}/{id}")).send().await;
                assert_eq!(after.bytes, read.bytes, "nothing was changed");
            }
        }
        assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
        assert!(tried > 100 && refused > 50 && absent > 10, "{tried} tried, {refused} refused, {absent} absent");
    }

    async fn a_refusal_says_why_and_what_would_have_to_be_otherwise(app: App) {
        let (ours, table) = (&app.world.ours, &app.server.app.operations);
        let need = app.world.rows.iter().find(|row| row.collection == "needs" && !row.theirs && row.public).unwrap();
        let (lead, union) = (&ours.lead, app.world.who(Role::Union));
        let of_union = explained(&app, union, "needs", need.id).await.body;
        let said = about(&of_union, Op::VoiceNeed);
        assert_eq!((&said["allowed"], &said["because"]), (&json!(false), &json!("EMPLOYER_ONLY")), "{said}");
        assert_eq!(said["roles"], json!(["employer", "champion"]));
        assert!(text(&said["remedy"]).contains("employer, champion"), "{said}");
        let of_lead = explained(&app, lead, "needs", need.id).await.body;
        assert_eq!(about(&of_lead, Op::VoiceNeed)["because"], "INTERMEDIARY_CANNOT_SET_COURSE");
        // The record's state.
        let of_held = explained(&app, lead, "meetings", ours.held_meeting).await.body;
        assert_eq!(about(&of_held, Op::StartMeeting)["because"], "WRONG_STATE", "{of_held}");
        assert_eq!(about(&of_held, Op::GetMeeting)["because"], "GRANTED");
        // Another organisation's.
        let place = app.world.rows.iter().find(|row| {
            row.collection == "locations" && !row.theirs && !row.owners.contains(&Role::Union)
        });
        let of_place = explained(&app, union, "locations", place.unwrap().id).await.body;
        assert_eq!(about(&of_place, Op::UpdateLocation)["because"], "NOT_YOURS");
        // What a system was not given.
        let of_narrow = explained(&app, &app.world.narrow, "meetings", ours.meeting).await.body;
        let said = about(&of_narrow, Op::UpdateMeeting);
        assert_eq!(said["because"], "SCOPE_MISSING");
        assert!(text(&said["remedy"]).contains(&table.scope(Op::UpdateMeeting)), "{said}");
        explained(&app, &app.world.narrow, "locations", place.unwrap().id).await.refused(403, "SCOPE_MISSING");
        // What is not there, or not to be known of, is not explained.
        let hidden = explained(&app, union, "partners", ours.prospect).await;
        hidden.refused(404, "NOT_FOUND");
        explained(&app, union, "partners", Uuid::now_v7()).await.refused(404, "NOT_FOUND");
        explained(&app, union, "pastries", need.id).await.refuses_member("/collection", "unknown_value");
        explained(&app, &Who::anonymous(), "needs", need.id).await.refused(401, "UNAUTHENTICATED");
        // Archived.
        let place = json!({ "organizationId": ours.organization[&Role::Employer], "name": "Plant 9" });
        let place = app.make(lead, "/v1/locations", place).await;
        let path = format!("/v1/locations/{}", text(&place["id"]));
        app.rest(lead, "DELETE", &path).version(1).is(200).await;
        let of_archived = app.get(lead, &format!("{path}/access")).await;
        assert_eq!(about(&of_archived, Op::UpdateLocation)["because"], "ARCHIVED");
    }
}
