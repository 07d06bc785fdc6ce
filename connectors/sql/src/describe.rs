//! What columns a table has, and which of them are its primary key.

use sqlx::{
    AssertSqlSafe, Column as _, Executor, MySql, SqlSafeStr, Statement as _, Type, TypeInfo,
};

use crate::{
    database::Database,
    dialect::{Column, Dialect, Kind},
};

/// The columns of what stands after FROM, as the database names and types them.
pub async fn columns(database: &mut Database, from: &str) -> Result<Vec<Column>, sqlx::Error> {
    let sql = AssertSqlSafe(format!("SELECT * FROM {from} AS r")).into_sql_str();
    // A statement kept from before would tell the columns of then.
    database.forget_statements().await?;
    match database {
        Database::Sqlite(connection) => {
            let statement = connection.prepare(sql).await?;
            let column = |name: &str| Column {
                name: name.to_owned(),
                kind: Kind::Any,
                sql_type: String::new(),
            };
            Ok(statement.columns().iter().map(|found| column(found.name())).collect())
        }
        Database::MySql(connection) => {
            let statement = connection.prepare(sql).await?;
            let column = |name: &str, info: &sqlx::mysql::MySqlTypeInfo| Column {
                name: name.to_owned(),
                kind: mysql_kind(info),
                sql_type: info.name().to_owned(),
            };
            let columns = statement.columns().iter();
            Ok(columns.map(|found| column(found.name(), found.type_info())).collect())
        }
        Database::Postgres(connection) => {
            let statement = (&mut *connection).prepare(sql).await?;
            let found = statement.columns();
            let oids: Vec<_> =
                found.iter().map(|column| column.type_info().oid().unwrap_or_default()).collect();
            let types: Vec<String> = sqlx::query_scalar(
                "SELECT format_type(kind, -1) FROM unnest($1) WITH ORDINALITY AS u (kind, place) \
                 ORDER BY place",
            )
            .bind(oids)
            .fetch_all(connection)
            .await?;
            let column = |(found, sql_type): (&sqlx::postgres::PgColumn, String)| Column {
                name: found.name().to_owned(),
                kind: postgres_kind(found.type_info().name()),
                sql_type,
            };
            Ok(found.iter().zip(types).map(column).collect())
        }
    }
}

/// The columns of a table's primary key, in its order; none for a view.
pub async fn primary_key(database: &mut Database, table: &str) -> Result<Vec<String>, sqlx::Error> {
    match database {
        Database::Sqlite(connection) => {
            let (schema, name) = table.split_once('.').unwrap_or(("main", table));
            sqlx::query_scalar(
                "SELECT name FROM pragma_table_info(?1, ?2) WHERE pk > 0 ORDER BY pk",
            )
            .bind(name)
            .bind(schema)
            .fetch_all(connection)
            .await
        }
        Database::Postgres(connection) => {
            sqlx::query_scalar(
                "SELECT a.attname::text FROM pg_index i \
                 JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) \
                 WHERE i.indrelid = to_regclass($1) AND i.indisprimary \
                 ORDER BY array_position(i.indkey::int2[], a.attnum)",
            )
            .bind(Dialect::Postgres.quote_table(table))
            .fetch_all(connection)
            .await
        }
        Database::MySql(connection) => {
            let (schema, name) = match table.split_once('.') {
                Some((schema, name)) => (Some(schema), name),
                None => (None, table),
            };
            sqlx::query_scalar(
                "SELECT CAST(column_name AS CHAR) FROM information_schema.key_column_usage \
                 WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? \
                 AND constraint_name = 'PRIMARY' ORDER BY ordinal_position",
            )
            .bind(schema)
            .bind(name)
            .fetch_all(connection)
            .await
        }
    }
}

/// What a sink must know of a table before it writes.
#[derive(Clone, Debug, Default)]
pub struct Extent {
    /// All columns.
    pub columns: Vec<Column>,
    /// The columns of each unique index, the primary key among them.
    pub unique: Vec<Vec<String>>,
    /// Columns that must be given a value.
    pub required: Vec<String>,
}

/// What a table is like; `None` when there is none.
pub async fn extent(database: &mut Database, table: &str) -> Result<Option<Extent>, sqlx::Error> {
    let found: Vec<Found> = match database {
        Database::Sqlite(connection) => {
            let (schema, name) = table.split_once('.').unwrap_or(("main", table));
            let query = sqlx::query_as(SQLITE_EXTENT).bind(name).bind(schema);
            query.fetch_all(connection).await?
        }
        Database::Postgres(connection) => {
            let query = sqlx::query_as(POSTGRES_EXTENT);
            query.bind(Dialect::Postgres.quote_table(table)).fetch_all(connection).await?
        }
        Database::MySql(connection) => {
            let (schema, name) = match table.split_once('.') {
                Some((schema, name)) => (Some(schema), name),
                None => (None, table),
            };
            let query = sqlx::query_as(MYSQL_EXTENT).bind(schema).bind(name);
            query.bind(schema).bind(name).bind(schema).bind(name).fetch_all(connection).await?
        }
    };
    if found.is_empty() {
        return Ok(None);
    }
    let from = dialect(database).quote_table(table);
    let mut extent = Extent { columns: columns(database, &from).await?, ..Extent::default() };
    let mut last = None;
    for Found(what, index, column) in found {
        match what.as_str() {
            "required" => extent.required.push(column),
            "unique" if last.as_ref() == Some(&index) => {
                extent.unique.last_mut().expect("one was begun").push(column);
            }
            "unique" => {
                extent.unique.push(vec![column]);
                last = Some(index);
            }
            _ => {}
        }
    }
    Ok(Some(extent))
}

