//! Partnerships, partners, people, meetings, resources, identity.

use sea_orm_migration::prelude::*;

use crate::table::{self, Table};

const TENANT: &str = "partnership_id uuid >partnership";

const TABLES: &[Table] = &[
    Table {
        name: "partnership",
        columns: "slug text, working_title text, short_name text?, aliases text, purpose text?, mission text?, \
            region text?, region_codes text, naics text, industry_unionized text, time_zone text, cadence_days int?, \
            publicity text, name text?, phase text, phase_since time, intermediary_organization_id uuid?",
        search: &[],
    },
    Table {
        name: "organization",
        columns: "partnership_id uuid >partnership, name text, kind text, alternate_name text?, description text?, \
            website text?, email text?, phone text?, address text?, city text?, state_province text?, \
            postal_code text?, country text?, legal_status text?, naics text, size_class text?, \
            parent_id uuid? >organization, side text, name_key text",
        search: &["name", "alternate_name", "description"],
    },
    Table {
        name: "location",
        columns: "partnership_id uuid >partnership, organization_id uuid >organization, name text, description text?, \
            address text?, city text?, state_province text?, postal_code text?, country text?, latitude float?, \
            longitude float?, phone text?, transportation text?",
        search: &[],
    },
    Table {
        name: "person",
        columns: "partnership_id uuid >partnership, name text, pronouns text?, email text?, phone text?, \
            language text?, contact_visibility text, do_not_contact bool, \
            organization_id uuid? >organization, name_key text",
        search: &["name"],
    },
    Table {
        name: "affiliation",
        columns: "partnership_id uuid >partnership, person_id uuid >person, organization_id uuid >organization, \
            starts_on date?, title text?, function_level text, ends_on date?, ends_reason text?",
        search: &[],
    },
    Table {
        name: "partner",
        columns: "partnership_id uuid >partnership, organization_id uuid >organization, contribution text?, \
            size_class text?, naics text?, headcount int?, union_kind text?, union_affiliation text?, local text?, \
            leadership text?, membership int?, offerings text?, accreditation text?, name text, kind text, side text, \
            state text, engagement_mode text?, hours_offered int?, joined_on date?, left_on date?, live_seats int, \
            name_key text, proposed_by uuid?",
        search: &[],
    },
    Table {
        name: "engagement",
        columns: "partnership_id uuid >partnership, partner_id uuid >partner, organization_id uuid >organization, \
            mode text, starts_on date, reason text?, ends_on date?",
        search: &[],
    },
    Table {
        name: "seat",
        columns: "partnership_id uuid >partnership, partner_id uuid >partner, person_id uuid >person, role text, \
            function_level text, expected_end_on date?, appointed_by text?, organization_id uuid >organization, \
            person_name text, state text, starts_on date?, ends_on date?, confirmed_on date?",
        search: &[],
    },
    Table {
        name: "handover",
        columns: "partnership_id uuid >partnership, partner_id uuid >partner, organization_id uuid >organization, \
            from_seat_id uuid >seat, reason text?, items text, brief text?, due_on date?, to_seat_id uuid? >seat, \
            state text",
        search: &[],
    },
    Table {
        name: "champion",
        columns: "partnership_id uuid >partnership, partner_id uuid >partner, person_id uuid >person, duties text, \
            evidence text?, organization_id uuid >organization, person_name text, state text, serving_since date?",
        search: &[],
    },
    Table {
        name: "outreach_touch",
        columns: "partnership_id uuid >partnership, organization_id uuid >organization, person_id uuid? >person, \
            channel text, purpose text, touched_on date, result text?, next_on date?, by_organization_id uuid?, \
            by_account_id uuid?",
        search: &[],
    },
    Table {
        name: "interest",
        columns: "partnership_id uuid >partnership, organization_id uuid >organization, kind text, text text, \
            barrier_state text?, acting text?",
        search: &[],
    },
    Table {
        // `constraint` is a word of SQL.
        name: "constraint_",
        columns: "partnership_id uuid >partnership, organization_id uuid >organization, kind text, text text, \
            force text, starts_on date?, ends_on date?, workaround text?, workaround_state text",
        search: &[],
    },
    Table {
        name: "mission_statement",
        columns: "partnership_id uuid >partnership, organization_id uuid >organization, text text, effective_on date, \
            edition int",
        search: &[],
    },
    Table {
        name: "bargaining_unit",
        columns: "partnership_id uuid >partnership, employer_organization_id uuid >organization, \
            union_organization_id uuid >organization, description text?, size int?, establishment_size int?, \
            expires_on date?, noticed_on date?",
        search: &[],
    },
    Table {
        name: "meeting_series",
        columns: "partnership_id uuid >partnership, title text, kind text, mode text, rrule text, starts_local text, \
            time_zone text, duration_minutes int, generated_until time?",
        search: &[],
    },
    Table {
        name: "meeting",
        columns: "partnership_id uuid >partnership, series_id uuid? >meeting_series, title text, kind text, mode text, \
            objective text?, starts_at time, duration_minutes int, time_zone text, preparation_minutes int, \
            place text?, url text?, asynchronous_input text?, capacity int?, logistics text?, audience_levels text, \
            audience_modes text, host_organization_id uuid? >organization, publicity text, state text, \
            starts_local text, ends_at time, objective_result text?, ended_at time?, overrun_minutes int?, \
            cancelled_reason text?, uid text, sequence int, organizer_account_id uuid?, organizer_organization_id uuid?",
        search: &["title", "objective"],
    },
    Table {
        name: "agenda_item",
        columns: "meeting_id uuid >meeting, position int, title text, kind text, minutes int, \
            presenter_organization_id uuid? >organization, outcome text?, partnership_id uuid >partnership, \
            carried_from_id uuid? >agenda_item",
        search: &[],
    },
    Table {
        name: "attendance",
        columns: "meeting_id uuid >meeting, seat_id uuid >seat, invited_as text?, preparation_minutes int?, \
            partnership_id uuid >partnership, partner_id uuid >partner, organization_id uuid >organization, \
            person_id uuid >person, part_stat text, answered_at time?, attended bool?, attended_minutes int?, \
            waitlist_position int?, warnings text",
        search: &[],
    },
    Table {
        name: "minutes",
        columns: "meeting_id uuid >meeting, text text, partnership_id uuid >partnership, state text, approved_by text",
        search: &[],
    },
    Table {
        name: "decision",
        columns: "partnership_id uuid >partnership, meeting_id uuid? >meeting, made_in text, \
            supersedes_id uuid? >decision, text text, decided_on date, by_sides text, review_on date?",
        search: &[],
    },
    Table {
        name: "action_item",
        columns: "partnership_id uuid >partnership, meeting_id uuid? >meeting, \
            owner_organization_id uuid >organization, title text, seat_id uuid? >seat, due_on date?, state text, \
            reason text?, carried_from_id uuid? >action_item, carried_to_meeting_id uuid? >meeting",
        search: &[],
    },
    Table {
        name: "time_override",
        columns: "partnership_id uuid >partnership, meeting_id uuid >meeting, partner_id uuid >partner, \
            organization_id uuid >organization, minutes_over int, reason text",
        search: &[],
    },
    Table {
        name: "resource",
        columns: "partnership_id uuid >partnership, entry_kind text, name text, alternate_name text?, \
            description text?, status text, owner_organization_id uuid? >organization, location_id uuid? >location, \
            url text?, email text?, phone text?, eligibility text?, application_process text?, fees text?, \
            wait_time text?, accreditations text?, languages text, keywords text, naics text, soc text, cip text, \
            ctdl_id text?, developed_on date?, last_used_on date?, shelved_reason text?, record_state text, \
            discovered_on date, discovered_by_organization_id uuid?, verified_on date?, \
            verified_by_organization_id uuid?, status_since time, retired_reason text?, name_key text",
        search: &["name", "alternate_name", "keywords", "description"],
    },
    Table {
        name: "resource_status_change",
        columns: "partnership_id uuid >partnership, resource_id uuid >resource, member text, was text?, became text",
        search: &[],
    },
    Table {
        name: "policy_setting",
        columns: "partnership_id uuid >partnership, key text, value text, reason text?",
        search: &[],
    },
    Table {
        name: "external_id",
        columns: "partnership_id uuid >partnership, record_type text, record_id uuid, scheme text, value text",
        search: &[],
    },
    Table {
        name: "code",
        columns: "system text, vintage text, code text, title text, parent text?",
        search: &["title"],
    },
    Table {
        name: "account",
        columns: "email text, name text, operator bool, suspended_at time?, email_key text, password_hash text, \
            sessions_since time",
        search: &[],
    },
    Table {
        name: "staff_appointment",
        columns: "partnership_id uuid >partnership, account_id uuid >account, role text, organization_id uuid?",
        search: &[],
    },
    Table {
        name: "service_account",
        columns: "partnership_id uuid >partnership, organization_id uuid? >organization, name text, scopes text, \
            expires_at time?, role text, client_id text, client_secret text?, last_used_at time?, secret_hash text",
        search: &[],
    },
    Table {
        name: "invitation",
        columns: "partnership_id uuid >partnership, email text, person_id uuid? >person, staff_role text?, \
            organization_id uuid?, expires_at time, accepted_at time?, token text?, token_hash text",
        search: &[],
    },
    Table {
        name: "import_job",
        columns: "partnership_id uuid >partnership, kind text, file_name text, dry_run bool, state text, \
            rows_read int, created int, updated int, unchanged int, refused int, report text",
        search: &[],
    },
];

