//! Policy values in force.

use roundtable_entity::policy_setting;
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::Result;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

/// The number in force for a policy key: the latest set, or the default.
pub async fn policy_value(ctx: &Ctx, partnership_id: Uuid, key: &str, default: i64) -> Result<i64> {
    let latest = policy_setting::Entity::find()
        .filter(policy_setting::Column::PartnershipId.eq(partnership_id))
        .filter(policy_setting::Column::Key.eq(key))
        .filter(policy_setting::Column::ArchivedAt.is_null())
        .order_by_desc(policy_setting::Column::CreatedAt)
        .order_by_desc(policy_setting::Column::Id)
        .one(&ctx.read())
        .await?;
    Ok(latest.and_then(|row| row.value.parse().ok()).unwrap_or(default))
}
