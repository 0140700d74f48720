//! Patches of SCIM (RFC 7644, section 3.5.2), applied to a resource.

use serde_json::{Map, Value};

use crate::filter::{Filter, Path, member};
use crate::refusal::{Refusal, Result};

/// Most operations of one patch.
const MOST: usize = 1000;
const SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Add,
    Replace,
    Remove,
}

/// What an operation is about: an attribute, some of its values, a sub-attribute.
struct Target {
    path: Path,
    only: Option<Filter>,
}

impl Target {
    fn read(text: &str) -> Result<Self> {
        let wrong = || Refusal::bad("invalidPath", format!("`{text}` is no path"));
        let Some((attribute, rest)) = text.split_once('[') else {
            return Ok(Self { path: Path::read(text.trim()).ok_or_else(wrong)?, only: None });
        };
        let (filter, behind) = rest.rsplit_once(']').ok_or_else(wrong)?;
        let mut path = Path::read(attribute).filter(|path| path.sub.is_none()).ok_or_else(wrong)?;
        if !behind.is_empty() {
            let sub =
                behind.strip_prefix('.').and_then(Path::read).filter(|sub| sub.sub.is_none()).ok_or_else(wrong)?;
            path.sub = Some(sub.attribute);
        }
        Ok(Self { path, only: Some(Filter::read(filter)?) })
    }
}

/// Applies a patch.
pub(crate) fn apply(resource: &mut Value, patch: &Value) -> Result<()> {
    let schemas = member(patch, "schemas").and_then(Value::as_array);
    if !schemas.is_some_and(|schemas| schemas.iter().any(|schema| schema == SCHEMA)) {
        return Err(Refusal::bad("invalidSyntax", format!("schemas names {SCHEMA}")));
    }
    let operations = member(patch, "Operations").and_then(Value::as_array);
    let operations = operations
        .filter(|operations| (1..=MOST).contains(&operations.len()))
        .ok_or_else(|| Refusal::bad("invalidSyntax", format!("Operations is a list of 1 to {MOST}")))?;
    for operation in operations {
        let verb = member(operation, "op").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
        let verb = match verb.as_str() {
            "add" => Verb::Add,
            "replace" => Verb::Replace,
            "remove" => Verb::Remove,
            _ => return Err(Refusal::bad("invalidSyntax", "op is add, replace or remove")),
        };
        let value = member(operation, "value");
        match (member(operation, "path").and_then(Value::as_str), value) {
            (Some(path), value) => change(resource, verb, &Target::read(path)?, value)?,
            (None, Some(Value::Object(members))) if verb != Verb::Remove => {
                for (name, value) in members {
                    // Attributes of schemas that are not kept here.
                    let Some(path) = Path::read(name) else { continue };
                    if !is_read_only(&path) {
                        change(resource, verb, &Target { path, only: None }, Some(value))?;
                    }
                }
            }
            _ => return Err(Refusal::bad("noTarget", "give a path, or a value that is a resource")),
        }
    }
    Ok(())
}

fn is_read_only(path: &Path) -> bool {
    ["id", "meta", "schemas", "groups"].iter().any(|name| path.attribute.eq_ignore_ascii_case(name))
}

/// The key as the resource writes it, or as it was given.
fn key(members: &Map<String, Value>, name: &str) -> String {
    members.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned().unwrap_or_else(|| name.into())
}

fn change(resource: &mut Value, verb: Verb, target: &Target, value: Option<&Value>) -> Result<()> {
    if is_read_only(&target.path) {
        return Err(Refusal::bad("mutability", format!("{} is read only", target.path.attribute)));
    }
    if verb != Verb::Remove && value.is_none() {
        return Err(Refusal::bad("invalidValue", "the value is missing"));
    }
    let Some(members) = resource.as_object_mut() else { return Err(Refusal::not_found()) };
    let name = key(members, &target.path.attribute);
    match (&target.only, &target.path.sub) {
        (Some(only), sub) => some(members, &name, verb, only, sub.as_deref(), value),
        (None, None) => whole(members, &name, verb, value),
        (None, Some(sub)) => {
            let inner = members.entry(name).or_insert_with(|| Value::Object(Map::new()));
            let inner = match inner {
                // The only value there is.
                Value::Array(all) if all.len() == 1 => &mut all[0],
                other => other,
            };
            match inner {
                Value::Object(inner) => {
                    let name = key(inner, sub);
                    whole(inner, &name, verb, value)
                }
                _ => Err(Refusal::bad("invalidPath", format!("{sub} is no part of this attribute"))),
            }
        }
    }
}

fn whole(members: &mut Map<String, Value>, name: &str, verb: Verb, value: Option<&Value>) -> Result<()> {
    let value = value.cloned().unwrap_or(Value::Null);
    match (verb, members.get_mut(name)) {
        (Verb::Remove, Some(Value::Array(there))) if !value.is_null() => {
            let gone: Vec<Value> = listed(value).iter().map(identity).collect();
            there.retain(|one| !gone.contains(&identity(one)));
        }
        (Verb::Remove, _) => {
            members.remove(name);
        }
        (Verb::Add, Some(Value::Array(there))) => {
            for one in listed(value) {
                if !there.iter().any(|known| identity(known) == identity(&one)) {
                    there.push(one);
                }
            }
        }
        (_, Some(Value::Object(there))) if value.is_object() => {
            for (key_given, value) in value.as_object().cloned().unwrap_or_default() {
                there.insert(key(there, &key_given), value);
            }
        }
        (_, Some(Value::Array(there))) => *there = listed(value),
        _ => {
            members.insert(name.into(), value);
        }
    }
    Ok(())
}

