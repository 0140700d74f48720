//! The OpenAPI document once more, in version 3.0.3, for tools that do not read 3.1.

use serde_json::{Map, Value, json};

use crate::openapi::MESSAGE;
use crate::schema::referred;

/// The same document in 3.0.3. What 3.0 cannot say is left out: web hooks, and the identifier of the licence.
pub fn lowered(document: &Value) -> Value {
    let mut document = document.clone();
    document["openapi"] = json!("3.0.3");
    if let Some(members) = document.as_object_mut() {
        members.shift_remove("webhooks");
        members.shift_remove("jsonSchemaDialect");
    }
    if let Some(licence) = document.pointer_mut("/info/license").and_then(Value::as_object_mut) {
        licence.shift_remove("identifier");
    }
    // Only webhooks speak of it.
    for pointer in ["/components/schemas", "/components/examples"] {
        if let Some(named) = document.pointer_mut(pointer).and_then(Value::as_object_mut) {
            named.shift_remove(MESSAGE);
        }
    }
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    if let Some(schemas) = schemas {
        let kinds = schemas.iter().map(|(name, schema)| (name.clone(), schema["type"].clone())).collect();
        for member in schemas.values_mut() {
            schema(member);
            name_kinds(member, &kinds);
        }
    }
    below(&mut document);
    document
}

