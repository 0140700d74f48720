//! Signing in at identity providers (OpenID Connect), accepting invitations there, and linking identities to a login.
//!
//! An identity is known by issuer and subject. An e-mail address never links anything.

use std::sync::Arc;

use chrono::TimeDelta;
use roundtable_entity::{Timestamp, account, linked_identity, provider_sign_in};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::identity_provider::IdentityProvider;
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Nothing, Operations};
use roundtable_kernel::token::{fingerprint, new_secret};
use sea_orm::{ActiveModelTrait, ActiveValue, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::invitations;
use crate::provider::{Bound, Identity, Providers, SentBack};
use crate::sessions::{self, Session, own_account};

/// Path of this server's own page to come back to.
pub const CALLBACK: &str = "/sign-ins/callback";
/// How long a sign-in may take.
const LASTS: TimeDelta = TimeDelta::minutes(10);

pub(crate) fn register(table: &mut Operations) {
    let providers = Arc::new(Providers::default());
    table.report::<Nothing, IdentityProviders, _, _>(
        Op::ListIdentityProviders,
        "sessions",
        "identity-providers",
        list_identity_providers,
    );
    let known = providers.clone();
    table.submit(Op::StartProviderSignIn, "sessions", "sign-ins/oidc", move |ctx, given| {
        start(ctx, known.clone(), given)
    });
    table.submit(Op::CompleteProviderSignIn, "sessions", "sign-ins/oidc/complete", move |ctx, given| {
        complete(ctx, providers.clone(), given)
    });
    table.report::<Nothing, LinkedIdentities, _, _>(
        Op::ListLinkedIdentities,
        "me",
        "me/identities",
        list_linked_identities,
    );
    table.submit(Op::UnlinkIdentity, "me", "me/identities/unlink", unlink_identity);
}

/// Where people can sign in.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IdentityProviders {
    /// The providers.
    #[schema(max_items = 100)]
    items: Vec<ProviderView>,
}

/// An identity provider.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = IdentityProvider)]
pub struct ProviderView {
    /// Name to begin a sign-in with.
    name: String,
    /// What people call it.
    label: String,
    /// Its issuer.
    issuer: String,
}

async fn list_identity_providers(ctx: Ctx, _: Nothing) -> Result<IdentityProviders> {
    let items = ctx.app.identity_providers.iter().map(|provider| ProviderView {
        name: provider.name.clone(),
        label: provider.label.clone().unwrap_or_else(|| provider.name.clone()),
        issuer: provider.issuer.clone(),
    });
    Ok(IdentityProviders { items: items.collect() })
}

/// What a sign-in at a provider is begun with.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProviderSignInStart {
    /// Name of the provider, as `GET /v1/identity-providers` lists it.
    #[schema(min_length = 1, max_length = 40)]
    provider: String,
    /// Where the provider sends the browser back to: one of those allowed in the settings, to the letter. This server's
    /// own page when absent.
    #[schema(max_length = 2000)]
    redirect_uri: Option<String>,
    /// The secret of an invitation to accept with the identity.
    #[schema(min_length = 1, max_length = 200)]
    invitation_token: Option<String>,
    /// Whether to link the identity to the login you are signed in to, and nothing else.
    #[serde(default)]
    link: bool,
    /// The table to act at, for those who sit at several.
    partnership_id: Option<Uuid>,
}

/// A sign-in under way.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderSignInStarted {
    /// Where to send the browser.
    authorization_url: String,
    /// Keep it in this browser and nowhere else: only with it can the sign-in be completed.
    handle: String,
    /// Until when.
    expires_at: chrono::DateTime<chrono::Utc>,
}

fn named<'a>(ctx: &'a Ctx, name: &str) -> Option<&'a IdentityProvider> {
    ctx.app.identity_providers.iter().find(|provider| provider.name == name)
}

