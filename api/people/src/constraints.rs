//! Institutional constraints and the ways around them (practices 65 and 66).

use roundtable_entity::{Record, constraint, organization};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Problem, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::record::{self, Target};
use serde_json::Value;

use crate::members;

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<constraint::Model>("constraints")
        .list(Op::ListConstraints)
        .get(Op::GetConstraint)
        .create(Op::CreateConstraint, create)
        .update(Op::UpdateConstraint, update)
        .archive(Op::ArchiveConstraint)
        .one::<organization::Model>("organization", "organization_id");
}

fn problems(new: &constraint::NewConstraint) -> Option<Problem> {
    members::in_order(new.starts_on, "/endsOn", new.ends_on)
}

async fn create(ctx: Ctx, new: constraint::NewConstraint) -> Result<constraint::Model> {
    let permit = ctx.permit_at(Op::CreateConstraint, new.partnership_id)?;
    members::reference::<organization::Model>(&ctx, "/organizationId", new.organization_id, new.partnership_id).await?;
    permit.covers(&[Some(new.organization_id)])?;
    members::refuse(problems(&new))?;
    let active = constraint::Model::begin(ctx.new_id(), ctx.now(), new);
    record::insert::<constraint::Model>(&ctx, active, "constraint.created").await
}

async fn update(ctx: Ctx, at: Target, patch: Value) -> Result<constraint::Model> {
    record::update_checked::<constraint::Model>(&ctx, Op::UpdateConstraint, at, &patch, |_, new, _| {
        members::refuse(problems(new))
    })
    .await
}
