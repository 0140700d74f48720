//! Events as they happen, for whoever stays connected.
//!
//! Who the reader is and what they may do is asked again before each event. Nothing is kept for a slow reader: what was
//! read too long ago is read anew, with the rights of the moment.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use roundtable_entity::Via;
use serde_json::{Map, Value};
use tokio::sync::watch;
use uuid::Uuid;

use crate::ctx::{App, Ctx};
use crate::error::{Code, Error, Result};
use crate::feed::{self, Event, Filter};
use crate::http;
use crate::hub::Seat;
use crate::op::Op;

/// How long an event that was read may wait to be sent.
const FRESH: Duration = Duration::from_millis(500);
/// How often a token is looked at, and rights where other replicas cannot be heard.
const LOOK: Duration = Duration::from_millis(500);
/// How often rights are asked again when nobody said that they changed.
const ASK: Duration = Duration::from_secs(10);
/// How long a stream is silent before it gives a sign of life.
pub const HEARTBEAT: Duration = Duration::from_secs(15);
/// Events read in one step.
const STEP: usize = 50;

/// Somebody who stays connected, with the token they came with.
pub struct Presence {
    /// The view they came with.
    pub ctx: Ctx,
    token: String,
    at: Option<Uuid>,
    _seat: Seat,
}

impl Presence {
    /// Takes somebody in who holds this token.
    pub async fn arrive(app: &Arc<App>, token: &str, at: Option<Uuid>, via: Via, request_id: Arc<str>) -> Result<Self> {
        let caller = Arc::new(http::authenticate(app, token, at).await?.0);
        let account_id = caller.account_id().ok_or(Code::Unauthenticated)?;
        let seat = app.hub.sit(account_id, app.limits.streams_per_account).ok_or_else(|| {
            Error::new(Code::TooManyRequests, format!("keep at most {} streams open", app.limits.streams_per_account))
        })?;
        let ctx = Ctx::new(app.clone(), caller, via, request_id);
        Ok(Self { ctx: ctx.for_operation(Op::ListEvents), token: token.into(), at, _seat: seat })
    }

    /// Whether the token still holds, by itself.
    pub fn holds(&self) -> Result<()> {
        self.ctx.app.keys.verify(&self.token).map(|_| ())
    }

    /// Whether they are still who they were when they came.
    pub async fn is_the_same(&self) -> Result<()> {
        let (caller, _) = http::authenticate(&self.ctx.app, &self.token, self.at).await?;
        let scopes = |caller: &crate::standing::Caller| match caller {
            crate::standing::Caller::Account { principal, .. } => principal.scopes.clone(),
            _ => Vec::new(),
        };
        if caller.standing() == self.ctx.caller.standing() && scopes(&caller) == scopes(&self.ctx.caller) {
            return Ok(());
        }
        Err(Error::new(Code::Forbidden, "your role has changed since you connected; connect again"))
    }

    /// Waits until they are no longer who they were, and says why, or until the server stops.
    pub async fn gone(&self) -> Gone {
        self.gone_since(self.ctx.app.hub.standings()).await
    }

    /// The same, where changes are told of from an earlier moment on.
    pub async fn gone_since(&self, mut standings: watch::Receiver<u64>) -> Gone {
        let mut stopping = self.ctx.app.hub.stopping();
        let mut asked = Instant::now();
        loop {
            tokio::select! {
                _ = stopping.wait_for(|stopping| *stopping) => return Gone::Stopping,
                changed = standings.changed() => if changed.is_err() { return Gone::Stopping },
                () = tokio::time::sleep(LOOK) => {
                    if let Err(error) = self.holds() {
                        return Gone::Refused(error);
                    }
                    if self.ctx.app.hub.is_told() && asked.elapsed() < ASK {
                        continue;
                    }
                }
            }
            asked = Instant::now();
            match self.is_the_same().await {
                Err(error) if error.code.status() < 500 => return Gone::Refused(error),
                Err(error) => tracing::warn!(%error, "a stream's reader could not be looked up; it will be again"),
                Ok(()) => {}
            }
        }
    }
}

/// Why a stream ends.
pub enum Gone {
    /// The server stops.
    Stopping,
    /// The reader is refused from now on.
    Refused(Error),
}

/// What a stream brings next.
pub enum Next {
    /// An event.
    Event(Box<Event>),
    /// Nothing for a while; a cursor to read on from.
    Silence(String),
    /// It ends.
    End(Gone),
}

/// The feed, followed.
pub struct Tail {
    presence: Arc<Presence>,
    filter: Filter,
    position: i64,
    last: watch::Receiver<i64>,
    read: VecDeque<Event>,
    read_at: Instant,
    read_to: i64,
}

impl Tail {
    /// Follows the feed from a cursor, or from now on.
    pub async fn new(presence: Arc<Presence>, parameters: &Map<String, Value>, cursor: Option<&str>) -> Result<Self> {
        let ctx = &presence.ctx;
        ctx.permit(Op::ListEvents)?;
        let filter = Filter::of(parameters);
        let position = match cursor {
            Some(cursor) => feed::begin(ctx, Some(cursor)).await?,
            None if parameters.contains_key("since") => feed::begin(ctx, None).await?,
            None => crate::order::settle(&ctx.app.store).await?,
        };
        let last = ctx.app.hub.last();
        let now = Instant::now();
        Ok(Self { presence, filter, position, last, read: VecDeque::new(), read_at: now, read_to: position })
    }

    /// What comes next.
    pub async fn next(&mut self) -> Result<Next> {
        let presence = self.presence.clone();
        let gone = presence.gone();
        tokio::pin!(gone);
        let silence = tokio::time::sleep(HEARTBEAT);
        tokio::pin!(silence);
        loop {
            tokio::select! {
                biased;
                gone = &mut gone => return Ok(Next::End(gone)),
                () = std::future::ready(()) => {}
            }
            if *presence.ctx.app.hub.stopping().borrow() {
                return Ok(Next::End(Gone::Stopping));
            }
            if let Err(error) = presence.is_the_same().await {
                return if error.code.status() < 500 { Ok(Next::End(Gone::Refused(error))) } else { Err(error) };
            }
            if self.read_at.elapsed() > FRESH && !self.read.is_empty() {
                self.read.clear();
                self.read_to = self.position;
            }
            if let Some(event) = self.read.pop_front() {
                self.position = presence.ctx.app.sealer.open(&event.cursor)?;
                return Ok(Next::Event(Box::new(event)));
            }
            self.position = self.read_to;
            let last = *self.last.borrow_and_update();
            if last > self.position {
                let part = feed::read_to(&presence.ctx, &self.filter, self.position, last, STEP).await?;
                (self.read_at, self.read_to) = (Instant::now(), part.position);
                self.read = part.events.into();
                continue;
            }
            tokio::select! {
                gone = &mut gone => return Ok(Next::End(gone)),
                changed = self.last.changed() => if changed.is_err() { return Ok(Next::End(Gone::Stopping)) },
                () = &mut silence => return Ok(Next::Silence(presence.ctx.app.sealer.seal(self.position)?)),
            }
        }
    }
}
