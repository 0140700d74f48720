//! Mission statements, wording by wording (practice 71).

use roundtable_entity::{Record, mission_statement, organization};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::Result;
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::record;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use crate::members;

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<mission_statement::Model>("mission-statements")
        .list(Op::ListMissionStatements)
        .get(Op::GetMissionStatement)
        .create(Op::CreateMissionStatement, create)
        .one::<organization::Model>("organization", "organization_id");
}

async fn create(ctx: Ctx, new: mission_statement::NewMissionStatement) -> Result<mission_statement::Model> {
    let permit = ctx.permit_at(Op::CreateMissionStatement, new.partnership_id)?;
    members::reference::<organization::Model>(&ctx, "/organizationId", new.organization_id, new.partnership_id).await?;
    permit.covers(&[Some(new.organization_id)])?;
    let previous = mission_statement::Entity::find()
        .filter(mission_statement::Column::OrganizationId.eq(new.organization_id))
        .filter(mission_statement::Column::ArchivedAt.is_null())
        .order_by_desc(mission_statement::Column::Edition)
        .one(&ctx.read())
        .await?;
    let since = previous.as_ref().map(|previous| previous.effective_on);
    members::refuse(members::in_order(since, "/effectiveOn", Some(new.effective_on)))?;
    let mut active = mission_statement::Model::begin(ctx.new_id(), ctx.now(), new);
    active.edition = Set(previous.map_or(1, |previous| previous.edition + 1));
    record::insert::<mission_statement::Model>(&ctx, active, "mission_statement.created").await
}
