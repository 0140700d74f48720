//! Doing what one may not do: members nobody is given to set, logins that are locked, grants that are too wide.

use roundtable_kernel::graphql::field_name;
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Kind, Operation, Operations};
use roundtable_kernel::standing::Role;
use roundtable_server::doctor;
use roundtable_server::settings::Settings;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::allowed;
use crate::harness::backend::settings;
use crate::harness::client::text;
use crate::harness::{Who, sample};

/// Members by which other systems were made to give what was not theirs to give.
const EXTRAS: &[&str] = &[
    "id",
    "role",
    "roles",
    "isAdmin",
    "is_admin",
    "admin",
    "operator",
    "ownerId",
    "owner_id",
    "tenantId",
    "tenant_id",
    "partnership_id",
    "organization_id",
    "version",
    "createdBy",
    "created_by",
    "createdAt",
    "created_at",
    "updatedAt",
    "archivedAt",
    "deletedAt",
    "state",
    "status",
    "permissions",
    "scopes_",
    "password_hash",
    "passwordHash",
    "tokenHash",
    "emailVerified",
    "suspendedAt",
    "sessionsSince",
    "$set",
    "__proto__",
    "constructor",
    "prototype",
    "_id",
    "authorId",
];

/// What an operation is not given to set: every member of what it answers with, and the likely extras.
fn not_to_be_set(table: &Operations, operation: &Operation) -> Vec<String> {
    let taken = &table.schemas.named[operation.body.as_ref().unwrap().as_str()]["properties"];
    let stored = table.schemas.named[operation.answer.as_str()]["properties"].as_object();
    let stored = stored.into_iter().flatten().map(|(name, _)| name.clone());
    let mut names: Vec<String> = stored.chain(EXTRAS.iter().map(|name| (*name).to_owned())).collect();
    names.retain(|name| taken.get(name).is_none());
    names.sort();
    names.dedup();
    names
}

