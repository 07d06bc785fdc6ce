//! The real clients that tests put to work, each once for each text of its list of packages.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{files, process, workspace};

/// Installs into the target folder what is missing.
pub fn install() -> Result<()> {
    let target = target_folder()?;
    once(PYTHON, &target.join("clients"), install_python)?;
    once(NODE, &target.join("clients-node"), install_node)
}

/// Installs unless the folder holds what the list says.
fn once(list: &str, folder: &Path, install: fn(&Path, &str) -> Result<()>) -> Result<()> {
    let wanted = fs::read_to_string(workspace::root().join(list))?;
    let installed = folder.join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|there| there == wanted) {
        return Ok(());
    }
    eprintln!("installing what the tests need: the packages of {list}");
    install(folder, list).with_context(|| format!("the tests need the packages of {list}"))?;
    files::write(&installed, &wanted)
}

/// A Python of our own.
fn install_python(folder: &Path, list: &str) -> Result<()> {
    process::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder))?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.current_dir(workspace::root());
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--requirement", list]);
    process::run(&mut pip)
}

/// No script of a package is run: none of them needs it.
fn install_node(folder: &Path, list: &str) -> Result<()> {
    fs::create_dir_all(folder)?;
    let list = workspace::root().join(list);
    for file in [&list, &list.with_file_name("package.json")] {
        fs::copy(file, folder.join(file.file_name().expect("it has a name")))?;
    }
    let words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"];
    process::run(Command::new("npm").args(words).current_dir(folder))
}

/// Where cargo builds.
fn target_folder() -> Result<PathBuf> {
    let own = env::current_exe().context("where this program lies")?;
    let target = own.ancestors().nth(2).context("this program lies in target/debug")?;
    Ok(target.to_owned())
}

const PYTHON: &str = "tests/clients/requirements.txt";
const NODE: &str = "tests/clients/node/package-lock.json";
