//! Registered connectors, and the lines on which they publish.

use serde_json::Value;
use sqlx::FromRow;
use yiku_core::entry::EntryName;

use crate::{Connection, StoreError, Tx, rows::number, sql};

/// A connector's file as it was registered.
#[derive(Clone, Debug)]
pub struct Registration<'a> {
    /// Its name.
    pub name: &'a str,
    /// Source or sink.
    pub role: Role,
    /// Its kind: `files`, `sql`, `http`.
    pub kind: &'a str,
    /// The resource that a source publishes, as the file names it.
    pub entry: Option<&'a str>,
    /// The grant under which a sink receives.
    pub grant: Option<&'a str>,
    /// The department whose system it is.
    pub department: &'a str,
    /// The file's text: secrets are only named in it.
    pub file: &'a str,
    /// Digest of the file.
    pub file_digest: [u8; 32],
}

/// Whether a connector reads or writes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// Rows come from it.
    Source,
    /// Changes go to it.
    Sink,
}

/// Whether a connector works.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// It works when it is due.
    Running,
    /// A person paused it.
    Paused,
    /// The hub stopped it: a limit of `stop_over`, or an error that needs a person.
    Stopped,
}

/// What registering did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Registered {
    /// The connector is new.
    New,
    /// Its file changed.
    Changed,
    /// Nothing changed.
    Same,
}

/// A connector as it stands.
#[derive(Clone, Debug, FromRow)]
pub struct Connector {
    /// Its name.
    pub name: String,
    /// Source or sink.
    #[sqlx(try_from = "String")]
    pub role: Role,
    /// Its kind.
    pub kind: String,
    /// The resource that a source publishes, as the file names it.
    pub entry: Option<String>,
    /// The grant under which a sink receives.
    pub grant_name: Option<String>,
    /// The department whose system it is.
    pub department: String,
    /// The file's text.
    pub file: String,
    /// Whether it works.
    #[sqlx(try_from = "String")]
    pub state: State,
    /// Since when.
    pub state_at: i64,
    /// When it was registered.
    pub added_at: i64,
    /// When the last run began.
    pub run_began_at: Option<i64>,
    /// When the last run ended, whichever way.
    pub run_ended_at: Option<i64>,
    /// When a run last went well.
    pub succeeded_at: Option<i64>,
    /// Why the last run did not, in Chinese.
    pub error_zh: Option<String>,
    /// Why the last run did not, in English.
    pub error_en: Option<String>,
    /// When that was.
    pub error_at: Option<i64>,
}

/// A publisher's numbering of batches for one resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The resource.
    pub entry: EntryName,
    /// The line's number within the resource.
    pub line: u32,
    /// Who publishes on it.
    pub connector: String,
    /// The number of its next batch.
    pub next_batch: u64,
    /// Where its source stands.
    pub position: Value,
}

/// Registers a connector, or takes its changed file. A changed file lets a stopped connector try
/// again; a paused one stays paused.
pub async fn register(
    tx: &mut Tx,
    new: &Registration<'_>,
    at_ms: i64,
) -> Result<Registered, StoreError> {
    let sql = "SELECT file_digest, entry FROM connector WHERE name = $1";
    let known: Option<(Vec<u8>, Option<String>)> =
        sql::query_as(sql).bind(new.name).fetch_optional(tx).await?;
    let outcome = match &known {
        Some((digest, _)) if *digest == new.file_digest => return Ok(Registered::Same),
        Some((_, entry)) if !same_resource(entry.as_deref(), new.entry) => {
            return Err(other_resource(new, entry.as_deref()));
        }
        Some(_) => Registered::Changed,
        None => Registered::New,
    };
    sql::query(
        "INSERT INTO connector (name, role, kind, entry, grant_name, department, file, file_digest,
                                state, state_at, added_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'running', $9, $9)
         ON CONFLICT (name) DO UPDATE SET
             role = excluded.role,
             kind = excluded.kind,
             entry = excluded.entry,
             grant_name = excluded.grant_name,
             department = excluded.department,
             file = excluded.file,
             file_digest = excluded.file_digest,
             state = CASE connector.state WHEN 'paused' THEN 'paused' ELSE 'running' END,
             state_at = CASE connector.state WHEN 'stopped' THEN excluded.state_at
                                             ELSE connector.state_at END",
    )
    .bind(new.name)
    .bind(new.role.as_str())
    .bind(new.kind)
    .bind(new.entry)
    .bind(new.grant)
    .bind(new.department)
    .bind(new.file)
    .bind(new.file_digest.as_slice())
    .bind(at_ms)
    .execute(tx)
    .await?;
    Ok(outcome)
}

