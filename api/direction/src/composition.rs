//! Who sits at the table, side by side, and which sides are missing (practices 10, 14 and 63).

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use roundtable_entity::{
    MeetingState, OrganizationKind, PartnerState, Side, Unionized, attendance, meeting, partner, partnership,
    plan_version,
};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::Result;
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::record;
use roundtable_kernel::scope::Scoped;
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::score;

/// Meetings of so many days are looked at.
const MEETINGS_OF_DAYS: u64 = 180;

/// Which partnership.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct CompositionQuestion {
    #[schema(ignore)]
    id: Uuid,
}

/// Who sits at the table, side by side, and which sides are missing.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Composition {
    /// The partnership.
    partnership_id: Uuid,
    /// The day it was worked out for.
    as_of: NaiveDate,
    /// Every side, with who sits on it.
    sides: Vec<SideComposition>,
    /// What is missing.
    gaps: Vec<CompositionGap>,
    /// Whether more employers than public partners came to the meetings of the last 180 days that you may know of; absent
    /// while none was held.
    #[serde(skip_serializing_if = "Option::is_none")]
    employers_outnumber_public_partners_at_meetings: Option<bool>,
    /// Whether a plan is in force that was reviewed within 90 days; absent while none is in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan_is_current: Option<bool>,
}

/// The partners of one side of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SideComposition {
    /// The side.
    side: Side,
    /// Active partners.
    active: i32,
    /// Dormant partners.
    dormant: i32,
    /// The same by kind of organisation, for kinds that are there.
    kinds: Vec<KindComposition>,
}

/// The partners of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KindComposition {
    /// The kind of organisation.
    kind: OrganizationKind,
    /// Active partners.
    active: i32,
    /// Dormant partners.
    dormant: i32,
}

/// Something missing at the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CompositionGap {
    /// What is missing.
    kind: GapKind,
    /// The side it is missing on.
    side: Side,
}

/// What can be missing at the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GapKind {
    /// No active partner sits on this side.
    SideEmpty,
    /// No labor partner is active, and the industry is unionised here.
    LaborSeatEmpty,
    /// Active public partners outnumber active employers.
    EmployersOutnumbered,
}

pub(crate) fn register(table: &mut Operations) {
    table.report::<CompositionQuestion, Composition, _, _>(
        Op::GetComposition,
        "partnerships",
        "partnerships/{id}/composition",
        composition,
    );
}

/// The sides of a table, in the order they are shown.
const SIDES: [Side; 6] =
    [Side::Employer, Side::Labor, Side::Education, Side::Public, Side::EconomicDevelopment, Side::Other];

/// Publicly funded sides: education, the workforce system and economic development.
fn is_public(side: Side) -> bool {
    matches!(side, Side::Education | Side::Public | Side::EconomicDevelopment)
}

async fn composition(ctx: Ctx, question: CompositionQuestion) -> Result<Composition> {
    let partnership = record::get::<partnership::Model>(&ctx, Op::GetComposition, question.id).await?;
    let sides = sides(&kinds(&ctx, partnership.id).await?);
    Ok(Composition {
        partnership_id: partnership.id,
        as_of: ctx.today(),
        gaps: gaps(&sides, partnership.industry_unionized),
        sides,
        employers_outnumber_public_partners_at_meetings: at_meetings(&ctx, partnership.id).await?,
        plan_is_current: plan_is_current(&ctx, partnership.id).await?,
    })
}

async fn kinds(ctx: &Ctx, partnership_id: Uuid) -> Result<Vec<KindComposition>> {
    let counted: Vec<(OrganizationKind, PartnerState, i64)> = partner::Entity::find()
        .select_only()
        .column(partner::Column::Kind)
        .column(partner::Column::State)
        .column_as(partner::Column::Id.count(), "partners")
        .filter(partner::Model::rows(&ctx.permit(Op::ListPartners)?))
        .filter(partner::Column::PartnershipId.eq(partnership_id))
        .filter(partner::Column::State.is_in([PartnerState::Active, PartnerState::Dormant]))
        .filter(partner::Column::ArchivedAt.is_null())
        .group_by(partner::Column::Kind)
        .group_by(partner::Column::State)
        .into_tuple()
        .all(&ctx.read())
        .await?;
    let mut kinds: BTreeMap<OrganizationKind, (i64, i64)> = BTreeMap::new();
    for (kind, state, count) in counted {
        let (active, dormant) = kinds.entry(kind).or_default();
        *(if state == PartnerState::Active { active } else { dormant }) += count;
    }
    let shown = |count: i64| i32::try_from(count).unwrap_or(i32::MAX);
    let kinds = kinds.into_iter();
    Ok(kinds
        .map(|(kind, (active, dormant))| KindComposition { kind, active: shown(active), dormant: shown(dormant) })
        .collect())
}

fn sides(kinds: &[KindComposition]) -> Vec<SideComposition> {
    let of = |side: Side| {
        let kinds: Vec<KindComposition> = kinds.iter().filter(|kind| kind.kind.side() == side).cloned().collect();
        let sum = |count: fn(&KindComposition) -> i32| kinds.iter().map(count).fold(0, i32::saturating_add);
        SideComposition { side, active: sum(|kind| kind.active), dormant: sum(|kind| kind.dormant), kinds }
    };
    SIDES.map(of).into()
}

