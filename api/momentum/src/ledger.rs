//! The ledger of employers' time: what was required of it in a quarter against what was offered (practices 38, 39).

use std::collections::HashMap;

use roundtable_entity::{
    InvitedAs, MeetingState, OrganizationKind, PartnerState, attendance, meeting, organization, partner, time_override,
};
use roundtable_kernel::access::{Permit, Reach};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::policy;
use roundtable_kernel::scope::Scoped;
use sea_orm::sea_query::{Expr, ExprTrait, Func, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationDef,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::clock::Quarter;
use crate::rules::{self, DefaultHours};

/// States in which a meeting takes time.
const TAKES_TIME: [MeetingState; 5] = [
    MeetingState::Scheduled,
    MeetingState::InProgress,
    MeetingState::Held,
    MeetingState::Minuted,
    MeetingState::Closed,
];

/// Registers the ledger and the overrides.
pub fn register(table: &mut Operations) {
    table
        .collection::<time_override::Model>("time-overrides")
        .list(Op::ListTimeOverrides)
        .get(Op::GetTimeOverride)
        .one::<meeting::Model>("meeting", "meeting_id")
        .one::<partner::Model>("partner", "partner_id")
        .one::<organization::Model>("organization", "organization_id");
    table.report::<TimeLedgerQuestion, TimeLedger, _, _>(Op::GetTimeLedger, "time-ledger", "time-ledger", time_ledger);
}

/// Which part of the ledger.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TimeLedgerQuestion {
    /// One employer's place at the table; all employers you may know of when absent.
    partner_id: Option<Uuid>,
    /// The calendar quarter, such as `2026-Q4`; the present one when absent. A meeting counts in the quarter it begins
    /// in, by UTC.
    #[schema(pattern = r"^\d{4}-Q[1-4]$")]
    quarter: Option<String>,
}

/// Employers' time required against offered, for a quarter (practice 39).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimeLedger {
    /// The quarter.
    quarter: String,
    /// Its first moment.
    starts_at: chrono::DateTime<chrono::Utc>,
    /// The first moment after it.
    ends_at: chrono::DateTime<chrono::Utc>,
    /// The employers, by name.
    employers: Vec<EmployerTime>,
}

/// What a partnership asked of one employer's time in a quarter, against what it offered.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmployerTime {
    /// The employer's place at the table.
    partner_id: Uuid,
    /// Name of the employer.
    name: String,
    /// Minutes offered: by itself, or by policy where it has not said.
    offered_minutes: i64,
    /// Minutes of meetings and preparation for which its seats were required.
    required_minutes: i64,
    /// Minutes of meetings and preparation to which its seats were welcome.
    optional_minutes: i64,
    /// Meetings it was asked to, as required or optional.
    meetings: i64,
    /// Reasoned overrides of its offer.
    overrides: i64,
    /// Whether what was required is within the offer.
    within_offer: bool,
}

/// What meetings of a quarter ask of a partner.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Spent {
    partner_id: Uuid,
    /// Minutes for which its seats are required.
    pub required_minutes: i64,
    optional_minutes: i64,
    meetings: i64,
}

#[derive(FromQueryResult)]
struct Overridden {
    partner_id: Uuid,
    overrides: i64,
}

/// Hours taken as offered where an employer has not said.
pub async fn default_hours(ctx: &Ctx, partnership_id: Uuid) -> Result<DefaultHours> {
    Ok(DefaultHours {
        small_or_medium: policy::whole(ctx, partnership_id, "sme_default").await?,
        other: policy::whole(ctx, partnership_id, "hours_offered_default").await?,
    })
}

/// What meetings of the quarter ask of these partners, leaving one meeting out.
pub async fn spent(
    ctx: &Ctx,
    quarter: Quarter,
    partner_ids: &[Uuid],
    except: Option<Uuid>,
) -> Result<HashMap<Uuid, Spent>> {
    let to_meeting: RelationDef = attendance::Entity::belongs_to(meeting::Entity)
        .from(attendance::Column::MeetingId)
        .to(meeting::Column::Id)
        .into();
    let mut asked = attendance::Entity::find()
        .select_only()
        .column(attendance::Column::PartnerId)
        .expr_as(minutes_as(InvitedAs::Required), "required_minutes")
        .expr_as(minutes_as(InvitedAs::Optional), "optional_minutes")
        .expr_as(Func::count_distinct(Expr::col((attendance::Entity, attendance::Column::MeetingId))), "meetings")
        .join(JoinType::InnerJoin, to_meeting)
        .filter(attendance::Column::PartnerId.is_in(partner_ids.iter().copied()))
        .filter(attendance::Column::ArchivedAt.is_null())
        .filter(attendance::Column::InvitedAs.is_in([InvitedAs::Required, InvitedAs::Optional]))
        .filter(of_quarter(quarter)?)
        .group_by(attendance::Column::PartnerId);
    if let Some(meeting_id) = except {
        asked = asked.filter(meeting::Column::Id.ne(meeting_id));
    }
    let rows = asked.into_model::<Spent>().all(&ctx.read()).await?;
    Ok(rows.into_iter().map(|row| (row.partner_id, row)).collect())
}

