//! Sessions by name, tokens taken back, logins at identity providers, and logins that another system provisions.

use sea_orm_migration::prelude::*;

use crate::table::{self, Table};

const TABLES: &[Table] = &[Table {
    name: "provisioned_login",
    columns: "partnership_id uuid >partnership, organization_id uuid? >organization, user_name text, external_id text?, \
        name text, given_name text?, family_name text?, email text?, title text?, active bool, \
        account_id uuid >account, person_id uuid? >person, owner_key text, user_name_key text",
    search: &[],
}];

const PLAIN: &[(&str, &str, &str)] = &[
    (
        "session",
        "id uuid, account_id uuid >account, partnership_id uuid?, method text, address text, created_at time, \
         used_at time, expires_at time, ended_at time?",
        "id",
    ),
    ("revoked_token", "id uuid, account_id uuid, expires_at time", "id"),
    (
        "linked_identity",
        "id uuid, account_id uuid >account, provider text, issuer text, subject text, created_at time, used_at time?",
        "id",
    ),
    (
        "provider_sign_in",
        "handle_hash text, provider text, redirect_uri text, invitation_hash text?, account_id uuid?, \
         partnership_id uuid?, expires_at time",
        "handle_hash",
    ),
];

const INDEXES: &[(&str, &str)] = &[
    ("provisioned_login", "account_id"),
    ("provisioned_login", "person_id"),
    ("session", "account_id"),
    ("revoked_token", "account_id"),
    ("linked_identity", "account_id"),
];

/// What may stand only once; archived rows free their values.
const UNIQUE: &[table::Once] =
    &[("provisioned_login", "partnership_id, owner_key, user_name_key", "archived_at IS NULL")];

/// See the module.
pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        "m20261122_000008_systems"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let run = manager.get_connection();
        for (name, columns, key) in PLAIN {
            run.execute_unprepared(&table::create_plain(name, columns, key, manager.get_database_backend())?).await?;
        }
        table::lay(manager, TABLES, INDEXES, UNIQUE).await?;
        run.execute_unprepared("CREATE UNIQUE INDEX linked_identity_once ON linked_identity (issuer, subject)").await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        table::lift(manager, TABLES).await?;
        for (name, _, _) in PLAIN.iter().rev() {
            manager.get_connection().execute_unprepared(&format!("DROP TABLE {name}")).await?;
        }
        Ok(())
    }
}
