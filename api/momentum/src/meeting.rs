//! Meetings, from draft to closed (practices 37, 39, 62, 63, 64).

use roundtable_entity::meeting::{self, NewMeeting};
use roundtable_entity::{
    MeetingState, ObjectiveResult, Record, action_item, agenda_item, attendance, decision, meeting_series, minutes,
    organization, time_override,
};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Nothing, Operations};
use roundtable_kernel::record::{self, Target};
use sea_orm::ActiveValue::Set;
use sea_orm::IntoActiveModel;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::calling::{self, OverrideReason};
use crate::part::{at_table, at_table_if_given, of_own_meeting, patched};
use crate::{clock, rules};

/// Registers meetings.
pub fn register(table: &mut Operations) {
    table
        .collection::<meeting::Model>("meetings")
        .list(Op::ListMeetings)
        .get(Op::GetMeeting)
        .create(Op::CreateMeeting, create_meeting)
        .update(Op::UpdateMeeting, update_meeting)
        .archive(Op::ArchiveMeeting)
        .act(Op::ScheduleMeeting, "schedule", schedule_meeting)
        .act(Op::StartMeeting, "start", start_meeting)
        .act(Op::HoldMeeting, "hold", hold_meeting)
        .act(Op::CloseMeeting, "close", close_meeting)
        .act(Op::CancelMeeting, "cancel", cancel_meeting)
        .act(Op::CarryOverMeeting, "carry-over", carry_over_meeting)
        .one::<meeting_series::Model>("series", "series_id")
        .one::<organization::Model>("host", "host_organization_id")
        .many::<agenda_item::Model>("agendaItems", Op::ListAgendaItems, "meeting_id", "position")
        .many::<attendance::Model>("attendances", Op::ListAttendances, "meeting_id", "id")
        .many::<minutes::Model>("minutes", Op::ListMinutesList, "meeting_id", "id")
        .many::<decision::Model>("decisions", Op::ListDecisions, "meeting_id", "decided_on")
        .many::<action_item::Model>("actionItems", Op::ListActionItems, "meeting_id", "id")
        .many::<time_override::Model>("timeOverrides", Op::ListTimeOverrides, "meeting_id", "id");
}

/// What calling a meeting may need.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScheduleMeeting {
    /// Reasons for asking employers for more time than they offered. Those that are not needed are not kept.
    #[serde(default)]
    #[schema(max_items = 200)]
    time_overrides: Vec<OverrideReason>,
}

/// When a meeting really ended.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HoldMeeting {
    /// When it ended; now when absent.
    ended_at: Option<chrono::DateTime<chrono::Utc>>,
}

/// What became of the objective.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CloseMeeting {
    /// Whether the objective was met. A meeting is not closed without it (practice 37).
    objective_result: Option<ObjectiveResult>,
}

/// Why a meeting is called off.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CancelMeeting {
    /// The reason, for everybody who was asked.
    #[schema(min_length = 1, max_length = 1000)]
    reason: String,
}

/// Where unfinished items go.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CarryOverMeeting {
    /// A later meeting that is a draft or scheduled.
    to_meeting_id: Uuid,
}

async fn create_meeting(ctx: Ctx, new: NewMeeting) -> Result<meeting::Model> {
    ctx.permit_at(Op::CreateMeeting, new.partnership_id)?;
    at_table_if_given::<meeting_series::Model>(&ctx, "/seriesId", new.series_id, new.partnership_id).await?;
    check(&ctx, &new).await?;
    draft(&ctx, new).await
}

/// What has to be right about the members a client sends.
async fn check(ctx: &Ctx, new: &NewMeeting) -> Result<()> {
    let host = new.host_organization_id;
    at_table_if_given::<organization::Model>(ctx, "/hostOrganizationId", host, new.partnership_id).await?;
    Ok(())
}

/// Stores a draft, with the caller as its organiser.
pub async fn draft(ctx: &Ctx, new: NewMeeting) -> Result<meeting::Model> {
    let id = ctx.new_id();
    let mut active = meeting::Model::begin(id, ctx.now(), new.clone());
    set_times(&mut active, &new)?;
    active.uid = Set(new.uid.or_else(|| Some(format!("{id}@roundtable"))));
    active.organizer_account_id = Set(ctx.caller.account_id());
    active.organizer_organization_id = Set(ctx.standing()?.organization_id);
    record::insert::<meeting::Model>(ctx, active, "meeting.drafted").await
}

fn set_times(active: &mut meeting::ActiveModel, new: &NewMeeting) -> Result<()> {
    let starts_at = clock::kept(new.starts_at);
    active.starts_at = Set(starts_at);
    active.starts_local = Set(clock::at_place(starts_at, clock::zone(&new.time_zone)?));
    active.ends_at = Set(clock::ends_at(starts_at, new.duration_minutes)?);
    Ok(())
}

async fn update_meeting(ctx: Ctx, at: Target, patch: Value) -> Result<meeting::Model> {
    let before = record::target::<meeting::Model>(&ctx, Op::UpdateMeeting, at).await?;
    let open = [MeetingState::Draft, MeetingState::Scheduled, MeetingState::InProgress];
    record::from_state(before.state, &open, MeetingState::word)?;
    let (new, mut active) = patched(&before, &patch)?;
    check(&ctx, &new).await?;
    set_times(&mut active, &new)?;
    if before.state != MeetingState::Draft && rules::moved(&before.editable(), &new) {
        active.sequence = Set(before.sequence + 1);
    }
    let after = record::save(&ctx, &before, active, "meeting.updated").await?;
    if after.state == MeetingState::Scheduled {
        still_keeps_the_rules(&ctx, &before.editable(), &after).await?;
    }
    if after.capacity != before.capacity {
        crate::attendance::fill_places(&ctx, &after).await?;
    }
    Ok(after)
}

