//! Who is covered, partner by partner (practices 57, 58 and 67).

use chrono::{Days, NaiveDate};
use roundtable_entity::{PartnerState, SeatRole, Timestamp, partner, seat};
use roundtable_kernel::access::Permit;
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::policy;
use roundtable_kernel::scope::Scoped;
use roundtable_kernel::standing::Role;
use sea_orm::sea_query::{Expr, Order, Query, SelectStatement};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, QueryResult};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::succession::HELD;

/// A point person expected to leave within so many days puts the partner at risk.
const LEAVING_WITHIN: u64 = 60;

/// Whose coverage is asked for.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CoverageQuestion {
    /// The partnership; the one acted at unless said otherwise.
    partnership_id: Option<Uuid>,
}

/// How well a partner is represented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CoverageStatus {
    /// A point person and an alternate.
    Covered,
    /// A point person, but nobody to take over.
    NoAlternate,
    /// The point person is expected to leave soon, or has not been confirmed for longer than policy allows.
    AtRisk,
    /// No point person.
    Uncovered,
}

/// How well one partner is represented.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PartnerCoverage {
    /// The partner.
    partner_id: Uuid,
    /// Its organisation.
    organization_id: Uuid,
    /// Name of the organisation.
    name: String,
    /// How well it is represented.
    status: CoverageStatus,
    /// Seat of the point person.
    #[serde(skip_serializing_if = "Option::is_none")]
    point_person_seat_id: Option<Uuid>,
    /// Name of the point person.
    #[serde(skip_serializing_if = "Option::is_none")]
    point_person_name: Option<String>,
    /// The day the point person is expected to leave.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_end_on: Option<NaiveDate>,
    /// When the point person was last confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed_on: Option<NaiveDate>,
    /// How many alternates it has.
    #[schema(minimum = 0)]
    alternates: i32,
}

/// Who is covered: point person and alternate, for every partner that is active or dormant (practices 57, 58 and 67).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Coverage {
    /// The partnership.
    partnership_id: Uuid,
    /// The day it was worked out for.
    as_of: NaiveDate,
    /// Share of partners that are covered, in percent, rounded down; absent while there are no partners.
    #[schema(minimum = 0, maximum = 100)]
    #[serde(skip_serializing_if = "Option::is_none")]
    percent_covered: Option<i32>,
    /// Partners that are covered.
    covered: i32,
    /// Partners without an alternate.
    no_alternate: i32,
    /// Partners at risk.
    at_risk: i32,
    /// Partners without a point person.
    uncovered: i32,
    /// Every partner, by name.
    partners: Vec<PartnerCoverage>,
}

pub(super) fn register(table: &mut Operations) {
    table.report::<CoverageQuestion, Coverage, _, _>(Op::GetCoverage, "seats", "coverage", get_coverage);
}

async fn get_coverage(ctx: Ctx, question: CoverageQuestion) -> Result<Coverage> {
    let permit = match question.partnership_id {
        Some(asked) => ctx.permit_at(Op::GetCoverage, asked)?,
        None => ctx.permit(Op::GetCoverage)?,
    };
    let partnership_id = match (question.partnership_id, permit.standing.role) {
        (Some(asked), _) => asked,
        (None, Role::Operator) => {
            return Err(Error::member("/partnershipId", "required", "say which partnership"));
        }
        (None, _) => permit.standing.partnership_id,
    };
    let (today, confirm_days) = (ctx.today(), confirm_days(&ctx, partnership_id).await?);
    let partners = represented(&ctx, &permit, partnership_id).await?;
    let partners = partners.into_iter().map(|partner| partner.covered(today, confirm_days)).collect();
    Ok(summed(partnership_id, today, partners))
}

/// A partner without a point person, or with one at risk.
#[derive(Clone, Debug)]
pub struct CoverageGap {
    /// The partner.
    pub partner_id: Uuid,
    /// Name of its organisation.
    pub name: String,
    /// Whether it has no point person at all.
    pub uncovered: bool,
    /// The day it joined.
    pub since: NaiveDate,
    /// The day its point person was to be confirmed again or is expected to leave, whichever is first.
    pub due_on: Option<NaiveDate>,
}

