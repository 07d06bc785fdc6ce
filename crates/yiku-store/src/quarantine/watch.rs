//! Overtaken rows: a later row of their key was accepted, nothing is left to mend.

use std::hash::{BuildHasher, RandomState};

use hashbrown::{HashMap, HashSet};
use yiku_core::{
    digest::Digester, entry::EntryName, publication::RejectedRow, row_version::RowVersion,
};

use super::{State, decide::move_codes};
use crate::{Connection, StoreError, Tx, rows, sql, subject};

/// Which keys have a row in quarantine that a later row could overtake: kept in memory, so that
/// accepted rows cost one look each, and one short query per batch.
#[derive(Default)]
pub struct Watch {
    hasher: RandomState,
    entries: HashMap<String, Keys>,
}

#[derive(Default)]
struct Keys {
    /// The last quarantined row that was looked at.
    last: i64,
    hashes: HashSet<u64>,
}

/// An accepted row.
#[derive(Clone, Copy, Debug)]
pub struct Accepted<'a> {
    /// Its record's key.
    pub key: &'a str,
    /// Its version.
    pub version: RowVersion,
}

impl Watch {
    /// Nothing is known yet: the first batch of a resource reads its open rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Marks open and returned rows as overtaken whose key is among the `accepted` rows of `entry`
    /// with a later version. Returns how many. Runs in the transaction of the merge.
    pub async fn overtake(
        &mut self,
        tx: &mut Tx,
        digester: &Digester,
        entry: &EntryName,
        accepted: impl IntoIterator<Item = Accepted<'_>>,
        at_ms: i64,
    ) -> Result<u64, StoreError> {
        self.refresh(tx, entry).await?;
        let Some(keys) = self.entries.get(entry.as_str()) else { return Ok(0) };
        if keys.hashes.is_empty() {
            return Ok(0);
        }
        let mut overtaken = Vec::new();
        for row in accepted {
            if keys.hashes.contains(&self.hasher.hash_one(row.key)) {
                let digest = digester.key(entry.as_str(), row.key);
                overtaken.extend(mark(tx, entry, &digest, &row.version, at_ms).await?);
            }
        }
        move_codes(tx, State::Overtaken, &overtaken).await?;
        Ok(overtaken.len() as u64)
    }

    /// Learns the rows that came into quarantine since the last look.
    async fn refresh(&mut self, db: &mut Connection, entry: &EntryName) -> Result<(), StoreError> {
        let known = self.entries.entry_ref(entry.as_str()).or_default();
        loop {
            let page: Vec<(i64, Option<String>)> = sql::query_as(
                "SELECT id, key FROM quarantine
                 WHERE state IN ('open', 'returned') AND entry = $1 AND id > $2
                 ORDER BY id LIMIT $3",
            )
            .bind(entry.as_str())
            .bind(known.last)
            .bind(PAGE)
            .fetch_all(&mut *db)
            .await?;
            let full = page.len() as i64 == PAGE;
            for (id, key) in page {
                known.last = id;
                known.hashes.extend(key.map(|key| self.hasher.hash_one(key.as_str())));
            }
            if !full {
                return Ok(());
            }
        }
    }
}

/// Marks those of the rows just taken as overtaken whose key has a later record: merging may be
/// ahead of materialising.
pub(super) async fn overtaken_before(
    tx: &mut Tx,
    rejected: &[RejectedRow],
    first: i64,
    at_ms: i64,
) -> Result<(), StoreError> {
    let Some(row) = rejected.first() else { return Ok(()) };
    let Some(subject) = subject::get(tx, row.entry.as_str()).await? else { return Ok(()) };
    let mut keys: Vec<&str> = rejected.iter().filter_map(|row| row.key.as_deref()).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut newest: HashMap<String, Vec<u8>> = HashMap::new();
    let sql = format!("SELECT key, version FROM record_{} WHERE key = $1", subject.table);
    rows::select_by(tx, &sql, &keys, |found| {
        newest.insert(found.text(0)?.to_owned(), found.blob(1)?.to_vec());
        Ok(())
    })
    .await?;
    let later = |row: &RejectedRow| {
        let version = row.key.as_ref().and_then(|key| newest.get(key));
        version.is_some_and(|version| version.as_slice() > row.row_version.as_bytes().as_slice())
    };
    let ids: Vec<i64> =
        (first..).zip(rejected).filter(|(_, row)| later(row)).map(|(id, _)| id).collect();
    let sql = "UPDATE quarantine SET state = 'overtaken', state_by = 'hub', state_at = $1
               WHERE id = $2";
    rows::each(tx, sql, &ids, |values, id| values.bind(at_ms).bind(*id)).await?;
    move_codes(tx, State::Overtaken, &ids).await
}

async fn mark(
    tx: &mut Tx,
    entry: &EntryName,
    key_digest: &[u8; 32],
    version: &RowVersion,
    at_ms: i64,
) -> Result<Vec<i64>, StoreError> {
    Ok(sql::query_scalar(
        "UPDATE quarantine SET state = 'overtaken', state_by = 'hub', state_at = $4
         WHERE key_digest = $1 AND entry = $2 AND row_version < $3
               AND state IN ('open', 'returned')
         RETURNING id",
    )
    .bind(key_digest.as_slice())
    .bind(entry.as_str())
    .bind(version.as_bytes().as_slice())
    .bind(at_ms)
    .fetch_all(tx)
    .await?)
}

const PAGE: i64 = 10_000;