async fn start(ctx: Ctx, providers: Arc<Providers>, given: ProviderSignInStart) -> Result<ProviderSignInStarted> {
    let most = ctx.app.limits.sign_ins_per_minute.saturating_mul(10);
    ctx.app.attempts.count(&[format!("provider-start|{}", ctx.address)], most)?;
    let Some(provider) = named(&ctx, &given.provider) else {
        let names: Vec<&str> = ctx.app.identity_providers.iter().map(|provider| &*provider.name).collect();
        let detail = if names.is_empty() {
            "no identity provider is set up here".into()
        } else {
            format!("give one of {}", names.join(", "))
        };
        return Err(Error::member("/provider", "not_found", detail));
    };
    let own_page = format!("{}{CALLBACK}", ctx.app.public_url);
    let redirect_uri = given.redirect_uri.unwrap_or_else(|| own_page.clone());
    if redirect_uri != own_page && !provider.redirect_uris.contains(&redirect_uri) {
        let detail = "is not one of the redirect_uris of this provider in the settings, to the letter";
        return Err(Error::member("/redirectUri", "not_allowed", detail));
    }
    let invitation_hash = given.invitation_token.as_deref().map(fingerprint);
    let account_id = match (given.link, &invitation_hash) {
        (true, Some(_)) => {
            return Err(Error::member("/link", "not_allowed", "link an identity, or accept an invitation with it"));
        }
        (true, None) => Some(own_account(&ctx)?),
        (false, Some(hash)) => {
            invitations::open_invitation(&ctx, hash).await?;
            None
        }
        (false, None) => None,
    };
    let handle = new_secret("rth")?;
    let authorization_url = providers.way_to(provider, &redirect_uri, &Bound::to(&handle)).await?;
    let expires_at = ctx.now() + LASTS;
    let row = provider_sign_in::ActiveModel {
        handle_hash: ActiveValue::Set(fingerprint(&handle)),
        provider: ActiveValue::Set(provider.name.clone()),
        redirect_uri: ActiveValue::Set(redirect_uri),
        invitation_hash: ActiveValue::Set(invitation_hash),
        account_id: ActiveValue::Set(account_id),
        partnership_id: ActiveValue::Set(given.partnership_id),
        expires_at: ActiveValue::Set(expires_at),
    };
    ctx.write(move |ctx| {
        let row = row.clone();
        async move {
            row.insert(&ctx.read()).await?;
            Ok(())
        }
    })
    .await?;
    Ok(ProviderSignInStarted { authorization_url, handle, expires_at })
}

/// What the provider sent the browser back with.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProviderSignInCompletion {
    /// The handle of the start.
    #[schema(min_length = 1, max_length = 200)]
    handle: String,
    /// `state` of the address the browser came back to.
    #[schema(min_length = 1, max_length = 200)]
    state: String,
    /// `code` of it.
    #[schema(min_length = 1, max_length = 8000)]
    code: String,
    /// `iss` of it, where the provider gives it (RFC 9207).
    #[schema(max_length = 2000)]
    iss: Option<String>,
}

/// A sign-in that was completed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProviderSignedIn {
    /// The identity that signed in.
    identity: LinkedIdentity,
    /// The session; absent when an identity was only linked.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<Session>,
}

/// An identity that signs in to your login.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinkedIdentity {
    /// Identifier of the link.
    id: Uuid,
    /// Name of the provider.
    provider: String,
    /// The provider's issuer.
    issuer: String,
    /// Who you are there.
    subject: String,
    /// When it was linked.
    linked_at: chrono::DateTime<chrono::Utc>,
    /// When it last signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<chrono::DateTime<chrono::Utc>>,
}

impl From<linked_identity::Model> for LinkedIdentity {
    fn from(row: linked_identity::Model) -> Self {
        Self {
            id: row.id,
            provider: row.provider,
            issuer: row.issuer,
            subject: row.subject,
            linked_at: row.created_at,
            last_used_at: row.used_at,
        }
    }
}

