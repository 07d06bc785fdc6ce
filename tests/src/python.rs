//! Real clients written in Python, which `cargo xtask test` installs in the target folder.

use std::{env, path::PathBuf, process::Command};

use crate::program::{Ended, root};

/// Runs a script of `tests/clients`.
pub fn python_client(script: &str, words: &[&str]) -> Ended {
    let path = root().join("tests/clients").join(script);
    let output = Command::new(python()).arg(path).args(words).output();
    Ended::of(output.expect("an installed Python starts"))
}

/// The Python that has the clients' packages.
fn python() -> PathBuf {
    let own = env::current_exe().expect("where this program lies");
    let target = own.ancestors().nth(3).expect("tests lie in target/debug/deps");
    let python = target.join("clients/bin/python");
    assert!(
        python.exists(),
        "this test needs the Python packages of tests/clients/requirements.txt; `cargo xtask test` \
         installs them"
    );
    python
}
