//! Confirmations of causes by employers that endorsed the need (practice 27).

use roundtable_entity::{CauseState, NeedState, Record, cause, cause_confirmation, need, organization};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Nothing, Operations};
use roundtable_kernel::record::{self, Target};
use sea_orm::ActiveValue::Set;
use sea_orm::IntoActiveModel;

use crate::{course, needs};

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<cause_confirmation::Model>("cause-confirmations")
        .list(Op::ListCauseConfirmations)
        .get(Op::GetCauseConfirmation)
        .create(Op::CreateCauseConfirmation, create)
        .act(Op::WithdrawCauseConfirmation, "withdraw", withdraw)
        .one::<cause::Model>("cause", "cause_id")
        .one::<organization::Model>("organization", "organization_id");
}

async fn create(ctx: Ctx, new: cause_confirmation::NewCauseConfirmation) -> Result<cause_confirmation::Model> {
    let permit = ctx.permit_at(Op::CreateCauseConfirmation, new.partnership_id)?;
    permit.covers(&[Some(new.organization_id)])?;
    let cause = record::reference::<cause::Model>(&ctx, "/causeId", new.cause_id).await?;
    let need = record::known::<need::Model>(&ctx, cause.need_id).await?;
    course::endorses(&ctx, &need).await?;
    record::from_state(need.state, needs::OPEN, NeedState::word)?;
    record::from_state(cause.state, &[CauseState::Tested, CauseState::Confirmed], CauseState::word)?;
    let mut active = cause_confirmation::Model::begin(ctx.new_id(), ctx.now(), new);
    active.need_id = Set(need.id);
    let row = record::insert::<cause_confirmation::Model>(&ctx, active, "cause_confirmation.added").await?;
    course::follow(&ctx, need.id).await?;
    Ok(row)
}

async fn withdraw(ctx: Ctx, at: Target, _: Nothing) -> Result<cause_confirmation::Model> {
    let row = record::target::<cause_confirmation::Model>(&ctx, Op::WithdrawCauseConfirmation, at).await?;
    if row.withdrawn_at.is_some() {
        return Err(Error::new(Code::WrongState, "the confirmation is withdrawn"));
    }
    let mut active = row.clone().into_active_model();
    active.withdrawn_at = Set(Some(ctx.now()));
    let row = record::save(&ctx, &row, active, "cause_confirmation.withdrawn").await?;
    course::follow(&ctx, row.need_id).await?;
    Ok(row)
}
