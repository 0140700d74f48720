//! Seats: the people through whom partners sit at the table.

pub(crate) mod coverage;
mod succession;

use chrono::NaiveDate;
use roundtable_entity::{PartnerState, Record, SeatRole, SeatState, organization, partner, person, seat};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Nothing, Operations};
use roundtable_kernel::record::{self, Target};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{affiliations, handovers, labor, members};
use succession::{HELD, OPEN, Succession};

/// The first day of a seat.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SeatAcceptance {
    /// The first day; today unless said otherwise, not in the future.
    starts_on: Option<NaiveDate>,
}

/// The end of a seat.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SeatEnd {
    /// The last day; today unless said otherwise, not in the future. For a day to come set `expectedEndOn` instead.
    ends_on: Option<NaiveDate>,
    /// Why it ends. Goes into the handover.
    #[schema(max_length = 1000)]
    reason: Option<String>,
    /// End it though it leaves the partner without a point person, or a handover half done.
    #[serde(default)]
    leave_uncovered: bool,
}

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<seat::Model>("seats")
        .list(Op::ListSeats)
        .get(Op::GetSeat)
        .create(Op::CreateSeat, create)
        .update(Op::UpdateSeat, update)
        .act(Op::AcceptSeat, "accept", accept)
        .act(Op::ConfirmSeat, "confirm", confirm)
        .act(Op::EndSeat, "end", end)
        .one::<partner::Model>("partner", "partner_id")
        .one::<person::Model>("person", "person_id")
        .one::<organization::Model>("organization", "organization_id");
    coverage::register(table);
}

/// Refuses a partner that has left or said no.
fn takes_seats(partner: &partner::Model) -> Result<()> {
    let open = [PartnerState::Prospect, PartnerState::Invited, PartnerState::Active, PartnerState::Dormant];
    record::from_state(partner.state, &open, PartnerState::word)
}

async fn create(ctx: Ctx, new: seat::NewSeat) -> Result<seat::Model> {
    let permit = ctx.permit_at(Op::CreateSeat, new.partnership_id)?;
    let at = new.partnership_id;
    let partner = members::reference::<partner::Model>(&ctx, "/partnerId", new.partner_id, at).await?;
    permit.covers(&[Some(partner.organization_id)])?;
    takes_seats(&partner)?;
    let person = members::reference::<person::Model>(&ctx, "/personId", new.person_id, at).await?;
    let free = person.organization_id.is_none();
    if !free && !affiliations::works_for(&ctx, &person, partner.organization_id).await? {
        return Err(affiliations::of_another());
    }
    let mut active = seat::Model::begin(ctx.new_id(), ctx.now(), new);
    active.organization_id = Set(partner.organization_id);
    active.person_name = Set(person.name);
    record::insert::<seat::Model>(&ctx, active, "seat.proposed").await
}

async fn accept(ctx: Ctx, at: Target, body: SeatAcceptance) -> Result<seat::Model> {
    let row = record::target::<seat::Model>(&ctx, Op::AcceptSeat, at).await?;
    record::from_state(row.state, &[SeatState::Proposed], SeatState::word)?;
    let today = ctx.today();
    let starts_on = body.starts_on.unwrap_or(today);
    members::refuse(members::not_future("/startsOn", starts_on, today))?;
    if let Some(partner) = partner::Entity::find_by_id(row.partner_id).one(&ctx.read()).await? {
        takes_seats(&partner)?;
    }
    if row.role == SeatRole::PointPerson {
        succession::vacant(row.id, &held(&ctx, row.partner_id).await?)?;
    }
    let mut active = row.clone().into_active_model();
    active.state = Set(succession::state_until(row.expected_end_on, today));
    active.starts_on = Set(Some(starts_on));
    let saved = record::save(&ctx, &row, active, "seat.live").await?;
    recount(&ctx, saved.partner_id).await?;
    ctx.standings_change();
    Ok(saved)
}

async fn confirm(ctx: Ctx, at: Target, _: Nothing) -> Result<seat::Model> {
    let row = record::target::<seat::Model>(&ctx, Op::ConfirmSeat, at).await?;
    record::from_state(row.state, HELD, SeatState::word)?;
    let mut active = row.clone().into_active_model();
    active.confirmed_on = Set(Some(ctx.today()));
    record::save(&ctx, &row, active, "seat.confirmed").await
}

