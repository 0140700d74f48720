//! Bodies and GraphQL documents made from the table of operations, for suites that go through all of them.

use roundtable_kernel::graphql::field_name;
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Kind, Operation, Operations};
use roundtable_kernel::schema::referred;
use serde_json::{Map, Value, json};

fn resolved<'a>(table: &'a Operations, schema: &'a Value) -> &'a Value {
    match referred(schema) {
        Some(name) => &table.schemas.named[name],
        None => schema,
    }
}

/// The smallest value that fits a schema.
pub fn smallest(table: &Operations, schema: &Value) -> Value {
    let schema = resolved(table, schema);
    if let Some(words) = schema["enum"].as_array() {
        return words[0].clone();
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds[0].as_str().unwrap_or_default(),
        kind => kind.as_str().unwrap_or_default(),
    };
    match kind {
        "object" => {
            let required: Vec<&str> =
                schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let mut out = Map::new();
            for (name, member) in schema["properties"].as_object().into_iter().flatten() {
                if required.contains(&name.as_str()) {
                    out.insert(name.clone(), smallest(table, member));
                }
            }
            Value::Object(out)
        }
        "array" => {
            let least = schema["minItems"].as_u64().unwrap_or(0);
            (0..least).map(|_| smallest(table, &schema["items"])).collect()
        }
        "integer" | "number" => schema["minimum"].as_i64().unwrap_or(1).into(),
        "boolean" => json!(false),
        _ => json!(words(schema)),
    }
}

fn words(schema: &Value) -> String {
    match (schema["format"].as_str(), schema["pattern"].as_str()) {
        (Some("uuid"), _) => "0198c000-0000-7000-8000-000000000000".into(),
        (Some("date"), _) => "2026-02-02".into(),
        (Some("date-time"), _) => "2026-02-02T10:00:00Z".into(),
        (_, Some(pattern)) if pattern.contains('@') => "somebody@example.org".into(),
        (_, Some(pattern)) if pattern.contains("http") => "https://example.org".into(),
        (_, Some(pattern)) if pattern.contains(r"T\d") => "2026-02-02T10:00".into(),
        (_, Some(pattern)) if pattern.contains("ce-") => "ce-0198c000-0000-7000-8000-000000000000".into(),
        _ => {
            let length = schema["minLength"].as_u64().unwrap_or(1).max(1);
            "x".repeat(usize::try_from(length).unwrap())
        }
    }
}

/// The smallest body an operation takes.
pub fn body(table: &Operations, operation: &Operation) -> Option<Value> {
    let name = operation.body.as_ref()?;
    Some(smallest(table, &table.schemas.named[name.as_str()]))
}

/// Names of the plain members of a schema, for a selection.
pub fn plain_members<'a>(table: &'a Operations, schema: &'a Value) -> Vec<&'a str> {
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .filter(|(_, member)| {
            let member = match resolved(table, member) {
                list if list["type"] == "array" => resolved(table, &list["items"]),
                one => one,
            };
            member.get("properties").is_none() && member["format"] != "record"
        })
        .map(|(name, _)| name.as_str())
        .collect()
}

fn selection(table: &Operations, name: &str) -> String {
    let schema = &table.schemas.named[name];
    let mut members: Vec<String> = plain_members(table, schema).into_iter().map(str::to_owned).collect();
    if table.interfaces.contains_key(name) {
        members = vec!["id version".into()];
    }
    if members.is_empty() {
        members.push("__typename".into());
    }
    members.join(" ")
}

/// Literal of GraphQL for a value of this schema.
pub fn literal(table: &Operations, schema: &Value, value: &Value) -> String {
    // A list of words that has no name of its own is text in GraphQL.
    let named = referred(schema).is_some();
    let schema = resolved(table, schema);
    match value {
        Value::String(word) if named && schema.get("enum").is_some() => word.to_uppercase(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| literal(table, &schema["items"], item)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|(name, value)| format!("{name}: {}", literal(table, branch(&schema["properties"][name]), value)))
                .collect();
            format!("{{{}}}", members.join(", "))
        }
        other => other.to_string(),
    }
}

fn branch(schema: &Value) -> &Value {
    let branches = schema["oneOf"].as_array().into_iter().flatten();
    branches.into_iter().find(|one| one["type"] != "null").unwrap_or(schema)
}

/// The document that asks GraphQL for what REST would be asked for.
pub fn document(
    table: &Operations,
    operation: &Operation,
    id: Option<&str>,
    version: i64,
    body: Option<&Value>,
    validate_only: bool,
) -> String {
    let mut arguments = Vec::new();
    if let Some(id) = id {
        arguments.push(format!("id: \"{id}\""));
    }
    if operation.kind == Kind::Upsert {
        arguments.push("scheme: \"sample\", value: \"1\"".into());
    }
    if operation.op == Op::GetAccess {
        arguments.push(format!("collection: \"{}\"", collection(operation)));
    }
    if operation.kind.needs_version() {
        arguments.push(format!("version: {version}"));
    }
    if let (Some(name), Some(body)) = (&operation.body, body) {
        let schema = &table.schemas.named[name.as_str()];
        if schema.get("properties").is_some() {
            arguments.push(format!("input: {}", literal(table, schema, body)));
        }
    }
    if validate_only && takes_validate_only(operation) {
        arguments.push("validateOnly: true".into());
    }
    let arguments = if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
    let selection = match &operation.item {
        Some(item) => format!("nodes {{ {} }} pageInfo {{ endCursor }}", selection(table, item)),
        None => selection(table, &operation.answer),
    };
    let root = if operation.kind.writes() { "mutation" } else { "query" };
    format!("{root} {{ it: {}{arguments} {{ {selection} }} }}", field_name(operation))
}

/// The collection whose records an operation is tried on.
pub fn collection(operation: &Operation) -> &'static str {
    if operation.op == Op::GetAccess { "organizations" } else { operation.collection }
}

/// The address with its id, external id or collection filled in.
pub fn path(operation: &Operation, id: Option<&str>) -> String {
    let path = operation.path.replace("{scheme}", "sample").replace("{value}", "1");
    let path = path.replace("{collection}", collection(operation));
    match id {
        Some(id) => path.replace("{id}", id),
        None => path,
    }
}

/// Whether an operation is about one record named in its address.
pub fn about_one(operation: &Operation) -> bool {
    operation.kind.has_id() || (operation.kind == Kind::Report && operation.path.contains("{id}"))
}

/// Whether an operation can be asked to check everything and keep nothing.
pub fn takes_validate_only(operation: &Operation) -> bool {
    operation.kind.writes() && operation.kind != Kind::Submit
}
