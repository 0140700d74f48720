//! The OpenAPI document, made from the table of operations and the access table.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::access::{Reach, rule};
use crate::error::Code;
use crate::example;
use crate::export::{self, Format};
use crate::op::Op;
use crate::operation::{Kind, Operation, Operations, Parameter};
use crate::sse;
use crate::standing::Role;

const TITLE: &str = "Roundtable";
const ABOUT: &str = "The API an industry sector partnership runs on: partners, unions, institutions, meetings and \
    resources, with the rules of the practice. Every operation has the same name, filters, shapes and refusals in GraphQL.";

/// The whole document, OpenAPI 3.1.
pub fn document(operations: &Operations) -> Value {
    let mut document = written(operations);
    rename(&mut document);
    prune(&mut document);
    document
}

/// Names that generated clients cannot carry: Python's `typing.Union` is hidden by a class of that name.
const RENAMED: &[(&str, &str)] = &[("Union", "LaborUnion"), ("NewUnion", "NewLaborUnion")];

/// Names of relations, each after a dot.
const RELATION_PATH: &str = "^[a-z][A-Za-z]*(\\.[a-z][A-Za-z]*)*$";

fn rename(document: &mut Value) {
    for (name, other) in RENAMED {
        let (from, to) = (format!("#/components/schemas/{name}"), format!("#/components/schemas/{other}"));
        references(document, &mut |reference| {
            if *reference == from {
                reference.clone_from(&to);
            }
        });
        let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
        if let Some(schemas) = schemas
            && let Some(schema) = schemas.shift_remove(*name)
        {
            schemas.insert((*other).into(), schema);
        }
    }
}

fn references(value: &mut Value, each: &mut impl FnMut(&mut String)) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get_mut("$ref") {
                each(reference);
            }
            members.values_mut().for_each(|member| references(member, each));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| references(item, each)),
        _ => {}
    }
}

/// Leaves out components that nothing refers to.
fn prune(document: &mut Value) {
    loop {
        let mut named = std::collections::BTreeSet::new();
        references(document, &mut |reference| {
            named.insert(reference.clone());
        });
        let mut left_out = false;
        for kind in ["schemas", "responses", "headers", "examples"] {
            let components = document.pointer_mut(&format!("/components/{kind}")).and_then(Value::as_object_mut);
            let Some(components) = components else { continue };
            let before = components.len();
            components.retain(|name, _| named.contains(&format!("#/components/{kind}/{name}")));
            left_out |= components.len() < before;
        }
        if !left_out {
            return;
        }
    }
}

fn written(operations: &Operations) -> Value {
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for operation in operations.iter() {
        let path = paths.entry(operation.path.clone()).or_default();
        path.insert(operation.kind.method().to_lowercase(), described(operations, operation));
        if operation.kind == Kind::List {
            for format in Format::ALL {
                let file = export::as_file(operation, format);
                paths.insert(
                    file.path.clone(),
                    Map::from_iter([("get".to_owned(), as_file(operations, &file, format))]),
                );
            }
        }
    }
    if let Some(feed) = operations.get(Op::ListEvents) {
        paths.insert(sse::PATH.into(), Map::from_iter([("get".into(), streamed(operations, feed))]));
    }
    let mut tags: Vec<&str> = operations.iter().map(|operation| operation.collection).collect();
    tags.sort_unstable();
    tags.dedup();
    let sent = json!({ "name": SENT, "description": "What webhooks are sent." });
    let tags: Vec<Value> = tags
        .into_iter()
        .map(|tag| {
            let about = operations.collections.iter().find(|one| one.path == tag).map(|one| one.description.clone());
            json!({ "name": tag, "description": about.unwrap_or_else(|| format!("Operations of {tag}.")) })
        })
        .chain([sent])
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": TITLE,
            "description": ABOUT,
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
            "contact": { "name": "The Roundtable developers" },
        },
        "servers": [{ "url": "/", "description": "This server." }],
        "security": [{ "bearer": [] }],
        "tags": tags,
        "paths": paths,
        "webhooks": { "event": { "post": told() } },
        "components": {
            "schemas": schemas(operations),
            "responses": responses(),
            "headers": headers(),
            "examples": examples(operations),
            "securitySchemes": {
                "bearer": {
                    "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                    "description": "An access token of POST /v1/sessions or POST /oauth/token.",
                },
                "clientCredentials": {
                    "type": "oauth2",
                    "description": "For systems (RFC 6749, section 4.4).",
                    "flows": { "clientCredentials": { "tokenUrl": "/oauth/token", "scopes": scopes(operations) } },
                },
            },
        },
    })
}

