//! What follows for a need from what employers said of it: how many endorse it, its place in the order, its stage, and
//! which of its causes are confirmed. Counted anew from the rows in the transaction of each change, so that however many
//! speak at once, the numbers are right.

use std::collections::HashMap;

use roundtable_entity::{
    CauseLevel, CauseState, NeedState, OrganizationKind, PartnerState, SolutionState, cause, cause_confirmation,
    endorsement, need, partner, solution,
};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::{policy, record, seal};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Query, SelectStatement};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter};
use uuid::Uuid;

use crate::{links, members};

/// Organisations of the employers at the table: who has left has no voice.
pub(crate) fn employers_at_the_table(partnership_id: Uuid) -> SelectStatement {
    Query::select()
        .column(partner::Column::OrganizationId)
        .from(partner::Entity)
        .and_where(partner::Column::PartnershipId.eq(partnership_id))
        .and_where(partner::Column::Kind.eq(OrganizationKind::Employer))
        .and_where(partner::Column::State.eq(PartnerState::Active))
        .and_where(partner::Column::ArchivedAt.is_null())
        .to_owned()
}

/// The endorsements of a need that count: standing, and of employers at the table.
pub(crate) async fn voices(ctx: &Ctx, need: &need::Model) -> Result<Vec<endorsement::Model>> {
    let rows = endorsement::Entity::find()
        .filter(endorsement::Column::NeedId.eq(need.id))
        .filter(endorsement::Column::WithdrawnAt.is_null())
        .filter(endorsement::Column::ArchivedAt.is_null())
        .filter(endorsement::Column::OrganizationId.in_subquery(employers_at_the_table(need.partnership_id)))
        .all(&ctx.read())
        .await?;
    Ok(rows)
}

/// Refuses whoever does not speak for an employer that endorses the need.
pub(crate) async fn endorses(ctx: &Ctx, need: &need::Model) -> Result<()> {
    let standing = ctx.standing()?.clone();
    let voices = voices(ctx, need).await?;
    if voices.iter().any(|voice| standing.acts_for(Some(voice.organization_id))) {
        return Ok(());
    }
    Err(Code::EndorsementRequired.into())
}

/// The place of a need in the order: importance first, then how many endorse it. Nothing else enters (practice 8).
fn rank(importance: impl Iterator<Item = i32>) -> i32 {
    importance.fold(0, |score, importance| score.saturating_add(importance.saturating_mul(1000)).saturating_add(1))
}

/// What is known of a need besides its stage.
#[derive(Clone, Copy, Debug, Default)]
struct Course {
    voices: usize,
    voices_wanted: usize,
    confirmed_roots: usize,
    solution_adopted: bool,
}

/// The stage that follows. Withdrawals take a need back, however far it was, and what was put aside or met stays so. A need
/// that lost its root cause is solved no longer, until a root cause of it is confirmed again.
fn stage(now: NeedState, course: Course) -> NeedState {
    match now {
        NeedState::Draft | NeedState::Met | NeedState::Parked | NeedState::Routed => now,
        _ if course.voices < course.voices_wanted => NeedState::Voiced,
        _ if course.confirmed_roots == 0 => NeedState::Shared,
        _ if course.solution_adopted => NeedState::Solving,
        _ => NeedState::RootCaused,
    }
}

/// The stage of a cause that so many employers confirm.
fn cause_stage(now: CauseState, confirmations: usize, wanted: usize) -> CauseState {
    match now {
        CauseState::Proposed | CauseState::Rejected => now,
        _ if confirmations >= wanted => CauseState::Confirmed,
        _ => CauseState::Tested,
    }
}

/// A count as it is kept.
pub(crate) fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

async fn wanted(ctx: &Ctx, partnership_id: Uuid, key: &str) -> Result<usize> {
    Ok(usize::try_from(policy::whole(ctx, partnership_id, key).await?).unwrap_or_default())
}

