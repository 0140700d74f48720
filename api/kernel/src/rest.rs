//! The REST door, made from the table of operations.

use std::sync::Arc;

use actix_web::http::header::{self, HeaderMap};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use futures_util::TryStreamExt;
use percent_encoding::percent_decode_str;
use roundtable_entity::Via;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::address::{Addresses, Asked};
use crate::ctx::{App, Ctx};
use crate::error::{Code, Error, Result};
use crate::export::{self, Format};
use crate::http;
use crate::operation::{Answered, Arguments, Kind, Operation, Operations, Parameter};
use crate::relation;
use crate::schema::referred;

/// Mounts every operation at its address.
pub fn configure(app: &Arc<App>, addresses: &Arc<Addresses>, config: &mut ServiceConfig) {
    let (app, addresses) = (app.clone(), addresses.clone());
    let route = move |request: HttpRequest, payload: Payload| handle(app.clone(), addresses.clone(), request, payload);
    config.service(web::scope("/v1").default_service(web::to(route)));
}

/// The address of the operation a request asked for, with its parameters named and not filled in.
#[derive(Clone)]
pub struct Route(pub Arc<str>);

async fn handle(app: Arc<App>, addresses: Arc<Addresses>, request: HttpRequest, payload: Payload) -> HttpResponse {
    let Some((place, id)) = addresses.at(request.match_info().as_str()) else {
        return http::refusal(&Error::not_found(), &request, &app);
    };
    request.extensions_mut().insert(Route(place.path.clone()));
    let Some(asked) = place.asked(request.method()) else {
        let mut response = http::refusal(&Code::MethodNotAllowed.into(), &request, &app);
        if let Ok(value) = header::HeaderValue::from_str(&place.allowed()) {
            response.headers_mut().insert(header::ALLOW, value);
        }
        return response;
    };
    let (Asked::Operation(op) | Asked::File(op, _)) = asked;
    let Some(operation) = app.operations.get(op) else {
        return http::refusal(&Error::not_found(), &request, &app);
    };
    let ctx = match http::ctx(&request, &app, Via::Rest).await {
        Ok(ctx) => ctx,
        Err(error) => return http::refusal(&error, &request, &app),
    };
    let answered = match asked {
        Asked::Operation(_) => answer(ctx.clone(), operation, &request, id, payload).await,
        Asked::File(_, format) if http::accepts(request.headers(), &[format.media_type()]) => {
            exported(ctx.clone(), operation, format, &request).await
        }
        Asked::File(..) => Err(Code::NotAcceptable.into()),
    };
    told(&ctx, operation, &request, answered)
}

/// The form of a file that a list is asked for in by `Accept`: one named there, while JSON is not.
fn asked_format(operation: &Operation, headers: &HeaderMap) -> Option<Format> {
    if operation.kind != Kind::List || http::names(headers, "application/json") {
        return None;
    }
    Format::ALL.into_iter().find(|format| http::names(headers, format.media_type()))
}

