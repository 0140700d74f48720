//! Partnerships and the policy they set for themselves.

use chrono_tz::Tz;
use roundtable_entity::Record;
use roundtable_entity::{CodeSystem, organization, partnership, policy_setting};
use roundtable_kernel::codes::check_codes;
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Nothing, Operations};
use roundtable_kernel::policy;
use roundtable_kernel::record::{self, Target};
use sea_orm::{ActiveValue, IntoActiveModel};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<partnership::Model>("partnerships")
        .list(Op::ListPartnerships)
        .get(Op::GetPartnership)
        .create(Op::CreatePartnership, create_partnership)
        .update(Op::UpdatePartnership, update_partnership)
        .archive(Op::ArchivePartnership)
        .one::<organization::Model>("intermediaryOrganization", "intermediary_organization_id");
    table
        .collection::<policy_setting::Model>("policy-settings")
        .list(Op::ListPolicySettings)
        .get(Op::GetPolicySetting)
        .create(Op::CreatePolicySetting, create_policy_setting);
    table.schemas.one_of("NewPolicySetting", "key", policy::KEYS.iter().map(|key| key.key));
    table.report::<Nothing, PolicyKeys, _, _>(Op::ListPolicyKeys, "policy-settings", "policy-keys", list_policy_keys);
}

/// Checks that a time zone is one of the IANA database.
pub fn check_time_zone(name: &str) -> Result<()> {
    match name.parse::<Tz>() {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::new(Code::UnknownTimeZone, format!("{name} is not a time zone of the IANA database"))),
    }
}

async fn create_partnership(ctx: Ctx, new: partnership::NewPartnership) -> Result<partnership::Model> {
    ctx.permit(Op::CreatePartnership)?;
    check_time_zone(&new.time_zone)?;
    check_codes(&ctx, "naics", CodeSystem::Naics, &new.naics).await?;
    if new.intermediary_organization_id.is_some() {
        let detail = "the directory of a new partnership is empty; set it once the organisation stands there";
        return Err(Error::member("/intermediaryOrganizationId", "not_found", detail));
    }
    let mut active = partnership::Model::begin(ctx.new_id(), ctx.now(), new);
    active.phase_since = ActiveValue::Set(ctx.now());
    record::insert::<partnership::Model>(&ctx, active, "partnership.opened").await
}

async fn update_partnership(ctx: Ctx, at: Target, patch: Value) -> Result<partnership::Model> {
    record::check_patch::<partnership::Model>(&patch)?;
    let row = record::target::<partnership::Model>(&ctx, Op::UpdatePartnership, at).await?;
    let new = record::merged(&row, &patch)?;
    check_time_zone(&new.time_zone)?;
    if new.naics != row.naics {
        check_codes(&ctx, "naics", CodeSystem::Naics, &new.naics).await?;
    }
    if let Some(id) = new.intermediary_organization_id {
        record::reference::<organization::Model>(&ctx, "/intermediaryOrganizationId", id).await?;
    }
    let mut active = row.clone().into_active_model();
    partnership::Model::edit(&mut active, new);
    record::save(&ctx, &row, active, "partnership.updated").await
}

async fn create_policy_setting(ctx: Ctx, new: policy_setting::NewPolicySetting) -> Result<policy_setting::Model> {
    ctx.permit_at(Op::CreatePolicySetting, new.partnership_id)?;
    let key = policy::named(&new.key).ok_or_else(|| Error::internal("a key that is in the schema is known"))?;
    let fits = new.value.parse::<f64>().is_ok_and(|value| (key.least..=key.most).contains(&value));
    if !fits {
        let detail = format!("{} is a number from {} to {}", key.key, key.least, key.most);
        return Err(Error::member("/value", "out_of_range", detail));
    }
    let active = policy_setting::Model::begin(ctx.new_id(), ctx.now(), new);
    record::insert::<policy_setting::Model>(&ctx, active, "policy.set").await
}

/// The policy keys, with the values in force at the table acted at.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PolicyKeys {
    /// The keys.
    #[schema(max_items = 100)]
    items: Vec<PolicyKey>,
}

/// A policy key and the value in force.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PolicyKey {
    /// Name.
    key: String,
    /// What it bounds.
    meaning: String,
    /// Least value.
    least: f64,
    /// Most value.
    most: f64,
    /// What holds until it is set.
    default: f64,
    /// What holds now.
    value: f64,
    /// Since when, if it was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<chrono::DateTime<chrono::Utc>>,
}

async fn list_policy_keys(ctx: Ctx, _: Nothing) -> Result<PolicyKeys> {
    let permit = ctx.permit(Op::ListPolicyKeys)?;
    let partnership: Uuid = permit.standing.partnership_id;
    let set = policy::set_values(&ctx, partnership).await?;
    let items = policy::KEYS
        .iter()
        .map(|key| {
            let row = set.get(key.key);
            PolicyKey {
                key: key.key.into(),
                meaning: key.meaning.into(),
                least: key.least,
                most: key.most,
                default: key.default,
                value: row.and_then(|row| row.value.parse().ok()).unwrap_or(key.default),
                since: row.map(|row| row.created_at),
            }
        })
        .collect();
    Ok(PolicyKeys { items })
}
