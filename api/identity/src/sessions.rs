//! Sessions: signing in, staying signed in, signing out.

use chrono::Duration;
use roundtable_entity::{Record, Timestamp, account, refresh_token, revoked_token, session};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Nothing, Operations};
use roundtable_kernel::token::{fingerprint, hash_password, new_secret, password_matches};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveModelTrait, ActiveValue, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::me::{StandingView, standings};

pub(crate) fn register(table: &mut Operations) {
    table.submit(Op::CreateSession, "sessions", "sessions", create_session);
    table.submit(Op::RefreshSession, "sessions", "sessions/refresh", refresh_session);
    table.submit(Op::EndSession, "sessions", "sessions/end", end_session);
    table.submit(Op::ChangePassword, "me", "me/password", change_password);
    table.report::<Nothing, Sessions, _, _>(Op::ListSessions, "sessions", "sessions", list_sessions);
    table.submit(Op::RevokeSession, "sessions", "sessions/revoke", revoke_session);
}

/// The method of sessions begun with a password.
const PASSWORD: &str = "password";

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

/// The login of this address. It is found, or not, in the same time: on a thread of the driver's a row that is found is one
/// more thing to wait for.
pub async fn account_by_email(ctx: &Ctx, key: &str) -> Result<Option<account::Model>> {
    let accounts = account::Model::select().filter(account::Column::EmailKey.eq(key));
    Ok(ctx.rows(&accounts.filter(account::Column::ArchivedAt.is_null())).await?.pop())
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
            begin(&ctx, account.id, given.partnership_id, PASSWORD).await
        }
        _ => Err(Code::SignInFailed.into()),
    }
}

/// Begins a session for this account, by this method.
pub async fn begin(ctx: &Ctx, account_id: Uuid, partnership_id: Option<Uuid>, method: &str) -> Result<Session> {
    let refresh = new_secret("rtr")?;
    let new = new_token(ctx, &refresh, ctx.new_id(), account_id, partnership_id)?;
    let begun = session::ActiveModel {
        id: new.family_id.clone(),
        account_id: new.account_id.clone(),
        partnership_id: new.partnership_id.clone(),
        method: ActiveValue::Set(method.into()),
        address: ActiveValue::Set(ctx.address.to_string()),
        created_at: new.created_at.clone(),
        used_at: new.created_at.clone(),
        expires_at: new.expires_at.clone(),
        ended_at: ActiveValue::Set(None),
    };
    let session_id = ctx
        .write(move |ctx| {
            let (new, begun) = (new.clone(), begun.clone());
            async move {
                new.insert(&ctx.read()).await?;
                Ok(begun.insert(&ctx.read()).await?.id)
            }
        })
        .await?;
    tokens(ctx, session_id, account_id, partnership_id, refresh).await
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

async fn tokens(
    ctx: &Ctx,
    session_id: Uuid,
    account_id: Uuid,
    partnership_id: Option<Uuid>,
    refresh_token: String,
) -> Result<Session> {
    let known = ctx.app.principals.known(&ctx.app.store, account_id).await?.ok_or(Code::SignInFailed)?;
    let seconds = ctx.app.limits.access_token.as_secs();
    let seconds = i32::try_from(seconds).map_err(Error::internal)?;
    Ok(Session {
        access_token: ctx.app.keys.sign_for_session(session_id, account_id, partnership_id, seconds.into())?,
        token_type: "Bearer".into(),
        expires_in: seconds,
        refresh_token,
        standings: standings(&known.principal.standings),
    })
}

/// What became of a refresh token.
enum Exchanged {
    For { session_id: Uuid, account_id: Uuid, partnership_id: Option<Uuid>, token: String },
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
        Exchanged::For { session_id, account_id, partnership_id, token } => {
            tokens(&ctx, session_id, account_id, partnership_id, token).await
        }
        Exchanged::Reused => Err(Code::TokenReused.into()),
    }
}

async fn exchange(ctx: &Ctx, hash: String) -> Result<Exchanged> {
    let row = refresh_token::Entity::find_by_id(hash).one(&ctx.read()).await?.ok_or(Code::SignInFailed)?;
    let account = account::Entity::find_by_id(row.account_id).one(&ctx.read()).await?.ok_or(Code::SignInFailed)?;
    if row.used_at.is_some() {
        // Whoever used it first may be the thief: nobody keeps the session.
        end(ctx, row.account_id, row.family_id).await?;
        return Ok(Exchanged::Reused);
    }
    let dead = row.revoked_at.is_some() || row.expires_at <= ctx.now() || account.suspended_at.is_some();
    if dead || row.created_at < account.sessions_since {
        return Err(Code::SignInFailed.into());
    }
    let token = new_secret("rtr")?;
    let new = new_token(ctx, &token, row.family_id, row.account_id, row.partnership_id)?.insert(&ctx.read()).await?;
    session::Entity::update_many()
        .col_expr(session::Column::UsedAt, Expr::value(new.created_at))
        .col_expr(session::Column::ExpiresAt, Expr::value(new.expires_at))
        .filter(session::Column::Id.eq(row.family_id))
        .exec(&ctx.read())
        .await?;
    let (session_id, account_id, partnership_id) = (row.family_id, row.account_id, row.partnership_id);
    let mut used = row.into_active_model();
    used.used_at = ActiveValue::Set(Some(ctx.now()));
    used.update(&ctx.read()).await?;
    Ok(Exchanged::For { session_id, account_id, partnership_id, token })
}

