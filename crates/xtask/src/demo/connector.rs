//! The connector files of the demo, as a department's engineer would write them.

use std::fmt::Write;

use super::system::{Encoding, Form, ROW_NUMBER, System};

/// The file of a source. `folder` is where the department's data lies.
pub fn source(system: &System, folder: &str) -> String {
    let mut yaml = String::new();
    let System { connector, entry, more, .. } = system;
    let source = source_of(system, folder);
    let mut line = |text: &str| {
        yaml.push_str(text);
        yaml.push('\n');
    };
    line(&format!("connector: {connector}\nentry: {entry}@1\nsource:\n{source}"));
    line(&format!("{more}zone: Asia/Shanghai\nevery: 5s"));
    if !matches!(system.form, Form::Sqlite { .. } | Form::Http) {
        // Files come in one piece, so swapped columns or half a dump can be stopped as one.
        line("stop_over: { rejected: 40% }");
    }
    line("map:");
    for column in system.columns.iter().filter(|column| !column.item.is_empty()) {
        let mut from = format!("  {}: {{ from: {}", column.item, column.name);
        if !column.map.is_empty() {
            let _ = write!(from, ", {}", column.map);
        }
        line(&format!("{from} }}"));
    }
    yaml
}

fn source_of(system: &System, folder: &str) -> String {
    match system.form {
        Form::Delimited { encoding, .. } => {
            let encoding = match encoding {
                Encoding::Utf8 | Encoding::Utf8Bom => "utf-8",
                Encoding::Gbk => "gb18030",
            };
            format!("  kind: files\n  folder: {folder}\n  encoding: {encoding}\n  settle: 500ms")
        }
        Form::JsonLines | Form::Xlsx => {
            format!("  kind: files\n  folder: {folder}\n  settle: 500ms")
        }
        Form::Sqlite { table, watermark } => format!(
            "  kind: sql\n  url: {{ file: {}.url }}\n  table: {table}\n  \
             watermark: {{ column: {watermark}, tie: {ROW_NUMBER} }}",
            system.connector
        ),
        Form::Http => format!(
            "  kind: http\n  url: {{ file: {}.url }}\n  \
             headers: {{ x-service-key: {{ file: service.key }} }}\n  rows: /data\n  \
             expect: {{ /code: \"0\" }}\n  \
             paging: {{ page_parameter: page, size_parameter: size, size: 2000 }}\n  \
             since: {{ parameter: after, column: {ROW_NUMBER} }}",
            system.connector
        ),
    }
}

/// The three subscribers: name and file of each.
pub const SUBSCRIBERS: &[(&str, &str)] = &[
    (
        "housing-fund-out",
        "connector: housing-fund-out
grant: housing-fund-population
sink: { kind: files, folder: out/housing-fund, format: csv, encoding: gb18030 }
start: backfill
every: 5s
",
    ),
    (
        "approval-out",
        "connector: approval-out
grant: approval-organisations
sink: { kind: sql, url: { file: approval-out.url }, table: organisation, create: true }
start: backfill
every: 5s
",
    ),
    (
        "credit-out",
        "connector: credit-out
grant: credit-penalties
sink: { kind: http, url: { file: credit-out.url }, secret: { file: credit-out.secret } }
start: backfill
every: 5s
",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::system::SYSTEMS;

    #[test]
    fn files_are_yaml_and_name_their_entry() {
        for system in SYSTEMS {
            let text = source(system, "systems/x");
            let value: serde_json::Value =
                serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
            assert_eq!(value["connector"], system.connector);
            assert!(value["map"].as_object().is_some_and(|map| map.len() > 3), "{text}");
        }
        for (name, text) in SUBSCRIBERS {
            let value: serde_json::Value = serde_saphyr::from_str(text).unwrap();
            assert_eq!(value["connector"], *name);
        }
    }
}
