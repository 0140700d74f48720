//! Decisions, in and outside meetings.

use roundtable_entity::decision::{self, NewDecision};
use roundtable_entity::{MadeIn, MeetingState, Record, meeting, need};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::record::{self, Target};
use roundtable_kernel::scope::Scoped;
use serde_json::Value;

use crate::part::{at_table, at_table_if_given, patched, reached};

/// Registers decisions.
pub fn register(table: &mut Operations) {
    table
        .collection::<decision::Model>("decisions")
        .list(Op::ListDecisions)
        .get(Op::GetDecision)
        .create(Op::CreateDecision, create_decision)
        .update(Op::UpdateDecision, update_decision)
        .archive(Op::ArchiveDecision)
        .one::<meeting::Model>("meeting", "meeting_id")
        .one::<decision::Model>("supersedes", "supersedes_id")
        .one::<need::Model>("need", "need_id");
}

/// States in which a meeting can have decided something.
const BEGUN: [MeetingState; 4] =
    [MeetingState::InProgress, MeetingState::Held, MeetingState::Minuted, MeetingState::Closed];

async fn create_decision(ctx: Ctx, new: NewDecision) -> Result<decision::Model> {
    let permit = ctx.permit_at(Op::CreateDecision, new.partnership_id)?;
    let meeting = meeting_of(&ctx, &new).await?;
    permit.covers(&meeting.as_ref().map(Scoped::owners).unwrap_or_default())?;
    if let Some(meeting) = &meeting {
        record::from_state(meeting.state, &BEGUN, MeetingState::word)?;
    }
    at_table_if_given::<decision::Model>(&ctx, "/supersedesId", new.supersedes_id, new.partnership_id).await?;
    at_table_if_given::<need::Model>(&ctx, "/needId", new.need_id, new.partnership_id).await?;
    let active = decision::Model::begin(ctx.new_id(), ctx.now(), new);
    record::insert::<decision::Model>(&ctx, active, "decision.created").await
}

/// The meeting it was made in: named for a decision made in one, and for no other.
async fn meeting_of(ctx: &Ctx, new: &NewDecision) -> Result<Option<meeting::Model>> {
    match (new.made_in, new.meeting_id) {
        (MadeIn::Meeting, Some(id)) => at_table(ctx, "/meetingId", id, new.partnership_id).await.map(Some),
        (MadeIn::Meeting, None) => {
            Err(Error::member("/meetingId", "required", "name the meeting the decision was made in"))
        }
        (_, Some(_)) => Err(Error::member(
            "/meetingId",
            "contradiction",
            format!("a decision made in {} has no meeting", new.made_in.word()),
        )),
        (_, None) => Ok(None),
    }
}

async fn update_decision(ctx: Ctx, at: Target, patch: Value) -> Result<decision::Model> {
    let (row, _) = reached::<decision::Model>(&ctx, Op::UpdateDecision, at).await?;
    let (_, active) = patched(&row, &patch)?;
    record::save(&ctx, &row, active, "decision.updated").await
}
