//! Goals, near and far (practices 2 and 7).

use roundtable_entity::{GoalState, Horizon, Record, goal, plan_step};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Nothing, Operations};
use roundtable_kernel::record::{self, Target};
use sea_orm::ActiveValue::Set;
use sea_orm::IntoActiveModel;
use serde_json::Value;

use crate::members::{self, Reasoned};

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<goal::Model>("goals")
        .list(Op::ListGoals)
        .get(Op::GetGoal)
        .create(Op::CreateGoal, create)
        .update(Op::UpdateGoal, update)
        .act(Op::AgreeGoal, "agree", agree)
        .act(Op::RetireGoal, "retire", retire)
        .one::<goal::Model>("parent", "parent_goal_id")
        .many::<goal::Model>("children", Op::ListGoals, "parent_goal_id", "created_at")
        .many::<plan_step::Model>("steps", Op::ListPlanSteps, "goal_id", "created_at");
}

/// A goal serves one that lies further ahead, so no circle can come about.
async fn check(ctx: &Ctx, new: &goal::NewGoal) -> Result<()> {
    let Some(id) = new.parent_goal_id else { return Ok(()) };
    let parent = record::reference::<goal::Model>(ctx, "/parentGoalId", id).await?;
    if parent.horizon > new.horizon {
        return Ok(());
    }
    Err(Error::member("/parentGoalId", "not_longer_term", "a goal serves one that lies further ahead"))
}

async fn create(ctx: Ctx, new: goal::NewGoal) -> Result<goal::Model> {
    ctx.permit_at(Op::CreateGoal, new.partnership_id)?;
    check(&ctx, &new).await?;
    let mut active = goal::Model::begin(ctx.new_id(), ctx.now(), new);
    active.proposed_by_organization_id = Set(members::speaker(&ctx)?);
    record::insert::<goal::Model>(&ctx, active, "goal.proposed").await
}

async fn update(ctx: Ctx, at: Target, patch: Value) -> Result<goal::Model> {
    record::check_patch::<goal::Model>(&patch)?;
    let row = record::target::<goal::Model>(&ctx, Op::UpdateGoal, at).await?;
    record::from_state(row.state, &[GoalState::Proposed], GoalState::word)?;
    let new = record::merged(&row, &patch)?;
    check(&ctx, &new).await?;
    let mut active = row.clone().into_active_model();
    goal::Model::edit(&mut active, new);
    record::save(&ctx, &row, active, "goal.updated").await
}

async fn agree(ctx: Ctx, at: Target, _: Nothing) -> Result<goal::Model> {
    let row = record::target::<goal::Model>(&ctx, Op::AgreeGoal, at).await?;
    record::from_state(row.state, &[GoalState::Proposed], GoalState::word)?;
    let mut active = row.clone().into_active_model();
    active.state = Set(GoalState::Agreed);
    active.agreed_by_organization_id = Set(members::speaker(&ctx)?);
    record::save(&ctx, &row, active, "goal.agreed").await
}

async fn retire(ctx: Ctx, at: Target, why: Reasoned) -> Result<goal::Model> {
    let row = record::target::<goal::Model>(&ctx, Op::RetireGoal, at).await?;
    record::from_state(row.state, &[GoalState::Proposed, GoalState::Agreed], GoalState::word)?;
    let mut active = row.clone().into_active_model();
    active.state = Set(GoalState::Retired);
    active.retired_reason = Set(Some(why.reason));
    record::save(&ctx, &row, active, "goal.retired").await
}

/// Refuses a goal that leads to no long-term one (practice 7).
pub(crate) async fn leads_far(ctx: &Ctx, goal: &goal::Model) -> Result<()> {
    let mut at = goal.clone();
    // Each step goes further ahead, so this ends.
    loop {
        match (at.horizon, at.parent_goal_id) {
            (Horizon::Long, _) => return Ok(()),
            (_, None) => {
                let detail = "the goal serves no long-term one; give it a parent first";
                return Err(Error::member("/goalId", "unconnected", detail));
            }
            (_, Some(parent)) => at = record::reference::<goal::Model>(ctx, "/goalId", parent).await?,
        }
    }
}
