//! GraphQL over HTTP: parse, negotiate, refuse, run.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::{self, Bytes, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use async_graphql::dynamic::Schema;
use async_graphql::parser::parse_query;
use async_graphql::parser::types::OperationType;
use async_graphql::{ErrorExtensions, PathSegment, Request, Response, ServerError, Value as GqlValue, Variables};
use futures_util::StreamExt;
use roundtable_entity::Via;
use serde::Deserialize;
use serde_json::Value;

use crate::ctx::{App, Ctx};
use crate::error::{Code, Error, Result};
use crate::graphql::PLACE;
use crate::session::Session;
use crate::stream::HEARTBEAT;
use crate::{guard, http, socket, sse};

const RESPONSE: &str = "application/graphql-response+json";
const JSON: &str = "application/json";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    query: Option<String>,
    #[serde(default)]
    operation_name: Option<String>,
    #[serde(default)]
    variables: Value,
    #[serde(default)]
    extensions: Value,
}

/// Mounts `/graphql`.
pub fn configure(app: &Arc<App>, schema: &Schema, config: &mut ServiceConfig) {
    let (app, schema) = (app.clone(), schema.clone());
    config.service(web::resource("/graphql").default_service(web::to(
        move |request: HttpRequest, payload: Payload| {
            let (app, schema) = (app.clone(), schema.clone());
            async move { handle(app, schema, request, payload).await }
        },
    )));
}

async fn handle(app: Arc<App>, schema: Schema, request: HttpRequest, payload: Payload) -> HttpResponse {
    if socket::is_upgrade(request.headers()) {
        return socket::open(&app, &schema, &request, payload)
            .unwrap_or_else(|error| http::problem(&error, &http::request_id(&request)));
    }
    match answer(&app, &schema, &request, payload).await {
        Ok(response) => response,
        Err(error) => {
            let mut response = http::refusal(&error, &request, &app);
            if error.code == Code::MethodNotAllowed {
                response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET, POST"));
            }
            response
        }
    }
}

async fn answer(app: &Arc<App>, schema: &Schema, request: &HttpRequest, payload: Payload) -> Result<HttpResponse> {
    let kind = [RESPONSE, JSON]
        .into_iter()
        .find(|kind| asks_for(request, kind))
        .or_else(|| http::accepts(request.headers(), &[JSON, RESPONSE]).then_some(JSON));
    if asks_for(request, sse::MEDIA_TYPE) {
        return stream(app, schema, request, payload).await;
    }
    let kind = kind.ok_or(Code::NotAcceptable)?;
    let ctx = http::ctx(request, app, Via::Graphql).await?;
    let by_get = request.method() == actix_web::http::Method::GET;
    let body = if by_get {
        from_query(request.query_string())?
    } else if request.method() == actix_web::http::Method::POST {
        if http::media_type(request.headers()) != JSON {
            return Err(Error::new(Code::UnsupportedMediaType, "send application/json"));
        }
        let bytes = http::body(payload, app.limits.body_bytes, app.limits.receive).await?;
        serde_json::from_slice(&bytes)
            .map_err(|error| Error::new(Code::MalformedBody, format!("the body is not JSON: {error}")))?
    } else {
        return Err(Code::MethodNotAllowed.into());
    };
    match body {
        Value::Array(many) => {
            if many.is_empty() || many.len() > app.limits.graphql_batch {
                return Err(Error::new(
                    Code::QueryTooComplex,
                    format!("a batch has 1 to {} requests", app.limits.graphql_batch),
                ));
            }
            let mut answers = Vec::with_capacity(many.len());
            for one in many {
                let (executed, response) = execute(&ctx, schema, one, by_get).await?;
                answers.push(shown(&response, executed)?);
            }
            Ok(reply(&ctx, kind, StatusCode::OK, [b"[", answers.join(&b',').as_slice(), b"]"].concat()))
        }
        one => {
            let (executed, response) = execute(&ctx, schema, one, by_get).await?;
            let status = match (kind, executed) {
                (RESPONSE, false) => StatusCode::BAD_REQUEST,
                _ => StatusCode::OK,
            };
            Ok(reply(&ctx, kind, status, shown(&response, executed)?))
        }
    }
}

fn asks_for(request: &HttpRequest, kind: &str) -> bool {
    let asked = request.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok());
    asked.flat_map(|value| value.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let named = parts.next().is_some_and(|range| range.eq_ignore_ascii_case(kind));
        named && !parts.any(http::is_refusal)
    })
}

