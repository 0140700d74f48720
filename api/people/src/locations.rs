//! Places where organisations are found.

use roundtable_entity::{Record, location, organization};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::Result;
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::record;

use crate::members;

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<location::Model>("locations")
        .list(Op::ListLocations)
        .get(Op::GetLocation)
        .create(Op::CreateLocation, create)
        .update_plainly(Op::UpdateLocation)
        .archive(Op::ArchiveLocation)
        .one::<organization::Model>("organization", "organization_id");
}

async fn create(ctx: Ctx, new: location::NewLocation) -> Result<location::Model> {
    let permit = ctx.permit_at(Op::CreateLocation, new.partnership_id)?;
    members::reference::<organization::Model>(&ctx, "/organizationId", new.organization_id, new.partnership_id).await?;
    permit.covers(&[Some(new.organization_id)])?;
    let active = location::Model::begin(ctx.new_id(), ctx.now(), new);
    record::insert::<location::Model>(&ctx, active, "location.created").await
}
