//! The published schemas, and the check of every body against them: what the document says is what the server takes.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use jsonschema::Validator;
use roundtable_entity::{Record, Use};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::error::{Error, Problem, Result};

/// `meeting_series` as `meetingSeries`.
pub fn camel(snake: &str) -> String {
    let mut out = String::with_capacity(snake.len());
    let mut up = false;
    for letter in snake.chars() {
        match (letter, up) {
            ('_', _) => up = true,
            (letter, true) => {
                out.extend(letter.to_uppercase());
                up = false;
            }
            (letter, false) => out.push(letter),
        }
    }
    out
}

/// Named schemas, by name.
#[derive(Default)]
pub struct Schemas {
    /// The schemas, as in `components.schemas`.
    pub named: Map<String, Value>,
    validators: RwLock<HashMap<String, Arc<Validator>>>,
}

impl Schemas {
    /// Adds a type and what it refers to.
    pub fn add<T: ToSchema>(&mut self) -> String {
        let name = T::name().to_string();
        let mut found = Vec::new();
        T::schemas(&mut found);
        found.push((name.clone(), T::schema()));
        for (name, schema) in found {
            if !self.named.contains_key(&name)
                && let Ok(mut schema) = serde_json::to_value(schema)
            {
                tidy(&mut schema);
                self.named.insert(name, schema);
            }
        }
        name
    }

    /// Adds a schema made here.
    pub fn insert(&mut self, name: &str, schema: Value) {
        self.named.insert(name.into(), schema);
    }

    /// Says which words a text of a body can be, where the list is kept by the code that takes them.
    pub fn one_of<'w>(&mut self, name: &str, member: &str, words: impl IntoIterator<Item = &'w str>) {
        let words: Vec<&str> = words.into_iter().collect();
        if let Some(schema) = self.named.get_mut(name).and_then(|schema| schema["properties"].get_mut(member)) {
            schema["enum"] = json!(words);
        }
    }

    /// Says of a record which members are always there.
    pub fn require_present<R: Record>(&mut self) {
        let Some(schema) = self.named.get_mut(R::NAME) else {
            return;
        };
        let mut required = ["id", "version", "createdAt", "updatedAt"].map(str::to_owned).to_vec();
        for field in R::FIELDS.iter().filter(|field| !field.optional) {
            let member = camel(field.name);
            if schema["properties"].get(&member).is_some() {
                required.push(member);
            }
        }
        schema["required"] = json!(required);
    }

    /// Adds what a PATCH of this record takes: every member it may change, none required, null to empty.
    pub fn add_patch<R: Record>(&mut self, name: &str, of: &str, leave_out: impl Fn(&[Use]) -> bool) {
        let Some(new) = self.named.get(of).cloned() else { return };
        let required: Vec<&str> = new["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut properties = Map::new();
        for field in R::FIELDS.iter().filter(|field| field.on_update && !leave_out(field.uses)) {
            let member = camel(field.name);
            let Some(schema) = new["properties"].get(&member) else {
                continue;
            };
            // Null empties, or brings back what holds by default.
            let open = !required.contains(&member.as_str());
            properties.insert(member, if open { nullable(schema.clone()) } else { schema.clone() });
        }
        self.insert(
            name,
            json!({
                "type": "object",
                "description": format!("Members of `{}` to change (RFC 7396): absent stays, null empties.", R::NAME),
                "properties": properties,
                "additionalProperties": false,
            }),
        );
    }

    /// Adds a copy of a record's schema without the members of other kinds.
    pub fn add_narrowed<R: Record>(&mut self, name: &str, of: &str, keep: Use, description: &str) {
        let Some(mut schema) = self.named.get(of).cloned() else {
            return;
        };
        for field in R::FIELDS.iter().filter(|field| foreign(field.uses, keep)) {
            if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
                properties.shift_remove(&camel(field.name));
            }
            if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
                required.retain(|member| member.as_str() != Some(&camel(field.name)));
            }
        }
        schema["description"] = json!(description);
        self.insert(name, schema);
    }

    /// Checks a body. Every wrong member is named.
    pub fn check(&self, name: &str, body: &Value) -> Result<()> {
        let validator = self.validator(name)?;
        if validator.is_valid(body) {
            return Ok(());
        }
        // A schema without members says of each one only that it is none.
        if let (Some(schema), Value::Object(members)) = (self.named.get(name), body)
            && schema["additionalProperties"] == false
            && schema["properties"].as_object().is_none_or(Map::is_empty)
        {
            return Err(Error::members(members.keys().take(100).map(|name| unknown_member("", name)).collect()));
        }
        let problems: Vec<Problem> = validator.iter_errors(body).flat_map(|error| problems(&error)).take(100).collect();
        Err(Error::members(problems))
    }

    fn validator(&self, name: &str) -> Result<Arc<Validator>> {
        let poisoned = || Error::internal("the validators are poisoned");
        if let Some(validator) = self.validators.read().map_err(|_| poisoned())?.get(name) {
            return Ok(validator.clone());
        }
        let root = json!({
            "$ref": format!("#/components/schemas/{name}"),
            "components": { "schemas": self.closure(name) },
        });
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(&root)
            .map_err(|error| Error::internal(format!("the schema {name} is wrong: {error}")))?;
        let validator = Arc::new(validator);
        self.validators.write().map_err(|_| poisoned())?.insert(name.into(), validator.clone());
        Ok(validator)
    }

    /// A schema and all it refers to.
    fn closure(&self, name: &str) -> Map<String, Value> {
        let mut closed = Map::new();
        let mut open = vec![name.to_owned()];
        while let Some(name) = open.pop() {
            if closed.contains_key(&name) {
                continue;
            }
            let Some(schema) = self.named.get(&name) else { continue };
            references(schema, &mut open);
            closed.insert(name, schema.clone());
        }
        closed
    }

    /// The words of an enumeration, if the name is one.
    pub fn words(&self, name: &str) -> Option<Vec<&str>> {
        let words = self.named.get(name)?.get("enum")?.as_array()?;
        Some(words.iter().filter_map(Value::as_str).collect())
    }
}