/// The feed as it happens, which is no operation of its own: it answers what the feed answers, without an end.
fn streamed(operations: &Operations, feed: &Operation) -> Value {
    let mut out = described(operations, feed);
    out["operationId"] = json!("streamEvents");
    out["summary"] = json!("What happens, as it happens (server-sent events)");
    out["description"] = json!(
        "Each event as it happens: `id` is its cursor, `event` its kind, `data` the event as the feed shows it. Without a \
         cursor it begins now. An event named `end` says why the stream ends."
    );
    if let Some(parameters) = out["parameters"].as_array_mut() {
        parameters.retain(|parameter| parameter["name"] != "first");
        parameters.push(json!({
            "name": "Last-Event-ID", "in": "header", "required": false,
            "description": "Cursor of the last event seen; stands over `after`.",
            "schema": { "type": "string", "maxLength": 200 },
        }));
    }
    out["responses"]["200"] = json!({
        "description": "The stream.",
        "headers": { "Request-Id": referring("Request-Id") },
        "content": { sse::MEDIA_TYPE: {
            "schema": { "description": "Server-sent events. The data of each is an `Event`." },
            "example": "id: c2NoZWR1bGVk\nevent: meeting.scheduled\ndata: {\"kind\":\"meeting.scheduled\"}\n\n",
        } },
    });
    out["responses"]["429"] = json!({ "$ref": "#/components/responses/TooManyRequests" });
    out
}

/// The schema of what a webhook is sent.
pub(crate) const MESSAGE: &str = "WebhookMessage";

/// The tag of what a webhook is sent.
const SENT: &str = "webhook-messages";

/// What a webhook is sent.
fn told() -> Value {
    let sent = |name: &str, about: &str| {
        json!({
            "name": name, "in": "header", "required": true, "description": about,
            "schema": { "type": "string", "maxLength": 1000 },
        })
    };
    json!({
        "operationId": "event",
        "summary": "Something happened",
        "description": "Sent to the address of a webhook (Standard Webhooks). Answer 2xx within the time given; anything \
            else is tried again for three days. 410 ends it at once.",
        // Of its own: generators write one file a tag, and the later of two would take the other's place.
        "tags": [SENT],
        "security": [],
        "parameters": [
            sent("webhook-id", "Id of the message, the same at every attempt."),
            sent("webhook-timestamp", "When it was sent, seconds since 1970."),
            sent("webhook-signature", "Signatures, separated by blanks: `v1,` and HMAC-SHA256 over `id.timestamp.body` in base64."),
        ],
        "requestBody": {
            "required": true,
            "description": "What happened.",
            "content": content("application/json", MESSAGE),
        },
        "responses": { "204": { "description": "Taken." } },
    })
}

fn scopes(operations: &Operations) -> Value {
    let mut scopes = BTreeMap::new();
    for operation in operations.iter() {
        let scope = operations.scope(operation.op);
        let verb = if operation.kind.writes() { "Change" } else { "Read" };
        scopes.insert(scope, format!("{verb} {}.", operation.collection));
    }
    json!(scopes)
}

