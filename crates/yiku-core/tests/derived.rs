//! The derived schemas in `schemas/derived/` are those of the catalog. With `YIKU_RENEW=1` in the
//! environment they are written anew instead.

use std::{fs, path::Path};

use yiku_core::{catalog::Catalog, derive};

use crate::catalog::files;

#[test]
fn derived_schemas_are_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let (catalog, _) = Catalog::read(&files());
    let renew = std::env::var_os("YIKU_RENEW").is_some_and(|value| value == "1");
    let mut stale = Vec::new();
    for (path, text) in derive::generated_files(&catalog) {
        let file = root.join(&path);
        if renew {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, &text).unwrap();
        } else if fs::read_to_string(&file).ok().as_deref() != Some(text.as_str()) {
            stale.push(path);
        }
    }
    assert!(
        stale.is_empty(),
        "not current; run `YIKU_RENEW=1 cargo test -p yiku-core derived_schemas`:\n{}",
        stale.join("\n")
    );
}

#[test]
fn derived_schemas_are_schemas() {
    let (catalog, _) = Catalog::read(&files());
    for entry in catalog.entries.values() {
        let schema = derive::json_schema(entry, &catalog.lists);
        derive::validator(&schema, &catalog.lists).unwrap();
        apache_avro::Schema::parse(&derive::avro_schema(entry)).unwrap();
        derive::excel_template(entry, &catalog.lists).unwrap();
        assert_eq!(derive::csv_template(entry).lines().count(), 2);
    }
}
