//! The store's tables: migrations forward only, each a file in `schemas/sql`.
//!
//! The texts are meant for SQLite and PostgreSQL both. What only SQLite understands stands in
//! files whose name ends in `.sqlite.sql` (triggers), and in one type: `INTEGER PRIMARY KEY`, a
//! number that the database gives (`BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY` there).
//! All else is `BIGINT`, `TEXT` and `BYTEA`, which SQLite takes as they are; `ON CONFLICT`,
//! `RETURNING`, partial indexes and multi-row `VALUES` are common to both. Pragmas and the way a
//! transaction begins are in `engine`.

use crate::{
    Connection, StoreError,
    error::{SQLITE_NOTADB, primary_code},
    sql,
};

/// One step of the schema.
pub(crate) struct Migration {
    /// Rises from file to file; gaps are allowed.
    number: u32,
    /// The file's name after the number.
    name: &'static str,
    /// The statements.
    sql: &'static str,
}

/// Every migration, in order. 0001 to 0099: installation, catalog, connectors, quarantine,
/// receipts; 0100 on: libraries and deliveries.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 1,
        name: "installation",
        sql: include_str!("../../../schemas/sql/0001_installation.sql"),
    },
    Migration {
        number: 2,
        name: "receipt",
        sql: include_str!("../../../schemas/sql/0002_receipt.sql"),
    },
    Migration {
        number: 3,
        name: "receipt_forever",
        sql: include_str!("../../../schemas/sql/0003_receipt_forever.sqlite.sql"),
    },
    Migration {
        number: 4,
        name: "registry",
        sql: include_str!("../../../schemas/sql/0004_registry.sql"),
    },
    Migration {
        number: 5,
        name: "publication",
        sql: include_str!("../../../schemas/sql/0005_publication.sql"),
    },
    Migration {
        number: 6,
        name: "quarantine",
        sql: include_str!("../../../schemas/sql/0006_quarantine.sql"),
    },
    Migration {
        number: 7,
        name: "registered_schema",
        sql: include_str!("../../../schemas/sql/0007_registered_schema.sql"),
    },
    Migration {
        number: 100,
        name: "library",
        sql: include_str!("../../../schemas/sql/0100_library.sql"),
    },
    Migration {
        number: 200,
        name: "delivery",
        sql: include_str!("../../../schemas/sql/0200_delivery.sql"),
    },
    Migration {
        number: 201,
        name: "retraction",
        sql: include_str!("../../../schemas/sql/0201_retraction.sql"),
    },
];

/// Refuses foreign and newer files, then brings the tables up to date.
pub(crate) async fn migrate(db: &mut Connection, path: &str) -> Result<(), StoreError> {
    let fresh = recognise(db, path).await?;
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
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
    }
    for migration in MIGRATIONS {
        if applied.contains(&i64::from(migration.number)) {
            continue;
        }
        sql::run(db, "BEGIN IMMEDIATE").await?;
        sql::run(db, "PRAGMA application_id = 1500205940").await?;
        sql::run(db, migration.sql).await?;
        sql::query("INSERT INTO schema_migration (number, name) VALUES ($1, $2)")
            .bind(i64::from(migration.number))
            .bind(migration.name)
            .execute(&mut *db)
            .await?;
        sql::run(db, "COMMIT").await?;
    }
    Ok(())
}

/// Whether the file is new; an error when it belongs to somebody else.
pub(crate) async fn recognise(db: &mut Connection, path: &str) -> Result<bool, StoreError> {
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