fn from_query(text: &str) -> Result<Value> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(text)
        .map_err(|_| Error::new(Code::MalformedBody, "the query string cannot be read"))?;
    let mut body = serde_json::Map::new();
    for (name, text) in pairs.into_inner() {
        let value = match name.as_str() {
            "variables" | "extensions" if !text.is_empty() => serde_json::from_str(&text)
                .map_err(|_| Error::new(Code::MalformedBody, format!("{name} is not JSON")))?,
            "query" | "operationName" | "variables" | "extensions" => Value::String(text),
            _ => {
                let detail =
                    format!("{name} is not a parameter here; these are: query, operationName, variables, extensions");
                return Err(Error::new(Code::UnknownParameter, detail));
            }
        };
        if body.insert(name.clone(), value).is_some() {
            return Err(Error::member(format!("/{name}"), "repeated", "give it once"));
        }
    }
    Ok(Value::Object(body))
}

/// GraphQL over server-sent events, one connection an operation (the distinct mode of the protocol).
async fn stream(app: &Arc<App>, schema: &Schema, request: &HttpRequest, payload: Payload) -> Result<HttpResponse> {
    if request.method() != actix_web::http::Method::POST {
        return Err(Code::MethodNotAllowed.into());
    }
    let presence = Arc::new(sse::present(app, request, Via::Graphql).await?);
    if http::media_type(request.headers()) != JSON {
        return Err(Error::new(Code::UnsupportedMediaType, "send application/json"));
    }
    let bytes = http::body(payload, app.limits.body_bytes, app.limits.receive).await?;
    let body = serde_json::from_slice(&bytes)
        .map_err(|error| Error::new(Code::MalformedBody, format!("the body is not JSON: {error}")))?;
    let ctx = presence.ctx.clone();
    let request_id = ctx.request_id.clone();
    let answers = match prepare(&ctx, body)? {
        Prepared::Request(request, _) => schema.execute_stream(request.data(presence)).boxed(),
        Prepared::Refused(response) => futures_util::stream::iter([response]).boxed(),
    };
    let told = answers.map(move |mut answer| {
        finish(&mut answer, &ctx);
        let data = serde_json::to_string(&answer).map_err(Error::internal)?;
        Ok(Bytes::from(format!("event: next\ndata: {data}\n\n")))
    });
    let beats = futures_util::stream::unfold((), |()| async {
        tokio::time::sleep(HEARTBEAT).await;
        Some((Ok(Bytes::from_static(b":\n\n")), ()))
    });
    let complete = futures_util::stream::iter([None]);
    let told = futures_util::stream::select(told.map(Some).chain(complete), beats.map(Some));
    let told = told.take_while(|text| std::future::ready(text.is_some())).filter_map(std::future::ready);
    let complete = futures_util::stream::iter([Ok(Bytes::from_static(b"event: complete\ndata:\n\n"))]);
    Ok(sse::streamed(&request_id, told.chain(complete)))
}

/// A request that can be run, or why it cannot.
pub(crate) enum Prepared {
    /// It can; with the kind of its operation.
    Request(Request, Option<OperationType>),
    /// Nothing of it is run.
    Refused(Response),
}

/// Reads and measures one request.
pub(crate) fn prepare(ctx: &Ctx, body: Value) -> Result<Prepared> {
    let malformed = |detail: &str| Error::new(Code::MalformedBody, detail);
    let body: Body = serde_json::from_value(body).map_err(|error| {
        malformed(&format!("a request has query, operationName, variables and extensions: {error}"))
    })?;
    let query = body.query.ok_or_else(|| malformed("query is required"))?;
    if !matches!(body.variables, Value::Null | Value::Object(_)) {
        return Err(malformed("variables is an object"));
    }
    if !matches!(body.extensions, Value::Null | Value::Object(_)) {
        return Err(malformed("extensions is an object"));
    }
    if let Err(error) = guard::check_text(&query) {
        return Ok(Prepared::Refused(refused(&error, ctx)));
    }
    let document = match parse_query(&query) {
        Ok(document) => document,
        Err(error) => {
            let mut server: ServerError = error.into();
            server.extensions = extensions(&Code::QueryInvalid.into(), ctx);
            return Ok(Prepared::Refused(Response::from_errors(vec![server])));
        }
    };
    if let Err(error) = guard::check(&document, &ctx.app.limits) {
        return Ok(Prepared::Refused(refused(&error, ctx)));
    }
    let operation = guard::operation_type(&document, body.operation_name.as_deref());
    let mut session = Session::new(ctx.clone(), document.clone(), Variables::from_json(body.variables));
    if let Err(error) = session.complete(body.operation_name.as_deref()) {
        return Ok(Prepared::Refused(refused(&error, ctx)));
    }
    let variables = session.variables.clone();
    let mut request = Request::new(query).data(session).variables(variables);
    if let Some(name) = body.operation_name {
        request = request.operation_name(name);
    }
    request.set_parsed_query(document);
    Ok(Prepared::Request(request, operation))
}

