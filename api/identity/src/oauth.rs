//! OAuth 2.0 for systems: client credentials (RFC 6749, section 4.4), metadata (RFC 8414), keys (RFC 7517).

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use roundtable_entity::service_account;
use roundtable_kernel::ctx::App;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::http;
use roundtable_kernel::token::fingerprint;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};

/// Mounts `/oauth/token` and the well-known documents.
pub fn configure(app: &Arc<App>, config: &mut ServiceConfig) {
    let (token_app, metadata_app, keys_app) = (app.clone(), app.clone(), app.clone());
    config
        .service(web::resource("/oauth/token").route(web::post().to(move |request: HttpRequest, payload: Payload| {
            let app = token_app.clone();
            async move { token(app, request, payload).await }
        })))
        .service(web::resource("/.well-known/oauth-authorization-server").route(web::get().to(move || {
            let app = metadata_app.clone();
            async move { public(&metadata(&app)) }
        })))
        .service(web::resource("/.well-known/jwks.json").route(web::get().to(move || {
            let app = keys_app.clone();
            async move { public(&app.keys.jwks()) }
        })));
}

fn public(value: &Value) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"))
        .body(value.to_string())
}

fn metadata(app: &App) -> Value {
    let at = &app.public_url;
    let mut scopes: Vec<String> = app.operations.iter().map(|operation| app.operations.scope(operation.op)).collect();
    scopes.sort();
    scopes.dedup();
    json!({
        "issuer": at,
        "token_endpoint": format!("{at}/oauth/token"),
        "jwks_uri": format!("{at}/.well-known/jwks.json"),
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "scopes_supported": scopes,
    })
}

/// A refusal in the words of RFC 6749, section 5.2.
struct Refused(StatusCode, &'static str, String);

async fn token(app: Arc<App>, request: HttpRequest, payload: Payload) -> HttpResponse {
    let (status, body) = match grant(&app, &request, payload).await {
        Ok(body) => (StatusCode::OK, body),
        Err(Refused(status, error, description)) => {
            (status, json!({ "error": error, "error_description": description }))
        }
    };
    let mut response = HttpResponse::build(status);
    if status == StatusCode::UNAUTHORIZED {
        response.insert_header((header::WWW_AUTHENTICATE, "Basic realm=\"roundtable\""));
    }
    response
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((http::REQUEST_ID, &*http::request_id(&request)))
        .body(body.to_string())
}

fn bad(description: &str) -> Refused {
    Refused(StatusCode::BAD_REQUEST, "invalid_request", description.into())
}

fn failed(error: &Error) -> Refused {
    match error.code {
        Code::TooManyRequests => Refused(StatusCode::TOO_MANY_REQUESTS, "slow_down", error.detail.clone()),
        Code::BodyTooLarge => bad(&error.detail),
        _ => {
            tracing::error!(%error, "a token could not be granted");
            Refused(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", "try again".into())
        }
    }
}

async fn grant(app: &Arc<App>, request: &HttpRequest, payload: Payload) -> Result<Value, Refused> {
    if http::media_type(request.headers()) != "application/x-www-form-urlencoded" {
        return Err(bad("send application/x-www-form-urlencoded"));
    }
    let body = http::body(payload, 8 * 1024).await.map_err(|error| failed(&error))?;
    let text = std::str::from_utf8(&body).map_err(|_| bad("the form is not UTF-8"))?;
    let form: HashMap<String, String> = web::Query::<HashMap<String, String>>::from_query(text)
        .map_err(|_| bad("the form cannot be read"))?
        .into_inner();
    if form.get("grant_type").map(String::as_str) != Some("client_credentials") {
        return Err(Refused(StatusCode::BAD_REQUEST, "unsupported_grant_type", "give client_credentials".into()));
    }
    let (id, secret) = credentials(request, &form).ok_or_else(|| bad("client credentials are missing"))?;
    let address = http::address(request, app);
    let keys = [format!("client|{id}"), format!("client-address|{address}")];
    app.attempts.count(&keys, app.limits.sign_ins_per_minute).map_err(|error| failed(&error))?;
    let service = signed_in(app, &id, &secret).await.map_err(|error| failed(&error))?;
    let refused =
        || Refused(StatusCode::UNAUTHORIZED, "invalid_client", "the client is unknown or the secret wrong".into());
    let service = service.ok_or_else(refused)?;
    app.attempts.clear(&keys);
    let scope = narrowed(&service, form.get("scope").map(String::as_str))?;
    let seconds = i64::try_from(app.limits.access_token.as_secs()).unwrap_or(900);
    let token = app
        .keys
        .sign(service.id, &service.client_id, Some(service.partnership_id), scope.clone(), seconds)
        .map_err(|error| failed(&error))?;
    let mut answer = json!({ "access_token": token, "token_type": "Bearer", "expires_in": seconds });
    let shown = scope.unwrap_or_else(|| service.scopes.0.join(" "));
    if !shown.is_empty() {
        answer["scope"] = json!(shown);
    }
    Ok(answer)
}

fn credentials(request: &HttpRequest, form: &HashMap<String, String>) -> Option<(String, String)> {
    use base64::Engine;
    if let Some(given) = request.headers().get(header::AUTHORIZATION) {
        let encoded = given.to_str().ok()?.strip_prefix("Basic ")?;
        let decoded = base64::engine::general_purpose::STANDARD.decode(encoded).ok()?;
        let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
        return Some((id.into(), secret.into()));
    }
    Some((form.get("client_id")?.clone(), form.get("client_secret")?.clone()))
}

/// The client, if the secret is its own. Secrets are compared by their hashes, so timing tells nothing of them.
async fn signed_in(app: &App, id: &str, secret: &str) -> Result<Option<service_account::Model>> {
    let row = service_account::Entity::find()
        .filter(service_account::Column::ClientId.eq(id))
        .filter(service_account::Column::SecretHash.eq(fingerprint(secret)))
        .filter(service_account::Column::ArchivedAt.is_null())
        .one(app.store.read())
        .await?;
    let Some(row) = row.filter(|row| row.expires_at.is_none_or(|at| at > chrono::Utc::now())) else {
        return Ok(None);
    };
    let id = row.id;
    app.store
        .write(true, move |tx| async move {
            service_account::Entity::update_many()
                .col_expr(service_account::Column::LastUsedAt, Expr::value(chrono::Utc::now()))
                .filter(service_account::Column::Id.eq(id))
                .exec(&*tx)
                .await?;
            Ok(())
        })
        .await?;
    Ok(Some(row))
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
