//! The story of one key of an entity: its records, where they came from, what they disagree about,
//! what changed and to whom it was delivered. Offsets and change numbers join it all; there is no
//! index of its own.

use sqlx::{AssertSqlSafe, FromRow};
use yiku_core::{entry::EntryName, library::Entity, row_version::RowVersion};

use crate::{
    Connection, StoreError, bus_log,
    rows::number,
    sql,
    subject::{self, Subject},
};

/// One record that speaks of the entity.
#[derive(Clone, Debug)]
pub struct RecordStory {
    /// The resource.
    pub resource: EntryName,
    /// Whether the record was deleted.
    pub deleted: bool,
    /// The entry version that it was taken under.
    pub entry_version: String,
    /// Its row version.
    pub version: RowVersion,
    /// The bus it stands on, which may be an earlier one.
    pub bus: String,
    /// The partition of its topic.
    pub partition: u32,
    /// Its offset there.
    pub offset: u64,
    /// When it was merged.
    pub merged_at: i64,
    /// The batch it came with, if the store still knows it.
    pub batch: Option<BatchStory>,
}

/// The batch of a record.
#[derive(Clone, Debug)]
pub struct BatchStory {
    /// Who published it.
    pub connector: String,
    /// The resource's line.
    pub line: u32,
    /// The batch's number on the line: also its receipt's.
    pub number: u64,
    /// What people call the place the rows came from.
    pub origin: String,
    /// When it was published.
    pub published_at: i64,
}

/// One state that the entity's row was in.
#[derive(Clone, Debug)]
pub struct StateStory {
    /// The change that made it.
    pub from_change: u64,
    /// The change that replaced it; `None`: it holds.
    pub to_change: Option<u64>,
    /// From when it was known.
    pub from_at: i64,
    /// Until when.
    pub to_at: Option<i64>,
    /// In which state it had ended, if it had.
    pub ended: Option<String>,
}

/// The states of a row, oldest first; empty when the entity never had the key.
pub async fn states(
    db: &mut Connection,
    subject: &Subject,
    key: &str,
) -> Result<Vec<StateStory>, StoreError> {
    let table = &subject.table;
    let sql = format!(
        "SELECT _from, _to, _from_at, _to_at, _ended FROM history_{table} WHERE _key = $1
         UNION ALL
         SELECT _change, NULL, _at, NULL, _ended FROM entity_{table} WHERE _key = $1
         ORDER BY 1"
    );
    let rows = sql::query(AssertSqlSafe(sql)).bind(key).fetch_all(db).await?;
    let state = |row: &sql::Row| {
        Ok(StateStory {
            from_change: row.try_get::<i64, _>(0)?.cast_unsigned(),
            to_change: row.try_get::<Option<i64>, _>(1)?.map(i64::cast_unsigned),
            from_at: row.try_get(2)?,
            to_at: row.try_get(3)?,
            ended: row.try_get(4)?,
        })
    };
    rows.iter().map(state).collect()
}

/// An item about which two records disagree.
#[derive(Clone, Debug, FromRow)]
pub struct ConflictStory {
    /// The entity's item.
    pub item: String,
    /// The resource whose value was taken.
    pub taken_from: String,
    /// Its value.
    pub taken_value: String,
    /// The resource that says otherwise.
    pub other_source: String,
    /// What it says.
    pub other_value: String,
}

/// What records disagree about, by item.
pub async fn conflicts(
    db: &mut Connection,
    subject: &Subject,
    key: &str,
) -> Result<Vec<ConflictStory>, StoreError> {
    let sql = format!(
        "SELECT item, taken_from, taken_value, other_source, other_value FROM conflict_{}
         WHERE _key = $1
         ORDER BY item, other_source",
        subject.table
    );
    Ok(sql::query_as(AssertSqlSafe(sql)).bind(key).fetch_all(db).await?)
}

/// The records that speak of a key, by the rank in which the library names their resources.
pub async fn records(
    db: &mut Connection,
    subject: &Subject,
    entity: &Entity,
    key: &str,
) -> Result<Vec<RecordStory>, StoreError> {
    let mut all = Vec::new();
    for resource in &entity.sources {
        let Some(own) = subject::get(db, resource.as_str()).await? else { continue };
        let sql = format!(
            "SELECT entry, body IS NULL, version, part, place, at FROM record_{}
             WHERE key = $1 OR key IN (SELECT record_key FROM link_{}
                                       WHERE entity_key = $1 AND source = $2)",
            own.table, subject.table
        );
        let rows =
            sql::query(AssertSqlSafe(sql)).bind(key).bind(own.id).fetch_all(&mut *db).await?;
        for row in rows {
            let version: Vec<u8> = row.try_get(2)?;
            let (part, offset) = (row.small(3)?, row.try_get::<i64, _>(4)?.cast_unsigned());
            let log = bus_log::get(db, &resource.topic(), part).await?;
            let log = log.ok_or_else(|| StoreError::unreadable("record.part", "no such log"))?;
            all.push(RecordStory {
                resource: resource.clone(),
                entry_version: row.try_get(0)?,
                deleted: row.try_get(1)?,
                version: RowVersion::from_bytes(&version)
                    .ok_or_else(|| StoreError::unreadable("record.version", "not 28 bytes"))?,
                bus: log.bus,
                partition: log.partition,
                offset,
                merged_at: row.try_get(5)?,
                batch: batch(db, resource, part, offset).await?,
            });
        }
    }
    Ok(all)
}

async fn batch(
    db: &mut Connection,
    resource: &EntryName,
    part: u32,
    offset: u64,
) -> Result<Option<BatchStory>, StoreError> {
    let spread = place_of(db, "batch_range WHERE", resource, part, offset).await?;
    let place = match spread {
        Some(place) => Some(place),
        None => place_of(db, "batch WHERE spread = 0 AND", resource, part, offset).await?,
    };
    let Some((line, batch)) = place else { return Ok(None) };
    let sql = "SELECT connector, line, batch, origin, at FROM batch
               WHERE entry = $1 AND line = $2 AND batch = $3";
    let row =
        sql::query(sql).bind(resource.as_str()).bind(line).bind(batch).fetch_optional(db).await?;
    let story = |row: sql::Row| {
        Ok(BatchStory {
            connector: row.try_get(0)?,
            line: row.small(1)?,
            number: row.try_get::<i64, _>(2)?.cast_unsigned(),
            origin: row.try_get(3)?,
            published_at: row.try_get(4)?,
        })
    };
    row.map(story).transpose()
}

/// Line and number of the batch that has the offset, among those of a table: of batches that begin
/// at or before it only the last may.
async fn place_of(
    db: &mut Connection,
    batches: &str,
    resource: &EntryName,
    part: u32,
    offset: u64,
) -> Result<Option<(i64, i64)>, StoreError> {
    let sql = format!(
        "SELECT line, batch, base_offset + accepted FROM {batches}
             topic = $1 AND partition = $2 AND base_offset <= $3 AND accepted > 0
         ORDER BY base_offset DESC
         LIMIT 1"
    );
    let found: Option<(i64, i64, i64)> = sql::query_as(AssertSqlSafe(sql))
        .bind(resource.topic())
        .bind(i64::from(part))
        .bind(number(offset))
        .fetch_optional(db)
        .await?;
    Ok(found.filter(|one| one.2 > number(offset)).map(|(line, batch, _)| (line, batch)))
}
