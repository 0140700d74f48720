//! Invitations: how somebody gets a login.

use chrono::Duration;
use roundtable_entity::{Record, account, account_person, invitation, organization, person, staff_appointment};
use roundtable_kernel::access::Reach;
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::record;
use roundtable_kernel::token::{fingerprint, hash_password, new_secret, password_matches};
use sea_orm::{ActiveModelTrait, ActiveValue, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::sessions::{self, Session};

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<invitation::Model>("invitations")
        .list(Op::ListInvitations)
        .get(Op::GetInvitation)
        .create(Op::CreateInvitation, create_invitation)
        .archive(Op::ArchiveInvitation)
        .one::<person::Model>("person", "person_id");
    table.submit(Op::AcceptInvitation, "invitations", "invitations/accept", accept_invitation);
}

async fn create_invitation(ctx: Ctx, new: invitation::NewInvitation) -> Result<invitation::Model> {
    let permit = ctx.permit_at(Op::CreateInvitation, new.partnership_id)?;
    let mut organization_id = new.organization_id;
    match (new.person_id, new.staff_role) {
        (Some(id), None) => {
            let person = record::reference::<person::Model>(&ctx, "/personId", id).await?;
            organization_id = person.organization_id;
            permit.covers(&[person.organization_id])?;
        }
        (None, Some(_)) => {
            let appoints = ctx.permit(Op::CreateStaffAppointment);
            if permit.reach != Reach::All || appoints.is_err() {
                return Err(Error::new(Code::Forbidden, "only the intermediary's lead and the operator appoint"));
            }
            if let Some(id) = organization_id {
                record::reference::<organization::Model>(&ctx, "/organizationId", id).await?;
            }
        }
        _ => {
            return Err(Error::member("/personId", "required", "give personId for somebody with a seat, or staffRole"));
        }
    }
    let token = new_secret("rti")?;
    let lasts = Duration::from_std(ctx.app.limits.invitation).map_err(Error::internal)?;
    let mut active = invitation::Model::begin(ctx.new_id(), ctx.now(), new);
    active.organization_id = ActiveValue::Set(organization_id);
    active.expires_at = ActiveValue::Set(ctx.now() + lasts);
    active.token_hash = ActiveValue::Set(fingerprint(&token));
    let mut row = record::insert::<invitation::Model>(&ctx, active, "invitation.made").await?;
    // Where it is mailed, nobody else holds it: not even whoever invites.
    row.token = Some(token).filter(|_| ctx.app.mail_from.is_none());
    Ok(row)
}

/// What accepts an invitation.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Acceptance {
    /// The secret of the invitation.
    #[schema(min_length = 1, max_length = 200)]
    pub token: String,
    /// The password of the login: a new one, or the present one when the address has a login already.
    #[schema(min_length = 12, max_length = 200)]
    pub password: String,
    /// Name, for a new login.
    #[schema(max_length = 200)]
    pub name: Option<String>,
}

/// The invitation with this hash of its secret, while it can be accepted.
pub(crate) async fn open_invitation(ctx: &Ctx, token_hash: &str) -> Result<invitation::Model> {
    let row = invitation::Entity::find()
        .filter(invitation::Column::TokenHash.eq(token_hash))
        .filter(invitation::Column::ArchivedAt.is_null())
        .filter(invitation::Column::AcceptedAt.is_null())
        .one(&ctx.read())
        .await?;
    row.filter(|row| row.expires_at > ctx.now()).ok_or_else(|| Code::InvitationDead.into())
}

async fn accept_invitation(ctx: Ctx, acceptance: Acceptance) -> Result<Session> {
    let keys = [format!("invitation|{}", ctx.address)];
    ctx.app.attempts.count(&keys, ctx.app.limits.sign_ins_per_minute)?;
    let invited = open_invitation(&ctx, &fingerprint(&acceptance.token)).await?;
    let email_key = sessions::email_key(&invited.email);
    let known = sessions::account_by_email(&ctx, &email_key).await?;
    // The work of hashing is done before the transaction, which may run again.
    let hash = match &known {
        Some(account) => {
            if !password_matches(acceptance.password.clone(), account.password_hash.clone()).await? {
                return Err(Code::SignInFailed.into());
            }
            account.password_hash.clone()
        }
        None => hash_password(acceptance.password.clone()).await?,
    };
    ctx.app.attempts.clear(&keys);
    let partnership_id = invited.partnership_id;
    let account_id = ctx
        .write(move |ctx| {
            let (acceptance, hash, email_key) = (acceptance.clone(), hash.clone(), email_key.clone());
            async move { take_in(&ctx, &acceptance, hash, email_key).await }
        })
        .await?;
    sessions::begin(&ctx, account_id, Some(partnership_id), "invitation").await
}

async fn take_in(ctx: &Ctx, acceptance: &Acceptance, hash: String, email_key: String) -> Result<Uuid> {
    let invited = open_invitation(ctx, &fingerprint(&acceptance.token)).await?;
    let account = match sessions::account_by_email(ctx, &email_key).await? {
        Some(account) => account,
        None => new_account(ctx, &invited, acceptance.name.clone(), hash).await?,
    };
    admit(ctx, invited, account.id).await?;
    Ok(account.id)
}

/// Makes the login of somebody invited; without a password hash they sign in at an identity provider only.
pub(crate) async fn new_account(
    ctx: &Ctx,
    invited: &invitation::Model,
    name: Option<String>,
    hash: String,
) -> Result<account::Model> {
    let email_key = sessions::email_key(&invited.email);
    if sessions::account_by_email(ctx, &email_key).await?.is_some() {
        let detail = "a login with the address invited is there; accept with its password, then link the identity";
        return Err(Error::new(Code::AlreadyExists, detail));
    }
    let new = account::NewAccount { email: invited.email.clone(), name: name.unwrap_or_else(|| invited.email.clone()) };
    let mut active = account::Model::begin(ctx.new_id(), ctx.now(), new);
    active.email_key = ActiveValue::Set(email_key);
    active.password_hash = ActiveValue::Set(hash);
    record::insert::<account::Model>(ctx, active, "account.made").await
}

/// Gives this login what the invitation brings, once.
pub(crate) async fn admit(ctx: &Ctx, invited: invitation::Model, account_id: Uuid) -> Result<()> {
    let account = account::Entity::find_by_id(account_id).one(&ctx.read()).await?.ok_or(Code::SignInFailed)?;
    if account.suspended_at.is_some() {
        return Err(Code::SignInFailed.into());
    }
    if let Some(person_id) = invited.person_id {
        let link = account_person::ActiveModel {
            account_id: ActiveValue::Set(account_id),
            person_id: ActiveValue::Set(person_id),
        };
        let linked = account_person::Entity::find_by_id((account_id, person_id)).one(&ctx.read()).await?;
        if linked.is_none() {
            link.insert(&ctx.read()).await?;
        }
    }
    if let Some(role) = invited.staff_role {
        let new = staff_appointment::NewStaffAppointment {
            partnership_id: invited.partnership_id,
            account_id,
            role,
            organization_id: invited.organization_id,
        };
        let active = staff_appointment::Model::begin(ctx.new_id(), ctx.now(), new);
        record::insert::<staff_appointment::Model>(ctx, active, "staff_appointment.made").await?;
    }
    let mut active = invited.clone().into_active_model();
    active.accepted_at = ActiveValue::Set(Some(ctx.now()));
    record::save(ctx, &invited, active, "invitation.accepted").await?;
    ctx.standings_change();
    Ok(())
}
