//! What partners can offer against needs and causes (practice 12).

use roundtable_entity::{OfferState, Record, cause, need, offer, organization, resource};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Nothing, Operations};
use roundtable_kernel::record::{self, Target};
use roundtable_kernel::relation::Relation;
use sea_orm::ActiveValue::Set;
use sea_orm::IntoActiveModel;
use serde_json::Value;

use crate::members::MaybeReasoned;

/// Stages in which an offer stands.
const STANDING: &[OfferState] = &[OfferState::Made, OfferState::Exploring];

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<offer::Model>("offers")
        .list(Op::ListOffers)
        .get(Op::GetOffer)
        .create(Op::CreateOffer, create)
        .update(Op::UpdateOffer, update)
        .act(Op::ExploreOffer, "explore", explore)
        .act(Op::WithdrawOffer, "withdraw", withdraw)
        .one::<organization::Model>("organization", "organization_id")
        .one::<need::Model>("need", "need_id")
        .one::<cause::Model>("cause", "cause_id")
        .one::<resource::Model>("resource", "resource_id");
    let offers = |from, column| Relation::many::<offer::Model>(from, "offers", Op::ListOffers, column, "created_at");
    table.relations.push(offers("Need", "need_id"));
    table.relations.push(offers("Cause", "cause_id"));
}

pub(crate) async fn create(ctx: Ctx, new: offer::NewOffer) -> Result<offer::Model> {
    let permit = ctx.permit_at(Op::CreateOffer, new.partnership_id)?;
    permit.covers(&[Some(new.organization_id)])?;
    match (new.need_id, new.cause_id) {
        (Some(id), None) => drop(record::reference::<need::Model>(&ctx, "/needId", id).await?),
        (None, Some(id)) => drop(record::reference::<cause::Model>(&ctx, "/causeId", id).await?),
        _ => return Err(Error::member("/needId", "need_or_cause", "give the need or the cause it goes to, not both")),
    }
    known_entry(&ctx, &new).await?;
    let active = offer::Model::begin(ctx.new_id(), ctx.now(), new);
    record::insert::<offer::Model>(&ctx, active, "offer.made").await
}

async fn known_entry(ctx: &Ctx, new: &offer::NewOffer) -> Result<()> {
    if let Some(id) = new.resource_id {
        record::reference::<resource::Model>(ctx, "/resourceId", id).await?;
    }
    Ok(())
}

async fn update(ctx: Ctx, at: Target, patch: Value) -> Result<offer::Model> {
    record::check_patch::<offer::Model>(&patch)?;
    let row = record::target::<offer::Model>(&ctx, Op::UpdateOffer, at).await?;
    record::from_state(row.state, STANDING, OfferState::word)?;
    let new = record::merged(&row, &patch)?;
    known_entry(&ctx, &new).await?;
    let mut active = row.clone().into_active_model();
    offer::Model::edit(&mut active, new);
    record::save(&ctx, &row, active, "offer.updated").await
}

async fn explore(ctx: Ctx, at: Target, _: Nothing) -> Result<offer::Model> {
    let row = record::target::<offer::Model>(&ctx, Op::ExploreOffer, at).await?;
    record::from_state(row.state, &[OfferState::Made], OfferState::word)?;
    let mut active = row.clone().into_active_model();
    active.state = Set(OfferState::Exploring);
    record::save(&ctx, &row, active, "offer.exploring").await
}

async fn withdraw(ctx: Ctx, at: Target, why: MaybeReasoned) -> Result<offer::Model> {
    let row = record::target::<offer::Model>(&ctx, Op::WithdrawOffer, at).await?;
    record::from_state(row.state, STANDING, OfferState::word)?;
    let mut active = row.clone().into_active_model();
    active.state = Set(OfferState::Withdrawn);
    active.withdrawn_reason = Set(why.reason);
    record::save(&ctx, &row, active, "offer.withdrawn").await
}
