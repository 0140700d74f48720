//! Solutions: from needs and their causes, designed by employers and others together (practices 3, 13, 23 and 30).

use roundtable_entity::{
    PlanStepState, Record, Side, SolutionOrigin, SolutionState, Texts, cause, fit_score, need, organization, plan_step,
    resource, second_look, solution, solution_approval,
};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Nothing, Operations};
use roundtable_kernel::record::{self, Target};
use roundtable_kernel::seal;
use roundtable_kernel::standing::Standing;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter};
use serde_json::Value;
use uuid::Uuid;

use crate::members::{self, Reasoned};
use crate::{adoption, course, goals, links};

/// Stages before adoption.
pub(crate) const OPEN: &[SolutionState] = &[SolutionState::Proposed, SolutionState::Designing];

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<solution::Model>("solutions")
        .list(Op::ListSolutions)
        .get(Op::GetSolution)
        .create(Op::CreateSolution, create)
        .update(Op::UpdateSolution, update)
        .act(Op::TakeOnSolution, "take-on", take_on)
        .act(Op::DesignSolution, "design", design)
        .act(Op::RejectSolution, "reject", reject)
        .act(Op::StartSolution, "start", start)
        .act(Op::DeliverSolution, "deliver", deliver)
        .one::<organization::Model>("proposedBy", "proposed_by_organization_id")
        .one::<resource::Model>("resource", "resource_id")
        .many::<fit_score::Model>("fit", Op::ListFitScores, "solution_id", "created_at")
        .many::<solution_approval::Model>("approvedBy", Op::ListSolutionApprovals, "solution_id", "created_at")
        .many::<plan_step::Model>("steps", Op::ListPlanSteps, "solution_id", "created_at");
    table.flag(
        Op::ListSolutions,
        "unconnected",
        "Adopted solutions that no step of the plan carries out towards a long-term goal, or with `false` all others.",
        unconnected,
    );
}

/// Adopted solutions without a step, under way or ahead, that is tied to a living long-term goal.
pub(crate) fn unconnected(standing: &Standing) -> Condition {
    let carried_out = Query::select()
        .column(plan_step::Column::SolutionId)
        .from(plan_step::Entity)
        .and_where(plan_step::Column::SolutionId.is_not_null())
        .and_where(plan_step::Column::State.is_not_in([PlanStepState::Declined, PlanStepState::Dropped]))
        .cond_where(goals::connected(plan_step::Column::GoalId, standing))
        .to_owned();
    Condition::all()
        .add(solution::Column::State.is_in([SolutionState::Adopted, SolutionState::Implementing]))
        .add(solution::Column::Id.not_in_subquery(carried_out))
}

/// Checks what a solution points to, and returns the needs.
async fn check(ctx: &Ctx, new: &solution::NewSolution) -> Result<Vec<need::Model>> {
    let needs = members::references::<need::Model>(ctx, "/needIds", &new.need_ids).await?;
    for (at, cause) in members::references::<cause::Model>(ctx, "/causeIds", &new.cause_ids).await?.iter().enumerate() {
        if !needs.iter().any(|need| need.id == cause.need_id) {
            return Err(Error::member(format!("/causeIds/{at}"), "of_another_need", "a cause of one of its needs"));
        }
    }
    let designers = &new.designer_organization_ids;
    members::references::<organization::Model>(ctx, "/designerOrganizationIds", designers).await?;
    members::references::<second_look::Model>(ctx, "/secondLookIds", &new.second_look_ids).await?;
    if let Some(id) = new.resource_id {
        record::reference::<resource::Model>(ctx, "/resourceId", id).await?;
    }
    Ok(needs)
}

/// Whether it came before the need: it has none yet, or one that its own proposer raised (practice 23).
fn seeks_a_problem(origin: SolutionOrigin, proposer: Option<Uuid>, needs: &[need::Model]) -> bool {
    let own = |need: &need::Model| {
        need.raised_by_organization_id == proposer || (proposer.is_some() && need.voiced_by_organization_id == proposer)
    };
    origin == SolutionOrigin::SolutionLed && (needs.is_empty() || needs.iter().any(own))
}