/// Takes the sign-in out of those under way: whatever comes of it, it is not completed again.
async fn take(ctx: &Ctx, handle_hash: String) -> Result<provider_sign_in::Model> {
    let row = provider_sign_in::Entity::find_by_id(handle_hash.clone()).one(&ctx.read()).await?;
    let taken = provider_sign_in::Entity::delete_by_id(handle_hash).exec(&ctx.read()).await?;
    row.filter(|row| taken.rows_affected == 1 && row.expires_at > ctx.now()).ok_or_else(|| Code::SignInExpired.into())
}

async fn complete(ctx: Ctx, providers: Arc<Providers>, given: ProviderSignInCompletion) -> Result<ProviderSignedIn> {
    let keys = [format!("provider|{}", ctx.address)];
    ctx.app.attempts.count(&keys, ctx.app.limits.sign_ins_per_minute)?;
    let hash = fingerprint(&given.handle);
    let begun = ctx
        .write(move |ctx| {
            let hash = hash.clone();
            async move {
                let taken = take(&ctx, hash).await;
                // A sign-in that expired is gone all the same.
                Ok(taken)
            }
        })
        .await??;
    let bound = Bound::to(&given.handle);
    if fingerprint(&bound.state) != fingerprint(&given.state) {
        return Err(Code::SignInFailed.into());
    }
    if let Some(account_id) = begun.account_id
        && own_account(&ctx)? != account_id
    {
        return Err(Error::new(Code::Forbidden, "complete it signed in as whoever began it"));
    }
    // Taken out of the settings meanwhile.
    let provider = named(&ctx, &begun.provider).ok_or(Code::SignInExpired)?;
    let sent_back = SentBack { code: given.code, issuer: given.iss, redirect_uri: begun.redirect_uri.clone() };
    let identity = providers.identify(provider, sent_back, bound).await?;
    let account_id = begun.account_id;
    let (method, mut partnership_id) = (identity.provider.clone(), begun.partnership_id);
    let outcome = ctx
        .write(move |ctx| {
            let (begun, identity) = (begun.clone(), identity.clone());
            async move { settle(&ctx, begun, identity).await }
        })
        .await?;
    ctx.app.attempts.clear(&keys);
    partnership_id = outcome.partnership_id.or(partnership_id);
    let session = match account_id {
        Some(_) => None,
        None => Some(sessions::begin(&ctx, outcome.link.account_id, partnership_id, &method).await?),
    };
    Ok(ProviderSignedIn { identity: outcome.link.into(), session })
}

struct Settled {
    link: linked_identity::Model,
    partnership_id: Option<Uuid>,
}

/// Links, accepts, or signs in, as it was begun for.
async fn settle(ctx: &Ctx, begun: provider_sign_in::Model, identity: Identity) -> Result<Settled> {
    let linked = linked_identity::Entity::find()
        .filter(linked_identity::Column::Issuer.eq(&identity.issuer))
        .filter(linked_identity::Column::Subject.eq(&identity.subject))
        .one(&ctx.read())
        .await?;
    if let Some(account_id) = begun.account_id {
        let link = match linked {
            Some(link) if link.account_id == account_id => link,
            Some(_) => {
                return Err(Error::new(Code::AlreadyExists, "the identity signs in to another login already"));
            }
            None => link(ctx, account_id, &identity, None).await?,
        };
        return Ok(Settled { link, partnership_id: None });
    }
    if let Some(link) = &linked {
        let account = account::Entity::find_by_id(link.account_id).one(&ctx.read()).await?;
        if account.is_none_or(|account| account.suspended_at.is_some() || account.archived_at.is_some()) {
            return Err(Code::SignInFailed.into());
        }
    }
    if let Some(hash) = &begun.invitation_hash {
        let invited = invitations::open_invitation(ctx, hash).await?;
        let link = match linked {
            Some(link) => used(ctx, link).await?,
            None => {
                let account = invitations::new_account(ctx, &invited, identity.name.clone(), String::new()).await?;
                link(ctx, account.id, &identity, Some(ctx.now())).await?
            }
        };
        let partnership_id = Some(invited.partnership_id);
        invitations::admit(ctx, invited, link.account_id).await?;
        return Ok(Settled { link, partnership_id });
    }
    let link = used(ctx, linked.ok_or(Code::IdentityNotLinked)?).await?;
    Ok(Settled { link, partnership_id: None })
}

