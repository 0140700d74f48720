//! Users of SCIM: the logins that the client keeps.

use std::collections::HashMap;

use roundtable_entity::provisioned_login;
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::Error;
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Arguments;
use roundtable_kernel::scope::Scoped;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::filter::{Filter, member};
use crate::groups::{self, Role};
use crate::refusal::{Refusal, Result};
use crate::schemas::USER;
use crate::{Keeper, patch};

type Login = provisioned_login::Model;

/// Logins of the client's own people that are there.
fn own(keeper: &Keeper) -> Result<Select<provisioned_login::Entity>> {
    let permit = keeper.ctx.permit(Op::ListProvisionedLogins)?;
    Ok(provisioned_login::Entity::find()
        .filter(Login::rows(&permit))
        .filter(provisioned_login::Column::PartnershipId.eq(keeper.partnership_id))
        .filter(provisioned_login::Column::OwnerKey.eq(keeper.owner_key()))
        .filter(provisioned_login::Column::ArchivedAt.is_null()))
}

/// The login with this id.
pub(crate) async fn find(keeper: &Keeper, id: &str) -> Result<Login> {
    let id = Uuid::parse_str(id).map_err(|_| Refusal::not_found())?;
    let row = own(keeper)?.filter(provisioned_login::Column::Id.eq(id)).one(&keeper.ctx.read()).await;
    row.map_err(Error::from)?.ok_or_else(Refusal::not_found)
}

/// The logins with these ids; every one has to be there.
pub(crate) async fn find_all(keeper: &Keeper, ids: &[Uuid]) -> Result<Vec<Login>> {
    let rows = own(keeper)?.filter(provisioned_login::Column::Id.is_in(ids.iter().copied()));
    let rows = rows.all(&keeper.ctx.read()).await.map_err(Error::from)?;
    match ids.iter().find(|id| !rows.iter().any(|row| row.id == **id)) {
        Some(id) => Err(Refusal::bad("invalidValue", format!("{id} is no user you may know of"))),
        None => Ok(rows),
    }
}

/// Which of the logins to show: a slice of them and how many there are.
pub(crate) async fn page(
    keeper: &Keeper,
    filter: Option<&Filter>,
    sorted: bool,
    skip: usize,
    count: usize,
) -> Result<(Vec<Login>, Option<usize>)> {
    let mut rows = own(keeper)?;
    let read = keeper.ctx.read();
    let mut exact = filter.is_none();
    // What clients ask before they make or change a user; a database of any size answers it at once.
    if let Some((path, text)) = filter.and_then(Filter::only_equals) {
        exact = true;
        if path.is("userName") {
            rows = rows.filter(provisioned_login::Column::UserNameKey.eq(text.trim().to_lowercase()));
        } else if path.is("externalId") {
            rows = rows.filter(provisioned_login::Column::ExternalId.eq(text));
        } else if path.is("id") {
            rows = rows.filter(provisioned_login::Column::Id.eq(Uuid::parse_str(text).unwrap_or_default()));
        } else {
            exact = false;
        }
    }
    let ordered = rows.clone().order_by_asc(provisioned_login::Column::Id);
    if !exact || sorted {
        return Ok((ordered.all(&read).await.map_err(Error::from)?, None));
    }
    let total = rows.count(&read).await.map_err(Error::from)?;
    let shown = ordered.offset(skip as u64).limit(count as u64).all(&read).await.map_err(Error::from)?;
    Ok((shown, Some(usize::try_from(total).unwrap_or(usize::MAX))))
}

/// Logins as SCIM shows them.
pub(crate) async fn shown(keeper: &Keeper, rows: &[Login]) -> Result<Vec<Value>> {
    let mut roles: HashMap<Uuid, Vec<Role>> = HashMap::new();
    for (role, login) in groups::held(keeper, rows).await? {
        roles.entry(login).or_default().push(role);
    }
    Ok(rows.iter().map(|row| user(keeper, row, roles.remove(&row.id).unwrap_or_default())).collect())
}

fn user(keeper: &Keeper, row: &Login, roles: Vec<Role>) -> Value {
    let at = keeper.at();
    let mut user = json!({
        "schemas": [USER], "id": row.id, "userName": row.user_name, "displayName": row.name, "active": row.active,
        "meta": {
            "resourceType": "User", "created": row.created_at, "lastModified": row.updated_at,
            "version": crate::tag(row.version), "location": format!("{at}/Users/{}", row.id),
        },
    });
    if let Some(id) = &row.external_id {
        user["externalId"] = json!(id);
    }
    if let Some(title) = &row.title {
        user["title"] = json!(title);
    }
    let mut name = Map::new();
    for (member, value) in [("givenName", &row.given_name), ("familyName", &row.family_name)] {
        if let Some(value) = value {
            name.insert(member.into(), json!(value));
        }
    }
    if !name.is_empty() {
        user["name"] = Value::Object(name);
    }
    if let Some(email) = &row.email {
        user["emails"] = json!([{ "value": email, "type": "work", "primary": true }]);
    }
    if !roles.is_empty() {
        user["groups"] = roles.iter().map(|role| role.reference(keeper)).collect();
    }
    user
}

