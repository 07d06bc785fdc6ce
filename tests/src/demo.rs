//! Runs `cargo xtask demo` as people run it, and kills it as people do not.

use std::{
    fs,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    free_port,
    program::{Ended, end, programs, root},
};

/// A demo in a folder of its own.
pub struct Demo {
    folder: TempDir,
    rows: u64,
}

impl Demo {
    /// A city of so many persons; nothing is made yet, but the programs are, so that what a run
    /// takes is its own time. Its hub has a port of its own: two demos that start at once would
    /// both find the usual one free.
    pub fn new(rows: u64) -> Self {
        programs();
        let this = Self { folder: tempfile::tempdir().expect("a temporary folder"), rows };
        fs::create_dir(this.folder()).expect("our own folder");
        fs::write(this.folder().join("hub.port"), free_port().to_string()).expect("a new file");
        this
    }

    /// The same whose hub has these settings, too.
    pub fn with_settings(rows: u64, settings: &str) -> Self {
        let this = Self::new(rows);
        fs::write(this.settings(), settings).expect("our own folder");
        this
    }

    fn settings(&self) -> PathBuf {
        self.folder.path().join("settings.toml")
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
        if self.settings().exists() {
            command.arg("--settings").arg(self.settings());
        }
        // A group of its own, so that the hub can be killed with it.
        command.process_group(0).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
    }
}
