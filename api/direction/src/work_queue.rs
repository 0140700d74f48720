//! What facilitation is owed at a partnership: the intermediary's work queue (practice 25). Managing is more than meetings
//! held. A fixed number of statements, however many records there are.

use std::collections::HashMap;

use chrono::{Days, NaiveDate};
use roundtable_entity::{
    CauseState, Confirmation, InputKind, NeedState, OfferState, Timestamp, action_item, action_team, cause,
    employer_statement, handover, input, need, offer, partner, partnership, plan_step, plan_version, second_look,
    solution,
};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::record;
use roundtable_kernel::scope::Scoped;
use roundtable_people::{CoverageGap, coverage_gaps, overdue_handovers};
use sea_orm::sea_query::{Query, SelectStatement};
use sea_orm::{ColumnTrait, Condition, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::score::{self, Rows};
use crate::{plan_versions, second_looks, solutions};

/// Most debts shown of one kind.
const SHOWN: usize = 50;

/// Which partnership.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct WorkQueueQuestion {
    #[schema(ignore)]
    id: Uuid,
}

/// What is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FacilitationDebtKind {
    /// A voiced or shared need for which nobody named a cause that stands.
    NeedWithoutCause,
    /// A voiced or shared need with causes, none of them a confirmed root.
    NeedWithoutRootCause,
    /// An input, idea, question or claim that waits for its answer.
    InputUnanswered,
    /// A doubt that waits for its answer.
    DoubtUnanswered,
    /// A second look whose day to look again has come.
    SecondLookDue,
    /// A second look whose owner has not replied by its day.
    OwnerReplyOverdue,
    /// An offer that nobody has explored.
    OfferUnexplored,
    /// A solution that looks for its problem.
    SolutionSeekingProblem,
    /// A statement that its employer has neither confirmed, corrected nor rejected.
    StatementUnconfirmed,
    /// A partner without a point person.
    PartnerUncovered,
    /// A partner whose point person leaves soon or was long not confirmed.
    PartnerAtRisk,
    /// The plan in force, of which no step started by its day.
    PlanNotStarted,
    /// The plan in force, not reviewed for 90 days.
    PlanUnreviewed,
    /// An open action item, pursued step, action team or adopted solution tied to no living long-term goal.
    ActionUnconnected,
    /// A handover that is not over although its day went by.
    HandoverOverdue,
}

/// Something that facilitation is owed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FacilitationDebt {
    /// What is owed.
    kind: FacilitationDebtKind,
    /// What the record is, such as `Need`.
    record_type: String,
    /// Id of the record.
    id: Uuid,
    /// What it says or whose it is, in a line.
    title: String,
    /// The day the record was made; for a partner the day it joined.
    since: NaiveDate,
    /// The day by which it is due; absent where none is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_on: Option<NaiveDate>,
    /// How many days it is overdue; absent while it is not.
    #[schema(minimum = 1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    overdue_days: Option<i32>,
}

impl FacilitationDebt {
    /// The most overdue first, then by the day it is due or has waited from.
    fn place(&self) -> (bool, NaiveDate, Uuid) {
        (self.overdue_days.is_none(), self.due_on.unwrap_or(self.since), self.id)
    }
}

/// How much is owed of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FacilitationDebtTotal {
    /// What is owed.
    kind: FacilitationDebtKind,
    /// How many there are, shown or not.
    #[schema(minimum = 0)]
    count: i32,
}

/// What facilitation is owed at a partnership, computed from what you may see.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WorkQueue {
    /// The partnership.
    partnership_id: Uuid,
    /// The day it was worked out for.
    as_of: NaiveDate,
    /// How many debts there are of all kinds, shown or not.
    #[schema(minimum = 0)]
    count: i32,
    /// How many there are of each kind, with those of which there are none.
    totals: Vec<FacilitationDebtTotal>,
    /// The debts: the most overdue first, then by the day they are due or have waited from. At most 50 of each kind.
    debts: Vec<FacilitationDebt>,
}

pub(crate) fn register(table: &mut Operations) {
    table.report::<WorkQueueQuestion, WorkQueue, _, _>(
        Op::GetPartnershipWorkQueue,
        "partnerships",
        "partnerships/{id}/work-queue",
        work_queue,
    );
}

/// What a record says of itself as a debt.
struct Owed {
    title: String,
    since: NaiveDate,
    due_on: Option<NaiveDate>,
}