/// Whether a member belongs to another kind than the one to keep.
pub fn foreign(uses: &[Use], keep: Use) -> bool {
    let kinds = [Use::employer, Use::union, Use::institution];
    uses.iter().any(|one| kinds.contains(one)) && !uses.contains(&keep)
}

/// The name a `$ref` ends in.
pub fn referred(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.rsplit('/').next()
}

fn references(schema: &Value, names: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            if let Some(name) = referred(schema) {
                names.push(name.into());
            }
            members.values().for_each(|member| references(member, names));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, names)),
        _ => {}
    }
}

/// Takes null out: what is not there is left out, on the wire and in the document.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Array(types)) = members.get("type") {
                let left: Vec<Value> = types.iter().filter(|one| *one != "null").cloned().collect();
                if let [one] = left.as_slice() {
                    let one = one.clone();
                    members.insert("type".into(), one);
                }
            }
            if let Some(Value::Array(branches)) = members.get("oneOf").cloned() {
                let left: Vec<Value> = branches.into_iter().filter(|one| one["type"] != "null").collect();
                if let [one] = left.as_slice() {
                    let description = members.get("description").or(one.get("description")).cloned();
                    let mut one = one.clone();
                    if let (Some(description), Some(only)) = (description, one.as_object_mut()) {
                        only.insert("description".into(), description);
                    }
                    *schema = one;
                    return;
                }
            }
            members.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn nullable(mut schema: Value) -> Value {
    if let Some(kind) = schema.get("type").cloned() {
        schema["type"] = json!([kind, "null"]);
        schema
    } else {
        let description = schema.as_object_mut().and_then(|members| members.shift_remove("description"));
        let mut either = json!({ "oneOf": [schema, { "type": "null" }] });
        if let Some(description) = description {
            either["description"] = description;
        }
        either
    }
}

/// Brings a body into the form both databases can keep: whole numbers as such, no NUL in any text.
pub fn wash(value: &mut Value, pointer: &str) -> Result<()> {
    match value {
        Value::String(text) if text.contains('\0') => {
            Err(Error::member(pointer, "wrong_form", "text cannot hold the character NUL"))
        }
        Value::Number(number) => {
            if let Some(float) = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0)
                && float.abs() < 9e15
            {
                *value = json!(float as i64);
            }
            Ok(())
        }
        Value::Array(items) => {
            items.iter_mut().enumerate().try_for_each(|(index, item)| wash(item, &format!("{pointer}/{index}")))
        }
        Value::Object(members) => {
            members.iter_mut().try_for_each(|(name, member)| wash(member, &format!("{pointer}/{name}")))
        }
        _ => Ok(()),
    }
}

fn unknown_member(at: &str, name: &str) -> Problem {
    Problem {
        pointer: format!("{at}/{name}"),
        code: "unknown_member",
        detail: format!("{name} is not a member that can be sent here"),
    }
}

fn problems(error: &jsonschema::ValidationError<'_>) -> Vec<Problem> {
    use jsonschema::error::ValidationErrorKind as Kind;
    let at = error.instance_path().as_str().to_owned();
    let one = |pointer: String, code: &'static str, detail: String| vec![Problem { pointer, code, detail }];
    match error.kind() {
        Kind::AdditionalProperties { unexpected } => unexpected.iter().map(|name| unknown_member(&at, name)).collect(),
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            one(format!("{at}/{name}"), "required", format!("{name} is required"))
        }
        Kind::Enum { options } => {
            let words: Vec<String> =
                options.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
            one(at, "unknown_value", format!("give one of {}", words.join(", ")))
        }
        Kind::MaxLength { limit } => one(at, "too_long", format!("at most {limit} characters")),
        Kind::MinLength { limit } => one(at, "too_short", format!("at least {limit} characters")),
        Kind::Minimum { limit } => one(at, "too_small", format!("at least {limit}")),
        Kind::Maximum { limit } => one(at, "too_large", format!("at most {limit}")),
        Kind::MaxItems { limit } => one(at, "too_many", format!("at most {limit} items")),
        Kind::MinItems { limit } => one(at, "too_few", format!("at least {limit} items")),
        Kind::Pattern { pattern } => one(at, "wrong_form", format!("has to match {pattern}")),
        Kind::Format { format } => one(at, "wrong_form", format!("is not a {format}")),
        Kind::Type { .. } => one(at, "wrong_type", format!("has the wrong type: {error}")),
        _ => one(at, "invalid", error.to_string()),
    }
}
