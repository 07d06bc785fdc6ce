//! The hub as a child process, and the commands it is asked by.

pub mod answer;

use std::{
    collections::BTreeMap,
    env, fs,
    fs::File,
    net::SocketAddr,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use tokio::{
    process::{Child, Command},
    time,
};

use self::answer::{Books, Status};
use crate::{process, workspace};

/// Where an installation lies.
#[derive(Clone, Debug)]
pub struct Installation {
    /// The hub's program.
    pub program: PathBuf,
    /// Its configuration file.
    pub config: PathBuf,
    /// Where its log goes.
    pub log: PathBuf,
}

/// A running hub. It stops when its standard input ends: with [`Hub::stop`], or with us.
pub struct Hub {
    child: Child,
    installation: Installation,
}

/// How long a hub may take to answer its first request.
const START_TIMEOUT: Duration = Duration::from_secs(120);
/// How long it may take to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);

/// Builds the hub. Its program lies beside ours.
pub fn build() -> Result<PathBuf> {
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--quiet", "--locked", "--bin", "yiku"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    process::run(&mut cargo)?;
    let own = env::current_exe().context("where this program lies")?;
    let program = own.with_file_name(format!("yiku{}", env::consts::EXE_SUFFIX));
    match program.exists() {
        true => Ok(program),
        false => bail!("{} is not there after its build", program.display()),
    }
}

/// Publishes what is new in the catalog folder. No hub must run.
pub async fn publish_catalog(installation: &Installation) -> Result<()> {
    let mut command = installation.command(&["catalog", "publish", "--all"]);
    let output = command.output().await.context("cannot start the hub's program")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("the catalog was not published: {}", said.trim());
    }
    Ok(())
}

impl Installation {
    /// The program with its configuration and these words.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(&self.config).args(words);
        command
    }
}

impl Hub {
    /// Starts a hub and waits until it answers.
    pub async fn start(installation: Installation, address: SocketAddr) -> Result<Self> {
        let mut hub = Self::spawn(installation)?;
        hub.answers(address).await?;
        Ok(hub)
    }

    /// Starts a hub and waits for nothing.
    pub fn spawn(installation: Installation) -> Result<Self> {
        let log = File::options().create(true).append(true).open(&installation.log)?;
        let child = installation
            .command(&["serve", "--stop-with-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log))
            .kill_on_drop(true)
            .spawn()
            .context("cannot start the hub")?;
        Ok(Self { child, installation })
    }

    /// Waits until it answers.
    pub async fn answers(&mut self, address: SocketAddr) -> Result<()> {
        let ready = format!("http://{address}/readyz");
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            self.check_alive()?;
            if reqwest::get(&ready).await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("the hub does not answer on {ready}:\n{}", self.last_words());
            }
            time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// An error if the hub has ended.
    pub fn check_alive(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("the hub ended by itself ({status}):\n{}", self.last_words()),
        }
    }

    /// How everything stands.
    pub async fn status(&self) -> Result<Status> {
        self.ask(&["status", "--json"]).await
    }

    /// Recounts the books.
    pub async fn reconcile(&self) -> Result<Books> {
        self.ask(&["reconcile", "--json"]).await
    }

    /// The most memory that the hub's process has had, in MB. Only Linux says it.
    pub fn peak_rss_mb(&self) -> f64 {
        let Some(id) = self.child.id() else { return 0.0 };
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|text| text.trim().trim_end_matches("kB").trim().parse().ok());
        kib.map_or(0.0, |kib: f64| kib / 1024.0)
    }

    /// Seconds that the hub's process has computed, to a hundredth. Only Linux says it.
    pub fn computed_seconds(&self) -> f64 {
        self.child.id().map_or(0.0, |id| process::computed_seconds(id).unwrap_or_default())
    }

    /// The same by the names of its threads.
    pub fn computed_by_threads(&self) -> BTreeMap<String, f64> {
        self.child.id().map(process::computed_by_threads).unwrap_or_default()
    }

    /// Runs a command of the hub's program beside the hub; returns what it prints.
    pub async fn tell(&self, words: &[&str]) -> Result<String> {
        let mut command = self.installation.command(words);
        let output = command.stdin(Stdio::null()).output().await?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("`yiku {}` failed: {}", words.join(" "), said.trim());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Ends it with SIGKILL.
    pub async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Lets the hub end its work and waits for its end.
    pub async fn stop(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        match time::timeout(STOP_TIMEOUT, self.child.wait()).await {
            Ok(status) if status.as_ref().is_ok_and(|status| status.success()) => Ok(()),
            Ok(status) => bail!("the hub stopped badly ({:?}):\n{}", status, self.last_words()),
            Err(_) => bail!("the hub did not stop within {} s", STOP_TIMEOUT.as_secs()),
        }
    }

    /// Runs a command of the hub's program beside the hub and reads its answer. A command may
    /// answer and still fail: books that do not balance end with 2.
    async fn ask<T: DeserializeOwned>(&self, words: &[&str]) -> Result<T> {
        let output = self
            .installation
            .command(words)
            .stdin(Stdio::null())
            .output()
            .await
            .context("cannot start the hub's program")?;
        serde_json::from_slice(&output.stdout).with_context(|| {
            let said = String::from_utf8_lossy(&output.stderr);
            format!("`yiku {}` gave no good answer: {}", words.join(" "), said.trim())
        })
    }

    /// The end of its log.
    pub fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.installation.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(12)..].join("\n");
        format!("{last}\n(the whole log is {})", self.installation.log.display())
    }
}
