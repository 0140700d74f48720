//! The direction of a partnership in a number, with what pulls it down (practices 1, 2 and 7). Everything is computed from
//! rows that the reader may see, so the score tells nothing of others. What it rests on is known to everybody at the table,
//! so everybody there reads the same score. A fixed number of statements, however many records there are.

use chrono::{Days, NaiveDate};
use roundtable_entity::{
    ActionItemState, InputState, NeedState, PlanStepState, PlanVersionState, action_item, action_team, goal, input,
    need, partnership, plan_step, plan_version, solution,
};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::Result;
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::record;
use roundtable_kernel::scope::Scoped;
use roundtable_kernel::standing::Standing;
use sea_orm::sea_query::ExprTrait;
use sea_orm::{ColumnTrait, Condition, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{action_teams, goals, solutions};

/// Within so many days a plan is reviewed.
pub(crate) const REVIEWED_WITHIN: u64 = 90;
/// Most records shown that pull one number down.
const SHOWN: u64 = 50;

/// Which partnership.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct DirectionQuestion {
    #[schema(ignore)]
    id: Uuid,
}

/// Whether a partnership has a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DirectionStatus {
    /// It has goals, and actions tied to them where there are actions.
    Set,
    /// It has no goal, or none of its actions is tied to one.
    Missing,
}

/// The direction of a partnership: the mean of four shares, each with the records that pull it down, computed from what you
/// may see.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Direction {
    /// The partnership.
    partnership_id: Uuid,
    /// The day it was worked out for.
    as_of: NaiveDate,
    /// Whether it has a direction at all.
    status: DirectionStatus,
    /// The mean of the components that are there, rounded down; absent while direction is missing or there are none.
    #[schema(minimum = 0, maximum = 100)]
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<i32>,
    /// Shared needs with a confirmed root cause; absent while no need is shared.
    #[serde(skip_serializing_if = "Option::is_none")]
    needs_with_root: Option<DirectionComponent>,
    /// Steps, pursued or done, that are tied to a living long-term goal; absent while there are no steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    steps_tied_to_goal: Option<DirectionComponent>,
    /// Whether the plan in force was reviewed within 90 days; absent while none is in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan_reviewed: Option<DirectionComponent>,
    /// Inputs answered by their day; absent while none was answered or due.
    #[serde(skip_serializing_if = "Option::is_none")]
    inputs_on_time: Option<DirectionComponent>,
    /// Actions tied to no living goal that leads to a long-term one.
    unconnected: UnconnectedActions,
}

/// One share that a score is the mean of.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DirectionComponent {
    /// The share in percent, rounded down.
    #[schema(minimum = 0, maximum = 100)]
    value: i32,
    /// How many records it is a share of.
    of: i32,
    /// How many of them count.
    reached: i32,
    /// Those that pull it down, the oldest first, at most 50.
    pulled_down_by: Vec<DirectionRecord>,
}

/// Actions tied to no goal. The lists of these collections take `unconnected=true`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UnconnectedActions {
    /// How many there are.
    count: i32,
    /// Open action items, pursued steps, action teams, and adopted solutions that no step carries out; the oldest of each
    /// kind first, at most 50 of each.
    records: Vec<DirectionRecord>,
}

/// A record that a score names.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DirectionRecord {
    /// Its id.
    id: Uuid,
    /// What it is, such as `PlanStep`.
    kind: String,
    /// What it says, in a line.
    label: String,
}

pub(crate) fn register(table: &mut Operations) {
    table.report::<DirectionQuestion, Direction, _, _>(
        Op::GetDirection,
        "partnerships",
        "partnerships/{id}/direction",
        direction,
    );
}

/// How many live rows of a partnership the reader may see, and the first of them.
struct Seen {
    count: u64,
    records: Vec<DirectionRecord>,
}

/// Live rows of a partnership that the reader may see.
pub(crate) struct Rows<'a> {
    pub(crate) ctx: &'a Ctx,
    pub(crate) partnership_id: Uuid,
}

