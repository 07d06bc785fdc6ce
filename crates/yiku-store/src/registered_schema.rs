//! The schemas of published versions: their numbers and texts, for ever.

use yiku_core::registry::{Format, KeptSchema};

use crate::{Connection, StoreError, Tx, sql};

/// Keeps a schema of a published version (its `entry_version.id`) under the next number; one that
/// is kept already stays as it is.
pub async fn register(
    tx: &mut Tx,
    entry_version: u32,
    format: Format,
    content: &str,
) -> Result<(), StoreError> {
    sql::query(
        "INSERT INTO registered_schema (id, entry_version, format, content)
         SELECT coalesce(max(id), 0) + 1, $1, $2, $3 FROM registered_schema WHERE true
         ON CONFLICT (entry_version, format) DO NOTHING",
    )
    .bind(i64::from(entry_version))
    .bind(format.as_str())
    .bind(content)
    .execute(tx)
    .await?;
    Ok(())
}

/// All of them by number.
pub async fn list(db: &mut Connection) -> Result<Vec<KeptSchema>, StoreError> {
    let rows: Vec<(i64, String, String, String, String)> = sql::query_as(
        "SELECT s.id, v.entry, v.version, s.format, s.content
         FROM registered_schema s JOIN entry_version v ON v.id = s.entry_version
         ORDER BY s.id",
    )
    .fetch_all(db)
    .await?;
    rows.into_iter().map(kept).collect()
}

fn kept(row: (i64, String, String, String, String)) -> Result<KeptSchema, StoreError> {
    let (id, entry, version, format, text) = row;
    let id =
        u32::try_from(id).map_err(|error| StoreError::unreadable("registered_schema.id", error))?;
    let entry =
        entry.parse().map_err(|error| StoreError::unreadable("entry_version.entry", error))?;
    let version =
        version.parse().map_err(|error| StoreError::unreadable("entry_version.version", error))?;
    let format = Format::parse(&format)
        .ok_or_else(|| StoreError::unreadable("registered_schema.format", &format))?;
    Ok(KeptSchema { id, entry, version, format, text })
}
