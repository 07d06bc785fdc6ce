//! Every catalog entry carries rows that must pass and rows that must not.

use serde_json::Value;

use crate::workspace::TextFile;

/// One line per problem.
pub fn problems(files: &[TextFile]) -> Vec<String> {
    let is_entry = |file: &&TextFile| {
        file.path.starts_with("catalog/entries/") && file.path.ends_with(".yaml")
    };
    files.iter().filter(is_entry).flat_map(|file| entry_problems(&file.path, &file.text)).collect()
}

fn entry_problems(path: &str, text: &str) -> Vec<String> {
    let entry: Value = match serde_saphyr::from_str(text) {
        Ok(entry) => entry,
        Err(error) => return vec![format!("{path}: {error}")],
    };
    let count = |kind: &str| entry["examples"][kind].as_array().map_or(0, Vec::len);
    ["valid", "invalid"]
        .into_iter()
        .filter(|kind| count(kind) == 0)
        .map(|kind| format!("{path}: has no {kind} example"))
        .collect()
}
