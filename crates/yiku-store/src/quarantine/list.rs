//! Looking into quarantine.

use serde::de::DeserializeOwned;
use sqlx::{AssertSqlSafe, FromRow};
use yiku_core::{
    entry::EntryName, operation::Operation, publication::RejectedRow, row_version::RowVersion,
    violation::Code,
};

use super::State;
use crate::{
    Connection, StoreError,
    sql::{self, QueryBuilder},
};

/// A rejected row as it stands.
#[derive(Clone, Debug)]
pub struct Quarantined {
    /// Its number.
    pub id: i64,
    /// What was decided about it.
    pub state: State,
    /// When.
    pub state_at: i64,
    /// By whom.
    pub state_by: String,
    /// When it was rejected.
    pub at_ms: i64,
    /// The row as its source gave it.
    pub row: RejectedRow,
    /// Its cells after a fix.
    pub edited: Option<Vec<Option<String>>>,
    /// How often it was fixed.
    pub fixes: u32,
    /// Its number in its resource's redrive queue.
    pub queue: Option<u64>,
    /// The report in which it was returned.
    pub report: Option<String>,
    /// The row that this one was before it failed again.
    pub retry_of: Option<i64>,
}

impl Quarantined {
    /// The cells that go in again: the edited ones if there are any.
    pub fn cells(&self) -> &[Option<String>] {
        self.edited.as_deref().unwrap_or(&self.row.cells)
    }
}

/// A row in the redrive queue, with its number there.
pub type QueuedRow = (u64, Quarantined);

/// Which rows are asked for. Nothing set: all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of the resources of this department.
    pub department: Option<String>,
    /// Of this resource.
    pub entry: Option<EntryName>,
    /// That this connector brought.
    pub connector: Option<String>,
    /// That were rejected with this code.
    pub code: Option<Code>,
    /// In these states; empty: in any.
    pub states: Vec<State>,
}

/// A page of rows by id, after the row `after` (0: from the first).
///
/// Each state, and each resource where a department or a code is asked for, is read by an index of
/// its own up to the limit, then the least ids are taken: a page costs the same however many rows
/// there are.
pub async fn list(
    db: &mut Connection,
    filter: &Filter,
    after: i64,
    limit: u32,
) -> Result<Vec<Quarantined>, StoreError> {
    let mut ids: Vec<i64> = Vec::new();
    for entry in entries(db, filter).await? {
        for state in State::ALL {
            if filter.states.is_empty() || filter.states.contains(&state) {
                let sql = select_ids(filter, entry.as_deref(), state, after, limit);
                ids.extend(sql.build_query_scalar::<i64>().fetch_all(&mut *db).await?);
            }
        }
    }
    ids.sort_unstable();
    ids.truncate(limit as usize);
    rows_of(db, &ids).await
}

/// The resources to look into one by one; `None` stands for all at once.
async fn entries(db: &mut Connection, filter: &Filter) -> Result<Vec<Option<String>>, StoreError> {
    if let Some(entry) = &filter.entry {
        let of_department =
            filter.department.as_ref().is_none_or(|department| department == entry.department());
        return Ok(of_department.then(|| Some(entry.to_string())).into_iter().collect());
    }
    if filter.department.is_none() && filter.code.is_none() {
        return Ok(vec![None]);
    }
    let mut sql = QueryBuilder::new("SELECT DISTINCT entry FROM line WHERE 1 = 1");
    if let Some(connector) = &filter.connector {
        sql.push(" AND connector = ").push_bind(connector);
    }
    if let Some(department) = &filter.department {
        // All names that begin with `department/`: `0` follows `/`.
        sql.push(" AND entry >= ").push_bind(format!("{department}/"));
        sql.push(" AND entry < ").push_bind(format!("{department}0"));
    }
    let found: Vec<String> = sql.build_query_scalar().fetch_all(db).await?;
    Ok(found.into_iter().map(Some).collect())
}

