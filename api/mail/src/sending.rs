//! Sending: any server takes what is due, holds it for a while, and tries again later what did not go.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use roundtable_entity::{invitation, mail};
use roundtable_kernel::ctx::App;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::token::{fingerprint, new_secret};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

/// How many are taken at once.
const GROUP: u64 = 10;
/// How long a server holds what it took. One that stops meanwhile leaves it to the others after that.
const LEASE: TimeDelta = TimeDelta::minutes(15);
/// How often a mail is tried before it is given up: for about two days.
const TRIES: i32 = 16;
/// How long what was sent or given up is kept.
const KEPT: TimeDelta = TimeDelta::days(30);

/// The way to the mail server.
pub struct Transport {
    smtp: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Transport {
    /// By the address of the server (`smtps://USER:PASSWORD@HOST`) and the sender (`Name <address>`).
    pub fn new(server: &str, from: &str) -> Result<Self> {
        let wrong =
            |key: &str, error: &dyn std::fmt::Display| Error::new(Code::InvalidInput, format!("{key}: {error}"));
        let smtp =
            AsyncSmtpTransport::<Tokio1Executor>::from_url(server).map_err(|error| wrong("mail_server", &error))?;
        let from = from.parse().map_err(|error| wrong("mail_from", &error))?;
        Ok(Self { smtp: smtp.timeout(Some(Duration::from_secs(30))).build(), from })
    }

    /// The bare address mail is sent from.
    pub fn address(&self) -> String {
        self.from.email.to_string()
    }
}

/// Sends what falls due, until it is stopped.
pub async fn deliver(app: Arc<App>, transport: Transport) {
    let mut every = tokio::time::interval(Duration::from_secs(5));
    loop {
        every.tick().await;
        loop {
            match due(&app, &transport).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "mail was not sent; it will be tried again");
                    break;
                }
            }
        }
    }
}

/// Takes some of what is due and sends it; returns how many it took.
pub async fn due(app: &Arc<App>, transport: &Transport) -> Result<usize> {
    let taken = take(app).await?;
    for row in &taken {
        let outcome = send(app, transport, row).await;
        settle(app, row, outcome).await?;
    }
    Ok(taken.len())
}

async fn take(app: &Arc<App>) -> Result<Vec<mail::Model>> {
    let now = app.clock.now();
    app.store
        .write(true, move |tx| async move {
            let free = Condition::any().add(mail::Column::LeasedUntil.is_null()).add(mail::Column::LeasedUntil.lt(now));
            let rows = mail::Entity::find()
                .filter(mail::Column::SentAt.is_null())
                .filter(mail::Column::FailedAt.is_null())
                .filter(mail::Column::DueAt.lte(now))
                .filter(free)
                .order_by_asc(mail::Column::Id)
                .limit(GROUP)
                .all(&*tx)
                .await?;
            mail::Entity::update_many()
                .col_expr(mail::Column::LeasedUntil, Expr::value(now + LEASE))
                .col_expr(mail::Column::Attempts, Expr::col(mail::Column::Attempts).add(1))
                .filter(mail::Column::Id.is_in(rows.iter().map(|row| row.id)))
                .exec(&*tx)
                .await?;
            Ok(rows)
        })
        .await
}

/// What became of an attempt.
enum Outcome {
    Sent,
    /// It may go later.
    Later(String),
    /// It never will.
    Never(String),
}

async fn send(app: &Arc<App>, transport: &Transport, row: &mail::Model) -> Outcome {
    let secret = match row.invitation_id {
        Some(id) => match renew(app, id).await {
            Ok(Some(secret)) => Some(secret),
            Ok(None) => return Outcome::Never("the invitation is no longer good".into()),
            Err(error) => return Outcome::Later(error.to_string()),
        },
        None => None,
    };
    let message = match message(app, transport, row, secret.as_deref()) {
        Ok(message) => message,
        Err(error) => return Outcome::Never(error),
    };
    match transport.smtp.send(message).await {
        Ok(_) => Outcome::Sent,
        Err(error) if error.is_permanent() => Outcome::Never(error.to_string()),
        Err(error) => Outcome::Later(error.to_string()),
    }
}

