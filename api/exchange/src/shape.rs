//! What an import needs to know of a collection: its operations and the members of its record, as the table of operations
//! has them.

use std::collections::BTreeMap;

use roundtable_kernel::error::{Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Kind, Operation, Operations};
use roundtable_kernel::schema::referred;
use serde_json::Value;

/// A column every collection may have: the record's external id, `{scheme}:{value}`.
pub(crate) const EXTERNAL_ID: &str = "externalId";

/// Collections whose creation hands out a secret once. A file would lose it.
const SECRET: &[&str] = &["invitations", "service-accounts"];

#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// `type` of its schema.
    pub(crate) kind: String,
    /// Whether a creation takes it.
    pub(crate) on_create: bool,
    /// Whether a PATCH changes it.
    pub(crate) on_update: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) collection: &'static str,
    /// Kind of the record, as external ids name it.
    pub(crate) record_type: &'static str,
    pub(crate) list: Op,
    pub(crate) get: Op,
    pub(crate) create: Op,
    pub(crate) update: Option<Op>,
    pub(crate) archive: Option<Op>,
    pub(crate) members: BTreeMap<String, Member>,
}

impl Shape {
    /// The collection of this path, if rows of it can be made.
    pub(crate) fn of(table: &Operations, path: &str) -> Result<Self> {
        let find = |path: &str, kind: Kind| {
            table.iter().find(|operation| operation.collection == path && operation.kind == kind)
        };
        let known = table.collections.iter().find(|collection| collection.path == path);
        let parts = known.zip(find(path, Kind::List)).zip(find(path, Kind::Create));
        let Some(((collection, list), create)) = parts.filter(|_| !SECRET.contains(&path)) else {
            return Err(Error::member("/collection", "unknown_value", format!("give one of {}", importable(table))));
        };
        // What is done to a narrower form is done at the collection it narrows.
        let base = table.collections.iter().find(|one| Some(one.name) == collection.narrows);
        let update = find(path, Kind::Update);
        let archive = find(path, Kind::Archive).or_else(|| base.and_then(|base| find(base.path, Kind::Archive)));
        let schema = |name: &str| table.schemas.named.get(name).map(|schema| &schema["properties"]);
        let body = |operation: Option<&Operation>| {
            operation.and_then(|operation| operation.body.as_deref()).and_then(schema).cloned().unwrap_or_default()
        };
        let (new, patch) = (body(Some(create)), body(update));
        let mut members = BTreeMap::new();
        let shown = schema(collection.name).and_then(Value::as_object).into_iter().flatten();
        for (name, schema) in shown.chain(new.as_object().into_iter().flatten()) {
            let schema = referred(schema).and_then(|name| table.schemas.named.get(name)).unwrap_or(schema);
            members.entry(name.clone()).or_insert_with(|| Member {
                kind: schema["type"].as_str().unwrap_or("string").to_owned(),
                on_create: new.get(name).is_some(),
                on_update: patch.get(name).is_some(),
            });
        }
        Ok(Self {
            collection: collection.path,
            record_type: collection.table.trim_end_matches('_'),
            list: list.op,
            get: collection.get,
            create: create.op,
            update: update.map(|operation| operation.op),
            archive: archive.map(|operation| operation.op),
            members,
        })
    }

    pub(crate) fn knows(&self, name: &str) -> bool {
        name == EXTERNAL_ID || self.members.contains_key(name)
    }

    /// `type` of a member's schema.
    pub(crate) fn kind(&self, name: &str) -> &str {
        self.members.get(name).map_or("string", |member| member.kind.as_str())
    }

    /// What to say of a name that is no member: the nearest that are.
    pub(crate) fn unknown(&self, name: &str) -> String {
        let plain = |name: &str| name.to_lowercase().replace(['_', '-', ' '], "");
        let mut near: Vec<(usize, &str)> = self
            .members
            .keys()
            .map(|member| (strsim::damerau_levenshtein(&plain(name), &plain(member)), &**member))
            .collect();
        near.sort_unstable();
        let near: Vec<&str> = near
            .iter()
            .filter(|(distance, _)| *distance <= name.len().max(3) / 3)
            .map(|(_, member)| *member)
            .take(3)
            .collect();
        let shown: String = name.chars().take(60).collect();
        match near.is_empty() {
            false => format!("{shown} is not a member of {}; near it are {}", self.collection, near.join(", ")),
            true => {
                let all: Vec<&str> = self.members.keys().map(String::as_str).collect();
                format!("{shown} is not a member of {}; these are: {}", self.collection, all.join(", "))
            }
        }
    }
}

/// The collections that can be imported, for a refusal.
pub(crate) fn importable(table: &Operations) -> String {
    let creates = |path: &str| table.iter().any(|one| one.collection == path && one.kind == Kind::Create);
    let paths: Vec<&str> = table
        .collections
        .iter()
        .map(|collection| collection.path)
        .filter(|path| creates(path) && !SECRET.contains(path))
        .collect();
    paths.join(", ")
}
