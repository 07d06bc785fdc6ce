//! What the rows of a batch do to their records.

use std::{borrow::Cow, ops::Range};

use hashbrown::HashMap;
use yiku_core::{
    batch::{self, Cells},
    contract::DecodeError,
    entry::Version,
    library::{Bound, Content, Taken, decide},
    operation::Operation,
    row_version::RowVersion,
};

use super::{Brought, MergeOutcome, MergeRow, Resource, entity::Touched, last_key};
use crate::{
    Connection, StoreError,
    change::{ChangeKind, Log},
    rows,
};

/// The records of a batch's keys, and what became of its rows.
pub(super) struct Records<'b> {
    pub(super) all: Vec<Record<'b>>,
    index: HashMap<&'b str, usize, ahash::RandomState>,
    pub(super) late: Vec<MergeRow<'b>>,
    pub(super) past: Vec<Past<'b>>,
    pub(super) refused: Vec<(u64, String)>,
    pub(super) outcome: MergeOutcome,
    pub(super) part: u32,
    pub(super) at: i64,
}

/// One record while a batch is merged.
pub(super) struct Record<'b> {
    pub(super) key: &'b str,
    /// Its number in the table; `None`: it is not there yet.
    pub(super) id: Option<i64>,
    pub(super) now: Option<Held<'b>>,
    pub(super) write: Write,
    /// What it said of entities before the batch, and says now; `None`: nothing of it changed.
    pub(super) said: Option<(Range<usize>, Range<usize>)>,
}

/// What is to be written of a record.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Write {
    Nothing,
    /// Only which row it was seen in last.
    Advance,
    All,
}

/// What a record holds.
pub(super) struct Held<'b> {
    pub(super) version: RowVersion,
    /// Line and order of the newest run that brought the key, where that is not the version's own.
    pub(super) seen: Option<[u8; SEEN]>,
    pub(super) entry: Version,
    pub(super) body: Option<Cow<'b, [u8]>>,
    pub(super) part: u32,
    pub(super) place: u64,
    /// The change that made it; 0: a delete of what was never there.
    pub(super) change: u64,
    pub(super) at: i64,
    pub(super) doubled: bool,
}

/// A replaced record.
pub(super) struct Past<'b> {
    pub(super) key: &'b str,
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) from_at: i64,
    pub(super) to_at: i64,
    pub(super) entry: Version,
    pub(super) body: Option<Cow<'b, [u8]>>,
    pub(super) part: u32,
    pub(super) place: u64,
}

/// Bytes of line and order in a row version, from [`SEEN_FROM`] on.
pub(crate) const SEEN: usize = 12;
pub(crate) const SEEN_FROM: usize = 8;

/// Loads the records of all keys of the batch. What sorts behind the last record is not asked for:
/// a first load most often comes in the order of its keys.
pub(super) async fn load(
    db: &mut Connection,
    resource: &Resource,
    records: &mut Records<'_>,
) -> Result<(), StoreError> {
    let table = format!("record_{}", resource.table());
    let last = last_key(db, &table, "key").await?;
    let asked = records.all.iter().map(|record| record.key);
    let keys: Vec<&str> = asked.filter(|key| Some(*key) <= last.as_deref()).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let columns = "key, version, seen, entry, body, part, place, change, at, doubled, _id";
    let by_key = format!("SELECT {columns} FROM {table} WHERE key = $1");
    // A whole load comes most often in the order of the one before.
    let behind = format!("SELECT {columns} FROM {table} WHERE _id > $1 ORDER BY _id");
    let Records { all, index, .. } = records;
    rows::select_runs(db, &by_key, &behind, &keys, |row| {
        let key = row.text(0)?;
        let record = &mut all[*index.get(key).ok_or_else(|| unreadable("an unasked key"))?];
        let seen = row.blob_or_null(2)?;
        record.now = Some(Held {
            version: version(row.blob(1)?)?,
            seen: seen.and_then(|seen| seen.try_into().ok()),
            entry: entry_version(row.text(3)?)?,
            body: row.blob_or_null(4)?.map(|body| Cow::Owned(body.to_vec())),
            part: u32::try_from(row.int(5)?).map_err(unreadable)?,
            place: row.int(6)?.cast_unsigned(),
            change: row.int(7)?.cast_unsigned(),
            at: row.int(8)?,
            doubled: row.int(9)? != 0,
        });
        record.id = Some(row.int(10)?);
        Ok(())
    })
    .await
}

/// Decides row by row, and notes in `touched` what the records say of entities.
pub(super) fn decide_all<'b>(
    records: &mut Records<'b>,
    resource: &Resource,
    brought: Brought<'_, 'b>,
    touched: &mut Touched,
    log: &mut Log,
) -> Result<(), StoreError> {
    records.at = log.at();
    let mut scratch = Cells::new(0);
    for (index, row) in brought.rows.iter().enumerate() {
        let ahead = brought.decoded.and_then(|decoded| decoded.row(index));
        match resource.versions.get(&row.entry) {
            Some(bound) => {
                let body = Body { ahead, scratch: &mut scratch };
                decide_row(records, resource, bound, row, body, touched, log)?;
            }
            None => {
                let reason = format!("entry version {} is not known", row.entry);
                records.refused.push((row.offset, reason));
            }
        }
    }
    records.outcome.refused = records.refused.len() as u64;
    Ok(())
}

