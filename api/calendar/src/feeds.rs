//! Calendar feeds: who has one, and its secret address.

use roundtable_entity::{Record, calendar_feed};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Nothing, Operations};
use roundtable_kernel::record::{self, Target};
use roundtable_kernel::token::{fingerprint, new_secret};
use sea_orm::ActiveValue::Set;
use sea_orm::IntoActiveModel;

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<calendar_feed::Model>("calendar-feeds")
        .list(Op::ListCalendarFeeds)
        .get(Op::GetCalendarFeed)
        .create(Op::CreateCalendarFeed, create)
        .update_plainly(Op::UpdateCalendarFeed)
        .archive(Op::ArchiveCalendarFeed)
        .act(Op::RotateCalendarFeed, "rotate", rotate);
}

fn address(ctx: &Ctx, token: &str) -> Option<String> {
    Some(format!("{}/calendars/{token}.ics", ctx.app.public_url))
}

async fn create(ctx: Ctx, new: calendar_feed::NewCalendarFeed) -> Result<calendar_feed::Model> {
    let permit = ctx.permit_at(Op::CreateCalendarFeed, new.partnership_id)?;
    let standing = permit.standing;
    let token = new_secret("rtc")?;
    let mut active = calendar_feed::Model::begin(ctx.new_id(), ctx.now(), new);
    active.account_id = Set(standing.account_id.ok_or(Code::Unauthenticated)?);
    active.person_id = Set(standing.person_id);
    active.organization_id = Set(standing.organization_id);
    active.token_hash = Set(fingerprint(&token));
    let mut row = record::insert::<calendar_feed::Model>(&ctx, active, "calendar_feed.made").await?;
    row.address = address(&ctx, &token);
    Ok(row)
}

async fn rotate(ctx: Ctx, at: Target, _: Nothing) -> Result<calendar_feed::Model> {
    let row = record::target::<calendar_feed::Model>(&ctx, Op::RotateCalendarFeed, at).await?;
    let token = new_secret("rtc")?;
    let mut active = row.clone().into_active_model();
    active.token_hash = Set(fingerprint(&token));
    let mut row = record::save(&ctx, &row, active, "calendar_feed.rotated").await?;
    row.address = address(&ctx, &token);
    Ok(row)
}
