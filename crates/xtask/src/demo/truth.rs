//! The truth file: which rows were broken, how, and what the hub must make of each. It lies
//! beside the systems, and the hub never reads it; a test compares.

use std::{fs::File, io::Write, path::Path};

use anyhow::{Context, Result};
use serde::Serialize;

use super::fault::Expect;

/// One broken row.
#[derive(Serialize)]
pub struct Broken<'a> {
    /// The connector that reads the row.
    pub connector: &'a str,
    /// The entry that the row is checked against.
    pub entry: &'a str,
    /// The file or table that it stands in; empty for rows of a service.
    pub origin: &'a str,
    /// Line of the file (the header is 1), or number of the row in the table or the answer,
    /// counted from 0.
    pub place: u64,
    /// What identified the row before it was broken.
    pub key: &'a str,
    /// What was done to it.
    pub fault: &'a str,
    /// The column that was touched first.
    pub column: &'a str,
    /// What the hub must make of it.
    #[serde(flatten)]
    pub expect: Expect,
}

/// Writes the truth of one system.
pub struct Truth {
    file: std::io::BufWriter<File>,
    /// Rows noted.
    pub count: u64,
}

impl Truth {
    /// Opens the file anew.
    pub fn create(path: &Path) -> Result<Self> {
        let file =
            File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { file: std::io::BufWriter::new(file), count: 0 })
    }

    /// Notes one broken row.
    pub fn note(&mut self, broken: &Broken) -> Result<()> {
        serde_json::to_writer(&mut self.file, broken)?;
        self.file.write_all(b"\n")?;
        self.count += 1;
        Ok(())
    }

    /// Writes what is left.
    pub fn finish(mut self) -> Result<()> {
        Ok(self.file.flush()?)
    }
}
