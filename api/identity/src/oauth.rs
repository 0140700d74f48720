//! OAuth 2.0: client credentials (RFC 6749, section 4.4), introspection (RFC 7662), revocation (RFC 7009), metadata
//! (RFC 8414 and RFC 9728), keys (RFC 7517).

use std::future::Future;
use std::sync::Arc;

use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Resource};
use chrono::DateTime;
use roundtable_entity::{Via, refresh_token, service_account};
use roundtable_kernel::ctx::{App, Ctx};
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::http;
use roundtable_kernel::principal::Known;
use roundtable_kernel::standing::{Caller, Role};
use roundtable_kernel::token::{Claims, OWN_CLIENT, fingerprint};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};

use crate::client::{self, Claimed, Refused};
use crate::sessions;

/// Mounts the OAuth endpoints and the well-known documents.
pub fn configure(app: &Arc<App>, config: &mut ServiceConfig) {
    let (metadata_app, resource_app, keys_app) = (app.clone(), app.clone(), app.clone());
    config
        .service(endpoint("/oauth/token", app, grant))
        .service(endpoint("/oauth/introspect", app, introspect))
        .service(endpoint("/oauth/revoke", app, revoke))
        .service(web::resource("/.well-known/oauth-authorization-server").route(web::get().to(move || {
            let app = metadata_app.clone();
            async move { public(&metadata(&app)) }
        })))
        .service(web::resource(http::PROTECTED_RESOURCE).route(web::get().to(move || {
            let app = resource_app.clone();
            async move { public(&protected_resource(&app)) }
        })))
        .service(web::resource("/.well-known/jwks.json").route(web::get().to(move || {
            let app = keys_app.clone();
            async move { public(&app.keys.jwks()) }
        })));
}

fn endpoint<F, Fut>(path: &str, app: &Arc<App>, answer: F) -> Resource
where
    F: Fn(Arc<App>, HttpRequest, Payload) -> Fut + Clone + 'static,
    Fut: Future<Output = Result<Value, Refused>> + 'static,
{
    let app = app.clone();
    web::resource(path)
        .route(web::post().to(move |request: HttpRequest, payload: Payload| {
            let answered = answer(app.clone(), request.clone(), payload);
            async move { client::answer(&request, answered.await) }
        }))
        .default_service(web::to(|request: HttpRequest| {
            let mut response = http::problem(&Code::MethodNotAllowed.into(), &http::request_id(&request));
            response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
            std::future::ready(response)
        }))
}

fn public(value: &Value) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"))
        .body(value.to_string())
}

fn scopes(app: &App) -> Vec<String> {
    let mut scopes: Vec<String> = app.operations.iter().map(|operation| app.operations.scope(operation.op)).collect();
    scopes.sort();
    scopes.dedup();
    scopes
}

fn metadata(app: &App) -> Value {
    let at = &app.public_url;
    let methods = ["client_secret_basic", "client_secret_post"];
    json!({
        "issuer": at,
        "token_endpoint": format!("{at}/oauth/token"),
        "token_endpoint_auth_methods_supported": methods,
        "introspection_endpoint": format!("{at}/oauth/introspect"),
        "introspection_endpoint_auth_methods_supported": methods,
        "revocation_endpoint": format!("{at}/oauth/revoke"),
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "jwks_uri": format!("{at}/.well-known/jwks.json"),
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "scopes_supported": scopes(app),
        "protected_resources": [at],
        "service_documentation": format!("{at}/"),
    })
}

fn protected_resource(app: &App) -> Value {
    let at = &app.public_url;
    json!({
        "resource": at,
        "resource_name": "Roundtable",
        "authorization_servers": [at],
        "bearer_methods_supported": ["header"],
        "jwks_uri": format!("{at}/.well-known/jwks.json"),
        "scopes_supported": scopes(app),
        "resource_documentation": format!("{at}/"),
    })
}

async fn grant(app: Arc<App>, request: HttpRequest, payload: Payload) -> Result<Value, Refused> {
    let form = client::form(&request, payload).await?;
    if form.get("grant_type").map(String::as_str) != Some("client_credentials") {
        return Err(Refused(StatusCode::BAD_REQUEST, "unsupported_grant_type", "give client_credentials".into()));
    }
    let Claimed::Confidential { id, secret } = client::claimed(&request, &form)? else {
        return Err(Refused::client());
    };
    let service = client::authenticated(&app, &request, &id, &secret).await?;
    used(&app, service.id).await?;
    let scope = narrowed(&service, form.get("scope").map(String::as_str))?;
    let seconds = i64::try_from(app.limits.access_token.as_secs()).unwrap_or(900);
    let token = app.keys.sign(service.id, &service.client_id, Some(service.partnership_id), scope.clone(), seconds)?;
    let mut answer = json!({ "access_token": token, "token_type": "Bearer", "expires_in": seconds });
    let shown = scope.unwrap_or_else(|| service.scopes.0.join(" "));
    if !shown.is_empty() {
        answer["scope"] = json!(shown);
    }
    Ok(answer)
}

