//! An import undone: what it made is archived and what it changed is as it was, unless that has changed since.

use std::collections::{BTreeSet, HashMap};

use roundtable_entity::{ImportOutcome, ImportState, event, import_job, import_row};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Problem, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Arguments, Nothing};
use roundtable_kernel::record::{self, Target};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::Value;
use uuid::Uuid;

use crate::running::MOST_AT_ONCE;
use crate::shape::Shape;

/// Records looked up at once.
const AT_ONCE: usize = 200;
/// Most records named in a refusal.
const NAMED: usize = 100;

pub(crate) async fn revert(ctx: Ctx, at: Target, _: Nothing) -> Result<import_job::Model> {
    let job = record::target::<import_job::Model>(&ctx, Op::RevertImportJob, at).await?;
    record::from_state(job.state, &[ImportState::Completed, ImportState::Failed], ImportState::word)?;
    if job.dry_run || job.collection.is_none() {
        let detail = "only an import of a collection that was written can be undone";
        return Err(Error::new(Code::WrongState, detail));
    }
    let rows = import_row::Entity::find()
        .filter(import_row::Column::JobId.eq(job.id))
        .filter(import_row::Column::Outcome.is_in([ImportOutcome::Created, ImportOutcome::Updated]));
    if rows.clone().count(&ctx.read()).await? > MOST_AT_ONCE as u64 {
        let detail = format!("the import touched more than {MOST_AT_ONCE} records, the most that are undone at once");
        return Err(Error::new(Code::WrongState, detail));
    }
    let rows = rows.order_by_desc(import_row::Column::Id).all(&ctx.read()).await?;
    let changed = changed_since(&ctx, &job, &rows).await?;
    let mut problems = Vec::new();
    for row in &rows {
        let Some(id) = row.record_id else { continue };
        let refusal = match changed.contains(&id) {
            true => Some(("changed_since", "it was changed after the import".to_owned())),
            false => undo(&ctx, row, id).await?.map(|error| ("refused", error.detail)),
        };
        problems.extend(refusal.map(|(code, detail)| Problem {
            pointer: format!("/{}/{id}", row.collection),
            code,
            detail: format!("line {}: {detail}", row.line),
        }));
    }
    if !problems.is_empty() {
        let mut error = Error::new(
            Code::ImportChangedSince,
            format!("{} records stand in the way; nothing was undone", problems.len()),
        );
        problems.truncate(NAMED);
        error.problems = problems;
        return Err(error);
    }
    let mut active = job.clone().into_active_model();
    (active.state, active.reverted_at) = (Set(ImportState::Reverted), Set(Some(ctx.now())));
    record::save(&ctx, &job, active, "import.reverted").await
}

/// The records that something else changed after the import first touched them.
async fn changed_since(ctx: &Ctx, job: &import_job::Model, rows: &[import_row::Model]) -> Result<BTreeSet<Uuid>> {
    let ids: Vec<Uuid> = rows.iter().filter_map(|row| row.record_id).collect();
    let by_import = job.id.to_string();
    let mut changed = BTreeSet::new();
    for part in ids.chunks(AT_ONCE) {
        let events: Vec<(i64, Uuid, String)> = event::Entity::find()
            .filter(event::Column::RecordId.is_in(part.iter().copied()))
            .order_by_asc(event::Column::Sequence)
            .select_only()
            .columns([event::Column::Sequence, event::Column::RecordId, event::Column::RequestId])
            .into_tuple()
            .all(&ctx.read())
            .await?;
        let mut first: HashMap<Uuid, i64> = HashMap::new();
        for (sequence, id, request_id) in events {
            if request_id == by_import {
                first.entry(id).or_insert(sequence);
            } else if first.contains_key(&id) {
                changed.insert(id);
            }
        }
    }
    Ok(changed)
}

/// Undoes one; a refusal by a rule is told, a failure ends the whole.
async fn undo(ctx: &Ctx, row: &import_row::Model, id: Uuid) -> Result<Option<Error>> {
    let undone = ctx.attempt(|ctx| async move { undo_one(&ctx, row, id).await }).await;
    match undone {
        Err(error) if error.code.status() >= 500 => Err(error),
        outcome => Ok(outcome.err()),
    }
}

async fn undo_one(ctx: &Ctx, row: &import_row::Model, id: Uuid) -> Result<()> {
    let shape = Shape::of(&ctx.app.operations, &row.collection)?;
    let now = ctx.app.operations.call(ctx, shape.get, Arguments::of(id)).await?;
    if now.shown.value()?.get("archivedAt").is_some() {
        // With what it rested on, undone before.
        return Ok(());
    }
    let (op, body) = match &row.before {
        Some(before) => (shape.update, serde_json::from_str(before).map_err(Error::internal)?),
        None => (shape.archive, Value::Null),
    };
    let Some(op) = op else {
        let lacking = if row.before.is_some() { "changed" } else { "archived" };
        return Err(Error::new(Code::WrongState, format!("{} are never {lacking}", row.collection)));
    };
    let arguments = Arguments { id: Some(id), version: now.version, body, ..Arguments::default() };
    ctx.app.operations.call(ctx, op, arguments).await.map(|_| ())
}
