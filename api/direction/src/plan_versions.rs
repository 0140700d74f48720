//! Versions of the plan: what they hold, what they rest on, and how employers bring them into force (practices 8 and 41).

use std::collections::HashSet;

use chrono::{Days, NaiveDate};
use roundtable_entity::plan_version::{self, NewPlanVersion, PlannedGoal, PlannedStep};
use roundtable_entity::{
    GoalState, Listed, PlanStepState, PlanVersionState, Record, goal, input, need, organization, partner,
    plan_approval, plan_step, second_look,
};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Nothing, Operations};
use roundtable_kernel::policy;
use roundtable_kernel::record::{self, Target};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect};
use serde_json::Value;
use uuid::Uuid;

use crate::{adoption, course, members, statements};

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<plan_version::Model>("plan-versions")
        .list(Op::ListPlanVersions)
        .get(Op::GetPlanVersion)
        .create(Op::CreatePlanVersion, create)
        .update(Op::UpdatePlanVersion, update)
        .archive_checked(Op::ArchivePlanVersion, unapproved_draft)
        .act(Op::ReviewPlanVersion, "review", review)
        .one::<plan_version::Model>("follows", "follows_id")
        .one::<organization::Model>("proposedBy", "proposed_by_organization_id")
        .many::<plan_approval::Model>("approvedBy", Op::ListPlanApprovals, "plan_version_id", "created_at");
    table
        .collection::<plan_approval::Model>("plan-approvals")
        .list(Op::ListPlanApprovals)
        .get(Op::GetPlanApproval)
        .create(Op::CreatePlanApproval, approve)
        .act(Op::WithdrawPlanApproval, "withdraw", withdraw)
        .one::<plan_version::Model>("planVersion", "plan_version_id")
        .one::<organization::Model>("organization", "organization_id");
    table.after("plan_step.started", step_started);
    table.tend(Op::ReviewPlanVersion, warn_of_plans_not_started);
}

/// The version in force, if there is one.
pub(crate) async fn in_force(ctx: &Ctx, partnership_id: Uuid) -> Result<Option<plan_version::Model>> {
    let row = plan_version::Entity::find()
        .filter(plan_version::Column::PartnershipId.eq(partnership_id))
        .filter(plan_version::Column::State.eq(PlanVersionState::InForce))
        .one(&ctx.read())
        .await?;
    Ok(row)
}

/// What a version holds as it is written.
struct Held {
    steps: Vec<PlannedStep>,
    goals: Vec<PlannedGoal>,
}

fn planned_step(row: plan_step::Model) -> PlannedStep {
    PlannedStep {
        id: row.id,
        title: row.title,
        goal_id: row.goal_id,
        solution_id: row.solution_id,
        action_team_id: row.action_team_id,
        lead_organization_id: row.lead_organization_id,
        starts_on: row.starts_on,
        due_on: row.due_on,
        state: row.state,
    }
}

fn planned_goal(row: goal::Model) -> PlannedGoal {
    PlannedGoal {
        id: row.id,
        statement: row.statement,
        horizon: row.horizon,
        parent_goal_id: row.parent_goal_id,
        metrics: row.metrics.0,
        state: row.state,
    }
}