/// A whole list as a file.
async fn exported(mut ctx: Ctx, list: &Operation, format: Format, request: &HttpRequest) -> Result<HttpResponse> {
    let file = &export::as_file(list, format);
    let mut parameters = Map::new();
    let operations = ctx.app.operations.clone();
    let expand = query(&operations, file, request.query_string(), &mut ctx.validate_only, &mut parameters)?;
    if !expand.is_empty() {
        return Err(Error::member(
            "/expand",
            "not_in_files",
            "a file has the members of the records; leave expand out",
        ));
    }
    let rows = export::stream(&ctx, file, format, parameters).await?;
    let name = format!("{}-{}.{}", file.collection, ctx.today(), format.ending());
    let mut response = HttpResponse::Ok();
    response
        .insert_header((http::REQUEST_ID, &*ctx.request_id))
        .insert_header((header::VARY, "Authorization, Acting-Partnership, Accept"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .insert_header((header::CONTENT_TYPE, format.content_type()));
    if request.method() == Method::HEAD {
        return Ok(response.finish());
    }
    // The status is out by then: a failure ends the connection before the file's end, and is told here.
    Ok(response.streaming(rows.inspect_err(|error| tracing::error!(%error, "an export broke off"))))
}

/// The answer, or the problem in its place, with what every answer says: what may still be asked, and what ends.
fn told(ctx: &Ctx, operation: &Operation, request: &HttpRequest, answered: Result<HttpResponse>) -> HttpResponse {
    let mut response = match answered {
        Ok(response) => response,
        Err(error) => {
            let mut response = http::refusal(&error, request, &ctx.app);
            if error.code == Code::UnsupportedMediaType && operation.kind == Kind::Update {
                let kind = header::HeaderValue::from_static("application/merge-patch+json");
                response.headers_mut().insert(header::HeaderName::from_static("accept-patch"), kind);
            }
            response
        }
    };
    if let Some(tally) = ctx.tally() {
        tally.show(response.headers_mut());
    }
    let operations = &ctx.app.operations;
    if let Some(end) = operations.deprecations.operation(operation.op) {
        let successor = end.successor.and_then(|op| operations.get(op)).map(|operation| operation.path.as_str());
        end.show(successor, response.headers_mut());
    }
    response
}

async fn answer(
    mut ctx: Ctx,
    operation: &Operation,
    request: &HttpRequest,
    id: Option<&str>,
    payload: Payload,
) -> Result<HttpResponse> {
    if let Some(format) = asked_format(operation, request.headers()) {
        return exported(ctx, operation, format, request).await;
    }
    let app = ctx.app.clone();
    if !http::accepts(request.headers(), &[operation.media, "application/problem+json"]) {
        return Err(Code::NotAcceptable.into());
    }
    let mut arguments = Arguments::default();
    if let Some(id) = id {
        arguments.id = Some(Uuid::parse_str(id).map_err(|_| Error::not_found())?);
    }
    if operation.parameters.iter().any(|parameter| operation.in_path(parameter)) {
        in_address(&app.operations, operation, request, &mut arguments.parameters)?;
    }
    let (text, parameters) = (request.query_string(), &mut arguments.parameters);
    let expand = query(&app.operations, operation, text, &mut ctx.validate_only, parameters)?;
    if operation.kind == Kind::Upsert && none_match(request.headers(), "*") {
        arguments.parameters.insert("createOnly".into(), json!(true));
    }
    if operation.kind.needs_version() || operation.kind == Kind::Upsert {
        arguments.version = if_match(request.headers())?;
    }
    if operation.kind.repeatable() {
        arguments.idempotency_key = request
            .headers()
            .get("idempotency-key")
            .map(|key| key.to_str().map(|key| key.trim_matches('"').to_owned()))
            .transpose()
            .map_err(|_| Error::member("/Idempotency-Key", "wrong_form", "a key is plain text"))?;
    }
    if operation.body.is_some() {
        // A file comes in base64, a third longer than it is.
        let (most, within) = match operation.large {
            true => (app.limits.import_bytes / 3 * 4 + 4096, app.limits.receive * 10),
            false => (app.limits.body_bytes, app.limits.receive),
        };
        arguments.body = json_body(operation, request, http::body(payload, most, within).await?)?;
    }
    let answered = app.operations.call(&ctx, operation.op, arguments).await?;
    respond(&ctx, operation, request, answered, &expand).await
}

/// Parameters that stand in the address, decoded.
fn in_address(
    operations: &Operations,
    operation: &Operation,
    request: &HttpRequest,
    parameters: &mut Map<String, Value>,
) -> Result<()> {
    for (place, given) in operation.path.split('/').zip(request.path().split('/')) {
        let name = place.strip_prefix('{').and_then(|place| place.strip_suffix('}'));
        let named = name.and_then(|name| operation.parameters.iter().find(|one| one.name == name));
        if let Some(parameter) = named {
            let text = percent_decode_str(given).decode_utf8().map_err(|_| Error::not_found())?;
            parameters.insert(parameter.name.clone(), parse(operations, parameter, &text)?);
        }
    }
    Ok(())
}

fn json_body(operation: &Operation, request: &HttpRequest, body: web::Bytes) -> Result<Value> {
    if body.is_empty() && operation.kind == Kind::Act {
        return Ok(Value::Null);
    }
    let wanted = if operation.kind == Kind::Update { "application/merge-patch+json" } else { "application/json" };
    if http::media_type(request.headers()) != wanted {
        return Err(Error::new(Code::UnsupportedMediaType, format!("send {wanted}")));
    }
    serde_json::from_slice(&body)
        .map_err(|error| Error::new(Code::MalformedBody, format!("the body is not JSON: {error}")))
}

/// The version a change is made on: a strong entity tag made of a number.
fn if_match(headers: &HeaderMap) -> Result<Option<i32>> {
    let Some(value) = headers.get(header::IF_MATCH) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Err(Error::new(
            Code::VersionRequired,
            "name the version you read; * would overwrite what you have not seen",
        ));
    }
    let tag = text.strip_prefix("W/").unwrap_or(text).strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let Some(tag) = tag.filter(|tag| !tag.contains('"')) else {
        return Err(Error::member("/If-Match", "wrong_form", "give one entity tag as it came in ETag, such as \"3\""));
    };
    // A tag that is not one of ours matches nothing, and neither does a weak one (RFC 9110, section 13.1.1).
    let version = if text.starts_with('W') { None } else { tag.parse().ok().filter(|version| *version > 0) };
    version.map(Some).ok_or_else(|| Error::new(Code::Stale, "no version of this record has that entity tag"))
}

/// Most values of one filter.
const MOST_VALUES: usize = 200;
/// Most relations to include.
const MOST_RELATIONS: usize = 20;

/// Reads the query string of an operation: its parameters, checked and typed, and the relations to include.
pub fn query(
    operations: &Operations,
    operation: &Operation,
    text: &str,
    validate_only: &mut bool,
    parameters: &mut Map<String, Value>,
) -> Result<Vec<String>> {
    let pairs: Vec<(String, String)> = web::Query::<Vec<(String, String)>>::from_query(text)
        .map_err(|_| Error::new(Code::UnknownParameter, "the query string cannot be read"))?
        .into_inner();
    let mut expand = Vec::new();
    for (name, text) in pairs {
        match name.as_str() {
            "expand" if matches!(operation.kind, Kind::List | Kind::Get) => {
                expand.extend(text.split(',').map(|path| path.trim().to_owned()));
                continue;
            }
            "validateOnly" if operation.kind.repeatable() => {
                *validate_only = boolean("validateOnly", &text)?;
                continue;
            }
            _ => {}
        }
        let Some(parameter) = operation.parameters.iter().find(|parameter| parameter.name == name) else {
            return Err(unknown(operation, &name));
        };
        let values: Vec<Value> = if parameter.many {
            let all: Vec<&str> = text.split(',').collect();
            all.into_iter().map(|one| parse(operations, parameter, one)).collect::<Result<_>>()?
        } else {
            vec![parse(operations, parameter, &text)?]
        };
        let given = parameters.get(&name).and_then(Value::as_array).map_or(0, Vec::len);
        if given + values.len() > MOST_VALUES {
            return Err(Error::member(format!("/{name}"), "too_many", format!("give at most {MOST_VALUES} values")));
        }
        match (parameters.get_mut(&name), parameter.many) {
            (Some(Value::Array(before)), true) => before.extend(values),
            (Some(_), _) => return Err(Error::member(format!("/{name}"), "repeated", "give it once")),
            (None, true) => {
                parameters.insert(name, Value::Array(values));
            }
            (None, false) => {
                parameters.extend(values.into_iter().next().map(|value| (name, value)));
            }
        }
    }
    if expand.len() > MOST_RELATIONS {
        return Err(Error::member("/expand", "too_many", format!("follow at most {MOST_RELATIONS} relations")));
    }
    Ok(expand)
}

fn unknown(operation: &Operation, name: &str) -> Error {
    let mut known: Vec<&str> = operation.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    match operation.kind {
        Kind::List | Kind::Get => known.push("expand"),
        kind if kind.repeatable() => known.push("validateOnly"),
        _ => {}
    }
    let detail = format!("{name} is not a parameter here; these are: {}", known.join(", "));
    let mut error = Error::new(Code::UnknownParameter, detail.clone());
    error.problems.push(crate::error::Problem { pointer: format!("/{name}"), code: "unknown_parameter", detail });
    error
}

fn boolean(name: &str, text: &str) -> Result<bool> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Error::member(format!("/{name}"), "wrong_type", "give true or false")),
    }
}

