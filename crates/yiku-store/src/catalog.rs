//! Published entry versions: their text, for ever.

use sqlx::FromRow;
use yiku_core::{
    digest::sha256,
    entry::{EntryName, Version},
};

use crate::{Connection, StoreError, Tx, sql};

/// A published version.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct PublishedVersion {
    /// What other tables name it by.
    #[sqlx(try_from = "i64")]
    pub id: u32,
    /// The resource.
    #[sqlx(try_from = "String")]
    pub entry: EntryName,
    /// The version.
    #[sqlx(try_from = "String")]
    pub version: Version,
    /// SHA-256 of the text.
    pub digest: Vec<u8>,
    /// The file's text as it was published.
    pub content: String,
    /// When.
    pub published_at: i64,
}

/// What publishing did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The version is new; its id.
    New(u32),
    /// The same text was published before; its id.
    Same(u32),
}

/// Publishes a version. A version that was published with another text is refused: it never
/// changes, a change is a new version.
pub async fn publish(
    tx: &mut Tx,
    entry: &EntryName,
    version: Version,
    content: &str,
    at_ms: i64,
) -> Result<Outcome, StoreError> {
    let digest = sha256(content.as_bytes());
    let sql = "SELECT id, digest FROM entry_version WHERE entry = $1 AND version = $2";
    let known: Option<(i64, Vec<u8>)> = sql::query_as(sql)
        .bind(entry.as_str())
        .bind(version.to_string())
        .fetch_optional(tx)
        .await?;
    match known {
        Some((id, known)) if known == digest => return Ok(Outcome::Same(narrow(id)?)),
        Some(_) => return Err(changed(entry, version)),
        None => {}
    }
    let id: i64 = sql::query_scalar(
        "INSERT INTO entry_version (id, entry, version, digest, content, published_at)
         SELECT coalesce(max(id), 0) + 1, $1, $2, $3, $4, $5 FROM entry_version
         RETURNING id",
    )
    .bind(entry.as_str())
    .bind(version.to_string())
    .bind(digest.as_slice())
    .bind(content)
    .bind(at_ms)
    .fetch_one(tx)
    .await?;
    Ok(Outcome::New(narrow(id)?))
}

fn changed(entry: &EntryName, version: Version) -> StoreError {
    StoreError::refused(
        format!("{entry}@{version} 已发布，内容不可再改；请在文件中改用新的版本号后再发布"),
        format!(
            "{entry}@{version} is published and never changes; give the changed file a new version"
        ),
    )
}

fn narrow(id: i64) -> Result<u32, StoreError> {
    u32::try_from(id).map_err(|error| StoreError::unreadable("entry_version.id", error))
}

/// All published versions, in the order of their publication.
pub async fn list(db: &mut Connection) -> Result<Vec<PublishedVersion>, StoreError> {
    Ok(sql::query_as("SELECT * FROM entry_version ORDER BY id").fetch_all(db).await?)
}

/// One published version.
pub async fn get(
    db: &mut Connection,
    entry: &EntryName,
    version: Version,
) -> Result<PublishedVersion, StoreError> {
    let sql = "SELECT * FROM entry_version WHERE entry = $1 AND version = $2";
    let found = sql::query_as(sql)
        .bind(entry.as_str())
        .bind(version.to_string())
        .fetch_optional(db)
        .await?;
    found.ok_or_else(|| StoreError::missing("published version", format!("{entry}@{version}")))
}