const PLAIN: &[(&str, &str, &str)] = &[
    ("account_person", "account_id uuid >account, person_id uuid >person", "account_id, person_id"),
    (
        "refresh_token",
        "token_hash text, family_id uuid, account_id uuid >account, partnership_id uuid?, created_at time, \
         expires_at time, used_at time?, revoked_at time?",
        "token_hash",
    ),
    ("signing_key", "kid text, private_pem text, public_x text, created_at time, retired_at time?", "kid"),
    ("idempotency_key", "key_hash text, request_hash text, answer text, created_at time", "key_hash"),
];

const EVENT: &str = "partnership_id uuid?, kind text, record_type text, record_id uuid, record_version int, \
    changed_fields text, operation text, actor_id uuid?, actor_role text, via text, request_id text, happened_at time";

/// What lists sort and filter by, after the partnership they belong to.
const INDEXES: &[(&str, &str)] = &[
    ("organization", "partnership_id, name_key, id"),
    ("person", "partnership_id, name_key, id"),
    ("partner", "partnership_id, name_key, id"),
    ("partner", "partnership_id, kind, name_key, id"),
    ("partner", "organization_id"),
    ("resource", "partnership_id, name_key, id"),
    ("resource", "owner_organization_id"),
    ("resource_status_change", "resource_id"),
    ("meeting", "partnership_id, starts_at, id"),
    ("meeting", "series_id"),
    ("location", "organization_id"),
    ("affiliation", "person_id"),
    ("affiliation", "organization_id"),
    ("engagement", "partner_id"),
    ("seat", "partner_id"),
    ("seat", "person_id"),
    ("handover", "partner_id"),
    ("champion", "partner_id"),
    ("agenda_item", "meeting_id, position"),
    ("attendance", "meeting_id"),
    ("attendance", "partner_id"),
    ("attendance", "seat_id"),
    ("decision", "meeting_id"),
    ("action_item", "meeting_id"),
    ("action_item", "owner_organization_id"),
    ("time_override", "partner_id"),
    ("bargaining_unit", "employer_organization_id"),
    ("bargaining_unit", "union_organization_id"),
    ("interest", "organization_id"),
    ("constraint_", "organization_id"),
    ("mission_statement", "organization_id"),
    ("outreach_touch", "organization_id"),
    ("external_id", "record_id"),
    ("policy_setting", "partnership_id, key"),
    ("account_person", "person_id"),
    ("staff_appointment", "account_id"),
    ("refresh_token", "family_id"),
    ("refresh_token", "account_id"),
    ("event", "partnership_id, sequence"),
    ("event", "record_id"),
];

