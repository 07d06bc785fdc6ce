//! The catalog folder: read whole, and read again when a file of it changed.

use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::Context;
use yiku_core::catalog::SourceFile;

/// What tells one state of the folder from another: each file's path, length and time of change.
pub type Fingerprint = Vec<(PathBuf, u64, SystemTime)>;

/// The files of the folder that belong to a catalog, in the order of their paths.
pub fn read(folder: &Path) -> anyhow::Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    for (path, ..) in fingerprint(folder)? {
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read `{}`", path.display()))?;
        let relative = path.strip_prefix(folder).unwrap_or(&path);
        files.push(SourceFile { path: relative.to_string_lossy().replace('\\', "/"), text });
    }
    Ok(files)
}

/// How the folder stands.
pub fn fingerprint(folder: &Path) -> anyhow::Result<Fingerprint> {
    let mut found = Vec::new();
    collect(folder, &mut found, DEPTH_MAX)
        .with_context(|| format!("cannot read the catalog folder `{}`", folder.display()))?;
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, found: &mut Fingerprint, depth: usize) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let (path, metadata) = (entry.path(), entry.metadata()?);
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if metadata.is_dir() && depth > 0 && !hidden {
            collect(&path, found, depth - 1)?;
        } else if metadata.is_file() && !hidden && belongs(&path) {
            found.push((path, metadata.len(), metadata.modified()?));
        }
    }
    Ok(())
}

fn belongs(path: &Path) -> bool {
    matches!(path.extension().and_then(|extension| extension.to_str()), Some("yaml" | "csv"))
}

/// Folders within folders that are looked into.
const DEPTH_MAX: usize = 4;
