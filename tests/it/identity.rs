//! Signing in, staying in, being thrown out; and what is thrown at the door.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use roundtable_entity::{idempotency_key, invitation};
use roundtable_kernel::standing::Role;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};

use crate::harness::client::{id, text};
use crate::harness::{Answer, App, Who};

const PASSWORD: &str = "correct horse battery";

/// Somebody with a password, by the way everybody takes: invited, and accepting.
async fn accepted(app: &App, address: &str, staff_role: &str) -> Value {
    let invited = json!({ "email": address, "staffRole": staff_role });
    let invited = app.make(&app.world.ours.lead, "/v1/invitations", invited).await;
    let accepted = json!({ "token": invited["token"], "password": PASSWORD, "name": "Invited" });
    app.rest(&Who::anonymous(), "POST", "/v1/invitations/accept").json(accepted).is(200).await
}

async fn sign_in(app: &App, email: &str, password: &str) -> Answer {
    let body = json!({ "email": email, "password": password });
    app.rest(&Who::anonymous(), "POST", "/v1/sessions").json(body).send().await
}

async fn refresh(app: &App, session: &Value) -> Answer {
    let body = json!({ "refreshToken": session["refreshToken"] });
    app.rest(&Who::anonymous(), "POST", "/v1/sessions/refresh").json(body).send().await
}

fn bearer(session: &Value) -> Who {
    Who::with_token("signed in", text(&session["accessToken"]))
}

async fn me(app: &App, who: &Who) -> (Answer, crate::harness::client::Graph) {
    let rest = app.rest(who, "GET", "/v1/me").send().await;
    let graph = app.gql(who, "{ me { accountId acting { role } } }", Value::Null).await;
    (rest, graph)
}

async fn is_nobody(app: &App, who: &Who) {
    let (rest, graph) = me(app, who).await;
    rest.refused(401, "UNAUTHENTICATED");
    graph.refused("UNAUTHENTICATED");
}

fn part(value: &Value) -> String {
    BASE64.encode(value.to_string())
}

