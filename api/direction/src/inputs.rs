//! What partners bring: inputs, ideas, questions, doubts and claims, each answered by a day (practices 15, 16, 21 and 22).

use chrono::{Days, NaiveDate, TimeDelta};
use roundtable_entity::{
    ClaimType, Confirmation, EntryKind, InputKind, InputState, Record, input, need, organization, resource,
};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Nothing, Operations};
use roundtable_kernel::policy;
use roundtable_kernel::record::{self, Target};
use roundtable_kernel::seal;
use roundtable_scan::resources;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::members::{self, Reasoned};
use crate::{conversions, second_looks};

/// The answer to an input.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct InputAnswer {
    /// What is answered.
    #[schema(min_length = 1, max_length = 8000)]
    answer: String,
}

/// How many the server takes up at once when it does something by itself.
const AT_ONCE: u64 = 200;

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<input::Model>("inputs")
        .list(Op::ListInputs)
        .get(Op::GetInput)
        .create(Op::CreateInput, create)
        .update(Op::UpdateInput, update)
        .archive_checked(Op::ArchiveInput, settled)
        .act(Op::AcknowledgeInput, "acknowledge", acknowledge)
        .act(Op::AnswerInput, "answer", answer)
        .act(Op::ParkInput, "park", park)
        .act(Op::ConvertInput, "convert", conversions::convert)
        .act(Op::CloseInput, "close", close)
        .act(Op::ReopenInput, "reopen", reopen)
        .one::<organization::Model>("from", "from_organization_id")
        .one::<need::Model>("need", "need_id")
        .one::<resource::Model>("resource", "resource_id");
    table.tend(Op::AnswerInput, |ctx, partnership_id| async move {
        while mark_overdue(&ctx, partnership_id).await? == AT_ONCE {}
        Ok(())
    });
    table.tend(Op::CloseInput, |ctx, partnership_id| async move {
        while close_settled(&ctx, partnership_id).await? == AT_ONCE {}
        Ok(())
    });
}

/// What goes with which kind: masks with doubts, types of claims with claims.
fn fits(new: &input::NewInput) -> Result<()> {
    let wrong = |pointer: &str, code, detail: &str| Err(Error::member(pointer, code, detail));
    match (new.kind, new.claim_type) {
        (kind, _) if new.masked && kind != InputKind::Doubt => {
            wrong("/masked", "not_a_doubt", "only a doubt is masked")
        }
        (InputKind::Claim, None) => wrong("/claimType", "required", "say which claim it is"),
        (InputKind::Claim, Some(ClaimType::ScaleExisting)) if new.named_organization_id.is_none() => {
            wrong("/namedOrganizationId", "required", "say who does it already")
        }
        (InputKind::Claim, Some(_)) | (_, None) => Ok(()),
        (_, Some(_)) => wrong("/claimType", "not_a_claim", "only a claim has a type"),
    }
}

async fn check(ctx: &Ctx, new: &input::NewInput) -> Result<()> {
    fits(new)?;
    if let Some(id) = new.need_id {
        record::reference::<need::Model>(ctx, "/needId", id).await?;
    }
    if let Some(id) = new.resource_id {
        record::reference::<resource::Model>(ctx, "/resourceId", id).await?;
    }
    if let Some(id) = new.named_organization_id {
        record::reference::<organization::Model>(ctx, "/namedOrganizationId", id).await?;
    }
    Ok(())
}

/// The day by which an answer is due that is asked for today.
pub(crate) async fn answer_day(ctx: &Ctx, partnership_id: Uuid) -> Result<NaiveDate> {
    let days = u64::try_from(policy::whole(ctx, partnership_id, "answer_days").await?).unwrap_or_default();
    let today = ctx.today();
    Ok(today.checked_add_days(Days::new(days)).unwrap_or(today))
}

async fn create(ctx: Ctx, new: input::NewInput) -> Result<input::Model> {
    let permit = ctx.permit_at(Op::CreateInput, new.partnership_id)?;
    check(&ctx, &new).await?;
    let answer_by = answer_day(&ctx, new.partnership_id).await?;
    let mut active = input::Model::begin(ctx.new_id(), ctx.now(), new);
    active.answer_by = Set(answer_by);
    active.from_organization_id = Set(members::speaker(&ctx)?);
    active.from_person_id = Set(permit.standing.person_id);
    let row = record::insert::<input::Model>(&ctx, active, "input.received").await?;
    match row.claim_type {
        Some(ClaimType::TriedBefore) => look_again(&ctx, row, None).await,
        Some(ClaimType::AlreadyDoing) => already_done(&ctx, row).await,
        Some(ClaimType::ScaleExisting) => done_by_another(&ctx, row).await,
        None => Ok(row),
    }
}

