//! How well solutions fit needs, as employers see it (practice 3).

use roundtable_entity::{Record, fit_score, need, organization, solution};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::record::{self, Target};
use roundtable_kernel::seal;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde_json::Value;
use uuid::Uuid;

use crate::course;

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<fit_score::Model>("fit-scores")
        .list(Op::ListFitScores)
        .get(Op::GetFitScore)
        .create(Op::CreateFitScore, create)
        .update(Op::UpdateFitScore, update)
        .one::<solution::Model>("solution", "solution_id")
        .one::<need::Model>("need", "need_id")
        .one::<organization::Model>("organization", "organization_id");
}

async fn create(ctx: Ctx, new: fit_score::NewFitScore) -> Result<fit_score::Model> {
    let permit = ctx.permit_at(Op::CreateFitScore, new.partnership_id)?;
    permit.covers(&[Some(new.organization_id)])?;
    let solution = record::reference::<solution::Model>(&ctx, "/solutionId", new.solution_id).await?;
    record::reference::<need::Model>(&ctx, "/needId", new.need_id).await?;
    if !solution.need_ids.0.contains(&new.need_id.to_string()) {
        return Err(Error::member("/needId", "of_another_solution", "score one of the needs the solution is for"));
    }
    let active = fit_score::Model::begin(ctx.new_id(), ctx.now(), new);
    let row = record::insert::<fit_score::Model>(&ctx, active, "fit_score.added").await?;
    average(&ctx, row.solution_id).await?;
    Ok(row)
}

async fn update(ctx: Ctx, at: Target, patch: Value) -> Result<fit_score::Model> {
    let row = record::update::<fit_score::Model>(&ctx, Op::UpdateFitScore, at, &patch).await?;
    average(&ctx, row.solution_id).await?;
    Ok(row)
}

/// Keeps with the solution how many scores it has and their average; what is kept for the bargaining table is not in it.
pub(crate) async fn average(ctx: &Ctx, solution_id: Uuid) -> Result<()> {
    let solution = solution::Entity::find_by_id(solution_id).one(&ctx.read()).await?.ok_or_else(Error::not_found)?;
    let scores = fit_score::Entity::find()
        .filter(fit_score::Column::SolutionId.eq(solution_id))
        .filter(fit_score::Column::ArchivedAt.is_null())
        .filter(seal::open_to_all(fit_score::Column::Id))
        .all(&ctx.read())
        .await?;
    let (count, sum) = (course::number(scores.len()), scores.iter().map(|score| score.score).sum::<i32>());
    let mut active = solution.clone().into_active_model();
    active.fit_scores = Set(count);
    active.fit_average = Set((count > 0).then(|| (f64::from(sum) / f64::from(count) * 100.0).round() / 100.0));
    record::save(ctx, &solution, active, "solution.updated").await?;
    Ok(())
}
