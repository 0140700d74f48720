//! PostgreSQL finds words within a partnership in one index: each row's partnership stands there among its words. Before,
//! the rows of all partnerships that had the words were found first, or all rows of the partnership beside them. On SQLite
//! there is nothing to do.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

const TABLES: &[&str] = &[
    "organization",
    "person",
    "meeting",
    "resource",
    "employer_statement",
    "need",
    "input",
    "second_look",
    "offer",
    "solution",
    "goal",
    "plan_step",
    "plan_version",
    "action_team",
];

/// See the module.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261129_000010_search_within_a_partnership"
    }
}

async fn index(manager: &SchemaManager<'_>, words: &str) -> Result<(), DbErr> {
    if manager.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let run = manager.get_connection();
    // While an index is made its table can be read, and only then is the old one exchanged for it.
    for table in TABLES {
        run.execute_unprepared(&format!("CREATE INDEX {table}_found ON {table} USING gin ({words})")).await?;
    }
    for table in TABLES {
        run.execute_unprepared(&format!("DROP INDEX {table}_search")).await?;
        run.execute_unprepared(&format!("ALTER INDEX {table}_found RENAME TO {table}_search")).await?;
    }
    Ok(())
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        index(manager, "(search || array_to_tsvector(ARRAY[partnership_id::text]))").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        index(manager, "search").await
    }
}
