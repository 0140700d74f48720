//! Policy keys: the numbers a partnership may set for itself, with their bounds and what holds until it does.

use std::collections::HashMap;

use roundtable_entity::policy_setting;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use crate::ctx::Ctx;
use crate::error::{Error, Result};

/// A policy key.
#[derive(Clone, Copy, Debug)]
pub struct PolicyKey {
    /// Name.
    pub key: &'static str,
    /// What it bounds.
    pub meaning: &'static str,
    /// Least value.
    pub least: f64,
    /// Most value.
    pub most: f64,
    /// What holds until it is set.
    pub default: f64,
}

const fn key(key: &'static str, least: f64, most: f64, default: f64, meaning: &'static str) -> PolicyKey {
    PolicyKey { key, meaning, least, most, default }
}

/// Every key.
pub const KEYS: &[PolicyKey] = &[
    key("shared_need_min_employers", 2.0, 50.0, 3.0, "Employers that must endorse a need before it counts as shared."),
    key("root_confirm_min", 1.0, 50.0, 2.0, "Endorsing employers that must confirm a root cause."),
    key("adoption_quorum", 0.1, 1.0, 0.5, "Share of endorsing employers that must approve a solution."),
    key("plan_quorum", 0.1, 1.0, 0.5, "Share of employers at the table that must approve a version of the plan."),
    key("champion_min", 0.0, 50.0, 2.0, "Employer champions wanted."),
    key(
        "hours_offered_default",
        0.0,
        500.0,
        12.0,
        "Hours a quarter an employer is taken to offer until it says otherwise.",
    ),
    key("sme_default", 0.0, 500.0, 6.0, "The same for employers of fewer than 250 people."),
    key("process_minutes_cap", 0.0, 600.0, 60.0, "Longest meeting of process, in minutes, with employers required."),
    key("outreach_window_days", 1.0, 90.0, 14.0, "Days after a kick-off in which each partner is to be reached."),
    key(
        "first_step_within_days",
        1.0,
        365.0,
        30.0,
        "Days after the plan comes into force in which its first step is to start.",
    ),
    key("value_check_days", 7.0, 366.0, 90.0, "Days between value checks."),
    key("seat_confirm_days", 7.0, 366.0, 90.0, "Days after which a point person is to be confirmed again."),
    key("map_stale_days", 30.0, 1830.0, 365.0, "Days after which an entry of the resource map is stale."),
    key("expectation_review_days", 30.0, 1830.0, 180.0, "Days between reviews of expectations."),
    key("answer_days", 1.0, 90.0, 10.0, "Days in which an input is to be answered."),
    key("small_cell_min", 3.0, 50.0, 5.0, "Fewest answers of which an aggregate is shown."),
    key("employer_majority_meetings", 0.0, 1.0, 1.0, "1 when employers are to outnumber public partners at meetings."),
];

/// The key of that name.
pub fn named(name: &str) -> Option<&'static PolicyKey> {
    KEYS.iter().find(|key| key.key == name)
}

/// Every value set by a partnership and in force: the latest of each key.
pub async fn set_values(ctx: &Ctx, partnership_id: Uuid) -> Result<HashMap<String, policy_setting::Model>> {
    let rows = policy_setting::Entity::find()
        .filter(policy_setting::Column::PartnershipId.eq(partnership_id))
        .filter(policy_setting::Column::ArchivedAt.is_null())
        .order_by_asc(policy_setting::Column::Id)
        .all(&ctx.read())
        .await?;
    Ok(rows.into_iter().map(|row| (row.key.clone(), row)).collect())
}

/// The value of a key in force at a partnership.
pub async fn value(ctx: &Ctx, partnership_id: Uuid, name: &str) -> Result<f64> {
    let key = named(name).ok_or_else(|| Error::internal(format!("no policy key {name}")))?;
    let row = policy_setting::Entity::find()
        .filter(policy_setting::Column::PartnershipId.eq(partnership_id))
        .filter(policy_setting::Column::Key.eq(name))
        .filter(policy_setting::Column::ArchivedAt.is_null())
        .order_by_desc(policy_setting::Column::Id)
        .one(&ctx.read())
        .await?;
    Ok(row.and_then(|row| row.value.parse().ok()).unwrap_or(key.default))
}

/// The same, as a whole number.
pub async fn whole(ctx: &Ctx, partnership_id: Uuid, name: &str) -> Result<i64> {
    // The bounds of every key are far within what a whole number holds.
    Ok(value(ctx, partnership_id, name).await?.round() as i64)
}
