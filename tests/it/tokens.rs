//! Tokens: which are believed, who is told of them, how they end, and that an end is seen by every server.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as BASE64};
use ed25519_dalek::pkcs8::DecodePrivateKey;
use ed25519_dalek::{Signer, SigningKey};
use roundtable_entity::signing_key;
use roundtable_kernel::standing::Role;
use roundtable_server::{assemble, connect};
use sea_orm::EntityTrait;
use serde_json::{Value, json};

use crate::harness::backend::settings;
use crate::harness::client::text;
use crate::harness::{Answer, App, Who};

const PASSWORD: &str = "correct horse battery";
const FORM: &str = "application/x-www-form-urlencoded";

/// A server of its own over the same database.
async fn replica(app: &App) -> App {
    let store = connect(&settings(&app.url)).await.unwrap();
    App::over(assemble(store, &settings(&app.url)).await.unwrap(), app)
}

async fn form(app: &App, path: &str, basic: Option<(&str, &str)>, form: &str) -> Answer {
    let mut call = app.rest(&Who::anonymous(), "POST", path).body(FORM, form.to_owned());
    if let Some((id, secret)) = basic {
        call = call.header("authorization", &format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))));
    }
    call.send().await
}

/// A system with its client id, its secret and a token.
struct System {
    id: String,
    secret: String,
    token: String,
}

impl System {
    fn basic(&self) -> Option<(&str, &str)> {
        Some((&self.id, &self.secret))
    }
}

async fn system(app: &App, who: &Who, body: Value) -> System {
    let made = app.make(who, "/v1/service-accounts", body).await;
    let (id, secret) = (text(&made["clientId"]).to_owned(), text(&made["clientSecret"]).to_owned());
    let granted = form(app, "/oauth/token", Some((&id, &secret)), "grant_type=client_credentials").await;
    let token = text(&granted.is(200)["access_token"]).to_owned();
    System { id, secret, token }
}

/// Somebody new with a session.
async fn session(app: &App, email: &str) -> Value {
    let invited = json!({ "email": email, "staffRole": "observer" });
    let invited = app.make(&app.world.ours.lead, "/v1/invitations", invited).await;
    let accepted = json!({ "token": invited["token"], "password": PASSWORD, "name": "Somebody" });
    app.rest(&Who::anonymous(), "POST", "/v1/invitations/accept").json(accepted).is(200).await
}

fn bearer(session: &Value) -> Who {
    Who::with_token("signed in", text(&session["accessToken"]))
}

async fn is_nobody(app: &App, who: &Who) {
    app.rest(who, "GET", "/v1/me").send().await.refused(401, "UNAUTHENTICATED");
    app.gql(who, "{ me { accountId } }", Value::Null).await.refused("UNAUTHENTICATED");
}

/// Within a second the other server knows, too.
async fn is_nobody_in_a_second(app: &App, who: &Who) {
    tokio::time::sleep(Duration::from_millis(1050)).await;
    is_nobody(app, who).await;
}

fn part(value: &Value) -> String {
    BASE64.encode(value.to_string())
}

fn with(of: &Value, changes: Value) -> Value {
    let mut of = of.clone();
    of.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    of
}

fn without(of: &Value, member: &str) -> Value {
    let mut of = of.clone();
    of.as_object_mut().unwrap().shift_remove(member);
    of
}