fn owed(title: &str, made: Timestamp, due_on: Option<NaiveDate>) -> Owed {
    Owed { title: score::line(title), since: made.date_naive(), due_on }
}

/// The debts found so far.
struct Queue<'a> {
    rows: Rows<'a>,
    today: NaiveDate,
    totals: Vec<FacilitationDebtTotal>,
    debts: Vec<FacilitationDebt>,
}

impl Queue<'_> {
    fn debt<R: Scoped>(&self, kind: FacilitationDebtKind, id: Uuid, owed: Owed) -> FacilitationDebt {
        FacilitationDebt {
            kind,
            record_type: R::NAME.into(),
            id,
            title: owed.title,
            since: owed.since,
            due_on: owed.due_on,
            overdue_days: owed.due_on.and_then(|due| overdue(due, self.today)),
        }
    }

    /// Adds the debts of one kind, of which there are `count`.
    fn add(&mut self, kind: FacilitationDebtKind, count: u64, mut debts: Vec<FacilitationDebt>) {
        debts.sort_by_key(FacilitationDebt::place);
        debts.truncate(SHOWN);
        self.totals.push(FacilitationDebtTotal { kind, count: score::number(count) });
        self.debts.extend(debts);
    }

    /// How many live rows there are, and the first of them.
    async fn first<R: Scoped>(&self, which: Condition, order: &str) -> Result<(u64, Vec<R>)> {
        // A queue with holes would look like one that is worked off.
        self.rows.ctx.permit(R::GET)?;
        let (Some(rows), Some(order), Some(id)) =
            (self.rows.select::<R>(which.clone()), R::column(order), R::column("id"))
        else {
            return Err(Error::internal(format!("{} has no {order}", R::NAME)));
        };
        let limit = u64::try_from(SHOWN).unwrap_or(u64::MAX);
        let first: Vec<R> = rows.order_by_asc(order).order_by_asc(id).limit(limit).all(&self.rows.ctx.read()).await?;
        let count = match first.len() {
            SHOWN => self.rows.count::<R>(which).await?,
            fewer => u64::try_from(fewer).unwrap_or(u64::MAX),
        };
        Ok((count, first))
    }

    async fn found<R: Scoped>(
        &self,
        kind: FacilitationDebtKind,
        which: Condition,
        order: &str,
        says: fn(&R) -> Owed,
    ) -> Result<(u64, Vec<FacilitationDebt>)> {
        let (count, rows) = self.first::<R>(which, order).await?;
        Ok((count, rows.iter().map(|row| self.debt::<R>(kind, row.id(), says(row))).collect()))
    }

    async fn owe<R: Scoped>(
        &mut self,
        kind: FacilitationDebtKind,
        which: Condition,
        order: &str,
        says: fn(&R) -> Owed,
    ) -> Result<()> {
        let (count, debts) = self.found(kind, which, order, says).await?;
        self.add(kind, count, debts);
        Ok(())
    }

    async fn needs(&mut self) -> Result<()> {
        let caused = caused(self.rows.ctx)?;
        let open = || Condition::all().add(need::Column::State.is_in([NeedState::Voiced, NeedState::Shared]));
        let bare = open().add(need::Column::Id.not_in_subquery(caused.clone()));
        let shallow = open().add(need::Column::Id.in_subquery(caused)).add(need::Column::ConfirmedRoots.eq(0));
        let says = |row: &need::Model| owed(&row.title, row.created_at, None);
        self.owe(FacilitationDebtKind::NeedWithoutCause, bare, "created_at", says).await?;
        self.owe(FacilitationDebtKind::NeedWithoutRootCause, shallow, "created_at", says).await
    }

    async fn inputs(&mut self) -> Result<()> {
        let waiting = || Condition::all().add(input::Column::State.is_in(score::WAITING));
        let others = waiting().add(input::Column::Kind.ne(InputKind::Doubt));
        let doubts = waiting().add(input::Column::Kind.eq(InputKind::Doubt));
        let says =
            |row: &input::Model| owed(row.subject.as_deref().unwrap_or(&row.text), row.created_at, Some(row.answer_by));
        self.owe(FacilitationDebtKind::InputUnanswered, others, "answer_by", says).await?;
        self.owe(FacilitationDebtKind::DoubtUnanswered, doubts, "answer_by", says).await
    }

    async fn second_looks(&mut self) -> Result<()> {
        let due = Condition::all().add(second_look::Column::ReviewOn.lte(self.today));
        let silent = Condition::all()
            .add(second_look::Column::State.is_in(second_looks::OPEN.iter().copied()))
            .add(second_look::Column::OwnerOrganizationId.is_not_null())
            .add(second_look::Column::OwnerReply.is_null())
            .add(second_look::Column::OwnerReplyDueOn.lt(self.today));
        let reviewed = |row: &second_look::Model| owed(&row.subject, row.created_at, row.review_on);
        let replied = |row: &second_look::Model| owed(&row.subject, row.created_at, row.owner_reply_due_on);
        self.owe(FacilitationDebtKind::SecondLookDue, due, "review_on", reviewed).await?;
        self.owe(FacilitationDebtKind::OwnerReplyOverdue, silent, "owner_reply_due_on", replied).await
    }

    async fn offers_and_solutions(&mut self) -> Result<()> {
        let made = Condition::all().add(offer::Column::State.eq(OfferState::Made));
        let seeking = Condition::all()
            .add(solution::Column::State.is_in(solutions::OPEN.iter().copied()))
            .add(solution::Column::SeekingProblem.eq(true));
        let offered = |row: &offer::Model| owed(&row.text, row.created_at, None);
        self.owe(FacilitationDebtKind::OfferUnexplored, made, "created_at", offered).await?;
        let proposed = |row: &solution::Model| owed(&row.title, row.created_at, None);
        self.owe(FacilitationDebtKind::SolutionSeekingProblem, seeking, "created_at", proposed).await
    }

    async fn statements(&mut self) -> Result<()> {
        let pending = Condition::all().add(employer_statement::Column::Confirmation.eq(Confirmation::Pending));
        let says = |row: &employer_statement::Model| owed(&row.text, row.created_at, None);
        self.owe(FacilitationDebtKind::StatementUnconfirmed, pending, "created_at", says).await
    }

    async fn coverage(&mut self) -> Result<()> {
        let gaps = coverage_gaps(self.rows.ctx, self.rows.partnership_id).await?;
        for (kind, uncovered) in
            [(FacilitationDebtKind::PartnerUncovered, true), (FacilitationDebtKind::PartnerAtRisk, false)]
        {
            let says = |gap: &CoverageGap| {
                let owed = Owed { title: score::line(&gap.name), since: gap.since, due_on: gap.due_on };
                self.debt::<partner::Model>(kind, gap.partner_id, owed)
            };
            let debts: Vec<FacilitationDebt> = gaps.iter().filter(|gap| gap.uncovered == uncovered).map(says).collect();
            self.add(kind, u64::try_from(debts.len()).unwrap_or(u64::MAX), debts);
        }
        Ok(())
    }

    async fn plan(&mut self) -> Result<()> {
        let late = plan_versions::late_to_start(self.today);
        let stale = score::in_force().add(score::reviewed(self.today).not());
        let started = |row: &plan_version::Model| owed(&row.summary, row.created_at, row.first_step_due_on);
        let reviewed = |row: &plan_version::Model| {
            let due = row.reviewed_on.and_then(|day| day.checked_add_days(Days::new(score::REVIEWED_WITHIN)));
            owed(&row.summary, row.created_at, due)
        };
        self.owe(FacilitationDebtKind::PlanNotStarted, late, "first_step_due_on", started).await?;
        self.owe(FacilitationDebtKind::PlanUnreviewed, stale, "reviewed_on", reviewed).await
    }

    async fn unconnected(&mut self) -> Result<()> {
        let standing = self.rows.ctx.standing()?;
        let kind = FacilitationDebtKind::ActionUnconnected;
        let item = |row: &action_item::Model| owed(&row.title, row.created_at, None);
        let step = |row: &plan_step::Model| owed(&row.title, row.created_at, None);
        let solution = |row: &solution::Model| owed(&row.title, row.created_at, None);
        let team = |row: &action_team::Model| owed(&row.name, row.created_at, None);
        let found = [
            self.found(kind, score::unconnected_items(standing), "created_at", item).await?,
            self.found(kind, score::unconnected_steps(standing), "created_at", step).await?,
            self.found(kind, score::unconnected_teams(standing), "created_at", team).await?,
            self.found(kind, solutions::unconnected(standing), "created_at", solution).await?,
        ];
        let count = found.iter().map(|(count, _)| count).sum();
        self.add(kind, count, found.into_iter().flat_map(|(_, debts)| debts).collect());
        Ok(())
    }

    async fn handovers(&mut self) -> Result<()> {
        let kind = FacilitationDebtKind::HandoverOverdue;
        let overdue = overdue_handovers(self.today);
        let (count, rows) = self.first::<handover::Model>(overdue, "due_on").await?;
        let whose = Condition::all().add(partner::Column::Id.is_in(rows.iter().map(|row| row.partner_id)));
        let (_, partners) = self.first::<partner::Model>(whose, "id").await?;
        let names: HashMap<Uuid, String> = partners.into_iter().map(|partner| (partner.id, partner.name)).collect();
        let says = |row: &handover::Model| {
            let name = names.get(&row.partner_id).map_or("", String::as_str);
            self.debt::<handover::Model>(kind, row.id, owed(name, row.created_at, row.due_on))
        };
        let debts = rows.iter().map(says).collect();
        self.add(kind, count, debts);
        Ok(())
    }
}