cases! {
    /// Every input of every operation, at both doors: each member of the stored record it does not take, and the members
    /// others were attacked by. All are named in the refusal, so none was passed over.
    async fn no_member_is_set_that_is_not_given_to_set(app: App) {
        let table = app.server.app.operations.clone();
        let mut wrong = Vec::new();
        let mut tried = 0;
        for operation in table.iter().filter(|one| one.body.is_some()) {
            let who = allowed(&app, operation.op);
            let names = not_to_be_set(&table, operation);
            let id = Uuid::now_v7().to_string();
            let path = sample::path(operation, Some(&id));
            let smallest = sample::body(&table, operation).unwrap();
            for some in names.chunks(60) {
                let mut body = smallest.as_object().cloned().unwrap_or_default();
                // Some of them are taken by no JSON reader in the same way; here they are plain members.
                body.extend(some.iter().map(|name| (name.clone(), json!("x"))));
                let mut call = app.rest(&who, operation.kind.method(), &path);
                if operation.kind.needs_version() {
                    call = call.version(1);
                }
                let answer = call.json(Value::Object(body)).send().await;
                tried += some.len();
                let named = |name: &String| {
                    let pointer = format!("/{name}");
                    let mut all = answer.body["errors"].as_array().into_iter().flatten();
                    all.any(|one| one["pointer"] == pointer && matches!(text(&one["code"]), "unknown_member" | "fixed"))
                };
                let missed: Vec<&String> = some.iter().filter(|name| !named(name)).collect();
                if answer.status != 400 || !missed.is_empty() {
                    wrong.push(format!("{}: {} {missed:?} {}", answer.asked, answer.status, answer.body));
                }
            }
            // GraphQL takes an input of the same members and no others.
            let Some(name) = names.iter().find(|name| !name.starts_with(['_', '$'])) else { continue };
            let body = table.schemas.named[operation.body.as_ref().unwrap().as_str()].clone();
            if body.get("properties").is_none_or(|members| members.as_object().is_none_or(Map::is_empty)) {
                continue;
            }
            let document = sample::document(&table, operation, Some(&id), 1, Some(&smallest), true);
            let document = match document.contains("input: {}") {
                true => document.replacen("input: {}", &format!("input: {{{name}: \"x\"}}"), 1),
                false => document.replacen("input: {", &format!("input: {{{name}: \"x\", "), 1),
            };
            if !document.contains(&format!("{name}: \"x\"")) {
                continue;
            }
            let graph = app.gql(&who, &document, Value::Null).await;
            if graph.code() != "QUERY_INVALID" {
                wrong.push(format!("{document}: {}", graph.body));
            }
        }
        assert!(tried > 5000, "only {tried}");
        assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
    }

    async fn both_doors_take_the_same_members_and_no_others(app: App) {
        let table = app.server.app.operations.clone();
        let query = "{ __schema { types { name kind inputFields { name } } } }";
        let types = app.gql(&Who::anonymous(), query, Value::Null).await.ok()["__schema"]["types"].clone();
        let fields = |name: &str| -> Option<Vec<String>> {
            let found = types.as_array().unwrap().iter().find(|one| one["name"] == name && one["kind"] == "INPUT_OBJECT")?;
            let mut names: Vec<String> =
                found["inputFields"].as_array().unwrap().iter().map(|one| text(&one["name"]).to_owned()).collect();
            names.sort();
            Some(names)
        };
        let mut compared = 0;
        for operation in table.iter() {
            let Some(body) = &operation.body else { continue };
            let schema = &table.schemas.named[body.as_str()];
            let Some(members) = schema["properties"].as_object().filter(|members| !members.is_empty()) else { continue };
            assert_eq!(schema["additionalProperties"], false, "{body}");
            let mut members: Vec<String> = members.keys().cloned().collect();
            members.sort();
            assert_eq!(fields(body), Some(members), "{} takes {body}", field_name(operation));
            compared += 1;
        }
        assert!(compared > 100, "only {compared}");
    }

    /// The lock holds at every way in, with the right password in hand.
    async fn a_suspended_login_is_refused_at_every_way_in(app: App) {
        let (lead, operator) = (&app.world.ours.lead, &app.world.operator);
        let nobody = Who::anonymous();
        let password = "correct horse battery";
        let invite = async |email: &str, role: &str| {
            let invited = json!({ "email": email, "staffRole": role });
            text(&app.make(lead, "/v1/invitations", invited).await["token"]).to_owned()
        };
        let accept = async |token: &str| {
            let body = json!({ "token": token, "password": password, "name": "Locked" });
            app.rest(&nobody, "POST", "/v1/invitations/accept").json(body).send().await
        };
        let session = accept(&invite("locked@example.org", "intermediary_staff").await).await.is(200).clone();
        let who = Who::with_token("locked", text(&session["accessToken"]));
        let feed = app.make(&who, "/v1/calendar-feeds", json!({ "name": "phone" })).await;
        let feed = text(&feed["address"]).strip_prefix(&app.server.app.public_url).unwrap().to_owned();
        app.rest(&nobody, "GET", &feed).send().await.is(200);
        let again = invite("locked@example.org", "observer").await;
        let account = text(&app.get(&who, "/v1/me").await["accountId"]).to_owned();
        let account = app.get(operator, &format!("/v1/accounts/{account}")).await;
        app.act(operator, &account, "/v1/accounts", "suspend", json!({})).await;

        app.rest(&who, "GET", "/v1/me").send().await.refused(401, "UNAUTHENTICATED");
        app.gql(&who, "{ me { name } }", Value::Null).await.refused("UNAUTHENTICATED");
        app.rest(&who, "GET", "/scim/v2/Users").send().await.is(401);
        app.rest(&who, "GET", "/hsds/services").send().await.refused(401, "UNAUTHENTICATED");
        let stream = app.rest(&who, "GET", "/v1/events/stream").header("accept", "text/event-stream").send().await;
        stream.refused(401, "UNAUTHENTICATED");
        app.rest(&who, "POST", "/v1/webhooks").json(json!({ "url": "https://example.org/" })).send().await
            .refused(401, "UNAUTHENTICATED");
        app.rest(&nobody, "GET", &feed).send().await.refused(404, "NOT_FOUND");
        let body = json!({ "email": "locked@example.org", "password": password });
        app.rest(&nobody, "POST", "/v1/sessions").json(body).send().await.refused(401, "SIGN_IN_FAILED");
        let body = json!({ "refreshToken": session["refreshToken"] });
        app.rest(&nobody, "POST", "/v1/sessions/refresh").json(body).send().await.refused(401, "SIGN_IN_FAILED");
        let refused = accept(&again).await;
        refused.refused(401, "SIGN_IN_FAILED");
        let listed = app.get(lead, "/v1/invitations?first=200").await;
        let of = |one: &&Value| one["email"] == "locked@example.org" && one.get("acceptedAt").is_none();
        assert!(listed["items"].as_array().unwrap().iter().any(|one| of(&one)), "it is not used up: {listed}");
    }

    /// Every operation that writes has a rule that names who may, and nothing is left to whoever is not signed in.
    async fn nobody_changes_anything_without_signing_in(app: App) {
        let table = app.server.app.operations.clone();
        let open = [
            Op::CreateSession, Op::RefreshSession, Op::EndSession, Op::AcceptInvitation, Op::StartProviderSignIn,
            Op::CompleteProviderSignIn,
        ];
        for operation in table.iter().filter(|one| one.kind.writes() && !open.contains(&one.op)) {
            let path = sample::path(operation, Some(&Uuid::now_v7().to_string()));
            let mut call = app.rest(&Who::anonymous(), operation.kind.method(), &path).version(1);
            if let Some(body) = sample::body(&table, operation) {
                call = call.json(body);
            }
            call.send().await.refused(401, "UNAUTHENTICATED");
        }
        assert!(table.iter().filter(|one| one.kind == Kind::Submit).count() > 3);
    }

    async fn the_doctor_warns_of_grants_that_are_too_wide(app: App) {
        let store = &app.server.app.store;
        let told = async |settings: Settings| -> Vec<String> {
            let findings = doctor::examine(store, &settings).await;
            findings.into_iter().filter(|one| !one.well).map(|one| one.found).collect()
        };
        let usual = told(settings(&app.url)).await;
        let strange = |all: &[String], word: &str| all.iter().filter(|one| one.contains(word)).count();
        assert_eq!((strange(&usual, "pages"), strange(&usual, "webhooks")), (0, 0), "{usual:?}");
        let wide = Settings {
            cors_origins: "https://front.example.org,*".into(),
            webhook_allow_networks: "10.2.0.0/16,0.0.0.0/0".into(),
            access_token_seconds: 86_400,
            ..settings(&app.url)
        };
        let wide = told(wide).await;
        for word in ["pages of any site", "0.0.0.0/0", "access tokens"] {
            assert_eq!(strange(&wide, word), 1, "{word}: {wide:?}");
        }
    }

    /// A seat, an appointment or a scope is what gives rights; a word in a token does not.
    async fn a_token_gives_no_right_by_what_it_says(app: App) {
        let union = app.world.who(Role::Union);
        let keys = &app.server.app.keys;
        for scope in ["*", "admin", "operator", "partnerships:write", "accounts:read accounts:write"] {
            let token = keys.sign(union.account, "roundtable", None, Some(scope.into()), 60).unwrap();
            let who = Who::with_token("claims more", &token);
            let refused = app.rest(&who, "GET", "/v1/accounts").send().await;
            assert_eq!(refused.status, 403, "{scope}: {}", refused.body);
        }
        let elsewhere = keys.sign(union.account, "roundtable", Some(app.world.theirs.id), None, 60).unwrap();
        let seats = app.get(&Who::with_token("names another table", &elsewhere), "/v1/seats?first=200").await;
        let theirs = app.get(&app.world.theirs.lead, "/v1/seats?first=200").await;
        for seat in theirs["items"].as_array().unwrap() {
            assert!(!seats["items"].as_array().unwrap().iter().any(|one| one["id"] == seat["id"]));
        }
        let call = app.rest(union, "GET", "/v1/seats").header("acting-partnership", &app.world.theirs.id.to_string());
        call.send().await.refused(403, "FORBIDDEN");
    }
}