fn gaps(sides: &[SideComposition], unionized: Unionized) -> Vec<CompositionGap> {
    let mut gaps = Vec::new();
    for side in sides.iter().filter(|side| side.active == 0) {
        match (side.side, unionized) {
            (Side::Other, _) | (Side::Labor, Unionized::No | Unionized::Unknown) => {}
            (Side::Labor, _) => gaps.push(CompositionGap { kind: GapKind::LaborSeatEmpty, side: side.side }),
            (side, _) => gaps.push(CompositionGap { kind: GapKind::SideEmpty, side }),
        }
    }
    let active = |which: fn(Side) -> bool| {
        sides.iter().filter(|side| which(side.side)).map(|side| side.active).fold(0, i32::saturating_add)
    };
    if active(is_public) > active(|side| side == Side::Employer) {
        gaps.push(CompositionGap { kind: GapKind::EmployersOutnumbered, side: Side::Employer });
    }
    gaps
}

/// Who came to meetings that were held, by the kind of its organisation.
fn came(ctx: &Ctx, partnership_id: Uuid, since: roundtable_entity::Timestamp) -> Result<SelectStatement> {
    let held = [MeetingState::Held, MeetingState::Minuted, MeetingState::Closed];
    let meetings = Query::select()
        .column(meeting::Column::Id)
        .from(meeting::Entity)
        .cond_where(meeting::Model::rows(&ctx.permit(Op::ListMeetings)?))
        .and_where(meeting::Column::State.is_in(held))
        .and_where(meeting::Column::StartsAt.gte(since))
        .and_where(meeting::Column::ArchivedAt.is_null())
        .to_owned();
    let of_partner = |column| Expr::col((partner::Entity, column));
    Ok(Query::select()
        .expr_as(of_partner(partner::Column::Kind), "kind")
        .expr_as(Expr::col((attendance::Entity, attendance::Column::Id)).count(), "came")
        .from(attendance::Entity)
        .inner_join(
            partner::Entity,
            of_partner(partner::Column::Id).eq(Expr::col((attendance::Entity, attendance::Column::PartnerId))),
        )
        .cond_where(attendance::Model::rows(&ctx.permit(Op::ListAttendances)?))
        .and_where(attendance::Column::PartnershipId.eq(partnership_id))
        .and_where(attendance::Column::Attended.eq(true))
        .and_where(attendance::Column::ArchivedAt.is_null())
        .and_where(attendance::Column::MeetingId.in_subquery(meetings))
        .group_by_col((partner::Entity, partner::Column::Kind))
        .to_owned())
}

async fn at_meetings(ctx: &Ctx, partnership_id: Uuid) -> Result<Option<bool>> {
    let since = ctx.now().checked_sub_days(Days::new(MEETINGS_OF_DAYS)).unwrap_or_else(|| ctx.now());
    let (mut employers, mut public) = (0, 0);
    let rows = ctx.read().query_all(&came(ctx, partnership_id, since)?).await?;
    for row in &rows {
        let (kind, count): (OrganizationKind, i64) = (row.try_get("", "kind")?, row.try_get("", "came")?);
        match kind.side() {
            Side::Employer => employers += count,
            side if is_public(side) => public += count,
            _ => {}
        }
    }
    Ok((!rows.is_empty()).then_some(employers > public))
}

async fn plan_is_current(ctx: &Ctx, partnership_id: Uuid) -> Result<Option<bool>> {
    let plans = || {
        Ok::<_, roundtable_kernel::error::Error>(
            plan_version::Entity::find()
                .filter(plan_version::Model::rows(&ctx.permit(Op::ListPlanVersions)?))
                .filter(plan_version::Column::PartnershipId.eq(partnership_id))
                .filter(score::in_force()),
        )
    };
    if plans()?.count(&ctx.read()).await? == 0 {
        return Ok(None);
    }
    Ok(Some(plans()?.filter(score::reviewed(ctx.today())).count(&ctx.read()).await? > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(kinds: &[(OrganizationKind, i32)]) -> Vec<SideComposition> {
        let kind =
            |(kind, active): &(OrganizationKind, i32)| KindComposition { kind: *kind, active: *active, dormant: 0 };
        sides(&kinds.iter().map(kind).collect::<Vec<_>>())
    }

    #[test]
    fn a_side_nobody_sits_on_is_a_gap_and_labor_is_one_where_the_industry_is_unionised() {
        use OrganizationKind as Kind;
        let all = [
            (Kind::Employer, 9),
            (Kind::CommunityCollege, 1),
            (Kind::WorkforceBoard, 1),
            (Kind::EconomicDevelopment, 1),
        ];
        let table = table(&all);
        assert_eq!(gaps(&table, Unionized::No), []);
        let labor = CompositionGap { kind: GapKind::LaborSeatEmpty, side: Side::Labor };
        assert_eq!(gaps(&table, Unionized::Partly), [labor]);
    }

    #[test]
    fn employers_are_to_outnumber_public_partners() {
        use OrganizationKind as Kind;
        let outnumbered = CompositionGap { kind: GapKind::EmployersOutnumbered, side: Side::Employer };
        let kinds = |employers| {
            table(&[
                (Kind::Employer, employers),
                (Kind::University, 2),
                (Kind::WorkforceAgency, 2),
                (Kind::EconomicDevelopment, 1),
            ])
        };
        assert_eq!(gaps(&kinds(4), Unionized::No), [outnumbered]);
        assert_eq!(gaps(&kinds(5), Unionized::No), []);
    }
}
