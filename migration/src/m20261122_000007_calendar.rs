//! Calendar feeds, what calendars know of meetings and series, and mail to be sent.

use sea_orm_migration::prelude::*;

use crate::table::{self, Table};

const TABLES: &[Table] = &[Table {
    name: "calendar_feed",
    columns: "partnership_id uuid >partnership, name text, asked_only bool, planned bool, person_id uuid? >person, \
        organization_id uuid? >organization, address text?, account_id uuid, token_hash text",
    search: &[],
}];

const MAIL: &str = "id uuid, recipient text, recipient_name text, subject text, text text, method text?, calendar text?, \
    meeting_id uuid?, sequence int, invitation_id uuid?, attempts int, due_at time, leased_until time?, sent_at time?, \
    failed_at time?, last_error text?, created_at time";

/// See the module.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261122_000007_calendar"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let unique = [
            ("calendar_feed", "token_hash", "archived_at IS NULL"),
            ("meeting", "partnership_id, uid", "archived_at IS NULL"),
        ];
        table::lay(manager, TABLES, &[("calendar_feed", "account_id")], &unique).await?;
        table::widen(manager, "meeting_series", "excluded text?").await?;
        manager.get_connection().execute_unprepared("UPDATE meeting_series SET excluded = '[]'").await?;
        let run = manager.get_connection();
        run.execute_unprepared(&table::create_plain("mail", MAIL, "id", manager.get_database_backend())?).await?;
        run.execute_unprepared("CREATE INDEX mail_due ON mail (due_at) WHERE sent_at IS NULL AND failed_at IS NULL")
            .await?;
        run.execute_unprepared("CREATE INDEX mail_by_meeting ON mail (meeting_id, recipient)").await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP TABLE mail").await?;
        table::narrow(manager, "meeting_series", &["excluded"]).await?;
        manager.get_connection().execute_unprepared("DROP INDEX meeting_once_partnership_id_uid").await?;
        table::lift(manager, TABLES).await
    }
}
