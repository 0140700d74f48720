//! The database's history: one file per change, each the same for SQLite and PostgreSQL.
//!
//! A landed migration is never edited; the next change is the next file. Tables are written in the short form that
//! [`table`] explains.

pub mod table;

mod m20261122_000001_the_table_is_set;
mod m20261122_000002_direction;
mod m20261122_000003_plan;
mod m20261122_000004_topics;
mod m20261122_000005_events;
mod m20261122_000006_exchange;
mod m20261122_000007_calendar;
mod m20261122_000008_systems;
mod m20261122_000009_ids_as_bytes;
mod m20261129_000010_search_within_a_partnership;

pub use sea_orm_migration::prelude::MigratorTrait;
use sea_orm_migration::prelude::*;

/// All migrations, oldest first.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_the_table_is_set::Migration),
            Box::new(m20261122_000002_direction::Migration),
            Box::new(m20261122_000003_plan::Migration),
            Box::new(m20261122_000004_topics::Migration),
            Box::new(m20261122_000005_events::Migration),
            Box::new(m20261122_000006_exchange::Migration),
            Box::new(m20261122_000007_calendar::Migration),
            Box::new(m20261122_000008_systems::Migration),
            Box::new(m20261122_000009_ids_as_bytes::Migration),
            Box::new(m20261129_000010_search_within_a_partnership::Migration),
        ]
    }
}