/// Minutes of meetings and preparation asked of seats in this way.
fn minutes_as(invited_as: InvitedAs) -> SimpleExpr {
    let preparation = Func::coalesce([
        Expr::col((attendance::Entity, attendance::Column::PreparationMinutes)),
        Expr::col((meeting::Entity, meeting::Column::PreparationMinutes)),
    ]);
    let minutes = Expr::col((meeting::Entity, meeting::Column::DurationMinutes)).add(preparation);
    let counted = Expr::case(attendance::Column::InvitedAs.eq(invited_as), minutes).finally(0);
    Func::sum(counted).into()
}

/// Live meetings that take time in the quarter.
fn of_quarter(quarter: Quarter) -> Result<Condition> {
    let (from, before) = quarter.bounds()?;
    Ok(Condition::all()
        .add(meeting::Column::StartsAt.gte(from))
        .add(meeting::Column::StartsAt.lt(before))
        .add(meeting::Column::State.is_in(TAKES_TIME))
        .add(meeting::Column::ArchivedAt.is_null()))
}

async fn overrides(ctx: &Ctx, quarter: Quarter, partner_ids: &[Uuid]) -> Result<HashMap<Uuid, i64>> {
    let to_meeting: RelationDef = time_override::Entity::belongs_to(meeting::Entity)
        .from(time_override::Column::MeetingId)
        .to(meeting::Column::Id)
        .into();
    let rows = time_override::Entity::find()
        .select_only()
        .column(time_override::Column::PartnerId)
        .expr_as(Expr::col((time_override::Entity, time_override::Column::Id)).count(), "overrides")
        .join(JoinType::InnerJoin, to_meeting)
        .filter(time_override::Column::PartnerId.is_in(partner_ids.iter().copied()))
        .filter(time_override::Column::ArchivedAt.is_null())
        .filter(of_quarter(quarter)?)
        .group_by(time_override::Column::PartnerId)
        .into_model::<Overridden>()
        .all(&ctx.read())
        .await?;
    Ok(rows.into_iter().map(|row| (row.partner_id, row.overrides)).collect())
}

/// The employers at the table whose time the caller may see.
async fn employers(ctx: &Ctx, permit: &Permit, partner_id: Option<Uuid>) -> Result<Vec<partner::Model>> {
    let mut rows = partner::Entity::find()
        .filter(partner::Model::rows(permit))
        .filter(partner::Column::Kind.eq(OrganizationKind::Employer))
        .filter(partner::Column::ArchivedAt.is_null());
    if permit.reach != Reach::All {
        rows = rows.filter(partner::Column::OrganizationId.eq(permit.standing.organization_id.unwrap_or_default()));
    }
    rows = match partner_id {
        Some(id) => rows.filter(partner::Column::Id.eq(id)),
        None => rows.filter(partner::Column::State.is_in([PartnerState::Active, PartnerState::Dormant])),
    };
    Ok(rows.order_by_asc(partner::Column::NameKey).all(&ctx.read()).await?)
}

async fn time_ledger(ctx: Ctx, question: TimeLedgerQuestion) -> Result<TimeLedger> {
    let permit = ctx.permit(Op::GetTimeLedger)?;
    let quarter = match &question.quarter {
        Some(text) => Quarter::named(text)
            .ok_or_else(|| Error::member("/quarter", "wrong_form", "write a quarter like 2026-Q4"))?,
        None => Quarter::of(ctx.today()),
    };
    let (starts_at, ends_at) = quarter.bounds()?;
    let employers = employers(&ctx, &permit, question.partner_id).await?;
    if question.partner_id.is_some() && employers.is_empty() {
        return Err(Error::not_found());
    }
    let ids: Vec<Uuid> = employers.iter().map(|partner| partner.id).collect();
    let default = default_hours(&ctx, permit.standing.partnership_id).await?;
    let spent = spent(&ctx, quarter, &ids, None).await?;
    let overrides = overrides(&ctx, quarter, &ids).await?;
    let employers = employers
        .iter()
        .map(|partner| {
            let overridden = overrides.get(&partner.id).copied().unwrap_or_default();
            EmployerTime::of(partner, default, spent.get(&partner.id), overridden)
        })
        .collect();
    Ok(TimeLedger { quarter: quarter.to_string(), starts_at, ends_at, employers })
}

impl EmployerTime {
    fn of(partner: &partner::Model, default: DefaultHours, spent: Option<&Spent>, overrides: i64) -> Self {
        let offered_minutes = rules::minutes_offered(partner, default);
        let required_minutes = spent.map_or(0, |spent| spent.required_minutes);
        Self {
            partner_id: partner.id,
            name: partner.name.clone(),
            offered_minutes,
            required_minutes,
            optional_minutes: spent.map_or(0, |spent| spent.optional_minutes),
            meetings: spent.map_or(0, |spent| spent.meetings),
            overrides,
            within_offer: required_minutes <= offered_minutes,
        }
    }
}