/// Counts anew what hangs on endorsements and confirmations of a need, and takes the need to the stage that follows.
pub(crate) async fn follow(ctx: &Ctx, need_id: Uuid) -> Result<need::Model> {
    let need = need::Entity::find_by_id(need_id).one(&ctx.read()).await?.ok_or_else(Error::not_found)?;
    let voices = voices(ctx, &need).await?;
    let causes = count_confirmations(ctx, &need, &voices).await?;
    let live = || causes.iter().filter(|cause| cause.state != CauseState::Rejected);
    let is_root = |cause: &&cause::Model| cause.state == CauseState::Confirmed && cause.level == CauseLevel::Root;
    let course = Course {
        voices: voices.len(),
        voices_wanted: wanted(ctx, need.partnership_id, "shared_need_min_employers").await?,
        confirmed_roots: live().filter(is_root).count(),
        solution_adopted: solution_adopted(ctx, need.id).await?,
    };
    let asking = members::ids("", &need.park_organization_ids)?;
    let asking = asking.iter().filter(|own| voices.iter().any(|voice| voice.organization_id == **own)).count();
    let state = stage(need.state, course);
    let mut active = need.clone().into_active_model();
    active.endorsements = Set(number(course.voices));
    active.affected = Set(Some(voices.iter().filter_map(|voice| voice.affected_count).fold(0, i32::saturating_add)));
    active.rank_score = Set(Some(rank(voices.iter().map(|voice| voice.importance))));
    active.confirmed_roots = Set(number(course.confirmed_roots));
    active.park_voices = Set(number(asking));
    active.surface_only = Set(live().all(|cause| cause.depth <= 1));
    active.state = Set(state);
    let happened = if state == need.state { "need.updated".to_owned() } else { format!("need.{}", state.word()) };
    record::save(ctx, &need, active, &happened).await
}

/// An employer left the table, rests or is back: its voice counts no longer, or counts again, on every need it endorses.
pub(crate) async fn voices_changed(ctx: Ctx, partner_id: Uuid) -> Result<()> {
    let partner = partner::Entity::find_by_id(partner_id).one(&ctx.read()).await?.ok_or_else(Error::not_found)?;
    let endorsed = endorsement::Entity::find()
        .filter(endorsement::Column::OrganizationId.eq(partner.organization_id))
        .filter(endorsement::Column::WithdrawnAt.is_null())
        .filter(endorsement::Column::ArchivedAt.is_null())
        .all(&ctx.read())
        .await?;
    for voice in endorsed {
        follow(&ctx, voice.need_id).await?;
    }
    Ok(())
}

/// Whether a solution was adopted for the need, and not given up since.
async fn solution_adopted(ctx: &Ctx, need_id: Uuid) -> Result<bool> {
    let adopted = [SolutionState::Adopted, SolutionState::Implementing, SolutionState::Delivered];
    let solutions = solution::Entity::find()
        .filter(solution::Column::Id.in_subquery(links::solutions(need_id)))
        .filter(solution::Column::State.is_in(adopted))
        .filter(solution::Column::ArchivedAt.is_null())
        .count(&ctx.read())
        .await?;
    Ok(solutions > 0)
}

/// The employers that decide whether a need is parked or resumed: those that endorse it or, while nobody does, the one that
/// voiced it.
pub(crate) async fn deciders(ctx: &Ctx, need: &need::Model) -> Result<Vec<Uuid>> {
    let voices: Vec<Uuid> = voices(ctx, need).await?.iter().map(|voice| voice.organization_id).collect();
    Ok(if voices.is_empty() { need.voiced_by_organization_id.into_iter().collect() } else { voices })
}

/// Causes that a topic sealed count for nothing, unless the whole need is sealed with them.
async fn causes_that_count(ctx: &Ctx, need: &need::Model) -> Result<Vec<cause::Model>> {
    let mut causes =
        cause::Entity::find().filter(cause::Column::NeedId.eq(need.id)).filter(cause::Column::ArchivedAt.is_null());
    if need.state != NeedState::Routed {
        causes = causes.filter(seal::open_to_all(cause::Column::Id));
    }
    Ok(causes.all(&ctx.read()).await?)
}

