//! Real clients, which `cargo xtask test` installs in the target folder.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use crate::program::{Ended, root};

/// Runs a script of `tests/clients` by Python.
pub fn python_client(script: &str, words: &[&str]) -> Ended {
    let python = installed("clients/bin/python");
    run(Command::new(python).arg(scripts().join(script)).args(words))
}

/// Runs a script of `tests/clients/node` by Node.
pub fn node_client(script: &str, words: &[&str]) -> Ended {
    let packages = installed("clients-node/node_modules");
    let script = scripts().join("node").join(script);
    run(Command::new("node").env("NODE_PATH", packages).arg(script).args(words))
}

fn run(command: &mut Command) -> Ended {
    Ended::of(command.output().expect("an installed program starts"))
}

fn scripts() -> PathBuf {
    root().join("tests/clients")
}

/// What the test command has put into the target folder.
fn installed(name: &str) -> PathBuf {
    let own = env::current_exe().expect("where this program lies");
    let path = own.ancestors().nth(3).map(|target| target.join(name));
    let path = path.expect("tests lie in target/debug/deps");
    assert!(
        Path::new(&path).exists(),
        "this test needs the packages of tests/clients; `cargo xtask test` installs them"
    );
    path
}
