//! Logins that another system keeps: made, changed and ended on its word.

use roundtable_entity::{Record, account, account_person, linked_identity, organization, provisioned_login};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Error, Result};
use roundtable_kernel::identity_provider::IdentityProvider;
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Arguments, Nothing, Operations};
use roundtable_kernel::record::{self, Target};
use roundtable_kernel::standing::{Caller, Principal};
use sea_orm::{ActiveModelTrait, ActiveValue, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::accounts::{client_id, speaks_for};
use crate::provider_sign_ins;

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<provisioned_login::Model>("provisioned-logins")
        .list(Op::ListProvisionedLogins)
        .get(Op::GetProvisionedLogin)
        .create(Op::CreateProvisionedLogin, create)
        .update(Op::UpdateProvisionedLogin, update)
        .act(Op::DeactivateProvisionedLogin, "deactivate", deactivate)
        .act(Op::ActivateProvisionedLogin, "activate", activate)
        .archive_by(Op::ArchiveProvisionedLogin, archive)
        .one::<organization::Model>("organization", "organization_id");
}

/// The same caller in the same role, whatever its scopes: what a login needs in the directory comes with the leave to
/// provision logins. The access table holds as before.
pub fn in_the_role(ctx: &Ctx) -> Ctx {
    match &*ctx.caller {
        Caller::Account { principal, acting } => {
            let principal = Principal { scopes: Vec::new(), ..(**principal).clone() };
            ctx.acting(Caller::Account { principal: principal.into(), acting: acting.clone() })
        }
        _ => ctx.clone(),
    }
}

/// Refuses words that are blank, and addresses that are none.
fn check(new: &provisioned_login::NewProvisionedLogin) -> Result<()> {
    for (pointer, text) in [("/userName", &new.user_name), ("/name", &new.name)] {
        if text.trim().is_empty() {
            return Err(Error::member(pointer, "blank", "give at least one letter or digit"));
        }
    }
    match &new.email {
        Some(email) if !is_address(email) => Err(Error::member("/email", "wrong_form", "is not an e-mail address")),
        _ => Ok(()),
    }
}

fn is_address(text: &str) -> bool {
    !text.contains(char::is_whitespace)
        && text.split_once('@').is_some_and(|(who, at)| !who.is_empty() && !at.is_empty() && !at.contains('@'))
}

/// The address the login shows: the one given, the name if it is one, or one that is nobody's (RFC 2606).
fn address(new: &provisioned_login::NewProvisionedLogin, id: Uuid) -> String {
    let name = Some(new.user_name.trim()).filter(|name| is_address(name)).map(str::to_owned);
    new.email.clone().or(name).unwrap_or_else(|| format!("{id}@provisioned.invalid"))
}

async fn create(ctx: Ctx, new: provisioned_login::NewProvisionedLogin) -> Result<provisioned_login::Model> {
    let permit = ctx.permit_at(Op::CreateProvisionedLogin, new.partnership_id)?;
    speaks_for(&permit, new.organization_id)?;
    check(&new)?;
    if let Some(id) = new.organization_id {
        record::reference::<organization::Model>(&ctx, "/organizationId", id).await?;
    }
    let id = ctx.new_id();
    let login = account::NewAccount { email: address(&new, id), name: new.name.clone() };
    let mut login = account::Model::begin(ctx.new_id(), ctx.now(), login);
    // Not an address: nobody else's login is met by it, and nobody is kept from theirs.
    login.email_key = ActiveValue::Set(format!("provisioned|{id}"));
    let login = record::insert::<account::Model>(&ctx, login, "account.made").await?;
    let person_id = match new.organization_id {
        Some(organization_id) => Some(person(&ctx, &new, organization_id).await?),
        None => None,
    };
    let mut active = provisioned_login::Model::begin(id, ctx.now(), new.clone());
    active.owner_key = ActiveValue::Set(new.organization_id.map(|id| id.to_string()).unwrap_or_default());
    active.user_name_key = ActiveValue::Set(new.user_name.trim().to_lowercase());
    active.account_id = ActiveValue::Set(login.id);
    active.person_id = ActiveValue::Set(person_id);
    let row = record::insert::<provisioned_login::Model>(&ctx, active, "provisioned_login.made").await?;
    let_in(&ctx, &row).await?;
    vouch(&ctx, &row).await?;
    Ok(row)
}

/// The person in the directory, working for the organisation.
async fn person(ctx: &Ctx, new: &provisioned_login::NewProvisionedLogin, organization_id: Uuid) -> Result<Uuid> {
    let inner = in_the_role(ctx);
    let table = &ctx.app.operations;
    let mut body = json!({ "partnershipId": new.partnership_id, "name": new.name });
    if let Some(email) = &new.email {
        body["email"] = json!(email);
    }
    let made = table.call(&inner, Op::CreatePerson, Arguments::sending(body)).await?;
    let person_id = made.id.ok_or_else(|| Error::internal("a person was made without an id"))?;
    let mut works = json!({
        "partnershipId": new.partnership_id, "personId": person_id, "organizationId": organization_id,
    });
    if let Some(title) = &new.title {
        works["title"] = json!(title);
    }
    table.call(&inner, Op::CreateAffiliation, Arguments::sending(works)).await?;
    Ok(person_id)
}

async fn let_in(ctx: &Ctx, row: &provisioned_login::Model) -> Result<()> {
    if let Some(person_id) = row.person_id {
        let link = account_person::ActiveModel {
            account_id: ActiveValue::Set(row.account_id),
            person_id: ActiveValue::Set(person_id),
        };
        if account_person::Entity::find_by_id((row.account_id, person_id)).one(&ctx.read()).await?.is_none() {
            link.insert(&ctx.read()).await?;
        }
    }
    ctx.standings_change();
    Ok(())
}

