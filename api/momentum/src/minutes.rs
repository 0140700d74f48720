//! Minutes, approved by those who were there.

use roundtable_entity::minutes::{self, NewMinutes};
use roundtable_entity::{MeetingState, MinutesState, Record, Side, Texts, meeting};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Nothing, Operations};
use roundtable_kernel::record::{self, Target};
use roundtable_kernel::seal;
use sea_orm::ActiveValue::Set;
use sea_orm::IntoActiveModel;
use serde_json::Value;

use crate::attendance::those_there;
use crate::part::{live_meeting, of_own_meeting, patched, reached_part, unchanged};
use crate::rules;

/// Registers minutes.
pub fn register(table: &mut Operations) {
    table
        .collection::<minutes::Model>("minutes")
        .list(Op::ListMinutesList)
        .get(Op::GetMinutes)
        .create(Op::CreateMinutes, create_minutes)
        .update(Op::UpdateMinutes, update_minutes)
        .act(Op::CirculateMinutes, "circulate", circulate_minutes)
        .act(Op::ApproveMinutes, "approve", approve_minutes)
        .one::<meeting::Model>("meeting", "meeting_id");
}

async fn create_minutes(ctx: Ctx, new: NewMinutes) -> Result<minutes::Model> {
    let meeting = record::reference::<meeting::Model>(&ctx, "/meetingId", new.meeting_id).await?;
    of_own_meeting(&ctx, Op::CreateMinutes, &meeting)?;
    let over = [MeetingState::Held, MeetingState::Minuted, MeetingState::Closed];
    record::from_state(meeting.state, &over, MeetingState::word)?;
    let mut active = minutes::Model::begin(ctx.new_id(), ctx.now(), new);
    active.partnership_id = Set(meeting.partnership_id);
    record::insert::<minutes::Model>(&ctx, active, "minutes.created").await
}

async fn update_minutes(ctx: Ctx, at: Target, patch: Value) -> Result<minutes::Model> {
    let (row, _) = reached_part::<minutes::Model>(&ctx, Op::UpdateMinutes, at).await?;
    let (new, mut active) = patched(&row, &patch)?;
    if new.text != row.text {
        // What was approved was another text.
        active.state = Set(MinutesState::Draft);
        active.approved_by = Set(Texts::default());
    }
    record::save(&ctx, &row, active, "minutes.updated").await
}

async fn circulate_minutes(ctx: Ctx, at: Target, _: Nothing) -> Result<minutes::Model> {
    let (row, meeting) = reached_part::<minutes::Model>(&ctx, Op::CirculateMinutes, at).await?;
    record::from_state(row.state, &[MinutesState::Draft], MinutesState::word)?;
    if meeting.state == MeetingState::Held {
        let mut active = meeting.clone().into_active_model();
        active.state = Set(MeetingState::Minuted);
        record::save(&ctx, &meeting, active, "meeting.minuted").await?;
    }
    let mut active = row.clone().into_active_model();
    active.state = Set(MinutesState::Circulated);
    record::save(&ctx, &row, active, "minutes.circulated").await
}

async fn approve_minutes(ctx: Ctx, at: Target, _: Nothing) -> Result<minutes::Model> {
    let permit = ctx.permit(Op::ApproveMinutes)?;
    let row = record::known::<minutes::Model>(&ctx, at.id).await?;
    live_meeting(&ctx, row.meeting_id).await?;
    let there = those_there(&ctx, row.meeting_id).await?;
    let organizations: Vec<_> = there.iter().map(|guest| Some(guest.attendance.organization_id)).collect();
    permit
        .covers(&organizations)
        .map_err(|_| Error::new(Code::NotYours, "minutes are approved by organisations that were there"))?;
    seal::refuse_reserved(&ctx, std::slice::from_ref(&row)).await?;
    unchanged(&row, at)?;
    record::from_state(row.state, &[MinutesState::Circulated], MinutesState::word)?;
    let mut approved_by = row.approved_by.clone();
    let own = permit.standing.organization_id.unwrap_or_default().to_string();
    if !approved_by.0.contains(&own) {
        approved_by.0.push(own);
    }
    let sides: Vec<Side> = there.iter().map(|guest| guest.partner.side).collect();
    let approving: Vec<Side> = there
        .iter()
        .filter(|guest| approved_by.0.contains(&guest.attendance.organization_id.to_string()))
        .map(|guest| guest.partner.side)
        .collect();
    let mut active = row.clone().into_active_model();
    active.approved_by = Set(approved_by);
    if rules::are_minutes_approved(&sides, &approving) {
        active.state = Set(MinutesState::Approved);
    }
    record::save(&ctx, &row, active, "minutes.approved").await
}
