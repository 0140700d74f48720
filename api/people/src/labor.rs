//! The labor voice: in a unionised industry a union or labor agency is at the table all the time (practice 72).

use roundtable_entity::{PartnerState, Side, Unionized, partner, partnership};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::Result;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

/// Tells that the last labor voice has left, when this partner was it and the industry is unionised.
pub(crate) async fn tell_if_silent(ctx: &Ctx, gone: &partner::Model) -> Result<()> {
    if gone.side != Side::Labor {
        return Ok(());
    }
    let others = partner::Entity::find()
        .filter(partner::Column::PartnershipId.eq(gone.partnership_id))
        .filter(partner::Column::Id.ne(gone.id))
        .filter(partner::Column::Side.eq(Side::Labor))
        .filter(partner::Column::State.eq(PartnerState::Active))
        .filter(partner::Column::LiveSeats.gt(0))
        .filter(partner::Column::ArchivedAt.is_null())
        .count(&ctx.read())
        .await?;
    if others > 0 {
        return Ok(());
    }
    let partnership = partnership::Entity::find_by_id(gone.partnership_id).one(&ctx.read()).await?;
    let unionized = partnership
        .is_some_and(|partnership| matches!(partnership.industry_unionized, Unionized::Yes | Unionized::Partly));
    if unionized {
        ctx.event("labor_seat.empty", gone, &[]).await?;
    }
    Ok(())
}