/// A row's cells: decoded ahead, or to be decoded now.
struct Body<'a> {
    ahead: Option<batch::Row<'a>>,
    scratch: &'a mut Cells,
}

impl<'a> Body<'a> {
    /// The cells; a delete has none.
    fn cells(self, bound: &Bound, row: &MergeRow<'_>) -> Result<batch::Row<'a>, DecodeError> {
        if let Some(decoded) = self.ahead {
            return Ok(decoded);
        }
        if row.operation == Operation::Delete {
            return Ok(batch::Row::default());
        }
        self.scratch.clear(bound.contract.entry().items.len());
        bound.contract.decode(row.body, self.scratch)?;
        Ok(self.scratch.row(0))
    }
}

fn decide_row<'b>(
    records: &mut Records<'b>,
    resource: &Resource,
    bound: &Bound,
    row: &MergeRow<'b>,
    body: Body<'_>,
    touched: &mut Touched,
    log: &mut Log,
) -> Result<(), StoreError> {
    let index = records.index[row.key];
    let record = &mut records.all[index];
    let stored = record.now.as_ref().map(Held::content);
    let (taken, doubled) = decide(stored.as_ref(), &row.content());
    match taken {
        Taken::Superseded => {
            records.outcome.superseded += 1;
            record.note_seen(row, doubled);
            records.late.push(*row);
            return Ok(());
        }
        Taken::Unchanged => {
            records.outcome.unchanged += 1;
            record.advance(row, records.part, records.at);
            return Ok(());
        }
        Taken::New | Taken::Changed | Taken::Removed => {}
    }
    let cells = match body.cells(bound, row) {
        Ok(cells) => cells,
        Err(error) => {
            records.refused.push((row.offset, error.to_string()));
            return Ok(());
        }
    };
    let before = touched.resolve(resource, record)?;
    let silent = taken == Taken::Changed
        && record.now.as_ref().is_some_and(|now| now.entry != row.entry)
        && same_cells(resource, record, bound, &cells)?;
    let after = if row.operation == Operation::Upsert {
        touched.add(&bound.feeds, &cells, row.key, row.version.parts().order_by)
    } else {
        0..0
    };
    touched.replace(before.clone(), after.clone());
    let first = record.said.take().map_or(before, |(first, _)| first);
    record.said = Some((first, after));
    *counter(&mut records.outcome, taken, silent) += 1;
    let (change, at) = match (&record.now, silent) {
        (Some(now), true) => (now.change, now.at),
        (now, _) => (log.add(kind(taken, now.as_ref()), row.key), records.at),
    };
    let seen = record.now.as_ref().and_then(|now| now.newest_seen(row));
    let held = Held {
        version: row.version,
        seen,
        entry: row.entry,
        body: (row.operation == Operation::Upsert).then_some(Cow::Borrowed(row.body)),
        part: records.part,
        place: row.offset,
        change,
        at,
        doubled,
    };
    record.write = Write::All;
    if let Some(replaced) = record.now.replace(held)
        && replaced.change > 0
        && !silent
    {
        records.past.push(replaced.into_past(row.key, change, at));
    }
    Ok(())
}

/// What a row taken as this counts as. A silent one changes no value, only the entry's version.
fn counter(outcome: &mut MergeOutcome, taken: Taken, silent: bool) -> &mut u64 {
    match taken {
        _ if silent => &mut outcome.unchanged,
        Taken::New => &mut outcome.new,
        Taken::Removed => &mut outcome.removed,
        _ => &mut outcome.changed,
    }
}

fn kind(taken: Taken, now: Option<&Held<'_>>) -> ChangeKind {
    match taken {
        Taken::Removed => ChangeKind::Ended,
        Taken::New if now.is_some_and(|now| now.change > 0) => ChangeKind::Restored,
        Taken::New => ChangeKind::Created,
        _ => ChangeKind::Changed,
    }
}

/// Whether a record's cells under another entry version are those of the row.
fn same_cells(
    resource: &Resource,
    record: &Record<'_>,
    bound: &Bound,
    new: &batch::Row<'_>,
) -> Result<bool, StoreError> {
    let Some((stored, body)) = record.stored_body() else { return Ok(false) };
    let before = resource.bound(stored)?;
    let mut old = Cells::new(before.contract.entry().items.len());
    before.contract.decode(body, &mut old).map_err(unreadable)?;
    let old = old.row(0);
    let (old_entry, new_entry) = (before.contract.entry(), bound.contract.entry());
    let same = |(index, item): (usize, &yiku_core::entry::DataItem)| {
        let other = old_entry.item(&item.name).and_then(|other| old.get(other));
        new.get(index) == other
    };
    let gone = |(index, item): (usize, &yiku_core::entry::DataItem)| {
        old.get(index).is_none() || new_entry.item(&item.name).is_some()
    };
    Ok(new_entry.items.iter().enumerate().all(same) && old_entry.items.iter().enumerate().all(gone))
}

