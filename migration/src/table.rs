//! The short form in which tables are written, and its two dialects.
//!
//! A column is `name type`, with `?` after the type when it may be empty and `>table` when it points to one:
//! `"series_id uuid? >meeting_series, title text, starts_at time"`.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// A table of records: these columns and the ones every record has.
pub struct Table {
    /// Name.
    pub name: &'static str,
    /// Columns in the short form.
    pub columns: &'static str,
    /// Columns whose words full-text search finds, the heaviest first; empty for none.
    pub search: &'static [&'static str],
}

/// Statements that make the table, and its full-text index where it has one.
pub fn create(table: &Table, backend: DbBackend) -> Result<Vec<String>, DbErr> {
    let searchable = !table.search.is_empty();
    let mut columns = Vec::new();
    // Full-text rows point to this key; the implicit one may change when the file is compacted.
    if searchable && backend == DbBackend::Sqlite {
        columns.push("row_key INTEGER PRIMARY KEY AUTOINCREMENT".to_owned());
        columns.push(format!("id {} NOT NULL UNIQUE", kind("uuid", backend)?));
    } else {
        columns.push(format!("id {} NOT NULL PRIMARY KEY", kind("uuid", backend)?));
    }
    columns.extend(written(table.columns, backend)?);
    columns.extend(written("version int, created_at time, updated_at time, archived_at time?", backend)?);
    if searchable && backend == DbBackend::Postgres {
        let words = table
            .search
            .iter()
            .zip(["A", "B", "C", "D"])
            .map(|(column, weight)| {
                format!("setweight(to_tsvector('english', left(coalesce({column}, ''), 200000)), '{weight}')")
            })
            .collect::<Vec<_>>()
            .join(" || ");
        columns.push(format!("search tsvector GENERATED ALWAYS AS ({words}) STORED"));
    }
    let mut statements = vec![format!("CREATE TABLE {} (\n  {}\n)", table.name, columns.join(",\n  "))];
    if searchable {
        statements.extend(full_text(table, backend));
    }
    Ok(statements)
}

/// Statements for a table that is no record: its columns, and which of them are the key.
pub fn create_plain(name: &str, columns: &str, key: &str, backend: DbBackend) -> Result<String, DbErr> {
    let mut parts = written(columns, backend)?;
    parts.push(format!("PRIMARY KEY ({key})"));
    Ok(format!("CREATE TABLE {name} (\n  {}\n)", parts.join(",\n  ")))
}

