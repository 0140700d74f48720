//! Exchange: imports of whole collections that run by themselves, row by row, and can be undone.

use sea_orm_migration::prelude::*;

use crate::table::{self, Table};

const TABLES: &[Table] = &[Table {
    name: "import_row",
    columns: "partnership_id uuid >partnership, job_id uuid >import_job, line int, outcome text, collection text, \
        record_id uuid?, member text?, code text?, detail text?, before text?",
    search: &[],
}];

const WIDER: &str = "collection text?, match_key text?, id_scheme text?, on_error text?, clear_empty bool?, rows int?, \
    failure text?, reverted_at time?, account_id uuid?, scopes text?";

const CODES: &str = "crosswalk text?, retired_at time?";

/// See the module.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261122_000006_exchange"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        table::widen(manager, "import_job", WIDER).await?;
        table::widen(manager, "code", CODES).await?;
        table::lay(manager, TABLES, &[("import_row", "job_id, outcome, line")], &[]).await?;
        let file = table::create_plain(
            "import_file",
            "job_id uuid >import_job, content text",
            "job_id",
            manager.get_database_backend(),
        )?;
        manager.get_connection().execute_unprepared(&file).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP TABLE import_file").await?;
        table::lift(manager, TABLES).await?;
        for (name, columns) in [("import_job", WIDER), ("code", CODES)] {
            let columns: Vec<&str> = columns.split(", ").filter_map(|column| column.split(' ').next()).collect();
            table::narrow(manager, name, &columns).await?;
        }
        Ok(())
    }
}
