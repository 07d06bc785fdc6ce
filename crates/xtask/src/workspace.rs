//! The repository this program was built from: its folder, its files, its packages.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::process;

/// The repository's folder: the one we are in, else the one this program is run or was built from.
pub fn root() -> PathBuf {
    let run_from = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let built_from = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let starts = [env::current_dir().ok(), run_from, Some(built_from)];
    let is_root = |folder: &&Path| folder.join("crates/xtask/Cargo.toml").is_file();
    starts
        .iter()
        .flatten()
        .find_map(|start| start.ancestors().find(is_root))
        .expect("the repository is where we are, or where we come from")
        .to_owned()
}

/// `cargo` in the repository's folder, the one that runs us.
pub fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// A text file of the repository, by its path from the root.
pub struct TextFile {
    /// Path from the root, with `/`.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// Every text file that is tracked, or new and not ignored.
pub fn text_files() -> Result<Vec<TextFile>> {
    let root = root();
    let mut git = Command::new("git");
    git.current_dir(&root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let list = process::output(&mut git)?;
    let mut paths: Vec<&str> = list.split('\0').filter(|path| !path.is_empty()).collect();
    paths.sort_unstable();
    paths.dedup();
    let mut files = Vec::new();
    for path in paths {
        let full = root.join(path);
        if !full.is_file() {
            continue; // deleted, not yet committed
        }
        let bytes = fs::read(&full).with_context(|| format!("cannot read {path}"))?;
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(TextFile { path: path.to_owned(), text });
        }
    }
    Ok(files)
}

/// The part of `cargo metadata` that we look at.
#[derive(Deserialize)]
pub struct Metadata {
    /// Every package that is really built here, ours and others.
    pub packages: Vec<Package>,
    /// Ids of our own packages.
    pub workspace_members: Vec<String>,
}

/// One package.
#[derive(Deserialize)]
pub struct Package {
    pub id: String,
    pub name: String,
    pub version: String,
    pub license: Option<String>,
    pub license_file: Option<PathBuf>,
    pub dependencies: Vec<Dependency>,
    pub features: BTreeMap<String, Vec<String>>,
}

/// One line of a `[dependencies]` table.
#[derive(Deserialize)]
pub struct Dependency {
    pub name: String,
    /// `None` is a plain dependency; else `dev` or `build`.
    pub kind: Option<String>,
}

impl Metadata {
    /// Asks cargo. `cargo metadata` alone names optional packages that no feature turns on, so
    /// `cargo tree` says which of them count.
    pub fn read() -> Result<Self> {
        let mut cargo = cargo();
        cargo.args(["metadata", "--format-version", "1", "--locked"]);
        let text = process::output(&mut cargo)?;
        let mut metadata: Self =
            serde_json::from_str(&text).context("`cargo metadata` wrote something unexpected")?;
        let built = built()?;
        metadata
            .packages
            .retain(|package| built.contains(&(package.name.clone(), package.version.clone())));
        Ok(metadata)
    }

    /// Our own packages.
    pub fn own(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }
}

/// Names and versions of the packages that are built on this machine, tests included.
fn built() -> Result<BTreeSet<(String, String)>> {
    let mut cargo = cargo();
    cargo.args(["tree", "--workspace", "--locked", "--prefix", "none", "--format", "{p}"]);
    let text = process::output(&mut cargo)?;
    let package = |line: &str| {
        let mut words = line.split_whitespace();
        let (name, version) = (words.next()?, words.next()?);
        Some((name.to_owned(), version.strip_prefix('v')?.to_owned()))
    };
    Ok(text.lines().filter_map(package).collect())
}

/// The project's folder in the user's cache.
pub fn cache() -> Result<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME")
        .filter(|path| Path::new(path).is_absolute())
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
        .context("neither XDG_CACHE_HOME nor HOME is set: there is no place for a cache")?;
    Ok(cache.join("yiku"))
}
