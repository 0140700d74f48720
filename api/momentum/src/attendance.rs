//! Who is asked to a meeting, answers, and comes.

use roundtable_entity::attendance::{self, NewAttendance};
use roundtable_entity::{
    ConstraintForce, MeetingState, PartStat, Record, SeatState, Texts, constraint, meeting, organization, partner,
    person, seat,
};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::record::{self, Target};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::part::{at_table, live_meeting, of_own_meeting, patched, reached_part};
use crate::rules::Guest;
use crate::{calling, clock, rules};

/// Registers attendances.
pub fn register(table: &mut Operations) {
    table
        .collection::<attendance::Model>("attendances")
        .list(Op::ListAttendances)
        .get(Op::GetAttendance)
        .create(Op::CreateAttendance, ask)
        .update(Op::UpdateAttendance, ask_otherwise)
        .archive_by(Op::ArchiveAttendance, no_longer_ask)
        .act(Op::AnswerAttendance, "answer", answer)
        .act(Op::RecordAttendance, "record", record_presence)
        .one::<meeting::Model>("meeting", "meeting_id")
        .one::<seat::Model>("seat", "seat_id")
        .one::<partner::Model>("partner", "partner_id")
        .one::<person::Model>("person", "person_id")
        .one::<organization::Model>("organization", "organization_id");
}

/// An answer to an invitation.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AnswerAttendance {
    /// The answer: any but `needs_action`.
    part_stat: PartStat,
}

/// Whether a seat came.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordAttendance {
    /// Whether it came.
    attended: bool,
    /// Minutes it was there.
    #[schema(minimum = 0, maximum = 1440)]
    minutes: Option<i32>,
}

/// States in which seats are asked.
const OPEN: [MeetingState; 3] = [MeetingState::Draft, MeetingState::Scheduled, MeetingState::InProgress];
/// States in which an invitation is answered.
const OPEN_TO_ANSWERS: [MeetingState; 2] = [MeetingState::Scheduled, MeetingState::InProgress];
/// States in which it is known who came.
const BEGUN: [MeetingState; 4] =
    [MeetingState::InProgress, MeetingState::Held, MeetingState::Minuted, MeetingState::Closed];

async fn ask(ctx: Ctx, new: NewAttendance) -> Result<attendance::Model> {
    let meeting = record::reference::<meeting::Model>(&ctx, "/meetingId", new.meeting_id).await?;
    of_own_meeting(&ctx, Op::CreateAttendance, &meeting)?;
    record::from_state(meeting.state, &OPEN, MeetingState::word)?;
    let seat = at_table::<seat::Model>(&ctx, "/seatId", new.seat_id, meeting.partnership_id).await?;
    if seat.state == SeatState::Ended {
        return Err(Error::member("/seatId", "ended", "that seat has ended; ask its successor"));
    }
    let partner = partner_of(&ctx, seat.partner_id).await?;
    let invited_as = new.invited_as.unwrap_or_else(|| rules::asked_by_default(&meeting, &partner));
    let mut active = attendance::Model::begin(ctx.new_id(), ctx.now(), new);
    active.invited_as = Set(Some(invited_as));
    active.partnership_id = Set(meeting.partnership_id);
    active.partner_id = Set(seat.partner_id);
    active.organization_id = Set(seat.organization_id);
    active.person_id = Set(seat.person_id);
    active.waitlist_position = Set(place_in_line(&meeting, &calling::seats(&ctx, meeting.id).await?));
    active.warnings = Set(warnings(&ctx, &meeting, &seat, &partner).await?);
    let row = record::insert::<attendance::Model>(&ctx, active, "attendance.asked").await?;
    suits(&ctx, &meeting, &row).await?;
    Ok(row)
}

async fn partner_of(ctx: &Ctx, id: Uuid) -> Result<partner::Model> {
    partner::Entity::find_by_id(id).one(&ctx.read()).await?.ok_or_else(Error::not_found)
}

async fn warnings(ctx: &Ctx, meeting: &meeting::Model, seat: &seat::Model, partner: &partner::Model) -> Result<Texts> {
    let day = clock::day_at_place(meeting.starts_at, clock::zone(&meeting.time_zone)?);
    let constraints = constraint::Entity::find()
        .filter(constraint::Column::PartnershipId.eq(meeting.partnership_id))
        .filter(constraint::Column::OrganizationId.eq(seat.organization_id))
        .filter(constraint::Column::Force.eq(ConstraintForce::Hard))
        .filter(constraint::Column::ArchivedAt.is_null())
        .order_by_asc(constraint::Column::Id)
        .all(&ctx.read())
        .await?;
    Ok(rules::warnings(meeting, seat.function_level, partner.engagement_mode, &constraints, day))
}