async fn update(ctx: Ctx, at: Target, patch: Value) -> Result<seat::Model> {
    let (row, new) = members::proposed::<seat::Model>(&ctx, Op::UpdateSeat, at, &patch).await?;
    record::from_state(row.state, OPEN, SeatState::word)?;
    let others = held(&ctx, row.partner_id).await?;
    let successor = succession::on_role_change(&row, new.role, &others)?;
    let mut active = row.clone().into_active_model();
    let mut happened = "seat.updated";
    if new.expected_end_on != row.expected_end_on && HELD.contains(&row.state) {
        let state = succession::state_until(new.expected_end_on, ctx.today());
        if state == SeatState::Ending {
            happened = "seat.ending";
        }
        active.state.set_if_not_equals(state);
    }
    seat::Model::edit(&mut active, new);
    let saved = record::save(&ctx, &row, active, happened).await?;
    if let Some(successor) = successor {
        promote(&ctx, successor).await?;
    }
    Ok(saved)
}

async fn end(ctx: Ctx, at: Target, body: SeatEnd) -> Result<seat::Model> {
    let row = record::target::<seat::Model>(&ctx, Op::EndSeat, at).await?;
    record::from_state(row.state, OPEN, SeatState::word)?;
    let today = ctx.today();
    let ends_on = body.ends_on.unwrap_or(today);
    members::refuse(members::not_future("/endsOn", ends_on, today).into_iter().chain(members::in_order(
        row.starts_on,
        "/endsOn",
        Some(ends_on),
    )))?;
    let others = held(&ctx, row.partner_id).await?;
    let succession = succession::of(&row, &others);
    if !body.leave_uncovered {
        if matches!(succession, Succession::Uncovered) {
            return Err(Code::LastPointPerson.into());
        }
        handovers::refuse_half_done(&ctx, row.id).await?;
    }
    let ended = close(&ctx, &row, ends_on).await?;
    let successor = match succession {
        Succession::Passes(next) => Some(promote(&ctx, next).await?),
        Succession::Uncovered => {
            ctx.event("seat.uncovered", &ended, &[]).await?;
            None
        }
        Succession::Unaffected => None,
    };
    handovers::pass_on(&ctx, &ended, successor.as_ref(), body.reason).await?;
    recount(&ctx, ended.partner_id).await?;
    Ok(ended)
}

/// Marks a seat as over; its holder's access ends with it.
async fn close(ctx: &Ctx, row: &seat::Model, last: NaiveDate) -> Result<seat::Model> {
    let mut active = row.clone().into_active_model();
    active.state = Set(SeatState::Ended);
    active.ends_on = Set(Some(last));
    ctx.standings_change();
    record::save(ctx, row, active, "seat.ended").await
}

async fn promote(ctx: &Ctx, row: &seat::Model) -> Result<seat::Model> {
    let mut active = row.clone().into_active_model();
    active.role = Set(SeatRole::PointPerson);
    record::save(ctx, row, active, "seat.promoted").await
}

async fn in_states(ctx: &Ctx, partner_id: Uuid, states: &[SeatState]) -> Result<Vec<seat::Model>> {
    let rows = seat::Entity::find()
        .filter(seat::Column::PartnerId.eq(partner_id))
        .filter(seat::Column::State.is_in(states.iter().copied()))
        .filter(seat::Column::ArchivedAt.is_null())
        .order_by_asc(seat::Column::Id)
        .all(&ctx.read())
        .await?;
    Ok(rows)
}

/// The seats of a partner that are held at present.
async fn held(ctx: &Ctx, partner_id: Uuid) -> Result<Vec<seat::Model>> {
    in_states(ctx, partner_id, HELD).await
}

/// Ends every seat of a partner that leaves, proposed ones too. The partner's own count is left to the caller.
pub(crate) async fn end_all(ctx: &Ctx, partner_id: Uuid) -> Result<()> {
    for row in in_states(ctx, partner_id, OPEN).await? {
        close(ctx, &row, ctx.today()).await?;
    }
    Ok(())
}

/// The seat, live and of this partner, that a member of a body points to.
pub(crate) async fn held_by(ctx: &Ctx, pointer: &str, id: Uuid, partner_id: Uuid) -> Result<seat::Model> {
    let row = record::reference::<seat::Model>(ctx, pointer, id).await?;
    if row.partner_id == partner_id && HELD.contains(&row.state) {
        Ok(row)
    } else {
        Err(Error::member(pointer, "not_found", "the partner has no live seat with this id"))
    }
}

/// Keeps with the partner how many seats it holds, and tells when a labor voice falls silent.
async fn recount(ctx: &Ctx, partner_id: Uuid) -> Result<()> {
    let Some(row) = partner::Entity::find_by_id(partner_id).one(&ctx.read()).await? else {
        return Ok(());
    };
    let seats = held(ctx, partner_id).await?.len();
    let mut active = row.clone().into_active_model();
    active.live_seats = Set(i32::try_from(seats).unwrap_or(i32::MAX));
    let saved = record::save(ctx, &row, active, "partner.updated").await?;
    if row.live_seats > 0 && saved.live_seats == 0 && saved.state == PartnerState::Active {
        labor::tell_if_silent(ctx, &saved).await?;
    }
    Ok(())
}
