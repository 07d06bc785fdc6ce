//! What a connector file may say beside `kind: files` of a source.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;
use yiku_connector::{Access, ConnectorError, Limits};

use super::{encoding::Encoding, pattern::Pattern};
use crate::folder;

/// The form of a file.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Format {
    /// Cells between commas.
    Csv,
    /// Cells between tabs.
    Tsv,
    /// One JSON object a line.
    Jsonl,
    /// A sheet of an Excel workbook.
    Xlsx,
}

impl Format {
    /// The form that a file's name tells.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let (_, extension) = name.rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "tsv" | "tab" => Some(Self::Tsv),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "xlsx" => Some(Self::Xlsx),
            _ => None,
        }
    }
}

/// The source's part of a connector file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceConfig {
    /// The watched folder; relative to the folder of the connector files.
    pub(crate) folder: PathBuf,
    /// Which names; without it, all whose extension tells a format.
    pub(crate) pattern: Option<Pattern>,
    /// The form of the files; without it, by extension.
    pub(crate) format: Option<Format>,
    /// The encoding of text files.
    #[serde(default)]
    pub(crate) encoding: Encoding,
    /// What stands between cells.
    #[serde(default, deserialize_with = "delimiter")]
    pub(crate) delimiter: Option<u8>,
    /// Lines (of a sheet: rows) above the header.
    #[serde(default)]
    pub(crate) skip: u32,
    /// Rows of the header; the first names the columns.
    #[serde(default = "one")]
    pub(crate) header: u32,
    /// Names of the columns, where the file does not name them well.
    pub(crate) columns: Option<Vec<String>>,
    /// The sheet of a workbook; without it, the first that is not hidden.
    pub(crate) sheet: Option<String>,
    /// How long a file must be left alone before it is read.
    #[serde(default = "two_seconds", deserialize_with = "duration")]
    pub(crate) settle: Duration,
    /// Name of the file that says that `{name}` is complete.
    pub(crate) ready: Option<String>,
    /// The hub's limits.
    #[serde(skip)]
    pub(crate) limits: Limits,
}

impl SourceConfig {
    /// Reads and judges the configuration.
    pub(crate) fn read(value: Value, access: &Access) -> Result<Self, ConnectorError> {
        let mut config: Self =
            serde_json::from_value(value).map_err(|e| ConnectorError::Config(e.to_string()))?;
        config.judge().map_err(ConnectorError::Config)?;
        config.limits = access.surroundings.limits;
        // Without the `.` that relative paths are written with.
        config.folder = access.surroundings.folder.join(&config.folder).components().collect();
        Ok(config)
    }

    /// The form of a file of this name.
    pub(crate) fn format_of(&self, name: &str) -> Option<Format> {
        self.format.or_else(|| Format::of(name))
    }

    fn judge(&self) -> Result<(), String> {
        if self.folder.as_os_str().is_empty() || self.sheet.as_deref() == Some("") {
            return Err("`folder` and `sheet` must not be empty".into());
        }
        if let Some(columns) = &self.columns {
            if let Some(twice) = twice(columns) {
                return Err(format!("`columns` names `{twice}` twice"));
            }
            if columns.iter().any(|name| name.trim().is_empty()) || columns.is_empty() {
                return Err("`columns` must not hold an empty name".into());
            }
        } else if self.header == 0 {
            return Err("with `header: 0` the columns must be named: `columns: [a, b]`".into());
        }
        if let Some(ready) = &self.ready
            && (!(ready.contains("{name}") || ready.contains("{stem}")) || ready.contains('/'))
        {
            return Err(
                "`ready` is the name of a file in the folder made of `{name}` or `{stem}`, \
                        such as `{name}.ok`"
                    .into(),
            );
        }
        let table = !matches!(self.format, Some(Format::Jsonl));
        let text = !matches!(self.format, Some(Format::Xlsx));
        let delimited = table && text;
        for (given, fits, name) in [
            (self.delimiter.is_some(), delimited, "delimiter"),
            (self.columns.is_some(), table, "columns"),
            (self.header != 1, table, "header"),
            (self.skip != 0, table, "skip"),
            (self.sheet.is_some(), self.format.is_none() || !text, "sheet"),
            (self.encoding != Encoding::Auto, text, "encoding"),
        ] {
            if given && !fits {
                return Err(format!("`{name}` has no meaning for this `format`; leave it out"));
            }
        }
        Ok(())
    }
}

/// The first name that stands there a second time.
pub(crate) fn twice(names: &[String]) -> Option<&str> {
    let mut sorted: Vec<&str> = names.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    sorted.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

fn one() -> u32 {
    1
}

fn two_seconds() -> Duration {
    Duration::from_secs(2)
}

fn delimiter<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.as_bytes() {
        b"\\t" => Ok(Some(b'\t')),
        [byte] if byte.is_ascii_punctuation() && *byte != b'"' || matches!(byte, b'\t' | b' ') => {
            Ok(Some(*byte))
        }
        _ => Err(D::Error::custom("`delimiter` is one character such as `;`, `|` or `\\t`")),
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    folder::parse_duration(&text)
        .ok_or_else(|| D::Error::custom("`settle` is a number with its unit: 500ms, 2s, 5m"))
}
