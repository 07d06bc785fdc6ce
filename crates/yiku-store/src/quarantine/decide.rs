//! Deciding about rejected rows. The caller appends the receipt of the deed in the same
//! transaction.

use yiku_core::entry::EntryName;

use super::State;
use crate::{
    StoreError, Tx,
    quarantine::show,
    rows::{self, numbers},
    sql,
};

/// What became of the rows that somebody decided about.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Decided {
    /// How many changed their state.
    pub changed: u64,
    /// Rows left as they were: id, and why in Chinese and English.
    pub left: Vec<(i64, String, String)>,
}

/// Keeps edited cells beside the original ones. Only for rows nobody else has decided about: open
/// or returned ones.
pub async fn fix(
    tx: &mut Tx,
    id: i64,
    cells: &[Option<String>],
    by: &str,
    at_ms: i64,
) -> Result<(), StoreError> {
    let found = show(tx, id).await?;
    if !matches!(found.state, State::Open | State::Returned) {
        return Err(not_open(id, found.state));
    }
    let (given, wanted) = (cells.len(), found.row.columns.len());
    if given != wanted {
        return Err(StoreError::refused(
            format!("隔离记录 {id} 有 {wanted} 列，收到 {given} 列；请按原列补全"),
            format!("row {id} has {wanted} columns, {given} cells were given; give all of them"),
        ));
    }
    let text = serde_json::to_string(cells).expect("strings always serialise");
    sql::query(
        "UPDATE quarantine SET edited = $2, fixes = fixes + 1, state_by = $3, state_at = $4
         WHERE id = $1",
    )
    .bind(id)
    .bind(text)
    .bind(by)
    .bind(at_ms)
    .execute(tx)
    .await?;
    Ok(())
}

/// Queues open or returned rows for `redrive`, in the order given. All must be rows of `entry`.
pub async fn queue(
    tx: &mut Tx,
    entry: &EntryName,
    ids: &[i64],
    by: &str,
    at_ms: i64,
) -> Result<Decided, StoreError> {
    let mut decided = Decided::default();
    let mut fit = Vec::new();
    for &id in ids {
        match obstacle(tx, entry, id).await? {
            Some((zh, en)) => decided.left.push((id, zh, en)),
            None => fit.push(id),
        }
    }
    let first = numbers(tx, &format!("redrive/{entry}"), fit.len()).await?;
    for (id, place) in fit.iter().zip(first..) {
        sql::query(
            "UPDATE quarantine SET state = 'queued', queue = $2, state_by = $3, state_at = $4
             WHERE id = $1",
        )
        .bind(id)
        .bind(place)
        .bind(by)
        .bind(at_ms)
        .execute(tx)
        .await?;
    }
    decided.changed = fit.len() as u64;
    move_codes(tx, State::Queued, &fit).await?;
    Ok(decided)
}

/// Why a row cannot be queued.
async fn obstacle(
    tx: &mut Tx,
    entry: &EntryName,
    id: i64,
) -> Result<Option<(String, String)>, StoreError> {
    let sql =
        "SELECT state, entry, edited IS NULL AND cut IS NOT NULL FROM quarantine WHERE id = $1";
    let row: Option<(String, String, bool)> =
        sql::query_as(sql).bind(id).fetch_optional(tx).await?;
    let both = |error: StoreError| Some((error.zh(), error.to_string()));
    let Some((state, of, cut)) = row else {
        return Ok(both(StoreError::missing("quarantined row", id)));
    };
    let state: State = state.parse()?;
    Ok(if of != entry.as_str() {
        Some((format!("属于 {of}"), format!("it is a row of `{of}`")))
    } else if !matches!(state, State::Open | State::Returned) {
        both(not_open(id, state))
    } else if cut {
        Some((
            "该行过长，只保留了前 64 KiB；请补全后再重跑".into(),
            "only the first 64 KiB of this row were kept; fix it before it goes in again".into(),
        ))
    } else {
        None
    })
}

/// Drops open or returned rows.
pub async fn drop_rows(
    tx: &mut Tx,
    ids: &[i64],
    by: &str,
    at_ms: i64,
) -> Result<Decided, StoreError> {
    decide(tx, ids, State::Dropped, None, by, at_ms).await
}

/// Returns open rows to their department in the report of this id.
pub async fn return_rows(
    tx: &mut Tx,
    ids: &[i64],
    report: &str,
    by: &str,
    at_ms: i64,
) -> Result<Decided, StoreError> {
    decide(tx, ids, State::Returned, Some(report), by, at_ms).await
}

async fn decide(
    tx: &mut Tx,
    ids: &[i64],
    to: State,
    report: Option<&str>,
    by: &str,
    at_ms: i64,
) -> Result<Decided, StoreError> {
    let changed = rows::each(
        tx,
        "UPDATE quarantine
         SET state = $1, state_by = $2, state_at = $3, report = coalesce($4, report)
         WHERE state IN ('open', 'returned') AND id = $5",
        ids,
        |values, id| values.bind(to.as_str()).bind(by).bind(at_ms).bind(report).bind(*id),
    )
    .await?;
    let mut decided = Decided { changed, left: Vec::new() };
    if changed == ids.len() as u64 {
        move_codes(tx, to, ids).await?;
        return Ok(decided);
    }
    let mut moved = Vec::new();
    for &id in ids {
        let sql = "SELECT state, state_at = $2 AND state_by = $3 FROM quarantine WHERE id = $1";
        let row: Option<(String, bool)> =
            sql::query_as(sql).bind(id).bind(at_ms).bind(by).fetch_optional(tx).await?;
        let error = match row {
            None => StoreError::missing("quarantined row", id),
            Some((state, true)) if state == to.as_str() => {
                moved.push(id);
                continue;
            }
            Some((state, _)) => not_open(id, state.parse()?),
        };
        decided.left.push((id, error.zh(), error.to_string()));
    }
    move_codes(tx, to, &moved).await?;
    Ok(decided)
}

/// Marks what `redrive` has pulled from a resource's queue: numbers above `after`, up to `to`.
pub(crate) async fn redriven(
    tx: &mut Tx,
    entry: &EntryName,
    after: i64,
    to: i64,
    at_ms: i64,
) -> Result<(), StoreError> {
    let ids: Vec<i64> = sql::query_scalar(
        "UPDATE quarantine SET state = 'redriven', state_by = 'hub', state_at = $4
         WHERE entry = $1 AND queue > $2 AND queue <= $3 AND state = 'queued'
         RETURNING id",
    )
    .bind(entry.as_str())
    .bind(after)
    .bind(to)
    .bind(at_ms)
    .fetch_all(tx)
    .await?;
    move_codes(tx, State::Redriven, &ids).await
}

/// Lets the codes of rows follow their state.
pub(super) async fn move_codes(tx: &mut Tx, to: State, ids: &[i64]) -> Result<(), StoreError> {
    let sql = "UPDATE quarantine_code SET state = $1 WHERE id = $2";
    rows::each(tx, sql, ids, |values, id| values.bind(to.as_str()).bind(*id)).await?;
    Ok(())
}

fn not_open(id: i64, state: State) -> StoreError {
    StoreError::refused(
        format!("隔离记录 {id} {}，不能再处理", state.zh()),
        format!("row {id} is {}; only open and returned rows can be decided about", state.as_str()),
    )
}
