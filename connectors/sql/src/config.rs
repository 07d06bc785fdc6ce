//! What stands beside `kind: sql` in a connector file.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use yiku_connector::{ConnectorError, Load, Secret};

use crate::watermark::Overlap;

/// Where rows are read from. `source.schema.json` says the same for editors and people.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// `sqlite:…`, `postgres://…`, `mysql://…` or `mariadb://…`.
    pub url: Secret,
    /// A table or view, with the schema before a point if needed.
    pub table: Option<String>,
    /// A SELECT instead of a table.
    pub query: Option<String>,
    /// The columns to read; all of them when left out.
    pub columns: Option<Vec<String>>,
    /// What tells changed rows; the whole table is read each run when left out.
    pub watermark: Option<WatermarkConfig>,
    /// Without a watermark: the columns the table is paged by; its primary key when left out.
    pub key: Option<Names>,
    /// Rows at most per statement.
    pub page: Option<usize>,
}

/// What tells changed rows.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatermarkConfig {
    /// The column that rises with each change of a row.
    pub column: String,
    /// The columns that tell rows of one watermark apart; the primary key when left out.
    pub tie: Option<Names>,
    /// How far each run looks back, so that late commits are seen: `10m`, or a number.
    overlap: Option<OverlapText>,
    /// How many rows without a watermark are read in every run; more of them stop the source.
    pub unmarked_max: Option<u64>,
}

/// One name or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Names {
    /// One name.
    One(String),
    /// Several, in order.
    Several(Vec<String>),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum OverlapText {
    Number(u64),
    Time(String),
}

/// Rows without a watermark that are read in every run unless the file says otherwise.
const UNMARKED_MAX: u64 = 10_000;

impl SourceConfig {
    /// Reads and checks the configuration.
    pub fn read(value: Value, load: Load) -> Result<Self, ConnectorError> {
        let config: Self = serde_json::from_value(value)
            .map_err(|error| ConnectorError::Config(format!("source of kind sql: {error}")))?;
        config
            .check(load)
            .map_err(|problem| ConnectorError::Config(format!("source of kind sql: {problem}")))?;
        Ok(config)
    }

    fn check(&self, load: Load) -> Result<(), String> {
        match (&self.table, &self.query) {
            (Some(_), None) => {}
            (None, Some(query)) => check_query(query)?,
            _ => return Err("say either `table:` or `query:`".into()),
        }
        if self.columns.as_ref().is_some_and(Vec::is_empty) {
            return Err("`columns:` names none; leave it out to read all".into());
        }
        if self.page == Some(0) {
            return Err("`page:` is at least 1".into());
        }
        if let Some(watermark) = &self.watermark {
            watermark.overlap().map(drop)?;
            if load == Load::Full {
                return Err("`load: full` reads the whole table in each run: leave the \
                            watermark out, or say `load: changes`"
                    .into());
            }
            if self.key.is_some() {
                return Err("with a watermark, name the key as `watermark.tie`".into());
            }
        }
        let named = self.key.as_ref().or(self.watermark.as_ref().and_then(|w| w.tie.as_ref()));
        if named.is_some_and(|names| names.list().is_empty()) {
            return Err("the key names no column; leave it out to use the primary key".into());
        }
        Ok(())
    }

    /// The columns that were named to tell rows apart.
    pub fn named_key(&self) -> Option<Vec<String>> {
        let tie = self.watermark.as_ref().and_then(|watermark| watermark.tie.as_ref());
        tie.or(self.key.as_ref()).map(|names| names.list().to_vec())
    }

    /// What people call the place the rows come from.
    pub fn origin(&self) -> &str {
        self.table.as_deref().unwrap_or("query")
    }
}

impl WatermarkConfig {
    /// How far each run looks back.
    pub fn overlap(&self) -> Result<Option<Overlap>, String> {
        match &self.overlap {
            None => Ok(None),
            Some(OverlapText::Number(number)) => Ok(Some(Overlap::Number(*number))),
            Some(OverlapText::Time(text)) => match duration(text) {
                Some(duration) => Ok(Some(Overlap::Time(duration))),
                None => Err(format!("overlap `{text}` is no duration such as 30s, 10m, 2h, 1d")),
            },
        }
    }

    /// Rows without a watermark that are read in every run.
    pub fn unmarked_max(&self) -> u64 {
        self.unmarked_max.unwrap_or(UNMARKED_MAX)
    }
}

impl Names {
    fn list(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }
}

/// Where rows are written to. `sink.schema.json` says the same for editors and people.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SinkConfig {
    /// `sqlite:…`, `postgres://…`, `mysql://…` or `mariadb://…`.
    pub url: Secret,
    /// The table, with the schema before a point if needed.
    pub table: String,
    /// Whether the hub makes the table when it is not there, and adds columns that it lacks.
    #[serde(default)]
    pub create: bool,
}

impl SinkConfig {
    /// Reads the configuration.
    pub fn read(value: Value) -> Result<Self, ConnectorError> {
        serde_json::from_value(value)
            .map_err(|error| ConnectorError::Config(format!("sink of kind sql: {error}")))
    }
}

/// The session is read-only whatever the text says; this catches what was pasted by mistake.
fn check_query(query: &str) -> Result<(), String> {
    let first = query.split_whitespace().next().unwrap_or_default();
    if !["select", "with"].iter().any(|word| first.eq_ignore_ascii_case(word)) {
        return Err("`query:` must begin with SELECT or WITH".into());
    }
    if query.trim_end().trim_end_matches(';').contains(';') {
        return Err("`query:` must be one statement, without a semicolon".into());
    }
    Ok(())
}

fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    let seconds = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    number.checked_mul(seconds).map(Duration::from_secs)
}
