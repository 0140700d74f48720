//! Who waits for what happens, woken by commits of this process and by what other replicas tell.
//!
//! Nothing is handed through here but the word that there is something to read. Each stream reads for itself, with the
//! rights its reader has by then, and at its own pace.

use std::collections::HashMap;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlx::Executor;
use sqlx::postgres::PgListener;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use crate::ctx::App;
use crate::order;
use crate::store::CHANNEL;

/// What replicas tell each other when events were placed.
pub const EVENTS: &str = "events";
/// What replicas tell each other when somebody's rights changed.
pub const STANDINGS: &str = "standings";

/// How often events are looked for that nobody told of.
const LOOK: Duration = Duration::from_secs(1);
/// How long nothing may be told before the connection is asked whether it still stands.
const QUIET: Duration = Duration::from_secs(5);
/// How long it has to answer.
const PROBE: Duration = Duration::from_secs(3);
/// Time in which commits gather to be looked at together: looking after each would cost more than the commits do.
const GATHER: Duration = Duration::from_millis(20);

/// See the module.
pub struct Hub {
    commits: Notify,
    last: watch::Sender<i64>,
    standings: watch::Sender<u64>,
    stopping: watch::Sender<bool>,
    told: AtomicBool,
    open: Arc<Mutex<HashMap<Uuid, usize>>>,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            commits: Notify::new(),
            last: watch::Sender::new(0),
            standings: watch::Sender::new(0),
            stopping: watch::Sender::new(false),
            told: AtomicBool::new(true),
            open: Arc::default(),
        }
    }
}

/// An open stream or socket; it counts for its account until it is dropped.
pub struct Seat {
    account_id: Uuid,
    open: Arc<Mutex<HashMap<Uuid, usize>>>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Ok(mut open) = self.open.lock()
            && let Some(count) = open.get_mut(&self.account_id)
        {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.account_id);
            }
        }
    }
}

impl Hub {
    /// Says that something was committed here.
    pub fn wake(&self) {
        self.commits.notify_one();
    }

    /// Says that somebody's rights changed.
    pub fn standings_changed(&self) {
        self.standings.send_modify(|count| *count += 1);
    }

    /// Says that the server stops: every stream ends.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Whether the server stops.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// Position of the last event, as it changes.
    pub fn last(&self) -> watch::Receiver<i64> {
        self.last.subscribe()
    }

    /// Changes of anybody's rights.
    pub fn standings(&self) -> watch::Receiver<u64> {
        self.standings.subscribe()
    }

    /// Whether other replicas tell of their changes at once.
    pub fn is_told(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }

    /// A seat for this account, unless it has as many as it may.
    pub fn sit(&self, account_id: Uuid, most: usize) -> Option<Seat> {
        let mut open = self.open.lock().ok()?;
        let count = open.entry(account_id).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Seat { account_id, open: self.open.clone() })
    }
}

/// Finds out what was committed, here and elsewhere, until the server stops.
pub async fn follow(app: Arc<App>) {
    let mut stopping = app.hub.stopping();
    loop {
        let gathered = tokio::time::Instant::now() + GATHER;
        match order::settle(&app.store).await {
            Ok(last) => {
                app.hub.last.send_if_modified(|known| std::mem::replace(known, last) != last);
            }
            Err(error) => tracing::warn!(%error, "events could not be looked for; they will be again"),
        }
        tokio::select! {
            () = app.hub.commits.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
            _ = stopping.wait_for(|stopping| *stopping) => return,
        }
        tokio::time::sleep_until(gathered).await;
    }
}

/// Hears what other replicas tell, over a connection of its own, until the server stops. While it cannot, streams look
/// for themselves.
pub async fn listen(app: Arc<App>, url: String) {
    let mut stopping = app.hub.stopping();
    tokio::select! {
        () = hear(&app, &url) => {}
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
}

async fn hear(app: &App, url: &str) {
    loop {
        app.hub.told.store(false, Ordering::Relaxed);
        if let Err(error) = hear_until_lost(app, url).await {
            tracing::warn!(%error, "other replicas cannot be heard; changes of theirs are looked for");
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn hear_until_lost(app: &App, url: &str) -> Result<(), sqlx::Error> {
    // Dropped by hand: a task that is ended with its runtime has none left to close the connection in, and what it ends with
    // closes it anyway.
    let connected = tokio::time::timeout(QUIET, PgListener::connect(url)).await;
    let mut listener = ManuallyDrop::new(connected.map_err(|_| silent())??);
    let lost = hear_on(app, &mut listener).await;
    drop(ManuallyDrop::into_inner(listener));
    lost
}

async fn hear_on(app: &App, listener: &mut PgListener) -> Result<(), sqlx::Error> {
    listener.listen(CHANNEL).await?;
    app.hub.told.store(true, Ordering::Relaxed);
    loop {
        // What was told before, or while the connection was lost, was missed.
        app.principals.forget();
        app.hub.standings_changed();
        app.hub.wake();
        loop {
            match tokio::time::timeout(QUIET, listener.try_recv()).await {
                Ok(told) => match told?.as_ref().map(|told| told.payload()) {
                    None => break,
                    Some(STANDINGS) => {
                        app.principals.forget();
                        app.hub.standings_changed();
                    }
                    Some(_) => app.hub.wake(),
                },
                Err(_) => {
                    let asked = tokio::time::timeout(PROBE, (&mut *listener).execute("SELECT 1"));
                    asked.await.map_err(|_| silent())??;
                }
            }
        }
    }
}

fn silent() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "the connection is silent"))
}
