//! The store's tables: migrations forward only, each a file in `schemas/sql`.
//!
//! The texts are for SQLite and PostgreSQL both: `BIGINT`, `TEXT` and `BYTEA`, which SQLite takes
//! as they are; `ON CONFLICT`, `RETURNING`, partial indexes and multi-row `VALUES` are common to
//! both. Two types are put otherwise for PostgreSQL ([`ddl`]); where a whole text differs
//! (triggers), it is in a file of each, whose names end in `.sqlite.sql` and `.postgres.sql`.
//! Pragmas and the way a transaction begins are in `engine`.

use std::borrow::Cow;

use sqlx::AssertSqlSafe;

use crate::{
    Connection, StoreError,
    connection::Kind,
    error::{SQLITE_NOTADB, primary_code},
    sql,
};

/// One step of the schema.
pub(crate) struct Migration {
    /// Rises from file to file; gaps are allowed.
    number: u32,
    /// The file's name after the number.
    name: &'static str,
    /// The statements, in SQLite's words.
    sql: &'static str,
    /// The statements for PostgreSQL, where they are not the same.
    postgres: Option<&'static str>,
}

const fn step(number: u32, name: &'static str, sql: &'static str) -> Migration {
    Migration { number, name, sql, postgres: None }
}

/// Every migration, in order. 0001 to 0099: installation, catalog, connectors, quarantine,
/// receipts; 0100 on: libraries and deliveries.
pub(crate) const MIGRATIONS: &[Migration] = &[
    step(1, "installation", include_str!("../../../schemas/sql/0001_installation.sql")),
    step(2, "receipt", include_str!("../../../schemas/sql/0002_receipt.sql")),
    Migration {
        number: 3,
        name: "receipt_forever",
        sql: include_str!("../../../schemas/sql/0003_receipt_forever.sqlite.sql"),
        postgres: Some(include_str!("../../../schemas/sql/0003_receipt_forever.postgres.sql")),
    },
    step(4, "registry", include_str!("../../../schemas/sql/0004_registry.sql")),
    step(5, "publication", include_str!("../../../schemas/sql/0005_publication.sql")),
    step(6, "quarantine", include_str!("../../../schemas/sql/0006_quarantine.sql")),
    step(7, "registered_schema", include_str!("../../../schemas/sql/0007_registered_schema.sql")),
    step(9, "bus_log", include_str!("../../../schemas/sql/0009_bus_log.sql")),
    step(10, "entity_schema", include_str!("../../../schemas/sql/0010_entity_schema.sql")),
    step(11, "foreign_message", include_str!("../../../schemas/sql/0011_foreign_message.sql")),
    step(12, "bi_reader", include_str!("../../../schemas/sql/0012_bi_reader.sql")),
    step(13, "batch_range", include_str!("../../../schemas/sql/0013_batch_range.sql")),
    step(100, "library", include_str!("../../../schemas/sql/0100_library.sql")),
    step(200, "delivery", include_str!("../../../schemas/sql/0200_delivery.sql")),
    step(201, "retraction", include_str!("../../../schemas/sql/0201_retraction.sql")),
    Migration {
        number: 202,
        name: "bi_views",
        sql: "",
        postgres: Some(include_str!("../../../schemas/sql/0202_bi_views.postgres.sql")),
    },
];

/// A text that makes or changes tables, in the words of the database. On PostgreSQL text is
/// compared byte by byte, as on SQLite: pages go by key, and the hub compares keys too.
pub(crate) fn ddl(kind: Kind, sql: &str) -> Cow<'_, str> {
    match kind {
        Kind::Sqlite => sql.into(),
        Kind::Postgres => sql
            .replace("INTEGER PRIMARY KEY", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY")
            .replace(" TEXT", " TEXT COLLATE \"C\"")
            .into(),
    }
}

/// The tables that every store has, all of them in texts that are the same for both databases.
pub(crate) fn tables() -> Vec<&'static str> {
    let of = |migration: &'static Migration| {
        migration.sql.lines().filter_map(|line| line.strip_prefix("CREATE TABLE "))
    };
    MIGRATIONS.iter().flat_map(of).filter_map(|rest| rest.split(' ').next()).collect()
}

