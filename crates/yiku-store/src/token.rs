//! Tokens of departments and roles. Only their hash is kept.

use sqlx::FromRow;
use yiku_core::digest::sha256;

use crate::{Connection, StoreError, Tx, sql};

/// Whom a token stands for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Holder {
    /// A department of the catalog.
    Department(String),
    /// A role: `admin`, `operator`, `auditor`.
    Role(String),
}

/// A token as it is listed.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct Token {
    /// Its name, unique for ever: receipts name it.
    pub name: String,
    /// The department it stands for.
    pub department: Option<String>,
    /// The role it stands for.
    pub role: Option<String>,
    /// When it was made.
    pub created_at: i64,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
    /// When it was last used, to the minute.
    pub used_at: Option<i64>,
}

impl Token {
    /// Whom it stands for.
    pub fn holder(&self) -> Holder {
        match (&self.department, &self.role) {
            (Some(department), _) => Holder::Department(department.clone()),
            (None, role) => Holder::Role(role.clone().unwrap_or_default()),
        }
    }
}

/// Keeps a token. `secret` is long and random, so that a plain hash hides it.
pub async fn add(
    tx: &mut Tx,
    name: &str,
    holder: &Holder,
    secret: &str,
    at_ms: i64,
) -> Result<(), StoreError> {
    let (department, role) = match holder {
        Holder::Department(department) => (Some(department), None),
        Holder::Role(role) => (None, Some(role)),
    };
    let added = sql::query(
        "INSERT INTO token (name, hash, department, role, created_at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING",
    )
    .bind(name)
    .bind(sha256(secret.as_bytes()).as_slice())
    .bind(department)
    .bind(role)
    .bind(at_ms)
    .execute(tx)
    .await?;
    match added.rows_affected() {
        0 => Err(StoreError::refused(
            format!("令牌名称“{name}”已用过（含已撤销的）；请换一个名称"),
            format!("a token named `{name}` exists or existed; choose another name"),
        )),
        _ => Ok(()),
    }
}

/// The token with this secret, unless it is unknown or revoked.
pub async fn find(db: &mut Connection, secret: &str) -> Result<Option<Token>, StoreError> {
    let sql = "SELECT * FROM token WHERE hash = $1 AND revoked_at IS NULL";
    Ok(sql::query_as(sql).bind(sha256(secret.as_bytes()).as_slice()).fetch_optional(db).await?)
}

/// Notes that a token was used, at most once a minute. Returns whether it wrote anything.
pub async fn used(tx: &mut Tx, name: &str, at_ms: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE token SET used_at = $2 WHERE name = $1 AND coalesce(used_at, 0) < $3";
    let changed =
        sql::query(sql).bind(name).bind(at_ms).bind(at_ms - MINUTE_MS).execute(tx).await?;
    Ok(changed.rows_affected() == 1)
}

/// Revokes a token for ever.
pub async fn revoke(tx: &mut Tx, name: &str, at_ms: i64) -> Result<(), StoreError> {
    let sql = "UPDATE token SET revoked_at = $2 WHERE name = $1 AND revoked_at IS NULL";
    let changed = sql::query(sql).bind(name).bind(at_ms).execute(tx).await?;
    match changed.rows_affected() {
        0 => Err(StoreError::missing("valid token", name)),
        _ => Ok(()),
    }
}

/// All tokens by name, revoked ones too.
pub async fn list(db: &mut Connection) -> Result<Vec<Token>, StoreError> {
    Ok(sql::query_as("SELECT * FROM token ORDER BY name").fetch_all(db).await?)
}

const MINUTE_MS: i64 = 60_000;