/// What may stand only once: table, columns, and the condition under which it counts.
pub type Once = (&'static str, &'static str, &'static str);

/// Makes records' tables, an index of each by partnership, the other indexes, and what may stand only once.
pub async fn lay(
    manager: &SchemaManager<'_>,
    tables: &[Table],
    indexes: &[(&str, &str)],
    unique: &[Once],
) -> Result<(), DbErr> {
    let backend = manager.get_database_backend();
    let run = manager.get_connection();
    for table in tables {
        for statement in create(table, backend)? {
            run.execute_unprepared(&statement).await?;
        }
        let name = table.name;
        run.execute_unprepared(&format!("CREATE INDEX {name}_tenant ON {name} (partnership_id, id)")).await?;
    }
    for (table, columns) in indexes {
        let name = format!("{table}_by_{}", columns.replace(", ", "_"));
        run.execute_unprepared(&format!("CREATE INDEX {name} ON {table} ({columns})")).await?;
    }
    for (table, columns, only) in unique {
        let name = format!("{table}_once_{}", columns.replace(", ", "_"));
        run.execute_unprepared(&format!("CREATE UNIQUE INDEX {name} ON {table} ({columns}) WHERE {only}")).await?;
    }
    Ok(())
}

/// Takes the tables of [`lay`] away again, the last first.
pub async fn lift(manager: &SchemaManager<'_>, tables: &[Table]) -> Result<(), DbErr> {
    for table in tables.iter().rev() {
        for statement in drop(table, manager.get_database_backend()) {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
    }
    Ok(())
}

/// Adds columns, written in the short form, to a table that is there. They may be empty, since rows are there too.
pub async fn widen(manager: &SchemaManager<'_>, table: &str, columns: &str) -> Result<(), DbErr> {
    for column in written(columns, manager.get_database_backend())? {
        manager.get_connection().execute_unprepared(&format!("ALTER TABLE {table} ADD COLUMN {column}")).await?;
    }
    Ok(())
}

/// Takes columns of [`widen`] away again.
pub async fn narrow(manager: &SchemaManager<'_>, table: &str, columns: &[&str]) -> Result<(), DbErr> {
    for column in columns {
        manager.get_connection().execute_unprepared(&format!("ALTER TABLE {table} DROP COLUMN {column}")).await?;
    }
    Ok(())
}

/// Statements that take the table away again.
pub fn drop(table: &Table, backend: DbBackend) -> Vec<String> {
    let mut statements = Vec::new();
    if !table.search.is_empty() && backend == DbBackend::Sqlite {
        statements.push(format!("DROP TABLE {}_search", table.name));
    }
    statements.push(format!("DROP TABLE {}", table.name));
    statements
}

fn written(columns: &str, backend: DbBackend) -> Result<Vec<String>, DbErr> {
    columns
        .split(',')
        .map(str::trim)
        .filter(|column| !column.is_empty())
        .map(|column| {
            let mut words = column.split_whitespace();
            let (name, short) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let (short, empty) = match short.strip_suffix('?') {
                Some(short) => (short, ""),
                None => (short, " NOT NULL"),
            };
            let points =
                words.next().map(|to| format!(" REFERENCES {} (id)", to.trim_start_matches('>'))).unwrap_or_default();
            Ok(format!("{name} {}{empty}{points}", kind(short, backend)?))
        })
        .collect()
}

fn kind(short: &str, backend: DbBackend) -> Result<&'static str, DbErr> {
    Ok(match (short, backend) {
        ("uuid", DbBackend::Postgres) => "uuid",
        ("uuid", _) => "uuid_text",
        // Bytewise order, so that both databases sort alike.
        ("text", DbBackend::Postgres) => "text COLLATE \"C\"",
        ("text", _) => "text",
        ("int", _) => "integer",
        ("bool", _) => "boolean",
        ("time", DbBackend::Postgres) => "timestamptz",
        ("time", _) => "timestamp_with_timezone_text",
        ("date", DbBackend::Postgres) => "date",
        ("date", _) => "date_text",
        ("float", DbBackend::Postgres) => "double precision",
        ("float", _) => "double",
        _ => return Err(DbErr::Custom(format!("unknown column type `{short}`"))),
    })
}

fn full_text(table: &Table, backend: DbBackend) -> Vec<String> {
    let name = table.name;
    if backend == DbBackend::Postgres {
        return vec![format!("CREATE INDEX {name}_search ON {name} USING gin (search)")];
    }
    let columns = table.search.join(", ");
    let of = |row: &str| table.search.iter().map(|column| format!("{row}.{column}")).collect::<Vec<_>>().join(", ");
    let (old, new) = (of("old"), of("new"));
    let forget =
        format!("INSERT INTO {name}_search ({name}_search, rowid, {columns}) VALUES ('delete', old.row_key, {old})");
    let learn = format!("INSERT INTO {name}_search (rowid, {columns}) VALUES (new.row_key, {new})");
    vec![
        format!(
            "CREATE VIRTUAL TABLE {name}_search USING fts5({columns}, content='{name}', content_rowid='row_key', \
             tokenize='porter unicode61 remove_diacritics 2')"
        ),
        format!("CREATE TRIGGER {name}_search_insert AFTER INSERT ON {name} BEGIN {learn}; END"),
        format!("CREATE TRIGGER {name}_search_delete AFTER DELETE ON {name} BEGIN {forget}; END"),
        // Only when the words change: most updates leave the index alone.
        format!("CREATE TRIGGER {name}_search_update AFTER UPDATE OF {columns} ON {name} BEGIN {forget}; {learn}; END"),
    ]
}