/// Checks what a version points to, and reads the steps and goals it holds as they are now.
async fn hold(ctx: &Ctx, new: &NewPlanVersion) -> Result<Held> {
    let steps = members::references::<plan_step::Model>(ctx, "/stepIds", &new.step_ids).await?;
    let given_up = [PlanStepState::Declined, PlanStepState::Dropped];
    if let Some(at) = steps.iter().position(|step| given_up.contains(&step.state)) {
        let detail = "this step was declined or dropped; a plan holds those that are pursued";
        return Err(Error::member(format!("/stepIds/{at}"), "given_up", detail));
    }
    let mut goals = members::references::<goal::Model>(ctx, "/goalIds", &new.goal_ids).await?;
    if let Some(at) = goals.iter().position(|goal| goal.state == GoalState::Retired) {
        return Err(Error::member(format!("/goalIds/{at}"), "given_up", "this goal was retired"));
    }
    // Each parent lies further ahead, so beyond what the steps serve there are two more levels at the most.
    for _ in 0..3 {
        let named = steps.iter().map(|step| step.goal_id).chain(goals.iter().filter_map(|goal| goal.parent_goal_id));
        let known: HashSet<Uuid> = goals.iter().map(|goal| goal.id).collect();
        let missing: HashSet<Uuid> = named.filter(|id| !known.contains(id)).collect();
        if missing.is_empty() {
            break;
        }
        let missing = Condition::all().add(goal::Column::Id.is_in(missing));
        goals.extend(members::rows::<goal::Model>(ctx, missing).await?);
    }
    members::references::<input::Model>(ctx, "/basisInputIds", &new.basis_input_ids).await?;
    members::references::<second_look::Model>(ctx, "/basisSecondLookIds", &new.basis_second_look_ids).await?;
    members::references::<need::Model>(ctx, "/basisNeedIds", &new.basis_need_ids).await?;
    statements::stood_by(ctx, "/basisStatementIds", &new.basis_statement_ids).await?;
    Ok(Held {
        steps: steps.into_iter().map(planned_step).collect(),
        goals: goals.into_iter().map(planned_goal).collect(),
    })
}

/// Refuses a version that rests on nothing, and an amendment that rests on nothing new.
fn is_based(new: &NewPlanVersion, amends: bool, goals: &[PlannedGoal]) -> Result<()> {
    let brought = [&new.basis_input_ids, &new.basis_second_look_ids, &new.basis_statement_ids];
    let based = brought.iter().any(|ids| !ids.0.is_empty())
        || (!amends && (!new.basis_need_ids.0.is_empty() || !goals.is_empty()));
    if based { Ok(()) } else { Err(Code::BasisRequired.into()) }
}

async fn next_number(ctx: &Ctx, partnership_id: Uuid) -> Result<i32> {
    let last: Option<i32> = plan_version::Entity::find()
        .select_only()
        .column(plan_version::Column::Number)
        .filter(plan_version::Column::PartnershipId.eq(partnership_id))
        .order_by_desc(plan_version::Column::Number)
        .limit(1)
        .into_tuple()
        .one(&ctx.read())
        .await?;
    Ok(last.unwrap_or_default().saturating_add(1))
}

async fn create(ctx: Ctx, new: NewPlanVersion) -> Result<plan_version::Model> {
    ctx.permit_at(Op::CreatePlanVersion, new.partnership_id)?;
    let follows = in_force(&ctx, new.partnership_id).await?;
    let held = hold(&ctx, &new).await?;
    is_based(&new, follows.is_some(), &held.goals)?;
    let number = next_number(&ctx, new.partnership_id).await?;
    let mut active = plan_version::Model::begin(ctx.new_id(), ctx.now(), new);
    active.number = Set(number);
    active.steps = Set(Listed(held.steps));
    active.goals = Set(Listed(held.goals));
    active.follows_id = Set(follows.map(|row| row.id));
    active.proposed_by_organization_id = Set(members::speaker(&ctx)?);
    record::insert::<plan_version::Model>(&ctx, active, "plan_version.drafted").await
}

fn unapproved(row: &plan_version::Model) -> Result<()> {
    record::from_state(row.state, &[PlanVersionState::Draft], PlanVersionState::word)?;
    if row.approvals == 0 {
        return Ok(());
    }
    Err(Error::new(Code::WrongState, "employers approve the version as it is; write the next one"))
}

async fn unapproved_draft(_: Ctx, row: plan_version::Model) -> Result<()> {
    unapproved(&row)
}

async fn update(ctx: Ctx, at: Target, patch: Value) -> Result<plan_version::Model> {
    record::check_patch::<plan_version::Model>(&patch)?;
    let row = record::target::<plan_version::Model>(&ctx, Op::UpdatePlanVersion, at).await?;
    unapproved(&row)?;
    let new = record::merged(&row, &patch)?;
    let follows = in_force(&ctx, row.partnership_id).await?;
    let held = hold(&ctx, &new).await?;
    is_based(&new, follows.is_some(), &held.goals)?;
    let mut active = row.clone().into_active_model();
    active.steps = Set(Listed(held.steps));
    active.goals = Set(Listed(held.goals));
    active.follows_id = Set(follows.map(|row| row.id));
    plan_version::Model::edit(&mut active, new);
    record::save(&ctx, &row, active, "plan_version.updated").await
}

