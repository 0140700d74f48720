//! One row of a file, placed: the record it means is found, then made or changed through the operations of its
//! collection, so that every rule, access row and event is the same as at a client's request.

use std::collections::HashMap;
use std::sync::Arc;

use roundtable_entity::external_id;
use roundtable_kernel::cell;
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Problem, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Arguments;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::shape::{EXTERNAL_ID, Shape};
use crate::sheet::Sheet;
use crate::writing::same;

/// What a row is matched by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// Nothing: every row is a new record.
    Nothing,
    /// The record's own id.
    Id,
    /// The id of another system, kept as an external id of this scheme.
    Scheme(String),
    /// The external id in the column `externalId`.
    External,
    /// A member.
    Member(String),
}

impl Key {
    /// The key that was asked for; by itself the id, where the file has it.
    pub(crate) fn asked(asked: Option<&str>, scheme: Option<&str>, shape: &Shape, sheet: &Sheet) -> Result<Self> {
        let wrong = |detail: String| Err(Error::member("/matchKey", "unknown_value", detail));
        let column = |name: &str| match sheet.has(name) {
            true => Ok(()),
            false => Err(Error::member("/matchKey", "not_in_file", format!("the file has no column {name}"))),
        };
        match (asked, scheme) {
            (None | Some("id"), Some(scheme)) => column("id").map(|()| Key::Scheme(scheme.to_owned())),
            (Some("id"), None) => column("id").map(|()| Key::Id),
            (None, None) if sheet.has(EXTERNAL_ID) && !sheet.has("id") => Ok(Key::External),
            (None, None) if sheet.has("id") => Ok(Key::Id),
            (None, None) => wrong("the file has no column id; say what rows are matched by, or none".into()),
            (Some("none"), _) => Ok(Key::Nothing),
            (Some(EXTERNAL_ID), _) => column(EXTERNAL_ID).map(|()| Key::External),
            (Some(name), _) => match shape.members.get(name) {
                Some(member) if member.on_create && member.kind == "string" => {
                    column(name).map(|()| Key::Member(name.to_owned()))
                }
                _ => wrong(format!("give id, {EXTERNAL_ID}, none, or a member of {} that is text", shape.collection)),
            },
        }
    }
}

/// The live records of a collection by the text of one member.
pub(crate) type ByMember = HashMap<String, Vec<Uuid>>;

/// Reads a whole collection for its member, as the caller sees it.
pub(crate) async fn by_member(ctx: &Ctx, shape: &Shape, member: &str) -> Result<ByMember> {
    let mut found = ByMember::new();
    let mut parameters = Map::from_iter([("first".to_owned(), json!(200))]);
    loop {
        let arguments = Arguments { parameters: parameters.clone(), ..Arguments::default() };
        let page = ctx.app.operations.call(ctx, shape.list, arguments).await?.shown;
        let value = page.value()?;
        for item in value["items"].as_array().into_iter().flatten() {
            let id = item["id"].as_str().and_then(|id| Uuid::parse_str(id).ok());
            if let (Some(text), Some(id)) = (item[member].as_str(), id) {
                found.entry(text.to_owned()).or_default().push(id);
            }
        }
        match page.next() {
            Some(cursor) => parameters.insert("after".into(), json!(cursor)),
            None => return Ok(found),
        };
    }
}

/// A record an import made or changed, so that it can be undone.
#[derive(Clone, Debug)]
pub(crate) struct Touched {
    pub(crate) collection: &'static str,
    pub(crate) id: Uuid,
    /// The members of a changed record as they were; `None` where it was made.
    pub(crate) before: Option<Value>,
}

/// Places the rows of one import.
pub(crate) struct Placer {
    pub(crate) shape: Arc<Shape>,
    pub(crate) key: Key,
    pub(crate) scheme: Option<String>,
    pub(crate) partnership_id: Uuid,
    /// Records there are, by the member rows are matched by.
    pub(crate) known: Arc<ByMember>,
    /// Records made by earlier rows of the same transaction, by that member.
    pub(crate) made: ByMember,
}