impl<'b> MergeRow<'b> {
    fn content(&self) -> Content<'b> {
        let body = (self.operation == Operation::Upsert).then_some(self.body);
        Content { version: self.version, entry: self.entry, body }
    }

    fn seen(&self) -> [u8; SEEN] {
        seen_of(&self.version)
    }
}

impl Record<'_> {
    /// Entry version and body, if it is there.
    pub(super) fn stored_body(&self) -> Option<(Version, &[u8])> {
        let now = self.now.as_ref()?;
        Some((now.entry, now.body.as_deref()?))
    }

    /// A late row has still been seen: a sweep must not take its key for gone.
    fn note_seen(&mut self, row: &MergeRow<'_>, doubled: bool) {
        let now = self.now.as_mut().expect("a row is late behind a record");
        let newest = now.newest_seen(row).max(Some(row.seen()));
        let newest = newest.filter(|seen| *seen > seen_of(&now.version));
        if newest != now.seen || doubled && !now.doubled {
            now.seen = newest;
            now.doubled |= doubled;
            self.write = self.write.max(Write::Advance);
        }
    }
}

impl<'b> Record<'b> {
    /// The same values under a newer version; or a delete of what was never there.
    fn advance(&mut self, row: &MergeRow<'b>, part: u32, at: i64) {
        let Some(now) = &mut self.now else {
            self.now = Some(Held {
                version: row.version,
                seen: None,
                entry: row.entry,
                body: None,
                part,
                place: row.offset,
                change: 0,
                at,
                doubled: false,
            });
            self.write = Write::All;
            return;
        };
        if row.version > now.version {
            now.seen = now.newest_seen(row);
            now.version = row.version;
            (now.part, now.place) = (part, row.offset);
            now.doubled = false;
            self.write = self.write.max(Write::Advance);
        }
    }
}

impl<'b> Held<'b> {
    fn content(&self) -> Content<'_> {
        Content { version: self.version, entry: self.entry, body: self.body.as_deref() }
    }

    /// What was seen of the key before, where that is newer than the row.
    fn newest_seen(&self, row: &MergeRow<'_>) -> Option<[u8; SEEN]> {
        let known = self.seen.unwrap_or_else(|| seen_of(&self.version));
        Some(known.max(seen_of(&self.version))).filter(|known| *known > row.seen())
    }

    fn into_past(self, key: &'b str, to: u64, to_at: i64) -> Past<'b> {
        Past {
            key,
            from: self.change,
            to,
            from_at: self.at,
            to_at,
            entry: self.entry,
            body: self.body,
            part: self.part,
            place: self.place,
        }
    }
}

impl<'b> Records<'b> {
    /// The records of all keys of the rows, before any is loaded.
    pub(super) fn of(rows: &[MergeRow<'b>], part: u32) -> Self {
        let mut records = Self {
            all: Vec::with_capacity(rows.len()),
            index: HashMap::with_capacity_and_hasher(rows.len(), ahash::RandomState::default()),
            late: Vec::new(),
            past: Vec::new(),
            refused: Vec::new(),
            outcome: MergeOutcome::default(),
            part,
            at: 0,
        };
        for row in rows {
            records.index.entry(row.key).or_insert_with(|| {
                let (key, write) = (row.key, Write::Nothing);
                records.all.push(Record { key, id: None, now: None, write, said: None });
                records.all.len() - 1
            });
        }
        records
    }

    /// Whether both are about the same record.
    pub(super) fn meet(&self, other: &Records<'_>) -> bool {
        self.all.iter().any(|record| other.index.contains_key(record.key))
    }

    /// The record of a key, if the batch has it.
    pub(super) fn get(&self, key: &str) -> Option<&Record<'_>> {
        self.index.get(key).map(|&index| &self.all[index])
    }
}

impl Resource {
    pub(crate) fn bound(&self, version: Version) -> Result<&Bound, StoreError> {
        let bound = self.versions.get(&version).map(AsRef::as_ref);
        bound.ok_or_else(|| {
            let problem = format!("{}@{version} is not in the catalog", self.subject.name);
            StoreError::unreadable("record.entry", problem)
        })
    }
}

/// Reads a version column.
pub(crate) fn version(bytes: &[u8]) -> Result<RowVersion, StoreError> {
    RowVersion::from_bytes(bytes).ok_or_else(|| unreadable("a version is 28 bytes"))
}

/// Reads an entry version column.
pub(crate) fn entry_version(text: &str) -> Result<Version, StoreError> {
    text.parse().map_err(unreadable)
}

fn seen_of(version: &RowVersion) -> [u8; SEEN] {
    let bytes = &version.as_bytes()[SEEN_FROM..SEEN_FROM + SEEN];
    bytes.try_into().expect("twelve bytes")
}

fn unreadable(problem: impl ToString) -> StoreError {
    StoreError::unreadable("a record", problem)
}