/// Ends a session: its refresh tokens at once, its access tokens at once here and within a second elsewhere.
pub async fn end(ctx: &Ctx, account_id: Uuid, session_id: Uuid) -> Result<()> {
    refresh_token::Entity::update_many()
        .col_expr(refresh_token::Column::RevokedAt, Expr::value(ctx.now()))
        .filter(refresh_token::Column::FamilyId.eq(session_id))
        .exec(&ctx.read())
        .await?;
    session::Entity::update_many()
        .col_expr(session::Column::EndedAt, Expr::value(ctx.now()))
        .filter(session::Column::Id.eq(session_id))
        .filter(session::Column::EndedAt.is_null())
        .exec(&ctx.read())
        .await?;
    let lasts = Duration::from_std(ctx.app.limits.access_token).map_err(Error::internal)?;
    revoke(ctx, account_id, session_id, ctx.now() + lasts).await
}

/// Takes back a token, or those of a session, by its id.
pub async fn revoke(ctx: &Ctx, account_id: Uuid, id: Uuid, expires_at: Timestamp) -> Result<()> {
    let row = revoked_token::ActiveModel {
        id: ActiveValue::Set(id),
        account_id: ActiveValue::Set(account_id),
        expires_at: ActiveValue::Set(expires_at),
    };
    let once = OnConflict::column(revoked_token::Column::Id).do_nothing().to_owned();
    revoked_token::Entity::insert(row).on_conflict(once).exec_without_returning(&ctx.read()).await?;
    ctx.standings_change();
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
                end(&ctx, row.account_id, row.family_id).await?;
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
        let (checked, hash) = (account.password_hash.clone(), hash.clone());
        async move {
            let now = account::Entity::find_by_id(account_id).one(&ctx.read()).await?;
            // Another change may have been made meanwhile.
            let account = now.filter(|now| now.password_hash == checked).ok_or(Code::SignInFailed)?;
            let mut active = account.clone().into_active_model();
            active.password_hash = ActiveValue::Set(hash);
            active.sessions_since = ActiveValue::Set(ctx.now());
            roundtable_kernel::record::save(&ctx, &account, active, "account.password_changed").await?;
            ctx.standings_change();
            Ok(())
        }
    })
    .await?;
    begin(&ctx, account_id, ctx.caller.standing().map(|standing| standing.partnership_id), PASSWORD).await
}

/// Your sessions that have not ended, the newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Sessions {
    /// The sessions.
    #[schema(max_items = 1000)]
    items: Vec<OwnSession>,
}

/// A session of yours.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnSession {
    /// Identifier.
    id: Uuid,
    /// What it was begun with: `password`, `invitation`, or the name of an identity provider.
    method: String,
    /// Address of the client that began it.
    address: String,
    /// The partnership it acts at, if it was begun for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    partnership_id: Option<Uuid>,
    /// When it began.
    started_at: chrono::DateTime<chrono::Utc>,
    /// When it was last refreshed.
    last_used_at: chrono::DateTime<chrono::Utc>,
    /// Until when it can be refreshed.
    expires_at: chrono::DateTime<chrono::Utc>,
    /// Whether this request belongs to it.
    current: bool,
}

/// Somebody with a session of their own: a system has none.
pub fn own_account(ctx: &Ctx) -> Result<Uuid> {
    let principal = ctx.principal()?;
    if principal.service {
        return Err(Error::new(Code::Forbidden, "this is for people; the account of a system has none of it"));
    }
    Ok(principal.account_id)
}

async fn list_sessions(ctx: Ctx, _: Nothing) -> Result<Sessions> {
    let account_id = ctx.principal()?.account_id;
    let Some(account) = account::Entity::find_by_id(account_id).one(&ctx.read()).await? else {
        // A system signs in anew for each token.
        return Ok(Sessions { items: Vec::new() });
    };
    let rows = session::Entity::find()
        .filter(session::Column::AccountId.eq(account_id))
        .filter(session::Column::EndedAt.is_null())
        .filter(session::Column::ExpiresAt.gt(ctx.now()))
        .filter(session::Column::CreatedAt.gte(account.sessions_since))
        .order_by_desc(session::Column::Id)
        .all(&ctx.read())
        .await?;
    let items = rows
        .into_iter()
        .take(1000)
        .map(|row| OwnSession {
            current: ctx.session == Some(row.id),
            id: row.id,
            method: row.method,
            address: row.address,
            partnership_id: row.partnership_id,
            started_at: row.created_at,
            last_used_at: row.used_at,
            expires_at: row.expires_at,
        })
        .collect();
    Ok(Sessions { items })
}

/// A session of yours to end.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SessionRevocation {
    /// The session, as `GET /v1/sessions` names it.
    session_id: Uuid,
}

async fn revoke_session(ctx: Ctx, given: SessionRevocation) -> Result<SessionEnd> {
    let account_id = own_account(&ctx)?;
    ctx.write(move |ctx| async move {
        let row = session::Entity::find_by_id(given.session_id)
            .filter(session::Column::AccountId.eq(account_id))
            .one(&ctx.read())
            .await?
            .ok_or_else(Error::not_found)?;
        end(&ctx, row.account_id, row.id).await?;
        Ok(SessionEnd { ended: true })
    })
    .await
}
