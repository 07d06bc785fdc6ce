//! Quarantine: rejected rows until somebody has decided about each.
//!
//! A row comes in *open*. Its department fixes it and *queues* it, the publisher `redrive` takes it
//! (*redriven*; if it fails again, that is another row here, `retry_of` this one); or it is
//! *returned* to the department in a report, from which it may come back corrected; or it is
//! *dropped*; or a later row of its key was accepted meanwhile (*overtaken*). Every row is in one
//! of these states, and none ever leaves the table.

mod decide;
mod list;
mod watch;

use yiku_core::{
    digest::Digester,
    publication::RejectedRow,
    violation::{Code, Severity},
};

pub(crate) use decide::redriven;
pub use decide::{Decided, drop_rows, fix, queue, return_rows};
pub use list::{
    CodeCount, Filter, Quarantined, QueuedRow, counts, list, queued, returned, show, states,
    waiting,
};
pub use watch::{Accepted, Watch};

use crate::{
    StoreError, Tx,
    rows::{self, Values, number, numbers},
    sql,
};

/// What was decided about a rejected row.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum State {
    /// Nothing yet.
    Open,
    /// It waits for `redrive`.
    Queued,
    /// `redrive` has pulled it again.
    Redriven,
    /// It went back to its department in a report.
    Returned,
    /// A later row of its key was accepted.
    Overtaken,
    /// A person dropped it.
    Dropped,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Open, Self::Queued, Self::Redriven, Self::Returned, Self::Overtaken, Self::Dropped];

    /// The word as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Queued => "queued",
            Self::Redriven => "redriven",
            Self::Returned => "returned",
            Self::Overtaken => "overtaken",
            Self::Dropped => "dropped",
        }
    }

    /// The state in Chinese.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Open => "待处理",
            Self::Queued => "待重跑",
            Self::Redriven => "已重跑",
            Self::Returned => "已退回",
            Self::Overtaken => "已被新数据取代",
            Self::Dropped => "已作废",
        }
    }
}

impl std::str::FromStr for State {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            StoreError::refused(
                format!("“{text}”不是隔离状态；可用：{known}"),
                format!("`{text}` is no state of quarantine: {known}"),
            )
        })
    }
}

/// Takes rejected rows of one batch as open; those with a later record of their key as overtaken.
pub(crate) async fn insert(
    tx: &mut Tx,
    digester: &Digester,
    rejected: &[RejectedRow],
    at_ms: i64,
) -> Result<(), StoreError> {
    if rejected.is_empty() {
        return Ok(());
    }
    let first = numbers(tx, "quarantine", rejected.len()).await?;
    let headers = headers(tx, rejected).await?;
    let new: Vec<New<'_>> = rejected
        .iter()
        .zip(headers)
        .zip(first..)
        .map(|((row, header_id), id)| New::from(digester, row, id, header_id, at_ms))
        .collect();
    rows::insert(
        tx,
        "INSERT INTO quarantine (id, state, state_at, state_by, entry, connector, version, line,
                                 batch, at, origin, place, row_version, operation, header_id,
                                 cells, fixes, key, key_digest, violations, cut, retry_of)",
        22,
        "",
        &new,
        bind_row,
    )
    .await?;
    let codes: Vec<(Code, &str, i64)> = new
        .iter()
        .flat_map(|new| rejecting_codes(new.row).into_iter().map(move |code| (code, new)))
        .map(|(code, new)| (code, new.row.entry.as_str(), new.id))
        .collect();
    rows::insert(
        tx,
        "INSERT INTO quarantine_code (code, state, entry, id)",
        4,
        "",
        &codes,
        |values, (code, entry, id)| values.bind(code.as_str()).bind("open").bind(entry).bind(*id),
    )
    .await?;
    watch::overtaken_before(tx, rejected, first, at_ms).await
}

struct New<'a> {
    id: i64,
    header_id: i64,
    at_ms: i64,
    key_digest: Option<[u8; 32]>,
    cells: String,
    violations: String,
    row: &'a RejectedRow,
}

impl<'a> New<'a> {
    fn from(
        digester: &Digester,
        row: &'a RejectedRow,
        id: i64,
        header_id: i64,
        at_ms: i64,
    ) -> Self {
        let json = "strings always serialise";
        let key = row.key.as_deref();
        Self {
            id,
            header_id,
            at_ms,
            key_digest: key.map(|key| digester.key(row.entry.as_str(), key)),
            cells: serde_json::to_string(&row.cells).expect(json),
            violations: serde_json::to_string(&row.violations).expect(json),
            row,
        }
    }
}

fn bind_row<'s, 'c>(values: Values<'s, 'c>, new: &New<'_>) -> Values<'s, 'c> {
    let row = new.row;
    values
        .bind(new.id)
        .bind("open")
        .bind(new.at_ms)
        .bind("hub")
        .bind(row.entry.as_str())
        .bind(&row.connector)
        .bind(row.version.to_string())
        .bind(i64::from(row.line))
        .bind(number(row.batch))
        .bind(new.at_ms)
        .bind(&row.origin)
        .bind(number(row.place))
        .bind(row.row_version.as_bytes())
        .bind(row.operation.as_str())
        .bind(new.header_id)
        .bind(&new.cells)
        .bind(0i64)
        .bind(&row.key)
        .bind(&new.key_digest)
        .bind(&new.violations)
        .bind(&row.cut)
        .bind(row.retried)
}

/// The codes that keep the row out, each once.
fn rejecting_codes(row: &RejectedRow) -> Vec<Code> {
    let rejecting = row.violations.iter().filter(|found| found.severity == Severity::Reject);
    let mut codes: Vec<Code> = rejecting.map(|found| found.code).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// The id of each row's header; rows that follow each other mostly share it.
async fn headers(tx: &mut Tx, rejected: &[RejectedRow]) -> Result<Vec<i64>, StoreError> {
    let mut ids = Vec::with_capacity(rejected.len());
    let mut known: Vec<(&[String], i64)> = Vec::new();
    for row in rejected {
        let id = match known.iter().find(|(columns, _)| *columns == row.columns.as_slice()) {
            Some((_, id)) => *id,
            None => {
                let id = header(tx, &row.columns).await?;
                known.push((&row.columns, id));
                id
            }
        };
        ids.push(id);
    }
    Ok(ids)
}

async fn header(tx: &mut Tx, columns: &[String]) -> Result<i64, StoreError> {
    let text = serde_json::to_string(columns).expect("strings always serialise");
    sql::query("INSERT INTO quarantine_header (columns) VALUES ($1) ON CONFLICT DO NOTHING")
        .bind(&text)
        .execute(tx)
        .await?;
    let sql = "SELECT id FROM quarantine_header WHERE columns = $1";
    Ok(sql::query(sql).bind(&text).fetch_one(tx).await?.try_get(0)?)
}