/// A meeting already called keeps its rules with this seat asked as it is.
async fn suits(ctx: &Ctx, meeting: &meeting::Model, row: &attendance::Model) -> Result<()> {
    if meeting.state == MeetingState::Draft {
        return Ok(());
    }
    let guests: Vec<Guest> = calling::guests(ctx, meeting.id)
        .await?
        .into_iter()
        .filter(|guest| guest.partner.id == row.partner_id)
        .collect();
    calling::suits_the_guests(ctx, meeting, &calling::agenda(ctx, meeting.id).await?, &guests).await?;
    calling::respects_employer_time(ctx, meeting, &guests, &[]).await
}

/// Places taken, and the waiting list in order.
fn places(seats: &[attendance::Model]) -> (usize, Vec<&attendance::Model>) {
    let (mut waiting, seated): (Vec<_>, Vec<_>) = seats.iter().partition(|one| one.waitlist_position.is_some());
    waiting.sort_by_key(|one| (one.waitlist_position, one.id));
    (seated.len(), waiting)
}

fn fits(meeting: &meeting::Model, taken: usize) -> bool {
    meeting.capacity.is_none_or(|capacity| usize::try_from(capacity).is_ok_and(|capacity| taken < capacity))
}

/// The place on the waiting list of the next seat asked; `None` when there is room.
fn place_in_line(meeting: &meeting::Model, seats: &[attendance::Model]) -> Option<i32> {
    let (taken, waiting) = places(seats);
    let last = waiting.last().and_then(|one| one.waitlist_position).unwrap_or_default();
    (!fits(meeting, taken)).then(|| last.saturating_add(1))
}

/// Gives free places to the first on the waiting list, and moves the others up.
pub async fn fill_places(ctx: &Ctx, meeting: &meeting::Model) -> Result<()> {
    let seats = calling::seats(ctx, meeting.id).await?;
    let (mut taken, waiting) = places(&seats);
    let mut position = 0;
    for row in waiting {
        let mut active = row.clone().into_active_model();
        if fits(meeting, taken) {
            taken += 1;
            active.waitlist_position = Set(None);
            record::save(ctx, row, active, "attendance.promoted").await?;
        } else {
            position += 1;
            active.waitlist_position = Set(Some(position));
            record::save(ctx, row, active, "attendance.moved_up").await?;
        }
    }
    Ok(())
}

async fn ask_otherwise(ctx: Ctx, at: Target, patch: Value) -> Result<attendance::Model> {
    let (row, meeting) = reached_part::<attendance::Model>(&ctx, Op::UpdateAttendance, at).await?;
    record::from_state(meeting.state, &OPEN, MeetingState::word)?;
    let (new, mut active) = patched(&row, &patch)?;
    if new.invited_as.is_none() {
        let partner = partner_of(&ctx, row.partner_id).await?;
        active.invited_as = Set(Some(rules::asked_by_default(&meeting, &partner)));
    }
    let after = record::save(&ctx, &row, active, "attendance.updated").await?;
    if after.version != row.version {
        suits(&ctx, &meeting, &after).await?;
    }
    Ok(after)
}

async fn no_longer_ask(ctx: Ctx, at: Target) -> Result<attendance::Model> {
    let (row, meeting) = reached_part::<attendance::Model>(&ctx, Op::ArchiveAttendance, at).await?;
    record::from_state(meeting.state, &OPEN, MeetingState::word)?;
    let row = record::archive_row(&ctx, &row).await?;
    fill_places(&ctx, &meeting).await?;
    Ok(row)
}

async fn answer(ctx: Ctx, at: Target, body: AnswerAttendance) -> Result<attendance::Model> {
    let row = record::target::<attendance::Model>(&ctx, Op::AnswerAttendance, at).await?;
    let meeting = live_meeting(&ctx, row.meeting_id).await?;
    record::from_state(meeting.state, &OPEN_TO_ANSWERS, MeetingState::word)?;
    if body.part_stat == PartStat::NeedsAction {
        return Err(Error::member("/partStat", "no_answer", "needs_action is not an answer"));
    }
    let mut active = row.clone().into_active_model();
    active.part_stat = Set(body.part_stat);
    active.answered_at = Set(Some(ctx.now()));
    record::save(&ctx, &row, active, "attendance.answered").await
}

async fn record_presence(ctx: Ctx, at: Target, body: RecordAttendance) -> Result<attendance::Model> {
    let (row, meeting) = reached_part::<attendance::Model>(&ctx, Op::RecordAttendance, at).await?;
    record::from_state(meeting.state, &BEGUN, MeetingState::word)?;
    if !body.attended && body.minutes.is_some_and(|minutes| minutes > 0) {
        return Err(Error::member("/minutes", "contradiction", "who did not come was there no minute"));
    }
    let mut active = row.clone().into_active_model();
    active.attended = Set(Some(body.attended));
    active.attended_minutes = Set(body.minutes);
    record::save(&ctx, &row, active, "attendance.recorded").await
}

/// Seats that came to the meeting.
pub async fn those_there(ctx: &Ctx, meeting_id: Uuid) -> Result<Vec<Guest>> {
    let mut guests = calling::guests(ctx, meeting_id).await?;
    guests.retain(|guest| guest.attendance.attended == Some(true));
    Ok(guests)
}
