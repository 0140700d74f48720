//! Calling a meeting: what is read for the rules, and the reasons given for asking more time than was offered.

use std::collections::HashMap;

use roundtable_entity::{Record, agenda_item, attendance, meeting, partner, time_override};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::Result;
use roundtable_kernel::policy;
use roundtable_kernel::record;
use roundtable_kernel::seal;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::clock::Quarter;
use crate::ledger;
use crate::rules::{self, Guest, Offer};

/// Why one employer is asked for more time than it offered. It is logged and the employer sees it (practice 39).
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OverrideReason {
    /// The employer's place at the table.
    pub partner_id: Uuid,
    /// The reason.
    #[schema(min_length = 10, max_length = 1000)]
    pub reason: String,
}

/// The agenda, in order; without what was taken off it for the bargaining table.
pub async fn agenda(ctx: &Ctx, meeting_id: Uuid) -> Result<Vec<agenda_item::Model>> {
    let items = agenda_item::Entity::find()
        .filter(agenda_item::Column::MeetingId.eq(meeting_id))
        .filter(agenda_item::Column::ArchivedAt.is_null())
        .filter(seal::open_to_all(agenda_item::Column::Id))
        .order_by_asc(agenda_item::Column::Position)
        .order_by_asc(agenda_item::Column::Id)
        .all(&ctx.read())
        .await?;
    Ok(items)
}

/// The seats asked, in the order they were.
pub async fn seats(ctx: &Ctx, meeting_id: Uuid) -> Result<Vec<attendance::Model>> {
    let asked = attendance::Entity::find()
        .filter(attendance::Column::MeetingId.eq(meeting_id))
        .filter(attendance::Column::ArchivedAt.is_null())
        .order_by_asc(attendance::Column::Id)
        .all(&ctx.read())
        .await?;
    Ok(asked)
}

/// The seats asked, with their partners.
pub async fn guests(ctx: &Ctx, meeting_id: Uuid) -> Result<Vec<Guest>> {
    let asked = seats(ctx, meeting_id).await?;
    let partners: HashMap<Uuid, partner::Model> = partner::Entity::find()
        .filter(partner::Column::Id.is_in(asked.iter().map(|one| one.partner_id)))
        .all(&ctx.read())
        .await?
        .into_iter()
        .map(|partner| (partner.id, partner))
        .collect();
    let guests = asked.into_iter().filter_map(|attendance| {
        let partner = partners.get(&attendance.partner_id)?.clone();
        Some(Guest { attendance, partner })
    });
    Ok(guests.collect())
}

/// What holds for the meeting, its agenda and everybody asked, apart from the time employers offer.
pub async fn keeps_the_rules(ctx: &Ctx, meeting: &meeting::Model, guests: &[Guest]) -> Result<()> {
    let items = agenda(ctx, meeting.id).await?;
    rules::objective_is_given(meeting)?;
    rules::agenda_asks_something(&items)?;
    rules::agenda_fits(&items, meeting)?;
    suits_the_guests(ctx, meeting, &items, guests).await
}

/// What holds for those asked, given the agenda.
pub async fn suits_the_guests(
    ctx: &Ctx,
    meeting: &meeting::Model,
    items: &[agenda_item::Model],
    guests: &[Guest],
) -> Result<()> {
    rules::asynchronous_input_is_offered(meeting, items, guests)?;
    let cap = policy::whole(ctx, meeting.partnership_id, "process_minutes_cap").await?;
    rules::process_is_short(meeting, guests, cap)
}

/// Employers are asked for no more time than they offer in the quarter, or for a reason, which is kept.
pub async fn respects_employer_time(
    ctx: &Ctx,
    meeting: &meeting::Model,
    guests: &[Guest],
    reasons: &[OverrideReason],
) -> Result<()> {
    let asked = rules::minutes_asked(meeting, guests);
    if asked.is_empty() {
        return Ok(());
    }
    let quarter = Quarter::of(meeting.starts_at.date_naive());
    let ids: Vec<Uuid> = asked.keys().copied().collect();
    let spent = ledger::spent(ctx, quarter, &ids, Some(meeting.id)).await?;
    let default = ledger::default_hours(ctx, meeting.partnership_id).await?;
    let granted = granted(ctx, meeting.id).await?;
    let mut refused = Vec::new();
    for (id, minutes) in asked {
        let Some(partner) = guests.iter().map(|guest| &guest.partner).find(|partner| partner.id == id) else {
            continue;
        };
        let offer = Offer {
            partner,
            offered: rules::minutes_offered(partner, default),
            required: spent.get(&id).map_or(0, |spent| spent.required_minutes),
            asked: minutes,
            granted: granted.get(&id).copied().unwrap_or_default(),
        };
        let Some(over) = offer.over() else { continue };
        match reasons.iter().find(|reason| reason.partner_id == id) {
            Some(reason) => keep_reason(ctx, meeting, &offer, over, &reason.reason).await?,
            None => refused.push(partner),
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(rules::employer_time_exceeded(refused)) }
}

async fn keep_reason(ctx: &Ctx, meeting: &meeting::Model, offer: &Offer<'_>, over: i64, reason: &str) -> Result<()> {
    let new = time_override::NewTimeOverride {
        partnership_id: meeting.partnership_id,
        meeting_id: meeting.id,
        partner_id: offer.partner.id,
        organization_id: offer.partner.organization_id,
        minutes_over: i32::try_from(over).unwrap_or(i32::MAX),
        reason: reason.into(),
    };
    let active = time_override::Model::begin(ctx.new_id(), ctx.now(), new);
    record::insert::<time_override::Model>(ctx, active, "meeting.time_overridden").await?;
    Ok(())
}

/// Minutes over the offer reasoned for this meeting before, by partner.
async fn granted(ctx: &Ctx, meeting_id: Uuid) -> Result<HashMap<Uuid, i64>> {
    let mut granted = HashMap::new();
    let overrides = time_override::Entity::find()
        .filter(time_override::Column::MeetingId.eq(meeting_id))
        .filter(time_override::Column::ArchivedAt.is_null())
        .all(&ctx.read())
        .await?;
    for row in overrides {
        let most: &mut i64 = granted.entry(row.partner_id).or_default();
        *most = (*most).max(row.minutes_over.into());
    }
    Ok(granted)
}
