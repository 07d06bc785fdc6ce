//! Looking whether a database can hold the store, and making or updating its tables.

use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};

use super::{Database, PgConnectOptions, SCHEMA};
use crate::{
    StoreError,
    connection::{Connection, Held, Link},
    migration, sql,
};

/// Logs in once and looks at the server.
pub(super) async fn check(options: &PgConnectOptions, shown: &str) -> Result<(), StoreError> {
    let mut session = login(options, shown).await?;
    let (number, version, encoding): (i32, String, String) = sqlx::query_as(
        "SELECT CAST(current_setting('server_version_num') AS int),
                current_setting('server_version'), current_setting('server_encoding')",
    )
    .fetch_one(&mut session)
    .await?;
    session.close().await?;
    if number < VERSION_MIN {
        return Err(unfit(
            shown,
            format!("需要 PostgreSQL 15 或更高版本，当前为 {version}；请先升级"),
            format!("PostgreSQL 15 or later is needed, this is {version}; upgrade the server"),
        ));
    }
    if encoding != "UTF8" {
        return Err(unfit(
            shown,
            format!("数据库编码为 {encoding}，须为 UTF8；请以 ENCODING 'UTF8' 另建数据库"),
            format!("its encoding is {encoding}; make another database with ENCODING 'UTF8'"),
        ));
    }
    Ok(())
}

async fn login(options: &PgConnectOptions, shown: &str) -> Result<PgConnection, StoreError> {
    options.connect().await.map_err(|error| {
        let user = options.get_username();
        match error.as_database_error().and_then(|error| error.code()).as_deref() {
            Some("28P01" | "28000") => unfit(
                shown,
                format!("服务器拒绝用户 {user} 登录；请检查其口令及服务器的 pg_hba.conf"),
                format!("the server refuses `{user}`; look at its password and at pg_hba.conf"),
            ),
            Some("3D000") => unfit(
                shown,
                "该数据库不存在；请先 CREATE DATABASE".into(),
                "there is no such database; make it by CREATE DATABASE".into(),
            ),
            _ => error.into(),
        }
    })
}

/// Makes or updates the tables as their owner; returns the present incarnation.
pub(super) async fn tables(
    database: &Database,
    shown: &str,
    at_ms: i64,
) -> Result<String, StoreError> {
    let owner = database.owner.as_ref().unwrap_or(&database.hub);
    let session = login(&database.options(owner)?, shown).await?;
    let mut db = Connection::new(Link::Postgres(Held::Own(Box::new(session))));
    let done = async {
        migration::migrate(&mut db, shown).await?;
        if database.owner.is_some() {
            grant(&mut db, &database.hub.user).await?;
        }
        super::super::incarnation(&mut db, at_ms).await
    };
    done.await.map_err(|error| match error {
        StoreError::Database(cause) if is_denied(&cause) => unfit(
            shown,
            format!(
                "用户 {0} 无权建立或更新 {SCHEMA} 模式中的表；请以其所有者登录（[store] 的 owner），\
                 或对 {0} 授予数据库的 CREATE 权限",
                owner.user
            ),
            format!(
                "`{0}` may not make or update the tables in schema `{SCHEMA}`; name their owner as \
                 `owner` in [store], or grant `{0}` CREATE on the database",
                owner.user
            ),
        ),
        other => other,
    })
}

/// Runs statements as the owner of the tables.
pub(crate) async fn as_owner(database: &Database, statements: String) -> Result<(), StoreError> {
    let owner = database.owner.as_ref().unwrap_or(&database.hub);
    let options = database.options(owner)?;
    let mut session = login(&options, &super::shown(&options)).await?;
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut session).await?;
    Ok(session.close().await?)
}

/// What the hub's own login may do: everything it needs, but no change of receipts, of the list of
/// migrations or of the installation's lives.
async fn grant(db: &mut Connection, hub: &str) -> Result<(), StoreError> {
    let hub = format!("\"{}\"", hub.replace('"', "\"\""));
    let only = "receipt, receipt_rows";
    let seen = "schema_migration, incarnation, batch_place";
    let sql = format!(
        "BEGIN;
         GRANT USAGE, CREATE ON SCHEMA {SCHEMA} TO {hub};
         GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO {hub};
         REVOKE ALL ON {only}, {seen} FROM {hub};
         GRANT SELECT, INSERT ON {only} TO {hub};
         GRANT SELECT ON {seen} TO {hub};
         COMMIT",
        migration::tables().join(", ")
    );
    Ok(sql::run(db, AssertSqlSafe(sql)).await?)
}

fn is_denied(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.as_deref() == Some("42501")
}

fn unfit(database: &str, zh: String, en: String) -> StoreError {
    StoreError::Unfit { database: database.to_owned(), zh, en }
}

/// As `server_version_num` counts.
const VERSION_MIN: i32 = 150_000;
