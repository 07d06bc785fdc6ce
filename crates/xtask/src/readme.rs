//! The commands that a README names must be commands that we have.

use clap::CommandFactory;
use regex::Regex;

use crate::{Cli, workspace::TextFile};

const READMES: &[&str] = &["README.md", "README.zh-CN.md"];

/// What the readers are promised at the least.
const PROMISED: &[&str] = &["demo", "test"];

/// One line per problem.
pub fn problems(files: &[TextFile]) -> Vec<String> {
    let mut problems = Vec::new();
    for name in READMES {
        match files.iter().find(|file| file.path == *name) {
            Some(file) => problems.extend(file_problems(name, &file.text)),
            None => problems.push(format!("{name}: missing")),
        }
    }
    problems
}

fn file_problems(name: &str, text: &str) -> Vec<String> {
    let named = Regex::new("cargo xtask ([a-z-]+)").expect("a pattern of our own");
    let cli = Cli::command();
    let mut problems = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for found in named.captures_iter(line) {
            if cli.find_subcommand(&found[1]).is_none() {
                problems.push(format!("{name}:{}: there is no `{}`", index + 1, &found[0]));
            }
        }
    }
    for command in PROMISED {
        if !text.contains(&format!("cargo xtask {command}")) {
            problems.push(format!("{name}: does not name `cargo xtask {command}`"));
        }
    }
    problems
}