/// Counts for each live cause of a need the confirmations of employers that endorse it.
async fn count_confirmations(
    ctx: &Ctx,
    need: &need::Model,
    voices: &[endorsement::Model],
) -> Result<Vec<cause::Model>> {
    let causes = causes_that_count(ctx, need).await?;
    if causes.is_empty() {
        return Ok(causes);
    }
    let confirmations = cause_confirmation::Entity::find()
        .filter(cause_confirmation::Column::NeedId.eq(need.id))
        .filter(cause_confirmation::Column::WithdrawnAt.is_null())
        .filter(cause_confirmation::Column::ArchivedAt.is_null())
        .all(&ctx.read())
        .await?;
    let mut counts: HashMap<Uuid, usize> = HashMap::new();
    for row in confirmations {
        if voices.iter().any(|voice| voice.organization_id == row.organization_id) {
            *counts.entry(row.cause_id).or_default() += 1;
        }
    }
    let wanted = wanted(ctx, need.partnership_id, "root_confirm_min").await?;
    let mut counted = Vec::with_capacity(causes.len());
    for row in causes {
        let count = counts.get(&row.id).copied().unwrap_or_default();
        let state = cause_stage(row.state, count, wanted);
        let mut active = row.clone().into_active_model();
        active.confirmations = Set(number(count));
        active.state = Set(state);
        let happened = if state == row.state { "cause.updated".to_owned() } else { format!("cause.{}", state.word()) };
        counted.push(record::save(ctx, &row, active, &happened).await?);
    }
    Ok(counted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(voices: usize, confirmed_roots: usize) -> Course {
        Course { voices, voices_wanted: 3, confirmed_roots, solution_adopted: false }
    }

    fn adopted(voices: usize, confirmed_roots: usize) -> Course {
        Course { solution_adopted: true, ..at(voices, confirmed_roots) }
    }

    #[test]
    fn a_need_is_shared_when_enough_employers_endorse_it_and_no_longer_when_they_withdraw() {
        assert_eq!(stage(NeedState::Voiced, at(2, 0)), NeedState::Voiced);
        assert_eq!(stage(NeedState::Voiced, at(3, 0)), NeedState::Shared);
        assert_eq!(stage(NeedState::Shared, at(2, 0)), NeedState::Voiced);
        assert_eq!(stage(NeedState::RootCaused, at(2, 1)), NeedState::Voiced);
    }

    #[test]
    fn a_confirmed_root_takes_a_shared_need_on_and_losing_it_takes_it_back() {
        assert_eq!(stage(NeedState::Voiced, at(3, 1)), NeedState::RootCaused);
        assert_eq!(stage(NeedState::Shared, at(3, 1)), NeedState::RootCaused);
        assert_eq!(stage(NeedState::RootCaused, at(3, 0)), NeedState::Shared);
    }

    #[test]
    fn a_need_is_solved_while_it_is_shared_and_a_root_cause_of_it_is_confirmed() {
        assert_eq!(stage(NeedState::RootCaused, adopted(3, 1)), NeedState::Solving);
        assert_eq!(stage(NeedState::Solving, adopted(3, 0)), NeedState::Shared);
        assert_eq!(stage(NeedState::Solving, adopted(2, 1)), NeedState::Voiced);
        assert_eq!(stage(NeedState::Shared, adopted(3, 1)), NeedState::Solving);
    }

    #[test]
    fn what_is_drafted_parked_met_or_routed_is_not_moved_by_counting() {
        for state in [NeedState::Draft, NeedState::Parked, NeedState::Met, NeedState::Routed] {
            for course in [at(0, 0), at(3, 0), at(9, 2), adopted(9, 2)] {
                assert_eq!(stage(state, course), state);
            }
        }
    }

    #[test]
    fn importance_ranks_before_the_number_of_voices() {
        assert!(rank([5, 5].into_iter()) > rank([3, 3, 3].into_iter()));
        assert!(rank([3, 3].into_iter()) > rank([5].into_iter()));
        assert!(rank([2, 2, 2].into_iter()) > rank([3, 3].into_iter()));
        assert_eq!(rank([].into_iter()), 0);
    }

    #[test]
    fn a_cause_is_confirmed_by_as_many_as_policy_asks_and_never_untested() {
        assert_eq!(cause_stage(CauseState::Tested, 1, 2), CauseState::Tested);
        assert_eq!(cause_stage(CauseState::Tested, 2, 2), CauseState::Confirmed);
        assert_eq!(cause_stage(CauseState::Confirmed, 1, 2), CauseState::Tested);
        assert_eq!(cause_stage(CauseState::Proposed, 2, 2), CauseState::Proposed);
        assert_eq!(cause_stage(CauseState::Rejected, 2, 2), CauseState::Rejected);
    }
}