impl Placer {
    /// Makes or changes the record a row means, and tells what it touched; nothing, where all is as the row says. What is
    /// refused is undone alone.
    pub(crate) async fn place(&mut self, ctx: &Ctx, mut members: Map<String, Value>) -> Result<Vec<Touched>> {
        members.shift_remove("partnershipId");
        let external = self.external(&mut members)?;
        let text = match &self.key {
            Key::Member(name) => members.get(name).and_then(Value::as_str).map(str::to_owned),
            _ => None,
        };
        let found = self.find(ctx, &members, external.as_ref(), text.as_deref()).await?;
        self.translate(ctx, &mut members).await?;
        let this = &*self;
        let touched = ctx
            .attempt(|ctx| async move {
                match found {
                    Some(id) => this.change(&ctx, id, &members, external).await,
                    None => this.make(&ctx, &members, external).await,
                }
            })
            .await?;
        if let (None, Some(text), Some(one)) = (found, text, touched.first()) {
            self.made.entry(text).or_default().push(one.id);
        }
        Ok(touched)
    }

    /// The external id a row gives its record.
    fn external(&self, members: &mut Map<String, Value>) -> Result<Option<(String, String)>> {
        let given = members.shift_remove(EXTERNAL_ID);
        if let Key::Scheme(scheme) = &self.key {
            let id = members.get("id").map(cell::written).filter(|id| !id.is_empty());
            let id = id.ok_or_else(|| Error::member("/id", "required", "a row is matched by its id; give one"))?;
            return Ok(Some((scheme.clone(), id)));
        }
        let given = given.filter(|given| !given.is_null());
        let Some(given) = given else {
            return match self.key {
                Key::External => Err(Error::member("/externalId", "required", "a row is matched by it; give one")),
                _ => Ok(None),
            };
        };
        let parts = given.as_str().and_then(|text| text.split_once(':'));
        let parts = parts.filter(|(scheme, value)| !scheme.is_empty() && !value.is_empty());
        let (scheme, value) =
            parts.ok_or_else(|| Error::member("/externalId", "wrong_form", "give `{scheme}:{value}`"))?;
        Ok(Some((scheme.to_owned(), value.to_owned())))
    }

    async fn find(
        &self,
        ctx: &Ctx,
        members: &Map<String, Value>,
        external: Option<&(String, String)>,
        text: Option<&str>,
    ) -> Result<Option<Uuid>> {
        match &self.key {
            Key::Nothing => Ok(None),
            Key::Id => match members.get("id").filter(|id| !id.is_null()) {
                None => Ok(None),
                Some(id) => {
                    let id = id.as_str().and_then(|id| Uuid::parse_str(id).ok());
                    id.map(Some).ok_or_else(|| Error::member("/id", "wrong_form", "is not the id of a record"))
                }
            },
            Key::Scheme(_) | Key::External => match external {
                Some((scheme, value)) => self.named(ctx, scheme, value, Some(self.shape.record_type)).await,
                None => Ok(None),
            },
            Key::Member(name) => {
                let text = text
                    .ok_or_else(|| Error::member(format!("/{name}"), "required", "a row is matched by it; give one"))?;

                let ids = [self.known.get(text), self.made.get(text)]
                    .into_iter()
                    .flatten()
                    .flatten()
                    .copied()
                    .collect::<Vec<_>>();
                match ids.as_slice() {
                    [] => Ok(None),
                    [one] => Ok(Some(*one)),
                    many => {
                        let detail = format!("{} records have this {name}; match by id", many.len());
                        Err(Error::member(format!("/{name}"), "ambiguous", detail))
                    }
                }
            }
        }
    }

    /// The record another system knows by this identifier.
    pub(crate) async fn named(
        &self,
        ctx: &Ctx,
        scheme: &str,
        value: &str,
        record_type: Option<&str>,
    ) -> Result<Option<Uuid>> {
        let mut rows = external_id::Entity::find()
            .filter(external_id::Column::PartnershipId.eq(self.partnership_id))
            .filter(external_id::Column::Scheme.eq(scheme))
            .filter(external_id::Column::Value.eq(value))
            .filter(external_id::Column::ArchivedAt.is_null());
        if let Some(record_type) = record_type {
            rows = rows.filter(external_id::Column::RecordType.eq(record_type));
        }
        Ok(rows.one(&ctx.read()).await?.map(|row| row.record_id))
    }

