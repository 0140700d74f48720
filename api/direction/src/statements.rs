//! What employers say: put down, owned by the employer, heard by the others (practice 11).

use roundtable_entity::{Confirmation, Record, Texts, employer_statement, organization};
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

use crate::members::{self, MaybeReasoned};

/// What the employer really said.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Correction {
    /// The words as they should stand.
    #[schema(min_length = 1, max_length = 8000)]
    text: String,
}

/// The employer stands by the words.
const OWNED: &[Confirmation] = &[Confirmation::Confirmed, Confirmation::Corrected];

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<employer_statement::Model>("employer-statements")
        .list(Op::ListEmployerStatements)
        .get(Op::GetEmployerStatement)
        .create(Op::CreateEmployerStatement, create)
        .update(Op::UpdateEmployerStatement, update)
        .archive_checked(Op::ArchiveEmployerStatement, unowned)
        .act(Op::ConfirmEmployerStatement, "confirm", confirm)
        .act(Op::CorrectEmployerStatement, "correct", correct)
        .act(Op::RejectEmployerStatement, "reject", reject)
        .act(Op::HearEmployerStatement, "hear", hear)
        .one::<organization::Model>("employer", "employer_organization_id");
}

async fn create(ctx: Ctx, new: employer_statement::NewEmployerStatement) -> Result<employer_statement::Model> {
    let permit = ctx.permit_at(Op::CreateEmployerStatement, new.partnership_id)?;
    permit.covers(&[Some(new.employer_organization_id)])?;
    members::employer(&ctx, "/employerOrganizationId", new.employer_organization_id).await?;
    members::not_future("/saidOn", new.said_on, ctx.today())?;
    let (speaker, employer) = (members::speaker(&ctx)?, new.employer_organization_id);
    let mut active = employer_statement::Model::begin(ctx.new_id(), ctx.now(), new);
    active.recorded_by_organization_id = Set(speaker);
    if speaker == Some(employer) {
        active.confirmation = Set(Confirmation::Confirmed);
    }
    record::insert::<employer_statement::Model>(&ctx, active, "employer_statement.recorded").await
}

async fn update(ctx: Ctx, at: Target, patch: Value) -> Result<employer_statement::Model> {
    let today = ctx.today();
    record::update_checked::<employer_statement::Model>(&ctx, Op::UpdateEmployerStatement, at, &patch, |row, new, _| {
        record::from_state(row.confirmation, &[Confirmation::Pending], Confirmation::word)?;
        members::not_future("/saidOn", new.said_on, today)
    })
    .await
}

async fn unowned(_: Ctx, row: employer_statement::Model) -> Result<()> {
    record::from_state(row.confirmation, &[Confirmation::Pending, Confirmation::Rejected], Confirmation::word)
}

async fn confirm(ctx: Ctx, at: Target, _: Nothing) -> Result<employer_statement::Model> {
    let row = record::target::<employer_statement::Model>(&ctx, Op::ConfirmEmployerStatement, at).await?;
    record::from_state(row.confirmation, &[Confirmation::Pending], Confirmation::word)?;
    let mut active = row.clone().into_active_model();
    active.confirmation = Set(Confirmation::Confirmed);
    record::save(&ctx, &row, active, "employer_statement.confirmed").await
}

async fn correct(ctx: Ctx, at: Target, correction: Correction) -> Result<employer_statement::Model> {
    let row = record::target::<employer_statement::Model>(&ctx, Op::CorrectEmployerStatement, at).await?;
    let from = [Confirmation::Pending, Confirmation::Confirmed, Confirmation::Corrected];
    record::from_state(row.confirmation, &from, Confirmation::word)?;
    let mut active = row.clone().into_active_model();
    if row.first_text.is_none() {
        active.first_text = Set(Some(row.text.clone()));
    }
    active.text = Set(correction.text);
    active.confirmation = Set(Confirmation::Corrected);
    // What was heard were other words.
    active.heard_by = Set(Texts::default());
    record::save(&ctx, &row, active, "employer_statement.corrected").await
}

async fn reject(ctx: Ctx, at: Target, why: MaybeReasoned) -> Result<employer_statement::Model> {
    let row = record::target::<employer_statement::Model>(&ctx, Op::RejectEmployerStatement, at).await?;
    record::from_state(row.confirmation, &[Confirmation::Pending], Confirmation::word)?;
    let mut active = row.clone().into_active_model();
    active.confirmation = Set(Confirmation::Rejected);
    active.rejected_reason = Set(why.reason);
    record::save(&ctx, &row, active, "employer_statement.rejected").await
}

async fn hear(ctx: Ctx, at: Target, _: Nothing) -> Result<employer_statement::Model> {
    let row = record::target::<employer_statement::Model>(&ctx, Op::HearEmployerStatement, at).await?;
    record::from_state(row.confirmation, OWNED, Confirmation::word)?;
    let own = members::speaker(&ctx)?.ok_or(Code::Forbidden)?;
    if own == row.employer_organization_id {
        return Err(Error::new(Code::WrongState, "an employer's words are heard by the others"));
    }
    let mut heard_by = row.heard_by.clone();
    if !heard_by.0.contains(&own.to_string()) {
        heard_by.0.push(own.to_string());
    }
    let mut active = row.clone().into_active_model();
    active.heard_by = Set(heard_by);
    record::save(&ctx, &row, active, "employer_statement.heard").await
}

/// Refuses statements that their employers do not stand by: needs and plans rest on what was really said.
pub(crate) async fn stood_by(ctx: &Ctx, pointer: &str, sources: &Texts) -> Result<()> {
    let said = members::references::<employer_statement::Model>(ctx, pointer, sources).await?;
    if said.iter().all(|row| OWNED.contains(&row.confirmation)) {
        return Ok(());
    }
    Err(Code::StatementUnconfirmed.into())
}
