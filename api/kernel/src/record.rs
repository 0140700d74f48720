//! Reading and writing records, once for all of them.

use roundtable_entity::Record;
use sea_orm::{
    ActiveModelTrait, ActiveValue, ColumnTrait, EntityTrait, Insert, Iterable, QueryFilter, QueryTrait, Select,
    TryIntoModel, Update,
};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::access::{Permit, permit};
use crate::ctx::Ctx;
use crate::error::{Code, Error, Problem, Result};
use crate::op::Op;
use crate::schema::camel;
use crate::scope::Scoped;
use crate::seal;

/// The record a change is made to, and the version it was made on.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Identifier.
    pub id: Uuid,
    /// Version the caller read.
    pub version: i32,
}

fn column<R: Record>(name: &str) -> Result<<R::Entity as EntityTrait>::Column> {
    R::column(name).ok_or_else(|| Error::internal(format!("a record has no {name}")))
}

fn by_id<R: Scoped>(permit: &Permit, id: Uuid) -> Result<Select<R::Entity>> {
    Ok(R::select().filter(column::<R>("id")?.eq(id)).filter(R::rows(permit)))
}

/// The row with this id, if this permit may know of it.
pub async fn find<R: Scoped>(ctx: &Ctx, permit: &Permit, id: Uuid) -> Result<Option<R>> {
    Ok(ctx.rows(&by_id::<R>(permit, id)?).await?.pop())
}

/// Reads one.
pub async fn get<R: Scoped>(ctx: &Ctx, op: Op, id: Uuid) -> Result<R> {
    let permit = ctx.permit(op)?;
    find(ctx, &permit, id).await?.ok_or_else(Error::not_found)
}

/// Reads one that the caller may know of, whatever operation is under way.
pub async fn known<R: Scoped>(ctx: &Ctx, id: Uuid) -> Result<R> {
    find(ctx, &knowing::<R>(ctx)?, id).await?.ok_or_else(Error::not_found)
}

fn knowing<R: Scoped>(ctx: &Ctx) -> Result<Permit> {
    permit(R::GET, ctx.standing()?).map_err(|_| Error::not_found())
}

/// A record that a member of the body points to. One the caller may not know of is as if it were not there.
pub async fn reference<R: Scoped>(ctx: &Ctx, pointer: &str, id: Uuid) -> Result<R> {
    let missing = || {
        let what = R::TABLE.trim_end_matches('_').replace('_', " ");
        Error::member(pointer, "not_found", format!("there is no live {what} with this id"))
    };
    match known::<R>(ctx, id).await {
        Ok(row) if row.archived_at().is_none() => {
            seal::refuse_reserved(ctx, std::slice::from_ref(&row)).await?;
            Ok(row)
        }
        Ok(_) => Err(missing()),
        Err(error) if error.code == Code::NotFound => Err(missing()),
        Err(error) => Err(error),
    }
}

/// The record a change is to be made to: known to the caller, within reach of the operation, live, and at the version the
/// caller read.
pub async fn target<R: Scoped>(ctx: &Ctx, op: Op, target: Target) -> Result<R> {
    live(reached::<R>(ctx, op, target).await?)
}

/// The same, for a change that rests on nothing but the record.
async fn target_alone<R: Scoped>(ctx: &Ctx, op: Op, at: Target) -> Result<R> {
    if seal::is_sealable(R::TABLE) {
        return target(ctx, op, at).await;
    }
    let permit = ctx.permit(op)?;
    let row = ctx.look::<R>(&by_id::<R>(&knowing::<R>(ctx)?, at.id)?).await?.pop();
    live(within_reach(ctx, &permit, at, row.ok_or_else(Error::not_found)?).await?)
}

fn live<R: Record>(row: R) -> Result<R> {
    if row.archived_at().is_some() { Err(Code::Archived.into()) } else { Ok(row) }
}

async fn reached<R: Scoped>(ctx: &Ctx, op: Op, target: Target) -> Result<R> {
    let permit = ctx.permit(op)?;
    let row = known::<R>(ctx, target.id).await?;
    within_reach(ctx, &permit, target, row).await
}

async fn within_reach<R: Scoped>(ctx: &Ctx, permit: &Permit, target: Target, mut row: R) -> Result<R> {
    permit.covers(&row.owners())?;
    seal::refuse_reserved(ctx, std::slice::from_ref(&row)).await?;
    at_version(&row, target)?;
    // A change is made on what the caller sees; ids it does not see are neither checked nor written.
    seal::veil(ctx, &permit.standing, std::slice::from_mut(&mut row)).await?;
    Ok(row)
}

/// Refuses a change made on another version than the row has by now.
pub fn at_version<R: Record>(row: &R, target: Target) -> Result<()> {
    if row.version() == target.version {
        return Ok(());
    }
    let detail = format!("the record is at version {}, the change was made on {}", row.version(), target.version);
    Err(Error::new(Code::Stale, detail))
}

/// Stores a new row and tells of it.
pub async fn insert<R: Scoped>(ctx: &Ctx, active: R::Active, kind: &str) -> Result<R> {
    let row = active.clone().try_into_model()?;
    ctx.change(Insert::one(active).build(ctx.app.store.backend()), false, kind, &row, &[]).await?;
    Ok(row)
}

