//! Sends deliveries: signed, again after a failure, from as many replicas as there are.

use std::collections::HashMap;
use std::error::Error as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use ipnet::IpNet;
use reqwest::{Client, Url, redirect};
use roundtable_entity::{DeliveryState, Record, Timestamp, event, webhook, webhook_attempt, webhook_delivery};
use roundtable_kernel::ctx::{App, Ctx};
use roundtable_kernel::error::{Error, Result};
use roundtable_kernel::feed;
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use tokio::task::{JoinHandle, JoinSet};
use uuid::Uuid;

use crate::address::{self, Guarded};
use crate::{queue, relay, signing};

/// How webhooks are sent.
#[derive(Clone, Debug)]
pub struct Sending {
    /// Networks that may be reached although they are private.
    pub allowed: Vec<IpNet>,
    /// How long a receiver has to answer.
    pub timeout: Duration,
    /// Seconds between attempts.
    pub pauses: Vec<u32>,
    /// Requests to one webhook at the same time.
    pub at_once: usize,
    /// How long nothing but failures is borne.
    pub disable_after: TimeDelta,
    /// How long the log is kept.
    pub log_kept: TimeDelta,
}

/// How often the queue is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// How often events are looked for that nobody told of.
const LOOK_FOR_EVENTS: Duration = Duration::from_secs(1);
/// How often the log is cut.
const CUT: Duration = Duration::from_secs(600);
/// Most of an answer that is read, so that its connection can be used again.
const MOST_READ: usize = 16 * 1024;
/// How much longer than a request may take whoever sends it has it to itself: to look things up before, and to write down
/// after it what came of it.
const LEASE: Duration = Duration::from_secs(15);
/// How much of that has to be left for writing down when a request begins.
const LEFT: Duration = Duration::from_secs(5);

/// Sends deliveries.
pub struct Sender {
    app: Arc<App>,
    sending: Sending,
    secure: Client,
    plain: Client,
}

/// A sender at work.
pub struct Running(Vec<JoinHandle<()>>);

impl Running {
    /// Waits until what is under way is done. The hub was told to stop.
    pub async fn stopped(self) {
        for task in self.0 {
            if let Err(error) = task.await {
                tracing::warn!(%error, "the sender of webhooks did not stop in order");
            }
        }
    }
}

