//! Causes of needs: a tree from the surface to the root (practices 26 and 27).

use roundtable_entity::{CauseLevel, CauseState, NeedState, Record, cause, cause_confirmation, need};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::record::{self, Target};
use roundtable_kernel::seal;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::members::{self, Reasoned};
use crate::{course, needs};

/// How many causes may lie beneath each other.
const DEEPEST: i32 = 12;
/// How many pieces of evidence a cause holds.
const MOST_EVIDENCE: usize = 50;

/// What speaks for a cause.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Evidence {
    /// What was found, and where.
    #[schema(min_length = 3, max_length = 4000)]
    evidence: String,
}

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<cause::Model>("causes")
        .list(Op::ListCauses)
        .get(Op::GetCause)
        .create(Op::CreateCause, create)
        .update(Op::UpdateCause, update)
        .archive_by(Op::ArchiveCause, archive)
        .act(Op::TestCause, "test", test)
        .act(Op::RejectCause, "reject", reject)
        .one::<need::Model>("need", "need_id")
        .one::<cause::Model>("parent", "parent_id")
        .many::<cause::Model>("children", Op::ListCauses, "parent_id", "created_at")
        .many::<cause_confirmation::Model>("confirmedBy", Op::ListCauseConfirmations, "cause_id", "created_at");
}

/// What a cause lies beneath, as far as its level goes.
fn fits(level: CauseLevel, above: Option<CauseLevel>) -> Result<()> {
    let wrong = |detail: &str| Err(Error::member("/level", "wrong_level", detail));
    match (level, above) {
        (CauseLevel::Surface, Some(_)) => wrong("a cause beneath another is contributing or root"),
        (CauseLevel::Contributing | CauseLevel::Root, None) => wrong("a cause without one above it is at the surface"),
        (_, Some(CauseLevel::Root)) => Err(Error::member("/parentId", "beneath_root", "nothing lies beneath a root")),
        _ => Ok(()),
    }
}

async fn create(ctx: Ctx, new: cause::NewCause) -> Result<cause::Model> {
    ctx.permit_at(Op::CreateCause, new.partnership_id)?;
    let need = record::reference::<need::Model>(&ctx, "/needId", new.need_id).await?;
    let open: Vec<NeedState> = needs::OPEN.iter().copied().chain([NeedState::Draft]).collect();
    record::from_state(need.state, &open, NeedState::word)?;
    let above = match new.parent_id {
        Some(id) => Some(parent(&ctx, id, new.need_id).await?),
        None => None,
    };
    fits(new.level, above.as_ref().map(|above| above.level))?;
    let depth = above.map_or(1, |above| above.depth + 1);
    if depth > DEEPEST {
        return Err(Error::member("/parentId", "too_deep", format!("a tree has at most {DEEPEST} levels")));
    }
    let mut active = cause::Model::begin(ctx.new_id(), ctx.now(), new);
    active.depth = Set(depth);
    active.proposed_by_organization_id = Set(members::speaker(&ctx)?);
    let row = record::insert::<cause::Model>(&ctx, active, "cause.proposed").await?;
    course::follow(&ctx, need.id).await?;
    Ok(row)
}

/// The cause above, of the same need. It has to be there first, so no circle can come about.
async fn parent(ctx: &Ctx, id: Uuid, need_id: Uuid) -> Result<cause::Model> {
    let row = record::reference::<cause::Model>(ctx, "/parentId", id).await?;
    if row.need_id != need_id {
        return Err(Error::member("/parentId", "of_another_need", "a tree belongs to one need"));
    }
    Ok(row)
}

async fn has_children(ctx: &Ctx, id: Uuid) -> Result<bool> {
    let beneath =
        cause::Entity::find().filter(cause::Column::ParentId.eq(id)).filter(seal::open_to_all(cause::Column::Id));
    Ok(beneath.filter(cause::Column::ArchivedAt.is_null()).count(&ctx.read()).await? > 0)
}