/// Stores a change as the next version and tells of it, with the members that changed. Without a change nothing happens.
pub async fn save<R: Scoped>(ctx: &Ctx, before: &R, mut active: R::Active, kind: &str) -> Result<R> {
    let changed: Vec<String> = <R::Entity as EntityTrait>::Column::iter()
        .filter(|column| match active.get(*column) {
            ActiveValue::Set(value) => value != before.get(*column),
            _ => false,
        })
        .map(|column| sea_orm::IdenStatic::as_str(&column).to_owned())
        .collect();
    if changed.is_empty() {
        return Ok(before.clone());
    }
    let changed: Vec<String> =
        changed.iter().filter(|name| !R::HIDDEN.contains(&name.as_str())).map(|name| camel(name)).collect();
    R::touch(&mut active, before.version() + 1, ctx.now());
    let row = active.clone().try_into_model()?;
    let at_version = column::<R>("version")?.eq(before.version());
    let statement = Update::one(active).validate()?.filter(at_version).build(ctx.app.store.backend());
    ctx.change(statement, true, kind, &row, &changed).await?;
    Ok(row)
}

/// Applies a merge patch (RFC 7396) to what a PATCH may change, in the shape a creation has.
pub fn merged<R: Record>(row: &R, patch: &Value) -> Result<R::New> {
    let mut body = serde_json::to_value(row.editable()).map_err(Error::internal)?;
    json_patch::merge(&mut body, patch);
    decode(body)
}

/// Reads a typed body, naming the member that does not fit.
pub fn decode<T: serde::de::DeserializeOwned>(body: Value) -> Result<T> {
    serde_path_to_error::deserialize(body).map_err(|error| {
        let path = error.path().to_string();
        let pointer = if path == "." { String::new() } else { format!("/{}", path.replace('.', "/")) };
        Error::member(pointer, "invalid", error.into_inner().to_string())
    })
}

/// A merge patch whose members may all be changed, or an error naming those that may not.
pub fn check_patch<R: Record>(patch: &Value) -> Result<&Map<String, Value>> {
    let Value::Object(members) = patch else {
        return Err(Error::member("", "not_an_object", "a merge patch is a JSON object"));
    };
    let problems: Vec<Problem> = members
        .keys()
        .filter_map(|name| {
            let field = R::FIELDS.iter().find(|field| camel(field.name) == *name);
            match field {
                Some(field) if field.on_update => None,
                Some(_) => Some(("fixed", "cannot be changed by PATCH; look for an operation that does it")),
                None => Some(("unknown_member", "is not a member of this record")),
            }
            .map(|(code, detail)| Problem {
                pointer: format!("/{name}"),
                code,
                detail: format!("{name} {detail}"),
            })
        })
        .collect();
    if problems.is_empty() { Ok(members) } else { Err(Error::members(problems)) }
}

/// Changes members of a record, when nothing but the members' own rules is to be kept.
pub async fn update<R: Scoped>(ctx: &Ctx, op: Op, at: Target, patch: &Value) -> Result<R> {
    update_checked::<R>(ctx, op, at, patch, |_, _, _| Ok(())).await
}

/// Changes members of a record, after `check` has seen the row, what it is to become, and may add to it.
pub async fn update_checked<R: Scoped>(
    ctx: &Ctx,
    op: Op,
    at: Target,
    patch: &Value,
    check: impl FnOnce(&R, &R::New, &mut R::Active) -> Result<()>,
) -> Result<R> {
    check_patch::<R>(patch)?;
    let row = target_alone::<R>(ctx, op, at).await?;
    let new = merged(&row, patch)?;
    let mut active = row.clone().into_active_model();
    R::edit(&mut active, new.clone());
    check(&row, &new, &mut active)?;
    save(ctx, &row, active, &happened::<R>("updated")).await
}

/// Archives a record.
pub async fn archive<R: Scoped>(ctx: &Ctx, op: Op, at: Target) -> Result<R> {
    let row = target::<R>(ctx, op, at).await?;
    archive_row(ctx, &row).await
}

/// Archives a row already found to be within reach.
pub async fn archive_row<R: Scoped>(ctx: &Ctx, row: &R) -> Result<R> {
    let mut active = row.clone().into_active_model();
    R::set_archived(&mut active, Some(ctx.now()));
    save(ctx, row, active, &happened::<R>("archived")).await
}

/// Restores an archived record.
pub async fn restore<R: Scoped>(ctx: &Ctx, op: Op, at: Target) -> Result<R> {
    let row = reached::<R>(ctx, op, at).await?;
    if row.archived_at().is_none() {
        return Err(Error::new(Code::WrongState, "the record is not archived"));
    }
    let mut active = row.clone().into_active_model();
    R::set_archived(&mut active, None);
    save(ctx, &row, active, &happened::<R>("restored")).await
}

/// Name of an event: the record's name and what happened, for example `meeting.scheduled`.
pub fn happened<R: Record>(what: &str) -> String {
    format!("{}.{what}", R::TABLE.trim_end_matches('_'))
}

/// Refuses unless the state is one of these, naming them.
pub fn from_state<S: PartialEq + Copy>(now: S, allowed: &[S], word: impl Fn(S) -> &'static str) -> Result<()> {
    if allowed.contains(&now) {
        return Ok(());
    }
    let names: Vec<&str> = allowed.iter().map(|state| word(*state)).collect();
    Err(Error::new(Code::WrongState, format!("it is {}; this goes from {}", word(now), names.join(", "))))
}
