//! Signing in at identity providers: what counts, what does not, and what is thrown at it.

use std::io::{BufRead, BufReader};

use chrono::TimeDelta;
use roundtable_kernel::standing::Role;
use serde_json::{Value, json};

use crate::harness::client::text;
use crate::harness::provider::{FRONT_END, Forge, OWN_PAGE, Provider, Signed, with_providers};
use crate::harness::{Answer, App, Who};

async fn start(app: &App, who: &Who, body: Value) -> Answer {
    app.rest(who, "POST", "/v1/sign-ins/oidc").json(body).send().await
}

async fn complete(app: &App, who: &Who, body: Value) -> Answer {
    app.rest(who, "POST", "/v1/sign-ins/oidc/complete").json(body).send().await
}

/// A whole sign-in by somebody at the provider, begun with this.
async fn sign_in(app: &App, provider: &Provider, who: &Who, subject: &str, more: Value) -> Answer {
    let mut body = json!({ "provider": "state" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let begun = start(app, who, body).await.is(200).clone();
    let (code, state) = provider.authorize(text(&begun["authorizationUrl"]), subject);
    let body = json!({ "handle": begun["handle"], "state": state, "code": code, "iss": provider.issuer });
    complete(app, who, body).await
}

/// Somebody with a login that this subject signs in to.
async fn linked(app: &App, provider: &Provider, email: &str, subject: &str) -> Value {
    let invited = json!({ "email": email, "staffRole": "observer" });
    let invited = app.make(&app.world.ours.lead, "/v1/invitations", invited).await;
    let more = json!({ "invitationToken": invited["token"] });
    sign_in(app, provider, &Who::anonymous(), subject, more).await.is(200).clone()
}

async fn served(app: &App) -> (App, Provider) {
    let provider = Provider::start();
    (with_providers(app, vec![provider.settings("state")]).await, provider)
}

fn bearer(signed_in: &Value) -> Who {
    Who::with_token("signed in", text(&signed_in["session"]["accessToken"]))
}

cases! {
    async fn an_invitation_is_accepted_with_an_identity_that_signs_in_from_then_on(app: App) {
        let (app, provider) = served(&app).await;
        let listed = app.get(&Who::anonymous(), "/v1/identity-providers").await;
        assert_eq!(listed["items"], json!([{ "name": "state", "label": "state", "issuer": provider.issuer }]));
        let first = linked(&app, &provider, "ana@example.org", "subject-1").await;
        let me = app.get(&bearer(&first), "/v1/me").await;
        assert_eq!((&me["name"], &me["acting"]["role"]), (&json!("Ana Ruiz"), &json!("observer")));
        let again = sign_in(&app, &provider, &Who::anonymous(), "subject-1", json!({})).await.is(200).clone();
        assert_eq!(app.get(&bearer(&again), "/v1/me").await["accountId"], me["accountId"]);
        let sessions = app.get(&bearer(&again), "/v1/sessions").await;
        assert!(sessions["items"].as_array().unwrap().iter().all(|one| one["method"] == "state"), "{sessions}");
        // There is no password to sign in with, not even an empty one.
        let body = json!({ "email": "ana@example.org", "password": "x" });
        app.rest(&Who::anonymous(), "POST", "/v1/sessions").json(body).send().await.refused(401, "SIGN_IN_FAILED");
        let graph = r#"mutation { startProviderSignIn(input: {provider: "state"}) { handle authorizationUrl } }"#;
        let begun = app.gql(&Who::anonymous(), graph, Value::Null).await.ok()["startProviderSignIn"].clone();
        let (code, state) = provider.authorize(text(&begun["authorizationUrl"]), "subject-1");
        let graph = "mutation($i: ProviderSignInCompletion!) { completeProviderSignIn(input: $i) { session { accessToken } } }";
        let input = json!({ "handle": begun["handle"], "state": state, "code": code });
        let done = app.gql(&Who::anonymous(), graph, json!({ "i": input })).await.ok().clone();
        app.get(&bearer(&done["completeProviderSignIn"]), "/v1/me").await;
    }

    async fn an_address_never_links_an_identity_to_a_login(app: App) {
        let (app, provider) = served(&app).await;
        let invited = json!({ "email": "ana@example.org", "staffRole": "intermediary_staff" });
        let invited = app.make(&app.world.ours.lead, "/v1/invitations", invited).await;
        let accepted = json!({ "token": invited["token"], "password": "correct horse battery" });
        app.rest(&Who::anonymous(), "POST", "/v1/invitations/accept").json(accepted).is(200).await;
        // The provider says that the address is theirs, verified. It is not asked.
        let answer = sign_in(&app, &provider, &Who::anonymous(), "stranger", json!({})).await;
        answer.refused(403, "IDENTITY_NOT_LINKED");
        let invited = json!({ "email": "ANA@example.org", "staffRole": "observer" });
        let invited = app.make(&app.world.ours.lead, "/v1/invitations", invited).await;
        let more = json!({ "invitationToken": invited["token"] });
        sign_in(&app, &provider, &Who::anonymous(), "stranger", more).await.refused(409, "ALREADY_EXISTS");
    }

    async fn hostile_id_tokens_are_refused(app: App) {
        let (app, provider) = served(&app).await;
        linked(&app, &provider, "ana@example.org", "subject-1").await;
        let now = chrono::Utc::now().timestamp();
        let claims = |claims: Value| Forge { claims, ..Forge::default() };
        let signed = |signed: Signed| Forge { signed, ..Forge::default() };
        let hostile = [
            ("another issuer", claims(json!({ "iss": "https://other.example.org" }))),
            ("no issuer", claims(json!({ "iss": null }))),
            ("another audience", claims(json!({ "aud": "other" }))),
            ("no audience", claims(json!({ "aud": null }))),
            ("another audience beside ours", claims(json!({ "aud": ["roundtable", "other"] }))),
            ("two audiences and azp", claims(json!({ "aud": ["roundtable", "other"], "azp": "roundtable" }))),
            ("azp of another client", claims(json!({ "azp": "other" }))),
            ("another nonce", claims(json!({ "nonce": "other" }))),
            ("no nonce", claims(json!({ "nonce": null }))),
            ("expired", claims(json!({ "exp": now - 1, "iat": now - 60 }))),
            ("no end", claims(json!({ "exp": null }))),
            ("an end that is a text", claims(json!({ "exp": "4000000000" }))),
            ("no subject", claims(json!({ "sub": null }))),
            ("an empty subject", claims(json!({ "sub": "" }))),
            ("at_hash of another token", claims(json!({ "at_hash": "AAAAAAAAAAAAAAAAAAAAAA" }))),
            ("no algorithm", Forge { header: json!({ "alg": "none" }), ..signed(Signed::Not) }),
            ("no algorithm, signed", Forge { header: json!({ "alg": "none" }), ..Forge::default() }),
            ("no signature", signed(Signed::Not)),
            ("another key", signed(Signed::ByAnotherKey)),
            ("the client's secret as a key", signed(Signed::WithTheClientsSecret)),
            ("the public key as a secret", signed(Signed::WithThePublicKey)),
            ("an unknown key", Forge { header: json!({ "kid": "../../etc/passwd" }), ..Forge::default() }),
            ("another algorithm", Forge { header: json!({ "alg": "RS256" }), ..Forge::default() }),
            ("an unknown critical header", Forge { header: json!({ "crit": ["b64"], "b64": false }), ..Forge::default() }),
            ("none at all", Forge { comes: false, ..Forge::default() }),
        ];
        for (number, (name, forge)) in hostile.into_iter().enumerate() {
            provider.forge(forge);
            let begun = start(&app, &Who::anonymous(), json!({ "provider": "state" })).await.is(200).clone();
            let (code, state) = provider.authorize(text(&begun["authorizationUrl"]), "subject-1");
            let body = json!({ "handle": begun["handle"], "state": state, "code": code });
            let call = app.rest(&Who::anonymous(), "POST", "/v1/sign-ins/oidc/complete").json(body);
            let answer = call.sent_from(u8::try_from(number).unwrap()).send().await;
            assert!(matches!(answer.code(), "SIGN_IN_FAILED" | "PROVIDER_UNAVAILABLE"), "{name}: {} {}", answer.status, answer.body);
            assert!(answer.body.get("session").is_none(), "{name}");
        }
        provider.forge(Forge { claims: json!({ "azp": "roundtable" }), ..Forge::default() });
        sign_in(&app, &provider, &Who::anonymous(), "subject-1", json!({})).await.is(200);
    }

    async fn a_sign_in_is_completed_once_in_the_browser_it_began_in(app: App) {
        let (app, provider) = served(&app).await;
        linked(&app, &provider, "ana@example.org", "subject-1").await;
        let nobody = Who::anonymous();
        let begin = || async {
            let begun = start(&app, &nobody, json!({ "provider": "state" })).await.is(200).clone();
            let (code, state) = provider.authorize(text(&begun["authorizationUrl"]), "subject-1");
            (begun["handle"].clone(), state, code)
        };
        let (handle, state, code) = begin().await;
        let body = json!({ "handle": handle, "state": state, "code": code });
        complete(&app, &nobody, body.clone()).await.is(200);
        complete(&app, &nobody, body).await.refused(410, "SIGN_IN_EXPIRED");
        // What another browser was sent back with is of no use here.
        let ((mine, _, _), (_, state, code)) = (begin().await, begin().await);
        let before = provider.exchanged();
        let swapped = json!({ "handle": mine, "state": state, "code": code });
        complete(&app, &nobody, swapped).await.refused(401, "SIGN_IN_FAILED");
        assert_eq!(provider.exchanged(), before, "the code of somebody else is not even tried");
        // With the right state, their code still needs their verifier.
        let ((mine, state, _), (_, _, code)) = (begin().await, begin().await);
        let injected = json!({ "handle": mine, "state": state, "code": code });
        complete(&app, &nobody, injected).await.refused(401, "SIGN_IN_FAILED");
        let unknown = json!({ "handle": "rth_unknown", "state": "x", "code": "x" });
        complete(&app, &nobody, unknown).await.refused(410, "SIGN_IN_EXPIRED");
        let (handle, state, code) = begin().await;
        app.server.app.clock.advance(TimeDelta::minutes(11));
        let late = json!({ "handle": handle, "state": state, "code": code });
        complete(&app, &nobody, late).await.refused(410, "SIGN_IN_EXPIRED");
    }

    async fn of_sixty_four_completions_one_is_made(app: App) {
        let (app, provider) = served(&app).await;
        linked(&app, &provider, "ana@example.org", "subject-1").await;
        let begun = start(&app, &Who::anonymous(), json!({ "provider": "state" })).await.is(200).clone();
        let (code, state) = provider.authorize(text(&begun["authorizationUrl"]), "subject-1");
        let body = json!({ "handle": begun["handle"], "state": state, "code": code });
        let try_it = |number: u8| {
            let call = app.rest(&Who::anonymous(), "POST", "/v1/sign-ins/oidc/complete").json(body.clone());
            call.sent_from(number).send()
        };
        let answers = futures_util::future::join_all((0..64).map(try_it)).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            assert!(matches!(answer.code(), "SIGN_IN_EXPIRED" | "UNAVAILABLE"), "{} {}", answer.status, answer.body);
        }
        assert_eq!(provider.exchanged(), 2, "one for the link, one now");
    }

    async fn an_identity_is_linked_by_whoever_is_signed_in_and_taken_off_again(app: App) {
        let (app, provider) = served(&app).await;
        let (employer, union) = (app.world.who(Role::Employer).clone(), app.world.who(Role::Union).clone());
        start(&app, &Who::anonymous(), json!({ "provider": "state", "link": true })).await.refused(401, "UNAUTHENTICATED");
        start(&app, &app.world.service, json!({ "provider": "state", "link": true })).await.refused(403, "FORBIDDEN");
        let begun = start(&app, &employer, json!({ "provider": "state", "link": true })).await.is(200).clone();
        let (code, state) = provider.authorize(text(&begun["authorizationUrl"]), "subject-7");
        let body = json!({ "handle": begun["handle"], "state": state, "code": code });
        complete(&app, &union, body).await.refused(403, "FORBIDDEN");
        let done = sign_in(&app, &provider, &employer, "subject-7", json!({ "link": true })).await.is(200).clone();
        assert!(done.get("session").is_none(), "{done}");
        let signed_in = sign_in(&app, &provider, &Who::anonymous(), "subject-7", json!({})).await.is(200).clone();
        assert_eq!(app.get(&bearer(&signed_in), "/v1/me").await["accountId"], json!(employer.account));
        sign_in(&app, &provider, &union, "subject-7", json!({ "link": true })).await.refused(409, "ALREADY_EXISTS");
        sign_in(&app, &provider, &employer, "subject-8", json!({ "link": true })).await.is(200);
        let mine = app.get(&employer, "/v1/me/identities").await;
        assert_eq!(mine["items"].as_array().unwrap().len(), 2);
        assert_eq!(app.get(&union, "/v1/me/identities").await["items"], json!([]));
        let off = json!({ "identityId": mine["items"][0]["id"] });
        app.rest(&union, "POST", "/v1/me/identities/unlink").json(off.clone()).send().await.refused(404, "NOT_FOUND");
        app.rest(&employer, "POST", "/v1/me/identities/unlink").json(off).is(200).await;
        sign_in(&app, &provider, &Who::anonymous(), "subject-7", json!({})).await.refused(403, "IDENTITY_NOT_LINKED");
        // Who has no password keeps the last identity.
        let last = json!({ "identityId": mine["items"][1]["id"] });
        app.rest(&employer, "POST", "/v1/me/identities/unlink").json(last).send().await.refused(409, "IN_USE");
    }

    async fn browsers_come_back_only_where_the_settings_say(app: App) {
        let (app, provider) = served(&app).await;
        let nobody = Who::anonymous();
        let at = |uri: &str| start(&app, &nobody, json!({ "provider": "state", "redirectUri": uri }));
        for right in [FRONT_END, OWN_PAGE] {
            at(right).await.is(200);
        }
        for wrong in [
            "https://front.example.org/signed-in/", "https://front.example.org/signed-in?x=1", "https://front.example.org",
            "https://FRONT.example.org/signed-in", "https://front.example.org/signed-in#x", "//front.example.org/signed-in",
            "https://front.example.org@evil.example/signed-in", "https://front.example.org/signed-in/../x", "javascript:alert(1)",
            "https://front.example.org.evil.example/signed-in", "http://front.example.org/signed-in", "",
        ] {
            at(wrong).await.refuses_member("/redirectUri", "not_allowed");
        }
        let other = start(&app, &Who::anonymous(), json!({ "provider": "other" })).await;
        other.refuses_member("/provider", "not_found");
        let dead = json!({ "provider": "state", "invitationToken": "rti_unknown" });
        start(&app, &Who::anonymous(), dead).await.refused(410, "INVITATION_DEAD");
        let shown = app.rest(&Who::anonymous(), "GET", "/sign-ins/callback?code=%3Cscript%3E&state=s").send().await;
        let page = String::from_utf8(shown.bytes.clone()).unwrap();
        assert!(shown.status == 200 && page.contains("&lt;script&gt;") && !page.contains("<script>"), "{page}");
        assert!(shown.header("content-security-policy").starts_with("default-src 'none'"));
        let begun = start(&app, &Who::anonymous(), json!({ "provider": "state", "redirectUri": FRONT_END })).await;
        provider.authorize(text(&begun.is(200)["authorizationUrl"]), "anybody");
    }

    async fn an_answer_of_another_provider_is_not_taken(app: App) {
        let (provider, evil) = (Provider::start(), Provider::start());
        provider.names_itself();
        let app = with_providers(&app, vec![provider.settings("state"), evil.settings("evil")]).await;
        let nobody = Who::anonymous();
        for (issuer, right) in [(Some(&evil.issuer), false), (None, false), (Some(&provider.issuer), true)] {
            let begun = start(&app, &nobody, json!({ "provider": "state" })).await.is(200).clone();
            let (code, state) = provider.authorize(text(&begun["authorizationUrl"]), "subject-1");
            let mut body = json!({ "handle": begun["handle"], "state": state, "code": code });
            if let Some(issuer) = issuer {
                body["iss"] = json!(issuer);
            }
            let answer = complete(&app, &nobody, body).await;
            assert_eq!(answer.code(), if right { "IDENTITY_NOT_LINKED" } else { "SIGN_IN_FAILED" }, "{issuer:?}");
        }
        assert_eq!((provider.exchanged(), evil.exchanged()), (1, 0), "no code went anywhere it does not belong");
        // Somebody of that name at another provider is somebody else.
        linked(&app, &provider, "ana@example.org", "subject-1").await;
        let begun = start(&app, &nobody, json!({ "provider": "evil" })).await.is(200).clone();
        let (code, state) = evil.authorize(text(&begun["authorizationUrl"]), "subject-1");
        let body = json!({ "handle": begun["handle"], "state": state, "code": code });
        complete(&app, &nobody, body).await.refused(403, "IDENTITY_NOT_LINKED");
    }

    async fn a_provider_may_change_its_keys_and_may_be_away(app: App) {
        let (app, provider) = served(&app).await;
        linked(&app, &provider, "ana@example.org", "subject-1").await;
        provider.rotate();
        tokio::time::sleep(std::time::Duration::from_millis(10_100)).await;
        sign_in(&app, &provider, &Who::anonymous(), "subject-1", json!({})).await.is(200);
        let mut away = provider.settings("away");
        away.issuer = "http://127.0.0.1:9".into();
        let false_name = Provider::start();
        false_name.forge(Forge { issuer: Some("https://other.example.org".into()), ..Forge::default() });
        let app = with_providers(&app, vec![away, false_name.settings("false")]).await;
        for name in ["away", "false"] {
            let answer = start(&app, &Who::anonymous(), json!({ "provider": name })).await;
            answer.refused(502, "PROVIDER_UNAVAILABLE");
        }
    }

    async fn a_suspended_login_does_not_come_in_by_its_identity(app: App) {
        let (app, provider) = served(&app).await;
        let employer = app.world.who(Role::Employer).clone();
        sign_in(&app, &provider, &employer, "subject-9", json!({ "link": true })).await.is(200);
        let account = app.get(&app.world.operator, &format!("/v1/accounts/{}", employer.account)).await;
        app.act(&app.world.operator, &account, "/v1/accounts", "suspend", json!({})).await;
        sign_in(&app, &provider, &Who::anonymous(), "subject-9", json!({})).await.refused(401, "SIGN_IN_FAILED");
    }
}

/// A program that is stopped with the test.
struct Running {
    program: std::process::Child,
    /// What it says; it would stop were nobody there to listen.
    said: BufReader<std::process::ChildStdout>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

fn script(name: &str) -> std::process::Command {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/clients/oidc");
    let mut node = std::process::Command::new("node");
    node.current_dir(folder).arg(name);
    node
}

mod a_real_provider_signs_people_in {
    use super::real_provider;
    use crate::harness::backend::{Backend, run};

    #[test]
    #[ignore = "needs node and the packages of tests/clients/oidc: run tests/clients/oidc/run.sh"]
    fn sqlite() {
        run(Backend::Sqlite, real_provider);
    }

    #[test]
    #[ignore = "needs node and the packages of tests/clients/oidc: run tests/clients/oidc/run.sh"]
    fn postgres() {
        run(Backend::Postgres, real_provider);
    }
}

async fn real_provider(app: App) {
    let mut program = script("provider.mjs").arg(FRONT_END).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let said = BufReader::new(program.stdout.take().unwrap());
    let mut provider = Running { program, said };
    let mut issuer = String::new();
    provider.said.read_line(&mut issuer).unwrap();
    let _running = provider;
    let provider = json!({
        "name": "real", "issuer": issuer.trim(), "client_id": "roundtable", "client_secret": "hush",
        "redirect_uris": [FRONT_END],
    });
    let app = with_providers(&app, vec![serde_json::from_value(provider).unwrap()]).await;
    let nobody = Who::anonymous();
    let sign_in = |who: Who, name: &'static str, more: Value| {
        let app = &app;
        async move {
            let mut body = json!({ "provider": "real", "redirectUri": FRONT_END });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let begun = start(app, &who, body).await.is(200).clone();
            let address = text(&begun["authorizationUrl"]).to_owned();
            let went =
                tokio::task::spawn_blocking(move || script("sign-in.mjs").args([&address, name]).output().unwrap());
            let went = went.await.unwrap();
            let back = String::from_utf8(went.stdout).unwrap();
            assert!(back.starts_with(FRONT_END), "{back}{}", String::from_utf8_lossy(&went.stderr));
            let back = back.trim().split_once('?').unwrap().1.to_owned();
            let given = actix_web::web::Query::<std::collections::HashMap<String, String>>::from_query(&back).unwrap();
            let mut body = json!({ "handle": begun["handle"], "state": given["state"], "code": given["code"] });
            if let Some(issuer) = given.get("iss") {
                body["iss"] = json!(issuer);
            }
            complete(app, &who, body).await
        }
    };
    sign_in(nobody.clone(), "ana", json!({})).await.refused(403, "IDENTITY_NOT_LINKED");
    let invited = json!({ "email": "ana@example.org", "staffRole": "observer" });
    let invited = app.make(&app.world.ours.lead, "/v1/invitations", invited).await;
    let more = json!({ "invitationToken": invited["token"] });
    let first = sign_in(nobody.clone(), "ana", more).await.is(200).clone();
    assert_eq!((&first["identity"]["subject"], &first["identity"]["issuer"]), (&json!("ana"), &json!(issuer.trim())));
    let again = sign_in(nobody.clone(), "ana", json!({})).await.is(200).clone();
    assert_eq!(app.get(&bearer(&again), "/v1/me").await["acting"]["role"], "observer");
    let employer = app.world.who(Role::Employer).clone();
    sign_in(employer, "bo", json!({ "link": true })).await.is(200);
    sign_in(nobody, "bo", json!({})).await.is(200);
}
