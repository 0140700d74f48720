//! SCIM: people come, change and go on the word of another system, and never more than that system may do itself.

use std::time::Duration;

use roundtable_kernel::standing::Role;
use roundtable_server::{assemble, connect};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::backend::settings;
use crate::harness::client::{id, text};
use crate::harness::provider::{Provider, with_providers};
use crate::harness::{Answer, App, Who};

const KIND: &str = "application/scim+json";
const SCOPES: [&str; 2] = ["provisioned-logins:read", "provisioned-logins:write"];

async fn ask(app: &App, who: &Who, method: &str, path: &str, body: Value) -> Answer {
    let call = app.rest(who, method, &format!("/scim/v2{path}"));
    let call = if body.is_null() { call } else { call.body(KIND, body.to_string()) };
    call.send().await
}

/// A system of an organisation, or of the intermediary, that may do nothing but keep logins; and its client id.
async fn keeper(app: &App, who: &Who, organization: Option<Uuid>) -> (Who, String) {
    let mut body = json!({ "name": "identity management", "scopes": SCOPES });
    if let Some(organization) = organization {
        body["organizationId"] = json!(organization);
    }
    let made = app.make(who, "/v1/service-accounts", body).await;
    let token = app.server.app.keys.sign(id(&made["id"]), text(&made["clientId"]), None, None, 3600).unwrap();
    (Who { account: id(&made["id"]), ..Who::with_token("keeper", &token) }, text(&made["clientId"]).into())
}

async fn employers(app: &App) -> Who {
    let organization = app.world.ours.organization[&Role::Employer];
    keeper(app, app.world.who(Role::Employer), Some(organization)).await.0
}

fn ana() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "Ana@Works.example", "externalId": "00u1",
        "name": { "givenName": "Ana", "familyName": "Ruiz" }, "title": "Trainer", "active": true,
        "emails": [{ "value": "ana@works.example", "primary": true, "type": "work" }],
    })
}

fn patch(operations: Value) -> Value {
    json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations })
}

/// A token of the login, as a sign-in would give it.
async fn signed_in(app: &App, user: &Value) -> Who {
    let login = app.get(app.world.who(Role::Employer), &format!("/v1/provisioned-logins/{}", text(&user["id"]))).await;
    let account = id(&login["accountId"]);
    Who { account, ..Who::with_token("ana", &app.token(account, None)) }
}

async fn group(app: &App, who: &Who, name: &str) -> Value {
    let found = ask(app, who, "GET", &format!("/Groups?filter=displayName%20eq%20%22{name}%22"), Value::Null).await;
    assert_eq!(found.is(200)["totalResults"], 1, "{name}");
    found.body["Resources"][0].clone()
}

#[track_caller]
fn refused(answer: &Answer, status: u16, kind: Option<&str>) {
    let body = answer.is(status);
    assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]), "{body}");
    assert_eq!((&body["status"], body["scimType"].as_str()), (&json!(status.to_string()), kind), "{body}");
    assert_eq!(answer.header("content-type"), KIND);
}