fn parse(operations: &Operations, parameter: &Parameter, text: &str) -> Result<Value> {
    let kind = parameter.schema["type"].as_str();
    let value = match kind {
        Some("integer") => text
            .parse::<i32>()
            .map(|number| json!(number))
            .map_err(|_| Error::member(format!("/{}", parameter.name), "wrong_type", "give a whole number"))?,
        Some("boolean") => json!(boolean(&parameter.name, text)?),
        _ if parameter.schema["format"] == "date-time" => json!(moment(text)),
        _ => json!(text),
    };
    check_parameter(operations, parameter, &value)?;
    Ok(value)
}

/// A moment as RFC 3339 writes it. Clients write `+0000`, and a bare `+` in a query arrives as a blank.
fn moment(text: &str) -> String {
    let text = text.replace(' ', "+");
    match chrono::DateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f%z") {
        Ok(moment) => moment.to_rfc3339(),
        Err(_) => text,
    }
}

/// Checks one value of a parameter against its schema.
pub fn check_parameter(operations: &Operations, parameter: &Parameter, value: &Value) -> Result<()> {
    let schema = match referred(&parameter.schema) {
        Some(name) => operations.schemas.named.get(name).unwrap_or(&Value::Null),
        None => &parameter.schema,
    };
    let wrong = |code: &'static str, detail: String| Err(Error::member(format!("/{}", parameter.name), code, detail));
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        return wrong("unknown_value", format!("give one of {}", words.join(", ")));
    }
    if let Some(number) = value.as_i64() {
        let (least, most) =
            (schema["minimum"].as_i64().unwrap_or(i64::MIN), schema["maximum"].as_i64().unwrap_or(i64::MAX));
        if number < least || number > most {
            return wrong("out_of_range", format!("give {least} to {most}"));
        }
    }
    let Some(text) = value.as_str() else { return Ok(()) };
    let right = match schema["format"].as_str() {
        Some("uuid") => Uuid::parse_str(text).is_ok(),
        Some("date") => text.len() == 10 && text.parse::<chrono::NaiveDate>().is_ok(),
        Some("date-time") => chrono::DateTime::parse_from_rfc3339(text).is_ok(),
        _ => !text.contains('\0'),
    };
    let length = text.chars().count() as u64;
    if !right {
        return wrong("wrong_form", format!("is not a {}", schema["format"].as_str().unwrap_or("text")));
    }
    if length > schema["maxLength"].as_u64().unwrap_or(4096) || length < schema["minLength"].as_u64().unwrap_or(0) {
        return wrong("wrong_length", "is too long or too short".into());
    }
    Ok(())
}