fn select_ids(
    filter: &Filter,
    entry: Option<&str>,
    state: State,
    after: i64,
    limit: u32,
) -> QueryBuilder<'static> {
    let mut sql = match (filter.code, entry) {
        (Some(code), Some(entry)) => {
            let mut sql = QueryBuilder::new(
                "SELECT c.id FROM quarantine_code c JOIN quarantine q ON q.id = c.id
                 WHERE c.code = ",
            );
            sql.push_bind(code.as_str()).push(" AND c.state = ").push_bind(state.as_str());
            sql.push(" AND c.entry = ").push_bind(entry.to_owned());
            sql.push(" AND c.id > ").push_bind(after);
            sql
        }
        (_, entry) => {
            let mut sql = QueryBuilder::new("SELECT q.id FROM quarantine q WHERE q.state = ");
            sql.push_bind(state.as_str()).push(" AND q.id > ").push_bind(after);
            if let Some(entry) = entry {
                sql.push(" AND q.entry = ").push_bind(entry.to_owned());
            }
            sql
        }
    };
    if let Some(connector) = &filter.connector {
        sql.push(" AND q.connector = ").push_bind(connector.clone());
    }
    sql.push(" ORDER BY 1 LIMIT ").push_bind(limit);
    sql
}

async fn rows_of(db: &mut Connection, ids: &[i64]) -> Result<Vec<Quarantined>, StoreError> {
    let mut found = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(ID_CHUNK) {
        let mut sql = QueryBuilder::new(SELECT);
        sql.push(" WHERE q.id IN (").push_list(chunk).push(") ORDER BY q.id");
        let rows: Vec<Stored> = sql.build_query_as().persistent(false).fetch_all(&mut *db).await?;
        for row in rows {
            found.push(row.try_into()?);
        }
    }
    Ok(found)
}

/// One row.
pub async fn show(db: &mut Connection, id: i64) -> Result<Quarantined, StoreError> {
    let found = rows_of(db, &[id]).await?.pop();
    found.ok_or_else(|| StoreError::missing("quarantined row", id))
}

/// The rows of a resource's redrive queue above number `after`, in its order.
pub async fn queued(
    db: &mut Connection,
    entry: &EntryName,
    after: u64,
    limit: u32,
) -> Result<Vec<QueuedRow>, StoreError> {
    let sql = format!(
        "{SELECT} WHERE q.entry = $1 AND q.queue > $2 AND q.state = 'queued'
         ORDER BY q.queue LIMIT $3"
    );
    let rows: Vec<Stored> = sql::query_as(AssertSqlSafe(sql))
        .bind(entry.as_str())
        .bind(crate::rows::number(after))
        .bind(limit)
        .fetch_all(db)
        .await?;
    rows.into_iter()
        .map(|row| {
            let number = row.queue.unwrap_or_default().cast_unsigned();
            Ok((number, row.try_into()?))
        })
        .collect()
}

/// The resources that have rows in their redrive queue.
pub async fn waiting(db: &mut Connection) -> Result<Vec<EntryName>, StoreError> {
    let sql = "SELECT DISTINCT entry FROM quarantine WHERE state = 'queued' ORDER BY entry";
    let names: Vec<String> = sql::query_scalar(sql).fetch_all(db).await?;
    let parse = |name: String| {
        name.parse().map_err(|error| StoreError::unreadable("quarantine.entry", error))
    };
    names.into_iter().map(parse).collect()
}

/// The rows that were returned in one report, by id.
pub async fn returned(
    db: &mut Connection,
    report: &str,
    after: i64,
    limit: u32,
) -> Result<Vec<Quarantined>, StoreError> {
    let sql = format!("{SELECT} WHERE q.report = $1 AND q.id > $2 ORDER BY q.id LIMIT $3");
    let rows: Vec<Stored> = sql::query_as(AssertSqlSafe(sql))
        .bind(report)
        .bind(after)
        .bind(limit)
        .fetch_all(db)
        .await?;
    rows.into_iter().map(Quarantined::try_from).collect()
}

/// How many rows were rejected with a code and stand in a state. A row with two codes counts twice.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct CodeCount {
    /// The code.
    pub code: String,
    /// The state.
    pub state: String,
    /// Rows.
    #[sqlx(try_from = "i64")]
    pub count: u64,
}