fn schemas(operations: &Operations) -> Value {
    let mut schemas = operations.schemas.named.clone();
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.wire()).collect();
    schemas.insert(
        "ErrorCode".into(),
        json!({ "type": "string", "description": "A stable, machine-readable reason.", "enum": codes }),
    );
    schemas.insert(
        "MemberProblem".into(),
        json!({
            "type": "object",
            "description": "One wrong member.",
            "required": ["pointer", "code", "detail"],
            "properties": {
                "pointer": { "type": "string", "description": "JSON pointer to the member, or / and a parameter's name." },
                "code": { "type": "string", "description": "A code of its own." },
                "detail": { "type": "string", "description": "What is wrong and what would be right." },
            },
        }),
    );
    schemas.insert(
        "Problem".into(),
        json!({
            "type": "object",
            "description": "What went wrong (RFC 9457).",
            "required": ["type", "title", "status", "detail", "code", "requestId"],
            "properties": {
                "type": { "type": "string", "format": "uri-reference", "description": "Page about the code." },
                "title": { "type": "string", "description": "The code in a few words." },
                "status": { "type": "integer", "format": "int32", "minimum": 400, "maximum": 599, "description": "HTTP status." },
                "detail": { "type": "string", "description": "What is wrong here and the remedy." },
                "code": { "$ref": "#/components/schemas/ErrorCode" },
                "requestId": { "type": "string", "description": "Id of the request, to quote when asking for help." },
                "errors": {
                    "type": "array", "maxItems": 100, "description": "Wrong members.",
                    "items": { "$ref": "#/components/schemas/MemberProblem" },
                },
            },
        }),
    );
    for (name, member, end) in operations.deprecations.members() {
        let schema = schemas.get_mut(name).and_then(|schema| schema["properties"].get_mut(member));
        if let Some(schema) = schema.and_then(Value::as_object_mut) {
            schema.insert("deprecated".into(), json!(true));
            let about = schema.get("description").and_then(Value::as_str).unwrap_or_default();
            schema.insert("description".into(), json!(format!("{about} Deprecated: {}", end.reason()).trim()));
        }
    }
    let relations = &operations.relations;
    for relation in relations {
        let target = json!({ "$ref": format!("#/components/schemas/{}", relation.to) });
        let about = format!("Only with `expand={}`.", relation.field);
        let schema = if relation.many {
            json!({ "type": "array", "items": target, "description": about, "maxItems": 10000 })
        } else {
            let mut target = target;
            target["description"] = json!(about);
            target
        };
        if let Some(properties) = schemas.get_mut(relation.from).and_then(|record| record["properties"].as_object_mut())
        {
            properties.insert(relation.field.into(), schema);
        }
    }
    Value::Object(schemas)
}

const COMMON: &[(u16, &str, &str)] = &[
    (400, "BadRequest", "Something sent is wrong; `errors` names it."),
    (401, "Unauthenticated", "No valid access token came with the request."),
    (403, "Forbidden", "The role may not do this, or not to this record."),
    (404, "NotFound", "There is nothing here that the caller may know of."),
    (406, "NotAcceptable", "None of the media types asked for can be served."),
    (409, "Conflict", "The record's state, or another record, does not allow it."),
    (410, "Gone", "No longer good."),
    (412, "Stale", "The record changed meanwhile."),
    (413, "BodyTooLarge", "The body is over the limit."),
    (415, "UnsupportedMediaType", "The body has a media type not taken here."),
    (422, "Refused", "A rule of the practice says no; `code` says which."),
    (428, "VersionRequired", "If-Match is missing."),
    (429, "TooManyRequests", "Slow down."),
    (500, "Failed", "Something failed on our side."),
    (502, "ProviderUnavailable", "The identity provider does not answer."),
    (503, "Unavailable", "For the moment not available."),
];

fn responses() -> Value {
    let mut responses = Map::new();
    for (status, name, about) in COMMON {
        let codes: Vec<&str> =
            Code::ALL.iter().filter(|code| code.status() == *status).map(|code| code.wire()).collect();
        let mut response = json!({
            "description": format!("{about} The codes: {}.", codes.join(", ")),
            "headers": { "Request-Id": referring("Request-Id") },
            "content": { "application/problem+json": {
                "schema": { "$ref": "#/components/schemas/Problem" },
                "examples": { "typical": { "$ref": format!("#/components/examples/{name}") } },
            } },
            "x-codes": codes,
        });
        if matches!(status, 429 | 503) {
            response["headers"]["Retry-After"] = referring("Retry-After");
        }
        if *status == 429 {
            response["headers"]["RateLimit"] = referring("RateLimit");
            response["headers"]["RateLimit-Policy"] = referring("RateLimit-Policy");
        }
        if *status == 401 {
            response["headers"]["WWW-Authenticate"] = referring("WWW-Authenticate");
        }
        if *status == 415 {
            response["headers"]["Accept-Patch"] = referring("Accept-Patch");
        }
        responses.insert((*name).into(), response);
    }
    Value::Object(responses)
}

