//! What partners hope to gain and what stands in their way (practices 75 and 76).

use roundtable_entity::{BarrierState, InterestKind, Record, interest, organization};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Problem, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::record::{self, Target};
use serde_json::Value;

use crate::members;

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<interest::Model>("interests")
        .list(Op::ListInterests)
        .get(Op::GetInterest)
        .create(Op::CreateInterest, create)
        .update(Op::UpdateInterest, update)
        .archive(Op::ArchiveInterest)
        .one::<organization::Model>("organization", "organization_id");
}

/// Only what stands in the way can be addressed.
fn problems(new: &interest::NewInterest) -> Option<Problem> {
    let addressed_hope = new.kind == InterestKind::Hope && new.barrier_state.is_some();
    addressed_hope.then(|| members::problem("/barrierState", "not_for_this_kind", "a hope is no barrier to address"))
}

async fn create(ctx: Ctx, mut new: interest::NewInterest) -> Result<interest::Model> {
    let permit = ctx.permit_at(Op::CreateInterest, new.partnership_id)?;
    members::reference::<organization::Model>(&ctx, "/organizationId", new.organization_id, new.partnership_id).await?;
    permit.covers(&[Some(new.organization_id)])?;
    members::refuse(problems(&new))?;
    if new.kind == InterestKind::Barrier {
        new.barrier_state.get_or_insert(BarrierState::Open);
    }
    let active = interest::Model::begin(ctx.new_id(), ctx.now(), new);
    record::insert::<interest::Model>(&ctx, active, "interest.created").await
}

async fn update(ctx: Ctx, at: Target, patch: Value) -> Result<interest::Model> {
    record::update_checked::<interest::Model>(&ctx, Op::UpdateInterest, at, &patch, |_, new, _| {
        members::refuse(problems(new))
    })
    .await
}
