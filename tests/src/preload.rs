//! Libraries that are loaded into the unchanged program before all others (`LD_PRELOAD`). Each is
//! an example of this crate and stands in for functions of the C library.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::root;

/// Builds the library of this name and says where it lies.
pub fn built(name: &str) -> PathBuf {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .current_dir(root())
        .args(["build", "--quiet", "--locked", "--example", name])
        .status();
    assert!(built.is_ok_and(|status| status.success()), "{name} does not build");
    let own = env::current_exe().expect("where this program lies");
    let folder = own.ancestors().nth(2).expect("tests lie in target/debug/deps");
    folder.join(format!("examples/lib{name}.so"))
}

/// The path without a link in its folder; `None` when there is no such folder.
pub fn without_links(path: &Path) -> Option<PathBuf> {
    let folder = match path.parent()? {
        here if here.as_os_str().is_empty() => Path::new("."),
        folder => folder,
    };
    let folder = fs::canonicalize(folder).ok()?;
    Some(path.file_name().map_or_else(|| folder.clone(), |name| folder.join(name)))
}
