//! Runs `cargo xtask demo` as people run it, and kills it as people do not.

use std::{
    env,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

/// A demo in a folder of its own.
pub struct Demo {
    folder: TempDir,
    rows: u64,
}

/// What a run of a program came to.
pub struct Ended {
    /// Whether it ended well.
    pub success: bool,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Demo {
    /// A city of so many persons; nothing is made yet, but the programs are, so that what a run
    /// takes is its own time.
    pub fn new(rows: u64) -> Self {
        programs();
        Self { folder: tempfile::tempdir().expect("a temporary folder"), rows }
    }

    /// Everything that the demo makes.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join("demo")
    }

    /// Runs until everything is exchanged; what `--json` prints.
    pub fn run(&self) -> Value {
        let ended = end(self.start());
        assert!(ended.success, "the demo failed:\n{}", ended.stderr);
        serde_json::from_str(&ended.stdout).unwrap_or_else(|e| panic!("{e} in {}", ended.stdout))
    }

    /// Runs for so long, then kills the demo and its hub with SIGKILL; whether there was anything
    /// left to kill.
    pub fn kill_after(&self, time: Duration) -> bool {
        let mut child = self.start().expect("the demo starts");
        let until = Instant::now() + time;
        let mut ran = true;
        while ran && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5).min(time));
            ran = child.try_wait().expect("our own child").is_none();
        }
        if ran {
            let group = format!("-{}", child.id());
            let killed = Command::new("kill").args(["-KILL", "--", &group]).status();
            assert!(killed.is_ok(), "there is no `kill`");
        }
        let _ = child.wait();
        ran
    }

    /// Runs a command of the hub's program on the demo's folder.
    pub fn yiku(&self, words: &[&str]) -> Ended {
        let mut command = Command::new(&programs().yiku);
        command.arg("--config").arg(self.folder().join("yiku.toml")).args(words);
        end(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn())
    }

    fn start(&self) -> std::io::Result<Child> {
        let mut command = Command::new(&programs().xtask);
        command.args(["demo", "--once", "--json", "--rows", &self.rows.to_string(), "--data"]);
        command.arg(self.folder()).current_dir(root());
        // A group of its own, so that the hub can be killed with it.
        command.process_group(0).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
    }
}

fn end(child: std::io::Result<Child>) -> Ended {
    let output = child.and_then(Child::wait_with_output).expect("the program starts");
    Ended {
        success: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

struct Programs {
    xtask: PathBuf,
    yiku: PathBuf,
}

/// Both programs, built once. They lie beside the tests' own.
fn programs() -> &'static Programs {
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

/// The repository.
fn root() -> PathBuf {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs tests");
    Path::new(&manifest).parent().expect("tests lie in the repository").to_owned()
}