/// What a row of the statements below says: `table`, `required` or `unique`; the index; the column.
#[derive(sqlx::FromRow)]
struct Found(String, String, String);

const SQLITE_EXTENT: &str = "
    SELECT 'table', '', '' FROM pragma_table_info(?1, ?2)
    UNION ALL
    SELECT 'required', '', name FROM pragma_table_info(?1, ?2)
    WHERE \"notnull\" = 1 AND dflt_value IS NULL AND NOT (pk = 1 AND upper(type) = 'INTEGER')
    UNION ALL
    SELECT * FROM (SELECT 'unique', '', name FROM pragma_table_info(?1, ?2)
                   WHERE pk > 0 ORDER BY pk)
    UNION ALL
    SELECT * FROM (SELECT 'unique', l.name, c.name FROM pragma_index_list(?1, ?2) AS l
                   JOIN pragma_index_info(l.name, ?2) AS c
                   WHERE l.\"unique\" = 1 AND l.partial = 0 AND c.name IS NOT NULL
                   ORDER BY l.name, c.seqno)";

const POSTGRES_EXTENT: &str = "
    SELECT 'table', '', '' WHERE to_regclass($1) IS NOT NULL
    UNION ALL
    SELECT 'required', '', attname::text FROM pg_attribute
    WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attnotnull
      AND NOT atthasdef AND attidentity = ''
    UNION ALL
    SELECT * FROM (SELECT 'unique', i.indexrelid::text, a.attname::text FROM pg_index AS i
                   JOIN pg_attribute AS a ON a.attrelid = i.indrelid
                     AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
                   WHERE i.indrelid = to_regclass($1) AND i.indisunique AND i.indimmediate
                     AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indisvalid
                   ORDER BY 2) AS u";

const MYSQL_EXTENT: &str = "
    SELECT 'table', '', '' FROM information_schema.tables
    WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ?
    UNION ALL
    SELECT 'required', '', CAST(column_name AS CHAR) FROM information_schema.columns
    WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? AND is_nullable = 'NO'
      AND column_default IS NULL AND extra NOT LIKE '%auto_increment%'
      AND extra NOT LIKE '%GENERATED%'
    UNION ALL
    SELECT 'unique', CAST(index_name AS CHAR), CAST(column_name AS CHAR)
    FROM information_schema.statistics
    WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? AND non_unique = 0
    ORDER BY 1, 2";

fn dialect(database: &Database) -> Dialect {
    match database {
        Database::Sqlite(_) => Dialect::Sqlite,
        Database::Postgres(_) => Dialect::Postgres,
        Database::MySql(_) => Dialect::MySql,
    }
}

fn postgres_kind(name: &str) -> Kind {
    match name {
        "INT2" | "INT4" | "INT8" | "OID" => Kind::Integer,
        "NUMERIC" | "MONEY" => Kind::Decimal,
        "FLOAT4" | "FLOAT8" => Kind::Float,
        "BOOL" => Kind::Boolean,
        "DATE" => Kind::Date,
        "TIMESTAMP" => Kind::DateTime,
        "TIMESTAMPTZ" => Kind::Moment,
        "BYTEA" => Kind::Bytes,
        "TEXT" | "VARCHAR" => Kind::Text,
        // `char(n)` among them: read by a cast, which drops the blanks it is filled up with.
        _ => Kind::Other,
    }
}

fn mysql_kind(info: &sqlx::mysql::MySqlTypeInfo) -> Kind {
    match info.name() {
        // `tinyint(1)` is a number like any other: MySQL cannot tell a flag from a code.
        "BOOLEAN" | "TINYINT" | "SMALLINT" | "INT" | "MEDIUMINT" | "BIGINT" | "YEAR" => {
            Kind::Integer
        }
        name if name.ends_with("UNSIGNED") => Kind::Integer,
        "DECIMAL" => Kind::Decimal,
        "FLOAT" | "DOUBLE" => Kind::Float,
        "DATE" => Kind::Date,
        "DATETIME" => Kind::DateTime,
        "TIMESTAMP" => Kind::Moment,
        "BIT" => Kind::Bits,
        "ENUM" | "SET" | "TIME" | "JSON" | "NULL" => Kind::Other,
        "GEOMETRY" => Kind::Bytes,
        // A column may be compared byte by byte and still hold text.
        _ if <str as Type<MySql>>::compatible(info) => Kind::Text,
        _ => Kind::Bytes,
    }
}