cases! {
    async fn an_invited_person_signs_in_and_acts_in_the_role_invited_to(app: App) {
        accepted(&app, "New.Staff@example.org", "intermediary_staff").await;
        let session = sign_in(&app, "new.staff@EXAMPLE.org", PASSWORD).await;
        let (rest, graph) = me(&app, &bearer(session.is(200))).await;
        assert_eq!(rest.is(200)["acting"]["role"], "intermediary_staff");
        assert_eq!(graph.ok()["me"]["acting"]["role"], "intermediary_staff");
        assert_eq!(session.header("cache-control"), "no-store");
    }

    async fn a_wrong_password_is_answered_like_an_unknown_address(app: App) {
        accepted(&app, "known@example.org", "observer").await;
        let ask = |email: &'static str| {
            let body = json!({ "email": email, "password": "not the password" });
            app.rest(&Who::anonymous(), "POST", "/v1/sessions").header("request-id", "the-same-request").json(body).send()
        };
        let (known, unknown) = (ask("known@example.org").await, ask("unknown@example.org").await);
        known.refused(401, "SIGN_IN_FAILED");
        assert_eq!(known.bytes, unknown.bytes);
        assert_eq!(known.status, unknown.status);
    }

    async fn signing_in_is_slowed_down_by_account_and_by_address(app: App) {
        for _ in 0..20 {
            sign_in(&app, "guessed@example.org", "guess").await.refused(401, "SIGN_IN_FAILED");
        }
        let refused = sign_in(&app, "guessed@example.org", "guess").await;
        refused.refused(429, "TOO_MANY_REQUESTS");
        assert!(!refused.header("retry-after").is_empty());
        // The same address of the client, another account.
        sign_in(&app, "other@example.org", "guess").await.refused(429, "TOO_MANY_REQUESTS");
        // Another address, the guessed account; and another account from there.
        let body = json!({ "email": "guessed@example.org", "password": "guess" });
        let from = app.rest(&Who::anonymous(), "POST", "/v1/sessions").sent_from(7).json(body).send().await;
        from.refused(429, "TOO_MANY_REQUESTS");
        let body = json!({ "email": "fresh@example.org", "password": "guess" });
        let from = app.rest(&Who::anonymous(), "POST", "/v1/sessions").sent_from(7).json(body).send().await;
        from.refused(401, "SIGN_IN_FAILED");
        let graph = r#"mutation { createSession(input: {email: "guessed@example.org", password: "guess"}) { expiresIn } }"#;
        app.gql(&Who::anonymous(), graph, Value::Null).await.refused("TOO_MANY_REQUESTS");
    }

    async fn a_refresh_token_works_once_and_its_second_use_ends_the_session(app: App) {
        let first = accepted(&app, "rotating@example.org", "observer").await;
        let second = refresh(&app, &first).await.is(200).clone();
        let third = refresh(&app, &second).await.is(200).clone();
        assert_ne!(second["refreshToken"], third["refreshToken"]);
        refresh(&app, &first).await.refused(401, "TOKEN_REUSED");
        // Nobody keeps the session, not even whoever holds the newest token.
        assert_eq!(refresh(&app, &third).await.status, 401);
        sign_in(&app, "rotating@example.org", PASSWORD).await.is(200);
    }

    async fn an_ended_session_cannot_be_refreshed(app: App) {
        let session = accepted(&app, "leaving@example.org", "observer").await;
        let body = json!({ "refreshToken": session["refreshToken"] });
        app.rest(&Who::anonymous(), "POST", "/v1/sessions/end").json(body.clone()).is(200).await;
        app.rest(&Who::anonymous(), "POST", "/v1/sessions/end").json(body).is(200).await;
        refresh(&app, &session).await.refused(401, "SIGN_IN_FAILED");
    }

    async fn of_several_new_passwords_at_once_one_is_set(app: App) {
        let session = accepted(&app, "hurried@example.org", "observer").await;
        let change = |number: usize| {
            let change = json!({ "currentPassword": PASSWORD, "newPassword": format!("another long password {number}") });
            app.rest(&bearer(&session), "POST", "/v1/me/password").json(change).send()
        };
        let answers = futures_util::future::join_all((0..4).map(change)).await;
        let set: Vec<usize> = (0..4).filter(|number| answers[*number].status == 200).collect();
        assert_eq!(set.len(), 1, "{:?}", answers.iter().map(|answer| &answer.body).collect::<Vec<_>>());
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            answer.refused(401, "SIGN_IN_FAILED");
        }
        sign_in(&app, "hurried@example.org", &format!("another long password {}", set[0])).await.is(200);
    }

    async fn a_new_password_ends_every_other_session(app: App) {
        let old = accepted(&app, "changing@example.org", "observer").await;
        let wrong = json!({ "currentPassword": "not the password", "newPassword": "another long password" });
        app.rest(&bearer(&old), "POST", "/v1/me/password").json(wrong).send().await.refused(401, "SIGN_IN_FAILED");
        // Tokens carry the millisecond they were made in.
        tokio::time::sleep(std::time::Duration::from_millis(3)).await;
        let change = json!({ "currentPassword": PASSWORD, "newPassword": "another long password" });
        let new = app.rest(&bearer(&old), "POST", "/v1/me/password").json(change).is(200).await;
        is_nobody(&app, &bearer(&old)).await;
        refresh(&app, &old).await.refused(401, "SIGN_IN_FAILED");
        me(&app, &bearer(&new)).await.0.is(200);
        sign_in(&app, "changing@example.org", PASSWORD).await.refused(401, "SIGN_IN_FAILED");
    }

    async fn a_suspended_account_is_dead_at_once_on_both_doors(app: App) {
        let employer = app.world.who(Role::Employer).clone();
        me(&app, &employer).await.0.is(200);
        let path = format!("/v1/accounts/{}", employer.account);
        let account = app.get(&app.world.operator, &path).await;
        let account = app.act(&app.world.operator, &account, "/v1/accounts", "suspend", json!({})).await;
        is_nobody(&app, &employer).await;
        app.act(&app.world.operator, &account, "/v1/accounts", "reinstate", json!({})).await;
        // What was signed before the suspension stays dead; a new sign-in works.
        is_nobody(&app, &employer).await;
        tokio::time::sleep(std::time::Duration::from_millis(3)).await;
        let again = Who::with_token("again", &app.token(employer.account, None));
        me(&app, &again).await.0.is(200);
    }

    async fn a_seat_that_ends_takes_the_role_with_it_at_once(app: App) {
        let ours = &app.world.ours;
        let union = app.world.who(Role::Union).clone();
        app.get(&union, "/v1/seats").await;
        let seat = app.get(&ours.lead, &format!("/v1/seats/{}", ours.seat[&Role::Union])).await;
        let end = json!({ "leaveUncovered": true, "reason": "left the local" });
        app.act(&ours.lead, &seat, "/v1/seats", "end", end).await;
        app.rest(&union, "GET", "/v1/seats").send().await.refused(403, "FORBIDDEN");
        app.gql(&union, "{ seats { nodes { id } } }", Value::Null).await.refused("FORBIDDEN");
        assert!(app.get(&union, "/v1/me").await.get("acting").is_none());
    }

    async fn an_invitation_is_accepted_once_however_many_try(app: App) {
        let invited = json!({ "email": "once@example.org", "staffRole": "observer" });
        let invited = app.make(&app.world.ours.lead, "/v1/invitations", invited).await;
        let accept = |number: u8| {
            let body = json!({ "token": invited["token"], "password": PASSWORD });
            app.rest(&Who::anonymous(), "POST", "/v1/invitations/accept").sent_from(number).json(body).send()
        };
        let answers = futures_util::future::join_all((0..64).map(accept)).await;
        let accepted = answers.iter().filter(|answer| answer.status == 200).count();
        assert!(accepted <= 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            // A machine that is too busy for 64 hashes at once may say so, to the first as well as to the last.
            assert!(matches!(answer.code(), "INVITATION_DEAD" | "UNAVAILABLE"), "{} {}", answer.status, answer.body);
        }
        sign_in(&app, "once@example.org", PASSWORD).await.is(200);
        let accounts = app.get(&app.world.operator, "/v1/accounts?first=200").await;
        let made = accounts["items"].as_array().unwrap().iter().filter(|one| one["email"] == "once@example.org").count();
        assert_eq!(made, 1);
        accept(1).await.refused(410, "INVITATION_DEAD");
    }

    async fn an_expired_or_archived_invitation_is_dead(app: App) {
        let lead = &app.world.ours.lead;
        for dies in ["expires", "archived"] {
            let invited = json!({ "email": format!("{dies}@example.org"), "staffRole": "observer" });
            let invited = app.make(lead, "/v1/invitations", invited).await;
            if dies == "expires" {
                let key = id(&invited["id"]);
                invitation::Entity::update_many()
                    .col_expr(invitation::Column::ExpiresAt, Expr::value(chrono::Utc::now()))
                    .filter(invitation::Column::Id.eq(key))
                    .exec(app.server.app.store.maintenance())
                    .await
                    .unwrap();
            } else {
                let path = format!("/v1/invitations/{}", text(&invited["id"]));
                app.rest(lead, "DELETE", &path).version(1).is(200).await;
            }
            let body = json!({ "token": invited["token"], "password": PASSWORD });
            let answer = app.rest(&Who::anonymous(), "POST", "/v1/invitations/accept").json(body).send().await;
            answer.refused(410, "INVITATION_DEAD");
        }
    }

    async fn secrets_are_shown_once(app: App) {
        let lead = &app.world.ours.lead;
        let invited = json!({ "email": "secret@example.org", "staffRole": "observer" });
        let invited = app.make(lead, "/v1/invitations", invited).await;
        assert!(text(&invited["token"]).starts_with("rti_"));
        let again = app.get(lead, &format!("/v1/invitations/{}", text(&invited["id"]))).await;
        assert!(again.get("token").is_none(), "{again}");
        let system = app.make(lead, "/v1/service-accounts", json!({ "name": "sync" })).await;
        assert!(text(&system["clientSecret"]).starts_with("rts_"));
        let again = app.get(lead, &format!("/v1/service-accounts/{}", text(&system["id"]))).await;
        assert!(again.get("clientSecret").is_none(), "{again}");
        // Nor by the answer kept for a key.
        let feed = ("/v1/calendar-feeds", json!({ "name": "phone" }), "address");
        let hook = ("/v1/webhooks", json!({ "url": "https://example.org/events" }), "secret");
        let system = ("/v1/service-accounts", json!({ "name": "keyed" }), "clientSecret");
        let invited = ("/v1/invitations", json!({ "email": "keyed@example.org", "staffRole": "observer" }), "token");
        for (path, body, secret) in [feed, hook, system, invited] {
            let ask = || app.rest(lead, "POST", path).key("secret-once").json(body.clone()).is(201);
            let (first, second) = (ask().await, ask().await);
            assert_eq!(first["id"], second["id"], "{path}");
            let shown = text(&first[secret]).to_owned();
            assert!(second.get(secret).is_none(), "{path}");
            let kept = idempotency_key::Entity::find().all(app.server.app.store.read()).await.unwrap();
            assert!(!kept.is_empty() && kept.iter().all(|row| !row.answer.contains(&shown)), "{path}");
        }
    }

    async fn a_system_signs_in_by_its_secret_until_the_secret_is_renewed(app: App) {
        let lead = &app.world.ours.lead;
        let system = app.make(lead, "/v1/service-accounts", json!({ "name": "sync", "scopes": ["meetings:read"] })).await;
        let form = |secret: &Value, more: &str| {
            let form = format!(
                "grant_type=client_credentials&client_id={}&client_secret={}{more}",
                text(&system["clientId"]), text(secret)
            );
            app.rest(&Who::anonymous(), "POST", "/oauth/token").body("application/x-www-form-urlencoded", form).send()
        };
        let granted = form(&system["clientSecret"], "").await;
        let who = Who::with_token("system", text(&granted.is(200)["access_token"]));
        app.get(&who, "/v1/meetings").await;
        let beyond = form(&system["clientSecret"], "&scope=people:read").await;
        assert_eq!(beyond.is(400)["error"], "invalid_scope");
        let wrong = form(&json!("rts_wrong"), "").await;
        assert_eq!(wrong.is(401)["error"], "invalid_client");
        let renewed = app.act(lead, &system, "/v1/service-accounts", "renew-secret", json!({})).await;
        assert_eq!(form(&system["clientSecret"], "").await.status, 401);
        form(&renewed["clientSecret"], "").await.is(200);
        let now = app.get(lead, &format!("/v1/service-accounts/{}", text(&system["id"]))).await;
        let version = now["version"].as_i64().unwrap();
        let path = format!("/v1/service-accounts/{}", text(&system["id"]));
        app.rest(lead, "DELETE", &path).version(version).is(200).await;
        app.rest(&who, "GET", "/v1/meetings").send().await.refused(401, "UNAUTHENTICATED");
    }

    async fn scopes_narrow_what_a_system_may_do(app: App) {
        let narrow = &app.world.narrow;
        app.get(narrow, "/v1/meetings").await;
        app.rest(narrow, "GET", "/v1/people").send().await.refused(403, "SCOPE_MISSING");
        app.gql(narrow, "{ people { nodes { id } } }", Value::Null).await.refused("SCOPE_MISSING");
        let title = json!({ "title": "x" });
        app.patch(narrow, &json!({ "id": app.world.ours.meeting, "version": 1 }), "/v1/meetings", title).await
            .refused(403, "SCOPE_MISSING");
    }

    async fn an_account_with_scopes_gives_no_more_than_it_has(app: App) {
        let lead = &app.world.ours.lead;
        let scopes = json!(["service-accounts:write", "service-accounts:read", "invitations:write"]);
        let system = app.make(lead, "/v1/service-accounts", json!({ "name": "sync", "scopes": scopes })).await;
        let account = uuid::Uuid::parse_str(text(&system["id"])).unwrap();
        let who = Who::with_token("sync", &app.token(account, Some(app.world.ours.id)));
        for wider in [json!([]), json!(["people:read"])] {
            let body = json!({ "name": "wider", "scopes": wider });
            app.rest(&who, "POST", "/v1/service-accounts").json(body).send().await.refused(403, "SCOPE_MISSING");
        }
        let appointed = json!({ "email": "somebody@example.org", "staffRole": "intermediary" });
        app.rest(&who, "POST", "/v1/invitations").json(appointed).send().await.refused(403, "FORBIDDEN");
        app.make(&who, "/v1/service-accounts", json!({ "name": "same", "scopes": ["invitations:write"] })).await;
    }

    /// Practice 4: with the secret of a partner's account the intermediary would speak in the partner's place.
    async fn the_intermediary_holds_no_secret_of_a_partners_account(app: App) {
        let lead = &app.world.ours.lead;
        let body = json!({ "name": "shop", "organizationId": app.world.ours.organization[&Role::Employer] });
        let asked = app.rest(lead, "POST", "/v1/service-accounts").json(body.clone()).send().await;
        asked.refused(403, "INTERMEDIARY_CANNOT_SET_COURSE");
        let made = app.make(app.world.who(Role::Employer), "/v1/service-accounts", body).await;
        let path = format!("/v1/service-accounts/{}/renew-secret", text(&made["id"]));
        let asked = app.rest(lead, "POST", &path).version(1).send().await;
        asked.refused(403, "INTERMEDIARY_CANNOT_SET_COURSE");
    }

    async fn the_public_keys_are_published_and_older_ones_still_verify(app: App) {
        let keys = app.get(&Who::anonymous(), "/.well-known/jwks.json").await;
        assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
        assert!(keys["keys"][0].get("d").is_none(), "the private half stays here");
        roundtable_kernel::token::rotate(&app.server.app.store).await.unwrap();
        app.server.app.keys.refresh(&app.server.app.store).await.unwrap();
        let keys = app.get(&Who::anonymous(), "/.well-known/jwks.json").await;
        assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
        // Signed with the first key.
        app.get(&app.world.ours.lead, "/v1/me").await;
        let new = Who::with_token("new key", &app.token(app.world.ours.lead.account, None));
        app.get(&new, "/v1/me").await;
        let metadata = app.get(&Who::anonymous(), "/.well-known/oauth-authorization-server").await;
        assert!(text(&metadata["jwks_uri"]).ends_with("/.well-known/jwks.json"));
    }

    async fn hostile_tokens_are_refused(app: App) {
        let account = app.world.ours.lead.account;
        let good = app.token(account, None);
        let parts: Vec<&str> = good.split('.').collect();
        let (header, claims, signature) = (parts[0], parts[1], parts[2]);
        let header_of: Value = serde_json::from_slice(&BASE64.decode(header).unwrap()).unwrap();
        let claims_of: Value = serde_json::from_slice(&BASE64.decode(claims).unwrap()).unwrap();
        let with = |of: &Value, member: &str, value: Value| {
            let mut changed = of.clone();
            changed[member] = value;
            part(&changed)
        };
        let keys = app.server.app.keys.jwks();
        let public = text(&keys["keys"][0]["x"]).to_owned();
        let mut symmetric = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
        symmetric.typ = Some("at+jwt".into());
        symmetric.kid = Some(text(&header_of["kid"]).into());
        let by_public_key = |secret: &[u8]| {
            let key = jsonwebtoken::EncodingKey::from_secret(secret);
            jsonwebtoken::encode(&symmetric, &claims_of, &key).unwrap()
        };
        let expired = app.server.app.keys.sign(account, "roundtable", None, None, -1).unwrap();
        let hostile = [
            ("no algorithm", format!("{}.{claims}.", with(&header_of, "alg", json!("none")))),
            ("no algorithm, old signature", format!("{}.{claims}.{signature}", with(&header_of, "alg", json!("none")))),
            ("the public key as a secret", by_public_key(public.as_bytes())),
            ("the public key's bytes as a secret", by_public_key(&BASE64.decode(&public).unwrap())),
            ("another key", format!("{}.{claims}.{signature}", with(&header_of, "kid", json!("other")))),
            ("another type", format!("{}.{claims}.{signature}", with(&header_of, "typ", json!("JWT")))),
            ("another audience", format!("{header}.{}.{signature}", with(&claims_of, "aud", json!("https://other")))),
            ("another issuer", format!("{header}.{}.{signature}", with(&claims_of, "iss", json!("https://other")))),
            ("another account", format!(
                "{header}.{}.{signature}", with(&claims_of, "sub", json!(app.world.operator.account))
            )),
            ("a later end", format!("{header}.{}.{signature}", with(&claims_of, "exp", json!(4_000_000_000_i64)))),
            ("expired", expired),
            ("cut", good[..good.len() - 10].to_owned()),
            ("without a signature", format!("{header}.{claims}.")),
            ("swapped", format!("{claims}.{header}.{signature}")),
            ("nothing", String::new()),
            ("no token", "a b c".into()),
            ("very long", "x".repeat(60_000)),
            ("an unknown account", app.token(uuid::Uuid::now_v7(), None)),
        ];
        for (name, token) in hostile {
            is_nobody(&app, &Who::with_token(name, &token)).await;
        }
        for scheme in ["Basic", "Token", ""] {
            let value = format!("{scheme} {good}");
            let answer = app.rest(&Who::anonymous(), "GET", "/v1/me").header("authorization", value.trim()).send().await;
            answer.refused(401, "UNAUTHENTICATED");
        }
    }

    async fn somebody_at_two_tables_says_at_which(app: App) {
        let (ours, theirs) = (&app.world.ours, &app.world.theirs);
        let both = json!({ "partnershipId": theirs.id, "accountId": ours.lead.account, "role": "observer" });
        app.make(&app.world.operator, "/v1/staff-appointments", both).await;
        app.rest(&ours.lead, "GET", "/v1/meetings").send().await.refused(400, "ACTING_CONTEXT_REQUIRED");
        let at = |table: uuid::Uuid| app.rest(&ours.lead, "GET", "/v1/me").header("acting-partnership", &table.to_string());
        assert_eq!(at(ours.id).is(200).await["acting"]["role"], "intermediary");
        assert_eq!(at(theirs.id).is(200).await["acting"]["role"], "observer");
        at(uuid::Uuid::now_v7()).send().await.refused(403, "FORBIDDEN");
        let chosen = Who::with_token("chosen", &app.token(ours.lead.account, Some(theirs.id)));
        assert_eq!(app.get(&chosen, "/v1/me").await["acting"]["role"], "observer");
    }
}
