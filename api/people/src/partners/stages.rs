//! From prospect to partner and away again.

use roundtable_entity::{OutreachPurpose, PartnerState, partner};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::Result;
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Nothing;
use roundtable_kernel::record::{self, Target};
use sea_orm::ActiveValue::Set;
use sea_orm::IntoActiveModel;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Collection, engagement};
use crate::{champions, handovers, labor, outreach, seats};

/// Why an invitation is declined.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Decline {
    /// Why. Kept in the outreach log, for the organisation and the intermediary.
    #[schema(max_length = 1000)]
    reason: Option<String>,
}

/// Why a partner leaves the table.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Withdrawal {
    /// Why. Kept in the outreach log, for the organisation and the intermediary.
    #[schema(min_length = 1, max_length = 1000)]
    reason: String,
}

/// A move from one stage to another.
struct Move {
    op: Op,
    from: &'static [PartnerState],
    to: PartnerState,
    event: &'static str,
}

const INVITE: Move = Move {
    op: Op::InvitePartner,
    from: &[PartnerState::Prospect],
    to: PartnerState::Invited,
    event: "partner.invited",
};
const JOIN: Move =
    Move { op: Op::JoinPartner, from: &[PartnerState::Invited], to: PartnerState::Active, event: "partner.joined" };
const DECLINE: Move = Move {
    op: Op::DeclinePartner,
    from: &[PartnerState::Invited],
    to: PartnerState::Declined,
    event: "partner.declined",
};
const WITHDRAW: Move = Move {
    op: Op::WithdrawPartner,
    from: &[PartnerState::Active, PartnerState::Dormant, PartnerState::Invited],
    to: PartnerState::Withdrawn,
    event: "partner.withdrawn",
};
const REST: Move =
    Move { op: Op::RestPartner, from: &[PartnerState::Active], to: PartnerState::Dormant, event: "partner.dormant" };
const REACTIVATE: Move = Move {
    op: Op::ReactivatePartner,
    from: &[PartnerState::Dormant],
    to: PartnerState::Active,
    event: "partner.reactivated",
};

pub(super) fn add(partners: Collection<'_>) -> Collection<'_> {
    partners
        .act(Op::InvitePartner, "invite", invite)
        .act(Op::JoinPartner, "join", join)
        .act(Op::DeclinePartner, "decline", decline)
        .act(Op::WithdrawPartner, "withdraw", withdraw)
        .act(Op::RestPartner, "rest", rest)
        .act(Op::ReactivatePartner, "reactivate", reactivate)
}

/// The partner that may make this move.
async fn mover(ctx: &Ctx, at: Target, step: &Move) -> Result<partner::Model> {
    let row = record::target::<partner::Model>(ctx, step.op, at).await?;
    record::from_state(row.state, step.from, PartnerState::word)?;
    Ok(row)
}

async fn make(
    ctx: &Ctx,
    row: &partner::Model,
    step: &Move,
    also: impl FnOnce(&mut partner::ActiveModel),
) -> Result<partner::Model> {
    let mut active = row.clone().into_active_model();
    active.state = Set(step.to);
    also(&mut active);
    ctx.standings_change();
    record::save(ctx, row, active, step.event).await
}

async fn invite(ctx: Ctx, at: Target, _: Nothing) -> Result<partner::Model> {
    let row = mover(&ctx, at, &INVITE).await?;
    make(&ctx, &row, &INVITE, |_| {}).await
}

async fn join(ctx: Ctx, at: Target, _: Nothing) -> Result<partner::Model> {
    let row = mover(&ctx, at, &JOIN).await?;
    let today = ctx.today();
    make(&ctx, &row, &JOIN, |active| active.joined_on = Set(Some(today))).await
}

async fn decline(ctx: Ctx, at: Target, body: Decline) -> Result<partner::Model> {
    let row = mover(&ctx, at, &DECLINE).await?;
    close(&ctx, &row).await?;
    if let Some(reason) = body.reason {
        outreach::note(&ctx, &row, OutreachPurpose::Recruit, reason).await?;
    }
    make(&ctx, &row, &DECLINE, |active| active.live_seats = Set(0)).await
}

async fn withdraw(ctx: Ctx, at: Target, body: Withdrawal) -> Result<partner::Model> {
    let row = mover(&ctx, at, &WITHDRAW).await?;
    close(&ctx, &row).await?;
    outreach::note(&ctx, &row, OutreachPurpose::Retain, body.reason).await?;
    let today = ctx.today();
    let gone = make(&ctx, &row, &WITHDRAW, |active| {
        active.live_seats = Set(0);
        active.left_on = Set(row.joined_on.map(|_| today));
    })
    .await?;
    if row.state == PartnerState::Active {
        labor::tell_if_silent(&ctx, &gone).await?;
    }
    Ok(gone)
}

async fn rest(ctx: Ctx, at: Target, _: Nothing) -> Result<partner::Model> {
    let row = mover(&ctx, at, &REST).await?;
    let dormant = make(&ctx, &row, &REST, |_| {}).await?;
    labor::tell_if_silent(&ctx, &dormant).await?;
    Ok(dormant)
}

async fn reactivate(ctx: Ctx, at: Target, _: Nothing) -> Result<partner::Model> {
    let row = mover(&ctx, at, &REACTIVATE).await?;
    make(&ctx, &row, &REACTIVATE, |_| {}).await
}

/// Ends what a partner has running.
async fn close(ctx: &Ctx, row: &partner::Model) -> Result<()> {
    seats::end_all(ctx, row.id).await?;
    handovers::lapse(ctx, row.id).await?;
    champions::step_down_all(ctx, row.id).await?;
    engagement::end_running(ctx, row.id, ctx.today()).await?;
    Ok(())
}