/// Headers of answers: name, whether it is always there where it is declared, what it holds, and an example.
const HEADERS: &[(&str, bool, &str, &str)] = &[
    ("Request-Id", true, "Id of the request, to quote when asking for help.", "019aa2c4-7e00-7000-8000-000000000001"),
    ("ETag", false, "The record's version in quotes; send it back as If-Match. Not there with `expand`.", "\"3\""),
    ("Location", true, "Address of the new record.", "/v1/meetings/019aa2c4-7e00-7000-8000-000000000002"),
    (
        "Link",
        false,
        "The next page, `rel=\"next\"` (RFC 8288), when there is one. Of an operation that ends, also its successor.",
        "</v1/meetings?after=eyJpZCI6IjAxOWFhMmM0In0>; rel=\"next\"",
    ),
    ("Retry-After", true, "Seconds to wait.", "12"),
    ("WWW-Authenticate", true, "How to authenticate.", "Bearer"),
    ("Accept-Patch", false, "The media type a PATCH takes (RFC 5789).", "application/merge-patch+json"),
    (
        "RateLimit",
        false,
        "What is left of the limit, and seconds until it is whole again, where requests are limited.",
        "\"read\";r=599;t=1",
    ),
    ("RateLimit-Policy", false, "The limit: requests in a window of seconds.", "\"read\";q=600;w=60"),
    (
        "Deprecation",
        true,
        "Since when the operation is deprecated: seconds since 1970 after an @ (RFC 9745).",
        "@1793577600",
    ),
    ("Sunset", false, "When the operation ends (RFC 8594).", "Sun, 01 Nov 2026 00:00:00 GMT"),
];

fn headers() -> Value {
    let mut headers = Map::new();
    for (name, required, about, example) in HEADERS {
        let mut schema = json!({ "type": "string", "examples": [example] });
        if *name == "Retry-After" {
            schema = json!({ "type": "integer", "format": "int32", "minimum": 0, "examples": [12] });
        }
        headers.insert((*name).into(), json!({ "description": about, "required": required, "schema": schema }));
    }
    Value::Object(headers)
}

fn referring(header: &str) -> Value {
    json!({ "$ref": format!("#/components/headers/{header}") })
}

/// An example of every body and answer, by the name of its schema, and of a problem of every status.
fn examples(operations: &Operations) -> Value {
    let mut examples = Map::new();
    let schemas = &operations.schemas.named;
    for operation in operations.iter() {
        let answer = json!({ "summary": "What is answered.", "value": example::answer(schemas, &operation.answer) });
        examples.insert(operation.answer.clone(), answer);
        if let Some(body) = &operation.body {
            let value = match operation.kind {
                Kind::Update => example::patch(schemas, body),
                _ => example::body(schemas, body),
            };
            examples.insert(body.clone(), json!({ "summary": "What is sent.", "value": value }));
        }
    }
    let message = json!({ "summary": "What is sent.", "value": example::answer(schemas, MESSAGE) });
    examples.insert(MESSAGE.into(), message);
    for (status, name, _) in COMMON {
        let wanted = if *status == 400 { Some(Code::InvalidInput) } else { None };
        let Some(code) = wanted.or(Code::ALL.iter().copied().find(|code| code.status() == *status)) else { continue };
        let mut value = json!({
            "type": format!("/problems/{}", code.wire()), "title": code.title(), "status": status,
            "detail": code.meaning(), "code": code.wire(), "requestId": "019aa2c4-7e00-7000-8000-000000000001",
        });
        if code == Code::InvalidInput {
            value["detail"] = json!("/title: at most 300 characters");
            value["errors"] = json!([{ "pointer": "/title", "code": "too_long", "detail": "at most 300 characters" }]);
        }
        examples.insert((*name).into(), json!({ "summary": code.title(), "value": value }));
    }
    Value::Object(examples)
}

/// Content of this schema, with its example.
fn content(kind: &str, schema: &str) -> Value {
    json!({ kind: {
        "schema": { "$ref": format!("#/components/schemas/{schema}") },
        "examples": { "typical": { "$ref": format!("#/components/examples/{schema}") } },
    } })
}

