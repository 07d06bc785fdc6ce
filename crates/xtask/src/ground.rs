//! A hub of one's own to measure or to break, in a folder that is gone afterwards.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use crate::{
    files,
    hub::{self, Hub, Installation},
    workspace,
};

/// The folder of a hub, and what is looked at in it.
pub struct Ground {
    folder: TempDir,
    program: PathBuf,
    address: SocketAddr,
}

impl Ground {
    /// A published catalog, the repository's and one grant of everything about persons; no
    /// connectors.
    pub async fn new(program: &Path) -> Result<Self> {
        Self::with(program, "").await
    }

    /// The same with these settings of bus and store.
    pub async fn with(program: &Path, settings: &str) -> Result<Self> {
        // Beside the program: on a disk, where a temporary folder may be memory.
        let beside = program.parent().context("a program lies in a folder")?;
        let folder = tempfile::Builder::new().prefix("ground-").tempdir_in(beside)?;
        let address = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let ground = Self { folder, program: program.to_owned(), address };
        files::copy_folder(&workspace::root().join("catalog"), &ground.path().join("catalog"))?;
        ground.write(&format!("catalog/grants/{GRANT}.yaml"), GRANT_FILE)?;
        let settings = format!("[http]\nlisten = \"{address}\"\n{settings}");
        ground.write("yiku.toml", &settings)?;
        hub::publish_catalog(&ground.installation()).await?;
        Ok(ground)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Leaves the folder there, for somebody to look at.
    pub fn keep(&mut self) -> &Path {
        self.folder.disable_cleanup(true);
        self.folder.path()
    }

    /// Writes a file of the folder.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        files::write(&self.path().join(name), text)
    }

    /// Removes a file or a folder with all that is in it, if it is there.
    pub fn remove(&self, name: &str) -> Result<()> {
        let path = self.path().join(name);
        let removed = match path.is_dir() {
            true => fs::remove_dir_all(&path),
            false => fs::remove_file(&path),
        };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Writes a connector's file.
    pub fn connector(&self, name: &str, yaml: &str) -> Result<()> {
        self.write(&format!("data/connectors/{name}.yaml"), &format!("connector: {name}\n{yaml}"))
    }

    /// Where the hub listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts the hub and waits for nothing.
    pub fn spawn(&self) -> Result<Hub> {
        Hub::spawn(self.installation())
    }

    /// Starts the hub and waits until it answers.
    pub async fn start(&self) -> Result<Hub> {
        Hub::start(self.installation(), self.address).await
    }

    /// The hub's program with its configuration and these words.
    pub fn command(&self, words: &[&str]) -> tokio::process::Command {
        self.installation().command(words)
    }

    fn installation(&self) -> Installation {
        let (config, log) = (self.path().join("yiku.toml"), self.path().join("hub.log"));
        Installation { program: self.program.clone(), config, log }
    }

    /// The hub's store, to look at: asking the hub itself would be part of its work.
    pub fn store(&self) -> Result<Connection> {
        let path = self.path().join("data/store.db");
        let store = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        store.busy_timeout(Duration::from_secs(10))?;
        Ok(store)
    }
}

/// Waits until a count of the store has reached `wanted`; it must not stand still for long.
pub async fn until_count(store: &Connection, hub: &mut Hub, sql: &str, wanted: u64) -> Result<()> {
    let mut statement = store.prepare(sql)?;
    until(hub, wanted, async || {
        let count: i64 = statement.query_row([], |row| row.get(0))?;
        Ok(count.cast_unsigned())
    })
    .await
}

/// The same of a count that is looked at in any way.
pub async fn until(
    hub: &mut Hub,
    wanted: u64,
    mut count: impl AsyncFnMut() -> Result<u64>,
) -> Result<()> {
    let (mut last, mut moved) = (0, Instant::now());
    loop {
        let count = count().await?;
        if count >= wanted {
            return Ok(());
        }
        hub.check_alive()?;
        if count != last {
            (last, moved) = (count, Instant::now());
        }
        if moved.elapsed() > STALL_TIMEOUT {
            bail!(
                "{last} of {wanted}, and nothing more for {STALL_TIMEOUT:?}\n{}",
                hub.last_words()
            );
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How long a count may stand still.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// The grant of everything about persons.
pub const GRANT: &str = "every-person";
const GRANT_FILE: &str = "grant: every-person
to: health
of: population.person
basis: trial
scenario: trial
scope: trial
modes: [batch]
period: { from: \"2020-01-01\", until: \"2099-12-31\" }
items: [citizen_id, name, sex, ethnic_group, birth_date, household_no, household_relation, division,
  address, residence_division, residence_address, education, marital, workplace, height_cm, phone]
approved:
  - { department: health, ref: trial, approved_on: \"2020-01-01\" }
  - { department: public-security, ref: trial, approved_on: \"2020-01-01\" }
at_end: destroy
";