/// Rows by code and state; of one resource, if it is named.
pub async fn counts(
    db: &mut Connection,
    entry: Option<&EntryName>,
) -> Result<Vec<CodeCount>, StoreError> {
    let mut sql = QueryBuilder::new("SELECT code, state, count(*) AS count FROM quarantine_code");
    if let Some(entry) = entry {
        sql.push(" WHERE entry = ").push_bind(entry.as_str());
    }
    sql.push(" GROUP BY code, state ORDER BY code, state");
    Ok(sql.build_query_as().fetch_all(db).await?)
}

/// Rows by state; of one resource, if it is named.
pub async fn states(
    db: &mut Connection,
    entry: Option<&EntryName>,
) -> Result<Vec<(State, u64)>, StoreError> {
    let mut sql = QueryBuilder::new("SELECT state, count(*) FROM quarantine");
    if let Some(entry) = entry {
        sql.push(" WHERE entry = ").push_bind(entry.as_str());
    }
    sql.push(" GROUP BY state ORDER BY state");
    let rows: Vec<(String, i64)> = sql.build_query_as().fetch_all(db).await?;
    rows.into_iter().map(|(state, count)| Ok((state.parse()?, count.cast_unsigned()))).collect()
}

#[derive(FromRow)]
struct Stored {
    id: i64,
    state: String,
    state_at: i64,
    state_by: String,
    entry: String,
    connector: String,
    version: String,
    #[sqlx(try_from = "i64")]
    line: u32,
    #[sqlx(try_from = "i64")]
    batch: u64,
    at: i64,
    origin: String,
    #[sqlx(try_from = "i64")]
    place: u64,
    row_version: Vec<u8>,
    operation: String,
    columns: String,
    cells: String,
    edited: Option<String>,
    #[sqlx(try_from = "i64")]
    fixes: u32,
    key: Option<String>,
    violations: String,
    cut: Option<String>,
    queue: Option<i64>,
    report: Option<String>,
    retry_of: Option<i64>,
}

impl TryFrom<Stored> for Quarantined {
    type Error = StoreError;

    fn try_from(row: Stored) -> Result<Self, StoreError> {
        let wrong = |problem: &str| StoreError::unreadable("a quarantined row", problem);
        let upsert = row.operation == Operation::Upsert.as_str();
        Ok(Self {
            id: row.id,
            state: row.state.parse()?,
            state_at: row.state_at,
            state_by: row.state_by,
            at_ms: row.at,
            row: RejectedRow {
                connector: row.connector,
                entry: row.entry.parse().map_err(|_| wrong("entry"))?,
                version: row.version.parse().map_err(|_| wrong("version"))?,
                line: row.line,
                batch: row.batch,
                origin: row.origin,
                place: row.place,
                row_version: RowVersion::from_bytes(&row.row_version)
                    .ok_or_else(|| wrong("row_version"))?,
                operation: if upsert { Operation::Upsert } else { Operation::Delete },
                columns: json("columns", &row.columns)?,
                cells: json("cells", &row.cells)?,
                key: row.key,
                violations: json("violations", &row.violations)?,
                cut: row.cut,
                retried: row.retry_of,
            },
            edited: row.edited.map(|text| json("edited", &text)).transpose()?,
            fixes: row.fixes,
            queue: row.queue.map(i64::cast_unsigned),
            report: row.report,
            retry_of: row.retry_of,
        })
    }
}

fn json<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
    // The parser's own text may quote a value.
    serde_json::from_str(text)
        .map_err(|_| StoreError::unreadable(what, "not the JSON it should be"))
}

const SELECT: &str =
    "SELECT q.id, q.state, q.state_at, q.state_by, q.entry, q.connector, q.version,
       q.line, q.batch, q.at, q.origin, q.place, q.row_version, q.operation, h.columns, q.cells,
       q.edited, q.fixes, q.key, q.violations, q.cut, q.queue, q.report, q.retry_of
FROM quarantine q JOIN quarantine_header h ON h.id = q.header_id";

const ID_CHUNK: usize = 200;