fn described(operations: &Operations, operation: &Operation) -> Value {
    let rule = rule(operation.op);
    let open = rule.open;
    let mut out = json!({
        "operationId": operation.op.name(),
        "summary": operation.op.summary().trim_end_matches('.'),
        "description": description(operation),
        "tags": [operation.collection],
        "parameters": parameters(operations, operation),
        "responses": answers(operation, open),
    });
    if let Some(body) = &operation.body {
        let kind = if operation.kind == Kind::Update { "application/merge-patch+json" } else { "application/json" };
        out["requestBody"] = json!({
            "required": operations.needs_body(operation),
            "description": "What is sent.",
            "content": content(kind, body),
        });
    }
    out["security"] = match open {
        true => json!([]),
        false if rule.signed_in => json!([{ "bearer": [] }]),
        false => json!([{ "clientCredentials": [operations.scope(operation.op)] }, { "bearer": [] }]),
    };
    if let Some(end) = operations.deprecations.operation(operation.op) {
        out["deprecated"] = json!(true);
        out["description"] = json!(format!("{} Deprecated: {}", description(operation), end.reason()));
        let headers = &mut out["responses"][operation.kind.status().to_string()]["headers"];
        for header in ["Deprecation", "Sunset", "Link"] {
            headers[header] = referring(header);
        }
    }
    let roles: Vec<Value> = Role::ALL
        .into_iter()
        .filter(|role| rule.reach(*role) != Reach::Nothing)
        .map(|role| json!({ "role": role.word(), "reach": rule.reach(role).word() }))
        .collect();
    if !roles.is_empty() {
        out["x-roles"] = json!(roles);
    }
    out
}

/// A list as a file, described: an operation of its own, since it answers in another form.
fn as_file(operations: &Operations, file: &Operation, format: Format) -> Value {
    let mut out = described(operations, file);
    let (ending, form) = match format {
        Format::Csv => ("Csv", "CSV (RFC 4180), a line of headers first"),
        Format::JsonLines => ("Jsonl", "JSON Lines, one record a line"),
    };
    out["operationId"] = json!(format!("{}{ending}", file.op.name()));
    out["summary"] = json!(format!("{} as {form}", file.op.summary().trim_end_matches('.')));
    out["description"] = json!(format!("{} The whole list as {form}.", description(file)));
    if let Some(parameters) = out["parameters"].as_array_mut() {
        parameters.retain(|parameter| parameter["name"] != "expand");
    }
    out["responses"]["200"] = json!({
        "description": "The file.",
        "headers": {
            "Request-Id": referring("Request-Id"),
            "RateLimit": referring("RateLimit"),
            "RateLimit-Policy": referring("RateLimit-Policy"),
            "Content-Disposition": { "description": "Name of the file.", "schema": { "type": "string" } },
        },
        "content": { format.media_type(): { "schema": { "type": "string" } } },
    });
    out
}

fn description(operation: &Operation) -> String {
    let rule = rule(operation.op);
    let mut text = operation.op.summary().to_owned();
    if !rule.because.is_empty() {
        text += &format!(" Access: {}.", rule.because);
    }
    if rule.course {
        text += " The intermediary is refused with `INTERMEDIARY_CANNOT_SET_COURSE`.";
    }
    text
}

fn parameters(operations: &Operations, operation: &Operation) -> Vec<Value> {
    let mut parameters = Vec::new();
    if operation.path.contains("{id}") {
        parameters.push(json!({
            "name": "id", "in": "path", "required": true, "description": "The record.",
            "schema": { "type": "string", "format": "uuid" },
        }));
    }
    for parameter in &operation.parameters {
        let mut one = query(parameter);
        if operation.in_path(parameter) {
            (one["in"], one["required"]) = (json!("path"), json!(true));
        }
        parameters.push(one);
    }
    let has_relations = operations.relations.iter().any(|relation| Some(relation.from) == record(operation));
    if matches!(operation.kind, Kind::List | Kind::Get) && has_relations {
        let names: Vec<&str> = operations
            .relations
            .iter()
            .filter(|relation| Some(relation.from) == record(operation))
            .map(|relation| relation.field)
            .collect();
        parameters.push(json!({
            "name": "expand", "in": "query", "required": false, "style": "form", "explode": false,
            "description": format!("Relations to include, separated by commas, deeper ones after a dot: {}.", names.join(", ")),
            "schema": { "type": "array", "minItems": 1, "maxItems": 20, "items": { "type": "string", "maxLength": 200, "pattern": RELATION_PATH } },
        }));
    }
    if operation.kind.repeatable() {
        parameters.push(json!({
            "name": "validateOnly", "in": "query", "required": false, "description": "Check everything and keep nothing.",
            "schema": { "type": "boolean" },
        }));
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "Repeating the request with the same key has one effect and gives the first answer.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255 },
        }));
    }
    if operation.kind == Kind::Upsert {
        parameters.push(json!({
            "name": "If-None-Match", "in": "header", "required": false,
            "description": "With `*` the same as `createOnly`.",
            "schema": { "type": "string", "maxLength": 200 },
        }));
    }
    if operation.kind.needs_version() || operation.kind == Kind::Upsert {
        parameters.push(json!({
            "name": "If-Match", "in": "header", "required": operation.kind.needs_version(),
            "description": "The entity tag read with the record: its version in quotes.",
            "schema": { "type": "string", "pattern": "^\"[1-9][0-9]{0,9}\"$", "maxLength": 12, "examples": ["\"3\""] },
        }));
    }
    if operation.kind == Kind::Get {
        parameters.push(json!({
            "name": "If-None-Match", "in": "header", "required": false,
            "description": "Answer 304 when the record still has this entity tag.",
            "schema": { "type": "string", "examples": ["\"3\""] },
        }));
    }
    if !rule(operation.op).open {
        parameters.push(json!({
            "name": "Acting-Partnership", "in": "header", "required": false,
            "description": "The table acted at, for callers who sit at several.",
            "schema": { "type": "string", "format": "uuid" },
        }));
    }
    parameters
}