impl Rows<'_> {
    pub(crate) fn select<R: Scoped>(&self, which: Condition) -> Option<sea_orm::Select<R::Entity>> {
        let permit = self.ctx.permit(R::GET).ok()?;
        let here = R::column("partnership_id")?.eq(self.partnership_id);
        let rows = R::select().filter(R::rows(&permit)).filter(here).filter(which);
        Some(rows.filter(R::column("archived_at")?.is_null()))
    }

    pub(crate) async fn count<R: Scoped>(&self, which: Condition) -> Result<u64> {
        match self.select::<R>(which) {
            Some(rows) => Ok(rows.count(&self.ctx.read()).await?),
            None => Ok(0),
        }
    }

    async fn seen<R: Scoped>(&self, which: Condition, label: fn(&R) -> &str) -> Result<Seen> {
        let count = self.count::<R>(which.clone()).await?;
        let (Some(rows), Some(id), true) = (self.select::<R>(which), R::column("id"), count > 0) else {
            return Ok(Seen { count, records: Vec::new() });
        };
        let rows: Vec<R> = rows.order_by_asc(id).limit(SHOWN).all(&self.ctx.read()).await?;
        let record = |row: &R| DirectionRecord { id: row.id(), kind: R::NAME.into(), label: line(label(row)) };
        Ok(Seen { count, records: rows.iter().map(record).collect() })
    }

    /// The share of `all` that is `reached`; the others are not `reached`.
    async fn share<R: Scoped>(
        &self,
        all: Condition,
        reached: Condition,
        label: fn(&R) -> &str,
    ) -> Result<Option<DirectionComponent>> {
        let whole = self.count::<R>(all.clone()).await?;
        let missed = self.seen::<R>(all.add(reached.not()), label).await?;
        Ok((whole > 0).then(|| component(whole, missed)))
    }
}

/// The beginning of a text, to name a record by.
pub(crate) fn line(text: &str) -> String {
    text.chars().take(200).collect()
}

