//! Identifiers other systems use.

use std::pin::Pin;

use roundtable_entity::*;
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::record;
use roundtable_kernel::scope::Scoped;

use crate::members;

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<external_id::Model>("external-ids")
        .list(Op::ListExternalIds)
        .get(Op::GetExternalId)
        .create(Op::CreateExternalId, create)
        .archive(Op::ArchiveExternalId);
    table.schemas.one_of("NewExternalId", "recordType", TYPES.iter().copied());
}

/// Boxed, as one future with a way for each kind would take most of a thread's stack.
fn is_there<'a, R: Scoped>(
    ctx: &'a Ctx,
    new: &'a external_id::NewExternalId,
) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>> {
    let found = members::reference::<R>(ctx, "/recordId", new.record_id, new.partnership_id);
    Box::pin(async move { found.await.map(|_| ()) })
}

/// The kinds of record that other systems know too, and the check that one is there.
macro_rules! known_elsewhere {
    ($($module:ident),* $(,)?) => {
        const TYPES: &[&str] = &[$(stringify!($module)),*];

        async fn record_is_there(ctx: &Ctx, new: &external_id::NewExternalId) -> Result<()> {
            let there = match new.record_type.as_str() {
                $( stringify!($module) => is_there::<$module::Model>, )*
                _ => return Err(Error::member(
                    "/recordType",
                    "unknown_value",
                    format!("give one of {}", TYPES.join(", ")),
                )),
            };
            there(ctx, new).await
        }
    };
}

known_elsewhere! {
    organization, location, person, affiliation, partner, seat, bargaining_unit, meeting_series, meeting, decision,
    action_item, resource, champion, interest, constraint, mission_statement, outreach_touch, agenda_item, attendance,
    minutes, employer_statement, need, cause, input, second_look, offer, solution, goal, plan_step, feasibility_rating,
    policy_setting, plan_version, action_team,
}

async fn create(ctx: Ctx, new: external_id::NewExternalId) -> Result<external_id::Model> {
    let permit = ctx.permit_at(Op::CreateExternalId, new.partnership_id)?;
    permit.covers(&[])?;
    record_is_there(&ctx, &new).await?;
    let active = external_id::Model::begin(ctx.new_id(), ctx.now(), new);
    record::insert::<external_id::Model>(&ctx, active, "external_id.created").await
}