/// A connector's position means nothing for another resource; another version of it is fine.
fn same_resource(old: Option<&str>, new: Option<&str>) -> bool {
    let name = |entry: &str| entry.split('@').next().map(str::to_owned);
    old.and_then(name) == new.and_then(name)
}

fn other_resource(new: &Registration<'_>, old: Option<&str>) -> StoreError {
    let (name, old) = (new.name, old.unwrap_or("-"));
    StoreError::refused(
        format!("连接器“{name}”已用于 {old}，不能改为另一资源；请先移除，或换一个名称"),
        format!(
            "connector `{name}` is registered for `{old}` and cannot change its resource; \
             remove it first, or choose another name"
        ),
    )
}

/// Sets whether a connector works.
pub async fn set_state(
    tx: &mut Tx,
    name: &str,
    state: State,
    at_ms: i64,
) -> Result<(), StoreError> {
    let sql = "UPDATE connector SET state = $2, state_at = $3 WHERE name = $1";
    let changed = sql::query(sql).bind(name).bind(state.as_str()).bind(at_ms).execute(tx).await?;
    found(name, changed.rows_affected())
}

/// Notes that a run begins.
pub async fn run_began(tx: &mut Tx, name: &str, at_ms: i64) -> Result<(), StoreError> {
    let sql = "UPDATE connector SET run_began_at = $2 WHERE name = $1";
    let changed = sql::query(sql).bind(name).bind(at_ms).execute(tx).await?;
    found(name, changed.rows_affected())
}

/// Notes how a run ended: well, or with an error in Chinese and English.
pub async fn run_ended(
    tx: &mut Tx,
    name: &str,
    error: Option<(&str, &str)>,
    at_ms: i64,
) -> Result<(), StoreError> {
    let statement = match error {
        None => sql::query(
            "UPDATE connector SET run_ended_at = $2, succeeded_at = $2,
                                  error_zh = NULL, error_en = NULL, error_at = NULL
             WHERE name = $1",
        )
        .bind(name)
        .bind(at_ms),
        Some((zh, en)) => sql::query(
            "UPDATE connector SET run_ended_at = $2, error_zh = $3, error_en = $4, error_at = $2
             WHERE name = $1",
        )
        .bind(name)
        .bind(at_ms)
        .bind(zh)
        .bind(en),
    };
    found(name, statement.execute(tx).await?.rows_affected())
}

/// Removes a connector. Its lines, batches and rejected rows stay.
pub async fn remove(tx: &mut Tx, name: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM connector WHERE name = $1";
    found(name, sql::query(sql).bind(name).execute(tx).await?.rows_affected())
}

fn found(name: &str, changed: u64) -> Result<(), StoreError> {
    if changed == 0 { Err(StoreError::missing("connector", name)) } else { Ok(()) }
}

/// One connector.
pub async fn get(db: &mut Connection, name: &str) -> Result<Connector, StoreError> {
    let sql = "SELECT * FROM connector WHERE name = $1";
    let found = sql::query_as(sql).bind(name).fetch_optional(db).await?;
    found.ok_or_else(|| StoreError::missing("connector", name))
}

/// All connectors by name.
pub async fn list(db: &mut Connection) -> Result<Vec<Connector>, StoreError> {
    Ok(sql::query_as("SELECT * FROM connector ORDER BY name").fetch_all(db).await?)
}

/// The line on which `connector` publishes rows of `entry` in the installation's present life;
/// begins one when there is none.
pub async fn line(
    tx: &mut Tx,
    entry: &EntryName,
    connector: &str,
    at_ms: i64,
) -> Result<Line, StoreError> {
    let incarnation = tx.incarnation().to_owned();
    let sql = "SELECT entry, line, connector, next_batch, position FROM line
               WHERE connector = $1 AND entry = $2 AND incarnation = $3
               ORDER BY line DESC LIMIT 1";
    let known: Option<LineRow> = sql::query_as(sql)
        .bind(connector)
        .bind(entry.as_str())
        .bind(incarnation)
        .fetch_optional(tx)
        .await?;
    match known {
        Some(row) => row.try_into(),
        None => new_line(tx, entry, connector, at_ms).await,
    }
}

