//! Messages that came upon a topic of the hub and that no hub wrote. They are passed over; where
//! they stand and which rule they break is kept, nothing of their content.

use crate::{Connection, StoreError, Tx, bus_log, rows, sql};

/// One message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ForeignMessage {
    /// The bus: `embedded`, or Kafka with its cluster's id.
    pub bus: String,
    /// The topic's name.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// The message's offset.
    pub offset: u64,
    /// Which rule it breaks, in Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
    /// When the hub came upon it.
    pub at: i64,
}

/// Keeps messages in mind, in the transaction that passes over them. Of each topic the first
/// [`KEPT_MAX`] are kept; somebody who writes without end must not fill the store.
pub async fn keep(tx: &mut Tx, found: &[ForeignMessage]) -> Result<(), StoreError> {
    let Some(first) = found.first() else { return Ok(()) };
    let part = bus_log::number(tx, &first.bus, &first.topic, first.partition).await?;
    let sql = "SELECT count(*) FROM foreign_message WHERE topic = $1";
    let kept: i64 = sql::query_scalar(sql).bind(&first.topic).fetch_one(tx).await?;
    let room = KEPT_MAX.saturating_sub(usize::try_from(kept).unwrap_or(KEPT_MAX));
    let found = &found[..found.len().min(room)];
    let head = "INSERT INTO foreign_message (topic, partition, message_offset, zh, en, at)";
    rows::insert(tx, head, 6, "ON CONFLICT DO NOTHING", found, |values, one| {
        values
            .bind(&one.topic)
            .bind(i64::from(part))
            .bind(rows::number(one.offset))
            .bind(&one.zh)
            .bind(&one.en)
            .bind(one.at)
    })
    .await?;
    Ok(())
}

/// Those of all topics, or of one, by topic and offset; `limit` at most.
pub async fn list(
    db: &mut Connection,
    topic: Option<&str>,
    limit: u32,
) -> Result<Vec<ForeignMessage>, StoreError> {
    let sql = "SELECT log.bus, log.topic, log.partition, one.message_offset, one.zh, one.en, one.at
               FROM foreign_message one
               JOIN bus_log log ON log.topic = one.topic AND log.number = one.partition
               WHERE coalesce($1, one.topic) = one.topic
               ORDER BY one.topic, one.partition, one.message_offset
               LIMIT $2";
    let found = sql::query(sql).bind(topic).bind(limit).fetch_all(db).await?;
    let from_row = |row: &sql::Row| {
        Ok(ForeignMessage {
            bus: row.try_get(0)?,
            topic: row.try_get(1)?,
            partition: row.small(2)?,
            offset: row.try_get::<i64, _>(3)?.cast_unsigned(),
            zh: row.try_get(4)?,
            en: row.try_get(5)?,
            at: row.try_get(6)?,
        })
    };
    found.iter().map(from_row).collect()
}

/// Messages kept of each topic.
pub const KEPT_MAX: usize = 10_000;
