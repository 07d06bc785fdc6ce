//! A connector as its engineer writes it: one YAML file, a source or a sink.

use std::{path::Path, time::Duration};

use anyhow::{Context, anyhow, bail, ensure};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use yiku_core::{catalog::Problem, entry::EntryName, printable::printable, yaml};

use crate::Load;

/// A connector file, read and checked as far as it goes alone.
#[derive(Clone, Debug)]
pub struct ConnectorFile {
    /// Its name: that of the file.
    pub name: String,
    /// What it does.
    pub role: Role,
    /// How often it is looked at.
    pub every: Duration,
    /// Who looks after it, for people.
    pub contact: String,
    /// The text, as it was read.
    pub text: String,
}

/// What a connector does.
#[derive(Clone, Debug)]
pub enum Role {
    /// Reads rows of an entry.
    Source(Box<SourceRole>),
    /// Writes what a grant allows: with its grant it is the subscription.
    Sink(SinkRole),
}

/// How rows are read.
#[derive(Clone, Debug)]
pub struct SourceRole {
    /// The entry.
    pub entry: EntryName,
    /// Its major version; the newest published minor of it is used.
    pub major: u32,
    /// Which kind of connector.
    pub kind: String,
    /// What stands beside `kind:`.
    pub config: Value,
    /// Whether a run brings changes or everything.
    pub load: Load,
    /// `map:`, `operation:` and `zone:`, for the mapping.
    pub mapping: Value,
    /// Limits that stop a run.
    pub stop_over: StopOver,
}

/// How changes are written.
#[derive(Clone, Debug)]
pub struct SinkRole {
    /// The grant.
    pub grant: String,
    /// Which kind of connector.
    pub kind: String,
    /// What stands beside `kind:`.
    pub config: Value,
    /// Whether everything there is comes first.
    pub backfill: bool,
}

/// Limits that stop a run before anything of it is published.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StopOver {
    /// Share of rows that may be rejected, 0 to 1.
    pub rejected: Option<f64>,
    /// Share of the records that a full run may miss, 0 to 1; 0.05 unless said.
    pub vanished: Option<f64>,
}

/// Share of the records that a full run may miss unless the connector says otherwise.
pub const VANISHED_DEFAULT: f64 = 0.05;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    connector: String,
    entry: Option<String>,
    grant: Option<String>,
    source: Option<serde_json::Map<String, Value>>,
    sink: Option<serde_json::Map<String, Value>>,
    #[serde(default)]
    load: Load,
    operation: Option<Value>,
    zone: Option<String>,
    map: Option<Value>,
    #[serde(default = "every_default", deserialize_with = "duration")]
    every: Duration,
    #[serde(default)]
    stop_over: WrittenStopOver,
    #[serde(default)]
    start: Start,
    #[serde(default)]
    contact: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenStopOver {
    rejected: Option<String>,
    vanished: Option<String>,
}

#[derive(Default, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Start {
    #[default]
    Backfill,
    Changes,
}

impl ConnectorFile {
    /// Reads a file. The error names the file, the place and what to do.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read `{}`", path.display()))?;
        let file = Self::parse(&text).with_context(|| format!("in `{}`", path.display()))?;
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        ensure!(
            stem == file.name,
            "in `{}`: the file is named `{stem}` but says `connector: {}`; make them the same",
            path.display(),
            file.name
        );
        Ok(file)
    }

    /// Reads the text of a file.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        Self::take(text).map_err(|error| {
            let told = format!("{error:#}");
            let lines: Vec<_> = told.split('\n').map(printable).collect();
            anyhow!(lines.join("\n"))
        })
    }

    fn take(text: &str) -> anyhow::Result<Self> {
        let written: Written = yaml::read("connector", text).map_err(|problems| {
            let lines: Vec<String> = problems.iter().map(said).collect();
            anyhow!(lines.join("\n"))
        })?;
        ensure!(
            yiku_core::entry::is_name(&written.connector),
            "connector: `{}` must be of a-z, 0-9 and -, beginning with a letter",
            written.connector
        );
        ensure!(
            !RESERVED.contains(&written.connector.as_str()),
            "connector: `{}` is what the hub itself publishes as; choose another name",
            written.connector
        );
        let (name, every) = (written.connector.clone(), written.every);
        let contact = written.contact.clone();
        let role = match (written.source.is_some(), written.sink.is_some()) {
            (true, false) => Role::Source(Box::new(source_role(written)?)),
            (false, true) => Role::Sink(sink_role(written)?),
            _ => bail!("a connector has either `source:` with `entry:` or `sink:` with `grant:`"),
        };
        Ok(Self { name, role, every, contact, text: text.to_owned() })
    }
}

/// Where in the file, and what; who reads the file has named it.
fn said(problem: &Problem) -> String {
    match (problem.line, problem.column) {
        (Some(line), Some(column)) => {
            format!("line {line}, column {column}: {}", printable(&problem.en))
        }
        _ => printable(&problem.en).into_owned(),
    }
}

