//! Direction: statements, needs, causes, inputs, second looks, offers, solutions, goals and steps.

use sea_orm_migration::prelude::*;

use crate::table::{self, Table};

const TABLES: &[Table] = &[
    Table {
        name: "employer_statement",
        columns: "partnership_id uuid >partnership, employer_organization_id uuid >organization, text text, said_on \
            date, setting text, confirmation text, first_text text?, rejected_reason text?, \
            recorded_by_organization_id uuid? >organization, heard_by text",
        search: &["text"],
    },
    Table {
        name: "need",
        columns: "partnership_id uuid >partnership, title text, problem_statement text, kind text, socs text, skills \
            text, openings int?, horizon text?, source_statement_ids text, state text, \
            raised_by_organization_id uuid? >organization, voiced_by_organization_id uuid? >organization, \
            endorsements int, affected int, rank_score int, surface_only bool, confirmed_roots int, \
            parked_reason text?, met_on date?",
        search: &["title", "problem_statement"],
    },
    Table {
        name: "endorsement",
        columns: "partnership_id uuid >partnership, need_id uuid >need, organization_id uuid >organization, \
            importance int, affected_count int?, by_seat_id uuid? >seat, withdrawn_at time?, withdrawn_reason \
            text?",
        search: &[],
    },
    Table {
        name: "feasibility_rating",
        columns: "partnership_id uuid >partnership, need_id uuid >need, rating int, comment text?, organization_id \
            uuid? >organization, rater text",
        search: &[],
    },
    Table {
        name: "cause",
        columns: "partnership_id uuid >partnership, need_id uuid >need, parent_id uuid? >cause, text text, level \
            text, why text?, evidence text, state text, depth int, confirmations int, \
            proposed_by_organization_id uuid? >organization, rejected_reason text?",
        search: &[],
    },
    Table {
        name: "cause_confirmation",
        columns: "partnership_id uuid >partnership, cause_id uuid >cause, organization_id uuid >organization, \
            comment text?, need_id uuid >need, withdrawn_at time?",
        search: &[],
    },
    Table {
        name: "input",
        columns: "partnership_id uuid >partnership, kind text, masked bool, subject text?, text text, claim_type \
            text?, need_id uuid? >need, resource_id uuid? >resource, named_organization_id uuid? \
            >organization, attempted_year int?, claimed_result text?, state text, from_organization_id uuid? \
            >organization, from_person_id uuid? >person, answer_by date, answer text?, answered_on date?, \
            parked_reason text?, second_look_id uuid?",
        search: &["subject", "text"],
    },
    Table {
        name: "second_look",
        columns: "partnership_id uuid >partnership, resource_id uuid? >resource, input_id uuid? >input, subject \
            text, owner_organization_id uuid? >organization, need_ids text, problem_aimed_at text?, \
            problem_defined_by text?, people_served text?, what_happened text?, why_it_stopped text?, \
            what_differs_now text?, review_on date?, state text, finding text?, failure_reason text?, \
            reviewers text, owner_reply text?, owner_reply_due_on date?, owner_silent bool, \
            opened_by_organization_id uuid? >organization, concluded_on date?, reopened_reason text?",
        search: &["subject"],
    },
    Table {
        name: "offer",
        columns: "partnership_id uuid >partnership, organization_id uuid >organization, need_id uuid? >need, \
            cause_id uuid? >cause, text text, resource_id uuid? >resource, capacity text?, lead_time text?, \
            cost text?, limits text?, state text, withdrawn_reason text?",
        search: &["text"],
    },
    Table {
        name: "solution",
        columns: "partnership_id uuid >partnership, origin text, title text, text text, need_ids text, cause_ids \
            text, designer_organization_ids text, alternatives_considered text, no_alternatives_reason text?, \
            second_look_ids text, resource_id uuid? >resource, state text, seeking_problem bool, \
            proposed_by_organization_id uuid? >organization, approvals int, approvals_needed int, fit_scores \
            int, fit_average float?, adopted_on date?, rejected_reason text?",
        search: &["title", "text"],
    },
    Table {
        name: "fit_score",
        columns: "partnership_id uuid >partnership, solution_id uuid >solution, need_id uuid >need, organization_id \
            uuid >organization, score int, comment text?",
        search: &[],
    },
    Table {
        name: "solution_approval",
        columns: "partnership_id uuid >partnership, solution_id uuid >solution, organization_id uuid >organization, \
            withdrawn_at time?",
        search: &[],
    },
    Table {
        name: "goal",
        columns: "partnership_id uuid >partnership, statement text, horizon text, parent_goal_id uuid? >goal, \
            metrics text, state text, proposed_by_organization_id uuid? >organization, \
            agreed_by_organization_id uuid? >organization, retired_reason text?",
        search: &["statement"],
    },
    Table {
        name: "plan_step",
        columns: "partnership_id uuid >partnership, lead_organization_id uuid >organization, title text, goal_id \
            uuid >goal, solution_id uuid? >solution, starts_on date?, due_on date?, state text, accepted_on \
            date?, started_on date?, done_on date?, outcome text?, reason text?",
        search: &["title"],
    },
];

/// What lists sort and filter by, after the partnership they belong to.
const INDEXES: &[(&str, &str)] = &[
    ("employer_statement", "employer_organization_id"),
    ("need", "partnership_id, rank_score, id"),
    ("endorsement", "need_id"),
    ("endorsement", "organization_id"),
    ("feasibility_rating", "need_id"),
    ("cause", "need_id"),
    ("cause", "parent_id"),
    ("cause_confirmation", "cause_id"),
    ("cause_confirmation", "need_id"),
    ("input", "partnership_id, answer_by, id"),
    ("input", "need_id"),
    ("second_look", "resource_id"),
    ("second_look", "input_id"),
    ("offer", "need_id"),
    ("offer", "cause_id"),
    ("fit_score", "solution_id"),
    ("solution_approval", "solution_id"),
    ("goal", "parent_goal_id"),
    ("plan_step", "goal_id"),
    ("plan_step", "solution_id"),
    ("plan_step", "lead_organization_id"),
];

/// What may stand only once: one voice for each organisation.
const UNIQUE: &[(&str, &str, &str)] = &[
    ("endorsement", "need_id, organization_id", "archived_at IS NULL AND withdrawn_at IS NULL"),
    ("feasibility_rating", "need_id, rater", "archived_at IS NULL"),
    ("cause_confirmation", "cause_id, organization_id", "archived_at IS NULL AND withdrawn_at IS NULL"),
    ("fit_score", "solution_id, need_id, organization_id", "archived_at IS NULL"),
    ("solution_approval", "solution_id, organization_id", "archived_at IS NULL AND withdrawn_at IS NULL"),
];

/// See the module.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261122_000002_direction"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let run = manager.get_connection();
        for table in TABLES {
            for statement in table::create(table, backend)? {
                run.execute_unprepared(&statement).await?;
            }
            let name = table.name;
            run.execute_unprepared(&format!("CREATE INDEX {name}_tenant ON {name} (partnership_id, id)")).await?;
        }
        for (number, (name, columns)) in INDEXES.iter().enumerate() {
            run.execute_unprepared(&format!("CREATE INDEX {name}_by_{number} ON {name} ({columns})")).await?;
        }
        for (name, columns, only) in UNIQUE {
            let statement = format!("CREATE UNIQUE INDEX {name}_once ON {name} ({columns}) WHERE {only}");
            run.execute_unprepared(&statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let run = manager.get_connection();
        for table in TABLES.iter().rev() {
            for statement in table::drop(table, backend) {
                run.execute_unprepared(&statement).await?;
            }
        }
        Ok(())
    }
}
