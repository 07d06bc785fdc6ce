//! The catalog: it can be read without a problem, every entry carries rows that must pass and rows
//! that must not, and the schemas derived from it are current.

use std::collections::HashMap;

use yiku_core::{
    catalog::{Catalog, SourceFile},
    derive,
};

use crate::workspace::TextFile;

/// One line per problem.
pub fn problems(files: &[TextFile]) -> Vec<String> {
    let (catalog, problems) = Catalog::read(&source_files(files));
    let mut problems: Vec<_> = problems.iter().map(|p| format!("catalog/{p}")).collect();
    for (name, entry) in &catalog.entries {
        let examples = &entry.examples;
        let kinds = [("valid", examples.valid.len()), ("invalid", examples.invalid.len())];
        for (kind, _) in kinds.into_iter().filter(|(_, count)| *count == 0) {
            problems.push(format!("catalog/entries/{name}.yaml: has no {kind} example"));
        }
    }
    let kept: HashMap<_, _> = files.iter().map(|f| (f.path.as_str(), f.text.as_str())).collect();
    for (path, text) in derive::generated_files(&catalog) {
        if kept.get(path.as_str()) != Some(&text.as_str()) {
            problems.push(format!("{path}: not current; {RENEW}"));
        }
    }
    problems
}

const RENEW: &str = "run `YIKU_RENEW=1 cargo test -p yiku-core derived_schemas`";

/// The files of the catalog folder, by their paths in it.
pub fn source_files(files: &[TextFile]) -> Vec<SourceFile> {
    let file = |file: &TextFile| {
        let path = file.path.strip_prefix("catalog/")?.to_owned();
        Some(SourceFile { path, text: file.text.clone() })
    };
    files.iter().filter_map(file).collect()
}
