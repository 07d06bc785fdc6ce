//! Lengths, widths, names of modules, and paths that exist on one machine only.

use std::{env, path::Path};

use regex::Regex;

use crate::workspace::{self, TextFile};

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
const WIDTH_MAX: usize = 100;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["utils", "util", "common", "types", "helpers", "helper", "manager"];

/// One line per problem.
pub fn problems(files: &[TextFile]) -> Vec<String> {
    let mut problems = Vec::new();
    let machine_paths = MachinePaths::new();
    for file in files {
        if file.path.ends_with(".rs") {
            problems.extend(rust_problems(file));
        }
        problems.extend(machine_paths.problems(file));
    }
    problems
}

fn rust_problems(file: &TextFile) -> Vec<String> {
    let path = &file.path;
    let mut problems = Vec::new();
    let lines: Vec<&str> = file.text.lines().collect();
    if lines.len() > FILE_LINES_MAX {
        problems.push(format!("{path}: {} lines, {FILE_LINES_MAX} allowed", lines.len()));
    }
    for (index, line) in lines.iter().enumerate() {
        let width = line.chars().count();
        if width > WIDTH_MAX && !is_table(line) && !line.contains('"') {
            let place = index + 1;
            problems.push(format!("{path}:{place}: {width} characters, {WIDTH_MAX} allowed"));
        }
    }
    let parts = Path::new(path).with_extension("");
    for part in parts.iter().filter_map(|part| part.to_str()) {
        if EMPTY_NAMES.contains(&part) {
            problems.push(format!("{path}: `{part}` says nothing; name what is inside"));
        }
    }
    for (line, count) in long_functions(&lines) {
        problems.push(format!(
            "{path}:{line}: function of {count} lines, {FUNCTION_LINES_MAX} allowed"
        ));
    }
    problems
}

/// A table in a doc comment cannot be wrapped; nor can a text in quotes without changing it.
fn is_table(line: &str) -> bool {
    line.trim_start().trim_start_matches(['/', '!']).trim_start().starts_with('|')
}

/// Functions whose body has too many lines of code: the line each begins at, and the count.
/// Relies on rustfmt: the brace that ends a function stands at the indent of its first line.
fn long_functions(lines: &[&str]) -> Vec<(usize, usize)> {
    let head = Regex::new(r#"^ *(pub(\([a-z ]+\))? )?(const |async |unsafe |extern "C" )*fn "#)
        .expect("a pattern of our own");
    let mut long = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        if !head.is_match(line) || line.ends_with('}') || line.ends_with(';') {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let is_end = |line: &&str| {
            line.len() > indent
                && line[..indent].trim().is_empty()
                && matches!(line.as_bytes()[indent], b'}' | b')' | b'w')
                && line.trim_end().ends_with(['}', ';'])
        };
        let body = lines[index + 1..].iter().take_while(|line| !is_end(line));
        let code = body.filter(|line| !line.trim().is_empty() && !line.trim().starts_with("//"));
        let count = code.count();
        if count > FUNCTION_LINES_MAX {
            long.push((index + 1, count));
        }
    }
    long
}

/// Finds paths of the machine that somebody worked on.
struct MachinePaths {
    pattern: Regex,
}

impl MachinePaths {
    fn new() -> Self {
        let mut starts = vec![regex::escape(&workspace::root().to_string_lossy())];
        if let Some(home) = env::var("HOME").ok().filter(|home| home.len() > 1) {
            starts.push(regex::escape(home.trim_end_matches('/')));
        }
        // Written apart, or this file would be found.
        starts.extend(["/ho", "/Us"].iter().zip(["me", "ers"]).map(|(a, b)| format!("{a}{b}")));
        let pattern = format!(r"(^|[^\w.~/])({})/\w", starts.join("|"));
        Self { pattern: Regex::new(&pattern).expect("a pattern of escaped parts") }
    }

    fn problems(&self, file: &TextFile) -> Vec<String> {
        let found = file.text.lines().enumerate().filter(|(_, line)| self.pattern.is_match(line));
        found
            .map(|(index, _)| format!("{}:{}: path of one machine", file.path, index + 1))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(lines: usize) -> String {
        let body = "    call();\n\n    // why\n".repeat(lines);
        format!("pub async fn long(\n    a: u8,\n) {{\n{body}}}\n\nfn short() {{}}\n")
    }

    #[test]
    fn only_lines_of_code_count() {
        let long = function(71);
        let ok = function(60);
        assert_eq!(long_functions(&ok.lines().collect::<Vec<_>>()), []);
        assert_eq!(long_functions(&long.lines().collect::<Vec<_>>()).len(), 1);
    }

    #[test]
    fn empty_names_are_refused() {
        let file = |path: &str| TextFile { path: path.to_owned(), text: String::new() };
        assert_eq!(rust_problems(&file("crates/a/src/utils.rs")).len(), 1);
        assert_eq!(rust_problems(&file("crates/a/src/common/mod.rs")).len(), 1);
        assert_eq!(rust_problems(&file("crates/a/src/quarantine.rs")).len(), 0);
    }
}
