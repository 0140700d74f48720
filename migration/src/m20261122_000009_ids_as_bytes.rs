//! SQLite keeps ids as bytes. Two earlier steps took them for text: links to the needs that rows named were not made, and
//! events that were there were given ids that cannot be read. Both are put right; elsewhere there is nothing to do.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// See the module.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261122_000009_ids_as_bytes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Postgres {
            return Ok(());
        }
        let run = manager.get_connection();
        for of in ["solution", "second_look"] {
            let link = format!(
                "INSERT OR IGNORE INTO {of}_need ({of}_id, need_id) SELECT row.id, need.id FROM {of} row, \
                 json_each(row.need_ids) named JOIN need ON need.id = unhex(replace(named.value, '-', ''))"
            );
            run.execute_unprepared(&link).await?;
        }
        let bytes = "UPDATE event SET id = unhex(replace(id, '-', '')) WHERE typeof(id) = 'text'";
        run.execute_unprepared(bytes).await?;
        Ok(())
    }

    async fn down(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        // What is right now was meant before.
        Ok(())
    }
}