fn client(sending: &Sending, plain: bool) -> Result<Client> {
    let guarded = Guarded { allowed: sending.allowed.clone(), plain };
    Client::builder()
        .dns_resolver(Arc::new(guarded))
        .redirect(redirect::Policy::none())
        .no_proxy()
        .https_only(!plain)
        .timeout(sending.timeout)
        .user_agent(concat!("Roundtable/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(Error::internal)
}

/// What came of an attempt.
struct Outcome {
    status: Option<i32>,
    error: Option<String>,
    took: Duration,
    payload: String,
}

impl Sender {
    /// A sender for this server.
    pub fn new(app: &Arc<App>, sending: Sending) -> Result<Self> {
        let (secure, plain) = (client(&sending, false)?, client(&sending, true)?);
        Ok(Self { app: app.clone(), sending, secure, plain })
    }

    /// Begins, until the hub says that the server stops.
    pub fn start(self) -> Running {
        let sender = Arc::new(self);
        Running(vec![tokio::spawn(sender.clone().follow()), tokio::spawn(sender.send_all())])
    }

    /// Makes events into deliveries as they come.
    async fn follow(self: Arc<Self>) {
        let mut last = self.app.hub.last();
        let mut stopping = self.app.hub.stopping();
        let mut cut: Option<Instant> = None;
        loop {
            if let Err(error) = self.relay().await {
                tracing::warn!(%error, "events could not be made into deliveries; it will be tried again");
            }
            if cut.is_none_or(|at| at.elapsed() > CUT) {
                cut = Some(Instant::now());
                if let Err(error) = self.cut_log().await {
                    tracing::warn!(%error, "the log of deliveries could not be cut");
                }
            }
            tokio::select! {
                _ = last.changed() => {}
                () = tokio::time::sleep(LOOK_FOR_EVENTS) => {}
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
        }
    }

    async fn relay(&self) -> Result<()> {
        while relay::step(&self.app).await? {}
        while relay::replay(&self.app).await? {}
        Ok(())
    }

    async fn cut_log(&self) -> Result<()> {
        let before = self.app.clock.now() - self.sending.log_kept;
        self.app
            .store
            .write(true, move |tx| async move {
                let old = Query::select()
                    .column(webhook_delivery::Column::Id)
                    .from(webhook_delivery::Entity)
                    .and_where(webhook_delivery::Column::UpdatedAt.lt(before))
                    .and_where(webhook_delivery::Column::State.ne(DeliveryState::Pending))
                    .to_owned();
                webhook_attempt::Entity::delete_many()
                    .filter(webhook_attempt::Column::DeliveryId.in_subquery(old))
                    .exec(&*tx)
                    .await?;
                webhook_delivery::Entity::delete_many()
                    .filter(webhook_delivery::Column::UpdatedAt.lt(before))
                    .filter(webhook_delivery::Column::State.ne(DeliveryState::Pending))
                    .exec(&*tx)
                    .await?;
                Ok(())
            })
            .await
    }

    async fn send_all(self: Arc<Self>) {
        let mut stopping = self.app.hub.stopping();
        let mut busy: HashMap<Uuid, usize> = HashMap::new();
        let mut under_way: JoinSet<Uuid> = JoinSet::new();
        loop {
            match self.take(&busy).await {
                Ok(taken) => {
                    for delivery in taken {
                        *busy.entry(delivery.webhook_id).or_default() += 1;
                        under_way.spawn(self.clone().attempt(delivery));
                    }
                }
                Err(error) => tracing::warn!(%error, "deliveries could not be taken up; it will be tried again"),
            }
            tokio::select! {
                Some(done) = under_way.join_next() => {
                    release(&mut busy, done);
                    while let Some(done) = under_way.try_join_next() {
                        release(&mut busy, done);
                    }
                }
                () = tokio::time::sleep(LOOK) => {}
                _ = stopping.wait_for(|stopping| *stopping) => break,
            }
        }
        while under_way.join_next().await.is_some() {}
    }

    async fn take(&self, busy: &HashMap<Uuid, usize>) -> Result<Vec<webhook_delivery::Model>> {
        let now = self.app.clock.now();
        let until = now + self.sending.timeout + LEASE;
        queue::take(&self.app.store, now, until, busy.clone(), self.sending.at_once).await
    }

    async fn attempt(self: Arc<Self>, delivery: webhook_delivery::Model) -> Uuid {
        let webhook_id = delivery.webhook_id;
        if let Err(error) = self.try_once(delivery).await {
            tracing::warn!(%error, %webhook_id, "a delivery could not be handled; it will be tried again");
        }
        webhook_id
    }

    async fn try_once(&self, delivery: webhook_delivery::Model) -> Result<()> {
        let found = webhook::Entity::find_by_id(delivery.webhook_id).one(self.app.store.read()).await?;
        let webhook = found.ok_or_else(|| Error::internal("a delivery has no webhook"))?;
        let Some(ctx) = relay::eyes(&self.app, &webhook).await? else {
            return relay::disable(&self.app, &webhook, relay::UNATTENDED).await;
        };
        let Some(data) = self.body(&ctx, &delivery).await? else {
            // It tells of something that is not the receiver's to know any more.
            return self.withdraw(&delivery).await;
        };
        let body = json!({ "type": delivery.kind, "timestamp": delivery.happened_at, "data": data }).to_string();
        let until = delivery.leased_until.unwrap_or_default();
        if self.app.clock.now() + self.sending.timeout + LEFT > until {
            // Another could send it meanwhile. It waits for its next turn.
            return Ok(());
        }
        let outcome = self.post(&webhook, &delivery, body).await?;
        loop {
            match self.write_down(&ctx, &webhook, &delivery, &outcome).await {
                // What is not written down is sent twice.
                Err(error) if error.code.status() >= 500 && self.app.clock.now() < until => {
                    tracing::warn!(%error, "what came of a delivery could not be written down; it will be tried again");
                    tokio::time::sleep(LOOK).await;
                }
                written => return written,
            }
        }
    }

    async fn body(&self, ctx: &Ctx, delivery: &webhook_delivery::Model) -> Result<Option<serde_json::Value>> {
        let Some(event_id) = delivery.event_id else {
            return Ok(Some(json!({ "webhookId": delivery.webhook_id })));
        };
        let rows = event::Entity::find().filter(event::Column::Id.eq(event_id)).all(&ctx.read()).await?;
        let seen = feed::view(ctx, &rows).await?;
        seen.into_iter().flatten().next().map(serde_json::to_value).transpose().map_err(Error::internal)
    }

    async fn withdraw(&self, delivery: &webhook_delivery::Model) -> Result<()> {
        let (id, lease) = (delivery.id, delivery.lease);
        self.app
            .store
            .write(true, move |tx| async move {
                webhook_attempt::Entity::delete_many()
                    .filter(webhook_attempt::Column::DeliveryId.eq(id))
                    .exec(&*tx)
                    .await?;
                webhook_delivery::Entity::delete_many()
                    .filter(webhook_delivery::Column::Id.eq(id))
                    .filter(webhook_delivery::Column::Lease.eq(lease))
                    .exec(&*tx)
                    .await?;
                Ok(())
            })
            .await
    }

    async fn post(
        &self,
        webhook: &webhook::Model,
        delivery: &webhook_delivery::Model,
        body: String,
    ) -> Result<Outcome> {
        let now = self.app.clock.now();
        let previous = webhook.previous_secret.as_deref().filter(|_| webhook.previous_until.is_some_and(|at| at > now));
        let secrets: Vec<&str> = std::iter::once(webhook.signing_secret.as_str()).chain(previous).collect();
        // Receivers compare it with their own clock.
        let seconds = chrono::Utc::now().timestamp();
        let signature = signing::sign(&secrets, &delivery.message_id, seconds, &body)?;
        let began = Instant::now();
        let answered = match self.client(&webhook.url) {
            Err(refused) => Err(refused),
            Ok((client, url)) => {
                let request = client
                    .post(url)
                    .header("content-type", "application/json")
                    .header("webhook-id", &delivery.message_id)
                    .header("webhook-timestamp", seconds.to_string())
                    .header("webhook-signature", signature)
                    .body(body.clone());
                exchange(request).await
            }
        };
        let took = began.elapsed();
        Ok(match answered {
            Ok(status) if (200..300).contains(&status) => {
                Outcome { status: Some(status), error: None, took, payload: body }
            }
            Ok(status) => {
                let error = if (300..400).contains(&status) { "redirects are not followed" } else { "refused" };
                Outcome { status: Some(status), error: Some(error.into()), took, payload: body }
            }
            Err(error) => Outcome { status: None, error: Some(error), took, payload: body },
        })
    }

    /// The client for an address, checked again: what the operator allows may have changed since it was named.
    fn client(&self, text: &str) -> Result<(&Client, Url), String> {
        let url = address::check(text, &self.sending.allowed).map_err(|error| error.detail)?;
        let client = if url.scheme() == "https" { &self.secure } else { &self.plain };
        Ok((client, url))
    }

    /// When the next attempt is made after this many; `None` when there is none.
    fn next(&self, attempts: i32, now: Timestamp) -> Option<Timestamp> {
        let pause = *self.sending.pauses.get(usize::try_from(attempts).unwrap_or_default().saturating_sub(1))?;
        // A fifth more or less, so that what failed together does not come back together.
        let spread = 0.8 + 0.4 * f64::from(Uuid::new_v4().as_bytes().first().copied().unwrap_or(128)) / 255.0;
        Some(now + TimeDelta::milliseconds((f64::from(pause) * 1000.0 * spread) as i64))
    }

    async fn write_down(
        &self,
        ctx: &Ctx,
        webhook: &webhook::Model,
        delivery: &webhook_delivery::Model,
        outcome: &Outcome,
    ) -> Result<()> {
        let now = self.app.clock.now();
        let delivered = outcome.error.is_none();
        let attempts = delivery.attempts + 1;
        let next = if delivered { None } else { self.next(attempts, now) };
        let gone = outcome.status == Some(410);
        let role = ctx.standing()?.role.word();
        let log = webhook_attempt::NewWebhookAttempt {
            partnership_id: delivery.partnership_id,
            webhook_id: delivery.webhook_id,
            delivery_id: delivery.id,
            organization_id: delivery.organization_id,
            status: outcome.status,
            milliseconds: i32::try_from(outcome.took.as_millis()).unwrap_or(i32::MAX),
            error: outcome.error.clone(),
        };
        let (id, lease, version) = (delivery.id, delivery.lease, delivery.version);
        let webhook_id = delivery.webhook_id;
        let (status, error, payload) = (outcome.status, outcome.error.clone(), outcome.payload.clone());
        let failing_since = self
            .app
            .store
            .write(true, move |tx| {
                let (log, error, payload) = (log.clone(), error.clone(), payload.clone());
                async move {
                    let state = match (delivered, next) {
                        (true, _) => DeliveryState::Delivered,
                        (false, Some(_)) if !gone => DeliveryState::Pending,
                        _ => DeliveryState::Failed,
                    };
                    let written = webhook_delivery::Entity::update_many()
                        .col_expr(webhook_delivery::Column::State, Expr::value(state.word()))
                        .col_expr(webhook_delivery::Column::Attempts, Expr::value(attempts))
                        .col_expr(webhook_delivery::Column::NextAttemptAt, Expr::value(next))
                        .col_expr(webhook_delivery::Column::DeliveredAt, Expr::value(delivered.then_some(now)))
                        .col_expr(webhook_delivery::Column::Status, Expr::value(status))
                        .col_expr(webhook_delivery::Column::Error, Expr::value(error))
                        .col_expr(webhook_delivery::Column::Payload, Expr::value(Some(payload)))
                        .col_expr(webhook_delivery::Column::Role, Expr::value(role))
                        .col_expr(webhook_delivery::Column::LeasedUntil, Expr::value(None::<Timestamp>))
                        .col_expr(webhook_delivery::Column::Version, Expr::value(version + 1))
                        .col_expr(webhook_delivery::Column::UpdatedAt, Expr::value(now))
                        .filter(webhook_delivery::Column::Id.eq(id))
                        .filter(webhook_delivery::Column::Lease.eq(lease))
                        .exec(&*tx)
                        .await?;
                    if written.rows_affected == 0 {
                        // Another has it by now, or it was put back to be sent anew: the attempt is logged and decides
                        // nothing.
                        if webhook_delivery::Entity::find_by_id(id).one(&*tx).await?.is_some() {
                            webhook_attempt::Model::begin(Uuid::now_v7(), now, log).insert(&*tx).await?;
                        }
                        return Ok(None);
                    }
                    webhook_attempt::Model::begin(Uuid::now_v7(), now, log).insert(&*tx).await?;
                    let failing = webhook::Entity::update_many().filter(webhook::Column::Id.eq(webhook_id));
                    if delivered {
                        failing
                            .filter(webhook::Column::FailingSince.is_not_null())
                            .col_expr(webhook::Column::FailingSince, Expr::value(None::<Timestamp>))
                            .exec(&*tx)
                            .await?;
                        return Ok(None);
                    }
                    failing
                        .filter(webhook::Column::FailingSince.is_null())
                        .col_expr(webhook::Column::FailingSince, Expr::value(now))
                        .exec(&*tx)
                        .await?;
                    let webhook = webhook::Entity::find_by_id(webhook_id).one(&*tx).await?;
                    Ok(webhook.and_then(|webhook| webhook.failing_since))
                }
            })
            .await?;
        if gone {
            return relay::disable(&self.app, webhook, "the receiver answered that it is gone (410)").await;
        }
        if failing_since.is_some_and(|since| now - since >= self.sending.disable_after) {
            return relay::disable(&self.app, webhook, "nothing was delivered for days").await;
        }
        Ok(())
    }
}

fn release(busy: &mut HashMap<Uuid, usize>, done: Result<Uuid, tokio::task::JoinError>) {
    match done {
        Ok(webhook_id) => {
            if let Some(count) = busy.get_mut(&webhook_id) {
                *count = count.saturating_sub(1);
            }
        }
        // Whose it was is not told; nobody is kept waiting for it.
        Err(error) => {
            tracing::error!(%error, "an attempt broke off");
            busy.clear();
        }
    }
}

/// Sends, and reads as much of the answer as is needed to be done with it.
async fn exchange(request: reqwest::RequestBuilder) -> Result<i32, String> {
    let mut answer = request.send().await.map_err(|error| reason(&error))?;
    let status = i32::from(answer.status().as_u16());
    let mut read = 0;
    while read < MOST_READ {
        match answer.chunk().await {
            Ok(Some(chunk)) => read += chunk.len(),
            Ok(None) => break,
            Err(error) => return Err(reason(&error)),
        }
    }
    Ok(status)
}

/// What went wrong, without the address and without a word of the answer.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".into();
    }
    let mut source = error.source();
    while let Some(inner) = source.and_then(|one| one.source()) {
        source = Some(inner);
    }
    let what = if error.is_connect() { "no connection" } else { "the exchange broke off" };
    match source {
        Some(source) => format!("{what}: {}", source.to_string().chars().take(200).collect::<String>()),
        None => what.into(),
    }
}