fn listed(value: Value) -> Vec<Value> {
    match value {
        Value::Array(all) => all,
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

/// What tells values of a list apart.
fn identity(value: &Value) -> Value {
    member(value, "value").unwrap_or(value).clone()
}

fn some(
    members: &mut Map<String, Value>,
    name: &str,
    verb: Verb,
    only: &Filter,
    sub: Option<&str>,
    value: Option<&Value>,
) -> Result<()> {
    let no_target = || Refusal::bad("noTarget", "no value fits the path");
    let Some(Value::Array(all)) = members.get_mut(name) else { return Err(no_target()) };
    if !all.iter().any(|one| only.fits(one)) {
        return Err(no_target());
    }
    if verb == Verb::Remove && sub.is_none() {
        all.retain(|one| !only.fits(one));
        return Ok(());
    }
    for one in all.iter_mut().filter(|one| only.fits(one)) {
        let Value::Object(inner) = one else { return Err(no_target()) };
        match sub {
            Some(sub) => {
                let name = key(inner, sub);
                whole(inner, &name, verb, value)?;
            }
            None => match value {
                Some(Value::Object(given)) => {
                    for (key_given, value) in given {
                        inner.insert(key(inner, key_given), value.clone());
                    }
                }
                _ => return Err(Refusal::bad("invalidValue", "the value is a record")),
            },
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]
mod tests {
    use serde_json::json;

    use super::*;

    fn patched(operations: Value) -> Result<Value> {
        let mut user = json!({
            "id": "1", "userName": "ana", "name": { "givenName": "Ana" }, "active": true,
            "emails": [{ "value": "a@x.org", "type": "work" }],
            "members": [{ "value": "1" }, { "value": "2" }],
        });
        apply(&mut user, &json!({ "schemas": [SCHEMA], "Operations": operations }))?;
        Ok(user)
    }

    #[test]
    fn what_is_added_replaced_and_removed() {
        let user = patched(json!([
            { "op": "Replace", "path": "active", "value": "False" },
            { "op": "add", "path": "name.familyName", "value": "Ruiz" },
            { "op": "replace", "path": "emails[type eq \"work\"].value", "value": "b@x.org" },
            { "op": "add", "path": "members", "value": [{ "value": "2" }, { "value": "3" }] },
            { "op": "remove", "path": "members[value eq \"1\"]" },
            { "op": "add", "value": { "title": "Machinist", "name.givenName": "Anna", "id": "2" } },
            { "op": "replace", "path": "urn:ietf:params:scim:schemas:core:2.0:User:userName", "value": "anna" },
        ]))
        .unwrap();
        assert_eq!(user["active"], "False");
        assert_eq!(user["name"], json!({ "givenName": "Anna", "familyName": "Ruiz" }));
        assert_eq!(user["emails"], json!([{ "value": "b@x.org", "type": "work" }]));
        assert_eq!(user["members"], json!([{ "value": "2" }, { "value": "3" }]));
        assert_eq!(
            (&user["title"], &user["userName"], &user["id"]),
            (&json!("Machinist"), &json!("anna"), &json!("1"))
        );
    }

    #[test]
    fn members_are_removed_by_name_or_all_at_once() {
        let gone = json!([{ "op": "remove", "path": "members", "value": [{ "value": "1" }] }]);
        assert_eq!(patched(gone).unwrap()["members"], json!([{ "value": "2" }]));
        let all = patched(json!([{ "op": "remove", "path": "members" }])).unwrap();
        assert!(all.get("members").is_none());
        let replaced = patched(json!([{ "op": "replace", "path": "members", "value": [] }])).unwrap();
        assert_eq!(replaced["members"], json!([]));
    }

    #[test]
    fn what_is_no_patch_is_refused() {
        for operations in [
            json!([]),
            json!([{ "op": "move", "path": "title" }]),
            json!([{ "op": "remove" }]),
            json!([{ "op": "add", "value": "x" }]),
            json!([{ "op": "add", "path": "title" }]),
            json!([{ "op": "replace", "path": "id", "value": "2" }]),
            json!([{ "op": "replace", "path": "emails[type eq \"home\"].value", "value": "x" }]),
            json!([{ "op": "replace", "path": "emails[type eq", "value": "x" }]),
            json!([{ "op": "replace", "path": "a.b.c", "value": "x" }]),
            json!([{ "op": "add", "path": "userName.x", "value": "x" }]),
        ] {
            assert!(patched(operations.clone()).is_err(), "{operations}");
        }
        assert!(apply(&mut json!({}), &json!({ "Operations": [{ "op": "remove", "path": "title" }] })).is_err());
    }
}
