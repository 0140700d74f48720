//! A read replica of a PostgreSQL database, and when it may answer.
//!
//! It may when it has replayed all that the primary had committed at some moment after the question came. So whoever reads
//! through it sees every write that was acknowledged before, by whichever server, and never goes back in time. To know,
//! the primary is asked where its log ends. One such question serves all that wait for it, and the next one those that
//! came meanwhile, so the primary is asked as often as it answers and not as often as there are requests.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Statement};
use tokio::sync::{mpsc, oneshot};

use crate::error::{Error, Result};
use crate::pool::Pool;
use crate::store::StoreOptions;

/// How long a question to both may take; the primary answers the request itself when it takes longer.
const PATIENCE: Duration = Duration::from_millis(250);
/// How often the replica is asked whether it has come as far as the primary was.
const LOOKS: u32 = 4;
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(2);
/// How long one that was behind, or failed, is left alone.
const REST: Duration = Duration::from_millis(500);

const PRIMARY: &str = "SELECT (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint AS position, \
    ('x' || left(pg_walfile_name(pg_current_wal_flush_lsn()), 8))::bit(32)::int AS timeline, \
    (SELECT system_identifier FROM pg_control_system()) AS system";
// The timeline of its last restart point: after a failover it is the new one only some time after what was replayed before
// is known to belong to it.
const REPLICA: &str = "SELECT CASE WHEN pg_is_in_recovery() THEN (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint END AS position, \
    (SELECT timeline_id FROM pg_control_checkpoint()) AS timeline, \
    (SELECT system_identifier FROM pg_control_system()) AS system";

/// See the module.
#[derive(Clone)]
pub struct Replica {
    primary: Pool,
    connection: Pool,
    asked: mpsc::Sender<oneshot::Sender<bool>>,
    rests: Arc<Mutex<Option<Instant>>>,
}

/// How far a server's log goes. Positions of two servers compare only on one timeline of one system.
struct Reached {
    position: Option<i64>,
    timeline: i32,
    system: i64,
}

impl Reached {
    fn read(row: &QueryResult) -> Result<Self> {
        Ok(Self {
            position: row.try_get("", "position")?,
            timeline: row.try_get("", "timeline")?,
            system: row.try_get("", "system")?,
        })
    }

    async fn of(connection: &Pool, question: &str) -> Result<Self> {
        let row = connection.query_one_raw(Statement::from_string(DbBackend::Postgres, question)).await?;
        Self::read(&row.ok_or_else(|| Error::internal("the database does not say how far its log goes"))?)
    }
}

impl Replica {
    /// Connects when it is first needed, so that a server starts without it.
    pub(crate) async fn connect(primary: Pool, url: &str, options: &StoreOptions) -> Result<Self> {
        let connection = Pool::replica(url, options.connections, options.workers, PATIENCE).await?;
        let (asked, questions) = mpsc::channel(4096);
        let replica = Self { primary, connection, asked, rests: Arc::default() };
        // It holds no sender, and so ends when the last of those who may ask is gone.
        let (from, to, rests) = (replica.primary.clone(), replica.connection.clone(), replica.rests.clone());
        tokio::spawn(answer_in_rounds(from, to, rests, questions));
        Ok(replica)
    }

    /// Where it is read.
    pub fn connection(&self) -> &Pool {
        &self.connection
    }

    /// Whether it has all that was committed before this was asked.
    pub async fn is_current(&self) -> bool {
        if is_resting(&self.rests) {
            return false;
        }
        let (answer, answered) = oneshot::channel();
        self.asked.send(answer).await.is_ok() && answered.await.unwrap_or_default()
    }

    /// Leaves it alone for a while, after it failed.
    pub fn rest(&self) {
        rest(&self.rests);
    }

    /// How many bytes of the primary's log it has not replayed; what is wrong when it can never be read.
    pub async fn behind(&self) -> Result<std::result::Result<i64, String>> {
        let (there, here) = (Reached::of(&self.primary, PRIMARY).await?, Reached::of(&self.connection, REPLICA).await?);
        Ok(match (there.position, here.position) {
            _ if there.system != here.system => Err("it is a copy of another database".into()),
            (_, None) => Err("it is no standby".into()),
            _ if there.timeline != here.timeline => {
                Err(format!("it is on timeline {}, the primary on {}", here.timeline, there.timeline))
            }
            (there, Some(here)) => Ok((there.unwrap_or_default() - here).max(0)),
        })
    }
}

fn is_resting(rests: &Mutex<Option<Instant>>) -> bool {
    rests.lock().is_ok_and(|until| until.is_some_and(|until| Instant::now() < until))
}

fn rest(rests: &Mutex<Option<Instant>>) {
    if let Ok(mut until) = rests.lock() {
        *until = Some(Instant::now() + REST);
    }
}

async fn answer_in_rounds(
    primary: Pool,
    replica: Pool,
    rests: Arc<Mutex<Option<Instant>>>,
    mut questions: mpsc::Receiver<oneshot::Sender<bool>>,
) {
    while let Some(first) = questions.recv().await {
        let mut waiting = vec![first];
        while let Ok(next) = questions.try_recv() {
            waiting.push(next);
        }
        let asked = async { tokio::time::timeout(PATIENCE, has_caught_up(&primary, &replica)).await };
        let current = match asked.await {
            Ok(Ok(current)) => current,
            Ok(Err(error)) => {
                tracing::debug!(%error, "the read replica cannot be read; the primary is");
                false
            }
            Err(_) => false,
        };
        if !current {
            rest(&rests);
        }
        for one in waiting {
            // Whoever asked may be gone.
            let _ = one.send(current);
        }
    }
}

async fn has_caught_up(primary: &Pool, replica: &Pool) -> Result<bool> {
    let there = Reached::of(primary, PRIMARY).await?;
    for look in 0..LOOKS {
        if look > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let here = Reached::of(replica, REPLICA).await?;
        if (here.system, here.timeline) != (there.system, there.timeline) {
            return Ok(false);
        }
        if here.position.is_some() && here.position >= there.position {
            return Ok(true);
        }
    }
    Ok(false)
}