async fn review(ctx: Ctx, at: Target, _: Nothing) -> Result<plan_version::Model> {
    let row = record::target::<plan_version::Model>(&ctx, Op::ReviewPlanVersion, at).await?;
    record::from_state(row.state, &[PlanVersionState::InForce], PlanVersionState::word)?;
    let mut active = row.clone().into_active_model();
    active.reviewed_on = Set(Some(ctx.today()));
    record::save(&ctx, &row, active, "plan_version.reviewed").await
}

async fn approve(ctx: Ctx, new: plan_approval::NewPlanApproval) -> Result<plan_approval::Model> {
    let permit = ctx.permit_at(Op::CreatePlanApproval, new.partnership_id)?;
    permit.covers(&[Some(new.organization_id)])?;
    let version = record::reference::<plan_version::Model>(&ctx, "/planVersionId", new.plan_version_id).await?;
    record::from_state(version.state, &[PlanVersionState::Draft], PlanVersionState::word)?;
    let current = in_force(&ctx, version.partnership_id).await?;
    if let Some(current) = current.filter(|current| version.follows_id != Some(current.id)) {
        let detail = format!("version {} came into force meanwhile; write the next one from it", current.number);
        return Err(Error::new(Code::WrongState, detail));
    }
    let active = plan_approval::Model::begin(ctx.new_id(), ctx.now(), new);
    let row = record::insert::<plan_approval::Model>(&ctx, active, "plan_approval.added").await?;
    count(&ctx, &version).await?;
    Ok(row)
}

async fn withdraw(ctx: Ctx, at: Target, _: Nothing) -> Result<plan_approval::Model> {
    let row = record::target::<plan_approval::Model>(&ctx, Op::WithdrawPlanApproval, at).await?;
    if row.withdrawn_at.is_some() {
        return Err(Error::new(Code::WrongState, "the approval is withdrawn"));
    }
    let version = record::known::<plan_version::Model>(&ctx, row.plan_version_id).await?;
    record::from_state(version.state, &[PlanVersionState::Draft], PlanVersionState::word)?;
    let mut active = row.clone().into_active_model();
    active.withdrawn_at = Set(Some(ctx.now()));
    let row = record::save(&ctx, &row, active, "plan_approval.withdrawn").await?;
    count(&ctx, &version).await?;
    Ok(row)
}

/// Counts approvals anew, and brings the version into force once they make the quorum of employers at the table.
async fn count(ctx: &Ctx, version: &plan_version::Model) -> Result<()> {
    let employers: Vec<Uuid> = partner::Entity::find()
        .select_only()
        .column(partner::Column::OrganizationId)
        .filter(partner::Column::OrganizationId.in_subquery(course::employers_at_the_table(version.partnership_id)))
        .distinct()
        .into_tuple()
        .all(&ctx.read())
        .await?;
    let approvals = plan_approval::Entity::find()
        .filter(plan_approval::Column::PlanVersionId.eq(version.id))
        .filter(plan_approval::Column::WithdrawnAt.is_null())
        .filter(plan_approval::Column::ArchivedAt.is_null())
        .all(&ctx.read())
        .await?;
    let approving = approvals.iter().filter(|row| employers.contains(&row.organization_id)).count();
    let share = policy::value(ctx, version.partnership_id, "plan_quorum").await?;
    let needed = adoption::quorum(share, employers.len());
    let mut active = version.clone().into_active_model();
    active.approvals = Set(course::number(approving));
    active.approvals_needed = Set(course::number(needed));
    if approving < needed {
        record::save(ctx, version, active, "plan_version.updated").await?;
        return Ok(());
    }
    if let Some(current) = in_force(ctx, version.partnership_id).await? {
        let mut replaced = current.clone().into_active_model();
        replaced.state = Set(PlanVersionState::Superseded);
        replaced.superseded_on = Set(Some(ctx.today()));
        record::save(ctx, &current, replaced, "plan_version.superseded").await?;
    }
    let days = policy::whole(ctx, version.partnership_id, "first_step_within_days").await?;
    let days = Days::new(u64::try_from(days).unwrap_or_default());
    active.state = Set(PlanVersionState::InForce);
    active.in_force_on = Set(Some(ctx.today()));
    active.reviewed_on = Set(Some(ctx.today()));
    active.first_step_due_on = Set(ctx.today().checked_add_days(days));
    active.started_on = Set(under_way(ctx, version).await?.then(|| ctx.today()));
    record::save(ctx, version, active, "plan_version.in_force").await?;
    Ok(())
}

