//! The logs that offsets count in: each is one partition of a topic on one bus.
//!
//! An installation that moves to another bus goes on in new logs. A topic's logs are numbered from
//! 0; the number stands wherever the store keeps an offset.

use crate::{Connection, StoreError, Tx, sql};

/// One log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BusLog {
    /// The topic's name.
    pub topic: String,
    /// Its number among the topic's logs.
    pub number: u32,
    /// The bus: `embedded`, or Kafka with its cluster's id.
    pub bus: String,
    /// The partition there.
    pub partition: u32,
}

/// The number of a log, given now if it is new.
pub(crate) async fn number(
    tx: &mut Tx,
    bus: &str,
    topic: &str,
    partition: u32,
) -> Result<u32, StoreError> {
    if let Some(number) = find(tx, bus, topic, partition).await? {
        return Ok(number);
    }
    let sql = "INSERT INTO bus_log (topic, number, bus, partition)
               SELECT $1, coalesce(max(number) + 1, 0), $2, $3 FROM bus_log WHERE topic = $1
               RETURNING number";
    let given = sql::query(sql).bind(topic).bind(bus).bind(i64::from(partition));
    Ok(given.fetch_one(tx).await?.small(0)?)
}

/// The number that [`number`] gives the log.
pub(crate) async fn find_or_next(
    db: &mut Connection,
    bus: &str,
    topic: &str,
    partition: u32,
) -> Result<u32, StoreError> {
    if let Some(number) = find(db, bus, topic, partition).await? {
        return Ok(number);
    }
    let sql = "SELECT coalesce(max(number) + 1, 0) FROM bus_log WHERE topic = $1";
    Ok(sql::query(sql).bind(topic).fetch_one(db).await?.small(0)?)
}

async fn find(
    db: &mut Connection,
    bus: &str,
    topic: &str,
    partition: u32,
) -> Result<Option<u32>, StoreError> {
    let sql = "SELECT number FROM bus_log WHERE topic = $1 AND bus = $2 AND partition = $3";
    let found = sql::query(sql).bind(topic).bind(bus).bind(i64::from(partition));
    found.fetch_optional(db).await?.map(|row| Ok(row.small(0)?)).transpose()
}

/// Notes how many partitions a topic has, once rows of ours stand on it.
pub(crate) async fn note_partitions(
    tx: &mut Tx,
    bus: &str,
    topic: &str,
    partitions: u32,
) -> Result<(), StoreError> {
    let sql = "UPDATE bus_log SET partitions = $1
               WHERE topic = $2 AND bus = $3 AND partitions < $1";
    sql::query(sql).bind(i64::from(partitions)).bind(topic).bind(bus).execute(tx).await?;
    Ok(())
}

/// How many partitions each topic of a bus had when rows were first written to it.
pub async fn partitions(db: &mut Connection, bus: &str) -> Result<Vec<(String, u32)>, StoreError> {
    let sql = "SELECT topic, max(partitions) FROM bus_log
               WHERE bus = $1 AND EXISTS (SELECT 1 FROM batch
                                          WHERE batch.topic = bus_log.topic
                                            AND batch.bus = bus_log.bus AND batch.accepted > 0)
               GROUP BY topic
               ORDER BY topic";
    let rows = sql::query(sql).bind(bus).fetch_all(db).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.small(1)?))).collect()
}

/// All logs, by topic and number.
pub async fn list(db: &mut Connection) -> Result<Vec<BusLog>, StoreError> {
    let sql = "SELECT topic, number, bus, partition FROM bus_log ORDER BY topic, number";
    let rows = sql::query(sql).fetch_all(db).await?;
    rows.iter().map(from_row).collect()
}

/// One log of a topic.
pub async fn get(
    db: &mut Connection,
    topic: &str,
    number: u32,
) -> Result<Option<BusLog>, StoreError> {
    let sql = "SELECT topic, number, bus, partition FROM bus_log WHERE topic = $1 AND number = $2";
    let found = sql::query(sql).bind(topic).bind(i64::from(number)).fetch_optional(db).await?;
    found.as_ref().map(from_row).transpose()
}

fn from_row(row: &sql::Row) -> Result<BusLog, StoreError> {
    Ok(BusLog {
        topic: row.try_get(0)?,
        number: row.small(1)?,
        bus: row.try_get(2)?,
        partition: row.small(3)?,
    })
}