async fn used(app: &App, id: uuid::Uuid) -> Result<()> {
    let now = app.clock.now();
    app.store
        .write(true, move |tx| async move {
            service_account::Entity::update_many()
                .col_expr(service_account::Column::LastUsedAt, Expr::value(now))
                .filter(service_account::Column::Id.eq(id))
                .exec(&*tx)
                .await?;
            Ok(())
        })
        .await
}

fn narrowed(service: &service_account::Model, asked: Option<&str>) -> Result<Option<String>, Refused> {
    let Some(asked) = asked.filter(|asked| !asked.trim().is_empty()) else {
        return Ok(None);
    };
    let granted = &service.scopes.0;
    let beyond = asked.split(' ').find(|scope| !granted.is_empty() && !granted.iter().any(|one| one == scope));
    match beyond {
        Some(scope) => Err(Refused(StatusCode::BAD_REQUEST, "invalid_scope", format!("{scope} was not granted"))),
        None => Ok(Some(asked.into())),
    }
}

/// Says of an access token whether it is good, to its own client and to systems of the intermediary at whose
/// partnership it acts. To anybody else, and of anything else, it is not active.
async fn introspect(app: Arc<App>, request: HttpRequest, payload: Payload) -> Result<Value, Refused> {
    let form = client::form(&request, payload).await?;
    let Claimed::Confidential { id, secret } = client::claimed(&request, &form)? else {
        return Err(Refused::client());
    };
    let service = client::authenticated(&app, &request, &id, &secret).await?;
    let token = form.get("token").ok_or_else(|| Refused::bad("token is missing"))?;
    match http::recognized(&app, token).await {
        Ok((claims, known)) if is_told(&service, &claims, &known) => Ok(described(&claims, &known)),
        Ok(_) => Ok(json!({ "active": false })),
        Err(error) if error.code == Code::Unauthenticated => Ok(json!({ "active": false })),
        Err(error) => Err(error.into()),
    }
}

fn is_told(service: &service_account::Model, claims: &Claims, known: &Known) -> bool {
    let own = claims.client_id == service.client_id;
    let host = Role::named(&service.role).is_some_and(Role::is_intermediary);
    let at = service.partnership_id;
    let sits = known.principal.standings.iter().any(|standing| standing.partnership_id == at);
    own || (host && sits && claims.partnership.is_none_or(|partnership| partnership == at))
}

fn described(claims: &Claims, known: &Known) -> Value {
    let mut answer = json!({
        "active": true, "token_type": "Bearer", "iss": claims.iss, "aud": claims.aud, "sub": claims.sub,
        "client_id": claims.client_id, "iat": claims.iat, "exp": claims.exp, "jti": claims.jti,
    });
    let scope = claims.scope.clone().unwrap_or_else(|| known.principal.scopes.join(" "));
    if !scope.is_empty() {
        answer["scope"] = json!(scope);
    }
    if let Some(partnership) = claims.partnership {
        answer["partnership"] = json!(partnership);
    }
    answer
}

/// Ends a token of the client: an access token by itself, a refresh token with its whole session. An unknown token is as
/// good as ended.
async fn revoke(app: Arc<App>, request: HttpRequest, payload: Payload) -> Result<Value, Refused> {
    let form = client::form(&request, payload).await?;
    let client_id = match client::claimed(&request, &form)? {
        Claimed::Confidential { id, secret } => client::authenticated(&app, &request, &id, &secret).await?.client_id,
        Claimed::Public(id) if id == OWN_CLIENT => id,
        Claimed::Public(_) => return Err(Refused::client()),
    };
    let token = form.get("token").ok_or_else(|| Refused::bad("token is missing"))?;
    let ctx = Ctx::new(app.clone(), Arc::new(Caller::Anonymous), Via::Rest, http::request_id(&request));
    let of_another = || {
        let detail = "the token was given to another client";
        Refused(StatusCode::BAD_REQUEST, "unauthorized_client", detail.into())
    };
    let hash = fingerprint(token);
    if let Some(row) = refresh_token::Entity::find_by_id(hash).one(app.store.read()).await.map_err(Error::from)? {
        if client_id != OWN_CLIENT {
            return Err(of_another());
        }
        ctx.write(move |ctx| async move { sessions::end(&ctx, row.account_id, row.family_id).await }).await?;
        return Ok(json!({}));
    }
    match http::recognized(&app, token).await {
        Ok((claims, _)) if claims.client_id != client_id => Err(of_another()),
        Ok((claims, _)) => {
            let expires_at = DateTime::from_timestamp(claims.exp, 0).unwrap_or_default();
            ctx.write(move |ctx| {
                let claims = claims.clone();
                async move { sessions::revoke(&ctx, claims.sub, claims.jti, expires_at).await }
            })
            .await?;
            Ok(json!({}))
        }
        Err(error) if error.code == Code::Unauthenticated => Ok(json!({})),
        Err(error) => Err(error.into()),
    }
}
