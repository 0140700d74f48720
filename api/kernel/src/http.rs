//! What both doors share of HTTP: who asks, request ids, bodies within limits, problems (RFC 9457).

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::web::{Bytes, BytesMut, Payload};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use futures_util::StreamExt;
use roundtable_entity::Via;
use serde_json::json;
use uuid::Uuid;

use crate::ctx::{App, Ctx};
use crate::error::{Code, Error, Result};
use crate::principal::Known;
use crate::rate;
use crate::standing::{Caller, Principal, Standing};
use crate::token::Claims;

/// Header that says at which table the caller acts: the id of a partnership.
pub const ACTING: &str = "acting-partnership";
/// Header that carries the id of a request both ways.
pub const REQUEST_ID: &str = "request-id";

/// Where the server describes itself to clients that look for tokens (RFC 9728).
pub const PROTECTED_RESOURCE: &str = "/.well-known/oauth-protected-resource";

/// The caller's view for this request; anonymous when it carries no token.
pub async fn ctx(request: &HttpRequest, app: &Arc<App>, via: Via) -> Result<Ctx> {
    let caller = caller(request.headers(), app).await;
    let known = caller.as_ref().map_or(Caller::Anonymous, |(caller, _)| caller.clone());
    let mut ctx = Ctx::new(app.clone(), Arc::new(known), via, request_id(request));
    ctx.address = Arc::from(address(request, app));
    // Who tries tokens that are not good is counted by address, like everybody who did not sign in.
    match caller {
        Ok((_, session)) => ctx.session = session,
        Err(error) => {
            ctx.count(false)?;
            return Err(error);
        }
    }
    Ok(ctx)
}

/// Address of the client: the peer's, or what a trusted proxy says it is.
pub fn address(request: &HttpRequest, app: &App) -> String {
    let peer = request.peer_addr().map(|peer| peer.ip().to_string()).unwrap_or_default();
    if !app.trusted_proxies.contains(&peer) {
        return peer;
    }
    let forwarded = request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = forwarded.flat_map(|value| value.split(',')).map(str::trim).collect();
    // Only what our own proxies wrote can be believed: the last hop that is none of them.
    let client = hops.iter().rev().find(|hop| !app.trusted_proxies.iter().any(|proxy| proxy == *hop));
    client.map_or(peer, |hop| (*hop).to_owned())
}

#[derive(Clone)]
struct RequestId(Arc<str>);

/// The id of the request: the client's own where it is a plain word, otherwise a new one.
pub fn request_id(request: &HttpRequest) -> Arc<str> {
    if let Some(RequestId(known)) = request.extensions().get::<RequestId>() {
        return known.clone();
    }
    let id = new_request_id(request);
    request.extensions_mut().insert(RequestId(id.clone()));
    id
}

fn new_request_id(request: &HttpRequest) -> Arc<str> {
    let given = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(|id| {
        (8..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    });
    match given {
        Some(id) => Arc::from(id),
        None => Arc::from(Uuid::now_v7().to_string()),
    }
}

/// What the token says and who that is, if it is one of ours and still good.
pub async fn recognized(app: &App, token: &str) -> Result<(Arc<Claims>, Known)> {
    let claims = app.keys.recognize(&app.store, token).await?;
    let known = app.principals.known(&app.store, claims.sub).await?;
    let known = known.filter(|known| known.honours(&claims)).ok_or(Code::Unauthenticated)?;
    Ok((claims, known))
}

async fn caller(headers: &HeaderMap, app: &Arc<App>) -> Result<(Caller, Option<Uuid>)> {
    let mut all = headers.get_all(header::AUTHORIZATION);
    let Some(given) = all.next() else {
        return Ok((Caller::Anonymous, None));
    };
    if all.next().is_some() {
        return Err(Code::Unauthenticated.into());
    }
    let token = given.to_str().ok().and_then(bearer).ok_or(Code::Unauthenticated)?;
    let acting = headers.get(ACTING).map(|asked| table(asked.to_str().unwrap_or_default())).transpose()?;
    authenticate(app, token, acting).await
}

/// The token of an `Authorization` header.
pub fn bearer(given: &str) -> Option<&str> {
    let (scheme, token) = given.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The table asked for.
pub fn table(asked: &str) -> Result<Uuid> {
    let wrong = || Error::member("/Acting-Partnership", "wrong_form", "give the id of a partnership");
    Uuid::parse_str(asked).map_err(|_| wrong())
}

/// Who holds this token now, acting at this table, or at the one the token names; and the session it belongs to.
pub async fn authenticate(app: &App, token: &str, at: Option<Uuid>) -> Result<(Caller, Option<Uuid>)> {
    let (claims, known) = recognized(app, token).await?;
    let acting = acting(&known.principal.standings, at.or(claims.partnership), at.is_some())?;
    let principal = narrowed(known.principal, claims.scope.as_deref());
    Ok((Caller::Account { principal, acting }, claims.sid))
}

/// The principal with no more scopes than the token has.
fn narrowed(principal: Arc<Principal>, scope: Option<&str>) -> Arc<Principal> {
    let Some(scope) = scope else { return principal };
    let scopes = scope.split(' ').map(str::to_owned).collect();
    Arc::new(Principal { scopes, ..(*principal).clone() })
}

/// The standing acted in: the one asked for, or the only one there is.
fn acting(standings: &[Standing], asked: Option<Uuid>, insist: bool) -> Result<Option<Standing>> {
    let found = match asked {
        Some(id) => standings.iter().find(|standing| standing.partnership_id == id).cloned(),
        None => match standings {
            [only] => Some(only.clone()),
            _ => None,
        },
    };
    match found {
        None if insist => Err(Error::new(Code::Forbidden, "you do not sit at this table")),
        // A session begun at a table that was left since acts nowhere, unless only one is left.
        None if asked.is_some() && standings.len() == 1 => Ok(standings.first().cloned()),
        found => Ok(found),
    }
}

/// Reads a body of at most this many bytes, which comes in within this time.
pub async fn body(payload: Payload, most: usize, within: Duration) -> Result<Bytes> {
    let late = |_| Error::new(Code::MalformedBody, "the body took too long to come in");
    tokio::time::timeout(within, whole(payload, most)).await.map_err(late)?
}

async fn whole(mut payload: Payload, most: usize) -> Result<Bytes> {
    let mut read = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Error::new(Code::MalformedBody, "the body broke off"))?;
        if read.len() + chunk.len() > most {
            return Err(Error::new(Code::BodyTooLarge, format!("a body has at most {most} bytes")));
        }
        read.extend_from_slice(&chunk);
    }
    Ok(read.freeze())
}

