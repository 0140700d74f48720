//! Endorsements of needs: one voice for each employer organisation (practice 8).

use roundtable_entity::{NeedState, Record, endorsement, need, organization};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::record::{self, Target};
use sea_orm::ActiveValue::Set;
use sea_orm::IntoActiveModel;
use serde_json::Value;

use crate::members::MaybeReasoned;
use crate::{course, needs};

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<endorsement::Model>("endorsements")
        .list(Op::ListEndorsements)
        .get(Op::GetEndorsement)
        .create(Op::CreateEndorsement, create)
        .update(Op::UpdateEndorsement, update)
        .act(Op::WithdrawEndorsement, "withdraw", withdraw)
        .one::<need::Model>("need", "need_id")
        .one::<organization::Model>("organization", "organization_id");
}

async fn create(ctx: Ctx, new: endorsement::NewEndorsement) -> Result<endorsement::Model> {
    let permit = ctx.permit_at(Op::CreateEndorsement, new.partnership_id)?;
    permit.covers(&[Some(new.organization_id)])?;
    let need = record::reference::<need::Model>(&ctx, "/needId", new.need_id).await?;
    record::from_state(need.state, needs::OPEN, NeedState::word)?;
    let mut active = endorsement::Model::begin(ctx.new_id(), ctx.now(), new);
    active.by_seat_id = Set(permit.standing.seat_id);
    let row = record::insert::<endorsement::Model>(&ctx, active, "endorsement.added").await?;
    course::follow(&ctx, need.id).await?;
    Ok(row)
}

fn stands(row: &endorsement::Model) -> Result<()> {
    match row.withdrawn_at {
        None => Ok(()),
        Some(_) => Err(Error::new(Code::WrongState, "the endorsement is withdrawn; endorse the need anew")),
    }
}

async fn update(ctx: Ctx, at: Target, patch: Value) -> Result<endorsement::Model> {
    let check = |row: &endorsement::Model, _: &_, _: &mut _| stands(row);
    let row = record::update_checked(&ctx, Op::UpdateEndorsement, at, &patch, check).await?;
    course::follow(&ctx, row.need_id).await?;
    Ok(row)
}

async fn withdraw(ctx: Ctx, at: Target, why: MaybeReasoned) -> Result<endorsement::Model> {
    let row = record::target::<endorsement::Model>(&ctx, Op::WithdrawEndorsement, at).await?;
    stands(&row)?;
    let mut active = row.clone().into_active_model();
    active.withdrawn_at = Set(Some(ctx.now()));
    active.withdrawn_reason = Set(why.reason);
    let row = record::save(&ctx, &row, active, "endorsement.withdrawn").await?;
    course::follow(&ctx, row.need_id).await?;
    Ok(row)
}