/// Whoever the person signs in as stands for it no more.
async fn shut_out(ctx: &Ctx, row: &provisioned_login::Model) -> Result<()> {
    if let Some(person_id) = row.person_id {
        account_person::Entity::delete_many()
            .filter(account_person::Column::PersonId.eq(person_id))
            .exec(&ctx.read())
            .await?;
    }
    ctx.standings_change();
    Ok(())
}

/// Providers that the caller speaks for.
async fn vouched(ctx: &Ctx) -> Result<Vec<&IdentityProvider>> {
    let Some(client) = client_id(ctx).await? else { return Ok(Vec::new()) };
    Ok(ctx.app.identity_providers.iter().filter(|provider| provider.provisioned_by.contains(&client)).collect())
}

/// At providers the caller speaks for, the external id is the subject that signs in to the login.
async fn vouch(ctx: &Ctx, row: &provisioned_login::Model) -> Result<()> {
    for provider in vouched(ctx).await? {
        linked_identity::Entity::delete_many()
            .filter(linked_identity::Column::AccountId.eq(row.account_id))
            .filter(linked_identity::Column::Issuer.eq(&provider.issuer))
            .exec(&ctx.read())
            .await?;
        if let Some(subject) = &row.external_id {
            provider_sign_ins::vouch(ctx, row.account_id, provider, subject).await?;
        }
    }
    Ok(())
}

async fn update(ctx: Ctx, at: Target, patch: Value) -> Result<provisioned_login::Model> {
    record::check_patch::<provisioned_login::Model>(&patch)?;
    let row = record::target::<provisioned_login::Model>(&ctx, Op::UpdateProvisionedLogin, at).await?;
    speaks_for(&ctx.permit(Op::UpdateProvisionedLogin)?, row.organization_id)?;
    let new = record::merged(&row, &patch)?;
    check(&new)?;
    let mut active = row.clone().into_active_model();
    active.user_name_key.set_if_not_equals(new.user_name.trim().to_lowercase());
    provisioned_login::Model::edit(&mut active, new.clone());
    let saved = record::save(&ctx, &row, active, "provisioned_login.updated").await?;
    if let Some(login) = account::Entity::find_by_id(row.account_id).one(&ctx.read()).await? {
        let mut active = login.clone().into_active_model();
        active.name = ActiveValue::Set(new.name.clone());
        active.email = ActiveValue::Set(address(&new, row.id));
        record::save(&ctx, &login, active, "account.updated").await?;
    }
    if let Some(person_id) = saved.person_id.filter(|_| (&row.name, &row.email) != (&new.name, &new.email)) {
        let inner = in_the_role(&ctx);
        let table = &ctx.app.operations;
        let version = table.call(&inner, Op::GetPerson, Arguments::of(person_id)).await?.version;
        let body = json!({ "name": new.name, "email": new.email });
        let change = Arguments { id: Some(person_id), version, ..Arguments::sending(body) };
        table.call(&inner, Op::UpdatePerson, change).await?;
    }
    if saved.external_id != row.external_id {
        vouch(&ctx, &saved).await?;
    }
    Ok(saved)
}

/// Suspends the login itself, or lets it sign in again.
async fn suspend(ctx: &Ctx, row: &provisioned_login::Model, suspended: bool, archived: bool) -> Result<()> {
    if let Some(login) = account::Entity::find_by_id(row.account_id).one(&ctx.read()).await? {
        let mut active = login.clone().into_active_model();
        active.suspended_at = ActiveValue::Set(suspended.then_some(ctx.now()));
        if suspended {
            active.sessions_since = ActiveValue::Set(ctx.now());
        }
        if archived {
            active.archived_at = ActiveValue::Set(Some(ctx.now()));
        }
        let kind = if suspended { "account.suspended" } else { "account.reinstated" };
        record::save(ctx, &login, active, kind).await?;
    }
    Ok(())
}

async fn deactivate(ctx: Ctx, at: Target, _: Nothing) -> Result<provisioned_login::Model> {
    let row = record::target::<provisioned_login::Model>(&ctx, Op::DeactivateProvisionedLogin, at).await?;
    if !row.active {
        return Ok(row);
    }
    suspend(&ctx, &row, true, false).await?;
    shut_out(&ctx, &row).await?;
    let mut active = row.clone().into_active_model();
    active.active = ActiveValue::Set(false);
    record::save(&ctx, &row, active, "provisioned_login.deactivated").await
}

async fn activate(ctx: Ctx, at: Target, _: Nothing) -> Result<provisioned_login::Model> {
    let row = record::target::<provisioned_login::Model>(&ctx, Op::ActivateProvisionedLogin, at).await?;
    speaks_for(&ctx.permit(Op::ActivateProvisionedLogin)?, row.organization_id)?;
    if row.active {
        return Ok(row);
    }
    suspend(&ctx, &row, false, false).await?;
    let_in(&ctx, &row).await?;
    let mut active = row.clone().into_active_model();
    active.active = ActiveValue::Set(true);
    record::save(&ctx, &row, active, "provisioned_login.activated").await
}

async fn archive(ctx: Ctx, at: Target) -> Result<provisioned_login::Model> {
    let row = record::target::<provisioned_login::Model>(&ctx, Op::ArchiveProvisionedLogin, at).await?;
    suspend(&ctx, &row, true, true).await?;
    shut_out(&ctx, &row).await?;
    linked_identity::Entity::delete_many()
        .filter(linked_identity::Column::AccountId.eq(row.account_id))
        .exec(&ctx.read())
        .await?;
    let mut active = row.clone().into_active_model();
    active.active = ActiveValue::Set(false);
    active.archived_at = ActiveValue::Set(Some(ctx.now()));
    record::save(&ctx, &row, active, "provisioned_login.archived").await
}