/// Whether the request can take JSON as its answer.
pub fn accepts(headers: &HeaderMap, kinds: &[&str]) -> bool {
    let mut asked = headers.get_all(header::ACCEPT).peekable();
    asked.peek().is_none()
        || asked.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let refused = parts.any(is_refusal);
            !refused
                && (kind == "*/*"
                    || kinds.iter().any(|one| {
                        kind == *one || kind.strip_suffix("/*").is_some_and(|family| one.starts_with(family))
                    }))
        })
}

/// Whether the request names this media type, and not only by a wildcard.
pub fn names(headers: &HeaderMap, kind: &str) -> bool {
    headers.get_all(header::ACCEPT).filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(
        |range| {
            let mut parts = range.split(';').map(str::trim);
            parts.next().is_some_and(|named| named.eq_ignore_ascii_case(kind)) && !parts.any(is_refusal)
        },
    )
}

/// Whether a parameter of a media range refuses it.
pub fn is_refusal(parameter: &str) -> bool {
    matches!(parameter.replace(' ', "").as_str(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
}

/// Media type of the body, without its parameters.
pub fn media_type(headers: &HeaderMap) -> String {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

/// A refusal by a door that takes access tokens. Who has none is told where to get one (RFC 9728).
pub fn refusal(error: &Error, request: &HttpRequest, app: &App) -> HttpResponse {
    let mut response = problem(error, &request_id(request));
    if error.code.status() == 401 {
        let wrong = if error.code == Code::Unauthenticated && request.headers().contains_key(header::AUTHORIZATION) {
            "error=\"invalid_token\", "
        } else {
            ""
        };
        let told = format!("Bearer {wrong}resource_metadata=\"{}{PROTECTED_RESOURCE}\"", app.public_url);
        if let Ok(told) = HeaderValue::from_str(&told) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, told);
        }
    }
    response
}

/// An error as a problem (RFC 9457). What failed beneath is logged here, once.
pub fn problem(error: &Error, request_id: &str) -> HttpResponse {
    let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status.is_server_error() {
        tracing::error!(%error, request_id, "a request failed");
    }
    let mut body = json!({
        "type": format!("/problems/{}", error.code.wire()),
        "title": error.code.title(),
        "status": status.as_u16(),
        "detail": error.detail,
        "code": error.code.wire(),
        "requestId": request_id,
    });
    if !error.problems.is_empty() {
        body["errors"] = json!(error.problems);
    }
    let mut response = HttpResponse::build(status);
    response.insert_header((header::CONTENT_TYPE, "application/problem+json"));
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    if status == StatusCode::UNAUTHORIZED {
        response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
    }
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.insert_header((REQUEST_ID, id));
    }
    let mut response = response.body(body.to_string());
    rate::come_again(error, response.headers_mut());
    response
}
