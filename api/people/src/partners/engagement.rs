//! How a partner takes part over time (practices 53 to 55), and the hours an employer offers (practice 38).

use chrono::NaiveDate;
use roundtable_entity::{EngagementMode, PartnerState, Record, engagement, partner};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::Result;
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::record::{self, Target};
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Collection;
use crate::members;

/// How a partner takes part from a day on.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct EngagementShift {
    /// The mode from that day on.
    mode: EngagementMode,
    /// The first day; today unless said otherwise, not in the future and not before the present mode began.
    starts_on: Option<NaiveDate>,
    /// Why it shifts.
    #[schema(max_length = 1000)]
    reason: Option<String>,
}

/// How many hours an employer offers (practice 38).
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct HoursOffer {
    /// Hours a quarter, for all its seats together.
    #[schema(minimum = 0, maximum = 500)]
    hours: i32,
}

const AT_THE_TABLE: &[PartnerState] = &[PartnerState::Active, PartnerState::Dormant];

pub(super) fn add(partners: Collection<'_>) -> Collection<'_> {
    partners.act(Op::EngagePartner, "engage", engage).act(Op::OfferHours, "offer-hours", offer_hours)
}

pub(super) fn register(table: &mut Operations) {
    table
        .collection::<engagement::Model>("engagements")
        .list(Op::ListEngagements)
        .get(Op::GetEngagement)
        .one::<partner::Model>("partner", "partner_id");
}

async fn engage(ctx: Ctx, at: Target, body: EngagementShift) -> Result<partner::Model> {
    let row = record::target::<partner::Model>(&ctx, Op::EngagePartner, at).await?;
    record::from_state(row.state, AT_THE_TABLE, PartnerState::word)?;
    let starts_on = body.starts_on.unwrap_or_else(|| ctx.today());
    let running = running(&ctx, row.id).await?;
    let since = running.as_ref().map(|running| running.starts_on);
    members::refuse(members::not_future("/startsOn", starts_on, ctx.today()).into_iter().chain(members::in_order(
        since,
        "/startsOn",
        Some(starts_on),
    )))?;
    if running.as_ref().is_some_and(|running| running.mode == body.mode) {
        return Ok(row);
    }
    if let Some(running) = running {
        end(&ctx, &running, last_day(running.starts_on, starts_on)).await?;
    }
    let new = engagement::NewEngagement {
        partnership_id: row.partnership_id,
        partner_id: row.id,
        organization_id: row.organization_id,
        mode: body.mode,
        starts_on,
        reason: body.reason,
    };
    let began = engagement::Model::begin(ctx.new_id(), ctx.now(), new);
    record::insert::<engagement::Model>(&ctx, began, "engagement.created").await?;
    let mut active = row.clone().into_active_model();
    active.engagement_mode = Set(Some(body.mode));
    record::save(&ctx, &row, active, "partner.engaged").await
}

async fn offer_hours(ctx: Ctx, at: Target, body: HoursOffer) -> Result<partner::Model> {
    let row = record::target::<partner::Model>(&ctx, Op::OfferHours, at).await?;
    let open = [PartnerState::Invited, PartnerState::Active, PartnerState::Dormant];
    record::from_state(row.state, &open, PartnerState::word)?;
    let mut active = row.clone().into_active_model();
    active.hours_offered = Set(Some(body.hours));
    record::save(&ctx, &row, active, "partner.hours_offered").await
}

/// The mode at present.
async fn running(ctx: &Ctx, partner_id: Uuid) -> Result<Option<engagement::Model>> {
    let row = engagement::Entity::find()
        .filter(engagement::Column::PartnerId.eq(partner_id))
        .filter(engagement::Column::EndsOn.is_null())
        .filter(engagement::Column::ArchivedAt.is_null())
        .one(&ctx.read())
        .await?;
    Ok(row)
}

/// The last day of a mode when another begins: the day before, unless it began on that very day.
fn last_day(began: NaiveDate, next: NaiveDate) -> NaiveDate {
    next.pred_opt().unwrap_or(next).max(began)
}

async fn end(ctx: &Ctx, row: &engagement::Model, last: NaiveDate) -> Result<()> {
    let mut active = row.clone().into_active_model();
    active.ends_on = Set(Some(last));
    record::save(ctx, row, active, "engagement.ended").await?;
    Ok(())
}

/// Ends the mode at present, if there is one.
pub(super) async fn end_running(ctx: &Ctx, partner_id: Uuid, last: NaiveDate) -> Result<()> {
    match running(ctx, partner_id).await? {
        Some(row) => end(ctx, &row, last).await,
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_ends_the_day_before_the_next_or_on_its_own_first_day() {
        let day = |day| NaiveDate::from_ymd_opt(2026, 5, day).unwrap_or_default();
        assert_eq!(last_day(day(1), day(10)), day(9));
        assert_eq!(last_day(day(10), day(10)), day(10));
    }
}