/// Finds the schemas of parameters, headers and bodies.
fn below(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                match name.as_str() {
                    "schema" => schema(member),
                    "schemas" | "example" | "examples" => {}
                    _ => below(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(below),
        _ => {}
    }
}

fn schema(value: &mut Value) {
    let Some(members) = value.as_object_mut() else { return };
    types(members);
    branches(members);
    if let Some(only) = members.shift_remove("const") {
        members.insert("enum".into(), json!([only]));
    }
    if let Some(examples) = members.shift_remove("examples") {
        members.extend(examples.get(0).map(|first| ("example".to_owned(), first.clone())));
    }
    for (exclusive, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        if let Some(number) = members.get(exclusive).filter(|number| number.is_number()).cloned() {
            members.insert(bound.into(), number);
            members.insert(exclusive.into(), json!(true));
        }
    }
    if members.shift_remove("contentEncoding").is_some() {
        members.entry("format").or_insert(json!("byte"));
    }
    members.shift_remove("contentMediaType");
    // In 3.0 nothing may stand beside a reference.
    if members.len() > 1
        && let Some(reference) = members.shift_remove("$ref")
    {
        members.insert("allOf".into(), json!([{ "$ref": reference }]));
    }
    for (name, member) in members.iter_mut() {
        match (name.as_str(), member) {
            ("properties", Value::Object(properties)) => properties.values_mut().for_each(schema),
            ("oneOf" | "anyOf" | "allOf", Value::Array(schemas)) => schemas.iter_mut().for_each(schema),
            ("items" | "additionalProperties" | "not", one) => schema(one),
            _ => {}
        }
    }
}

/// `type: [string, "null"]` as `type: string` with `nullable`.
fn types(members: &mut Map<String, Value>) {
    let Some(Value::Array(kinds)) = members.get("type") else { return };
    let null = kinds.iter().any(|kind| kind == "null");
    let left: Vec<Value> = kinds.iter().filter(|kind| *kind != "null").cloned().collect();
    match left.as_slice() {
        [one] => {
            members.insert("type".into(), one.clone());
        }
        several => {
            let branches: Vec<Value> = several.iter().map(|kind| json!({ "type": kind })).collect();
            members.shift_remove("type");
            members.insert("anyOf".into(), Value::Array(branches));
        }
    }
    if null {
        members.insert("nullable".into(), json!(true));
    }
}

/// One of something and null as that something with `nullable`.
fn branches(members: &mut Map<String, Value>) {
    for union in ["oneOf", "anyOf"] {
        let Some(Value::Array(branches)) = members.get(union) else { continue };
        let left: Vec<Value> = branches.iter().filter(|branch| branch["type"] != "null").cloned().collect();
        if left.len() == branches.len() {
            continue;
        }
        members.insert("nullable".into(), json!(true));
        members.shift_remove(union);
        match left.as_slice() {
            [Value::Object(one)] if !one.contains_key("$ref") => {
                for (name, member) in one {
                    members.entry(name.clone()).or_insert(member.clone());
                }
            }
            [one] => {
                members.insert("allOf".into(), json!([one]));
            }
            several => {
                members.insert(union.into(), Value::Array(several.to_vec()));
            }
        }
    }
}

/// Beside `nullable` stands a type, also where the schema is a reference.
fn name_kinds(value: &mut Value, kinds: &Map<String, Value>) {
    match value {
        Value::Object(members) => {
            let name = members.get("allOf").and_then(|all| referred(all.get(0)?)).map(str::to_owned);
            if members.get("nullable") == Some(&json!(true))
                && let Some(kind) = name.and_then(|name| kinds.get(&name)).filter(|kind| kind.is_string())
            {
                members.insert("type".into(), kind.clone());
            }
            members.values_mut().for_each(|member| name_kinds(member, kinds));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| name_kinds(item, kinds)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lowered_schema(schema: Value) -> Value {
        let document =
            json!({ "openapi": "3.1.0", "info": {}, "webhooks": {}, "components": { "schemas": { "A": schema } } });
        let lowered = lowered(&document);
        assert_eq!(lowered["openapi"], "3.0.3");
        assert!(lowered.get("webhooks").is_none());
        lowered["components"]["schemas"]["A"].clone()
    }

    #[test]
    fn null_becomes_nullable() {
        assert_eq!(
            lowered_schema(json!({ "type": ["string", "null"] })),
            json!({ "type": "string", "nullable": true })
        );
        assert_eq!(
            lowered_schema(json!({ "oneOf": [{ "$ref": "#/x" }, { "type": "null" }] })),
            json!({ "allOf": [{ "$ref": "#/x" }], "nullable": true })
        );
        assert_eq!(
            lowered_schema(
                json!({ "description": "d", "oneOf": [{ "type": "string", "enum": ["a"] }, { "type": "null" }] })
            ),
            json!({ "description": "d", "type": "string", "enum": ["a"], "nullable": true })
        );
    }

    #[test]
    fn a_nullable_reference_says_its_type() {
        let schemas = json!({
            "Word": { "type": "string", "enum": ["a"] },
            "Patch": { "properties": { "word": { "oneOf": [{ "$ref": "#/components/schemas/Word" }, { "type": "null" }] } } },
        });
        let lowered = lowered(&json!({ "components": { "schemas": schemas } }));
        assert_eq!(
            lowered["components"]["schemas"]["Patch"]["properties"]["word"],
            json!({ "allOf": [{ "$ref": "#/components/schemas/Word" }], "nullable": true, "type": "string" })
        );
    }

    #[test]
    fn newer_words_become_older_ones() {
        assert_eq!(lowered_schema(json!({ "const": "a" })), json!({ "enum": ["a"] }));
        assert_eq!(lowered_schema(json!({ "examples": [1, 2] })), json!({ "example": 1 }));
        assert_eq!(lowered_schema(json!({ "exclusiveMinimum": 0 })), json!({ "exclusiveMinimum": true, "minimum": 0 }));
        assert_eq!(
            lowered_schema(json!({ "$ref": "#/x", "description": "d" })),
            json!({ "description": "d", "allOf": [{ "$ref": "#/x" }] })
        );
    }

    #[test]
    fn a_member_called_examples_is_a_member() {
        let schema = json!({ "type": "object", "properties": { "examples": { "type": ["integer", "null"] } } });
        assert_eq!(
            lowered_schema(schema),
            json!({ "type": "object", "properties": { "examples": { "type": "integer", "nullable": true } } })
        );
    }
}
