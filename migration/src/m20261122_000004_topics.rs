//! Topics and what they seal; what became of inputs; owners' word on entries; needs that agenda items, decisions and
//! action items are about.

use sea_orm_migration::prelude::*;

use crate::table::{self, Once, Table};

const TABLES: &[Table] = &[
    Table {
        name: "topic",
        columns: "partnership_id uuid >partnership, subject text?, text text?, subject_matter text?, \
            party_organization_ids text, rationale text?, review_on date?, need_ids text, cause_ids text, \
            employer_statement_ids text, input_ids text, offer_ids text, second_look_ids text, solution_ids text, \
            agenda_item_ids text, decision_ids text, action_item_ids text, minutes_ids text, state text, venue text, \
            proposed_by_organization_id uuid? >organization, agreed_on date?, reopened_on date?, contested_reason text?",
        search: &[],
    },
    Table {
        name: "topic_consent",
        columns: "partnership_id uuid >partnership, topic_id uuid >topic, organization_id uuid >organization, \
            consents_to text, withdrawn_at time?, settled_at time?",
        search: &[],
    },
];

const INDEXES: &[(&str, &str)] = &[
    ("topic_consent", "topic_id"),
    ("agenda_item", "need_id"),
    ("decision", "need_id"),
    ("action_item", "need_id"),
    ("input", "converted_to_id"),
];

/// What may stand only once: one consent of each party.
const UNIQUE: &[Once] = &[(
    "topic_consent",
    "topic_id, organization_id",
    "archived_at IS NULL AND withdrawn_at IS NULL AND settled_at IS NULL",
)];

/// Columns of tables that were there before.
const WIDENED: &[(&str, &str, &[&str])] = &[
    ("need", "routed_from text?", &["routed_from"]),
    (
        "input",
        "converted_to_type text?, converted_to_id uuid?, overdue bool?",
        &["converted_to_type", "converted_to_id", "overdue"],
    ),
    ("resource", "owner_confirmation text?", &["owner_confirmation"]),
    ("agenda_item", "need_id uuid?", &["need_id"]),
    ("decision", "need_id uuid?", &["need_id"]),
    ("action_item", "need_id uuid?", &["need_id"]),
];

/// See the module.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261122_000004_topics"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let run = manager.get_connection();
        for (table, columns, _) in WIDENED {
            table::widen(manager, table, columns).await?;
        }
        run.execute_unprepared("UPDATE input SET overdue = false").await?;
        table::lay(manager, TABLES, INDEXES, UNIQUE).await?;
        let columns = "record_id uuid, record_type text, topic_id uuid >topic, partnership_id uuid >partnership";
        let seal = table::create_plain("seal", columns, "record_id", manager.get_database_backend())?;
        run.execute_unprepared(&seal).await?;
        run.execute_unprepared("CREATE INDEX seal_by_topic_id ON seal (topic_id)").await?;
        run.execute_unprepared("CREATE INDEX seal_by_partnership_id ON seal (partnership_id)").await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let run = manager.get_connection();
        run.execute_unprepared("DROP TABLE seal").await?;
        table::lift(manager, TABLES).await?;
        for (table, columns) in INDEXES.iter().filter(|(table, _)| *table != "topic_consent") {
            run.execute_unprepared(&format!("DROP INDEX {table}_by_{columns}")).await?;
        }
        for (table, _, columns) in WIDENED {
            table::narrow(manager, table, columns).await?;
        }
        Ok(())
    }
}