/// A claim is a chance to look again (practice 17): at the entry it names, or at a past attempt.
async fn look_again(ctx: &Ctx, row: input::Model, entry: Option<resource::Model>) -> Result<input::Model> {
    let resource_id = entry.as_ref().map(|entry| entry.id).or(row.resource_id);
    let look = second_looks::open(ctx, &row, resource_id, conversions::title(&row)).await?;
    let mut active = row.clone().into_active_model();
    active.state = Set(InputState::SecondLook);
    active.second_look_id = Set(Some(look.id));
    active.resource_id = Set(resource_id);
    record::save(ctx, &row, active, "input.second_look").await
}

/// What a partner says it does already is put on the map as its own, as a draft (practice 21).
async fn already_done(ctx: &Ctx, row: input::Model) -> Result<input::Model> {
    if row.resource_id.is_some() {
        return look_again(ctx, row, None).await;
    }
    let own = row.from_organization_id;
    let new = conversions::entry(&row, conversions::title(&row), EntryKind::Program, own);
    let entry = resources::draft(ctx, new, own, None).await?;
    look_again(ctx, row, Some(entry)).await
}

/// What somebody else is said to do is put on the map in its name, and waits for its word (practice 22).
async fn done_by_another(ctx: &Ctx, row: input::Model) -> Result<input::Model> {
    if row.resource_id.is_some() {
        return Ok(row);
    }
    let new = conversions::entry(&row, conversions::title(&row), EntryKind::Program, row.named_organization_id);
    let asked = (row.named_organization_id != row.from_organization_id).then_some(Confirmation::Pending);
    let entry = resources::draft(ctx, new, row.from_organization_id, asked).await?;
    let mut active = row.clone().into_active_model();
    active.resource_id = Set(Some(entry.id));
    record::save(ctx, &row, active, "input.updated").await
}

/// Tells once of each input that waits for an answer past its day.
async fn mark_overdue(ctx: &Ctx, partnership_id: Uuid) -> Result<u64> {
    ctx.write(move |ctx| async move {
        let rows = input::Entity::find()
            .filter(input::Column::PartnershipId.eq(partnership_id))
            .filter(input::Column::ArchivedAt.is_null())
            .filter(input::Column::State.is_in([InputState::New, InputState::Acknowledged]))
            .filter(input::Column::Overdue.eq(false))
            .filter(input::Column::AnswerBy.lt(ctx.today()))
            .filter(seal::open_to_all(input::Column::Id))
            .limit(AT_ONCE)
            .all(&ctx.read())
            .await?;
        for row in &rows {
            let mut active = row.clone().into_active_model();
            active.overdue = Set(true);
            record::save(&ctx, row, active, "input.overdue").await?;
        }
        Ok(rows.len() as u64)
    })
    .await
}

/// Closes what was answered, or made into something else, and then left alone for as many days as an answer takes.
async fn close_settled(ctx: &Ctx, partnership_id: Uuid) -> Result<u64> {
    ctx.write(move |ctx| async move {
        let days = policy::whole(&ctx, partnership_id, "answer_days").await?;
        let rows = input::Entity::find()
            .filter(input::Column::PartnershipId.eq(partnership_id))
            .filter(input::Column::ArchivedAt.is_null())
            .filter(input::Column::State.is_in([InputState::Answered, InputState::Converted]))
            .filter(input::Column::UpdatedAt.lt(ctx.now() - TimeDelta::days(days)))
            .filter(seal::open_to_all(input::Column::Id))
            .limit(AT_ONCE)
            .all(&ctx.read())
            .await?;
        for row in &rows {
            let mut active = row.clone().into_active_model();
            active.state = Set(InputState::Closed);
            record::save(&ctx, row, active, "input.closed").await?;
        }
        Ok(rows.len() as u64)
    })
    .await
}

