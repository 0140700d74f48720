//! Versions of the plan and their approvals, action teams; needs of solutions and second looks as links.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::table::{self, Once, Table};

const TABLES: &[Table] = &[
    Table {
        name: "plan_version",
        columns: "partnership_id uuid >partnership, summary text, step_ids text, goal_ids text, basis_input_ids text, \
            basis_second_look_ids text, basis_statement_ids text, basis_need_ids text, number int, state text, steps \
            text, goals text, follows_id uuid? >plan_version, proposed_by_organization_id uuid? >organization, \
            approvals int, approvals_needed int, in_force_on date?, first_step_due_on date?, started_on date?, \
            not_started bool, reviewed_on date?, superseded_on date?",
        search: &["summary"],
    },
    Table {
        name: "plan_approval",
        columns: "partnership_id uuid >partnership, plan_version_id uuid >plan_version, organization_id uuid \
            >organization, withdrawn_at time?",
        search: &[],
    },
    Table {
        name: "action_team",
        columns: "partnership_id uuid >partnership, name text, purpose text, goal_id uuid >goal, \
            lead_organization_id uuid >organization, lead_seat_id uuid? >seat, state text, member_organization_ids \
            text, accepted_on date?, ended_on date?, reason text?",
        search: &["name", "purpose"],
    },
];

const INDEXES: &[(&str, &str)] = &[
    ("plan_version", "partnership_id, state"),
    ("plan_approval", "plan_version_id"),
    ("plan_approval", "organization_id"),
    ("action_team", "goal_id"),
    ("action_team", "lead_organization_id"),
];

const UNIQUE: &[Once] = &[
    ("plan_version", "partnership_id, number", "number > 0"),
    // One plan is in force.
    ("plan_version", "partnership_id", "state = 'in_force'"),
    ("plan_approval", "plan_version_id, organization_id", "archived_at IS NULL AND withdrawn_at IS NULL"),
];

/// Tables that link to needs, the record they link, and its columns.
const LINKS: &[(&str, &str)] = &[("solution_need", "solution"), ("second_look_need", "second_look")];

/// Columns added to tables that are there.
const ADDED: &[(&str, &str, &[&str])] = &[
    (
        "plan_step",
        "action_team_id uuid? >action_team, team_lead_organization_id uuid? >organization",
        &["action_team_id", "team_lead_organization_id"],
    ),
    ("action_item", "goal_id uuid? >goal", &["goal_id"]),
];

/// Columns added that are never empty, with what the rows that are there hold in them.
const BEGUN: &[(&str, &str, &str)] = &[
    ("solution", "accepted_designer_ids", "text NOT NULL DEFAULT '[]'"),
    ("need", "park_voices", "integer NOT NULL DEFAULT 0"),
    ("need", "park_organization_ids", "text NOT NULL DEFAULT '[]'"),
];

/// See the module.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261122_000003_plan"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let run = manager.get_connection();
        table::lay(manager, TABLES, INDEXES, UNIQUE).await?;
        for (name, of) in LINKS {
            let columns = format!("{of}_id uuid >{of}, need_id uuid >need");
            let statement = table::create_plain(name, &columns, &format!("{of}_id, need_id"), backend)?;
            run.execute_unprepared(&statement).await?;
            run.execute_unprepared(&format!("CREATE INDEX {name}_by_need_id ON {name} (need_id)")).await?;
            run.execute_unprepared(&fill(name, of, backend)).await?;
        }
        for (name, columns, _) in ADDED {
            table::widen(manager, name, columns).await?;
        }
        for (name, column, kind) in BEGUN {
            run.execute_unprepared(&format!("ALTER TABLE {name} ADD COLUMN {column} {kind}")).await?;
        }
        // Whoever was named before designers took a design on was held to have done so.
        run.execute_unprepared("UPDATE solution SET accepted_designer_ids = designer_organization_ids").await?;
        for (table, column) in [("plan_step", "action_team_id"), ("action_item", "goal_id")] {
            run.execute_unprepared(&format!("CREATE INDEX {table}_by_{column} ON {table} ({column})")).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let run = manager.get_connection();
        for (table, column) in [("plan_step", "action_team_id"), ("action_item", "goal_id")] {
            run.execute_unprepared(&format!("DROP INDEX {table}_by_{column}")).await?;
        }
        for (name, column, _) in BEGUN {
            table::narrow(manager, name, &[column]).await?;
        }
        for (name, _, columns) in ADDED {
            table::narrow(manager, name, columns).await?;
        }
        for (name, _) in LINKS {
            run.execute_unprepared(&format!("DROP TABLE {name}")).await?;
        }
        table::lift(manager, TABLES).await
    }
}

/// Links the rows that are there to the needs they name.
fn fill(name: &str, of: &str, backend: DbBackend) -> String {
    match backend {
        DbBackend::Postgres => format!(
            "INSERT INTO {name} ({of}_id, need_id) SELECT row.id, need.id FROM {of} row \
             CROSS JOIN LATERAL json_array_elements_text(row.need_ids::json) named JOIN need ON need.id::text = named"
        ),
        _ => format!(
            "INSERT INTO {name} ({of}_id, need_id) SELECT row.id, need.id FROM {of} row, \
             json_each(row.need_ids) named JOIN need ON need.id = named.value"
        ),
    }
}