/// How many days after its day it is, if it is.
fn overdue(due: NaiveDate, today: NaiveDate) -> Option<i32> {
    i32::try_from((today - due).num_days()).ok().filter(|days| *days > 0)
}

/// Needs with a cause that nobody rejected, as far as the reader may know of causes.
fn caused(ctx: &Ctx) -> Result<SelectStatement> {
    Ok(Query::select()
        .column(cause::Column::NeedId)
        .from(cause::Entity)
        .cond_where(cause::Model::rows(&ctx.permit(Op::ListCauses)?))
        .and_where(cause::Column::State.ne(CauseState::Rejected))
        .and_where(cause::Column::ArchivedAt.is_null())
        .to_owned())
}

async fn work_queue(ctx: Ctx, question: WorkQueueQuestion) -> Result<WorkQueue> {
    let partnership = record::get::<partnership::Model>(&ctx, Op::GetPartnershipWorkQueue, question.id).await?;
    let (partnership_id, today) = (partnership.id, ctx.today());
    let rows = Rows { ctx: &ctx, partnership_id };
    let mut queue = Queue { rows, today, totals: Vec::new(), debts: Vec::new() };
    queue.needs().await?;
    queue.inputs().await?;
    queue.second_looks().await?;
    queue.offers_and_solutions().await?;
    queue.statements().await?;
    queue.coverage().await?;
    queue.plan().await?;
    queue.unconnected().await?;
    queue.handovers().await?;
    queue.debts.sort_by_key(FacilitationDebt::place);
    Ok(WorkQueue {
        partnership_id,
        as_of: today,
        count: queue.totals.iter().map(|total| total.count).fold(0, i32::saturating_add),
        totals: queue.totals,
        debts: queue.debts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap_or_default()
    }

    fn debt(id: u128, since: &str, due_on: Option<&str>) -> FacilitationDebt {
        let due_on = due_on.map(day);
        FacilitationDebt {
            kind: FacilitationDebtKind::InputUnanswered,
            record_type: "Input".into(),
            id: Uuid::from_u128(id),
            title: String::new(),
            since: day(since),
            due_on,
            overdue_days: due_on.and_then(|due| overdue(due, day("2026-06-10"))),
        }
    }

    #[test]
    fn what_is_due_today_is_not_overdue() {
        assert_eq!(overdue(day("2026-06-10"), day("2026-06-10")), None);
        assert_eq!(overdue(day("2026-06-09"), day("2026-06-10")), Some(1));
        assert_eq!(overdue(day("2026-06-11"), day("2026-06-10")), None);
    }

    #[test]
    fn the_most_overdue_is_first_and_what_has_no_day_waits_by_its_age() {
        let mut debts = [
            debt(1, "2026-01-01", None),
            debt(2, "2026-06-01", Some("2026-06-09")),
            debt(3, "2026-06-01", Some("2026-06-20")),
            debt(4, "2026-05-01", Some("2026-05-20")),
            debt(5, "2026-05-30", None),
        ];
        debts.sort_by_key(FacilitationDebt::place);
        assert_eq!(debts.map(|debt| debt.id.as_u128()), [4, 2, 1, 5, 3]);
    }
}
