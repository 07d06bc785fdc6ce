//! How far each unit of work has read a topic.
//!
//! A unit's transaction first moves its cursor from where the unit started: whoever finds it
//! elsewhere has been replaced by another process and must roll back.

use crate::{Connection, StoreError, Tx, rows::number, sql};

/// Where a unit stands in one partition of a topic.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cursor {
    /// The unit: `materialise/0`, `merge/population`.
    pub unit: String,
    /// The topic's name.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// The topic's id; another topic of that name has another.
    pub topic_id: String,
    /// The offset read next.
    pub next: u64,
}

/// What a unit has read of one partition.
#[derive(Clone, Copy, Debug)]
pub struct Read<'a> {
    /// The unit.
    pub unit: &'a str,
    /// The topic's name.
    pub topic: &'a str,
    /// The topic's id on the bus.
    pub topic_id: &'a str,
    /// The partition.
    pub partition: u32,
    /// Where the unit started.
    pub from: u64,
    /// The offset after what it read.
    pub to: u64,
}

/// Moves the unit's cursor from `from` to `to`; a unit that never read the topic stands at 0.
///
/// Runs in the caller's transaction, as its first statement. [`StoreError::Fenced`]: another
/// process moved the unit, roll back and take the unit again. [`StoreError::OtherTopic`]: stop.
pub async fn advance(tx: &mut Tx, read: Read<'_>) -> Result<(), StoreError> {
    let fenced = || StoreError::Fenced {
        unit: read.unit.to_owned(),
        topic: read.topic.to_owned(),
        expected: read.from,
    };
    let moved = sql::query(
        "UPDATE cursor SET next = $1
         WHERE unit = $2 AND topic = $3 AND partition = $4 AND topic_id = $5 AND next = $6",
    )
    .bind(number(read.to))
    .bind(read.unit)
    .bind(read.topic)
    .bind(i64::from(read.partition))
    .bind(read.topic_id)
    .bind(number(read.from))
    .execute(tx)
    .await?
    .rows_affected();
    if moved == 1 {
        return Ok(());
    }
    match get(tx, read.unit, read.topic, read.partition).await? {
        Some(cursor) if cursor.topic_id != read.topic_id => Err(StoreError::OtherTopic {
            unit: read.unit.to_owned(),
            topic: read.topic.to_owned(),
            stored: cursor.topic_id,
            found: read.topic_id.to_owned(),
        }),
        Some(_) => Err(fenced()),
        None if read.from != 0 => Err(fenced()),
        None => {
            sql::query(
                "INSERT INTO cursor (unit, topic, partition, topic_id, next)
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(read.unit)
            .bind(read.topic)
            .bind(i64::from(read.partition))
            .bind(read.topic_id)
            .bind(number(read.to))
            .execute(tx)
            .await?;
            Ok(())
        }
    }
}

/// Where a unit stands; `None` when it never read the topic.
pub async fn get(
    db: &mut Connection,
    unit: &str,
    topic: &str,
    partition: u32,
) -> Result<Option<Cursor>, StoreError> {
    let row = sql::query(
        "SELECT unit, topic, partition, topic_id, next FROM cursor
         WHERE unit = $1 AND topic = $2 AND partition = $3",
    )
    .bind(unit)
    .bind(topic)
    .bind(i64::from(partition))
    .fetch_optional(db)
    .await?;
    row.map(|row| from_row(&row)).transpose()
}

/// All cursors, by unit, topic and partition.
pub async fn list(db: &mut Connection) -> Result<Vec<Cursor>, StoreError> {
    let rows = sql::query(
        "SELECT unit, topic, partition, topic_id, next FROM cursor
         ORDER BY unit, topic, partition",
    )
    .fetch_all(db)
    .await?;
    rows.iter().map(from_row).collect()
}

/// Forgets a unit that is no more: a removed subscription.
pub async fn forget(tx: &mut Tx, unit: &str) -> Result<(), StoreError> {
    sql::query("DELETE FROM cursor WHERE unit = $1").bind(unit).execute(tx).await?;
    Ok(())
}

fn from_row(row: &sql::Row) -> Result<Cursor, StoreError> {
    Ok(Cursor {
        unit: row.try_get(0)?,
        topic: row.try_get(1)?,
        partition: row.small(2)?,
        topic_id: row.try_get(3)?,
        next: row.try_get::<i64, _>(4)?.cast_unsigned(),
    })
}
