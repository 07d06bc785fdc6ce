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