/// Runs one request. The flag says whether anything of it was executed.
async fn execute(ctx: &Ctx, schema: &Schema, body: Value, by_get: bool) -> Result<(bool, Response)> {
    let request = match prepare(ctx, body)? {
        Prepared::Refused(response) => return Ok((false, response)),
        Prepared::Request(_, kind) if by_get && kind.is_some_and(|kind| kind != OperationType::Query) => {
            return Err(Error::new(Code::MethodNotAllowed, "what changes something is sent by POST"));
        }
        Prepared::Request(_, Some(OperationType::Subscription)) => {
            let why = "subscriptions come over a WebSocket, or with Accept: text/event-stream";
            return Ok((false, refused(&Error::new(Code::QueryInvalid, why), ctx)));
        }
        Prepared::Request(request, _) => request,
    };
    let mut response = schema.execute(request).await;
    let executed = finish(&mut response, ctx);
    Ok((executed, response))
}

/// Puts the errors of an answer into their form, and says whether anything was executed.
pub(crate) fn finish(response: &mut Response, ctx: &Ctx) -> bool {
    refuse_whole(response);
    response.errors.iter_mut().for_each(put_in_place);
    // Errors of validation carry no path and no code of ours.
    let executed = response.errors.is_empty()
        || !matches!(response.data, async_graphql::Value::Null)
        || response.errors.iter().any(|error| matches!(error.path.first(), Some(PathSegment::Field(_))));
    for error in &mut response.errors {
        if error.extensions.is_none() {
            error.extensions = extensions(&Code::QueryInvalid.into(), ctx);
        }
    }
    executed
}

/// What brings in too much is refused once and as a whole, not at each of the places where it did.
fn refuse_whole(response: &mut Response) {
    let code = GqlValue::from(Code::QueryTooComplex.wire());
    let is_too_much =
        |error: &ServerError| error.extensions.as_ref().is_some_and(|values| values.get("code") == Some(&code));
    if let Some(at) = response.errors.iter().position(is_too_much) {
        response.errors = vec![response.errors.swap_remove(at)];
        response.data = GqlValue::Null;
    }
}

fn extensions(error: &Error, ctx: &Ctx) -> Option<async_graphql::ErrorExtensionValues> {
    let id = ctx.request_id.clone();
    async_graphql::Error::new("")
        .extend_with(|_, values| {
            values.set("code", error.code.wire());
            values.set("requestId", &*id);
        })
        .extensions
}

fn refused(error: &Error, ctx: &Ctx) -> Response {
    let mut server = ServerError::new(error.detail.clone(), None);
    server.extensions = extensions(error, ctx);
    Response::from_errors(vec![server])
}

/// Moves the place of an error from its extensions to where the specification wants it.
fn put_in_place(error: &mut ServerError) {
    let Some(extensions) = &mut error.extensions else { return };
    if let Some(async_graphql::Value::List(path)) = extensions.get(PLACE).cloned() {
        extensions.unset(PLACE);
        error.path = path
            .into_iter()
            .filter_map(|segment| match segment {
                async_graphql::Value::String(name) => Some(PathSegment::Field(name)),
                _ => None,
            })
            .collect();
    }
}

/// The response as JSON; without `data` when nothing of the request was executed.
fn shown(response: &Response, executed: bool) -> Result<Vec<u8>> {
    if let GqlValue::Binary(data) = &response.data {
        let mut out = [b"{\"data\":".as_slice(), data].concat();
        if !response.errors.is_empty() {
            out.extend(b",\"errors\":");
            serde_json::to_writer(&mut out, &response.errors).map_err(Error::internal)?;
        }
        out.push(b'}');
        return Ok(out);
    }
    let mut value = serde_json::to_value(response).map_err(Error::internal)?;
    if !executed && let Some(members) = value.as_object_mut() {
        members.shift_remove("data");
    }
    serde_json::to_vec(&value).map_err(Error::internal)
}

fn reply(ctx: &Ctx, kind: &str, status: StatusCode, body: Vec<u8>) -> HttpResponse {
    let mut response = HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, format!("{kind}; charset=utf-8")))
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .insert_header((http::REQUEST_ID, &*ctx.request_id))
        .body(body);
    if let Some(tally) = ctx.tally() {
        tally.show(response.headers_mut());
    }
    response
}
