//! The log of changes of a subject: which key changed in which order.
//!
//! Numbers rise by one within a shard. A row of the log holds the changes of one merge; the values
//! stay where they are: change `n` left the current row whose change is `n`, or the history row
//! from `n`; it replaced the history row to `n`.

use std::ops::ControlFlow;

use crate::{
    Connection, StoreError, Tx,
    rows::{self, number},
    sql,
};

/// What happened to a row.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ChangeKind {
    /// It is there for the first time.
    Created,
    /// It has other values.
    Changed,
    /// It is deleted or has ended.
    Ended,
    /// It had ended and is there again.
    Restored,
}

/// One change of a log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// Its number within the shard.
    pub number: u64,
    /// What happened.
    pub kind: ChangeKind,
    /// To which row.
    pub key: String,
}

/// Totals of a log.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ChangeTotals {
    /// First rows of their keys.
    pub created: u64,
    /// Rows with other values.
    pub changed: u64,
    /// Rows deleted or ended.
    pub ended: u64,
    /// Ended rows that are there again.
    pub restored: u64,
}

impl ChangeTotals {
    /// All changes.
    pub fn all(&self) -> u64 {
        self.created + self.changed + self.ended + self.restored
    }

    fn add(&mut self, kind: ChangeKind) {
        *match kind {
            ChangeKind::Created => &mut self.created,
            ChangeKind::Changed => &mut self.changed,
            ChangeKind::Ended => &mut self.ended,
            ChangeKind::Restored => &mut self.restored,
        } += 1;
    }
}

/// The shard of a key among `shards`: FNV-1a of its bytes. Never changes: logs are kept by it.
pub fn shard_of(key: &str, shards: u32) -> u32 {
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash % u64::from(shards.max(1))) as u32
}

/// The last change number of a subject's shard 0, the only one of the embedded engine.
pub async fn last(db: &mut Connection, subject: i64) -> Result<u64, StoreError> {
    let sql = "SELECT last FROM shard WHERE subject_id = $1 AND shard = 0";
    let last: Option<i64> = sql::query_scalar(sql).bind(subject).fetch_optional(db).await?;
    Ok(last.unwrap_or(0).cast_unsigned())
}

/// The last change number of every entity that had one, by its name.
pub async fn last_of_entities(db: &mut Connection) -> Result<Vec<(String, u64)>, StoreError> {
    let sql = "SELECT s.name, h.last FROM shard h JOIN subject s ON s.id = h.subject_id
               WHERE s.kind = 'entity' AND h.shard = 0 AND h.last > 0
               ORDER BY s.name";
    let rows: Vec<(String, i64)> = sql::query_as(sql).fetch_all(db).await?;
    Ok(rows.into_iter().map(|(name, last)| (name, last.cast_unsigned())).collect())
}

