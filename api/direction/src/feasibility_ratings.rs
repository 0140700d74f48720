//! How feasible partners think it is to meet a need. Advice from every side, apart from the order of needs.

use roundtable_entity::{Record, feasibility_rating, need, organization};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::Result;
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::record;
use sea_orm::ActiveValue::Set;

use crate::members;

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<feasibility_rating::Model>("feasibility-ratings")
        .list(Op::ListFeasibilityRatings)
        .get(Op::GetFeasibilityRating)
        .create(Op::CreateFeasibilityRating, create)
        .update_plainly(Op::UpdateFeasibilityRating)
        .one::<need::Model>("need", "need_id")
        .one::<organization::Model>("organization", "organization_id");
}

async fn create(ctx: Ctx, new: feasibility_rating::NewFeasibilityRating) -> Result<feasibility_rating::Model> {
    ctx.permit_at(Op::CreateFeasibilityRating, new.partnership_id)?;
    record::reference::<need::Model>(&ctx, "/needId", new.need_id).await?;
    let speaker = members::speaker(&ctx)?;
    let mut active = feasibility_rating::Model::begin(ctx.new_id(), ctx.now(), new);
    active.organization_id = Set(speaker);
    active.rater = Set(speaker.map_or_else(|| "intermediary".to_owned(), |own| own.to_string()));
    record::insert::<feasibility_rating::Model>(&ctx, active, "feasibility_rating.added").await
}
