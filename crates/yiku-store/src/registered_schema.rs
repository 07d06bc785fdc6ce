//! The schemas of published versions and of entities: their numbers and texts, for ever.

use yiku_core::registry::{Format, KeptSchema, SchemaOf};

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
         SELECT coalesce(max(id), 0) + 1, $1, $2, $3
         FROM (SELECT id FROM registered_schema UNION ALL SELECT id FROM entity_schema) known
         WHERE true
         ON CONFLICT (entry_version, format) DO NOTHING",
    )
    .bind(i64::from(entry_version))
    .bind(format.as_str())
    .bind(content)
    .execute(tx)
    .await?;
    Ok(())
}

/// Keeps a schema of an entity's rows (`population.person`) under the next number, as the entity's
/// next version in this format.
pub async fn register_entity(
    tx: &mut Tx,
    entity: &str,
    format: Format,
    content: &str,
) -> Result<(), StoreError> {
    sql::query(
        "INSERT INTO entity_schema (id, entity, version, format, content)
         SELECT coalesce(max(id), 0) + 1, $1,
                (SELECT coalesce(max(version), 0) + 1 FROM entity_schema
                 WHERE entity = $1 AND format = $2),
                $2, $3
         FROM (SELECT id FROM registered_schema UNION ALL SELECT id FROM entity_schema) known",
    )
    .bind(entity)
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
         FROM registered_schema s JOIN entry_version v ON v.id = s.entry_version",
    )
    .fetch_all(&mut *db)
    .await?;
    let of_entries = rows.into_iter().map(|(id, entry, version, format, text)| {
        let entry =
            entry.parse().map_err(|error| StoreError::unreadable("entry_version.entry", error))?;
        let version = version
            .parse()
            .map_err(|error| StoreError::unreadable("entry_version.version", error))?;
        kept(id, SchemaOf::Entry(entry, version), &format, text)
    });
    let mut all = of_entries.collect::<Result<Vec<_>, _>>()?;
    let sql = "SELECT id, entity, format, content FROM entity_schema";
    let rows: Vec<(i64, String, String, String)> = sql::query_as(sql).fetch_all(db).await?;
    for (id, entity, format, text) in rows {
        all.push(kept(id, SchemaOf::Entity(entity), &format, text)?);
    }
    all.sort_by_key(|one| one.id);
    Ok(all)
}

fn kept(id: i64, of: SchemaOf, format: &str, text: String) -> Result<KeptSchema, StoreError> {
    let id =
        u32::try_from(id).map_err(|error| StoreError::unreadable("registered_schema.id", error))?;
    let format = Format::parse(format)
        .ok_or_else(|| StoreError::unreadable("registered_schema.format", format))?;
    Ok(KeptSchema { id, of, format, text })
}