/// The changes after `after`, at most `limit` of them.
pub async fn read(
    db: &mut Connection,
    subject: i64,
    after: u64,
    limit: usize,
) -> Result<Vec<Change>, StoreError> {
    let mut changes = Vec::new();
    let next = after + 1;
    let sql = "SELECT first, last, body FROM change_log
               WHERE subject_id = $1 AND shard = 0 AND first < $3 AND first >= coalesce(
                   (SELECT max(first) FROM change_log
                    WHERE subject_id = $1 AND shard = 0 AND first <= $2), 0)
               ORDER BY first";
    let end = next.saturating_add(limit as u64).min(i64::MAX as u64);
    let values = [subject.into(), number(next).into(), number(end).into()];
    rows::select(db, sql, &values, |row| {
        let first = row.int(0)?.cast_unsigned();
        let last = row.int(1)?.cast_unsigned();
        let mut at = first;
        let all = for_each(row.blob(2)?, |kind, key| {
            if at >= next {
                changes.push(Change { number: at, kind, key: key.to_owned() });
            }
            at += 1;
            if changes.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        if all.is_continue() && at != last + 1 {
            return Err(StoreError::unreadable("change_log.body", "a change is missing"));
        }
        Ok(all)
    })
    .await?;
    Ok(changes)
}

/// Recounts a log from its bodies, whatever its counts say.
pub async fn recount(db: &mut Connection, subject: i64) -> Result<ChangeTotals, StoreError> {
    let (before, after) = recount_beside(db, subject, 0).await?;
    debug_assert_eq!(before, ChangeTotals::default());
    Ok(after)
}

/// Recounts a log from its bodies: the changes up to a number, and those after it.
pub async fn recount_beside(
    db: &mut Connection,
    subject: i64,
    number: u64,
) -> Result<(ChangeTotals, ChangeTotals), StoreError> {
    let mut totals = [ChangeTotals::default(); 2];
    let mut after = 0_i64;
    loop {
        let sql = "SELECT first, body FROM change_log
                   WHERE subject_id = $1 AND shard = 0 AND first > $2
                   ORDER BY first
                   LIMIT 16";
        let rows = sql::query(sql).bind(subject).bind(after).fetch_all(&mut *db).await?;
        let Some(last) = rows.last() else { return Ok((totals[0], totals[1])) };
        after = last.try_get(0)?;
        for row in &rows {
            let mut at = row.try_get::<i64, _>(0)?.cast_unsigned();
            let _ = for_each(row.try_get(1)?, |kind, _| {
                totals[usize::from(at > number)].add(kind);
                at += 1;
                ControlFlow::Continue(())
            })?;
        }
    }
}

/// The end of a subject's log, to be written to in one transaction.
pub(crate) struct Log {
    subject: i64,
    first: u64,
    next: u64,
    at: i64,
    counts: [u64; 4],
    body: Vec<u8>,
}

impl Log {
    /// Opens the log's end. The time never goes back, whatever the clock does.
    pub(crate) async fn open(
        db: &mut Connection,
        subject: i64,
        at_ms: i64,
    ) -> Result<Self, StoreError> {
        let sql = "SELECT last, last_at FROM shard WHERE subject_id = $1 AND shard = 0";
        let row = sql::query(sql).bind(subject).fetch_one(db).await?;
        let first = row.try_get::<i64, _>(0)?.cast_unsigned() + 1;
        Ok(Self::at_end(subject, first, at_ms.max(row.try_get(1)?)))
    }

    /// The log's end once this is written.
    pub(crate) fn continued(&self, at_ms: i64) -> Self {
        Self::at_end(self.subject, self.next, at_ms.max(self.at))
    }

    fn at_end(subject: i64, first: u64, at: i64) -> Self {
        Self { subject, first, next: first, at, counts: [0; 4], body: Vec::new() }
    }

    /// Whether it is the subject's.
    pub(crate) fn is_of(&self, subject: i64) -> bool {
        self.subject == subject
    }

    /// The time of the changes.
    pub(crate) fn at(&self) -> i64 {
        self.at
    }

    /// Adds a change; returns its number.
    pub(crate) fn add(&mut self, kind: ChangeKind, key: &str) -> u64 {
        self.body.push(kind as u8);
        let mut length = key.len();
        while length >= 0x80 {
            self.body.push(length as u8 | 0x80);
            length >>= 7;
        }
        self.body.push(length as u8);
        self.body.extend_from_slice(key.as_bytes());
        self.counts[kind as usize] += 1;
        self.next += 1;
        self.next - 1
    }

    /// Writes what was added, and the shard's last number. [`StoreError::Fenced`]: another process
    /// has written to the log since it was opened; roll back.
    pub(crate) async fn write(&self, tx: &mut Tx) -> Result<(), StoreError> {
        if self.next == self.first {
            return Ok(());
        }
        let sql = "UPDATE shard SET last = $2, last_at = $3
                   WHERE subject_id = $1 AND shard = 0 AND last = $4";
        let moved = sql::query(sql)
            .bind(self.subject)
            .bind(number(self.next - 1))
            .bind(self.at)
            .bind(number(self.first - 1))
            .execute(tx)
            .await?;
        if moved.rows_affected() != 1 {
            return Err(StoreError::Fenced {
                unit: format!("log/{}", self.subject),
                topic: "change_log".into(),
                expected: self.first - 1,
            });
        }
        let [created, changed, ended, restored] = self.counts.map(number);
        sql::query(
            "INSERT INTO change_log (subject_id, shard, first, last, created, changed, ended,
                                     restored, at, body)
             VALUES ($1, 0, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(self.subject)
        .bind(number(self.first))
        .bind(number(self.next - 1))
        .bind(created)
        .bind(changed)
        .bind(ended)
        .bind(restored)
        .bind(self.at)
        .bind(&self.body)
        .execute(tx)
        .await?;
        Ok(())
    }
}

/// Hands over each change of a body until `take` breaks off; says whether it did.
fn for_each(
    body: &[u8],
    mut take: impl FnMut(ChangeKind, &str) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, StoreError> {
    let damaged = || StoreError::unreadable("change_log.body", "it makes no sense");
    let mut rest = body;
    while let [kind, after @ ..] = rest {
        let kind = match kind {
            0 => ChangeKind::Created,
            1 => ChangeKind::Changed,
            2 => ChangeKind::Ended,
            3 => ChangeKind::Restored,
            _ => return Err(damaged()),
        };
        let (length, after) = unpack_length(after).ok_or_else(damaged)?;
        let (key, after) = after.split_at_checked(length).ok_or_else(damaged)?;
        if take(kind, std::str::from_utf8(key).map_err(|_| damaged())?).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        rest = after;
    }
    Ok(ControlFlow::Continue(()))
}

fn unpack_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut length = 0;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        length |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((length, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_come_back_as_they_were() {
        let mut log = Log::at_end(1, 7, 0);
        let long = "长".repeat(100);
        assert_eq!(log.add(ChangeKind::Created, "a"), 7);
        assert_eq!(log.add(ChangeKind::Ended, &long), 8);
        let unpack = |body: &[u8]| {
            let mut found = Vec::new();
            for_each(body, |kind, key| {
                found.push((kind, key.to_owned()));
                ControlFlow::Continue(())
            })
            .map(|_| found)
        };
        let expected = [(ChangeKind::Created, "a".to_owned()), (ChangeKind::Ended, long)];
        assert_eq!(unpack(&log.body).expect("whole"), expected);
        for cut in 1..log.body.len() {
            let whole_first = cut == 3;
            assert_eq!(unpack(&log.body[..cut]).is_ok(), whole_first, "cut at {cut}");
        }
    }

    #[test]
    fn shards_of_keys_stay() {
        assert_eq!(shard_of("431302197407073941", 1), 0);
        assert_eq!(shard_of("", 16), (0xcbf2_9ce4_8422_2325_u64 % 16) as u32);
    }
}