/// Gives the invitation a new secret, so that none is kept anywhere but in the mail. The one of an earlier attempt is
/// dead then.
async fn renew(app: &Arc<App>, id: Uuid) -> Result<Option<String>> {
    let secret = new_secret("rti")?;
    let (hash, now) = (fingerprint(&secret), app.clock.now());
    let changed = app
        .store
        .write(true, move |tx| {
            let hash = hash.clone();
            async move {
                let changed = invitation::Entity::update_many()
                    .col_expr(invitation::Column::TokenHash, Expr::value(hash))
                    .filter(invitation::Column::Id.eq(id))
                    .filter(invitation::Column::ArchivedAt.is_null())
                    .filter(invitation::Column::AcceptedAt.is_null())
                    .filter(invitation::Column::ExpiresAt.gt(now))
                    .exec(&*tx)
                    .await?;
                Ok(changed.rows_affected)
            }
        })
        .await?;
    Ok((changed == 1).then_some(secret))
}

/// Text of one line: what is no letter of it cannot begin another header.
fn line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect::<String>().trim().to_owned()
}

fn message(app: &App, transport: &Transport, row: &mail::Model, secret: Option<&str>) -> Result<Message, String> {
    let shown = |error: &dyn std::fmt::Display| error.to_string();
    let name = Some(line(&row.recipient_name)).filter(|name| !name.is_empty());
    let to = Mailbox::new(name, row.recipient.parse().map_err(|error| shown(&error))?);
    let host = app.public_url.split("//").nth(1).and_then(|rest| rest.split([':', '/']).next()).unwrap_or("roundtable");
    let mut text = row.text.clone();
    if let Some(secret) = secret {
        text += &format!("\nAccept it at {}/v1/invitations/accept with the token\n\n{secret}\n", app.public_url);
    }
    let builder = Message::builder()
        .from(transport.from.clone())
        .to(to)
        .subject(line(&row.subject))
        // The same for each attempt, so that a mail that came twice can be told to be one.
        .message_id(Some(format!("<{}@{host}>", row.id)));
    let built = match (&row.calendar, &row.method) {
        (Some(calendar), Some(method)) => {
            let kind = format!("text/calendar; charset=utf-8; method={method}; component=VEVENT");
            let kind = ContentType::parse(&kind).map_err(|error| shown(&error))?;
            let calendar = SinglePart::builder().header(kind).body(calendar.clone());
            builder.multipart(MultiPart::alternative().singlepart(SinglePart::plain(text)).singlepart(calendar))
        }
        _ => builder.singlepart(SinglePart::plain(text)),
    };
    built.map_err(|error| shown(&error))
}

async fn settle(app: &Arc<App>, row: &mail::Model, outcome: Outcome) -> Result<()> {
    let (now, id, attempts) = (app.clock.now(), row.id, row.attempts + 1);
    let outcome = match outcome {
        Outcome::Later(error) if attempts >= TRIES => Outcome::Never(error),
        other => other,
    };
    let nothing = Expr::value(Option::<roundtable_entity::Timestamp>::None);
    let update =
        mail::Entity::update_many().col_expr(mail::Column::LeasedUntil, nothing).filter(mail::Column::Id.eq(id));
    let update = match &outcome {
        Outcome::Sent => update.col_expr(mail::Column::SentAt, Expr::value(now)),
        Outcome::Later(error) => {
            let minutes = 1i64 << attempts.clamp(0, 8);
            update
                .col_expr(mail::Column::DueAt, Expr::value(now + TimeDelta::minutes(minutes)))
                .col_expr(mail::Column::LastError, Expr::value(error.as_str()))
        }
        Outcome::Never(error) => update
            .col_expr(mail::Column::FailedAt, Expr::value(now))
            .col_expr(mail::Column::LastError, Expr::value(error.as_str())),
    };
    match &outcome {
        Outcome::Sent => {}
        Outcome::Later(error) => tracing::warn!(mail = %id, error, "not sent; it will be tried again"),
        Outcome::Never(error) => tracing::error!(mail = %id, error, "not sent and given up"),
    }
    app.store
        .write(true, move |tx| {
            let update = update.clone();
            async move {
                update.exec(&*tx).await?;
                Ok(())
            }
        })
        .await
}

/// Forgets mails that were sent or given up long ago.
pub async fn forget(app: &Arc<App>) -> Result<()> {
    let before = app.clock.now() - KEPT;
    app.store
        .write(true, move |tx| async move {
            let done = Condition::any().add(mail::Column::SentAt.lt(before)).add(mail::Column::FailedAt.lt(before));
            mail::Entity::delete_many().filter(done).exec(&*tx).await?;
            Ok(())
        })
        .await
}
