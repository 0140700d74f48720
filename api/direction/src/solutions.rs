//! Solutions: from needs and their causes, designed by employers and others together (practices 3, 13, 23 and 30).

use roundtable_entity::{
    Record, Side, SolutionOrigin, SolutionState, cause, fit_score, need, organization, resource, second_look, solution,
    solution_approval,
};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Nothing, Operations};
use roundtable_kernel::record::{self, Target};
use roundtable_kernel::seal;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde_json::Value;
use uuid::Uuid;

use crate::course;
use crate::members::{self, Reasoned};

/// Stages before adoption.
pub(crate) const OPEN: &[SolutionState] = &[SolutionState::Proposed, SolutionState::Designing];

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<solution::Model>("solutions")
        .list(Op::ListSolutions)
        .get(Op::GetSolution)
        .create(Op::CreateSolution, create)
        .update(Op::UpdateSolution, update)
        .act(Op::DesignSolution, "design", design)
        .act(Op::RejectSolution, "reject", reject)
        .act(Op::StartSolution, "start", start)
        .act(Op::DeliverSolution, "deliver", deliver)
        .one::<organization::Model>("proposedBy", "proposed_by_organization_id")
        .one::<resource::Model>("resource", "resource_id")
        .many::<fit_score::Model>("fit", Op::ListFitScores, "solution_id", "created_at")
        .many::<solution_approval::Model>("approvedBy", Op::ListSolutionApprovals, "solution_id", "created_at");
}

/// Checks what a solution points to, and returns the needs.
async fn check(ctx: &Ctx, new: &solution::NewSolution) -> Result<Vec<need::Model>> {
    let mut needs = Vec::new();
    for (at, id) in members::ids("/needIds", &new.need_ids)?.into_iter().enumerate() {
        needs.push(record::reference::<need::Model>(ctx, &format!("/needIds/{at}"), id).await?);
    }
    for (at, id) in members::ids("/causeIds", &new.cause_ids)?.into_iter().enumerate() {
        let cause = record::reference::<cause::Model>(ctx, &format!("/causeIds/{at}"), id).await?;
        if !needs.iter().any(|need| need.id == cause.need_id) {
            return Err(Error::member(format!("/causeIds/{at}"), "of_another_need", "a cause of one of its needs"));
        }
    }
    let pointer = "/designerOrganizationIds";
    for (at, id) in members::ids(pointer, &new.designer_organization_ids)?.into_iter().enumerate() {
        record::reference::<organization::Model>(ctx, &format!("{pointer}/{at}"), id).await?;
    }
    for (at, id) in members::ids("/secondLookIds", &new.second_look_ids)?.into_iter().enumerate() {
        record::reference::<second_look::Model>(ctx, &format!("/secondLookIds/{at}"), id).await?;
    }
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
    let mut active = solution::Model::begin(ctx.new_id(), ctx.now(), new);
    active.proposed_by_organization_id = Set(proposer);
    active.seeking_problem = Set(seeking);
    record::insert::<solution::Model>(&ctx, active, "solution.proposed").await
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
    let mut active = row.clone().into_active_model();
    active.seeking_problem = Set(seeks_a_problem(row.origin, row.proposed_by_organization_id, &needs));
    solution::Model::edit(&mut active, new);
    record::save(&ctx, &row, active, "solution.updated").await
}

/// Refuses a design without an employer, or by employers alone (practice 13).
pub(crate) async fn designed_jointly(ctx: &Ctx, row: &solution::Model) -> Result<()> {
    let designers = members::ids("/designerOrganizationIds", &row.designer_organization_ids)?;
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
