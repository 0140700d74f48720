//! Sessions: signing in, staying signed in, signing out.

use chrono::Duration;
use roundtable_entity::{account, refresh_token};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::token::{fingerprint, hash_password, new_secret, password_matches};
use sea_orm::sea_query::Expr;
use sea_orm::{ActiveModelTrait, ActiveValue, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::me::{StandingView, standings};

pub(crate) fn register(table: &mut Operations) {
    table.submit(Op::CreateSession, "sessions", "sessions", create_session);
    table.submit(Op::RefreshSession, "sessions", "sessions/refresh", refresh_session);
    table.submit(Op::EndSession, "sessions", "sessions/end", end_session);
    table.submit(Op::ChangePassword, "me", "me/password", change_password);
}

/// What somebody signs in with.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Credentials {
    /// E-mail address of the login.
    #[schema(min_length = 3, max_length = 320)]
    email: String,
    /// Password.
    #[schema(min_length = 1, max_length = 200)]
    password: String,
    /// The table to act at, for those who sit at several.
    partnership_id: Option<Uuid>,
}

/// A session: a short-lived access token, and a refresh token for the next one.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// Send it as `Authorization: Bearer …`.
    access_token: String,
    /// Always `Bearer`.
    token_type: String,
    /// Seconds until the access token expires.
    expires_in: i32,
    /// Exchange it at `POST /v1/sessions/refresh`, once.
    refresh_token: String,
    /// What you are, table by table.
    standings: Vec<StandingView>,
}

/// A refresh token.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Refresh {
    /// The token.
    #[schema(min_length = 1, max_length = 200)]
    refresh_token: String,
}

/// The form of an address by which logins are told apart.
pub fn email_key(email: &str) -> String {
    email.trim().to_lowercase()
}

/// The login of this address.
pub async fn account_by_email(ctx: &Ctx, key: &str) -> Result<Option<account::Model>> {
    let row = account::Entity::find()
        .filter(account::Column::EmailKey.eq(key))
        .filter(account::Column::ArchivedAt.is_null())
        .one(&ctx.read())
        .await?;
    Ok(row)
}

async fn create_session(ctx: Ctx, given: Credentials) -> Result<Session> {
    let key = email_key(&given.email);
    let keys = [format!("account|{key}"), format!("address|{}", ctx.address)];
    ctx.app.attempts.count(&keys, ctx.app.limits.sign_ins_per_minute)?;
    let account = account_by_email(&ctx, &key).await?;
    let hash = account.as_ref().map(|account| account.password_hash.clone()).unwrap_or_default();
    let matches = password_matches(given.password, hash).await?;
    match account {
        Some(account) if matches && account.suspended_at.is_none() => {
            ctx.app.attempts.clear(&keys);
            begin(&ctx, account.id, given.partnership_id).await
        }
        _ => Err(Code::SignInFailed.into()),
    }
}

/// Begins a session for this account.
pub async fn begin(ctx: &Ctx, account_id: Uuid, partnership_id: Option<Uuid>) -> Result<Session> {
    let family = ctx.new_id();
    let refresh = new_secret("rtr")?;
    let row = new_token(ctx, &refresh, family, account_id, partnership_id)?;
    ctx.write(move |ctx| {
        let row = row.clone();
        async move {
            row.insert(&ctx.read()).await?;
            Ok(())
        }
    })
    .await?;
    session(ctx, account_id, partnership_id, refresh).await
}

fn new_token(
    ctx: &Ctx,
    token: &str,
    family_id: Uuid,
    account_id: Uuid,
    partnership_id: Option<Uuid>,
) -> Result<refresh_token::ActiveModel> {
    let lasts = Duration::from_std(ctx.app.limits.refresh_token).map_err(Error::internal)?;
    Ok(refresh_token::ActiveModel {
        token_hash: ActiveValue::Set(fingerprint(token)),
        family_id: ActiveValue::Set(family_id),
        account_id: ActiveValue::Set(account_id),
        partnership_id: ActiveValue::Set(partnership_id),
        created_at: ActiveValue::Set(ctx.now()),
        expires_at: ActiveValue::Set(ctx.now() + lasts),
        used_at: ActiveValue::Set(None),
        revoked_at: ActiveValue::Set(None),
    })
}

async fn session(ctx: &Ctx, account_id: Uuid, partnership_id: Option<Uuid>, refresh_token: String) -> Result<Session> {
    let known = ctx.app.principals.known(&ctx.app.store, account_id).await?.ok_or(Code::SignInFailed)?;
    let seconds = ctx.app.limits.access_token.as_secs();
    let seconds = i32::try_from(seconds).map_err(Error::internal)?;
    Ok(Session {
        access_token: ctx.app.keys.sign(account_id, "roundtable", partnership_id, None, seconds.into())?,
        token_type: "Bearer".into(),
        expires_in: seconds,
        refresh_token,
        standings: standings(&known.principal.standings),
    })
}

