//! Action items: offered to an organisation and taken on by it, never assigned (practice 52).

use roundtable_entity::action_item::{self, NewActionItem};
use roundtable_entity::{
    ActionItemState, GoalState, PartnerState, Record, SeatState, goal, meeting, need, organization, partner, seat,
};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Nothing, Operations};
use roundtable_kernel::record::{self, Target};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, Condition, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::part::{at_table, at_table_if_given, patched};

/// Registers action items.
pub fn register(table: &mut Operations) {
    table
        .collection::<action_item::Model>("action-items")
        .list(Op::ListActionItems)
        .get(Op::GetActionItem)
        .create(Op::CreateActionItem, offer)
        .update(Op::UpdateActionItem, update_item)
        .act(Op::AcceptActionItem, "accept", accept)
        .act(Op::DeclineActionItem, "decline", decline)
        .act(Op::CompleteActionItem, "complete", complete)
        .act(Op::DropActionItem, "drop", give_up)
        .one::<meeting::Model>("meeting", "meeting_id")
        .one::<organization::Model>("ownerOrganization", "owner_organization_id")
        .one::<goal::Model>("goal", "goal_id")
        .one::<seat::Model>("seat", "seat_id")
        .one::<need::Model>("need", "need_id");
}

/// Why an action item is declined, if its owner wants to say.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeclineActionItem {
    /// The reason.
    #[schema(min_length = 1, max_length = 1000)]
    reason: Option<String>,
}

/// Why an action item is given up.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DropActionItem {
    /// The reason.
    #[schema(min_length = 1, max_length = 1000)]
    reason: String,
}

/// States in which there is something left to do.
const OPEN: [ActionItemState; 2] = [ActionItemState::Open, ActionItemState::Accepted];

async fn offer(ctx: Ctx, new: NewActionItem) -> Result<action_item::Model> {
    ctx.permit_at(Op::CreateActionItem, new.partnership_id)?;
    at_table_if_given::<meeting::Model>(&ctx, "/meetingId", new.meeting_id, new.partnership_id).await?;
    at_table_if_given::<need::Model>(&ctx, "/needId", new.need_id, new.partnership_id).await?;
    let owner = new.owner_organization_id;
    at_table::<organization::Model>(&ctx, "/ownerOrganizationId", owner, new.partnership_id).await?;
    owner_is_a_partner(&ctx, &new).await?;
    check_seat(&ctx, &new).await?;
    check_goal(&ctx, &new).await?;
    let active = action_item::Model::begin(ctx.new_id(), ctx.now(), new);
    record::insert::<action_item::Model>(&ctx, active, "action_item.offered").await
}

async fn owner_is_a_partner(ctx: &Ctx, new: &NewActionItem) -> Result<()> {
    let places = partner::Entity::find()
        .filter(partner::Column::PartnershipId.eq(new.partnership_id))
        .filter(partner::Column::OrganizationId.eq(new.owner_organization_id))
        .filter(partner::Column::State.is_in([PartnerState::Active, PartnerState::Dormant]))
        .filter(partner::Column::ArchivedAt.is_null())
        .count(&ctx.read())
        .await?;
    if places > 0 {
        return Ok(());
    }
    Err(Error::member(
        "/ownerOrganizationId",
        "not_a_partner",
        "an action item is offered to an organisation at the table",
    ))
}

/// The seat that does it is one of its owner's.
async fn check_seat(ctx: &Ctx, new: &NewActionItem) -> Result<()> {
    let seat = at_table_if_given::<seat::Model>(ctx, "/seatId", new.seat_id, new.partnership_id).await?;
    match seat {
        Some(seat) if seat.organization_id != new.owner_organization_id => {
            Err(Error::member("/seatId", "not_the_owners", "that seat is another organisation's"))
        }
        Some(seat) if seat.state == SeatState::Ended => {
            Err(Error::member("/seatId", "ended", "that seat has ended; name its successor"))
        }
        _ => Ok(()),
    }
}