async fn create(ctx: Ctx, new: solution::NewSolution) -> Result<solution::Model> {
    ctx.permit_at(Op::CreateSolution, new.partnership_id)?;
    let needs = check(&ctx, &new).await?;
    let proposer = members::speaker(&ctx)?;
    let seeking = seeks_a_problem(new.origin, proposer, &needs);
    let accepted = own_word(&new.designer_organization_ids, &Texts::default(), proposer);
    let mut active = solution::Model::begin(ctx.new_id(), ctx.now(), new);
    active.proposed_by_organization_id = Set(proposer);
    active.accepted_designer_ids = Set(accepted);
    active.seeking_problem = Set(seeking);
    let row = record::insert::<solution::Model>(&ctx, active, "solution.proposed").await?;
    linked(&ctx, row.id, &needs).await?;
    Ok(row)
}

async fn linked(ctx: &Ctx, id: Uuid, needs: &[need::Model]) -> Result<()> {
    let needs: Vec<Uuid> = needs.iter().map(|need| need.id).collect();
    links::of_solution(ctx, id, &needs).await
}

/// The designers that took the design on, as far as they are still named; whoever names itself has taken it on.
fn own_word(named: &Texts, accepted: &Texts, speaker: Option<Uuid>) -> Texts {
    let speaker = speaker.map(|own| own.to_string());
    let has = |id: &&String| accepted.0.contains(id) || speaker.as_ref() == Some(*id);
    Texts(named.0.iter().filter(has).cloned().collect())
}

async fn update(ctx: Ctx, at: Target, patch: Value) -> Result<solution::Model> {
    record::check_patch::<solution::Model>(&patch)?;
    let row = record::target::<solution::Model>(&ctx, Op::UpdateSolution, at).await?;
    record::from_state(row.state, OPEN, SolutionState::word)?;
    if row.approvals > 0 {
        return Err(Error::new(Code::WrongState, "employers approve the solution as it is"));
    }
    let new = record::merged(&row, &patch)?;
    let needs = check(&ctx, &new).await?;
    let accepted = own_word(&new.designer_organization_ids, &row.accepted_designer_ids, members::speaker(&ctx)?);
    linked(&ctx, row.id, &needs).await?;
    let mut active = row.clone().into_active_model();
    active.accepted_designer_ids = Set(accepted);
    active.seeking_problem = Set(seeks_a_problem(row.origin, row.proposed_by_organization_id, &needs));
    solution::Model::edit(&mut active, new);
    record::save(&ctx, &row, active, "solution.updated").await
}

/// Refuses a design that no employer, or only employers, took on (practice 13). Who is only named has no part in it yet.
pub(crate) async fn designed_jointly(ctx: &Ctx, row: &solution::Model) -> Result<()> {
    let designers = members::ids("/acceptedDesignerIds", &row.accepted_designer_ids)?;
    let designers = organization::Entity::find()
        .filter(organization::Column::Id.is_in(designers))
        .filter(organization::Column::ArchivedAt.is_null())
        .all(&ctx.read())
        .await?;
    let sides: Vec<Side> = designers.iter().map(|designer| designer.kind.side()).collect();
    if is_joint(&sides) { Ok(()) } else { Err(Code::DesignNotJoint.into()) }
}

fn is_joint(sides: &[Side]) -> bool {
    sides.contains(&Side::Employer) && sides.iter().any(|side| *side != Side::Employer)
}

/// Refuses what still looks for its problem.
pub(crate) fn has_its_problem(row: &solution::Model) -> Result<()> {
    if row.seeking_problem { Err(Code::SolutionSeeksProblem.into()) } else { Ok(()) }
}

