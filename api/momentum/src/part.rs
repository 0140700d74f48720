//! The parts of a meeting, and who reaches them: whoever organises the meeting.

use roundtable_entity::{agenda_item, attendance, decision, meeting, minutes};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::record::{self, Target};
use roundtable_kernel::scope::Scoped;
use roundtable_kernel::seal;
use serde_json::Value;
use uuid::Uuid;

/// A record that belongs to a meeting.
pub trait Part: Scoped {
    /// The meeting.
    fn meeting_id(&self) -> Option<Uuid>;
}

macro_rules! part {
    ($($module:ident),*) => { $(
        impl Part for $module::Model {
            fn meeting_id(&self) -> Option<Uuid> { self.meeting_id.into() }
        }
    )* };
}

part!(agenda_item, attendance, minutes, decision);

/// Refuses unless the operation reaches this meeting: for `Own`, one that the own organisation organises.
pub fn of_own_meeting(ctx: &Ctx, op: Op, meeting: &meeting::Model) -> Result<()> {
    ctx.permit(op)?.covers(&meeting.owners())
}

/// A live part a change is to be made to, with its meeting: known to the caller, of a meeting within reach, and at the
/// version the caller read.
pub async fn reached_part<R: Part>(ctx: &Ctx, op: Op, at: Target) -> Result<(R, meeting::Model)> {
    let (row, meeting) = reached(ctx, op, at).await?;
    Ok((row, meeting.ok_or_else(Error::not_found)?))
}

/// The same for parts that may stand outside any meeting; those are nobody's own.
pub async fn reached<R: Part>(ctx: &Ctx, op: Op, at: Target) -> Result<(R, Option<meeting::Model>)> {
    let permit = ctx.permit(op)?;
    let row = record::known::<R>(ctx, at.id).await?;
    let meeting = match row.meeting_id() {
        Some(id) => Some(live_meeting(ctx, id).await?),
        None => None,
    };
    permit.covers(&meeting.as_ref().map(Scoped::owners).unwrap_or_default())?;
    seal::refuse_reserved(ctx, std::slice::from_ref(&row)).await?;
    unchanged(&row, at)?;
    Ok((row, meeting))
}

/// The meeting of a part, which does not change any more once the meeting is archived.
pub async fn live_meeting(ctx: &Ctx, id: Uuid) -> Result<meeting::Model> {
    let meeting = record::known::<meeting::Model>(ctx, id).await?;
    live(&meeting)?;
    Ok(meeting)
}

/// Refuses what changed meanwhile or was archived.
pub fn unchanged<R: Scoped>(row: &R, at: Target) -> Result<()> {
    record::at_version(row, at)?;
    live(row)
}

fn live<R: Scoped>(row: &R) -> Result<()> {
    match row.archived_at() {
        Some(_) => Err(Code::Archived.into()),
        None => Ok(()),
    }
}

/// What a merge patch makes of a row: in the shape of a creation, and ready to be saved.
pub fn patched<R: Scoped>(row: &R, patch: &Value) -> Result<(R::New, R::Active)> {
    record::check_patch::<R>(patch)?;
    let new = record::merged(row, patch)?;
    let mut active = row.clone().into_active_model();
    R::edit(&mut active, new.clone());
    Ok((new, active))
}

/// A record of the same partnership that a member of the body points to.
pub async fn at_table<R: Scoped>(ctx: &Ctx, pointer: &str, id: Uuid, partnership_id: Uuid) -> Result<R> {
    let row = record::reference::<R>(ctx, pointer, id).await?;
    if row.partnership_id() == partnership_id {
        Ok(row)
    } else {
        Err(Error::member(pointer, "not_found", "it belongs to another partnership"))
    }
}

/// The same, where the member may be left out.
pub async fn at_table_if_given<R: Scoped>(
    ctx: &Ctx,
    pointer: &str,
    id: Option<Uuid>,
    partnership_id: Uuid,
) -> Result<Option<R>> {
    match id {
        Some(id) => at_table(ctx, pointer, id, partnership_id).await.map(Some),
        None => Ok(None),
    }
}
