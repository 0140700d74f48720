//! Checks of configuration and database, each with its remedy.

use roundtable_kernel::error::Error;
use roundtable_kernel::store::Store;
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::settings::Settings;

/// One check.
pub struct Finding {
    /// Whether all is well.
    pub well: bool,
    /// What was looked at and found.
    pub found: String,
    /// What to do when it is not well.
    pub remedy: &'static str,
}

fn finding(well: bool, found: impl Into<String>, remedy: &'static str) -> Finding {
    Finding { well, found: found.into(), remedy }
}

async fn setting(store: &Store, statement: &str) -> String {
    let row = store.maintenance().query_one_raw(Statement::from_string(store.backend(), statement.to_owned())).await;
    match row {
        Ok(Some(row)) => row
            .try_get_by_index::<String>(0)
            .or_else(|_| row.try_get_by_index::<i32>(0).map(|number| number.to_string()))
            .or_else(|_| row.try_get_by_index::<i64>(0).map(|number| number.to_string()))
            .unwrap_or_else(|_| "unreadable".into()),
        Ok(None) => "absent".into(),
        Err(error) => format!("no answer: {error}"),
    }
}

/// What is wrong when the database cannot even be opened.
pub fn unreachable(error: &Error) -> Finding {
    let because = error.source.as_ref().map(|source| format!(": {source}")).unwrap_or_default();
    let remedy = "see that database_url names the database, that it runs and takes the password; a damaged SQLite file is \
                  moved away and the last good backup put in its place by `roundtable restore`";
    finding(false, format!("the database cannot be opened{because}"), remedy)
}

/// Settings that give more than whoever wrote them may have meant.
fn grants(settings: &Settings) -> Vec<Finding> {
    let any = settings.listed(&settings.cors_origins).iter().any(|origin| origin == "*");
    let networks = settings.sending().map(|sending| sending.allowed).unwrap_or_default();
    let wide: Vec<String> = networks.iter().filter(|one| one.prefix_len() < 8).map(ToString::to_string).collect();
    vec![
        finding(
            !any,
            if any { "pages of any site may call the server" } else { "pages of the sites named may call the server" },
            "name the origins of your front ends in ROUNDTABLE_CORS_ORIGINS instead of *",
        ),
        finding(
            wide.is_empty(),
            match wide.as_slice() {
                [] => format!("webhooks reach {} private networks", networks.len()),
                wide => format!("webhooks reach all of {}, the inside of this network among it", wide.join(", ")),
            },
            "name the networks of your receivers in ROUNDTABLE_WEBHOOK_ALLOW_NETWORKS, and no wider ones",
        ),
    ]
}

/// Looks at everything that can be wrong without being an error.
pub async fn examine(store: &Store, settings: &Settings) -> Vec<Finding> {
    let mut findings = vec![
        match crate::check_version(store).await {
            Ok(()) => finding(true, "the database is at this version", ""),
            Err(error) => finding(false, error.detail, "run `roundtable migrate` with this version of the program"),
        },
        finding(
            settings.public_url().starts_with("https://") || settings.bind.starts_with("127."),
            format!("clients reach the server at {}", settings.public_url()),
            "set ROUNDTABLE_PUBLIC_URL to the https:// address of the proxy in front",
        ),
        finding(
            settings.access_token_seconds <= 3600,
            format!("access tokens last {} s", settings.access_token_seconds),
            "keep ROUNDTABLE_ACCESS_TOKEN_SECONDS at an hour or less",
        ),
    ];
    findings.extend(grants(settings));
    if store.backend() == DbBackend::Postgres {
        for (name, wanted, remedy) in [
            ("fsync", "on", "set fsync = on in postgresql.conf, or committed writes may be lost"),
            ("full_page_writes", "on", "set full_page_writes = on in postgresql.conf"),
            ("synchronous_commit", "on", "set synchronous_commit = on, or the last commits may be lost"),
        ] {
            let value = setting(store, &format!("SHOW {name}")).await;
            findings.push(finding(value == wanted, format!("PostgreSQL {name} is {value}"), remedy));
        }
        for name in ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"] {
            let value = setting(store, &format!("SHOW {name}")).await;
            let remedy = "a pooler does not pass on what servers ask for when they connect: ALTER ROLE … SET \
                          statement_timeout = '60s', lock_timeout = '5s', and idle_in_transaction_session_timeout = '10s'";
            findings.push(finding(value != "0", format!("PostgreSQL {name} is {value}"), remedy));
        }
        let ahead = setting(store, "SELECT extract(epoch FROM clock_timestamp())::bigint").await;
        let ahead = ahead.parse::<i64>().map_or(i64::MAX, |there| (chrono::Utc::now().timestamp() - there).abs());
        findings.push(finding(
            ahead <= 5,
            format!("this machine's clock differs from the database's by {ahead} s"),
            "keep the clocks of all machines by NTP, or webhooks and mail may be sent twice",
        ));
        let version = setting(store, "SHOW server_version_num").await;
        let new_enough = version.parse::<u32>().is_ok_and(|version| version >= 150_000);
        findings.push(finding(new_enough, format!("PostgreSQL is version {version}"), "use PostgreSQL 15 or newer"));
    } else {
        for (name, wanted, remedy) in [
            ("journal_mode", "wal", "let the program open the file itself; another has changed its journal mode"),
            ("synchronous", "2", "synchronous has to be FULL (2), or the last commits may be lost on power failure"),
            ("foreign_keys", "1", "foreign keys have to be on"),
            (
                "integrity_check",
                "ok",
                "the file is damaged: stop the server, move the file away with its -wal and -shm, and `roundtable restore` \
                 the last good backup",
            ),
        ] {
            let value = setting(store, &format!("PRAGMA {name}")).await;
            findings.push(finding(value == wanted, format!("SQLite {name} is {value}"), remedy));
        }
    }
    findings.extend(replica(store).await);
    // Those of another version have other columns.
    if findings.first().is_some_and(|version| version.well) {
        findings.extend(rows(store).await);
    }
    findings
}

/// Whether the read replica can be read, where there is one.
async fn replica(store: &Store) -> Option<Finding> {
    let remedy = "see that database_read_url names a standby of database_url and that it runs; until then the primary \
                  answers everything";
    Some(match store.replica()?.behind().await {
        Ok(Ok(0)) => finding(true, "the read replica has all that the primary has", ""),
        Ok(Ok(bytes)) => finding(true, format!("the read replica is {bytes} bytes behind the primary"), ""),
        Ok(Err(why)) => finding(false, format!("the read replica is not read: {why}"), remedy),
        Err(error) => finding(false, format!("the read replica does not answer: {error}"), remedy),
    })
}

/// Rows that cannot be read, and that no list shows therefore.
async fn rows(store: &Store) -> Vec<Finding> {
    let remedy = "something else wrote into the database, or its file is damaged: mend the row by SQL, or take it from a \
                  backup; the other rows are shown meanwhile";
    let mut findings = Vec::new();
    for (table, reader) in &crate::operations().readers {
        match reader.faults(store.maintenance()).await {
            Ok(rows) => findings.extend(
                rows.iter().map(|(id, why)| finding(false, format!("{table} {id} cannot be read: {why}"), remedy)),
            ),
            Err(error) => findings.push(finding(false, format!("{table} cannot be read: {error}"), remedy)),
        }
    }
    if findings.is_empty() {
        findings.push(finding(true, "every record can be read", ""));
    }
    findings
}
