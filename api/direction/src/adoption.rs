//! Adoption of solutions: by the quorum of employers that endorsed the needs, and never before the cause is known
//! (practices 8, 24 and 30).

use std::collections::HashSet;

use roundtable_entity::{
    NeedState, Record, SecondLookState, SolutionState, need, organization, second_look, solution, solution_approval,
};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Nothing, Operations};
use roundtable_kernel::policy;
use roundtable_kernel::record::{self, Target};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter};
use uuid::Uuid;

use crate::{course, members, solutions};

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<solution_approval::Model>("solution-approvals")
        .list(Op::ListSolutionApprovals)
        .get(Op::GetSolutionApproval)
        .create(Op::CreateSolutionApproval, create)
        .act(Op::WithdrawSolutionApproval, "withdraw", withdraw)
        .one::<solution::Model>("solution", "solution_id")
        .one::<organization::Model>("organization", "organization_id");
}

/// The order the practice asks for: the problem, its underlying cause, then the solution.
pub(crate) fn in_order(needs: &[need::Model]) -> Result<()> {
    let is = |need: &need::Model, states: &[NeedState]| states.contains(&need.state);
    if needs.iter().any(|need| is(need, &[NeedState::Draft, NeedState::Voiced, NeedState::Parked])) {
        return Err(Code::SharedNeedThreshold.into());
    }
    let caused = [NeedState::RootCaused, NeedState::Solving, NeedState::Met];
    if needs.is_empty() || !needs.iter().all(|need| is(need, &caused)) {
        return Err(Code::RootCauseRequired.into());
    }
    Ok(())
}

/// Refuses a solution beside which nothing was held, without saying why.
fn held_beside_others(row: &solution::Model) -> Result<()> {
    let named = row.alternatives_considered.0.iter().any(|other| !other.trim().is_empty());
    let explained = row.no_alternatives_reason.as_deref().is_some_and(|reason| !reason.trim().is_empty());
    if named || explained { Ok(()) } else { Err(Code::AlternativesRequired.into()) }
}

/// Refuses a solution that builds on what has not been looked at again (practice 28).
async fn looked_at_again(ctx: &Ctx, row: &solution::Model) -> Result<()> {
    let cited = members::ids("/secondLookIds", &row.second_look_ids)?;
    let which = Condition::any()
        .add(second_look::Column::Id.is_in(cited.iter().copied()))
        .add_option(row.resource_id.map(|id| second_look::Column::ResourceId.eq(id)));
    let looks = second_look::Entity::find()
        .filter(which)
        .filter(second_look::Column::ArchivedAt.is_null())
        .all(&ctx.read())
        .await?;
    let concluded = |look: &&second_look::Model| look.state == SecondLookState::Concluded;
    let cited_ones_are = looks.iter().filter(|look| cited.contains(&look.id)).all(|look| concluded(&look));
    let entry_is =
        row.resource_id.is_none() || looks.iter().filter(concluded).any(|look| look.resource_id == row.resource_id);
    if cited_ones_are && entry_is { Ok(()) } else { Err(Code::SecondLookDue.into()) }
}

async fn may_be_adopted(ctx: &Ctx, row: &solution::Model, needs: &[need::Model]) -> Result<()> {
    solutions::has_its_problem(row)?;
    record::from_state(row.state, &[SolutionState::Designing], SolutionState::word)?;
    in_order(needs)?;
    held_beside_others(row)?;
    solutions::designed_jointly(ctx, row).await?;
    looked_at_again(ctx, row).await
}

async fn create(ctx: Ctx, new: solution_approval::NewSolutionApproval) -> Result<solution_approval::Model> {
    let permit = ctx.permit_at(Op::CreateSolutionApproval, new.partnership_id)?;
    permit.covers(&[Some(new.organization_id)])?;
    let solution = record::reference::<solution::Model>(&ctx, "/solutionId", new.solution_id).await?;
    let needs = solutions::needs_of(&ctx, &solution).await?;
    if !needs.is_empty() {
        solutions::endorses_one(&ctx, &needs).await?;
    }
    may_be_adopted(&ctx, &solution, &needs).await?;
    let active = solution_approval::Model::begin(ctx.new_id(), ctx.now(), new);
    let row = record::insert::<solution_approval::Model>(&ctx, active, "solution_approval.added").await?;
    count(&ctx, &solution, &needs, true).await?;
    Ok(row)
}

async fn withdraw(ctx: Ctx, at: Target, _: Nothing) -> Result<solution_approval::Model> {
    let row = record::target::<solution_approval::Model>(&ctx, Op::WithdrawSolutionApproval, at).await?;
    if row.withdrawn_at.is_some() {
        return Err(Error::new(Code::WrongState, "the approval is withdrawn"));
    }
    let solution = record::known::<solution::Model>(&ctx, row.solution_id).await?;
    record::from_state(solution.state, &[SolutionState::Designing], SolutionState::word)?;
    let mut active = row.clone().into_active_model();
    active.withdrawn_at = Set(Some(ctx.now()));
    let row = record::save(&ctx, &row, active, "solution_approval.withdrawn").await?;
    let needs = solutions::needs_of(&ctx, &solution).await?;
    // Fewer may endorse by now, but nothing is adopted by taking a word back.
    count(&ctx, &solution, &needs, false).await?;
    Ok(row)
}

/// How many of so many employers a share of them is; at least one.
pub(crate) fn quorum(share: f64, employers: usize) -> usize {
    let (mut needed, exact) = (0_usize, share * f64::from(u32::try_from(employers).unwrap_or(u32::MAX)));
    while f64::from(u32::try_from(needed).unwrap_or(u32::MAX)) + 1e-9 < exact {
        needed += 1;
    }
    needed.max(1)
}

/// Counts approvals anew, and where one was added, adopts the solution once they make the quorum.
async fn count(ctx: &Ctx, solution: &solution::Model, needs: &[need::Model], added: bool) -> Result<()> {
    let mut endorsing: HashSet<Uuid> = HashSet::new();
    for need in needs {
        endorsing.extend(course::voices(ctx, need).await?.iter().map(|voice| voice.organization_id));
    }
    let approvals = solution_approval::Entity::find()
        .filter(solution_approval::Column::SolutionId.eq(solution.id))
        .filter(solution_approval::Column::WithdrawnAt.is_null())
        .filter(solution_approval::Column::ArchivedAt.is_null())
        .all(&ctx.read())
        .await?;
    let approving = approvals.iter().filter(|row| endorsing.contains(&row.organization_id)).count();
    let share = policy::value(ctx, solution.partnership_id, "adoption_quorum").await?;
    let needed = quorum(share, endorsing.len());
    let adopted = added && approving >= needed;
    let mut active = solution.clone().into_active_model();
    active.approvals = Set(course::number(approving));
    active.approvals_needed = Set(course::number(needed));
    if adopted {
        active.state = Set(SolutionState::Adopted);
        active.adopted_on = Set(Some(ctx.today()));
    }
    let happened = if adopted { "solution.adopted" } else { "solution.updated" };
    record::save(ctx, solution, active, happened).await?;
    if adopted {
        for need in needs {
            course::follow(ctx, need.id).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quorum_is_a_share_of_the_endorsing_employers_and_never_nobody() {
        for (share, employers, needed) in
            [(0.5, 4, 2), (0.5, 5, 3), (0.1, 3, 1), (1.0, 3, 3), (0.5, 0, 1), (0.3, 10, 3)]
        {
            assert_eq!(quorum(share, employers), needed, "{share} of {employers}");
        }
    }
}
