//! The embedded bus: one SQLite file with one writer.
//!
//! The writer takes whatever waits and commits it together (group commit), each append under its
//! own savepoint. Readers have their own connections and never hold a read transaction across
//! calls.

mod writer;

use std::{path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use sqlx::{
    Row, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    Append, Bus, BusError, Finish, Lane, Placed, Read, ReadLimit, Records, Stored, TopicState,
};
use writer::Request;

/// The bus in a file.
pub struct Embedded {
    readers: SqlitePool,
    requests: mpsc::Sender<Request>,
    appended: watch::Receiver<u64>,
}

impl Embedded {
    /// Opens `bus.db` in the folder, making it when there is none. The caller holds the folder's
    /// lock.
    pub async fn open(folder: &Path) -> Result<Self, BusError> {
        let path = folder.join("bus.db");
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .page_size(16_384)
            .busy_timeout(Duration::from_secs(10))
            .pragma("cache_size", "-4000");
        let connection = writer::open(&path, &options).await?;
        let options = options.thread_name(|_| "yiku-bus-r".into());
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .connect_with(options.create_if_missing(false).read_only(true))
            .await?;
        let (requests, waiting) = mpsc::channel(WAITING_MAX);
        let (moved, appended) = watch::channel(0);
        std::thread::Builder::new()
            .name("yiku-bus-w".into())
            .spawn(move || writer::run(&connection, waiting, &moved))
            .map_err(|error| BusError::Broken(error.into()))?;
        Ok(Self { readers, requests, appended })
    }

    async fn ask<T>(
        requests: &mpsc::Sender<Request>,
        request: impl FnOnce(oneshot::Sender<Result<T, BusError>>) -> Request,
    ) -> Result<T, BusError> {
        let (reply, answer) = oneshot::channel();
        let gone = || BusError::Broken(sqlx::Error::WorkerCrashed.into());
        requests.send(request(reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    async fn state(
        &self,
        topic: &str,
        partition: u32,
    ) -> Result<Option<(i64, u64, u64)>, BusError> {
        let row = sqlx::query(
            "SELECT id, next_offset,
                    (SELECT MIN(base_offset) FROM batch WHERE topic_id = topic.id) AS first
             FROM topic
             WHERE name = $1 AND partition = $2",
        )
        .bind(topic)
        .bind(partition)
        .fetch_optional(&self.readers)
        .await?;
        Ok(row.map(|row| {
            let next = row.get::<i64, _>(1) as u64;
            (row.get(0), row.get::<Option<i64>, _>(2).map_or(next, |first| first as u64), next)
        }))
    }
}

#[async_trait]
impl Bus for Embedded {
    async fn lane(&self, _name: &str) -> Result<Arc<dyn Lane>, BusError> {
        // The folder's lock is the fence: no other process can hold this file's writer.
        Ok(Arc::new(EmbeddedLane { requests: self.requests.clone() }))
    }

    fn id(&self) -> &str {
        "embedded"
    }

    async fn read(
        &self,
        topic: &str,
        partition: u32,
        from: u64,
        limit: ReadLimit,
    ) -> Result<Read, BusError> {
        let (id, first, next) = self.state(topic, partition).await?.unwrap_or((0, 0, 0));
        if from < first || from > next {
            let topic = topic.to_owned();
            return Err(BusError::OutOfRange { topic, partition, from, first, next });
        }
        if from == next {
            return Ok(Read { next, ..Read::default() });
        }
        let damaged = |offset| {
            let topic = topic.to_owned();
            BusError::Damaged { topic, partition, offset }
        };
        let (begin, end) = self.range(id, from, limit).await?.map_err(damaged)?;
        let stored = self.batches(id, begin, end).await?;
        match stored.last() {
            Some(last) if last.next_offset() == end => {
                Ok(Read { batches: stored, foreign: Vec::new(), next: end })
            }
            last => Err(damaged(last.map_or(begin, Stored::next_offset))),
        }
    }

    async fn count(
        &self,
        topic: &str,
        partition: u32,
        from: u64,
        to: u64,
    ) -> Result<u64, BusError> {
        let count: i64 = sqlx::query_scalar(
            "SELECT coalesce(sum(min(base_offset + count, $4) - max(base_offset, $3)), 0)
             FROM batch
             WHERE topic_id = (SELECT id FROM topic WHERE name = $1 AND partition = $2)
               AND base_offset < $4 AND base_offset + count > $3",
        )
        .bind(topic)
        .bind(partition)
        .bind(from as i64)
        .bind(to as i64)
        .fetch_one(&self.readers)
        .await?;
        Ok(count as u64)
    }

    async fn topics(&self) -> Result<Vec<TopicState>, BusError> {
        let rows = sqlx::query(
            "SELECT name, uid, partition, next_offset,
                    (SELECT MIN(base_offset) FROM batch WHERE topic_id = topic.id) AS first
             FROM topic
             ORDER BY name, partition",
        )
        .fetch_all(&self.readers)
        .await?;
        let state = |row: &sqlx::sqlite::SqliteRow| {
            let next = row.get::<i64, _>(3) as u64;
            let first = row.get::<Option<i64>, _>(4).map_or(next, |first| first as u64);
            TopicState { name: row.get(0), id: row.get(1), partition: row.get(2), first, next }
        };
        Ok(rows.iter().map(state).collect())
    }

    async fn retain(&self, topic: &str, partition: u32, before: u64) -> Result<u64, BusError> {
        let topic = topic.to_owned();
        let request = |reply| Request::Retain { topic, partition, before, reply };
        Self::ask(&self.requests, request).await
    }

    fn appended(&self) -> watch::Receiver<u64> {
        self.appended.clone()
    }
}

impl Embedded {
    /// Where the batches begin and end that a read from `from` within `limit` brings; the inner
    /// error is the offset that no batch holds.
    async fn range(
        &self,
        topic_id: i64,
        from: u64,
        limit: ReadLimit,
    ) -> Result<Result<(u64, u64), u64>, BusError> {
        let found: Vec<(i64, i64, i64)> = sqlx::query_as(
            "SELECT base_offset, count, bytes
             FROM batch
             WHERE topic_id = $1 AND base_offset >= coalesce(
                 (SELECT max(base_offset) FROM batch WHERE topic_id = $1 AND base_offset <= $2), 0)
             ORDER BY base_offset
             LIMIT $3",
        )
        .bind(topic_id)
        .bind(from as i64)
        .bind(limit.batches)
        .fetch_all(&self.readers)
        .await?;
        let (mut begin, mut end, mut bytes) = (None, from, 0);
        for (base, count, size) in found {
            let (base, next) = (base as u64, (base + count) as u64);
            if base > end || next <= end {
                return Ok(Err(end));
            }
            begin.get_or_insert(base);
            end = next;
            bytes += size as usize;
            if bytes >= limit.bytes {
                break;
            }
        }
        Ok(begin.map(|begin| (begin, end)).ok_or(from))
    }

    /// The batches from one offset to another; those that cannot be taken apart end it early.
    async fn batches(&self, topic_id: i64, begin: u64, end: u64) -> Result<Vec<Stored>, BusError> {
        let rows = sqlx::query(
            "SELECT base_offset, count, envelope, records
             FROM batch
             WHERE topic_id = $1 AND base_offset >= $2 AND base_offset < $3
             ORDER BY base_offset",
        )
        .bind(topic_id)
        .bind(begin as i64)
        .bind(end as i64)
        .fetch_all(&self.readers)
        .await?;
        let stored = rows.into_iter().map_while(|row| {
            Some(Stored {
                base_offset: row.get::<i64, _>(0) as u64,
                envelope: serde_json::from_str(row.get(2)).ok()?,
                records: Records::from_bytes(row.get(1), row.get(3)),
            })
        });
        Ok(stored.collect())
    }
}

struct EmbeddedLane {
    requests: mpsc::Sender<Request>,
}

#[async_trait]
impl Lane for EmbeddedLane {
    async fn append(&self, rows: Vec<Append>, finish: Finish) -> Result<Vec<Placed>, BusError> {
        let request = |reply| Request::Append { rows, finish, reply };
        Embedded::ask(&self.requests, request).await
    }

    async fn settle(&self) -> Result<(), BusError> {
        // An append in doubt has ended the writer, and with it the process; one whose caller gave
        // up may still wait.
        Embedded::ask(&self.requests, |reply| Request::Settle { reply }).await
    }
}

/// Appends that may wait for the writer; more make the callers wait.
const WAITING_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn foreign_and_newer_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("bus.db"), "this is no database, only some text")
            .unwrap();
        let refused = Embedded::open(folder.path()).await.err().expect("refused").to_string();
        assert!(refused.contains("bus.db` cannot be used"), "{refused}");

        let folder = tempfile::tempdir().unwrap();
        drop(Embedded::open(folder.path()).await.unwrap());
        let path = folder.path().join("bus.db");
        let db =
            SqlitePool::connect_with(SqliteConnectOptions::new().filename(&path)).await.unwrap();
        sqlx::raw_sql("PRAGMA user_version = 9").execute(&db).await.unwrap();
        db.close().await;
        let refused = Embedded::open(folder.path()).await.err().expect("refused").to_string();
        assert!(refused.contains("newer version (schema 9"), "{refused}");
    }
}
