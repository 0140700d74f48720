//! What passes from a seat that ended to the one that follows.

use chrono::NaiveDate;
use roundtable_entity::{ActionItemState, HandoverState, Record, Texts, action_item, handover, partner, seat};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Nothing, Operations};
use roundtable_kernel::record::{self, Target};
use roundtable_kernel::seal;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::seats;

/// States in which a handover is not over.
const PENDING: [HandoverState; 2] = [HandoverState::Open, HandoverState::Accepted];

/// With which seat a handover is taken on.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct HandoverAcceptance {
    /// The seat that follows; the one the handover leads to, or else your own, unless said otherwise.
    seat_id: Option<Uuid>,
}

/// Handovers that are not over although their day went by.
pub fn overdue_handovers(today: NaiveDate) -> Condition {
    Condition::all().add(handover::Column::State.is_in(PENDING)).add(handover::Column::DueOn.lt(today))
}

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<handover::Model>("handovers")
        .list(Op::ListHandovers)
        .get(Op::GetHandover)
        .update(Op::UpdateHandover, |ctx, at, patch| async move {
            record::update_checked::<handover::Model>(&ctx, Op::UpdateHandover, at, &patch, |row, _, _| {
                record::from_state(row.state, &PENDING, HandoverState::word)
            })
            .await
        })
        .act(Op::AcceptHandover, "accept", accept)
        .act(Op::CompleteHandover, "complete", complete)
        .one::<partner::Model>("partner", "partner_id")
        .one::<seat::Model>("fromSeat", "from_seat_id")
        .one::<seat::Model>("toSeat", "to_seat_id");
}

async fn accept(ctx: Ctx, at: Target, body: HandoverAcceptance) -> Result<handover::Model> {
    let row = record::target::<handover::Model>(&ctx, Op::AcceptHandover, at).await?;
    record::from_state(row.state, &[HandoverState::Open], HandoverState::word)?;
    let own = ctx.standing()?.seat_id;
    let Some(seat_id) = body.seat_id.or(row.to_seat_id).or(own) else {
        return Err(Error::member("/seatId", "required", "say which seat takes it on"));
    };
    let seat = seats::held_by(&ctx, "/seatId", seat_id, row.partner_id).await?;
    move_items(&ctx, open_items(&ctx, row.from_seat_id).await?, seat.id).await?;
    let mut active = row.clone().into_active_model();
    active.to_seat_id = Set(Some(seat.id));
    active.state = Set(HandoverState::Accepted);
    record::save(&ctx, &row, active, "handover.accepted").await
}

async fn complete(ctx: Ctx, at: Target, _: Nothing) -> Result<handover::Model> {
    let row = record::target::<handover::Model>(&ctx, Op::CompleteHandover, at).await?;
    record::from_state(row.state, &[HandoverState::Accepted], HandoverState::word)?;
    let mut active = row.clone().into_active_model();
    active.state = Set(HandoverState::Completed);
    record::save(&ctx, &row, active, "handover.completed").await
}

/// Hands on what a seat that ended leaves open: its action items, and handovers that led to it.
pub(crate) async fn pass_on(
    ctx: &Ctx,
    ended: &seat::Model,
    successor: Option<&seat::Model>,
    reason: Option<String>,
) -> Result<()> {
    redirect(ctx, ended.id, successor).await?;
    let items = open_items(ctx, ended.id).await?;
    let open = !items.is_empty() || successor.is_some();
    if !open && reason.is_none() {
        return Ok(());
    }
    let new = handover::NewHandover {
        partnership_id: ended.partnership_id,
        partner_id: ended.partner_id,
        organization_id: ended.organization_id,
        from_seat_id: ended.id,
        reason,
        items: Texts(told(ctx, &items).await?),
        brief: None,
        due_on: None,
    };
    let mut active = handover::Model::begin(ctx.new_id(), ctx.now(), new);
    active.to_seat_id = Set(successor.map(|seat| seat.id));
    if !open {
        // Kept for its reason alone; nobody has anything to take on.
        active.state = Set(HandoverState::Completed);
    }
    record::insert::<handover::Model>(ctx, active, "handover.created").await?;
    match successor {
        Some(seat) => move_items(ctx, items, seat.id).await,
        None => Ok(()),
    }
}

/// Handovers that are not over and hold this id.
async fn pending(ctx: &Ctx, column: handover::Column, id: Uuid) -> Result<Vec<handover::Model>> {
    let rows = handover::Entity::find()
        .filter(column.eq(id))
        .filter(handover::Column::State.is_in(PENDING))
        .filter(handover::Column::ArchivedAt.is_null())
        .all(&ctx.read())
        .await?;
    Ok(rows)
}

/// Handovers that led to a seat that ended wait for its successor.
async fn redirect(ctx: &Ctx, ended: Uuid, successor: Option<&seat::Model>) -> Result<()> {
    for row in pending(ctx, handover::Column::ToSeatId, ended).await? {
        let mut active = row.clone().into_active_model();
        active.to_seat_id = Set(successor.map(|seat| seat.id));
        active.state = Set(HandoverState::Open);
        record::save(ctx, &row, active, "handover.redirected").await?;
    }
    Ok(())
}

/// The action items a seat has not finished.
async fn open_items(ctx: &Ctx, seat_id: Uuid) -> Result<Vec<action_item::Model>> {
    let rows = action_item::Entity::find()
        .filter(action_item::Column::SeatId.eq(seat_id))
        .filter(action_item::Column::State.is_in([ActionItemState::Open, ActionItemState::Accepted]))
        .filter(action_item::Column::ArchivedAt.is_null())
        .order_by_asc(action_item::Column::Id)
        .all(&ctx.read())
        .await?;
    Ok(rows)
}

/// Titles of the items, without those kept for the bargaining table: a handover is read by more than its parties.
async fn told(ctx: &Ctx, items: &[action_item::Model]) -> Result<Vec<String>> {
    let mut titles = Vec::with_capacity(items.len());
    for item in items {
        if !seal::is_sealed(ctx, item).await? {
            titles.push(item.title.clone());
        }
    }
    Ok(titles)
}

async fn move_items(ctx: &Ctx, items: Vec<action_item::Model>, seat_id: Uuid) -> Result<()> {
    for item in items {
        let mut active = item.clone().into_active_model();
        active.seat_id = Set(Some(seat_id));
        record::save(ctx, &item, active, "action_item.handed_over").await?;
    }
    Ok(())
}

/// Refuses when a seat has taken on a handover and not completed it.
pub(crate) async fn refuse_half_done(ctx: &Ctx, seat_id: Uuid) -> Result<()> {
    let leading_here = pending(ctx, handover::Column::ToSeatId, seat_id).await?;
    if leading_here.iter().any(|row| row.state == HandoverState::Accepted) {
        return Err(Code::HandoverOpen.into());
    }
    Ok(())
}

/// Nobody is left to take the handovers of a partner on.
pub(crate) async fn lapse(ctx: &Ctx, partner_id: Uuid) -> Result<()> {
    for row in pending(ctx, handover::Column::PartnerId, partner_id).await? {
        let mut active = row.clone().into_active_model();
        active.state = Set(HandoverState::Lapsed);
        record::save(ctx, &row, active, "handover.lapsed").await?;
    }
    Ok(())
}
