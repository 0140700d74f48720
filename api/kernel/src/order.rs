//! The order in which events were committed.
//!
//! A reader of the feed goes by position and never looks back, so no event may come to stand before one that was read.
//! SQLite commits in the order in which events are written. PostgreSQL draws their numbers while they are written, and a
//! transaction with a smaller number may be committed later. So each event is given its position once it is committed,
//! by one replica at a time.

use roundtable_entity::{event, event_mark};
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Statement};

use crate::error::Result;
use crate::hub::EVENTS;
use crate::store::{CHANNEL, Store};

/// Key of the turn in which positions are given.
const TURN: i64 = 7_402_001;
/// Most events placed in one transaction.
const MOST: u64 = 10_000;
/// Mark of the last event that is forgotten.
pub const FORGOTTEN: &str = "forgotten";

/// Gives every event that was committed by now its place, and says which is the last.
pub async fn settle(store: &Store) -> Result<i64> {
    if store.backend() == DbBackend::Postgres && unplaced(store).await? {
        // What is committed meanwhile is for the next who asks: where much is written there would be no end.
        while store.in_turn(TURN, |tx| async move { place(&*tx).await }).await? == MOST {}
    }
    last(store).await
}

async fn unplaced(store: &Store) -> Result<bool> {
    let waiting = event::Entity::find()
        .select_only()
        .column(event::Column::Sequence)
        .filter(event::Column::Position.is_null())
        .limit(1)
        .into_tuple::<i64>()
        .one(store.read())
        .await?;
    Ok(waiting.is_some())
}

/// Gives committed events their places, and says how many it were.
async fn place(run: &impl ConnectionTrait) -> Result<u64> {
    // Within a transaction, and for changes of one record, the order of writing is that of what happened.
    let statement = format!(
        "UPDATE event SET position = base.last + fresh.number FROM \
         (SELECT sequence, row_number() OVER (ORDER BY sequence) AS number FROM \
          (SELECT sequence FROM event WHERE position IS NULL ORDER BY sequence LIMIT {MOST}) AS waiting) AS fresh, \
         (SELECT greatest((SELECT coalesce(max(position), 0) FROM event), \
          (SELECT max(position) FROM event_mark)) AS last) AS base WHERE event.sequence = fresh.sequence"
    );
    let placed = run.execute_unprepared(&statement).await?.rows_affected();
    if placed > 0 {
        run.execute_unprepared(&format!("SELECT pg_notify('{CHANNEL}', '{EVENTS}')")).await?;
    }
    Ok(placed)
}

/// Position of the last event.
async fn last(store: &Store) -> Result<i64> {
    let found = event::Entity::find()
        .select_only()
        .column(event::Column::Position)
        .filter(event::Column::Position.is_not_null())
        .order_by_desc(event::Column::Position)
        .limit(1)
        .into_tuple::<Option<i64>>()
        .one(store.read())
        .await?;
    match found.flatten() {
        Some(position) => Ok(position),
        None => forgotten(store).await,
    }
}

/// Position of the last event that is forgotten; 0 when none is.
pub async fn forgotten(store: &Store) -> Result<i64> {
    let mark = event_mark::Entity::find_by_id(FORGOTTEN).one(store.read()).await?;
    Ok(mark.map_or(0, |mark| mark.position))
}

/// Forgets events that happened earlier and that webhooks were told of.
pub async fn forget(store: &Store, before: roundtable_entity::Timestamp) -> Result<()> {
    let backend = store.backend();
    store
        .write(true, move |tx| async move {
            let old = event::Entity::find()
                .select_only()
                .column(event::Column::Position)
                .filter(event::Column::HappenedAt.lt(before))
                .filter(event::Column::Position.is_not_null())
                .order_by_desc(event::Column::Position)
                .limit(1)
                .into_tuple::<Option<i64>>()
                .one(&*tx)
                .await?
                .flatten();
            // What somebody still has to be told is kept, however old.
            let told = event_mark::Entity::find().filter(event_mark::Column::Name.ne(FORGOTTEN)).all(&*tx).await?;
            let told = told.into_iter().map(|mark| mark.position).min();
            let Some(last) = old.map(|old| told.map_or(old, |told| told.min(old))) else {
                return Ok(());
            };
            event::Entity::delete_many().filter(event::Column::Position.lte(last)).exec(&*tx).await?;
            let (position, name) = if backend == DbBackend::Postgres { ("$1", "$2") } else { ("?", "?") };
            let statement = format!("UPDATE event_mark SET position = {position} WHERE name = {name}");
            let values = [last.into(), FORGOTTEN.into()];
            tx.execute_raw(Statement::from_sql_and_values(backend, statement, values)).await?;
            Ok(())
        })
        .await
}