async fn respond(
    ctx: &Ctx,
    operation: &Operation,
    request: &HttpRequest,
    answered: Answered,
    expand: &[String],
) -> Result<HttpResponse> {
    let tag = answered.version.map(|version| format!("\"{version}\""));
    let made = operation.kind == Kind::Create || answered.shown.is_new();
    let status = if made { StatusCode::CREATED } else { StatusCode::OK };
    let mut response = HttpResponse::build(status);
    response.insert_header((http::REQUEST_ID, &*ctx.request_id));
    let list = operation.kind == Kind::List;
    let vary = if list { "Authorization, Acting-Partnership, Accept" } else { "Authorization, Acting-Partnership" };
    response.insert_header((header::VARY, vary));
    let cache = if operation.kind == Kind::Submit { "no-store" } else { "private, no-cache" };
    response.insert_header((header::CACHE_CONTROL, cache));
    // An expanded record changes when what it points to does, so it carries no tag.
    if let Some(tag) = tag.filter(|_| expand.is_empty()) {
        if operation.kind == Kind::Get && none_match(request.headers(), &tag) {
            return Ok(response.status(StatusCode::NOT_MODIFIED).insert_header((header::ETAG, tag)).finish());
        }
        response.insert_header((header::ETAG, tag));
    }
    if let Some(id) = answered.id.filter(|_| made) {
        response.insert_header((header::LOCATION, format!("/v1/{}/{id}", operation.collection)));
    }
    if let Some(cursor) = answered.shown.next() {
        response.insert_header((header::LINK, next_link(operation, request, cursor)));
    }
    let body = if operation.media != "application/json" {
        answered.shown.value()?["text"].as_str().unwrap_or_default().to_owned().into_bytes()
    } else if expand.is_empty() {
        answered.shown.json()?
    } else {
        let name = operation.item.as_ref().unwrap_or(&operation.answer);
        let (mut body, end) = answered.shown.frame()?;
        relation::expanded(ctx, name, expand, &answered.shown.records(), &mut body).await?;
        body.extend_from_slice(&end);
        body
    };
    Ok(response.insert_header((header::CONTENT_TYPE, operation.media)).body(body))
}

/// Whether the caller holds what this tag stands for already.
pub fn none_match(headers: &HeaderMap, tag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|given| {
            let given = given.trim();
            given == "*" || given.strip_prefix("W/").unwrap_or(given) == tag
        })
}

fn next_link(operation: &Operation, request: &HttpRequest, cursor: &str) -> String {
    let kept: Vec<&str> =
        request.query_string().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("after=")).collect();
    let query = kept.into_iter().chain([format!("after={cursor}").as_str()]).collect::<Vec<_>>().join("&");
    format!("<{}?{query}>; rel=\"next\"", operation.path)
}