async fn update(ctx: Ctx, at: Target, patch: Value) -> Result<cause::Model> {
    record::check_patch::<cause::Model>(&patch)?;
    let row = record::target::<cause::Model>(&ctx, Op::UpdateCause, at).await?;
    record::from_state(row.state, &[CauseState::Proposed, CauseState::Tested], CauseState::word)?;
    unconfirmed(&row)?;
    let new = record::merged(&row, &patch)?;
    fits(new.level, row.parent_id.map(|_| CauseLevel::Contributing))?;
    if new.level == CauseLevel::Root && has_children(&ctx, row.id).await? {
        return Err(Error::member("/level", "not_a_root", "other causes lie beneath this one"));
    }
    let mut active = row.clone().into_active_model();
    cause::Model::edit(&mut active, new);
    record::save(&ctx, &row, active, "cause.updated").await
}

/// Refuses once an employer has confirmed: it confirmed these words.
fn unconfirmed(row: &cause::Model) -> Result<()> {
    if row.confirmations == 0 {
        return Ok(());
    }
    Err(Error::new(Code::WrongState, "employers confirm this cause; their confirmations are withdrawn first"))
}

async fn archive(ctx: Ctx, at: Target) -> Result<cause::Model> {
    let row = record::target::<cause::Model>(&ctx, Op::ArchiveCause, at).await?;
    record::from_state(row.state, &[CauseState::Proposed], CauseState::word)?;
    if has_children(&ctx, row.id).await? {
        return Err(Code::InUse.into());
    }
    let row = record::archive_row(&ctx, &row).await?;
    course::follow(&ctx, row.need_id).await?;
    Ok(row)
}

async fn test(ctx: Ctx, at: Target, found: Evidence) -> Result<cause::Model> {
    let row = record::target::<cause::Model>(&ctx, Op::TestCause, at).await?;
    let from = [CauseState::Proposed, CauseState::Tested, CauseState::Confirmed];
    record::from_state(row.state, &from, CauseState::word)?;
    let mut evidence = row.evidence.clone();
    if evidence.0.len() >= MOST_EVIDENCE {
        return Err(Error::member("/evidence", "too_many", format!("at most {MOST_EVIDENCE} pieces of evidence")));
    }
    evidence.0.push(found.evidence);
    let mut active = row.clone().into_active_model();
    active.evidence = Set(evidence);
    if row.state == CauseState::Proposed {
        active.state = Set(CauseState::Tested);
    }
    record::save(&ctx, &row, active, "cause.tested").await
}

async fn reject(ctx: Ctx, at: Target, why: Reasoned) -> Result<cause::Model> {
    let row = record::target::<cause::Model>(&ctx, Op::RejectCause, at).await?;
    let need = record::known::<need::Model>(&ctx, row.need_id).await?;
    course::endorses(&ctx, &need).await?;
    record::from_state(row.state, &[CauseState::Proposed, CauseState::Tested], CauseState::word)?;
    unconfirmed(&row)?;
    let mut active = row.clone().into_active_model();
    active.state = Set(CauseState::Rejected);
    active.rejected_reason = Set(Some(why.reason));
    let row = record::save(&ctx, &row, active, "cause.rejected").await?;
    course::follow(&ctx, row.need_id).await?;
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use CauseLevel::{Contributing, Root, Surface};

    #[test]
    fn a_tree_begins_at_the_surface_and_ends_at_a_root() {
        for (level, above, right) in [
            (Surface, None, true),
            (Contributing, None, false),
            (Root, None, false),
            (Surface, Some(Surface), false),
            (Contributing, Some(Surface), true),
            (Root, Some(Surface), true),
            (Root, Some(Contributing), true),
            (Contributing, Some(Root), false),
            (Root, Some(Root), false),
        ] {
            assert_eq!(fits(level, above).is_ok(), right, "{level:?} beneath {above:?}");
        }
    }
}
