//! Agenda items: time-boxed, and together no longer than the meeting (practice 62).

use roundtable_entity::agenda_item::{self, NewAgendaItem};
use roundtable_entity::{AgendaItemKind, MeetingState, Record, meeting, need, organization};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::Result;
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::record::{self, Target};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::Value;
use uuid::Uuid;

use crate::part::{at_table_if_given, of_own_meeting, patched, reached_part};
use crate::{calling, rules};

/// Registers agenda items.
pub fn register(table: &mut Operations) {
    table
        .collection::<agenda_item::Model>("agenda-items")
        .list(Op::ListAgendaItems)
        .get(Op::GetAgendaItem)
        .create(Op::CreateAgendaItem, create_item)
        .update(Op::UpdateAgendaItem, update_item)
        .archive_by(Op::ArchiveAgendaItem, archive_item)
        .one::<meeting::Model>("meeting", "meeting_id")
        .one::<organization::Model>("presenter", "presenter_organization_id")
        .one::<need::Model>("need", "need_id");
}

/// States in which an agenda is worked on.
const OPEN: [MeetingState; 3] = [MeetingState::Draft, MeetingState::Scheduled, MeetingState::InProgress];
/// States in which members may propose an item.
const OPEN_TO_PROPOSALS: [MeetingState; 2] = [MeetingState::Draft, MeetingState::Scheduled];
/// States in which what came of an item may still be written down.
const OPEN_TO_OUTCOMES: [MeetingState; 3] = [MeetingState::Held, MeetingState::Minuted, MeetingState::Closed];

async fn create_item(ctx: Ctx, new: NewAgendaItem) -> Result<agenda_item::Model> {
    let meeting = record::reference::<meeting::Model>(&ctx, "/meetingId", new.meeting_id).await?;
    of_own_meeting(&ctx, Op::CreateAgendaItem, &meeting)?;
    let organises = of_own_meeting(&ctx, Op::UpdateAgendaItem, &meeting).is_ok();
    let open: &[MeetingState] = if organises { &OPEN } else { &OPEN_TO_PROPOSALS };
    record::from_state(meeting.state, open, MeetingState::word)?;
    check_presenter(&ctx, &new, &meeting).await?;
    at_table_if_given::<need::Model>(&ctx, "/needId", new.need_id, meeting.partnership_id).await?;
    let item = insert(&ctx, &meeting, new, None, "agenda_item.created").await?;
    suits(&ctx, &meeting).await?;
    Ok(item)
}

async fn check_presenter(ctx: &Ctx, new: &NewAgendaItem, meeting: &meeting::Model) -> Result<()> {
    let presenter = new.presenter_organization_id;
    at_table_if_given::<organization::Model>(ctx, "/presenterOrganizationId", presenter, meeting.partnership_id)
        .await?;
    Ok(())
}

async fn insert(
    ctx: &Ctx,
    meeting: &meeting::Model,
    mut new: NewAgendaItem,
    carried_from_id: Option<Uuid>,
    kind: &str,
) -> Result<agenda_item::Model> {
    if new.position == 0 {
        new.position = end_of_agenda(ctx, meeting.id).await?;
    }
    let mut active = agenda_item::Model::begin(ctx.new_id(), ctx.now(), new);
    active.partnership_id = Set(meeting.partnership_id);
    active.carried_from_id = Set(carried_from_id);
    record::insert::<agenda_item::Model>(ctx, active, kind).await
}

async fn end_of_agenda(ctx: &Ctx, meeting_id: Uuid) -> Result<i32> {
    let items = calling::agenda(ctx, meeting_id).await?;
    Ok(items.last().map_or(1, |last| last.position.saturating_add(1)))
}

/// The agenda of a meeting already called fits it, and asks for no decision that small employers could not take part in.
async fn suits(ctx: &Ctx, meeting: &meeting::Model) -> Result<()> {
    if meeting.state == MeetingState::Draft {
        return Ok(());
    }
    let items = calling::agenda(ctx, meeting.id).await?;
    rules::agenda_fits(&items, meeting)?;
    rules::asynchronous_input_is_offered(meeting, &items, &calling::guests(ctx, meeting.id).await?)
}

/// The agenda of a meeting already called is not cut down to information only.
async fn still_asks_something(ctx: &Ctx, meeting: &meeting::Model) -> Result<()> {
    if meeting.state == MeetingState::Draft {
        return Ok(());
    }
    rules::agenda_asks_something(&calling::agenda(ctx, meeting.id).await?)
}

async fn update_item(ctx: Ctx, at: Target, patch: Value) -> Result<agenda_item::Model> {
    let (row, meeting) = reached_part::<agenda_item::Model>(&ctx, Op::UpdateAgendaItem, at).await?;
    let (new, mut active) = patched(&row, &patch)?;
    let only_outcome = NewAgendaItem { outcome: row.outcome.clone(), ..new.clone() } == row.editable();
    if !(only_outcome && OPEN_TO_OUTCOMES.contains(&meeting.state)) {
        record::from_state(meeting.state, &OPEN, MeetingState::word)?;
    }
    check_presenter(&ctx, &new, &meeting).await?;
    if new.position == 0 {
        active.position = Set(end_of_agenda(&ctx, meeting.id).await?);
    }
    let item = record::save(&ctx, &row, active, "agenda_item.updated").await?;
    if item.minutes > row.minutes || item.kind != row.kind {
        suits(&ctx, &meeting).await?;
    }
    if item.kind != row.kind {
        still_asks_something(&ctx, &meeting).await?;
    }
    Ok(item)
}

async fn archive_item(ctx: Ctx, at: Target) -> Result<agenda_item::Model> {
    let (row, meeting) = reached_part::<agenda_item::Model>(&ctx, Op::ArchiveAgendaItem, at).await?;
    record::from_state(meeting.state, &OPEN, MeetingState::word)?;
    let row = record::archive_row(&ctx, &row).await?;
    still_asks_something(&ctx, &meeting).await?;
    Ok(row)
}

/// Copies what was left without an outcome to the end of another agenda. Information is not carried over, nor is an item
/// twice.
pub async fn carry_over(ctx: &Ctx, from: &meeting::Model, to: &meeting::Model) -> Result<()> {
    let left: Vec<agenda_item::Model> = calling::agenda(ctx, from.id)
        .await?
        .into_iter()
        .filter(|item| item.outcome.is_none() && item.kind != AgendaItemKind::Update)
        .collect();
    let carried = agenda_item::Entity::find()
        .filter(agenda_item::Column::CarriedFromId.is_in(left.iter().map(|item| item.id)))
        .filter(agenda_item::Column::ArchivedAt.is_null())
        .all(&ctx.read())
        .await?;
    for item in &left {
        if carried.iter().all(|one| one.carried_from_id != Some(item.id)) {
            let again = NewAgendaItem { meeting_id: to.id, position: 0, ..item.editable() };
            insert(ctx, to, again, Some(item.id), "agenda_item.carried_over").await?;
        }
    }
    suits(ctx, to).await
}
