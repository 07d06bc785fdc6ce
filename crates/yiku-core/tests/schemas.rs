//! The hand-written schemas that editors use: every file of the catalog is right by them, and what
//! a reader refuses for its form they refuse, too.

use std::{error::Error, fs, path::Path};

use jsonschema::{Retrieve, Uri, Validator};
use serde_json::Value;

use crate::catalog::files;

/// Schemas name each other by their place in the repository.
struct Repository;

impl Retrieve for Repository {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        Ok(serde_json::from_str(&fs::read_to_string(root().join(&uri.path().as_str()[1..]))?)?)
    }
}

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn schema(name: &str) -> Validator {
    let path = format!("schemas/{name}.schema.json");
    let text = fs::read_to_string(root().join(&path)).unwrap();
    jsonschema::draft202012::options()
        .should_validate_formats(true)
        .with_base_uri(format!("repository:///{path}"))
        .with_retriever(Repository)
        .build(&serde_json::from_str(&text).unwrap())
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn problems(schema: &Validator, text: &str) -> Vec<String> {
    let value: Value = serde_saphyr::from_str(text).unwrap();
    let line = |error: jsonschema::ValidationError| format!("{}: {error}", error.instance_path());
    schema.iter_errors(&value).map(line).collect()
}

#[test]
fn every_file_of_the_catalog_is_right() {
    let kinds = [
        ("departments", "departments.yaml"),
        ("codelist", "codelists/"),
        ("entry", "entries/"),
        ("library", "libraries/"),
        ("grant", "grants/"),
    ];
    let mut found = Vec::new();
    for (name, prefix) in kinds {
        let schema = schema(name);
        let mut count = 0;
        for file in files() {
            if file.path.starts_with(prefix) && file.path.ends_with(".yaml") {
                count += 1;
                let lines = problems(&schema, &file.text);
                found.extend(lines.into_iter().map(|line| format!("{}{line}", file.path)));
            }
        }
        assert!(count > 0, "no file in {prefix}");
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Takes a file of the catalog, replaces a part of it, and expects the schema to refuse it.
#[track_caller]
fn refused(name: &str, path: &str, changes: &[(&str, &str)]) {
    let schema = schema(name);
    let file = files().into_iter().find(|file| file.path == path).unwrap();
    assert!(problems(&schema, &file.text).is_empty());
    for (old, new) in changes {
        assert!(file.text.contains(old), "{path} has no {old:?}");
        let text = file.text.replacen(old, new, 1);
        assert!(!problems(&schema, &text).is_empty(), "{new:?} in place of {old:?} is not refused");
    }
}

#[test]
fn wrong_catalog_files_are_refused() {
    refused(
        "entry",
        "entries/public-security/household.yaml",
        &[
            ("entry: public-security/household", "entry: household"),
            ("version: \"", "version: \"v"),
            ("source_system:", "source_sytem:"),
            ("secrecy: none", "secrecy: secret"),
            ("class: conditional", "class: withheld"),
            ("class: conditional", "class: unconditional"),
            ("open: { class: closed }", "open: { class: public }"),
            ("type: citizen-id", "type: citizen"),
            ("type: text, length: 50", "type: text"),
            ("type: code, list: sex", "type: code, list: sex, length: 1"),
            ("precision: 4, scale: 1", "precision: 4"),
            ("mask: keep-6-4", "mask: hidden"),
            ("key: [citizen_id]", "key: []"),
            ("severity: warn", "severity: info"),
            ("{ order: [birth_date, death_date] }", "{ order: [birth_date] }"),
            ("entity: population.person", "entity: person"),
            ("code: check-digit", "code: check"),
        ],
    );
    refused(
        "departments",
        "departments.yaml",
        &[("credit_code:", "code:"), ("\n    kind:", "\n    kinds:")],
    );
    refused(
        "codelist",
        "codelists/sex.yaml",
        &[("unknown: reject", "unknown: maybe"), ("codes:", "file: a.csv\ncodes:"), ("zh:", "cn:")],
    );
    refused(
        "library",
        "libraries/population.yaml",
        &[
            ("[public-security/household]", "[household]"),
            ("key: citizen_id", "keys: citizen_id"),
            ("type: citizen-id", "type: id"),
        ],
    );
    refused(
        "grant",
        "grants/housing-fund-population.yaml",
        &[
            ("under: \"431302\"", "under: \"4313021\""),
            ("under: \"431302\"", "is: a, under: \"431302\""),
            ("at_end: destroy", "at_end: keep"),
            ("modes: [batch, service]", "modes: []"),
            ("scenario:", "scenery:"),
        ],
    );
}

const SOURCE: &str = r#"
connector: household
entry: public-security/household@1
source:
  kind: sql
  url: { file: household.url }
  table: t_czrk
  watermark: { column: gxsj, tie: xh, overlap: 10m }
load: changes
operation: { from: czbz, codes: { I: upsert, U: upsert, D: delete } }
zone: Asia/Shanghai
map:
  citizen_id: { from: GMSFHM, do: [trim, half-width, id-15-to-18] }
  sex:        { from: XB, codes: { 男: "1", 女: "2", 无: null } }
  birth_date: { from: CSRQ, date: [yyyyMMdd, yyyy-MM-dd] }
every: 5m
stop_over: { rejected: 20%, vanished: 2% }
contact: 信息中心运维组
"#;

const SINK: &str = "
connector: housing-fund-out
grant: housing-fund-population
sink: { kind: files, folder: out/housing-fund, format: csv, encoding: gb18030 }
start: backfill
every: 1h
";

#[test]
fn connector_files() {
    let schema = schema("connector");
    assert_eq!(problems(&schema, SOURCE), [""; 0]);
    assert_eq!(problems(&schema, SINK), [""; 0]);
    let wrong = [
        (SOURCE, "household@1", "household"),
        (SOURCE, "kind: sql", "kind: odbc"),
        (SOURCE, "table: t_czrk", "tabel: t_czrk"),
        (SOURCE, "kind: sql", "kind: files"),
        (SOURCE, "D: delete", "D: remove"),
        (SOURCE, "trim,", "strip,"),
        (SOURCE, "every: 5m", "every: 5 minutes"),
        (SOURCE, "rejected: 20%", "rejected: \"20\""),
        (SOURCE, "entry:", "grant:"),
        (SOURCE, "load: changes", "start: changes"),
        (SINK, "start: backfill", "load: full"),
        (SINK, "folder:", "path:"),
        (SINK, "grant:", "entry:"),
    ];
    for (text, old, new) in wrong {
        assert!(text.contains(old));
        let text = text.replacen(old, new, 1);
        assert!(!problems(&schema, &text).is_empty(), "{new:?} is not refused");
    }
}

/// `docs/connectors.md` names every key that a connector file may have, but for those that other
/// keys hold.
#[test]
fn the_guide_to_connectors_names_every_key() {
    let guide = fs::read_to_string(root().join("docs/connectors.md")).unwrap();
    let files = [
        "schemas/connector.schema.json",
        "connectors/files/source.schema.json",
        "connectors/files/sink.schema.json",
        "connectors/sql/source.schema.json",
        "connectors/sql/sink.schema.json",
        "connectors/http/source.schema.json",
        "connectors/http/sink.schema.json",
        "connectors/kafka/source.schema.json",
        "connectors/kafka/sink.schema.json",
    ];
    for path in files {
        let text = fs::read_to_string(root().join(path)).unwrap();
        let schema: Value = serde_json::from_str(&text).unwrap();
        for key in schema["properties"].as_object().unwrap().keys() {
            let named = guide.contains(&format!("`{key}`")) || guide.contains(&format!("`{key}:"));
            assert!(named, "the guide does not name `{key}` of {path}");
        }
    }
}