pub(crate) fn number(count: u64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn component(whole: u64, missed: Seen) -> DirectionComponent {
    let reached = whole.saturating_sub(missed.count);
    DirectionComponent {
        value: number(reached.saturating_mul(100).checked_div(whole).unwrap_or_default()),
        of: number(whole),
        reached: number(reached),
        pulled_down_by: missed.records,
    }
}

/// Needs that employers share and that are not met yet.
fn shared() -> Condition {
    Condition::all().add(need::Column::State.is_in([NeedState::Shared, NeedState::RootCaused, NeedState::Solving]))
}

/// Steps that nobody declined or dropped.
fn pursued() -> Condition {
    Condition::all().add(plan_step::Column::State.is_not_in([PlanStepState::Declined, PlanStepState::Dropped]))
}

/// Stages in which an input waits for its answer.
pub(crate) const WAITING: [InputState; 3] = [InputState::New, InputState::Acknowledged, InputState::Parked];

/// Inputs that were answered, or should have been by now.
fn answer_due(today: NaiveDate) -> Condition {
    let answered = Condition::all()
        .add(input::Column::State.is_in([InputState::Answered, InputState::Closed]))
        .add(input::Column::AnsweredOn.is_not_null());
    let overdue = Condition::all().add(input::Column::State.is_in(WAITING)).add(input::Column::AnswerBy.lt(today));
    Condition::any().add(answered).add(overdue)
}

/// Inputs that were answered by their day.
fn answered_in_time() -> Condition {
    use sea_orm::sea_query::Expr;
    Condition::all().add(input::Column::State.is_in([InputState::Answered, InputState::Closed])).add(
        Expr::col((input::Entity, input::Column::AnsweredOn)).lte(Expr::col((input::Entity, input::Column::AnswerBy))),
    )
}

/// A plan in force that was reviewed lately enough.
pub(crate) fn reviewed(today: NaiveDate) -> Condition {
    let since = today.checked_sub_days(Days::new(REVIEWED_WITHIN)).unwrap_or(today);
    Condition::all().add(plan_version::Column::ReviewedOn.gte(since))
}

/// The plan in force.
pub(crate) fn in_force() -> Condition {
    Condition::all().add(plan_version::Column::State.eq(PlanVersionState::InForce))
}

async fn direction(ctx: Ctx, question: DirectionQuestion) -> Result<Direction> {
    let partnership = record::get::<partnership::Model>(&ctx, Op::GetDirection, question.id).await?;
    let (rows, today) = (Rows { ctx: &ctx, partnership_id: partnership.id }, ctx.today());
    let standing = ctx.standing()?;
    let tied = goals::connected(plan_step::Column::GoalId, standing);
    let rooted = Condition::all().add(need::Column::ConfirmedRoots.gt(0));
    let needs_with_root = rows.share::<need::Model>(shared(), rooted, |row| &row.title).await?;
    let steps_tied_to_goal = rows.share::<plan_step::Model>(pursued(), tied, |row| &row.title).await?;
    let plan_reviewed = rows.share::<plan_version::Model>(in_force(), reviewed(today), |row| &row.summary).await?;
    let inputs_on_time = rows
        .share::<input::Model>(answer_due(today), answered_in_time(), |row| row.subject.as_deref().unwrap_or(&row.text))
        .await?;
    let status = status(&rows).await?;
    let components = [&needs_with_root, &steps_tied_to_goal, &plan_reviewed, &inputs_on_time];
    let values: Vec<i32> = components.into_iter().flatten().map(|component| component.value).collect();
    Ok(Direction {
        partnership_id: partnership.id,
        as_of: today,
        status,
        score: if status == DirectionStatus::Set { mean(&values) } else { None },
        unconnected: unconnected(&rows).await?,
        needs_with_root,
        steps_tied_to_goal,
        plan_reviewed,
        inputs_on_time,
    })
}

fn mean(values: &[i32]) -> Option<i32> {
    let count = i32::try_from(values.len()).ok().filter(|count| *count > 0)?;
    Some(values.iter().sum::<i32>() / count)
}

/// Whether there are living goals that lead far, and a step or team tied to one where there are any. Action items do not
/// enter: not everybody at the table may know of each.
async fn status(rows: &Rows<'_>) -> Result<DirectionStatus> {
    // A system that may not read these cannot tell whether there is a direction.
    for op in [Op::ListGoals, Op::ListPlanSteps, Op::ListActionTeams] {
        rows.ctx.permit(op)?;
    }
    let standing = rows.ctx.standing()?;
    let has_goal = rows.count::<goal::Model>(goals::connected(goal::Column::Id, standing)).await? > 0;
    let live = || Condition::all().add(action_team::Column::State.is_in(action_teams::LIVE.iter().copied()));
    let actions = rows.count::<plan_step::Model>(pursued()).await? + rows.count::<action_team::Model>(live()).await?;
    let tied_steps = pursued().add(goals::connected(plan_step::Column::GoalId, standing));
    let tied_teams = live().add(goals::connected(action_team::Column::GoalId, standing));
    let tied = rows.count::<plan_step::Model>(tied_steps).await? + rows.count::<action_team::Model>(tied_teams).await?;
    let set = has_goal && (actions == 0 || tied > 0);
    Ok(if set { DirectionStatus::Set } else { DirectionStatus::Missing })
}

/// Open action items tied to no living long-term goal.
pub(crate) fn unconnected_items(standing: &Standing) -> Condition {
    Condition::all()
        .add(action_item::Column::State.is_in([ActionItemState::Open, ActionItemState::Accepted]))
        .add(goals::unconnected(action_item::Column::GoalId, standing))
}

/// Steps ahead or under way that are tied to none.
pub(crate) fn unconnected_steps(standing: &Standing) -> Condition {
    Condition::all()
        .add(plan_step::Column::State.is_in([PlanStepState::Planned, PlanStepState::Accepted, PlanStepState::Started]))
        .add(goals::unconnected(plan_step::Column::GoalId, standing))
}

/// Teams that are tied to none.
pub(crate) fn unconnected_teams(standing: &Standing) -> Condition {
    Condition::all()
        .add(action_team::Column::State.is_in(action_teams::LIVE.iter().copied()))
        .add(goals::unconnected(action_team::Column::GoalId, standing))
}

async fn unconnected(rows: &Rows<'_>) -> Result<UnconnectedActions> {
    let standing = rows.ctx.standing()?;
    let seen = [
        rows.seen::<action_item::Model>(unconnected_items(standing), |row| &row.title).await?,
        rows.seen::<plan_step::Model>(unconnected_steps(standing), |row| &row.title).await?,
        rows.seen::<action_team::Model>(unconnected_teams(standing), |row| &row.name).await?,
        rows.seen::<solution::Model>(solutions::unconnected(standing), |row| &row.title).await?,
    ];
    let count = number(seen.iter().map(|seen| seen.count).sum());
    Ok(UnconnectedActions { count, records: seen.into_iter().flat_map(|seen| seen.records).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_the_mean_of_what_is_there() {
        assert_eq!(mean(&[100, 50, 0]), Some(50));
        assert_eq!(mean(&[100, 67]), Some(83));
        assert_eq!(mean(&[]), None);
    }

    #[test]
    fn a_share_is_rounded_down() {
        let two_of_three = component(3, Seen { count: 1, records: Vec::new() });
        assert_eq!((two_of_three.value, two_of_three.of, two_of_three.reached), (66, 3, 2));
    }
}