/// What became of a refresh token.
enum Exchanged {
    For { account_id: Uuid, partnership_id: Option<Uuid>, token: String },
    Reused,
}

async fn refresh_session(ctx: Ctx, given: Refresh) -> Result<Session> {
    let hash = fingerprint(&given.refresh_token);
    let exchanged = ctx
        .write(move |ctx| {
            let hash = hash.clone();
            async move { exchange(&ctx, hash).await }
        })
        .await?;
    match exchanged {
        Exchanged::For { account_id, partnership_id, token } => session(&ctx, account_id, partnership_id, token).await,
        Exchanged::Reused => Err(Code::TokenReused.into()),
    }
}

async fn exchange(ctx: &Ctx, hash: String) -> Result<Exchanged> {
    let row = refresh_token::Entity::find_by_id(hash).one(&ctx.read()).await?.ok_or(Code::SignInFailed)?;
    let account = account::Entity::find_by_id(row.account_id).one(&ctx.read()).await?.ok_or(Code::SignInFailed)?;
    if row.used_at.is_some() {
        // Whoever used it first may be the thief: nobody keeps the session.
        end_family(ctx, row.family_id).await?;
        return Ok(Exchanged::Reused);
    }
    let dead = row.revoked_at.is_some() || row.expires_at <= ctx.now() || account.suspended_at.is_some();
    if dead || row.created_at < account.sessions_since {
        return Err(Code::SignInFailed.into());
    }
    let token = new_secret("rtr")?;
    new_token(ctx, &token, row.family_id, row.account_id, row.partnership_id)?.insert(&ctx.read()).await?;
    let (account_id, partnership_id) = (row.account_id, row.partnership_id);
    let mut used = row.into_active_model();
    used.used_at = ActiveValue::Set(Some(ctx.now()));
    used.update(&ctx.read()).await?;
    Ok(Exchanged::For { account_id, partnership_id, token })
}

async fn end_family(ctx: &Ctx, family_id: Uuid) -> Result<()> {
    refresh_token::Entity::update_many()
        .col_expr(refresh_token::Column::RevokedAt, Expr::value(ctx.now()))
        .filter(refresh_token::Column::FamilyId.eq(family_id))
        .exec(&ctx.read())
        .await?;
    Ok(())
}

/// The end of a session.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SessionEnd {
    /// Always true: the session is over, whether it was known or not.
    ended: bool,
}

async fn end_session(ctx: Ctx, given: Refresh) -> Result<SessionEnd> {
    let hash = fingerprint(&given.refresh_token);
    ctx.write(move |ctx| {
        let hash = hash.clone();
        async move {
            // An unknown token is as good as ended.
            if let Some(row) = refresh_token::Entity::find_by_id(hash).one(&ctx.read()).await? {
                end_family(&ctx, row.family_id).await?;
            }
            Ok(SessionEnd { ended: true })
        }
    })
    .await
}

/// A change of password.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasswordChange {
    /// The present password.
    #[schema(min_length = 1, max_length = 200)]
    current_password: String,
    /// The new one.
    #[schema(min_length = 12, max_length = 200)]
    new_password: String,
}

async fn change_password(ctx: Ctx, change: PasswordChange) -> Result<Session> {
    let account_id = ctx.principal()?.account_id;
    let account = account::Entity::find_by_id(account_id).one(&ctx.read()).await?.ok_or(Code::Unauthenticated)?;
    let keys = [format!("account|{}", account.email_key)];
    ctx.app.attempts.count(&keys, ctx.app.limits.sign_ins_per_minute)?;
    if !password_matches(change.current_password, account.password_hash.clone()).await? {
        return Err(Code::SignInFailed.into());
    }
    ctx.app.attempts.clear(&keys);
    let hash = hash_password(change.new_password).await?;
    ctx.write(move |ctx| {
        let (account, hash) = (account.clone(), hash.clone());
        async move {
            let mut active = account.clone().into_active_model();
            active.password_hash = ActiveValue::Set(hash);
            active.sessions_since = ActiveValue::Set(ctx.now());
            roundtable_kernel::record::save(&ctx, &account, active, "account.password_changed").await?;
            ctx.standings_change();
            Ok(())
        }
    })
    .await?;
    begin(&ctx, account_id, ctx.caller.standing().map(|standing| standing.partnership_id)).await
}
