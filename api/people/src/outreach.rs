//! Outreach: who reached whom, and what came of it (practices 5 and 60).

use roundtable_entity::{OutreachChannel, OutreachPurpose, Record, organization, outreach_touch, partner, person};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Problem, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::record::{self, Target};
use sea_orm::ActiveValue::Set;
use serde_json::Value;

use crate::members;

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<outreach_touch::Model>("outreach-touches")
        .list(Op::ListOutreachTouches)
        .get(Op::GetOutreachTouch)
        .create(Op::CreateOutreachTouch, create)
        .update(Op::UpdateOutreachTouch, update)
        .archive(Op::ArchiveOutreachTouch)
        .one::<organization::Model>("organization", "organization_id")
        .one::<person::Model>("person", "person_id");
}

fn problems(new: &outreach_touch::NewOutreachTouch) -> Option<Problem> {
    members::in_order(Some(new.touched_on), "/nextOn", new.next_on)
}

async fn create(ctx: Ctx, new: outreach_touch::NewOutreachTouch) -> Result<outreach_touch::Model> {
    let permit = ctx.permit_at(Op::CreateOutreachTouch, new.partnership_id)?;
    permit.covers(&[])?;
    let at = new.partnership_id;
    members::reference::<organization::Model>(&ctx, "/organizationId", new.organization_id, at).await?;
    if let Some(person_id) = new.person_id {
        members::reference::<person::Model>(&ctx, "/personId", person_id, at).await?;
    }
    members::refuse(problems(&new))?;
    log(&ctx, new).await
}

async fn log(ctx: &Ctx, new: outreach_touch::NewOutreachTouch) -> Result<outreach_touch::Model> {
    let mut active = outreach_touch::Model::begin(ctx.new_id(), ctx.now(), new);
    active.by_organization_id = Set(ctx.standing()?.organization_id);
    active.by_account_id = Set(ctx.caller.account_id());
    record::insert::<outreach_touch::Model>(ctx, active, "outreach_touch.created").await
}

/// Logs what a partner said at a turn of its stage.
pub(crate) async fn note(ctx: &Ctx, partner: &partner::Model, purpose: OutreachPurpose, said: String) -> Result<()> {
    let new = outreach_touch::NewOutreachTouch {
        partnership_id: partner.partnership_id,
        organization_id: partner.organization_id,
        person_id: None,
        channel: OutreachChannel::Other,
        purpose,
        touched_on: ctx.today(),
        result: Some(said),
        next_on: None,
    };
    log(ctx, new).await.map(|_| ())
}

async fn update(ctx: Ctx, at: Target, patch: Value) -> Result<outreach_touch::Model> {
    record::update_checked::<outreach_touch::Model>(&ctx, Op::UpdateOutreachTouch, at, &patch, |_, new, _| {
        members::refuse(problems(new))
    })
    .await
}
