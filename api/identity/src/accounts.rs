//! Accounts of people and systems, and appointments.

use roundtable_entity::{OrganizationKind, Record, account, organization, service_account, staff_appointment};
use roundtable_kernel::access::{Permit, Reach};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Nothing, Operations};
use roundtable_kernel::record::{self, Target};
use roundtable_kernel::standing::Role;
use roundtable_kernel::token::{fingerprint, new_secret};
use sea_orm::{ActiveValue, EntityTrait, IntoActiveModel};
use serde_json::Value;
use uuid::Uuid;

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<account::Model>("accounts")
        .list(Op::ListAccounts)
        .get(Op::GetAccount)
        .act(Op::SuspendAccount, "suspend", suspend_account)
        .act(Op::ReinstateAccount, "reinstate", reinstate_account);
    table
        .collection::<staff_appointment::Model>("staff-appointments")
        .list(Op::ListStaffAppointments)
        .get(Op::GetStaffAppointment)
        .create(Op::CreateStaffAppointment, create_staff_appointment)
        .archive(Op::ArchiveStaffAppointment);
    table
        .collection::<service_account::Model>("service-accounts")
        .list(Op::ListServiceAccounts)
        .get(Op::GetServiceAccount)
        .create(Op::CreateServiceAccount, create_service_account)
        .update(Op::UpdateServiceAccount, update_service_account)
        .archive(Op::ArchiveServiceAccount)
        .act(Op::RenewSecret, "renew-secret", renew_secret)
        .one::<organization::Model>("organization", "organization_id");
}

async fn suspend_account(ctx: Ctx, at: Target, _: Nothing) -> Result<account::Model> {
    let row = record::target::<account::Model>(&ctx, Op::SuspendAccount, at).await?;
    let mut active = row.clone().into_active_model();
    active.suspended_at = ActiveValue::Set(Some(row.suspended_at.unwrap_or(ctx.now())));
    active.sessions_since = ActiveValue::Set(ctx.now());
    ctx.standings_change();
    record::save(&ctx, &row, active, "account.suspended").await
}

async fn reinstate_account(ctx: Ctx, at: Target, _: Nothing) -> Result<account::Model> {
    let row = record::target::<account::Model>(&ctx, Op::ReinstateAccount, at).await?;
    let mut active = row.clone().into_active_model();
    active.suspended_at = ActiveValue::Set(None);
    ctx.standings_change();
    record::save(&ctx, &row, active, "account.reinstated").await
}

async fn create_staff_appointment(
    ctx: Ctx,
    new: staff_appointment::NewStaffAppointment,
) -> Result<staff_appointment::Model> {
    ctx.permit_at(Op::CreateStaffAppointment, new.partnership_id)?;
    let known = account::Entity::find_by_id(new.account_id).one(&ctx.read()).await?;
    if known.is_none_or(|account| account.archived_at.is_some()) {
        return Err(Error::member("/accountId", "not_found", "there is no such account; invite them instead"));
    }
    let active = staff_appointment::Model::begin(ctx.new_id(), ctx.now(), new);
    ctx.standings_change();
    record::insert::<staff_appointment::Model>(&ctx, active, "staff_appointment.made").await
}

/// The role a system is bound to: that of the organisation that owns it, the intermediary's when none does.
fn bound_role(organization: Option<OrganizationKind>) -> Role {
    organization.map_or(Role::Intermediary, Role::of_kind)
}

fn check_scopes(ctx: &Ctx, scopes: &[String]) -> Result<()> {
    let held = ctx.principal().map(|principal| principal.scopes.as_slice()).unwrap_or_default();
    let beyond = scopes.is_empty() || scopes.iter().any(|scope| !held.contains(scope));
    if !held.is_empty() && beyond {
        return Err(Error::new(Code::ScopeMissing, "an account with scopes gives no more than it has"));
    }
    let known: Vec<String> =
        ctx.app.operations.iter().map(|operation| ctx.app.operations.scope(operation.op)).collect();
    match scopes.iter().position(|scope| !known.contains(scope)) {
        None => Ok(()),
        Some(index) => Err(Error::member(
            format!("/scopes/{index}"),
            "unknown_value",
            "a scope is a collection and read or write, such as meetings:read",
        )),
    }
}

/// Refuses who would hold the secret of another organisation's account, and so speak in its place (practice 4).
pub(crate) fn speaks_for(permit: &Permit, organization_id: Option<Uuid>) -> Result<()> {
    let standing = &permit.standing;
    if standing.acts_for(organization_id) || (organization_id.is_none() && permit.reach == Reach::All) {
        return Ok(());
    }
    Err(if standing.role.is_intermediary() { Code::IntermediaryCannotSetCourse.into() } else { Code::NotYours.into() })
}

/// The client id of the system that asks; nothing for people.
pub(crate) async fn client_id(ctx: &Ctx) -> Result<Option<String>> {
    let Some(id) = ctx.caller.account_id() else { return Ok(None) };
    let row = service_account::Entity::find_by_id(id).one(&ctx.read()).await?;
    Ok(row.map(|row| row.client_id))
}

async fn create_service_account(ctx: Ctx, new: service_account::NewServiceAccount) -> Result<service_account::Model> {
    let permit = ctx.permit_at(Op::CreateServiceAccount, new.partnership_id)?;
    speaks_for(&permit, new.organization_id)?;
    check_scopes(&ctx, &new.scopes.0)?;
    let owner = match new.organization_id {
        Some(id) => Some(record::reference::<organization::Model>(&ctx, "/organizationId", id).await?.kind),
        None => None,
    };
    let secret = new_secret("rts")?;
    let mut active = service_account::Model::begin(ctx.new_id(), ctx.now(), new);
    active.role = ActiveValue::Set(bound_role(owner).word().into());
    active.client_id = ActiveValue::Set(format!("rtc_{}", ctx.new_id().simple()));
    active.secret_hash = ActiveValue::Set(fingerprint(&secret));
    let mut row = record::insert::<service_account::Model>(&ctx, active, "service_account.made").await?;
    row.client_secret = Some(secret);
    Ok(row)
}

async fn update_service_account(ctx: Ctx, at: Target, patch: Value) -> Result<service_account::Model> {
    let scopes = ctx.clone();
    ctx.standings_change();
    record::update_checked::<service_account::Model>(&ctx, Op::UpdateServiceAccount, at, &patch, |_, new, _| {
        check_scopes(&scopes, &new.scopes.0)
    })
    .await
}

async fn renew_secret(ctx: Ctx, at: Target, _: Nothing) -> Result<service_account::Model> {
    let row = record::target::<service_account::Model>(&ctx, Op::RenewSecret, at).await?;
    speaks_for(&ctx.permit(Op::RenewSecret)?, row.organization_id)?;
    check_scopes(&ctx, &row.scopes.0)?;
    let secret = new_secret("rts")?;
    let mut active = row.clone().into_active_model();
    active.secret_hash = ActiveValue::Set(fingerprint(&secret));
    let mut row = record::save(&ctx, &row, active, "service_account.secret_renewed").await?;
    row.client_secret = Some(secret);
    Ok(row)
}
