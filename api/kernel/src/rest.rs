//! The REST door, made from the table of operations.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::web::{self, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, guard};
use roundtable_entity::Via;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::ctx::{App, Ctx};
use crate::error::{Code, Error, Result};
use crate::http;
use crate::operation::{Answered, Arguments, Kind, Operation, Operations, Parameter};
use crate::relation;
use crate::schema::referred;

/// Mounts every operation at its address.
pub fn configure(app: &Arc<App>, config: &mut ServiceConfig) {
    let mut paths: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
    for operation in app.operations.iter() {
        paths.entry(&operation.path).or_default().push(operation);
    }
    for (path, operations) in paths {
        let mut resource = web::resource(path);
        let mut allowed = Vec::new();
        for operation in operations {
            let method = operation.kind.method();
            allowed.push(method);
            let (app, operation) = (app.clone(), Arc::new(operation.clone()));
            let route = match method {
                "GET" => web::route().guard(guard::Any(guard::Get()).or(guard::Head())),
                "PATCH" => web::patch(),
                "DELETE" => web::delete(),
                _ => web::post(),
            };
            resource = resource.route(route.to(move |request: HttpRequest, payload: Payload| {
                handle(app.clone(), operation.clone(), request, payload)
            }));
        }
        if allowed.contains(&"GET") {
            allowed.push("HEAD");
        }
        let allowed = allowed.join(", ");
        config.service(resource.default_service(web::to(move |request: HttpRequest| {
            let mut response = http::problem(&Code::MethodNotAllowed.into(), &http::request_id(&request));
            if let Ok(value) = header::HeaderValue::from_str(&allowed) {
                response.headers_mut().insert(header::ALLOW, value);
            }
            std::future::ready(response)
        })));
    }
}

async fn handle(app: Arc<App>, operation: Arc<Operation>, request: HttpRequest, payload: Payload) -> HttpResponse {
    let answered = answer(&app, &operation, &request, payload).await;
    match answered {
        Ok(response) => response,
        Err(error) => {
            let mut response = http::problem(&error, &http::request_id(&request));
            if error.code == Code::UnsupportedMediaType && operation.kind == Kind::Update {
                let kind = header::HeaderValue::from_static("application/merge-patch+json");
                response.headers_mut().insert(header::HeaderName::from_static("accept-patch"), kind);
            }
            response
        }
    }
}

async fn answer(
    app: &Arc<App>,
    operation: &Operation,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse> {
    let mut ctx = http::ctx(request, app, Via::Rest).await?;
    if !http::accepts(request.headers(), &["application/json", "application/problem+json"]) {
        return Err(Code::NotAcceptable.into());
    }
    let mut arguments = Arguments::default();
    if let Some(id) = request.match_info().get("id") {
        arguments.id = Some(Uuid::parse_str(id).map_err(|_| Error::not_found())?);
    }
    let expand = query(&app.operations, operation, request.query_string(), &mut ctx, &mut arguments.parameters)?;
    if operation.kind.needs_version() {
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
        let most = if operation.large { app.limits.import_bytes / 3 * 4 + 4096 } else { app.limits.body_bytes };
        arguments.body = json_body(operation, request, payload, most).await?;
    }
    let answered = app.operations.call(&ctx, operation.op, arguments).await?;
    respond(&ctx, operation, request, answered, &expand).await
}

async fn json_body(operation: &Operation, request: &HttpRequest, payload: Payload, most: usize) -> Result<Value> {
    let body = http::body(payload, most).await?;
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
    let version = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).and_then(|tag| tag.parse().ok());
    version.map(Some).ok_or_else(|| Error::new(Code::Stale, "If-Match holds one entity tag as it was given in ETag"))
}

/// Most values of one filter.
const MOST_VALUES: usize = 200;
/// Most relations to include.
const MOST_RELATIONS: usize = 20;

pub(crate) fn query(
    operations: &Operations,
    operation: &Operation,
    text: &str,
    ctx: &mut Ctx,
    parameters: &mut Map<String, Value>,
) -> Result<Vec<String>> {
    let pairs: Vec<(String, String)> = web::Query::<Vec<(String, String)>>::from_query(text)
        .map_err(|_| Error::new(Code::UnknownParameter, "the query string cannot be read"))?
        .into_inner();
    let mut expand = Vec::new();
    for (name, text) in pairs {
        match name.as_str() {
            "expand" if matches!(operation.kind, Kind::List | Kind::Get) => {
                expand.extend(text.split(',').map(str::trim).filter(|path| !path.is_empty()).map(str::to_owned));
                continue;
            }
            "validateOnly" if operation.kind.repeatable() => {
                ctx.validate_only = boolean("validateOnly", &text)?;
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
    let status = StatusCode::from_u16(operation.kind.status()).unwrap_or(StatusCode::OK);
    let mut response = HttpResponse::build(status);
    response.insert_header((http::REQUEST_ID, &*ctx.request_id));
    response.insert_header((header::VARY, "Authorization, Acting-Partnership"));
    let cache = if operation.kind == Kind::Submit { "no-store" } else { "private, no-cache" };
    response.insert_header((header::CACHE_CONTROL, cache));
    // An expanded record changes when what it points to does, so it carries no tag.
    if let Some(tag) = tag.filter(|_| expand.is_empty()) {
        if operation.kind == Kind::Get && none_match(request.headers(), &tag) {
            return Ok(response.status(StatusCode::NOT_MODIFIED).insert_header((header::ETAG, tag)).finish());
        }
        response.insert_header((header::ETAG, tag));
    }
    if operation.kind == Kind::Create
        && let Some(id) = answered.id
    {
        response.insert_header((header::LOCATION, format!("{}/{id}", operation.path)));
    }
    if let Some(cursor) = answered.shown.next() {
        response.insert_header((header::LINK, next_link(operation, request, cursor)));
    }
    let body = if expand.is_empty() {
        answered.shown.json()?
    } else {
        let mut value = answered.shown.value()?;
        let (name, records) = match &operation.item {
            Some(item) => {
                (item, value["items"].as_array_mut().map(|rows| rows.iter_mut().collect()).unwrap_or_default())
            }
            None => (&operation.answer, vec![&mut value]),
        };
        relation::expand(ctx, name, expand, records).await?;
        serde_json::to_vec(&value).map_err(Error::internal)?
    };
    Ok(response.insert_header((header::CONTENT_TYPE, "application/json")).body(body))
}

fn none_match(headers: &HeaderMap, tag: &str) -> bool {
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