async fn used(ctx: &Ctx, link: linked_identity::Model) -> Result<linked_identity::Model> {
    let mut active = link.into_active_model();
    active.used_at = ActiveValue::Set(Some(ctx.now()));
    Ok(active.update(&ctx.read()).await?)
}

async fn link(
    ctx: &Ctx,
    account_id: Uuid,
    identity: &Identity,
    used_at: Option<Timestamp>,
) -> Result<linked_identity::Model> {
    let account = account::Entity::find_by_id(account_id).one(&ctx.read()).await?.ok_or(Code::SignInFailed)?;
    let row = linked_identity::ActiveModel {
        id: ActiveValue::Set(ctx.new_id()),
        account_id: ActiveValue::Set(account_id),
        provider: ActiveValue::Set(identity.provider.clone()),
        issuer: ActiveValue::Set(identity.issuer.clone()),
        subject: ActiveValue::Set(identity.subject.clone()),
        created_at: ActiveValue::Set(ctx.now()),
        used_at: ActiveValue::Set(used_at),
    };
    let row = row.insert(&ctx.read()).await?;
    ctx.event("account.identity_linked", &account, &[]).await?;
    Ok(row)
}

/// Links an identity that nobody has yet, on the word of a system that keeps the provider's people.
pub(crate) async fn vouch(ctx: &Ctx, account_id: Uuid, provider: &IdentityProvider, subject: &str) -> Result<()> {
    let identity = Identity {
        provider: provider.name.clone(),
        issuer: provider.issuer.clone(),
        subject: subject.into(),
        name: None,
    };
    link(ctx, account_id, &identity, None).await.map(|_| ())
}

/// The identities that sign in to your login.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LinkedIdentities {
    /// The identities.
    #[schema(max_items = 1000)]
    items: Vec<LinkedIdentity>,
}

async fn identities_of(ctx: &Ctx, account_id: Uuid) -> Result<Vec<linked_identity::Model>> {
    let rows = linked_identity::Entity::find()
        .filter(linked_identity::Column::AccountId.eq(account_id))
        .order_by_asc(linked_identity::Column::Id)
        .all(&ctx.read())
        .await?;
    Ok(rows)
}

async fn list_linked_identities(ctx: Ctx, _: Nothing) -> Result<LinkedIdentities> {
    let rows = identities_of(&ctx, ctx.principal()?.account_id).await?;
    Ok(LinkedIdentities { items: rows.into_iter().map(LinkedIdentity::from).collect() })
}

/// An identity to take off your login.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IdentityUnlinking {
    /// The link, as `GET /v1/me/identities` names it.
    identity_id: Uuid,
}

async fn unlink_identity(ctx: Ctx, given: IdentityUnlinking) -> Result<LinkedIdentities> {
    let account_id = own_account(&ctx)?;
    ctx.write(move |ctx| async move {
        let account = account::Entity::find_by_id(account_id).one(&ctx.read()).await?.ok_or(Code::Unauthenticated)?;
        let (gone, left): (Vec<_>, Vec<_>) =
            identities_of(&ctx, account_id).await?.into_iter().partition(|row| row.id == given.identity_id);
        let gone = gone.into_iter().next().ok_or_else(Error::not_found)?;
        if left.is_empty() && account.password_hash.is_empty() {
            return Err(Error::new(Code::InUse, "nothing else signs in to this login; link another identity first"));
        }
        linked_identity::Entity::delete_by_id(gone.id).exec(&ctx.read()).await?;
        ctx.event("account.identity_unlinked", &account, &[]).await?;
        Ok(LinkedIdentities { items: left.into_iter().map(LinkedIdentity::from).collect() })
    })
    .await
}
