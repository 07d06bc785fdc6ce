//! Who may read the views for reports (BI) that a store on PostgreSQL has in schema `yiku_bi`.

use sqlx::FromRow;

use crate::{Connection, StoreError, Tx, connection::Kind, sql};

/// A login of the database server, and whose lines it sees.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct BiReader {
    /// The login.
    pub login: String,
    /// The department, or [`ALL`].
    pub department: String,
    /// Since when.
    pub added_at: i64,
}

/// Stands for all departments.
pub const ALL: &str = "*";

/// Lets a login see the lines of a department, or of all.
pub async fn add(tx: &mut Tx, login: &str, department: &str, at_ms: i64) -> Result<(), StoreError> {
    if tx.kind() == Kind::Sqlite {
        return Err(StoreError::refused(
            "数据存于文件中，没有报表视图；报表视图须使用 PostgreSQL（[store]）",
            "the store is a file, which has no views for reports; they need PostgreSQL ([store])",
        ));
    }
    let known: Option<String> =
        sql::query_scalar("SELECT rolname FROM pg_roles WHERE rolname = $1")
            .bind(login)
            .fetch_optional(tx)
            .await?;
    if known.is_none() {
        return Err(StoreError::refused(
            format!("数据库服务器上没有登录名“{login}”；请先 CREATE ROLE … LOGIN"),
            format!("the database server has no login `{login}`; make it by CREATE ROLE … LOGIN"),
        ));
    }
    sql::query(
        "INSERT INTO bi_reader (login, department, added_at) VALUES ($1, $2, $3)
         ON CONFLICT DO NOTHING",
    )
    .bind(login)
    .bind(department)
    .bind(at_ms)
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes away all that a login sees.
pub async fn remove(tx: &mut Tx, login: &str) -> Result<(), StoreError> {
    let gone = sql::query("DELETE FROM bi_reader WHERE login = $1").bind(login).execute(tx).await?;
    match gone.rows_affected() {
        0 => Err(StoreError::missing("reader of reports", login)),
        _ => Ok(()),
    }
}

/// All of them by login.
pub async fn list(db: &mut Connection) -> Result<Vec<BiReader>, StoreError> {
    Ok(sql::query_as("SELECT * FROM bi_reader ORDER BY login, department").fetch_all(db).await?)
}