cases! {
    /// All of them signed by the key in force where a signature is to be had, so that nothing but the fault refuses them.
    async fn hostile_tokens_are_refused_alike(app: App) {
        let account = app.world.ours.lead.account;
        let good = app.token(account, None);
        let parts: Vec<&str> = good.split('.').collect();
        let (head, said, signature) = (parts[0], parts[1], parts[2]);
        let decoded = |part: &str| -> Value { serde_json::from_slice(&BASE64.decode(part).unwrap()).unwrap() };
        let (header, claims) = (decoded(head), decoded(said));
        let row = signing_key::Entity::find().one(app.server.app.store.read()).await.unwrap().unwrap();
        let key = SigningKey::from_pkcs8_pem(&row.private_pem).unwrap();
        let sign_by = |key: &SigningKey, header: &str, claims: &str| {
            let said = format!("{header}.{claims}");
            format!("{said}.{}", BASE64.encode(key.sign(said.as_bytes()).to_bytes()))
        };
        let sign = |header: &Value, claims: &Value| sign_by(&key, &part(header), &part(claims));
        let hmac = |algorithm, secret: &[u8]| {
            let mut header = jsonwebtoken::Header::new(algorithm);
            (header.typ, header.kid) = (Some("at+jwt".into()), Some(row.kid.clone()));
            jsonwebtoken::encode(&header, &claims, &jsonwebtoken::EncodingKey::from_secret(secret)).unwrap()
        };
        let public = key.verifying_key();
        let now = chrono::Utc::now().timestamp();
        // The forgery itself is sound: what differs below is the fault alone.
        app.get(&Who::with_token("signed by hand", &sign(&header, &claims)), "/v1/me").await;

        let mut hostile: Vec<(String, String)> = Vec::new();
        let mut add = |name: &str, token: String| hostile.push((name.into(), token));
        for word in ["none", "None", "NONE", "nOnE", ""] {
            let header = with(&header, json!({ "alg": word }));
            add(&format!("alg {word}, no signature"), format!("{}.{said}.", part(&header)));
            add(&format!("alg {word}, signed"), sign(&header, &claims));
        }
        add("HS256 with the public key", hmac(jsonwebtoken::Algorithm::HS256, public.as_bytes()));
        add("HS256 with the public key as text", hmac(jsonwebtoken::Algorithm::HS256, row.public_x.as_bytes()));
        add("HS512 with the public key", hmac(jsonwebtoken::Algorithm::HS512, public.as_bytes()));
        add("HS256 with nothing", hmac(jsonwebtoken::Algorithm::HS256, b""));
        for algorithm in ["HS256", "RS256", "ES256", "PS256", "EdDSA448", "eddsa"] {
            add(algorithm, sign(&with(&header, json!({ "alg": algorithm })), &claims));
        }
        add("no alg", sign(&without(&header, "alg"), &claims));
        for kind in [json!("JWT"), json!("jwt"), json!("id+jwt"), json!("at+JWT2"), json!(""), json!(1)] {
            add(&format!("typ {kind}"), sign(&with(&header, json!({ "typ": kind })), &claims));
        }
        add("no typ", sign(&without(&header, "typ"), &claims));
        for kid in ["other", "", "../../../etc/passwd", "' OR 1=1 --", "x\u{0}y", "https://evil.example/key"] {
            add(&format!("kid {kid:?}"), sign(&with(&header, json!({ "kid": kid })), &claims));
        }
        add("kid is a number", sign(&with(&header, json!({ "kid": 1 })), &claims));
        add("no kid", sign(&without(&header, "kid"), &claims));
        add("an unknown critical header", sign(&with(&header, json!({ "crit": ["exp"] })), &claims));
        add("unencoded", sign(&with(&header, json!({ "crit": ["b64"], "b64": false })), &claims));
        let other = SigningKey::from_bytes(&[3; 32]);
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": BASE64.encode(other.verifying_key().as_bytes()) });
        add("a key of its own", sign_by(&other, &part(&with(&header, json!({ "jwk": jwk }))), said));
        add("jku", sign_by(&other, &part(&with(&header, json!({ "jku": "https://evil.example/jwks" }))), said));
        add("x5u", sign_by(&other, &part(&with(&header, json!({ "x5u": "https://evil.example/x5u" }))), said));
        add("another key", sign_by(&other, head, said));
        let changed = [
            ("expired", json!({ "exp": now - 1 })),
            ("expired long ago", json!({ "exp": 0 })),
            ("expired before time began", json!({ "exp": -1 })),
            ("not yet", json!({ "nbf": now + 3600 })),
            ("another issuer", json!({ "iss": "https://evil.example" })),
            ("the issuer with a slash", json!({ "iss": format!("{}/", text(&claims["iss"])) })),
            ("another audience", json!({ "aud": "https://evil.example" })),
            ("no audience", json!({ "aud": [] })),
            ("an unknown account", json!({ "sub": uuid::Uuid::now_v7() })),
            ("no account", json!({ "sub": "lead@example.org" })),
            ("made at no time", json!({ "jti": uuid::Uuid::nil() })),
        ];
        for (name, changes) in changed {
            add(name, sign(&header, &with(&claims, changes)));
        }
        for member in ["iss", "aud", "sub", "exp", "iat", "jti", "client_id"] {
            add(&format!("without {member}"), sign(&header, &without(&claims, member)));
            for value in [json!(null), json!(true), json!("x y"), json!([]), json!({}), json!([1]), json!(1.5)] {
                // Any text may name a client.
                if (member, &value) != ("client_id", &json!("x y")) {
                    add(&format!("{member} is {value}"), sign(&header, &with(&claims, json!({ member: value }))));
                }
            }
        }
        add("exp is a text", sign(&header, &with(&claims, json!({ "exp": "4000000000" }))));
        add("nbf is a text", sign(&header, &with(&claims, json!({ "nbf": "4000000000" }))));
        let twice = claims.to_string().replacen('{', "{\"sub\":\"0198c000-0000-7000-8000-000000000000\",", 1);
        add("two accounts", sign_by(&key, head, &BASE64.encode(twice)));
        let twice = header.to_string().replacen('{', "{\"alg\":\"none\",", 1);
        add("two algorithms", sign_by(&key, &BASE64.encode(twice), said));
        add("cut", good[..good.len() - 8].into());
        add("a letter more", format!("{good}A"));
        add("a part more", format!("{good}.{signature}"));
        add("five parts, as if encrypted", format!("{head}.{said}.{signature}.{said}.{signature}"));
        add("two parts", format!("{head}.{said}"));
        add("no signature", format!("{head}.{said}."));
        add("a signature of noughts", format!("{head}.{said}.{}", BASE64.encode([0; 64])));
        add("swapped", format!("{said}.{head}.{signature}"));
        add("no claims", format!("{head}..{signature}"));
        add("padded", format!("{head}=.{said}.{signature}"));
        add("claims that are a list", sign_by(&key, head, &BASE64.encode("[]")));
        add("claims that are no JSON", sign_by(&key, head, &BASE64.encode("{")));
        add("deep", sign_by(&key, head, &BASE64.encode("[".repeat(2000))));
        add("huge", sign(&header, &with(&claims, json!({ "more": "x".repeat(20_000) }))));
        add("dots", "...".into());
        add("nothing", String::new());
        add("a refresh token", format!("rtr_{}", "A".repeat(43)));
        assert!(hostile.len() > 110, "only {}", hostile.len());

        let ask = |token: String| {
            let call = app.rest(&Who::with_token("forger", &token), "GET", "/v1/me");
            call.header("request-id", "a-hostile-token").send()
        };
        let first = ask("x.y.z".into()).await;
        assert!(first.header("www-authenticate").contains("resource_metadata=\"http"), "{:?}", first.headers);
        let mut wrong = Vec::new();
        for (name, token) in hostile {
            let answer = ask(token.clone()).await;
            if answer.status != 401 {
                wrong.push(format!("{name} is taken"));
            } else if answer.bytes != first.bytes
                || answer.header("www-authenticate") != first.header("www-authenticate")
            {
                wrong.push(format!("{name} is told apart: {}", answer.body));
            }
            let graph = app.gql(&Who::with_token(&name, &token), "{ me { accountId } }", Value::Null).await;
            if graph.code() != "UNAUTHENTICATED" {
                wrong.push(format!("{name} is taken by GraphQL"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        for given in [format!("Basic {good}"), format!("Token {good}"), "Bearer".into(), good.clone(), format!("Bearer é{good}")] {
            let call = app.rest(&Who::anonymous(), "GET", "/v1/me").header("authorization", &given);
            call.send().await.refused(401, "UNAUTHENTICATED");
        }
        let twice = app.rest(&app.world.ours.lead, "GET", "/v1/me").header("authorization", &format!("Bearer {good}"));
        twice.send().await.refused(401, "UNAUTHENTICATED");
        app.rest(&Who::anonymous(), "GET", &format!("/v1/me?access_token={good}")).send().await.refused(400, "UNKNOWN_PARAMETER");
        app.get(&Who::with_token("good", &good), "/v1/me").await;
    }

    async fn a_good_token_is_described_to_whom_it_concerns_and_to_nobody_else(app: App) {
        let (ours, theirs) = (&app.world.ours, &app.world.theirs);
        let host = system(&app, &ours.lead, json!({ "name": "host" })).await;
        let shop = json!({
            "name": "shop", "organizationId": ours.organization[&Role::Employer], "scopes": ["meetings:read"],
        });
        let shop = system(&app, app.world.who(Role::Employer), shop).await;
        let foreign = system(&app, &theirs.lead, json!({ "name": "foreign" })).await;
        let ask = |who: &System, token: &str| {
            let (app, basic, sent) = (&app, (who.id.clone(), who.secret.clone()), format!("token={token}"));
            async move { form(app, "/oauth/introspect", Some((&basic.0, &basic.1)), &sent).await }
        };
        let own = ask(&shop, &shop.token).await.is(200).clone();
        assert_eq!((&own["active"], &own["client_id"], &own["scope"]), (&json!(true), &json!(shop.id), &json!("meetings:read")));
        assert_eq!((&own["token_type"], &own["partnership"]), (&json!("Bearer"), &json!(ours.id)));
        assert!(own["exp"].as_i64() > own["iat"].as_i64() && own["jti"].is_string() && own["sub"].is_string());
        assert_eq!(ask(&host, &shop.token).await.is(200)["active"], true);
        let person = app.token(ours.who[&Role::Union].account, Some(ours.id));
        assert_eq!(ask(&host, &person).await.is(200)["active"], true);
        let inactive = json!({ "active": false });
        let session = session(&app, "introspected@example.org").await;
        for (who, token) in [
            (&shop, &host.token), (&shop, &person), (&foreign, &shop.token), (&foreign, &person), (&host, &foreign.token),
            (&host, &"nonsense".to_owned()), (&host, &String::new()), (&host, &text(&session["refreshToken"]).to_owned()),
        ] {
            assert_eq!(*ask(who, token).await.is(200), inactive);
        }
        let expired = app.server.app.keys.sign(ours.lead.account, "roundtable", None, None, -1).unwrap();
        assert_eq!(*ask(&host, &expired).await.is(200), inactive);
        // By the form as well as by Basic; by neither, not at all.
        let in_form = format!("token={}&client_id={}&client_secret={}", shop.token, shop.id, shop.secret);
        assert_eq!(form(&app, "/oauth/introspect", None, &in_form).await.is(200)["active"], true);
        for (basic, sent) in [
            (None, format!("token={}", shop.token)),
            (None, format!("token={}&client_id=roundtable", shop.token)),
            (Some((&*shop.id, "rts_wrong")), format!("token={}", shop.token)),
            (Some(("rtc_unknown", &*shop.secret)), format!("token={}", shop.token)),
            (Some((&*host.id, &*shop.secret)), format!("token={}", shop.token)),
        ] {
            let answer = form(&app, "/oauth/introspect", basic, &sent).await;
            assert_eq!(answer.is(401)["error"], "invalid_client");
            assert!(answer.header("www-authenticate").starts_with("Basic"));
            assert_eq!(answer.header("cache-control"), "no-store");
        }
        for sent in ["", "token_type_hint=access_token", "token=a&token=b", "token=a&client_secret=x"] {
            assert_eq!(form(&app, "/oauth/introspect", shop.basic(), sent).await.is(400)["error"], "invalid_request");
        }
        let refused = app.rest(&Who::anonymous(), "GET", "/oauth/introspect").send().await;
        refused.refused(405, "METHOD_NOT_ALLOWED");
        assert_eq!(refused.header("allow"), "POST");
    }

    async fn a_token_taken_back_is_dead_on_every_server_within_a_second(app: App) {
        let other = replica(&app).await;
        let shop = system(&app, &app.world.ours.lead, json!({ "name": "shop", "scopes": ["meetings:read"] })).await;
        let second = form(&app, "/oauth/token", shop.basic(), "grant_type=client_credentials").await;
        let second = Who::with_token("second", text(&second.is(200)["access_token"]));
        let first = Who::with_token("first", &shop.token);
        for server in [&app, &other] {
            server.get(&first, "/v1/me").await;
            server.get(&second, "/v1/me").await;
        }
        let foreign = system(&app, &app.world.theirs.lead, json!({ "name": "foreign" })).await;
        let sent = format!("token={}&token_type_hint=access_token", shop.token);
        assert_eq!(form(&app, "/oauth/revoke", foreign.basic(), &sent).await.is(400)["error"], "unauthorized_client");
        app.get(&first, "/v1/me").await;
        for _ in 0..2 {
            form(&app, "/oauth/revoke", shop.basic(), &sent).await.is(200);
        }
        is_nobody(&app, &first).await;
        is_nobody_in_a_second(&other, &first).await;
        other.get(&second, "/v1/me").await;
        let asked = form(&other, "/oauth/introspect", shop.basic(), &sent).await;
        assert_eq!(*asked.is(200), json!({ "active": false }));
        for unknown in ["nonsense", "rtr_unknown", &"x".repeat(9000)] {
            form(&app, "/oauth/revoke", shop.basic(), &format!("token={unknown}")).await.is(200);
        }
        assert_eq!(form(&app, "/oauth/revoke", None, &sent).await.is(401)["error"], "invalid_client");
        // What the other server took back long ago is not kept for ever.
        app.server.app.store.write(true, |tx| async move {
            let past = chrono::Utc::now() - chrono::TimeDelta::days(1);
            roundtable_entity::revoked_token::Entity::update_many()
                .col_expr(roundtable_entity::revoked_token::Column::ExpiresAt, sea_orm::sea_query::Expr::value(past))
                .exec(&*tx)
                .await?;
            Ok(())
        }).await.unwrap();
        roundtable_server::serve::sweep(&app.server.app).await.unwrap();
        let left = roundtable_entity::revoked_token::Entity::find().all(app.server.app.store.read()).await.unwrap();
        assert!(left.is_empty());
    }

    async fn taking_back_a_refresh_token_ends_its_session_everywhere(app: App) {
        let other = replica(&app).await;
        let session = session(&app, "revoked@example.org").await;
        let who = bearer(&session);
        other.get(&who, "/v1/me").await;
        let refresh = text(&session["refreshToken"]);
        let shop = system(&app, &app.world.ours.lead, json!({ "name": "shop" })).await;
        let sent = format!("token={refresh}&token_type_hint=refresh_token");
        assert_eq!(form(&app, "/oauth/revoke", shop.basic(), &sent).await.is(400)["error"], "unauthorized_client");
        form(&app, "/oauth/revoke", None, &format!("{sent}&client_id=roundtable")).await.is(200);
        is_nobody(&app, &who).await;
        is_nobody_in_a_second(&other, &who).await;
        let again = json!({ "refreshToken": refresh });
        app.rest(&Who::anonymous(), "POST", "/v1/sessions/refresh").json(again).send().await.refused(401, "SIGN_IN_FAILED");
    }

    async fn a_reused_refresh_token_takes_the_access_tokens_with_it(app: App) {
        let first = session(&app, "reused@example.org").await;
        let body = json!({ "refreshToken": first["refreshToken"] });
        let refresh = || app.rest(&Who::anonymous(), "POST", "/v1/sessions/refresh").json(body.clone());
        let second = refresh().is(200).await;
        app.get(&bearer(&second), "/v1/me").await;
        refresh().send().await.refused(401, "TOKEN_REUSED");
        is_nobody(&app, &bearer(&second)).await;
        is_nobody(&app, &bearer(&first)).await;
    }

    async fn of_sixty_four_uses_of_a_refresh_token_one_is_answered(app: App) {
        let first = session(&app, "raced@example.org").await;
        let body = json!({ "refreshToken": first["refreshToken"] });
        let refresh = |_| app.rest(&Who::anonymous(), "POST", "/v1/sessions/refresh").json(body.clone()).send();
        let answers = futures_util::future::join_all((0..64).map(refresh)).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            assert!(matches!(answer.code(), "TOKEN_REUSED" | "UNAVAILABLE"), "{} {}", answer.status, answer.body);
        }
    }

    async fn somebody_sees_and_ends_their_own_sessions_and_nobody_elses(app: App) {
        let here = session(&app, "roaming@example.org").await;
        let credentials = json!({ "email": "roaming@example.org", "password": PASSWORD });
        let there = app.rest(&Who::anonymous(), "POST", "/v1/sessions").sent_from(9).json(credentials.clone()).is(200).await;
        let stranger = session(&app, "stranger@example.org").await;
        let mine = app.get(&bearer(&here), "/v1/sessions").await;
        let mine = mine["items"].as_array().unwrap().clone();
        assert_eq!(mine.len(), 2);
        let (newest, oldest) = (&mine[0], &mine[1]);
        assert_eq!((&newest["method"], &newest["address"], &newest["current"]), (&json!("password"), &json!("10.0.0.9"), &json!(false)));
        assert_eq!((&oldest["method"], &oldest["current"]), (&json!("invitation"), &json!(true)));
        let end = json!({ "sessionId": newest["id"] });
        let as_stranger = app.rest(&bearer(&stranger), "POST", "/v1/sessions/revoke").json(end.clone()).send().await;
        as_stranger.refused(404, "NOT_FOUND");
        let random = json!({ "sessionId": uuid::Uuid::now_v7() });
        app.rest(&bearer(&stranger), "POST", "/v1/sessions/revoke").json(random).send().await.refused(404, "NOT_FOUND");
        app.get(&bearer(&there), "/v1/me").await;
        let graph = "mutation($i: SessionRevocation!) { revokeSession(input: $i) { ended } }";
        app.gql(&bearer(&here), graph, json!({ "i": end })).await.ok();
        is_nobody(&app, &bearer(&there)).await;
        assert_eq!(app.get(&bearer(&here), "/v1/sessions").await["items"].as_array().unwrap().len(), 1);
        // A new password ends all others, in the list as well.
        app.rest(&Who::anonymous(), "POST", "/v1/sessions").json(credentials).is(200).await;
        tokio::time::sleep(Duration::from_millis(3)).await;
        let change = json!({ "currentPassword": PASSWORD, "newPassword": "another long password" });
        let new = app.rest(&bearer(&here), "POST", "/v1/me/password").json(change).is(200).await;
        is_nobody(&app, &bearer(&here)).await;
        let left = app.get(&bearer(&new), "/v1/sessions").await;
        assert_eq!(left["items"].as_array().unwrap().len(), 1, "{left}");
        assert_eq!(app.get(&app.world.service, "/v1/sessions").await["items"], json!([]));
    }

    async fn a_lost_role_is_lost_on_every_server_within_a_second(app: App) {
        let other = replica(&app).await;
        let (ours, union) = (&app.world.ours, app.world.who(Role::Union).clone());
        let shop = json!({ "name": "shop", "organizationId": ours.organization[&Role::Union] });
        let shop = Who::with_token("shop", &system(&app, &union, shop).await.token);
        for who in [&union, &shop] {
            other.get(who, "/v1/seats").await;
            other.gql(who, "{ seats { nodes { id } } }", Value::Null).await.ok();
        }
        let seat = app.get(&ours.lead, &format!("/v1/seats/{}", ours.seat[&Role::Union])).await;
        let partner = app.get(&ours.lead, &format!("/v1/partners/{}", ours.partner[&Role::Union])).await;
        let end = json!({ "leaveUncovered": true, "reason": "left the local" });
        app.act(&ours.lead, &seat, "/v1/seats", "end", end).await;
        let partner = app.get(&ours.lead, &format!("/v1/partners/{}", text(&partner["id"]))).await;
        app.act(&ours.lead, &partner, "/v1/partners", "withdraw", json!({ "reason": "left the table" })).await;
        tokio::time::sleep(Duration::from_millis(1050)).await;
        for who in [&union, &shop] {
            other.rest(who, "GET", "/v1/seats").send().await.refused(403, "FORBIDDEN");
            other.gql(who, "{ seats { nodes { id } } }", Value::Null).await.refused("FORBIDDEN");
        }
    }

    async fn a_sign_in_takes_as_long_for_an_address_nobody_has(app: App) {
        session(&app, "known@example.org").await;
        let mut taken = [Vec::new(), Vec::new()];
        for round in 0..15_u8 {
            for (which, email) in ["known@example.org", "unknown@example.org"].into_iter().enumerate() {
                let body = json!({ "email": email, "password": "not the password" });
                let call = app.rest(&Who::anonymous(), "POST", "/v1/sessions").sent_from(round).json(body);
                let began = std::time::Instant::now();
                call.send().await.refused(401, "SIGN_IN_FAILED");
                taken[which].push(began.elapsed());
            }
        }
        let [known, unknown] = taken.map(|mut times| {
            times.sort();
            times[times.len() / 2].as_secs_f64()
        });
        // Without the hash for an unknown address it would be a hundredth.
        assert!(unknown > known * 0.5 && known > unknown * 0.5, "known {known}, unknown {unknown}");
    }

    async fn the_server_says_where_tokens_come_from(app: App) {
        let nobody = Who::anonymous();
        let refused = app.rest(&nobody, "GET", "/v1/meetings").send().await;
        let challenge = refused.header("www-authenticate").to_owned();
        assert!(!challenge.contains("error="), "who has no token is told of no fault in it: {challenge}");
        let at = challenge.split('"').nth(1).unwrap();
        let path = at.strip_prefix(&app.server.app.public_url).unwrap();
        let resource = app.get(&nobody, path).await;
        assert_eq!(resource["resource"], app.server.app.public_url);
        let issuer = text(&resource["authorization_servers"][0]);
        assert_eq!(issuer, app.server.app.public_url);
        let metadata = app.get(&nobody, "/.well-known/oauth-authorization-server").await;
        assert_eq!(metadata["issuer"], issuer);
        for endpoint in ["token_endpoint", "introspection_endpoint", "revocation_endpoint"] {
            let path = text(&metadata[endpoint]).strip_prefix(issuer).unwrap();
            let answer = form(&app, path, None, "").await;
            assert!(matches!(answer.status, 400 | 401), "{endpoint}: {}", answer.status);
        }
        let graph = app.rest(&Who::with_token("x", "x"), "POST", "/graphql").json(json!({ "query": "{ me { name } }" })).send().await;
        assert!(graph.header("www-authenticate").contains("error=\"invalid_token\""), "{:?}", graph.headers);
    }
}
