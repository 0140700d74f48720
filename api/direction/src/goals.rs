//! Goals, near and far (practices 2 and 7).

use roundtable_entity::{GoalState, Horizon, Record, action_item, action_team, goal, plan_step};
use roundtable_kernel::access::permit;
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Nothing, Operations};
use roundtable_kernel::record::{self, Target};
use roundtable_kernel::scope::Scoped;
use roundtable_kernel::standing::Standing;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{ColumnTrait, Condition, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter};
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
        .many::<plan_step::Model>("steps", Op::ListPlanSteps, "goal_id", "created_at")
        .many::<action_team::Model>("teams", Op::ListActionTeams, "goal_id", "created_at");
    table.flag(
        Op::ListActionItems,
        "unconnected",
        "Items that serve no living goal that leads to a long-term one, or with `false` those that do.",
        |standing| unconnected(action_item::Column::GoalId, standing),
    );
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

/// Ids of living goals that are long-term or lead to one, as far as this standing may know of goals.
fn leading(standing: &Standing) -> SelectStatement {
    let known = permit(Op::ListGoals, standing).map(|permit| goal::Model::rows(&permit));
    let living = |which: Condition| {
        let mut select = Query::select();
        select.column(goal::Column::Id).from(goal::Entity).cond_where(which);
        select.and_where(goal::Column::State.ne(GoalState::Retired)).and_where(goal::Column::ArchivedAt.is_null());
        match &known {
            Ok(known) => select.cond_where(known.clone()),
            Err(_) => select.and_where(Expr::val(1).eq(0)),
        };
        select
    };
    // A parent lies further ahead, so there are three levels and no more.
    let long = || Condition::any().add(goal::Column::Horizon.eq(Horizon::Long));
    let under_long = || long().add(goal::Column::ParentGoalId.in_subquery(living(long())));
    living(under_long().add(goal::Column::ParentGoalId.in_subquery(living(under_long()))))
}

/// Rows tied to no living goal that leads to a long-term one (practices 2 and 7).
pub(crate) fn unconnected<C: ColumnTrait>(goal_id: C, standing: &Standing) -> Condition {
    Condition::any().add(goal_id.is_null()).add(goal_id.not_in_subquery(leading(standing)))
}

/// Rows tied to one.
pub(crate) fn connected<C: ColumnTrait>(goal_id: C, standing: &Standing) -> Condition {
    Condition::all().add(goal_id.in_subquery(leading(standing)))
}

/// Refuses a goal that is given up, or leads to no long-term one that is still pursued (practice 7).
pub(crate) async fn leads_far(ctx: &Ctx, goal: &goal::Model) -> Result<()> {
    record::from_state(goal.state, &[GoalState::Proposed, GoalState::Agreed], GoalState::word)?;
    let leads = goal::Entity::find()
        .filter(goal::Column::Id.eq(goal.id))
        .filter(connected(goal::Column::Id, ctx.standing()?))
        .count(&ctx.read())
        .await?;
    if leads > 0 {
        return Ok(());
    }
    let detail = "the goal serves no long-term one that is still pursued; give it a parent first";
    Err(Error::member("/goalId", "unconnected", detail))
}
