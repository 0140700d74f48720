//! Steps of the plan: tied to a goal, led by an organisation that took them on (practices 7, 13 and 52).

use roundtable_entity::{
    ActionTeamState, PlanStepState, Record, SolutionState, action_team, goal, organization, plan_step, solution,
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

use crate::members::{self, MaybeReasoned, Reasoned};
use crate::{action_teams, goals};

/// What came of a step.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct StepOutcome {
    /// What came of it.
    #[schema(min_length = 1, max_length = 4000)]
    outcome: String,
}

/// Stages that can still change.
const OPEN: &[PlanStepState] = &[PlanStepState::Planned, PlanStepState::Accepted, PlanStepState::Started];

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<plan_step::Model>("plan-steps")
        .list(Op::ListPlanSteps)
        .get(Op::GetPlanStep)
        .create(Op::CreatePlanStep, create)
        .update(Op::UpdatePlanStep, update)
        .act(Op::AcceptPlanStep, "accept", accept)
        .act(Op::DeclinePlanStep, "decline", decline)
        .act(Op::StartPlanStep, "start", start)
        .act(Op::CompletePlanStep, "complete", complete)
        .act(Op::DropPlanStep, "drop", give_up)
        .one::<goal::Model>("goal", "goal_id")
        .one::<solution::Model>("solution", "solution_id")
        .one::<action_team::Model>("actionTeam", "action_team_id")
        .one::<organization::Model>("lead", "lead_organization_id");
    table.flag(
        Op::ListPlanSteps,
        "unconnected",
        "Steps that serve no living goal that leads to a long-term one, or with `false` those that do.",
        |standing| goals::unconnected(plan_step::Column::GoalId, standing),
    );
}

async fn check(ctx: &Ctx, new: &plan_step::NewPlanStep) -> Result<()> {
    let goal = record::reference::<goal::Model>(ctx, "/goalId", new.goal_id).await?;
    goals::leads_far(ctx, &goal).await?;
    if let Some(id) = new.solution_id {
        let solution = record::reference::<solution::Model>(ctx, "/solutionId", id).await?;
        let adopted = [SolutionState::Adopted, SolutionState::Implementing];
        record::from_state(solution.state, &adopted, SolutionState::word)?;
    }
    match (new.starts_on, new.due_on) {
        (Some(starts), Some(due)) if due < starts => {
            Err(Error::member("/dueOn", "out_of_order", format!("not before {starts}")))
        }
        _ => Ok(()),
    }
}

/// Who leads the team a step is given to, once it took the team on.
async fn team_lead(ctx: &Ctx, new: &plan_step::NewPlanStep) -> Result<Option<Uuid>> {
    let Some(id) = new.action_team_id else { return Ok(None) };
    let team = record::reference::<action_team::Model>(ctx, "/actionTeamId", id).await?;
    record::from_state(team.state, action_teams::LIVE, ActionTeamState::word)?;
    Ok((team.state == ActionTeamState::Active).then_some(team.lead_organization_id))
}

/// Refuses the lead of its team: taking a step on and giving it up is for its own lead to say.
fn by_its_lead(ctx: &Ctx, row: &plan_step::Model) -> Result<()> {
    match members::speaker(ctx)? {
        Some(own) if own != row.lead_organization_id => {
            Err(Error::new(Code::NotYours, "the organisation that leads the step says so itself"))
        }
        _ => Ok(()),
    }
}

async fn create(ctx: Ctx, new: plan_step::NewPlanStep) -> Result<plan_step::Model> {
    ctx.permit_at(Op::CreatePlanStep, new.partnership_id)?;
    record::reference::<organization::Model>(&ctx, "/leadOrganizationId", new.lead_organization_id).await?;
    check(&ctx, &new).await?;
    let team_lead = team_lead(&ctx, &new).await?;
    let mut active = plan_step::Model::begin(ctx.new_id(), ctx.now(), new);
    active.team_lead_organization_id = Set(team_lead);
    record::insert::<plan_step::Model>(&ctx, active, "plan_step.planned").await
}

