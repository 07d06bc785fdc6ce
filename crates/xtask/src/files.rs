//! Writing files and copying folders.

use std::{fs, path::Path};

use anyhow::{Context, Result};

/// Writes a file unless it is there and the same; whole or not at all.
pub fn write(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    let place = || format!("cannot write {}", path.display());
    let folder = path.parent().expect("a file lies in a folder");
    fs::create_dir_all(folder).with_context(place)?;
    let name = path.file_name().expect("a file has a name").to_string_lossy();
    let part = folder.join(format!(".{name}.part"));
    fs::write(&part, text).with_context(place)?;
    fs::rename(&part, path).with_context(place)
}

/// Copies the text files of a folder and the folders in it.
pub fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    let place = || format!("cannot read {}", from.display());
    for entry in fs::read_dir(from).with_context(place)? {
        let entry = entry.with_context(place)?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            let text = fs::read_to_string(entry.path())
                .with_context(|| format!("cannot read {}", entry.path().display()))?;
            write(&target, &text)?;
        }
    }
    Ok(())
}