fn source_role(written: Written) -> anyhow::Result<SourceRole> {
    ensure!(written.grant.is_none(), "a source has no `grant:`: it brings rows of an `entry:`");
    let entry = written.entry.context("a source needs `entry: department/resource@major`")?;
    let (name, major) = entry.split_once('@').with_context(|| {
        format!("entry: `{entry}` lacks its major version, such as `{entry}@1`")
    })?;
    let (kind, config) = kind_of(written.source.unwrap_or_default(), "source")?;
    let mapping = serde_json::json!({
        "map": written.map, "operation": written.operation, "zone": written.zone,
    });
    Ok(SourceRole {
        entry: name.parse()?,
        major: major.parse().with_context(|| {
            format!("entry: `{major}` after the @ must be a major version such as 1")
        })?,
        kind,
        config,
        load: written.load,
        mapping: without_nulls(mapping),
        stop_over: StopOver {
            rejected: written.stop_over.rejected.as_deref().map(share).transpose()?,
            vanished: written.stop_over.vanished.as_deref().map(share).transpose()?,
        },
    })
}

fn sink_role(written: Written) -> anyhow::Result<SinkRole> {
    let source_only = [
        ("entry", written.entry.is_some()),
        ("map", written.map.is_some()),
        ("operation", written.operation.is_some()),
        ("load", written.load != Load::default()),
    ];
    for (field, given) in source_only {
        ensure!(!given, "`{field}:` belongs to a source; a sink delivers what its `grant:` says");
    }
    let (kind, config) = kind_of(written.sink.unwrap_or_default(), "sink")?;
    Ok(SinkRole {
        grant: written.grant.context("a sink needs `grant:`: nothing is delivered without one")?,
        kind,
        config,
        backfill: written.start == Start::Backfill,
    })
}

fn kind_of(
    mut config: serde_json::Map<String, Value>,
    field: &str,
) -> anyhow::Result<(String, Value)> {
    match config.shift_remove("kind") {
        Some(Value::String(kind)) => Ok((kind, Value::Object(config))),
        _ => bail!("`{field}:` needs `kind:`, such as files, sql or http"),
    }
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            Value::Object(fields.into_iter().filter(|(_, value)| !value.is_null()).collect())
        }
        other => other,
    }
}

fn share(text: &str) -> anyhow::Result<f64> {
    let percent = text.trim().strip_suffix('%').and_then(|number| number.trim().parse().ok());
    match percent {
        Some(percent) if (0.0..=100.0).contains(&percent) => Ok(percent / 100.0),
        _ => bail!("stop_over: `{text}` is not a share: write `20%`"),
    }
}

fn every_default() -> Duration {
    Duration::from_secs(60)
}

/// `30s`, `5m`, `1h`, `1d`; at least one second.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let invalid = || serde::de::Error::custom(format!("`{text}` is not a time: write 30s, 5m, 1h"));
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(invalid)?;
    let number: u64 = text[..unit_at].parse().map_err(|_| invalid())?;
    let unit = match &text[unit_at..] {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(invalid()),
    };
    match number.checked_mul(unit) {
        Some(seconds @ 1..=31_536_000) => Ok(Duration::from_secs(seconds)),
        _ => Err(invalid()),
    }
}

/// Names under which the hub itself publishes.
const RESERVED: [&str; 3] = ["push", "redrive", "sweep"];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(text: &str, expected: &str) {
        let error = format!("{:#}", ConnectorFile::parse(text).unwrap_err());
        assert!(error.contains(expected), "{error}");
    }

    const SOURCE: &str = "
connector: household
entry: public-security/household@1
source: { kind: files, folder: in }
load: full
every: 5m
stop_over: { rejected: 20%, vanished: 2% }
map: { name: { from: XM, do: [trim] } }
contact: 信息中心
";

    #[test]
    fn a_source() {
        let file = ConnectorFile::parse(SOURCE).unwrap();
        assert_eq!((file.name.as_str(), file.every), ("household", Duration::from_secs(300)));
        let Role::Source(source) = file.role else { panic!("a source") };
        assert_eq!((source.kind.as_str(), source.major), ("files", 1));
        assert_eq!(source.config, serde_json::json!({ "folder": "in" }));
        assert_eq!(source.stop_over, StopOver { rejected: Some(0.2), vanished: Some(0.02) });
        assert_eq!(source.mapping["map"]["name"]["from"], "XM");
        assert_eq!(source.load, Load::Full);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_a_remedy() {
        check_refused("connector: a\nsink: { kind: files }", "a sink needs `grant:`");
        check_refused("connector: a\nentry: b/c@1", "either `source:` with `entry:`");
        check_refused("connector: a\nentry: b/c\nsource: { kind: x }", "lacks its major version");
        check_refused("connector: a\nentry: b/c@1\nsource: { }", "needs `kind:`");
        check_refused(&SOURCE.replace("5m", "5 minutes"), "is not a time");
        check_refused(&SOURCE.replace("20%", "a fifth"), "is not a share");
        check_refused(
            &SOURCE.replace("load", "laod"),
            "line 5, column 1: `laod` is not known here",
        );
        check_refused(&SOURCE.replace("folder: in", "folder: &a in"), "anchors (&) are refused");
        check_refused(&SOURCE.replace("every: 5m", "load: full"), "`load` stands here twice");
        check_refused(&SOURCE.replace("household\nentry", "House\nentry"), "must be of a-z");
        check_refused(&SOURCE.replace("household\nentry", "push\nentry"), "choose another name");
        let strange = SOURCE.replace("household@1", "house\thold@1");
        check_refused(&strange, "house\u{fffd}hold` is not an entry name");
    }
}