async fn update(ctx: Ctx, at: Target, patch: Value) -> Result<plan_step::Model> {
    record::check_patch::<plan_step::Model>(&patch)?;
    let row = record::target::<plan_step::Model>(&ctx, Op::UpdatePlanStep, at).await?;
    record::from_state(row.state, OPEN, PlanStepState::word)?;
    let new = record::merged(&row, &patch)?;
    check(&ctx, &new).await?;
    let mut active = row.clone().into_active_model();
    // A team that ended stays named on what it worked on.
    if new.action_team_id != row.action_team_id {
        active.team_lead_organization_id = Set(team_lead(&ctx, &new).await?);
    }
    plan_step::Model::edit(&mut active, new);
    record::save(&ctx, &row, active, "plan_step.updated").await
}

/// The step an operation is about, with what is set on it.
async fn at_hand(ctx: &Ctx, op: Op, at: Target, from: &[PlanStepState]) -> Result<plan_step::Model> {
    let row = record::target::<plan_step::Model>(ctx, op, at).await?;
    record::from_state(row.state, from, PlanStepState::word)?;
    Ok(row)
}

async fn accept(ctx: Ctx, at: Target, _: Nothing) -> Result<plan_step::Model> {
    let row = at_hand(&ctx, Op::AcceptPlanStep, at, &[PlanStepState::Planned, PlanStepState::Declined]).await?;
    by_its_lead(&ctx, &row)?;
    let mut active = row.clone().into_active_model();
    active.state = Set(PlanStepState::Accepted);
    active.accepted_on = Set(Some(ctx.today()));
    active.reason = Set(None);
    record::save(&ctx, &row, active, "plan_step.accepted").await
}

async fn decline(ctx: Ctx, at: Target, why: MaybeReasoned) -> Result<plan_step::Model> {
    let row = at_hand(&ctx, Op::DeclinePlanStep, at, &[PlanStepState::Planned]).await?;
    by_its_lead(&ctx, &row)?;
    let mut active = row.clone().into_active_model();
    active.state = Set(PlanStepState::Declined);
    active.reason = Set(why.reason);
    record::save(&ctx, &row, active, "plan_step.declined").await
}

async fn start(ctx: Ctx, at: Target, _: Nothing) -> Result<plan_step::Model> {
    let row = record::target::<plan_step::Model>(&ctx, Op::StartPlanStep, at).await?;
    if matches!(row.state, PlanStepState::Planned | PlanStepState::Declined) {
        return Err(Code::ResponsibilityNotAccepted.into());
    }
    record::from_state(row.state, &[PlanStepState::Accepted], PlanStepState::word)?;
    let mut active = row.clone().into_active_model();
    active.state = Set(PlanStepState::Started);
    active.started_on = Set(Some(ctx.today()));
    record::save(&ctx, &row, active, "plan_step.started").await
}

async fn complete(ctx: Ctx, at: Target, came: StepOutcome) -> Result<plan_step::Model> {
    let row = at_hand(&ctx, Op::CompletePlanStep, at, &[PlanStepState::Started]).await?;
    let mut active = row.clone().into_active_model();
    active.state = Set(PlanStepState::Done);
    active.done_on = Set(Some(ctx.today()));
    active.outcome = Set(Some(came.outcome));
    record::save(&ctx, &row, active, "plan_step.done").await
}

async fn give_up(ctx: Ctx, at: Target, why: Reasoned) -> Result<plan_step::Model> {
    let row = at_hand(&ctx, Op::DropPlanStep, at, OPEN).await?;
    by_its_lead(&ctx, &row)?;
    let mut active = row.clone().into_active_model();
    active.state = Set(PlanStepState::Dropped);
    active.reason = Set(Some(why.reason));
    record::save(&ctx, &row, active, "plan_step.dropped").await
}
