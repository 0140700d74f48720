//! Events in the order in which they were committed, and webhooks.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::table::{self, Once, Table};

const TABLES: &[Table] = &[
    Table {
        name: "webhook",
        columns: "partnership_id uuid >partnership, url text, description text?, kinds text, organization_id uuid?, \
            account_id uuid, state text, disabled_reason text?, failing_since time?, secret text?, \
            signing_secret text, previous_secret text?, previous_until time?",
        search: &[],
    },
    Table {
        name: "webhook_delivery",
        columns: "partnership_id uuid >partnership, webhook_id uuid >webhook, organization_id uuid?, message_id text, \
            kind text, event_id uuid?, happened_at time, state text, attempts int, next_attempt_at time?, \
            delivered_at time?, status int?, error text?, payload text?, leased_until time?, role text, lease uuid?",
        search: &[],
    },
    Table {
        name: "webhook_attempt",
        columns: "partnership_id uuid >partnership, webhook_id uuid >webhook, delivery_id uuid >webhook_delivery, \
            organization_id uuid?, status int?, milliseconds int, error text?",
        search: &[],
    },
];

const INDEXES: &[(&str, &str)] = &[
    ("webhook_delivery", "webhook_id, state, next_attempt_at"),
    ("webhook_delivery", "state, next_attempt_at"),
    ("webhook_attempt", "delivery_id"),
];

const UNIQUE: &[Once] = &[("webhook_delivery", "webhook_id, message_id", "archived_at IS NULL")];

const PLAIN: &[(&str, &str, &str)] = &[("sealing_key", "name text, secret text, created_at time", "name")];

/// PostgreSQL numbers events after they are committed; SQLite commits them in the order in which they are written.
const POSTGRES: &[&str] = &[
    "ALTER TABLE event ADD COLUMN position bigint",
    "UPDATE event SET position = sequence, id = gen_random_uuid()",
    "CREATE INDEX event_unplaced ON event (sequence) WHERE position IS NULL",
];
const SQLITE: &[&str] = &[
    "ALTER TABLE event ADD COLUMN position INTEGER GENERATED ALWAYS AS (sequence) VIRTUAL",
    "UPDATE event SET id = lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || \
     substr(hex(randomblob(2)), 2) || '-a' || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))",
];
const BOTH: &[&str] = &[
    "CREATE UNIQUE INDEX event_place ON event (position)",
    "CREATE UNIQUE INDEX event_identity ON event (id)",
    "CREATE INDEX event_tenant ON event (partnership_id, position)",
    "CREATE TABLE event_mark (name text PRIMARY KEY, position bigint NOT NULL)",
    "INSERT INTO event_mark (name, position) VALUES ('forgotten', 0)",
    "INSERT INTO event_mark (name, position) SELECT 'relayed', coalesce(max(position), 0) FROM event",
];

/// See the module.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261122_000005_events"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let run = manager.get_connection();
        table::widen(manager, "event", "id uuid?, actor_organization_id uuid?").await?;
        let own = if backend == DbBackend::Postgres { POSTGRES } else { SQLITE };
        for statement in own.iter().chain(BOTH) {
            run.execute_unprepared(statement).await?;
        }
        for (name, columns, key) in PLAIN {
            run.execute_unprepared(&table::create_plain(name, columns, key, backend)?).await?;
        }
        table::lay(manager, TABLES, INDEXES, UNIQUE).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let run = manager.get_connection();
        table::lift(manager, TABLES).await?;
        for (name, _, _) in PLAIN {
            run.execute_unprepared(&format!("DROP TABLE {name}")).await?;
        }
        run.execute_unprepared("DROP TABLE event_mark").await?;
        for index in ["event_place", "event_identity", "event_tenant"] {
            run.execute_unprepared(&format!("DROP INDEX {index}")).await?;
        }
        if manager.get_database_backend() == DbBackend::Postgres {
            run.execute_unprepared("DROP INDEX event_unplaced").await?;
        }
        table::narrow(manager, "event", &["position", "id", "actor_organization_id"]).await
    }
}