/// Refuses foreign and newer databases, then brings the tables up to date.
pub(crate) async fn migrate(db: &mut Connection, shown: &str) -> Result<(), StoreError> {
    let fresh = recognise(db, shown).await?;
    let applied: Vec<i64> = match fresh {
        true => Vec::new(),
        false => {
            let sql = "SELECT number FROM schema_migration ORDER BY number";
            sql::query_scalar(sql).fetch_all(&mut *db).await?
        }
    };
    let known = MIGRATIONS.last().map_or(0, |last| last.number);
    let unknown = |number: &&i64| !MIGRATIONS.iter().any(|one| i64::from(one.number) == **number);
    if let Some(found) = applied.iter().rev().find(unknown) {
        let found = u32::try_from(*found).unwrap_or(u32::MAX);
        return Err(StoreError::Newer { path: shown.to_owned(), found, known });
    }
    for migration in MIGRATIONS {
        if !applied.contains(&i64::from(migration.number)) {
            apply(db, migration).await?;
        }
    }
    Ok(())
}

async fn apply(db: &mut Connection, migration: &Migration) -> Result<(), StoreError> {
    let kind = db.kind();
    let (begin, text) = match kind {
        Kind::Sqlite => ("BEGIN IMMEDIATE; PRAGMA application_id = 1500205940", migration.sql),
        Kind::Postgres => ("BEGIN", migration.postgres.unwrap_or(migration.sql)),
    };
    sql::run(db, begin).await?;
    sql::run(db, AssertSqlSafe(ddl(kind, text).into_owned())).await?;
    sql::query("INSERT INTO schema_migration (number, name) VALUES ($1, $2)")
        .bind(i64::from(migration.number))
        .bind(migration.name)
        .execute(&mut *db)
        .await?;
    Ok(sql::run(db, "COMMIT").await?)
}

/// Whether the database is new; an error when it belongs to somebody else.
pub(crate) async fn recognise(db: &mut Connection, shown: &str) -> Result<bool, StoreError> {
    match db.kind() {
        Kind::Sqlite => recognise_file(db, shown).await,
        Kind::Postgres => recognise_schema(db, shown).await,
    }
}

async fn recognise_schema(db: &mut Connection, shown: &str) -> Result<bool, StoreError> {
    let (there, ours, tables): (bool, bool, i64) = sql::query_as(
        "SELECT to_regnamespace('yiku') IS NOT NULL,
                to_regclass('yiku.schema_migration') IS NOT NULL
                    AND to_regclass('yiku.incarnation') IS NOT NULL,
                (SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('yiku'))",
    )
    .fetch_one(&mut *db)
    .await?;
    if !there {
        sql::run(db, "CREATE SCHEMA yiku").await?;
    }
    if tables > 0 && !ours {
        return Err(StoreError::Unfit {
            database: shown.to_owned(),
            zh: "模式 yiku 属于其他程序；请指定另一个数据库".into(),
            en: "its schema `yiku` belongs to another program; name another database".into(),
        });
    }
    Ok(tables == 0)
}

async fn recognise_file(db: &mut Connection, path: &str) -> Result<bool, StoreError> {
    let foreign =
        |problem: &str| StoreError::Foreign { path: path.to_owned(), problem: problem.into() };
    let application = sql::query_scalar("PRAGMA application_id").fetch_one(&mut *db).await;
    let application: i64 = match application {
        Ok(application) => application,
        Err(error) => {
            let code = error.as_database_error().and_then(primary_code);
            return Err(match code {
                Some(SQLITE_NOTADB) => foreign("it is no SQLite file"),
                _ => error.into(),
            });
        }
    };
    let tables: i64 =
        sql::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(&mut *db).await?;
    match (application, tables) {
        (APPLICATION_ID | 0, 0) => Ok(true),
        (APPLICATION_ID, _) => Ok(false),
        _ => Err(foreign("it is a database of another program")),
    }
}

/// `YkSt` in the file's header.
const APPLICATION_ID: i64 = 1_500_205_940;