cases! {
    async fn a_user_comes_changes_and_goes(app: App) {
        let keeper = employers(&app).await;
        let made = ask(&app, &keeper, "POST", "/Users", ana()).await;
        let user = made.is(201).clone();
        assert_eq!(made.header("content-type"), KIND);
        assert_eq!((made.header("etag"), made.header("location")), ("W/\"1\"", text(&user["meta"]["location"])));
        assert_eq!((&user["userName"], &user["displayName"], &user["active"]), (&json!("Ana@Works.example"), &json!("Ana Ruiz"), &json!(true)));
        assert_eq!((&user["externalId"], &user["emails"][0]["value"]), (&json!("00u1"), &json!("ana@works.example")));
        let at = format!("/Users/{}", text(&user["id"]));
        assert_eq!(*ask(&app, &keeper, "GET", &at, Value::Null).await.is(200), user);
        // The person stands in the directory, at work for the organisation.
        let employer = app.world.who(Role::Employer);
        let login = app.get(employer, &format!("/v1/provisioned-logins/{}", text(&user["id"]))).await;
        let person = app.get(employer, &format!("/v1/people/{}", text(&login["personId"]))).await;
        assert_eq!((&person["name"], &person["organizationId"]), (&json!("Ana Ruiz"), &json!(app.world.ours.organization[&Role::Employer])));

        refused(&ask(&app, &keeper, "POST", "/Users", ana()).await, 409, Some("uniqueness"));
        let known = app.rest(&keeper, "GET", &format!("/scim/v2{at}")).header("if-none-match", "W/\"1\"").send().await;
        assert_eq!(known.status, 304);
        let changed = patch(json!([
            { "op": "replace", "path": "name.familyName", "value": "Ruiz-Vega" },
            { "op": "Replace", "value": { "displayName": "Ana Ruiz-Vega", "title": "Lead trainer" } },
            { "op": "remove", "path": "externalId" },
        ]));
        let stale = app.rest(&keeper, "PATCH", &format!("/scim/v2{at}")).body(KIND, changed.to_string()).header("if-match", "W/\"9\"");
        refused(&stale.send().await, 412, None);
        let user = ask(&app, &keeper, "PATCH", &at, changed).await.is(200).clone();
        assert_eq!((&user["name"]["familyName"], &user["title"]), (&json!("Ruiz-Vega"), &json!("Lead trainer")));
        assert!(user.get("externalId").is_none() && user["meta"]["version"] == "W/\"2\"", "{user}");
        let person = app.get(employer, &format!("/v1/people/{}", text(&login["personId"]))).await;
        assert_eq!(person["name"], "Ana Ruiz-Vega");
        let put = ask(&app, &keeper, "PUT", &at, json!({ "userName": "ana", "active": true })).await.is(200).clone();
        assert_eq!((&put["userName"], &put["displayName"]), (&json!("ana"), &json!("ana")));
        assert!(put.get("title").is_none() && put.get("emails").is_none() && put.get("name").is_none(), "{put}");
        ask(&app, &keeper, "DELETE", &at, Value::Null).await.is(204);
        refused(&ask(&app, &keeper, "GET", &at, Value::Null).await, 404, None);
        ask(&app, &keeper, "POST", "/Users", json!({ "userName": "ana" })).await.is(201);
    }

    async fn users_are_found_by_filter_and_page(app: App) {
        let keeper = employers(&app).await;
        for name in ["ana", "bo", "cy", "di"] {
            let user = json!({ "userName": format!("{name}@works.example"), "externalId": name, "active": name != "di" });
            ask(&app, &keeper, "POST", "/Users", user).await.is(201);
        }
        let names = |query: &str| {
            let (app, keeper, path) = (&app, &keeper, format!("/Users?{}", query.replace(' ', "%20").replace('"', "%22")));
            async move {
                let found = ask(app, keeper, "GET", &path, Value::Null).await.is(200).clone();
                let names: Vec<String> =
                    found["Resources"].as_array().unwrap().iter().map(|user| text(&user["userName"]).replace("@works.example", "")).collect();
                (names.join(" "), found["totalResults"].as_i64().unwrap())
            }
        };
        let kept = "kept by employer";
        for (query, wanted, total) in [
            (r#"filter=userName eq "BO@works.example""#, "bo", 1),
            (r#"filter=externalId eq "cy""#, "cy", 1),
            (r#"filter=externalId eq "CY""#, "", 0),
            (r#"filter=id eq "nonsense""#, "", 0),
            (r#"filter=userName sw "a" or userName sw "d""#, "ana di", 2),
            (r#"filter=active eq false"#, "di", 1),
            (r#"filter=externalId pr and not (userName co "a@")"#, "bo cy di", 3),
            (r#"filter=externalId ne "ana" and externalId pr&sortBy=userName&sortOrder=descending"#, "di cy bo", 3),
            (r#"filter=externalId pr&startIndex=2&count=2&sortBy=userName"#, "bo cy", 4),
            ("startIndex=2&count=3", "ana bo cy", 5),
            ("count=0", "", 5),
            ("startIndex=99", "", 5),
            ("startIndex=-3&count=1", kept, 5),
        ] {
            assert_eq!(names(query).await, (wanted.to_owned(), total), "{query}");
        }
        let only = ask(&app, &keeper, "GET", "/Users?count=1&startIndex=2&attributes=userName", Value::Null).await;
        let only = &only.is(200)["Resources"][0];
        assert_eq!(only.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>(), ["schemas", "id", "userName"]);
        let but = ask(&app, &keeper, "GET", "/Users?count=1&excludedAttributes=userName,id", Value::Null).await;
        let but = &but.is(200)["Resources"][0];
        assert!(but.get("userName").is_none() && but.get("id").is_some() && but.get("displayName").is_some());
        refused(&ask(&app, &keeper, "GET", "/Users?filter=userName%20is%20x", Value::Null).await, 400, Some("invalidFilter"));
        refused(&ask(&app, &keeper, "GET", "/Users?count=many", Value::Null).await, 400, Some("invalidValue"));
    }

    async fn who_is_deactivated_is_out_on_every_server_within_a_second(app: App) {
        let keeper = employers(&app).await;
        let user = ask(&app, &keeper, "POST", "/Users", ana()).await.is(201).clone();
        let alternates = group(&app, &keeper, "alternate").await;
        let place = format!("/Groups/{}", text(&alternates["id"]));
        let joined = patch(json!([{ "op": "add", "path": "members", "value": [{ "value": user["id"] }] }]));
        let joined = ask(&app, &keeper, "PATCH", &place, joined).await.is(200).clone();
        assert_eq!(joined["members"][0]["value"], user["id"]);
        let ana = signed_in(&app, &user).await;
        let store = connect(&settings(&app.url)).await.unwrap();
        let other = App::over(assemble(store, &settings(&app.url)).await.unwrap(), &app);
        assert_eq!(other.get(&ana, "/v1/me").await["acting"]["role"], "employer");
        let at = format!("/Users/{}", text(&user["id"]));
        assert_eq!(ask(&app, &keeper, "GET", &at, Value::Null).await.is(200)["groups"][0]["display"], "alternate");
        let off = patch(json!([{ "op": "replace", "path": "active", "value": "False" }]));
        assert_eq!(ask(&app, &keeper, "PATCH", &at, off).await.is(200)["active"], false);
        app.rest(&ana, "GET", "/v1/me").send().await.refused(401, "UNAUTHENTICATED");
        tokio::time::sleep(Duration::from_millis(1050)).await;
        other.rest(&ana, "GET", "/v1/me").send().await.refused(401, "UNAUTHENTICATED");
        other.gql(&ana, "{ me { accountId } }", Value::Null).await.refused("UNAUTHENTICATED");
        let on = patch(json!([{ "op": "replace", "value": { "active": true } }]));
        ask(&app, &keeper, "PATCH", &at, on).await.is(200);
        // What was signed before stays dead.
        app.rest(&ana, "GET", "/v1/me").send().await.refused(401, "UNAUTHENTICATED");
        tokio::time::sleep(Duration::from_millis(3)).await;
        let again = signed_in(&app, &user).await;
        assert_eq!(app.get(&again, "/v1/me").await["acting"]["role"], "employer");
        let none = ask(&app, &keeper, "PATCH", &place, patch(json!([{ "op": "remove", "path": "members" }]))).await;
        assert_eq!(none.is(200)["members"], json!([]));
        assert!(app.get(&again, "/v1/me").await.get("acting").is_none(), "without a seat there is no role");
    }

    async fn groups_are_the_roles_at_the_table(app: App) {
        let keeper = employers(&app).await;
        let all = ask(&app, &keeper, "GET", "/Groups", Value::Null).await.is(200).clone();
        assert_eq!(all["totalResults"], 6);
        refused(&ask(&app, &keeper, "POST", "/Groups", json!({ "displayName": "Alternate" })).await, 409, Some("uniqueness"));
        refused(&ask(&app, &keeper, "POST", "/Groups", json!({ "displayName": "Admins" })).await, 403, None);
        let points = group(&app, &keeper, "point_person").await;
        let place = format!("/Groups/{}", text(&points["id"]));
        refused(&ask(&app, &keeper, "DELETE", &place, Value::Null).await, 403, None);
        refused(&ask(&app, &keeper, "PUT", &place, json!({ "displayName": "Bosses", "members": [] })).await, 400, Some("mutability"));
        let user = ask(&app, &keeper, "POST", "/Users", ana()).await.is(201).clone();
        // The rules of seats hold: there is one point person, who is no login of this system.
        let joined = json!({ "displayName": "point_person", "members": [{ "value": user["id"] }] });
        refused(&ask(&app, &keeper, "PUT", &place, joined.clone()).await, 409, None);
        assert_eq!(group(&app, &keeper, "point_person").await["members"], json!([]), "nothing is half done");
        let seat = app.get(&app.world.ours.lead, &format!("/v1/seats/{}", app.world.ours.seat[&Role::Employer])).await;
        app.act(&app.world.ours.lead, &seat, "/v1/seats", "end", json!({ "leaveUncovered": true })).await;
        // The role of an employer's system is its organisation's, not that of the person who made it.
        assert_eq!(ask(&app, &keeper, "PUT", &place, joined).await.is(200)["members"][0]["value"], user["id"]);
        for wrong in [json!([{ "value": Uuid::now_v7() }]), json!([{ "value": "x" }]), json!("x")] {
            refused(&ask(&app, &keeper, "PUT", &place, json!({ "members": wrong })).await, 400, Some("invalidValue"));
        }
    }

    async fn a_system_of_the_intermediary_keeps_its_own_people(app: App) {
        let (keeper, _) = keeper(&app, &app.world.ours.lead, None).await;
        let user = ask(&app, &keeper, "POST", "/Users", ana()).await.is(201).clone();
        assert_eq!(ask(&app, &keeper, "GET", "/Users", Value::Null).await.is(200)["totalResults"], 1, "not the partners'");
        let staff = group(&app, &keeper, "intermediary_staff").await;
        let place = format!("/Groups/{}", text(&staff["id"]));
        let joined = json!({ "displayName": "intermediary_staff", "members": [{ "value": user["id"] }] });
        ask(&app, &keeper, "PUT", &place, joined).await.is(200);
        let login = app.get(&app.world.ours.lead, &format!("/v1/provisioned-logins/{}", text(&user["id"]))).await;
        let ana = Who::with_token("ana", &app.token(id(&login["accountId"]), None));
        assert_eq!(app.get(&ana, "/v1/me").await["acting"]["role"], "intermediary_staff");
        ask(&app, &keeper, "PUT", &place, json!({ "members": [] })).await.is(200);
        assert!(app.get(&ana, "/v1/me").await.get("acting").is_none());
    }

    async fn nobody_finds_the_users_of_another(app: App) {
        let (ours, theirs) = (&app.world.ours, &app.world.theirs);
        let own = employers(&app).await;
        let user = ask(&app, &own, "POST", "/Users", ana()).await.is(201).clone();
        let union = keeper(&app, app.world.who(Role::Union), Some(ours.organization[&Role::Union])).await.0;
        let foreign = keeper(&app, &theirs.who[&Role::Employer], Some(theirs.organization[&Role::Employer])).await.0;
        let host = keeper(&app, &ours.lead, None).await.0;
        for who in [&union, &foreign, &host] {
            for (method, body) in [
                ("GET", Value::Null), ("PUT", ana()), ("DELETE", Value::Null),
                ("PATCH", patch(json!([{ "op": "replace", "path": "active", "value": false }]))),
            ] {
                let asked = |id: String| {
                    let call = app.rest(who, method, &format!("/scim/v2/Users/{id}")).header("request-id", "the-same-request");
                    if body.is_null() { call.send() } else { call.body(KIND, body.to_string()).send() }
                };
                let (known, random) = (asked(text(&user["id"]).into()).await, asked(Uuid::now_v7().to_string()).await);
                refused(&known, 404, None);
                assert_eq!(known.bytes, random.bytes, "{method}");
            }
            let found = ask(&app, who, "GET", "/Users?filter=userName%20eq%20%22ana@works.example%22", Value::Null).await;
            assert_eq!(found.is(200)["totalResults"], 0);
            // The same name is free to everybody: it says nothing of others.
            ask(&app, who, "POST", "/Users", ana()).await.is(201);
            let place = group(&app, who, if who.account == host.account { "observer" } else { "alternate" }).await;
            let joined = json!({ "members": [{ "value": user["id"] }] });
            let answer = ask(&app, who, "PUT", &format!("/Groups/{}", text(&place["id"])), joined).await;
            refused(&answer, 400, Some("invalidValue"));
        }
        refused(&ask(&app, &Who::anonymous(), "GET", "/Users", Value::Null).await, 401, None);
        refused(&ask(&app, &app.world.narrow, "GET", "/Users", Value::Null).await, 403, None);
        refused(&ask(&app, app.world.who(Role::Observer), "GET", "/Users", Value::Null).await, 403, None);
        let reads = json!({ "name": "reads", "scopes": ["provisioned-logins:read"] });
        let reads = app.make(&ours.lead, "/v1/service-accounts", reads).await;
        let reads = Who::with_token("reads", &app.token(id(&reads["id"]), None));
        ask(&app, &reads, "GET", "/Users", Value::Null).await.is(200);
        refused(&ask(&app, &reads, "POST", "/Users", ana()).await, 403, None);
        let place = group(&app, &reads, "observer").await;
        let emptied = ask(&app, &reads, "PUT", &format!("/Groups/{}", text(&place["id"])), json!({ "members": [] })).await;
        refused(&emptied, 403, None);
    }

    /// A login made for an address is nobody's way to the address's own login, nor in its way.
    async fn a_provisioned_login_meets_no_other_by_its_address(app: App) {
        let invite = |role: &'static str| json!({ "email": "ana@works.example", "staffRole": role });
        let keeper = employers(&app).await;
        ask(&app, &keeper, "POST", "/Users", ana()).await.is(201);
        let invited = app.make(&app.world.theirs.lead, "/v1/invitations", invite("observer")).await;
        let accepted = json!({ "token": invited["token"], "password": "correct horse battery" });
        let session = app.rest(&Who::anonymous(), "POST", "/v1/invitations/accept").json(accepted).is(200).await;
        let who = Who::with_token("ana herself", text(&session["accessToken"]));
        let me = app.get(&who, "/v1/me").await;
        assert_eq!(me["standings"].as_array().unwrap().len(), 1, "{me}");
        let union = app.world.ours.organization[&Role::Union];
        let union = crate::scim::keeper(&app, app.world.who(Role::Union), Some(union)).await.0;
        let made = ask(&app, &union, "POST", "/Users", ana()).await.is(201).clone();
        ask(&app, &union, "DELETE", &format!("/Users/{}", text(&made["id"])), Value::Null).await.is(204);
        app.get(&who, "/v1/me").await;
    }

    async fn a_system_that_speaks_for_a_provider_says_who_signs_in_there(app: App) {
        let organization = app.world.ours.organization[&Role::Employer];
        let (keeper, client) = keeper(&app, app.world.who(Role::Employer), Some(organization)).await;
        let provider = Provider::start();
        let mut trusting = provider.settings("house");
        trusting.provisioned_by = vec![client];
        let app = with_providers(&app, vec![trusting]).await;
        let user = ask(&app, &keeper, "POST", "/Users", ana()).await.is(201).clone();
        let nobody = Who::anonymous();
        let sign_in = |subject: &'static str| {
            let (app, provider, nobody) = (&app, &provider, &nobody);
            async move {
                let begun = json!({ "provider": "house" });
                let begun = app.rest(nobody, "POST", "/v1/sign-ins/oidc").json(begun).is(200).await;
                let (code, state) = provider.authorize(text(&begun["authorizationUrl"]), subject);
                let body = json!({ "handle": begun["handle"], "state": state, "code": code });
                app.rest(nobody, "POST", "/v1/sign-ins/oidc/complete").json(body).send().await
            }
        };
        let session = sign_in("00u1").await.is(200).clone();
        let ana = Who::with_token("ana", text(&session["session"]["accessToken"]));
        assert_eq!(app.get(&ana, "/v1/me").await["name"], "Ana Ruiz");
        let at = format!("/Users/{}", text(&user["id"]));
        let moved = patch(json!([{ "op": "replace", "path": "externalId", "value": "00u2" }]));
        ask(&app, &keeper, "PATCH", &at, moved).await.is(200);
        sign_in("00u1").await.refused(403, "IDENTITY_NOT_LINKED");
        sign_in("00u2").await.is(200);
        // Any other system's word counts for nothing there.
        let union = crate::scim::keeper(&app, app.world.who(Role::Union), Some(app.world.ours.organization[&Role::Union])).await.0;
        let stranger = json!({ "userName": "x", "externalId": "00u9" });
        ask(&app, &union, "POST", "/Users", stranger).await.is(201);
        sign_in("00u9").await.refused(403, "IDENTITY_NOT_LINKED");
        ask(&app, &keeper, "DELETE", &at, Value::Null).await.is(204);
        sign_in("00u2").await.refused(403, "IDENTITY_NOT_LINKED");
        app.rest(&ana, "GET", "/v1/me").send().await.refused(401, "UNAUTHENTICATED");
    }

    async fn the_server_says_what_its_scim_can_do(app: App) {
        let nobody = Who::anonymous();
        let config = ask(&app, &nobody, "GET", "/ServiceProviderConfig", Value::Null).await.is(200).clone();
        assert_eq!((&config["patch"]["supported"], &config["bulk"]["supported"]), (&json!(true), &json!(false)));
        for (path, count) in [("/ResourceTypes", 2), ("/Schemas", 2)] {
            let listed = ask(&app, &nobody, "GET", path, Value::Null).await.is(200).clone();
            assert_eq!(listed["totalResults"], count);
            for one in listed["Resources"].as_array().unwrap() {
                let alone = ask(&app, &nobody, "GET", &format!("{path}/{}", text(&one["id"])), Value::Null).await;
                assert_eq!(alone.is(200), one);
            }
        }
        refused(&ask(&app, &nobody, "GET", "/Schemas/nonsense", Value::Null).await, 404, None);
        refused(&ask(&app, &nobody, "GET", "/Nonsense", Value::Null).await, 404, None);
        refused(&ask(&app, &nobody, "GET", "/Me", Value::Null).await, 501, None);
        refused(&ask(&app, &nobody, "POST", "/Bulk", json!({})).await, 501, None);
        refused(&ask(&app, &nobody, "DELETE", "/Schemas", Value::Null).await, 405, None);
        let keeper = employers(&app).await;
        refused(&ask(&app, &keeper, "PUT", "/Users", json!({})).await, 405, None);
        for (body, kind) in [
            (json!({}), "invalidValue"), (json!([]), "invalidSyntax"), (json!({ "userName": 1 }), "invalidValue"),
            (json!({ "userName": "x", "active": "perhaps" }), "invalidValue"),
            (json!({ "userName": "x", "emails": [{ "value": "no address" }] }), "invalidValue"),
            (json!({ "userName": "x".repeat(400) }), "invalidValue"),
        ] {
            refused(&ask(&app, &keeper, "POST", "/Users", body).await, 400, Some(kind));
        }
        let garbage = app.rest(&keeper, "POST", "/scim/v2/Users").body(KIND, "{").send().await;
        refused(&garbage, 400, Some("invalidSyntax"));
        let wrong = app.rest(&keeper, "POST", "/scim/v2/Users").body("text/plain", "{}").send().await;
        refused(&wrong, 415, None);
    }
}