/// What a client says of a user, as an operation takes it, and whether it is active.
fn given(user: &Value) -> Result<(Map<String, Value>, Option<bool>)> {
    if !user.is_object() {
        return Err(Refusal::bad("invalidSyntax", "a user is a JSON object"));
    }
    let text = |of: &Value, name: &str| -> Result<Option<String>> {
        match member(of, name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            Some(_) => Err(Refusal::bad("invalidValue", format!("{name} is a text"))),
        }
    };
    let user_name = text(user, "userName")?.ok_or_else(|| Refusal::bad("invalidValue", "userName is missing"))?;
    let parts = member(user, "name").cloned().unwrap_or_default();
    let (given_name, family_name) = (text(&parts, "givenName")?, text(&parts, "familyName")?);
    let both: Vec<&str> = [&given_name, &family_name].into_iter().flatten().map(String::as_str).collect();
    let name = match (text(user, "displayName")?, text(&parts, "formatted")?) {
        (Some(name), _) | (None, Some(name)) => name,
        (None, None) if !both.is_empty() => both.join(" "),
        (None, None) => user_name.clone(),
    };
    let emails = member(user, "emails").and_then(Value::as_array).cloned().unwrap_or_default();
    let primary = emails.iter().find(|email| member(email, "primary") == Some(&Value::Bool(true))).or(emails.first());
    let email = match primary {
        Some(Value::String(email)) => Some(email.clone()),
        Some(email) => text(email, "value")?,
        None => None,
    };
    let active = match member(user, "active") {
        None | Some(Value::Null) => None,
        Some(Value::Bool(active)) => Some(*active),
        // Some clients write it so.
        Some(Value::String(word)) if word.eq_ignore_ascii_case("true") => Some(true),
        Some(Value::String(word)) if word.eq_ignore_ascii_case("false") => Some(false),
        Some(_) => return Err(Refusal::bad("invalidValue", "active is true or false")),
    };
    let mut body = Map::new();
    for (member, value) in [
        ("userName", Some(user_name)),
        ("externalId", text(user, "externalId")?),
        ("name", Some(name)),
        ("givenName", given_name),
        ("familyName", family_name),
        ("email", email),
        ("title", text(user, "title")?),
    ] {
        body.insert(member.into(), json!(value));
    }
    Ok((body, active))
}

async fn read(keeper: &Keeper, id: Option<Uuid>) -> Result<Login> {
    find(keeper, &id.unwrap_or_default().to_string()).await
}

/// Makes a user.
pub(crate) async fn create(keeper: &Keeper, user: &Value) -> Result<Login> {
    let (mut body, active) = given(user)?;
    body.insert("partnershipId".into(), json!(keeper.partnership_id));
    body.insert("organizationId".into(), json!(keeper.organization_id));
    let id = keeper
        .ctx
        .write(move |ctx| {
            let body = Value::Object(body.clone());
            async move {
                let table = ctx.app.operations.clone();
                let made = table.call(&ctx, Op::CreateProvisionedLogin, Arguments::sending(body)).await?;
                if active == Some(false) {
                    let change = Arguments { id: made.id, version: made.version, ..Arguments::default() };
                    table.call(&ctx, Op::DeactivateProvisionedLogin, change).await?;
                }
                Ok(made.id)
            }
        })
        .await?;
    read(keeper, id).await
}

/// Makes the user what the client says it is.
pub(crate) async fn replace(keeper: &Keeper, row: &Login, user: &Value) -> Result<Login> {
    let (body, active) = given(user)?;
    let (id, version, was_active) = (row.id, row.version, row.active);
    keeper
        .ctx
        .write(move |ctx| {
            let body = Value::Object(body.clone());
            async move {
                let table = ctx.app.operations.clone();
                let change = Arguments { id: Some(id), version: Some(version), ..Arguments::sending(body) };
                let version = table.call(&ctx, Op::UpdateProvisionedLogin, change).await?.version;
                // What a replacement does not say, it leaves.
                let active = active.unwrap_or(was_active);
                if active != was_active {
                    let op = if active { Op::ActivateProvisionedLogin } else { Op::DeactivateProvisionedLogin };
                    let change = Arguments { id: Some(id), version, ..Arguments::default() };
                    table.call(&ctx, op, change).await?;
                }
                Ok(())
            }
        })
        .await?;
    read(keeper, Some(id)).await
}

/// Changes parts of a user.
pub(crate) async fn change(keeper: &Keeper, row: &Login, operations: &Value) -> Result<Login> {
    let mut user = shown(keeper, std::slice::from_ref(row)).await?.pop().unwrap_or_default();
    patch::apply(&mut user, operations)?;
    replace(keeper, row, &user).await
}

/// Ends a user.
pub(crate) async fn delete(ctx: &Ctx, row: &Login) -> Result<()> {
    let gone = Arguments { id: Some(row.id), version: Some(row.version), ..Arguments::default() };
    ctx.app.operations.call(ctx, Op::ArchiveProvisionedLogin, gone).await?;
    Ok(())
}
