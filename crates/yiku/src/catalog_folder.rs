//! The catalog folder: read whole, and read again when a file of it changed.

use std::{
    path::{Path, PathBuf},
    string::FromUtf8Error,
    time::SystemTime,
};

use anyhow::Context;
use yiku_core::catalog::{Problem, SourceFile};

/// What tells one state of the folder from another: each file's path, length and time of change.
pub type Fingerprint = Vec<(PathBuf, u64, SystemTime)>;

/// The files of the folder that belong to a catalog, in the order of their paths, and what is wrong
/// with those that are no text.
pub fn read(folder: &Path) -> anyhow::Result<(Vec<SourceFile>, Vec<Problem>)> {
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    for (full_path, ..) in fingerprint(folder)? {
        let relative = full_path.strip_prefix(folder).unwrap_or(&full_path);
        let path = relative.to_string_lossy().replace('\\', "/");
        match std::fs::read(&full_path) {
            Err(error) => problems.push(Problem::of_file(
                &path,
                format!("无法读取：{error}；请检查权限"),
                format!("cannot be read: {error}; look at its permissions"),
            )),
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => files.push(SourceFile { path, text }),
                Err(error) => problems.push(not_utf8(&path, &error)),
            },
        }
    }
    Ok((files, problems))
}

fn not_utf8(path: &str, error: &FromUtf8Error) -> Problem {
    let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
    let line = good.iter().filter(|&&byte| byte == b'\n').count() as u64 + 1;
    let problem = Problem::of_file(
        path,
        "不是 UTF-8 编码（可能是 GBK）；请另存为 UTF-8",
        "is not UTF-8 (GBK, perhaps); save it as UTF-8",
    );
    Problem { line: Some(line), ..problem }
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
