//! What stands beside `kind: http` in a connector file.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use serde_json::Value;
use yiku_connector::{ConnectorError, Secret};

/// Where rows are asked for. `source.schema.json` says the same for editors and people.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// The address.
    pub url: Secret,
    /// Headers to send.
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
    /// How rows are written.
    #[serde(default)]
    pub format: Format,
    /// Where in a JSON answer the array of rows is: a JSON pointer.
    #[serde(default)]
    pub rows: String,
    /// What a good JSON answer says, by JSON pointer: `{ /code: "0" }`.
    #[serde(default)]
    pub expect: BTreeMap<String, String>,
    /// How to ask for further pages; one answer is all when left out.
    pub paging: Option<Paging>,
    /// How to ask for newer rows only.
    pub since: Option<Since>,
    /// How long one answer may take: `60s` when left out.
    timeout: Option<String>,
    /// Bytes of one answer at most, unpacked: 16 MiB when left out.
    pub answer_bytes_max: Option<usize>,
    /// Whether `http://` to another machine is allowed.
    #[serde(default)]
    pub insecure: bool,
}

/// How rows are written.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// An array of objects.
    #[default]
    JsonArray,
    /// One object per line.
    Ndjson,
    /// Comma-separated values with a header, in UTF-8.
    Csv,
}

/// How further pages are asked for: by number, or by what the answer says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    /// The parameter that takes the page's number.
    pub page_parameter: Option<String>,
    /// The first page's number: 1 when left out.
    pub first_page: Option<u64>,
    /// The parameter that takes the rows per page.
    pub size_parameter: Option<String>,
    /// Rows per page. A page of fewer rows is the last one.
    pub size: Option<u64>,
    /// Where in a JSON answer the next page's link or cursor is: a JSON pointer.
    pub next_pointer: Option<String>,
    /// The parameter that takes the cursor; without it what the answer holds is a link.
    pub cursor_parameter: Option<String>,
}

/// How newer rows are asked for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Since {
    /// The parameter that takes the greatest value so far.
    pub parameter: String,
    /// The column whose greatest value is kept.
    pub column: String,
    /// What is sent the first time; nothing when left out.
    pub start: Option<String>,
}

/// Where parcels are sent. `sink.schema.json` says the same for editors and people.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SinkConfig {
    /// The address.
    pub url: Secret,
    /// The secret that signs the body.
    pub secret: Secret,
    /// Headers to send.
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
    /// How long the answer may take: `60s` when left out.
    timeout: Option<String>,
    /// Whether `http://` to another machine is allowed.
    #[serde(default)]
    pub insecure: bool,
}

const TIMEOUT: Duration = Duration::from_secs(60);
const ANSWER_BYTES_MAX: usize = 16 << 20;

impl SourceConfig {
    /// Reads and checks the configuration.
    pub fn read(value: Value) -> Result<Self, ConnectorError> {
        let wrong =
            |problem: String| ConnectorError::Config(format!("source of kind http: {problem}"));
        let config: Self =
            serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?;
        config.check().map_err(wrong)?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        duration(self.timeout.as_deref())?;
        let pointers = self.paging.iter().filter_map(|paging| paging.next_pointer.as_ref());
        let pointers: Vec<_> = pointers.chain(self.expect.keys()).chain([&self.rows]).collect();
        if let Some(pointer) =
            pointers.iter().find(|pointer| !pointer.is_empty() && !pointer.starts_with('/'))
        {
            return Err(format!("`{pointer}` is no JSON pointer such as /data/rows"));
        }
        if self.format != Format::JsonArray && pointers.iter().any(|pointer| !pointer.is_empty()) {
            return Err("`rows`, `expect` and `next_pointer` go with `format: json-array`".into());
        }
        if self.answer_bytes_max == Some(0) {
            return Err("`answer_bytes_max` is at least 1".into());
        }
        self.paging.as_ref().map_or(Ok(()), Paging::check)
    }

    /// How long one answer may take.
    pub fn timeout(&self) -> Duration {
        duration(self.timeout.as_deref()).unwrap_or(TIMEOUT)
    }

    /// Bytes of one answer at most.
    pub fn answer_bytes_max(&self) -> usize {
        self.answer_bytes_max.unwrap_or(ANSWER_BYTES_MAX)
    }
}

impl Paging {
    fn check(&self) -> Result<(), String> {
        match (&self.page_parameter, &self.next_pointer) {
            (Some(_), None) if self.cursor_parameter.is_some() => {
                Err("`cursor_parameter` goes with `next_pointer`".into())
            }
            (None, Some(_)) if self.first_page.is_some() => {
                Err("`first_page` goes with `page_parameter`".into())
            }
            (Some(_), None) | (None, Some(_)) if self.size == Some(0) => {
                Err("`size` is at least 1".into())
            }
            (Some(_), None) | (None, Some(_)) => match (&self.size_parameter, self.size) {
                (Some(_), None) => Err("`size_parameter` needs `size`".into()),
                _ => Ok(()),
            },
            _ => Err("`paging` says either `page_parameter` or `next_pointer`".into()),
        }
    }
}

impl SinkConfig {
    /// Reads and checks the configuration.
    pub fn read(value: Value) -> Result<Self, ConnectorError> {
        let wrong =
            |problem: String| ConnectorError::Config(format!("sink of kind http: {problem}"));
        let config: Self =
            serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?;
        duration(config.timeout.as_deref()).map_err(wrong)?;
        Ok(config)
    }

    /// How long the answer may take.
    pub fn timeout(&self) -> Duration {
        duration(self.timeout.as_deref()).unwrap_or(TIMEOUT)
    }
}

fn duration(text: Option<&str>) -> Result<Duration, String> {
    let Some(text) = text else { return Ok(TIMEOUT) };
    let (digits, seconds) = match text.strip_suffix('s') {
        Some(digits) => (digits, 1),
        None => (text.strip_suffix('m').unwrap_or_default(), 60),
    };
    match digits.parse::<u64>() {
        Ok(number @ 1..=3600) => Ok(Duration::from_secs(number * seconds)),
        _ => Err(format!("timeout `{text}` is no duration such as 30s or 5m")),
    }
}
