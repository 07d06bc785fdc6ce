//! Known weaknesses of the packages we build, by the RustSec advisory database.
//!
//! The database is a git repository: a copy that another tool keeps is taken as it is, else we
//! keep one in the user's cache. A machine without network and without a copy skips this check
//! and says so.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use semver::{Version, VersionReq};
use serde::Deserialize;

use crate::{
    process,
    workspace::{self, Metadata},
};

const DATABASE: &str = "https://github.com/RustSec/advisory-db";

/// Advisories that do not touch us, each with the reason.
const IGNORED: &[(&str, &str)] = &[];

/// What the check came to.
pub enum Outcome {
    /// So many advisories were compared, none touches us.
    Clean(usize),
    /// There is no database to compare with.
    Skipped,
}

#[derive(Deserialize)]
struct File {
    advisory: Advisory,
    #[serde(default)]
    versions: Versions,
}

#[derive(Deserialize)]
struct Advisory {
    id: String,
    package: String,
    withdrawn: Option<toml::Value>,
    informational: Option<String>,
}

#[derive(Default, Deserialize)]
struct Versions {
    #[serde(default)]
    patched: Vec<String>,
    #[serde(default)]
    unaffected: Vec<String>,
}

/// Compares every built package with the database.
pub fn check(metadata: &Metadata) -> Result<Outcome> {
    let Some(database) = database()? else { return Ok(Outcome::Skipped) };
    let mut compared = 0;
    let mut found = Vec::new();
    for package in &metadata.packages {
        let folder = database.join("crates").join(&package.name);
        let Ok(files) = fs::read_dir(&folder) else { continue };
        let version = Version::parse(&package.version)
            .with_context(|| format!("version of {}", package.name))?;
        for file in files {
            let path = file?.path();
            compared += 1;
            let advisory = read(&path).with_context(|| format!("{}", path.display()))?;
            if touches(&advisory, &version)? {
                found.push(format!("{}: {} {version}", advisory.advisory.id, package.name));
            }
        }
    }
    if !found.is_empty() {
        bail!("packages with known weaknesses:\n  {}", found.join("\n  "));
    }
    Ok(Outcome::Clean(compared))
}

/// The folder of the database, fetched if need be and possible.
fn database() -> Result<Option<PathBuf>> {
    if let Some(named) = env::var_os("YIKU_ADVISORY_DB") {
        return Ok(Some(PathBuf::from(named)));
    }
    let kept = workspace::cache()?.join("advisory-db");
    let mut git = Command::new("git");
    git.args(["-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=20"]);
    if kept.join("crates").is_dir() {
        // An older copy is better than none, so a failing update is no error.
        process::succeeds(git.arg("-C").arg(&kept).args(["pull", "--quiet", "--ff-only"]));
        return Ok(Some(kept));
    }
    let cloned = process::succeeds(git.args(["clone", "--depth", "1", DATABASE]).arg(&kept));
    Ok(cloned.then_some(kept))
}

/// An advisory is a Markdown file that opens with a TOML block.
fn read(path: &Path) -> Result<File> {
    let text = fs::read_to_string(path)?;
    let block = text
        .split_once("```toml")
        .and_then(|(_, rest)| rest.split_once("```"))
        .context("has no TOML block")?;
    Ok(toml::from_str(block.0)?)
}

fn touches(file: &File, version: &Version) -> Result<bool> {
    let advisory = &file.advisory;
    let ignored = IGNORED.iter().any(|(id, _)| *id == advisory.id);
    if ignored || advisory.withdrawn.is_some() || advisory.informational.is_some() {
        return Ok(false);
    }
    for range in file.versions.patched.iter().chain(&file.versions.unaffected) {
        let range = VersionReq::parse(range)
            .with_context(|| format!("{} of {}", advisory.id, advisory.package))?;
        if range.matches(version) {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(version: &str, expected: bool) {
        let text = "[advisory]\nid = \"RUSTSEC-0000-0000\"\npackage = \"x\"\n\
                    [versions]\npatched = [\">= 1.2.3\"]\nunaffected = [\"< 1.0.0\"]\n";
        let file = toml::from_str(text).unwrap();
        assert_eq!(touches(&file, &version.parse().unwrap()).unwrap(), expected, "{version}");
    }

    #[test]
    fn versions_between_unaffected_and_patched_are_touched() {
        check("0.9.0", false);
        check("1.0.0", true);
        check("1.2.2", true);
        check("1.2.3", false);
    }
}