async fn take_on(ctx: Ctx, at: Target, _: Nothing) -> Result<solution::Model> {
    let row = record::target::<solution::Model>(&ctx, Op::TakeOnSolution, at).await?;
    record::from_state(row.state, OPEN, SolutionState::word)?;
    let own = members::speaker(&ctx)?;
    if !own.is_some_and(|own| row.designer_organization_ids.0.contains(&own.to_string())) {
        return Err(Error::new(Code::NotYours, "a design is taken on by the organisations it names"));
    }
    let mut active = row.clone().into_active_model();
    active.accepted_designer_ids = Set(own_word(&row.designer_organization_ids, &row.accepted_designer_ids, own));
    record::save(&ctx, &row, active, "solution.taken_on").await
}

async fn design(ctx: Ctx, at: Target, _: Nothing) -> Result<solution::Model> {
    let row = record::target::<solution::Model>(&ctx, Op::DesignSolution, at).await?;
    record::from_state(row.state, &[SolutionState::Proposed], SolutionState::word)?;
    has_its_problem(&row)?;
    designed_jointly(&ctx, &row).await?;
    moved(&ctx, &row, SolutionState::Designing).await
}

/// Takes a solution to another stage.
async fn moved(ctx: &Ctx, row: &solution::Model, state: SolutionState) -> Result<solution::Model> {
    let mut active = row.clone().into_active_model();
    active.state = Set(state);
    record::save(ctx, row, active, &format!("solution.{}", state.word())).await
}

async fn reject(ctx: Ctx, at: Target, why: Reasoned) -> Result<solution::Model> {
    let row = record::target::<solution::Model>(&ctx, Op::RejectSolution, at).await?;
    record::from_state(row.state, OPEN, SolutionState::word)?;
    endorses_one(&ctx, &needs_of(&ctx, &row).await?).await?;
    let mut active = row.clone().into_active_model();
    active.state = Set(SolutionState::Rejected);
    active.rejected_reason = Set(Some(why.reason));
    record::save(&ctx, &row, active, "solution.rejected").await
}

async fn start(ctx: Ctx, at: Target, _: Nothing) -> Result<solution::Model> {
    let row = record::target::<solution::Model>(&ctx, Op::StartSolution, at).await?;
    record::from_state(row.state, &[SolutionState::Adopted], SolutionState::word)?;
    // A cause may have lost its confirmations since adoption.
    adoption::in_order(&needs_of(&ctx, &row).await?)?;
    moved(&ctx, &row, SolutionState::Implementing).await
}

async fn deliver(ctx: Ctx, at: Target, _: Nothing) -> Result<solution::Model> {
    let row = record::target::<solution::Model>(&ctx, Op::DeliverSolution, at).await?;
    record::from_state(row.state, &[SolutionState::Implementing], SolutionState::word)?;
    moved(&ctx, &row, SolutionState::Delivered).await
}

/// The needs a solution is for, without those kept for the bargaining table.
pub(crate) async fn needs_of(ctx: &Ctx, row: &solution::Model) -> Result<Vec<need::Model>> {
    let ids = members::ids("/needIds", &row.need_ids)?;
    let needs = need::Entity::find().filter(need::Column::Id.is_in(ids)).filter(seal::open_to_all(need::Column::Id));
    Ok(needs.all(&ctx.read()).await?)
}

/// Refuses whoever speaks for no employer that endorses one of these needs.
pub(crate) async fn endorses_one(ctx: &Ctx, needs: &[need::Model]) -> Result<()> {
    for need in needs {
        match course::endorses(ctx, need).await {
            Err(error) if error.code == Code::EndorsementRequired => {}
            answer => return answer,
        }
    }
    Err(Code::EndorsementRequired.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn employers_and_another_side_make_a_joint_design() {
        assert!(is_joint(&[Side::Employer, Side::Education]));
        assert!(!is_joint(&[Side::Employer, Side::Employer]));
        assert!(!is_joint(&[Side::Education, Side::Labor]));
        assert!(!is_joint(&[]));
    }

    #[test]
    fn what_was_led_by_a_need_never_seeks_a_problem() {
        assert!(!seeks_a_problem(SolutionOrigin::NeedLed, None, &[]));
        assert!(seeks_a_problem(SolutionOrigin::SolutionLed, Some(Uuid::nil()), &[]));
    }
}
