//! Who somebody is and what they may do.

use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::Result;
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Nothing, Operations};
use roundtable_kernel::standing::Standing;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub(crate) fn register(table: &mut Operations) {
    table.report::<Nothing, Me, _, _>(Op::GetMe, "me", "me", get_me);
}

/// What somebody is at one partnership.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Standing)]
pub struct StandingView {
    /// The partnership; absent for the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    partnership_id: Option<Uuid>,
    /// The role.
    role: String,
    /// The organisation acted for.
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<Uuid>,
    /// The partner, with a seat.
    #[serde(skip_serializing_if = "Option::is_none")]
    partner_id: Option<Uuid>,
    /// The seat.
    #[serde(skip_serializing_if = "Option::is_none")]
    seat_id: Option<Uuid>,
    /// The person.
    #[serde(skip_serializing_if = "Option::is_none")]
    person_id: Option<Uuid>,
}

/// Who you are and what you may do.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Me {
    /// The account.
    account_id: Uuid,
    /// Name.
    name: String,
    /// Whether it is a system's account.
    service: bool,
    /// Scopes of a system; empty means all its role may do.
    scopes: Vec<String>,
    /// What you act as; absent when you sit at several tables and have not said at which.
    #[serde(skip_serializing_if = "Option::is_none")]
    acting: Option<StandingView>,
    /// What you are, table by table.
    standings: Vec<StandingView>,
    /// What you may do in the standing you act in.
    permitted: Vec<Permitted>,
}

/// An operation you may do, and how far.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Permitted {
    /// The operation.
    operation: String,
    /// `all`, `own` or `public`.
    reach: String,
}

fn view(standing: &Standing) -> StandingView {
    StandingView {
        partnership_id: (!standing.partnership_id.is_nil()).then_some(standing.partnership_id),
        role: standing.role.word().into(),
        organization_id: standing.organization_id,
        partner_id: standing.partner_id,
        seat_id: standing.seat_id,
        person_id: standing.person_id,
    }
}

/// Standings as clients see them.
pub fn standings(standings: &[Standing]) -> Vec<StandingView> {
    standings.iter().map(view).collect()
}

async fn get_me(ctx: Ctx, _: Nothing) -> Result<Me> {
    let principal = ctx.principal()?;
    let acting = ctx.caller.standing();
    let permitted =
        acting.map(|standing| ctx.app.operations.permitted(standing, &principal.scopes)).unwrap_or_default();
    Ok(Me {
        account_id: principal.account_id,
        name: principal.name.clone(),
        service: principal.service,
        scopes: principal.scopes.clone(),
        acting: acting.map(view),
        standings: standings(&principal.standings),
        permitted: permitted
            .into_iter()
            .map(|(operation, reach)| Permitted { operation, reach: reach.word().into() })
            .collect(),
    })
}
