//! `cargo xtask tidy`: the rules of this repository that no other tool knows.

pub mod catalog;
mod edges;
mod sources;

use anyhow::{Result, bail};

use crate::{
    readme,
    workspace::{self, Metadata},
};

/// Checks every rule and reports every problem, with its place.
pub fn run() -> Result<()> {
    let metadata = Metadata::read()?;
    let files = workspace::text_files()?;
    let mut problems = edges::problems(&metadata);
    problems.extend(sources::problems(&files));
    problems.extend(catalog::problems(&files));
    problems.extend(readme::problems(&files));
    if problems.is_empty() {
        eprintln!("tidy: {} files, {} crates", files.len(), metadata.workspace_members.len());
        return Ok(());
    }
    for problem in &problems {
        eprintln!("{problem}");
    }
    bail!("tidy found {} problems", problems.len());
}