/// A scheduled meeting that changes keeps what it was called under. Employers' time is looked at again only when it is
/// asked for otherwise, so that a new room is no question of hours.
async fn still_keeps_the_rules(ctx: &Ctx, before: &NewMeeting, meeting: &meeting::Model) -> Result<()> {
    let after = meeting.editable();
    if !rules::asks_otherwise(before, &after) {
        return Ok(());
    }
    let guests = calling::guests(ctx, meeting.id).await?;
    calling::keeps_the_rules(ctx, meeting, &guests).await?;
    if rules::takes_other_time(before, &after) {
        calling::respects_employer_time(ctx, meeting, &guests, &[]).await?;
    }
    Ok(())
}

async fn schedule_meeting(ctx: Ctx, at: Target, body: ScheduleMeeting) -> Result<meeting::Model> {
    let row = record::target::<meeting::Model>(&ctx, Op::ScheduleMeeting, at).await?;
    record::from_state(row.state, &[MeetingState::Draft], MeetingState::word)?;
    let guests = calling::guests(&ctx, row.id).await?;
    calling::keeps_the_rules(&ctx, &row, &guests).await?;
    calling::respects_employer_time(&ctx, &row, &guests, &body.time_overrides).await?;
    let mut active = row.clone().into_active_model();
    active.state = Set(MeetingState::Scheduled);
    record::save(&ctx, &row, active, "meeting.scheduled").await
}

async fn start_meeting(ctx: Ctx, at: Target, _: Nothing) -> Result<meeting::Model> {
    let row = record::target::<meeting::Model>(&ctx, Op::StartMeeting, at).await?;
    record::from_state(row.state, &[MeetingState::Scheduled], MeetingState::word)?;
    let mut active = row.clone().into_active_model();
    active.state = Set(MeetingState::InProgress);
    record::save(&ctx, &row, active, "meeting.started").await
}

async fn hold_meeting(ctx: Ctx, at: Target, body: HoldMeeting) -> Result<meeting::Model> {
    let row = record::target::<meeting::Model>(&ctx, Op::HoldMeeting, at).await?;
    let from = [MeetingState::Scheduled, MeetingState::InProgress];
    record::from_state(row.state, &from, MeetingState::word)?;
    let ended_at = body.ended_at.map_or(ctx.now(), clock::kept);
    let mut active = row.clone().into_active_model();
    active.state = Set(MeetingState::Held);
    active.ended_at = Set(Some(ended_at));
    active.overrun_minutes = Set(Some(rules::overrun_minutes(&row, ended_at)));
    record::save(&ctx, &row, active, "meeting.held").await
}

async fn close_meeting(ctx: Ctx, at: Target, body: CloseMeeting) -> Result<meeting::Model> {
    let row = record::target::<meeting::Model>(&ctx, Op::CloseMeeting, at).await?;
    record::from_state(row.state, &[MeetingState::Held, MeetingState::Minuted], MeetingState::word)?;
    let result = body.objective_result.ok_or(Code::ObjectiveResultRequired)?;
    let mut active = row.clone().into_active_model();
    active.state = Set(MeetingState::Closed);
    active.objective_result = Set(Some(result));
    record::save(&ctx, &row, active, "meeting.closed").await
}

async fn cancel_meeting(ctx: Ctx, at: Target, body: CancelMeeting) -> Result<meeting::Model> {
    let row = record::target::<meeting::Model>(&ctx, Op::CancelMeeting, at).await?;
    record::from_state(row.state, &[MeetingState::Draft, MeetingState::Scheduled], MeetingState::word)?;
    let mut active = row.clone().into_active_model();
    active.state = Set(MeetingState::Cancelled);
    active.cancelled_reason = Set(Some(body.reason));
    active.sequence = Set(row.sequence + 1);
    record::save(&ctx, &row, active, "meeting.cancelled").await
}

async fn carry_over_meeting(ctx: Ctx, at: Target, body: CarryOverMeeting) -> Result<meeting::Model> {
    let row = record::target::<meeting::Model>(&ctx, Op::CarryOverMeeting, at).await?;
    let over = [MeetingState::Held, MeetingState::Minuted, MeetingState::Closed];
    record::from_state(row.state, &over, MeetingState::word)?;
    let to = at_table::<meeting::Model>(&ctx, "/toMeetingId", body.to_meeting_id, row.partnership_id).await?;
    of_own_meeting(&ctx, Op::CarryOverMeeting, &to)?;
    if !matches!(to.state, MeetingState::Draft | MeetingState::Scheduled) {
        return Err(Error::member(
            "/toMeetingId",
            "wrong_state",
            format!("that meeting is {}; carry over to a draft or scheduled one", to.state.word()),
        ));
    }
    crate::agenda::carry_over(&ctx, &row, &to).await?;
    crate::action_item::carry_over(&ctx, &row, &to).await?;
    ctx.event("meeting.carried_over", &row, &[]).await?;
    Ok(row)
}