    /// Ids of another system, in members that point to records, as ours.
    async fn translate(&self, ctx: &Ctx, members: &mut Map<String, Value>) -> Result<()> {
        let Some(scheme) = &self.scheme else { return Ok(()) };
        for (name, value) in members.iter_mut() {
            match value {
                Value::String(id) if name.ends_with("Id") => {
                    if let Some(ours) = self.named(ctx, scheme, id, None).await? {
                        *id = ours.to_string();
                    }
                }
                Value::Array(ids) if name.ends_with("Ids") => {
                    for id in ids {
                        if let Value::String(id) = id
                            && let Some(ours) = self.named(ctx, scheme, id, None).await?
                        {
                            *id = ours.to_string();
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub(crate) async fn make(
        &self,
        ctx: &Ctx,
        members: &Map<String, Value>,
        external: Option<(String, String)>,
    ) -> Result<Vec<Touched>> {
        let taken = |name: &String| self.shape.members.get(name).is_some_and(|member| member.on_create);
        let mut body: Map<String, Value> = members
            .iter()
            .filter(|(name, value)| taken(name) && !value.is_null())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if self.shape.members.get("partnershipId").is_some_and(|member| member.on_create) {
            body.insert("partnershipId".into(), json!(self.partnership_id));
        }
        let made = ctx.app.operations.call(ctx, self.shape.create, Arguments::sending(Value::Object(body))).await?;
        let id = made.id.ok_or_else(|| Error::internal("a creation answered without an id"))?;
        let mut touched = vec![Touched { collection: self.shape.collection, id, before: None }];
        touched.extend(self.identify(ctx, id, external).await?);
        Ok(touched)
    }

    /// Gives a record its external id, unless it has it.
    async fn identify(&self, ctx: &Ctx, id: Uuid, external: Option<(String, String)>) -> Result<Option<Touched>> {
        let Some((scheme, value)) = external else { return Ok(None) };
        match self.named(ctx, &scheme, &value, Some(self.shape.record_type)).await? {
            Some(has) if has == id => return Ok(None),
            Some(_) => {
                let detail = format!("another record has the external id {scheme}:{value}");
                return Err(Error::member("/externalId", "taken", detail));
            }
            None => {}
        }
        let body = json!({
            "partnershipId": self.partnership_id, "recordType": self.shape.record_type, "recordId": id,
            "scheme": scheme, "value": value,
        });
        let made = ctx.app.operations.call(ctx, Op::CreateExternalId, Arguments::sending(body)).await?;
        Ok(made.id.map(|id| Touched { collection: "external-ids", id, before: None }))
    }

    pub(crate) async fn change(
        &self,
        ctx: &Ctx,
        id: Uuid,
        members: &Map<String, Value>,
        external: Option<(String, String)>,
    ) -> Result<Vec<Touched>> {
        let found =
            ctx.app.operations.call(ctx, self.shape.get, Arguments::of(id)).await.map_err(|error| {
                match error.code {
                    Code::NotFound => Error::member("/id", "not_found", "there is no such record at this partnership"),
                    _ => error,
                }
            })?;
        let now = found.shown.value()?;
        if now.get("archivedAt").is_some() {
            return Err(Code::Archived.into());
        }
        let differing = |name: &str, value: &Value| {
            let stored = now.get(name).unwrap_or(&Value::Null);
            let empty = value.is_null() && stored.as_array().is_some_and(Vec::is_empty);
            !empty && !same(stored, value)
        };
        let (mut patch, mut before, mut fixed) = (Map::new(), Map::new(), Vec::new());
        for (name, value) in members {
            let Some(member) = self.shape.members.get(name) else { continue };
            if (!member.on_create && !member.on_update) || !differing(name, value) {
                continue;
            }
            if self.shape.update.is_some() && member.on_update {
                before.insert(name.clone(), now.get(name).cloned().unwrap_or(Value::Null));
                patch.insert(name.clone(), value.clone());
            } else {
                let detail = format!("{name} is fixed once the record is made; it is {}", cell::written(&now[name]));
                fixed.push(Problem { pointer: format!("/{name}"), code: "fixed", detail });
            }
        }
        if !fixed.is_empty() {
            return Err(Error::members(fixed));
        }
        let mut touched = Vec::new();
        if let Some(update) = self.shape.update.filter(|_| !patch.is_empty()) {
            let arguments =
                Arguments { id: Some(id), version: found.version, body: Value::Object(patch), ..Arguments::default() };
            ctx.app.operations.call(ctx, update, arguments).await?;
            touched.push(Touched { collection: self.shape.collection, id, before: Some(Value::Object(before)) });
        }
        touched.extend(self.identify(ctx, id, external).await?);
        Ok(touched)
    }
}