fn record(operation: &Operation) -> Option<&str> {
    operation.item.as_deref().or(Some(operation.answer.as_str()))
}

fn query(parameter: &Parameter) -> Value {
    let mut out = json!({
        "name": parameter.name, "in": "query", "required": false, "description": parameter.description,
        "schema": parameter.schema,
    });
    if parameter.many {
        out["schema"] = json!({ "type": "array", "items": parameter.schema, "minItems": 1, "maxItems": 200 });
        out["style"] = json!("form");
        out["explode"] = json!(false);
    }
    out
}

fn answers(operation: &Operation, open: bool) -> Value {
    let mut headers = json!({
        "Request-Id": referring("Request-Id"),
        "RateLimit": referring("RateLimit"),
        "RateLimit-Policy": referring("RateLimit-Policy"),
    });
    let one = matches!(operation.kind, Kind::Get | Kind::Create | Kind::Upsert);
    if one || operation.kind.needs_version() {
        headers["ETag"] = referring("ETag");
    }
    if operation.kind == Kind::Create {
        headers["Location"] = referring("Location");
    }
    if operation.kind == Kind::List {
        headers["Link"] = referring("Link");
    }
    let about = match operation.kind {
        Kind::List => "A page.",
        Kind::Create => "Made.",
        Kind::Get | Kind::Report => "Found.",
        Kind::Update | Kind::Upsert => "Changed.",
        Kind::Archive => "Archived.",
        Kind::Act | Kind::Submit => "Done.",
    };
    let shape = match operation.media {
        "application/json" => content("application/json", &operation.answer),
        media => json!({ media: { "schema": { "type": "string" } } }),
    };
    let mut answers = Map::new();
    answers.insert(
        operation.kind.status().to_string(),
        json!({
            "description": about,
            "headers": headers,
            "content": shape,
        }),
    );
    if operation.kind == Kind::Upsert {
        let mut made = answers[&operation.kind.status().to_string()].clone();
        made["description"] = json!("Made.");
        made["headers"]["Location"] = referring("Location");
        answers.insert("201".into(), made);
    }
    if operation.kind == Kind::Get {
        answers.insert(
            "304".into(),
            json!({
                "description": "Not changed since.",
                "headers": { "ETag": referring("ETag"), "Request-Id": referring("Request-Id") },
            }),
        );
    }
    let mut statuses: Vec<u16> = vec![400, 401, 403, 406, 429, 500, 503];
    if operation.path.contains("{id}") || matches!(operation.kind, Kind::Report | Kind::Submit) {
        statuses.push(404);
    }
    if operation.kind.writes() {
        statuses.extend([409, 413, 415, 422]);
    }
    if operation.kind.needs_version() {
        statuses.extend([412, 428]);
    }
    if operation.kind == Kind::Upsert {
        statuses.push(412);
    }
    if open {
        statuses.extend([410, 502]);
    }
    if operation.op == Op::ListEvents {
        statuses.push(410);
    }
    statuses.sort_unstable();
    for status in statuses {
        if let Some((_, name, _)) = COMMON.iter().find(|(known, ..)| *known == status) {
            answers.insert(status.to_string(), json!({ "$ref": format!("#/components/responses/{name}") }));
        }
    }
    Value::Object(answers)
}