/// What may stand only once; archived rows free their values.
const UNIQUE: &[(&str, &str, &str)] = &[
    ("partnership", "slug", "archived_at IS NULL"),
    ("partner", "partnership_id, organization_id", "archived_at IS NULL AND state NOT IN ('declined', 'withdrawn')"),
    ("seat", "partner_id", "archived_at IS NULL AND role = 'point_person' AND state IN ('live', 'ending')"),
    ("champion", "partner_id, person_id", "archived_at IS NULL AND state <> 'stepped_down'"),
    ("attendance", "meeting_id, seat_id", "archived_at IS NULL"),
    ("minutes", "meeting_id", "archived_at IS NULL"),
    ("engagement", "partner_id", "archived_at IS NULL AND ends_on IS NULL"),
    ("external_id", "partnership_id, record_type, scheme, value", "archived_at IS NULL"),
    ("code", "system, vintage, code", "archived_at IS NULL"),
    ("account", "email_key", "archived_at IS NULL"),
    ("service_account", "client_id", "archived_at IS NULL"),
    ("mission_statement", "organization_id, edition", "archived_at IS NULL"),
];

/// See the module.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261122_000001_the_table_is_set"
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
            if table.columns.contains(TENANT)
                && !matches!(table.name, "organization" | "person" | "partner" | "resource" | "meeting")
            {
                let name = table.name;
                run.execute_unprepared(&format!("CREATE INDEX {name}_tenant ON {name} (partnership_id, id)")).await?;
            }
        }
        for (name, columns, key) in PLAIN {
            run.execute_unprepared(&table::create_plain(name, columns, key, backend)?).await?;
        }
        let key = match backend {
            sea_orm_migration::sea_orm::DbBackend::Postgres => {
                "sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"
            }
            _ => "sequence INTEGER PRIMARY KEY AUTOINCREMENT",
        };
        // `create_plain` wants a key of its columns; an event's key is drawn by the database.
        let event = table::create_plain("event", EVENT, "", backend)?;
        let event = event.replacen("(\n", &format!("(\n  {key},\n"), 1).replace(",\n  PRIMARY KEY ()", "");
        run.execute_unprepared(&event).await?;
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
        run.execute_unprepared("DROP TABLE event").await?;
        for (name, _, _) in PLAIN.iter().rev() {
            run.execute_unprepared(&format!("DROP TABLE {name}")).await?;
        }
        for table in TABLES.iter().rev() {
            for statement in table::drop(table, backend) {
                run.execute_unprepared(&statement).await?;
            }
        }
        Ok(())
    }
}