/// The partners of a partnership that are uncovered or at risk, as far as the caller may know.
pub async fn coverage_gaps(ctx: &Ctx, partnership_id: Uuid) -> Result<Vec<CoverageGap>> {
    let permit = ctx.permit_at(Op::GetCoverage, partnership_id)?;
    let (today, confirm_days) = (ctx.today(), confirm_days(ctx, partnership_id).await?);
    let partners = represented(ctx, &permit, partnership_id).await?;
    Ok(partners.into_iter().filter_map(|partner| partner.gap(today, confirm_days)).collect())
}

async fn confirm_days(ctx: &Ctx, partnership_id: Uuid) -> Result<u64> {
    Ok(policy::value(ctx, partnership_id, "seat_confirm_days").await? as u64)
}

/// Every partner at the table with its seats, by name.
async fn represented(ctx: &Ctx, permit: &Permit, partnership_id: Uuid) -> Result<Vec<Represented>> {
    let mut partners: Vec<Represented> = Vec::new();
    for row in ctx.read().query_all(&seats_by_partner(permit, partnership_id)).await? {
        let (partner, seat) = (Represented::read(&row)?, Held::read(&row)?);
        if partners.last().is_none_or(|last| last.partner_id != partner.partner_id) {
            partners.push(partner);
        }
        if let Some(last) = partners.last_mut() {
            last.seats.extend(seat);
        }
    }
    Ok(partners)
}

/// One row a held seat, and one for a partner that has none, as far as the caller may know.
fn seats_by_partner(permit: &Permit, partnership_id: Uuid) -> SelectStatement {
    use sea_orm::ExprTrait;
    let its_seats = Condition::all()
        .add(Expr::col((seat::Entity, seat::Column::PartnerId)).eq(Expr::col((partner::Entity, partner::Column::Id))))
        .add(seat::Column::State.is_in(HELD.iter().copied()))
        .add(seat::Column::Role.is_in([SeatRole::PointPerson, SeatRole::Alternate]))
        .add(seat::Column::ArchivedAt.is_null())
        .add(seat::Model::rows(permit));
    let at_the_table = partner::Model::rows(permit)
        .add(partner::Column::PartnershipId.eq(partnership_id))
        .add(partner::Column::State.is_in([PartnerState::Active, PartnerState::Dormant]))
        .add(partner::Column::ArchivedAt.is_null());
    let of_partner = |column: partner::Column| Expr::col((partner::Entity, column));
    let of_seat = |column: seat::Column| Expr::col((seat::Entity, column));
    Query::select()
        .expr_as(of_partner(partner::Column::Id), "partner_id")
        .expr_as(of_partner(partner::Column::OrganizationId), "organization_id")
        .expr_as(of_partner(partner::Column::Name), "name")
        .expr_as(of_partner(partner::Column::JoinedOn), "joined_on")
        .expr_as(of_partner(partner::Column::CreatedAt), "created_at")
        .expr_as(of_seat(seat::Column::Id), "seat_id")
        .expr_as(of_seat(seat::Column::PersonName), "person_name")
        .expr_as(of_seat(seat::Column::Role), "role")
        .expr_as(of_seat(seat::Column::StartsOn), "starts_on")
        .expr_as(of_seat(seat::Column::ConfirmedOn), "confirmed_on")
        .expr_as(of_seat(seat::Column::ExpectedEndOn), "expected_end_on")
        .from(partner::Entity)
        .left_join(seat::Entity, its_seats)
        .cond_where(at_the_table)
        .order_by((partner::Entity, partner::Column::NameKey), Order::Asc)
        .order_by((partner::Entity, partner::Column::Id), Order::Asc)
        .order_by((seat::Entity, seat::Column::Id), Order::Asc)
        .to_owned()
}

/// A partner and the seats it holds.
struct Represented {
    partner_id: Uuid,
    organization_id: Uuid,
    name: String,
    joined_on: NaiveDate,
    seats: Vec<Held>,
}