/// The goal it serves is one that is still pursued.
async fn check_goal(ctx: &Ctx, new: &NewActionItem) -> Result<()> {
    match at_table_if_given::<goal::Model>(ctx, "/goalId", new.goal_id, new.partnership_id).await? {
        Some(goal) => record::from_state(goal.state, &[GoalState::Proposed, GoalState::Agreed], GoalState::word),
        None => Ok(()),
    }
}

async fn update_item(ctx: Ctx, at: Target, patch: Value) -> Result<action_item::Model> {
    let row = record::target::<action_item::Model>(&ctx, Op::UpdateActionItem, at).await?;
    record::from_state(row.state, &OPEN, ActionItemState::word)?;
    let (new, active) = patched(&row, &patch)?;
    if new.seat_id != row.seat_id {
        check_seat(&ctx, &new).await?;
    }
    if new.goal_id != row.goal_id {
        check_goal(&ctx, &new).await?;
    }
    record::save(&ctx, &row, active, "action_item.updated").await
}

async fn accept(ctx: Ctx, at: Target, _: Nothing) -> Result<action_item::Model> {
    let row = record::target::<action_item::Model>(&ctx, Op::AcceptActionItem, at).await?;
    record::from_state(row.state, &[ActionItemState::Open], ActionItemState::word)?;
    moved(&ctx, &row, ActionItemState::Accepted, None).await
}

async fn decline(ctx: Ctx, at: Target, body: DeclineActionItem) -> Result<action_item::Model> {
    let row = record::target::<action_item::Model>(&ctx, Op::DeclineActionItem, at).await?;
    record::from_state(row.state, &[ActionItemState::Open], ActionItemState::word)?;
    moved(&ctx, &row, ActionItemState::Declined, body.reason).await
}

async fn complete(ctx: Ctx, at: Target, _: Nothing) -> Result<action_item::Model> {
    let row = record::target::<action_item::Model>(&ctx, Op::CompleteActionItem, at).await?;
    if matches!(row.state, ActionItemState::Open | ActionItemState::Declined) {
        return Err(Code::ActionNotAccepted.into());
    }
    record::from_state(row.state, &[ActionItemState::Accepted], ActionItemState::word)?;
    moved(&ctx, &row, ActionItemState::Done, None).await
}

async fn give_up(ctx: Ctx, at: Target, body: DropActionItem) -> Result<action_item::Model> {
    let row = record::target::<action_item::Model>(&ctx, Op::DropActionItem, at).await?;
    record::from_state(row.state, &OPEN, ActionItemState::word)?;
    moved(&ctx, &row, ActionItemState::Dropped, Some(body.reason)).await
}

async fn moved(
    ctx: &Ctx,
    row: &action_item::Model,
    to: ActionItemState,
    reason: Option<String>,
) -> Result<action_item::Model> {
    let mut active = row.clone().into_active_model();
    active.state = Set(to);
    active.reason = Set(reason);
    record::save(ctx, row, active, &record::happened::<action_item::Model>(to.word())).await
}

/// Points what is left to do, from a meeting or carried over to it, to another meeting.
pub async fn carry_over(ctx: &Ctx, from: &meeting::Model, to: &meeting::Model) -> Result<()> {
    let of_meeting = Condition::any().add(action_item::Column::CarriedToMeetingId.eq(from.id)).add(
        Condition::all()
            .add(action_item::Column::MeetingId.eq(from.id))
            .add(action_item::Column::CarriedToMeetingId.is_null()),
    );
    let left = action_item::Entity::find()
        .filter(of_meeting)
        .filter(action_item::Column::State.is_in(OPEN))
        .filter(action_item::Column::ArchivedAt.is_null())
        .order_by_asc(action_item::Column::Id)
        .all(&ctx.read())
        .await?;
    for row in left {
        let mut active = row.clone().into_active_model();
        active.carried_to_meeting_id = Set(Some(to.id));
        record::save(ctx, &row, active, "action_item.carried_over").await?;
    }
    Ok(())
}
