//! The programs under test, as child processes.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Child, Command, Output},
    sync::OnceLock,
};

/// What a run of a program came to.
#[derive(Debug)]
pub struct Ended {
    /// Whether it ended well.
    pub success: bool,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ended {
    /// What a program has left when it ended.
    pub fn of(output: Output) -> Self {
        Self {
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Waits for a program's end.
pub(crate) fn end(child: std::io::Result<Child>) -> Ended {
    Ended::of(child.and_then(Child::wait_with_output).expect("the program starts"))
}

/// Where the programs lie.
pub(crate) struct Programs {
    pub(crate) xtask: PathBuf,
    pub(crate) yiku: PathBuf,
}

/// Both programs, built once. They lie beside the tests' own.
pub(crate) fn programs() -> &'static Programs {
    static PROGRAMS: OnceLock<Programs> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .current_dir(root())
            .args(["build", "--quiet", "--locked", "--bin", "xtask", "--bin", "yiku"])
            .status();
        assert!(built.is_ok_and(|status| status.success()), "the demo does not build");
        let own = env::current_exe().expect("where this program lies");
        let folder = own.ancestors().nth(2).expect("tests lie in target/debug/deps");
        Programs { xtask: folder.join("xtask"), yiku: folder.join("yiku") }
    })
}

/// Runs a command of the hub's program that needs no hub.
pub fn yiku(words: &[&str]) -> Ended {
    let output = Command::new(yiku_path()).args(words).output().expect("the program starts");
    Ended::of(output)
}

/// Runs `cargo xtask` with these words.
pub fn xtask(words: &[&str]) -> Ended {
    let output = Command::new(&programs().xtask).current_dir(root()).args(words).output();
    Ended::of(output.expect("the program starts"))
}

/// Where the hub's program lies.
pub fn yiku_path() -> &'static Path {
    &programs().yiku
}

/// The repository.
pub fn root() -> PathBuf {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs tests");
    Path::new(&manifest).parent().expect("tests lie in the repository").to_owned()
}