async fn update(ctx: Ctx, at: Target, patch: Value) -> Result<input::Model> {
    record::check_patch::<input::Model>(&patch)?;
    let row = record::target::<input::Model>(&ctx, Op::UpdateInput, at).await?;
    record::from_state(row.state, &[InputState::New], InputState::word)?;
    let new = record::merged(&row, &patch)?;
    check(&ctx, &new).await?;
    let mut active = row.clone().into_active_model();
    input::Model::edit(&mut active, new);
    record::save(&ctx, &row, active, "input.updated").await
}

async fn settled(_: Ctx, row: input::Model) -> Result<()> {
    match row.state {
        InputState::Answered | InputState::Closed => Ok(()),
        _ => Err(Code::InputUnanswered.into()),
    }
}

async fn acknowledge(ctx: Ctx, at: Target, _: Nothing) -> Result<input::Model> {
    let row = record::target::<input::Model>(&ctx, Op::AcknowledgeInput, at).await?;
    record::from_state(row.state, &[InputState::New], InputState::word)?;
    let mut active = row.clone().into_active_model();
    active.state = Set(InputState::Acknowledged);
    record::save(&ctx, &row, active, "input.acknowledged").await
}

async fn answer(ctx: Ctx, at: Target, body: InputAnswer) -> Result<input::Model> {
    let row = record::target::<input::Model>(&ctx, Op::AnswerInput, at).await?;
    let from = [InputState::New, InputState::Acknowledged, InputState::SecondLook, InputState::Parked];
    record::from_state(row.state, &from, InputState::word)?;
    let mut active = row.clone().into_active_model();
    active.state = Set(InputState::Answered);
    active.answer = Set(Some(body.answer));
    active.answered_on = Set(Some(ctx.today()));
    active.overdue = Set(false);
    record::save(&ctx, &row, active, "input.answered").await
}

async fn park(ctx: Ctx, at: Target, why: Reasoned) -> Result<input::Model> {
    let row = record::target::<input::Model>(&ctx, Op::ParkInput, at).await?;
    record::from_state(row.state, &[InputState::New, InputState::Acknowledged], InputState::word)?;
    let mut active = row.clone().into_active_model();
    active.state = Set(InputState::Parked);
    active.overdue = Set(false);
    active.parked_reason = Set(Some(why.reason));
    record::save(&ctx, &row, active, "input.parked").await
}

async fn close(ctx: Ctx, at: Target, _: Nothing) -> Result<input::Model> {
    let row = record::target::<input::Model>(&ctx, Op::CloseInput, at).await?;
    let from = [InputState::Answered, InputState::Converted, InputState::SecondLook, InputState::Parked];
    record::from_state(row.state, &from, InputState::word)?;
    let mut active = row.clone().into_active_model();
    active.state = Set(InputState::Closed);
    record::save(&ctx, &row, active, "input.closed").await
}

async fn reopen(ctx: Ctx, at: Target, _: Nothing) -> Result<input::Model> {
    let row = record::target::<input::Model>(&ctx, Op::ReopenInput, at).await?;
    let from = [InputState::Answered, InputState::Converted, InputState::Parked, InputState::Closed];
    record::from_state(row.state, &from, InputState::word)?;
    let mut active = row.clone().into_active_model();
    active.state = Set(InputState::New);
    active.overdue = Set(false);
    active.answer_by = Set(answer_day(&ctx, row.partnership_id).await?);
    record::save(&ctx, &row, active, "input.reopened").await
}

/// Marks a claim as being looked at again.
pub(crate) async fn take_up(ctx: &Ctx, id: Uuid, second_look_id: Uuid) -> Result<()> {
    let row = record::reference::<input::Model>(ctx, "/inputId", id).await?;
    if row.kind != InputKind::Claim {
        return Err(Error::member("/inputId", "not_a_claim", "a second look is opened from a claim"));
    }
    let from = [InputState::New, InputState::Acknowledged, InputState::Answered, InputState::Parked];
    record::from_state(row.state, &from, InputState::word)?;
    let mut active = row.clone().into_active_model();
    active.state = Set(InputState::SecondLook);
    active.overdue = Set(false);
    active.second_look_id = Set(Some(second_look_id));
    record::save(ctx, &row, active, "input.second_look").await?;
    Ok(())
}