/// A seat as far as coverage goes.
#[derive(Clone, Debug)]
struct Held {
    id: Uuid,
    person_name: String,
    role: SeatRole,
    starts_on: Option<NaiveDate>,
    confirmed_on: Option<NaiveDate>,
    expected_end_on: Option<NaiveDate>,
}

impl Held {
    fn read(row: &QueryResult) -> Result<Option<Self>> {
        let Some(id) = row.try_get("", "seat_id")? else {
            return Ok(None);
        };
        Ok(Some(Self {
            id,
            person_name: row.try_get("", "person_name")?,
            role: row.try_get("", "role")?,
            starts_on: row.try_get("", "starts_on")?,
            confirmed_on: row.try_get("", "confirmed_on")?,
            expected_end_on: row.try_get("", "expected_end_on")?,
        }))
    }

    /// The day by which it is to be confirmed again; none while it never was and has no first day.
    fn confirm_by(&self, confirm_days: u64) -> Option<NaiveDate> {
        let confirmed = self.confirmed_on.max(self.starts_on);
        confirmed.and_then(|day| day.checked_add_days(Days::new(confirm_days)))
    }

    /// Expected to leave soon, or not confirmed for too long.
    fn is_at_risk(&self, today: NaiveDate, confirm_days: u64) -> bool {
        let soon = today + Days::new(LEAVING_WITHIN);
        self.expected_end_on.is_some_and(|day| day <= soon)
            || self.confirm_by(confirm_days).is_none_or(|due| due < today)
    }
}

impl Represented {
    fn read(row: &QueryResult) -> Result<Self> {
        let (joined, created): (Option<NaiveDate>, Timestamp) =
            (row.try_get("", "joined_on")?, row.try_get("", "created_at")?);
        Ok(Self {
            partner_id: row.try_get("", "partner_id")?,
            organization_id: row.try_get("", "organization_id")?,
            name: row.try_get("", "name")?,
            joined_on: joined.unwrap_or_else(|| created.date_naive()),
            seats: Vec::new(),
        })
    }

    fn gap(self, today: NaiveDate, confirm_days: u64) -> Option<CoverageGap> {
        let (since, seats) = (self.joined_on, self.seats.clone());
        let covered = self.covered(today, confirm_days);
        let uncovered = covered.status == CoverageStatus::Uncovered;
        let point = seats.iter().find(|seat| Some(seat.id) == covered.point_person_seat_id);
        let due = point.map(|seat| [seat.confirm_by(confirm_days), seat.expected_end_on]);
        (uncovered || covered.status == CoverageStatus::AtRisk).then(|| CoverageGap {
            partner_id: covered.partner_id,
            name: covered.name,
            uncovered,
            since,
            due_on: due.into_iter().flatten().flatten().min(),
        })
    }

    fn covered(self, today: NaiveDate, confirm_days: u64) -> PartnerCoverage {
        let is = |role| move |seat: &&Held| seat.role == role;
        let alternates = self.seats.iter().filter(is(SeatRole::Alternate)).count();
        let point = self.seats.iter().find(is(SeatRole::PointPerson)).cloned();
        let status = match &point {
            None => CoverageStatus::Uncovered,
            Some(seat) if seat.is_at_risk(today, confirm_days) => CoverageStatus::AtRisk,
            Some(_) if alternates == 0 => CoverageStatus::NoAlternate,
            Some(_) => CoverageStatus::Covered,
        };
        PartnerCoverage {
            partner_id: self.partner_id,
            organization_id: self.organization_id,
            name: self.name,
            status,
            point_person_seat_id: point.as_ref().map(|seat| seat.id),
            expected_end_on: point.as_ref().and_then(|seat| seat.expected_end_on),
            confirmed_on: point.as_ref().and_then(|seat| seat.confirmed_on),
            point_person_name: point.map(|seat| seat.person_name),
            alternates: number(alternates),
        }
    }
}

fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn summed(partnership_id: Uuid, as_of: NaiveDate, partners: Vec<PartnerCoverage>) -> Coverage {
    let of = |status| number(partners.iter().filter(|partner| partner.status == status).count());
    let covered = of(CoverageStatus::Covered);
    let share = |all: i32| i64::from(covered) * 100 / i64::from(all);
    let all = number(partners.len());
    Coverage {
        partnership_id,
        as_of,
        percent_covered: (all > 0).then(|| share(all)).and_then(|share| i32::try_from(share).ok()),
        covered,
        no_alternate: of(CoverageStatus::NoAlternate),
        at_risk: of(CoverageStatus::AtRisk),
        uncovered: of(CoverageStatus::Uncovered),
        partners,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Option<NaiveDate> {
        text.parse().ok()
    }

    fn held(role: SeatRole, confirmed: &str, leaves: &str) -> Held {
        Held {
            id: Uuid::nil(),
            person_name: "Person".into(),
            role,
            starts_on: day("2025-01-01"),
            confirmed_on: day(confirmed),
            expected_end_on: day(leaves),
        }
    }

    fn covered(seats: Vec<Held>) -> PartnerCoverage {
        represented(seats).covered(day("2026-06-01").unwrap_or_default(), 90)
    }

    fn represented(seats: Vec<Held>) -> Represented {
        let joined_on = day("2025-01-01").unwrap_or_default();
        Represented { partner_id: Uuid::nil(), organization_id: Uuid::nil(), name: "Firm".into(), joined_on, seats }
    }

    use SeatRole::{Alternate, PointPerson};

    #[test]
    fn a_partner_needs_a_point_person_and_an_alternate() {
        let point = held(PointPerson, "2026-05-01", "");
        let alternate = held(Alternate, "", "");
        assert_eq!(covered(vec![]).status, CoverageStatus::Uncovered);
        assert_eq!(covered(vec![alternate.clone()]).status, CoverageStatus::Uncovered);
        assert_eq!(covered(vec![point.clone()]).status, CoverageStatus::NoAlternate);
        assert_eq!(covered(vec![point, alternate]).status, CoverageStatus::Covered);
    }

    #[test]
    fn a_point_person_who_leaves_or_was_long_not_confirmed_is_a_risk() {
        let status =
            |confirmed, leaves| covered(vec![held(PointPerson, confirmed, leaves), held(Alternate, "", "")]).status;
        assert_eq!(status("2026-05-01", "2026-07-31"), CoverageStatus::AtRisk);
        assert_eq!(status("2026-05-01", "2026-08-01"), CoverageStatus::Covered);
        assert_eq!(status("2026-03-03", ""), CoverageStatus::Covered);
        assert_eq!(status("2026-03-02", ""), CoverageStatus::AtRisk);
        assert_eq!(status("", ""), CoverageStatus::AtRisk);
    }

    #[test]
    fn a_gap_is_due_when_the_point_person_was_to_be_confirmed_or_leaves_whichever_is_first() {
        let due = |confirmed, leaves| {
            let partner = represented(vec![held(PointPerson, confirmed, leaves)]);
            partner.gap(day("2026-06-01").unwrap_or_default(), 90).map(|gap| gap.due_on)
        };
        assert_eq!(due("2026-05-01", ""), None);
        assert_eq!(due("2026-03-02", ""), Some(day("2026-05-31")));
        assert_eq!(due("2026-05-01", "2026-07-01"), Some(day("2026-07-01")));
        assert_eq!(due("2026-03-02", "2026-07-01"), Some(day("2026-05-31")));
    }

    #[test]
    fn the_share_is_of_all_partners() {
        let full = covered(vec![held(PointPerson, "2026-05-01", ""), held(Alternate, "", "")]);
        let none = covered(vec![]);
        let today = day("2026-06-01").unwrap_or_default();
        let third = summed(Uuid::nil(), today, vec![full, none.clone(), none]);
        assert_eq!((third.percent_covered, third.uncovered), (Some(33), 2));
        assert_eq!(summed(Uuid::nil(), today, vec![]).percent_covered, None);
    }
}
