//! Forms and client authentication of the OAuth endpoints (RFC 6749, sections 2.3 and 3.2), and their refusals.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine;
use roundtable_entity::service_account;
use roundtable_kernel::ctx::App;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::http;
use roundtable_kernel::token::fingerprint;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};

/// A refusal in the words of RFC 6749, section 5.2.
pub(crate) struct Refused(pub(crate) StatusCode, pub(crate) &'static str, pub(crate) String);

impl Refused {
    pub(crate) fn bad(description: &str) -> Self {
        Self(StatusCode::BAD_REQUEST, "invalid_request", description.into())
    }

    pub(crate) fn client() -> Self {
        Self(StatusCode::UNAUTHORIZED, "invalid_client", "the client is unknown or the secret wrong".into())
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        match error.code {
            Code::TooManyRequests => Self(StatusCode::TOO_MANY_REQUESTS, "slow_down", error.detail),
            Code::BodyTooLarge | Code::MalformedBody => Self::bad(&error.detail),
            _ => {
                tracing::error!(%error, "an OAuth endpoint failed");
                Self(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", "try again".into())
            }
        }
    }
}

/// The answer of an OAuth endpoint, which no cache keeps.
pub(crate) fn answer(request: &HttpRequest, outcome: Result<Value, Refused>) -> HttpResponse {
    let (status, body) = match outcome {
        Ok(body) => (StatusCode::OK, body),
        Err(Refused(status, error, description)) => {
            (status, json!({ "error": error, "error_description": description }))
        }
    };
    let mut response = HttpResponse::build(status);
    match status {
        StatusCode::UNAUTHORIZED => {
            response.insert_header((header::WWW_AUTHENTICATE, "Basic realm=\"roundtable\""));
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            response.insert_header((header::RETRY_AFTER, "1"));
        }
        _ => {}
    }
    response
        .insert_header((header::CONTENT_TYPE, "application/json"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((http::REQUEST_ID, &*http::request_id(request)))
        .body(body.to_string())
}

/// How long a form may take to come in.
const FORM_TIME: Duration = Duration::from_secs(20);

/// The fields of a form; none may be there twice.
pub(crate) async fn form(request: &HttpRequest, payload: Payload) -> Result<HashMap<String, String>, Refused> {
    if http::media_type(request.headers()) != "application/x-www-form-urlencoded" {
        return Err(Refused::bad("send application/x-www-form-urlencoded"));
    }
    let body = http::body(payload, 16 * 1024, FORM_TIME).await?;
    let text = std::str::from_utf8(&body).map_err(|_| Refused::bad("the form is not UTF-8"))?;
    let fields = web::Query::<Vec<(String, String)>>::from_query(text)
        .map_err(|_| Refused::bad("the form cannot be read"))?
        .into_inner();
    let mut form = HashMap::new();
    for (name, value) in fields {
        if form.insert(name, value).is_some() {
            return Err(Refused::bad("a field is there twice"));
        }
    }
    Ok(form)
}

/// Who the client says it is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Claimed {
    /// A system, with its secret.
    Confidential { id: String, secret: String },
    /// A client without a secret, by its name alone.
    Public(String),
}

/// What the client says it is: by Basic authentication or in the form, never both.
pub(crate) fn claimed(request: &HttpRequest, form: &HashMap<String, String>) -> Result<Claimed, Refused> {
    let (id, secret) = (form.get("client_id"), form.get("client_secret"));
    if let Some(given) = request.headers().get(header::AUTHORIZATION) {
        if secret.is_some() {
            return Err(Refused::bad("authenticate in one way: by Basic or in the form"));
        }
        let (name, password) = basic(given.to_str().unwrap_or_default()).ok_or_else(Refused::client)?;
        if id.is_some_and(|id| *id != name) {
            return Err(Refused::bad("client_id is not the client that authenticates"));
        }
        return Ok(Claimed::Confidential { id: name, secret: password });
    }
    match (id, secret) {
        (Some(id), Some(secret)) => Ok(Claimed::Confidential { id: id.clone(), secret: secret.clone() }),
        (Some(id), None) => Ok(Claimed::Public(id.clone())),
        _ => Err(Refused::client()),
    }
}

fn basic(given: &str) -> Option<(String, String)> {
    let (scheme, encoded) = given.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = base64::engine::general_purpose::STANDARD.decode(encoded.trim()).ok()?;
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((id.into(), secret.into()))
}

/// The system with this name and secret. Failures are counted by name and address.
pub(crate) async fn authenticated(
    app: &Arc<App>,
    request: &HttpRequest,
    id: &str,
    secret: &str,
) -> Result<service_account::Model, Refused> {
    let keys = [format!("client|{id}"), format!("client-address|{}", http::address(request, app))];
    // Secrets are compared by their hashes, so timing tells nothing of them.
    let row = service_account::Entity::find()
        .filter(service_account::Column::ClientId.eq(id))
        .filter(service_account::Column::SecretHash.eq(fingerprint(secret)))
        .filter(service_account::Column::ArchivedAt.is_null())
        .one(app.store.read())
        .await
        .map_err(Error::from)?;
    match row.filter(|row| row.expires_at.is_none_or(|at| at > app.clock.now())) {
        Some(row) => Ok(row),
        None => {
            app.attempts.count(&keys, app.limits.sign_ins_per_minute)?;
            Err(Refused::client())
        }
    }
}
