//! Up, down and up again; and every record's table fits its record.

use roundtable_migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, EntityTrait, QuerySelect, Statement};

use crate::harness::backend::{Backend, cluster};

async fn objects(db: &DatabaseConnection) -> Vec<String> {
    let sql = match db.get_database_backend() {
        DbBackend::Postgres => {
            "SELECT c.relkind::text || ' ' || c.relname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = 'public' UNION ALL SELECT 'f ' || proname::text FROM pg_proc p JOIN pg_namespace n \
             ON n.oid = p.pronamespace WHERE n.nspname = 'public' ORDER BY 1"
        }
        _ => "SELECT type || ' ' || name || ' ' || coalesce(sql, '') AS name FROM sqlite_master ORDER BY 1",
    };
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
    rows.iter().map(|row| row.try_get::<String>("", "name").unwrap()).collect()
}

async fn up_down_up(url: &str) {
    let db = Database::connect(url).await.unwrap();
    Migrator::up(&db, None).await.unwrap();
    let first = objects(&db).await;
    assert!(first.len() > 60, "{first:?}");
    Migrator::down(&db, None).await.unwrap();
    let left: Vec<String> = objects(&db).await.into_iter().filter(|name| !name.contains("seaql_migrations")).collect();
    let left: Vec<String> = left.into_iter().filter(|name| !name.contains("sqlite_")).collect();
    assert!(left.is_empty(), "left behind: {left:?}");
    Migrator::up(&db, None).await.unwrap();
    assert_eq!(first, objects(&db).await);
    db.close().await.unwrap();
}

#[test]
fn up_down_up_ends_where_it_began_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("up.db").display());
    actix_web::rt::System::new().block_on(up_down_up(&url));
}

#[test]
fn up_down_up_ends_where_it_began_on_postgres() {
    let Some(cluster) = cluster("up_down_up") else { return };
    let name = format!("roundtable_up_{}", std::process::id());
    cluster.psql("postgres", &format!("CREATE DATABASE {name}")).unwrap();
    actix_web::rt::System::new().block_on(up_down_up(&cluster.url(&name)));
    cluster.psql("postgres", &format!("DROP DATABASE {name} WITH (FORCE)")).unwrap();
}

/// Reads a row of each table with all of its columns, and says how many tables there are.
macro_rules! selectable {
    ($app:ident: $($module:ident),* $(,)?) => {{
        let read = $app.server.app.store.read();
        $(
            let rows = roundtable_entity::$module::Entity::find().limit(3).all(read).await;
            assert!(rows.is_ok(), "{}: {:?}", stringify!($module), rows.err());
        )*
        [$(stringify!($module)),*].len()
    }};
}

cases! {
    async fn every_entity_fits_its_table(app: App) {
        assert!(matches!(app.backend, Backend::Sqlite | Backend::Postgres));
        let named = selectable!(app:
            account, account_person, action_item, affiliation, agenda_item, attendance, bargaining_unit, calendar_feed, champion, code,
            constraint, decision, engagement, event, external_id, handover, idempotency_key, import_job, interest,
            invitation, location, mail, meeting, meeting_series, minutes, mission_statement, organization, outreach_touch,
            partner, partnership, person, policy_setting, refresh_token, resource, resource_status_change, seat, service_account, signing_key,
            staff_appointment, time_override, cause, cause_confirmation, employer_statement, endorsement,
            event_mark, sealing_key, webhook, webhook_attempt, webhook_delivery,
            feasibility_rating, fit_score, goal, input, need, offer, plan_step, second_look, solution, solution_approval,
            action_team, plan_approval, plan_version, second_look_need, solution_need,
            seal, topic, topic_consent,
            import_file, import_row,
            linked_identity, provider_sign_in, provisioned_login, revoked_token, session,
        );
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../entity/src")).unwrap().count();
        // Beside the tables lie lib, record, scalar and vocabulary.
        assert_eq!(named + 4, files, "name the new entity above");
    }

    async fn a_migrated_database_is_at_this_version(app: App) {
        roundtable_server::check_version(&app.server.app.store).await.unwrap();
    }
}
