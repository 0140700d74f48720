//! Server-sent events: the feed as it happens, at `GET /v1/events/stream`.

use std::sync::Arc;

use actix_web::http::header::{self, ContentEncoding};
use actix_web::web::{self, Bytes, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, guard};
use futures_util::{Stream, StreamExt, stream};
use roundtable_entity::Via;
use serde_json::{Map, Value, json};

use crate::ctx::App;
use crate::error::{Code, Error, Result};
use crate::http;
use crate::op::Op;
use crate::rest;
use crate::stream::{Gone, Next, Presence, Tail};

/// Address of the stream.
pub const PATH: &str = "/v1/events/stream";
/// Media type of server-sent events.
pub const MEDIA_TYPE: &str = "text/event-stream";

/// Mounts the stream.
pub fn configure(app: &Arc<App>, config: &mut ServiceConfig) {
    let app = app.clone();
    let resource = web::resource(PATH).route(web::route().guard(guard::Get()).to(move |request: HttpRequest| {
        let app = app.clone();
        async move {
            match answer(&app, &request).await {
                Ok(response) => response,
                Err(error) => http::problem(&error, &http::request_id(&request)),
            }
        }
    }));
    config.service(resource.default_service(web::to(|request: HttpRequest| async move {
        let mut response = http::problem(&Code::MethodNotAllowed.into(), &http::request_id(&request));
        response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET"));
        response
    })));
}

/// Somebody who asks for a stream over HTTP.
pub async fn present(app: &Arc<App>, request: &HttpRequest, via: Via) -> Result<Presence> {
    let headers = request.headers();
    let token = headers.get(header::AUTHORIZATION).and_then(|given| given.to_str().ok()).and_then(http::bearer);
    let at = headers.get(http::ACTING).map(|asked| http::table(asked.to_str().unwrap_or_default())).transpose()?;
    Presence::arrive(app, token.ok_or(Code::Unauthenticated)?, at, via, http::request_id(request)).await
}

async fn answer(app: &Arc<App>, request: &HttpRequest) -> Result<HttpResponse> {
    if !http::accepts(request.headers(), &[MEDIA_TYPE]) {
        return Err(Error::new(Code::NotAcceptable, format!("this is {MEDIA_TYPE}")));
    }
    let presence = Arc::new(present(app, request, Via::Rest).await?);
    let operation = app.operations.get(Op::ListEvents).ok_or_else(Error::not_found)?;
    let mut parameters = Map::new();
    rest::query(&app.operations, operation, request.query_string(), &mut false, &mut parameters)?;
    // A client that connects again says itself how far it came.
    let seen = request.headers().get("last-event-id").and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty());
    let cursor = seen.or(parameters.get("after").and_then(Value::as_str)).map(str::to_owned);
    let tail = Tail::new(presence.clone(), &parameters, cursor.as_deref()).await?;
    let opening = stream::iter([Ok::<_, Error>(Bytes::from_static(b"retry: 1000\n\n"))]);
    Ok(streamed(&presence.ctx.request_id, opening.chain(told(tail))))
}

/// A response that is never compressed, cached or held back.
pub fn streamed(request_id: &str, body: impl Stream<Item = Result<Bytes>> + 'static) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, MEDIA_TYPE))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(ContentEncoding::Identity)
        .insert_header(("x-accel-buffering", "no"))
        .insert_header((http::REQUEST_ID, request_id))
        .streaming(body)
}

fn told(tail: Tail) -> impl Stream<Item = Result<Bytes>> {
    stream::unfold(Some(tail), |tail| async move {
        let mut tail = tail?;
        Some(match tail.next().await {
            Ok(Next::Event(event)) => (event_text(&event), Some(tail)),
            // An id without data moves the client's place and raises nothing.
            Ok(Next::Silence(cursor)) => (Ok(Bytes::from(format!("id: {cursor}\n\n"))), Some(tail)),
            Ok(Next::End(gone)) => (Ok(end(&gone)), None),
            Err(error) => {
                tracing::error!(%error, "a stream of events failed");
                (Ok(end(&Gone::Refused(error))), None)
            }
        })
    })
}

fn event_text(event: &crate::feed::Event) -> Result<Bytes> {
    let data = serde_json::to_string(event).map_err(Error::internal)?;
    Ok(Bytes::from(format!("id: {}\nevent: {}\ndata: {data}\n\n", event.cursor, event.kind)))
}

/// Says why the stream ends, so that a client knows whether to come back.
fn end(gone: &Gone) -> Bytes {
    let reason = match gone {
        Gone::Stopping => json!({ "code": Code::Unavailable.wire(), "detail": "the server stops; connect again" }),
        Gone::Refused(error) => json!({ "code": error.code.wire(), "detail": error.detail }),
    };
    Bytes::from(format!("event: end\ndata: {reason}\n\n"))
}