/// Whether a step it holds has started by now.
async fn under_way(ctx: &Ctx, version: &plan_version::Model) -> Result<bool> {
    let started = plan_step::Entity::find()
        .filter(plan_step::Column::Id.is_in(version.steps.0.iter().map(|step| step.id)))
        .filter(plan_step::Column::StartedOn.is_not_null())
        .one(&ctx.read())
        .await?;
    Ok(started.is_some())
}

/// An employer left the table, rests or is back: drafts are counted anew.
pub(crate) async fn voices_changed(ctx: Ctx, partner_id: Uuid) -> Result<()> {
    let partner = partner::Entity::find_by_id(partner_id).one(&ctx.read()).await?.ok_or_else(Error::not_found)?;
    let drafts = plan_version::Entity::find()
        .filter(plan_version::Column::PartnershipId.eq(partner.partnership_id))
        .filter(plan_version::Column::State.eq(PlanVersionState::Draft))
        .filter(plan_version::Column::Approvals.gt(0))
        .filter(plan_version::Column::ArchivedAt.is_null())
        .order_by_asc(plan_version::Column::Number)
        .all(&ctx.read())
        .await?;
    for draft in drafts {
        // One of them may come into force by it, and the others follow another then.
        if in_force(&ctx, draft.partnership_id).await?.map(|row| row.id) == draft.follows_id {
            count(&ctx, &draft).await?;
        }
    }
    Ok(())
}

/// A step started: if the plan in force holds it, the plan has started.
async fn step_started(ctx: Ctx, step_id: Uuid) -> Result<()> {
    let step = plan_step::Entity::find_by_id(step_id).one(&ctx.read()).await?.ok_or_else(Error::not_found)?;
    let Some(plan) = in_force(&ctx, step.partnership_id).await? else { return Ok(()) };
    if plan.started_on.is_some() || !plan.steps.0.iter().any(|held| held.id == step_id) {
        return Ok(());
    }
    let mut active = plan.clone().into_active_model();
    active.started_on = Set(Some(ctx.today()));
    active.not_started = Set(false);
    record::save(&ctx, &plan, active, "plan_version.started").await?;
    Ok(())
}

/// Plans in force of which no step started by the day policy sets.
pub(crate) fn late_to_start(today: NaiveDate) -> Condition {
    Condition::all()
        .add(plan_version::Column::State.eq(PlanVersionState::InForce))
        .add(plan_version::Column::StartedOn.is_null())
        .add(plan_version::Column::FirstStepDueOn.lt(today))
}

/// Marks a plan in force of which no step started by the day policy sets, and tells of it once.
async fn warn_of_plans_not_started(ctx: Ctx, partnership_id: Uuid) -> Result<()> {
    ctx.write(move |ctx| async move {
        let plan = plan_version::Entity::find()
            .filter(plan_version::Column::PartnershipId.eq(partnership_id))
            .filter(late_to_start(ctx.today()))
            .filter(plan_version::Column::NotStarted.eq(false))
            .one(&ctx.read())
            .await?;
        if let Some(plan) = plan {
            let mut active = plan.clone().into_active_model();
            active.not_started = Set(true);
            record::save(&ctx, &plan, active, "plan_version.not_started").await?;
        }
        Ok(())
    })
    .await
}
