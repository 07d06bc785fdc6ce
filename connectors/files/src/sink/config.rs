//! What a connector file may say beside `kind: files` of a sink.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;
use yiku_connector::{Access, ConnectorError};

/// The form of the files.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Format {
    /// Cells between commas.
    #[default]
    Csv,
    /// Cells between tabs.
    Tsv,
    /// One JSON object a line.
    Jsonl,
    /// An Excel workbook.
    Xlsx,
}

impl Format {
    /// The end of a file's name.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Jsonl => "jsonl",
            Self::Xlsx => "xlsx",
        }
    }
}

/// The encoding of text files.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
pub(crate) enum Encoding {
    /// UTF-8.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// UTF-8 behind a byte order mark, by which Excel knows it.
    #[serde(rename = "utf-8-bom")]
    Utf8Bom,
    /// GB18030.
    #[serde(rename = "gb18030")]
    Gb18030,
}

/// The sink's part of a connector file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SinkConfig {
    /// Where the files appear; relative to the folder of the connector files.
    pub(crate) folder: PathBuf,
    /// The form of the files.
    #[serde(default)]
    pub(crate) format: Format,
    /// The encoding of text files.
    #[serde(default)]
    pub(crate) encoding: Encoding,
    /// Names of the files, without extension, made of `{subject}`, `{first}` and `{key}`.
    #[serde(default = "default_name")]
    pub(crate) name: String,
}

impl SinkConfig {
    /// Reads and judges the configuration.
    pub(crate) fn read(value: Value, access: &Access) -> Result<Self, ConnectorError> {
        let mut config: Self =
            serde_json::from_value(value).map_err(|e| ConnectorError::Config(e.to_string()))?;
        config.judge().map_err(|text| ConnectorError::Config(text.into()))?;
        // Without the `.` that relative paths are written with.
        config.folder = access.surroundings.folder.join(&config.folder).components().collect();
        Ok(config)
    }

    fn judge(&self) -> Result<(), &'static str> {
        if self.folder.as_os_str().is_empty() {
            return Err("`folder` must not be empty");
        }
        if !self.name.contains("{key}") {
            return Err("`name` must hold `{key}`, or parcels would overwrite each other");
        }
        if self.name.contains('/') || self.name.starts_with('.') {
            return Err("`name` is for files in the folder: without `/` and no `.` in front");
        }
        let rest = ["{subject}", "{first}", "{key}"];
        let rest = rest.iter().fold(self.name.clone(), |name, part| name.replace(part, ""));
        if rest.contains(['{', '}']) || rest.chars().any(char::is_control) {
            return Err("`name` is made of `{subject}`, `{first}`, `{key}` and plain text");
        }
        if matches!(self.format, Format::Jsonl | Format::Xlsx) && self.encoding != Encoding::Utf8 {
            return Err("`encoding` has no meaning for this `format`; leave it out");
        }
        Ok(())
    }
}

fn default_name() -> String {
    "{subject}-{first}-{key}".into()
}
