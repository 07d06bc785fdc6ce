//! The derived schemas that are kept in the repository, so that people who use no Yiku can read
//! them, and see in a review what a change of an entry does to them.

use crate::catalog::Catalog;

use super::{avro_schema, json_schema};

/// Path in the repository and text of each file:
/// `schemas/derived/<department>/<resource>@<version>` with `.schema.json` and `.avsc`. Files of
/// earlier versions stay beside them.
pub fn generated_files(catalog: &Catalog) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for entry in catalog.entries.values() {
        let stem = format!("schemas/derived/{}@{}", entry.name, entry.version);
        let schemas =
            [("schema.json", json_schema(entry, &catalog.lists)), ("avsc", avro_schema(entry))];
        for (extension, schema) in schemas {
            let mut text = format!("{schema:#}");
            text.push('\n');
            files.push((format!("{stem}.{extension}"), text));
        }
    }
    files
}