/// Begins a new line: the connector is new, or its source was rebuilt. It starts from nothing.
pub async fn new_line(
    tx: &mut Tx,
    entry: &EntryName,
    connector: &str,
    at_ms: i64,
) -> Result<Line, StoreError> {
    let incarnation = tx.incarnation().to_owned();
    let row: LineRow = sql::query_as(
        "INSERT INTO line (entry, line, connector, incarnation, began_at, next_batch, position)
         SELECT $1, coalesce(max(line), 0) + 1, $2, $3, $4, 1, 'null' FROM line WHERE entry = $1
         RETURNING entry, line, connector, next_batch, position",
    )
    .bind(entry.as_str())
    .bind(connector)
    .bind(incarnation)
    .bind(at_ms)
    .fetch_one(tx)
    .await?;
    row.try_into()
}

/// All lines, by resource and number; of one connector, if it is named.
pub async fn lines(db: &mut Connection, connector: Option<&str>) -> Result<Vec<Line>, StoreError> {
    let sql = "SELECT entry, line, connector, next_batch, position FROM line
               WHERE $1 IS NULL OR connector = $1
               ORDER BY entry, line";
    let rows: Vec<LineRow> = sql::query_as(sql).bind(connector).fetch_all(db).await?;
    rows.into_iter().map(Line::try_from).collect()
}

/// Moves a line past a batch. Where the line stands now if that is not where the batch begins.
pub(crate) async fn move_line(
    tx: &mut Tx,
    entry: &EntryName,
    line: u32,
    batch: u64,
    before: &Value,
    after: &Value,
) -> Result<(), StoreError> {
    let subject = || format!("batch {batch} of line {line} of `{entry}`");
    let sql = "SELECT next_batch, position FROM line WHERE entry = $1 AND line = $2";
    let known: Option<(i64, String)> =
        sql::query_as(sql).bind(entry.as_str()).bind(i64::from(line)).fetch_optional(tx).await?;
    let Some((next, position)) = known else {
        return Err(StoreError::disordered(subject(), "there is no such line"));
    };
    if next != number(batch) {
        return Err(StoreError::disordered(subject(), format!("the next one is {next}")));
    }
    if parse_position(&position)? != *before {
        return Err(StoreError::disordered(
            subject(),
            "it does not begin where the batch before it ended",
        ));
    }
    sql::query("UPDATE line SET next_batch = $3, position = $4 WHERE entry = $1 AND line = $2")
        .bind(entry.as_str())
        .bind(i64::from(line))
        .bind(number(batch + 1))
        .bind(after.to_string())
        .execute(tx)
        .await?;
    Ok(())
}

#[derive(FromRow)]
struct LineRow {
    entry: String,
    #[sqlx(try_from = "i64")]
    line: u32,
    connector: String,
    #[sqlx(try_from = "i64")]
    next_batch: u64,
    position: String,
}

impl TryFrom<LineRow> for Line {
    type Error = StoreError;

    fn try_from(row: LineRow) -> Result<Self, StoreError> {
        Ok(Self {
            entry: row
                .entry
                .parse()
                .map_err(|error| StoreError::unreadable("line.entry", error))?,
            line: row.line,
            connector: row.connector,
            next_batch: row.next_batch,
            position: parse_position(&row.position)?,
        })
    }
}

fn parse_position(text: &str) -> Result<Value, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::unreadable("line.position", error))
}

impl Role {
    /// The word as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Sink => "sink",
        }
    }
}

impl TryFrom<String> for Role {
    type Error = StoreError;

    fn try_from(text: String) -> Result<Self, StoreError> {
        match text.as_str() {
            "source" => Ok(Self::Source),
            "sink" => Ok(Self::Sink),
            _ => Err(StoreError::unreadable("connector.role", "an unknown word")),
        }
    }
}

impl State {
    /// The word as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
        }
    }
}

impl TryFrom<String> for State {
    type Error = StoreError;

    fn try_from(text: String) -> Result<Self, StoreError> {
        match text.as_str() {
            "running" => Ok(Self::Running),
            "paused" => Ok(Self::Paused),
            "stopped" => Ok(Self::Stopped),
            _ => Err(StoreError::unreadable("connector.state", "an unknown word")),
        }
    }
}
