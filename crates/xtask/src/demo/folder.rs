//! The demo's folder: what lies where, and the hub's installation in it.

use std::{
    fs::{self, File},
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::{
    connector,
    system::{Form, SYSTEMS, System},
};
use crate::{files, hub::Installation, workspace};

/// The demo's folder.
pub struct Folder {
    root: PathBuf,
}

/// What the folder was made with. Another city in the same folder would be a mixture.
#[derive(Debug, Deserialize, Eq, PartialEq, Serialize)]
struct Made {
    /// Natural persons.
    rows: u64,
    /// Rises when the generator writes other rows.
    generator: u32,
}

const GENERATOR: u32 = 1;

impl Folder {
    /// Takes the folder for a city of so many persons, or says why it cannot be taken.
    pub fn take(path: &Path, rows: u64) -> Result<Self> {
        let root = std::path::absolute(path)?;
        fs::create_dir_all(&root).with_context(|| format!("cannot make {}", root.display()))?;
        let mark = root.join("demo.json");
        let made = Made { rows, generator: GENERATOR };
        match fs::read_to_string(&mark) {
            Ok(text) => {
                let before: Made = serde_json::from_str(&text)
                    .with_context(|| format!("in {}", mark.display()))?;
                if before != made {
                    bail!(
                        "{} holds a city made with --rows {} (generator {}); remove the folder, \
                         or name another with --data",
                        root.display(),
                        before.rows,
                        before.generator
                    );
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                files::write(&mark, &serde_json::to_string(&made)?)?;
            }
            Err(error) => return Err(error).context(format!("cannot read {}", mark.display())),
        }
        Ok(Self { root })
    }

    /// The folder itself: `systems` and `truth` lie in it.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a system's data lies.
    pub fn system(&self, system: &System) -> PathBuf {
        self.root.join("systems").join(system.department()).join(system.connector)
    }

    /// How many rows a system has, once it is made.
    pub fn rows_of(&self, system: &System) -> Option<u64> {
        #[derive(Deserialize)]
        struct Done {
            rows: u64,
        }
        let mark = self.root.join("truth").join(format!("{}.done", system.connector));
        let done: Done = serde_json::from_str(&fs::read_to_string(mark).ok()?).ok()?;
        Some(done.rows)
    }

    /// What subscribers were given.
    pub fn out(&self) -> PathBuf {
        self.root.join("out")
    }

    /// The hub's configuration file.
    fn config(&self) -> PathBuf {
        self.root.join("yiku.toml")
    }

    /// The hub's installation.
    pub fn installation(&self, program: &Path) -> Installation {
        let log = self.root.join("hub.log");
        Installation { program: program.to_owned(), config: self.config(), log }
    }

    /// Writes the hub's installation: configuration with `settings` at its end, catalog, connector
    /// files, secrets. What is there already and the same is left alone, so that a running position
    /// stays good.
    pub fn install(
        &self,
        hub: SocketAddr,
        service: SocketAddr,
        keys: &Keys,
        settings: &str,
    ) -> Result<()> {
        let config = format!(
            "[folders]\ndata = \"data\"\ncatalog = \"catalog\"\n\n[http]\nlisten = \"{hub}\"\n\n{settings}"
        );
        files::write(&self.config(), &config)?;
        files::copy_folder(&workspace::root().join("catalog"), &self.root.join("catalog"))?;
        for system in SYSTEMS {
            let name = system.connector;
            let folder = self.system(system);
            let file = self.root.join(format!("data/connectors/{name}.yaml"));
            files::write(&file, &connector::source(system, &folder.to_string_lossy()))?;
            match system.form {
                Form::Sqlite { .. } => {
                    let path = folder.join(format!("{name}.db"));
                    self.secret(&format!("{name}.url"), &format!("sqlite:{}", path.display()))?;
                }
                Form::Http => {
                    self.secret(&format!("{name}.url"), &format!("http://{service}/{name}"))?;
                }
                _ => {}
            }
        }
        for (name, text) in connector::SUBSCRIBERS {
            let text = text.replace("folder: out", &format!("folder: {}", self.out().display()));
            files::write(&self.root.join(format!("data/connectors/{name}.yaml")), &text)?;
        }
        let register = self.out().join("approval");
        fs::create_dir_all(&register)?;
        fs::create_dir_all(self.out().join("housing-fund"))?;
        let url = format!("sqlite:{}", register.join("register.db").display());
        self.secret("approval-out.url", &url)?;
        self.secret("credit-out.url", &format!("http://{service}/credit"))?;
        self.secret("credit-out.secret", &keys.webhook)?;
        self.secret("service.key", &keys.service)
    }

    /// The address of the hub or the service: that of the last run if it is still free, so that
    /// bookmarks and positions stay good, else any.
    pub fn address(&self, name: &str, wanted: u16) -> Result<TcpListener> {
        let note = self.root.join(format!("{name}.port"));
        let last = fs::read_to_string(&note).ok().and_then(|text| text.trim().parse().ok());
        let listener = TcpListener::bind(("127.0.0.1", last.unwrap_or(wanted)))
            .or_else(|_| TcpListener::bind(("127.0.0.1", 0)))
            .context("no port of the loopback address is free")?;
        files::write(&note, &listener.local_addr()?.port().to_string())?;
        Ok(listener)
    }

    /// Waits until no hub holds the data folder: that of a run that was killed ends by itself.
    pub fn wait_until_free(&self) -> Result<()> {
        let lock = self.root.join("data/lock");
        let deadline = Instant::now() + Duration::from_secs(60);
        while let Ok(file) = File::open(&lock) {
            if file.try_lock().is_ok() {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("another hub works on {}; stop it first", self.root.display());
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    fn secret(&self, name: &str, text: &str) -> Result<()> {
        files::write(&self.root.join("data/secrets").join(name), text)
    }
}

/// What the service and the hub know of each other. The demo's own, so they are fixed.
pub struct Keys {
    /// Sent with every request to the departments' service.
    pub service: String,
    /// Signs what the webhook gets.
    pub webhook: String,
}

impl Default for Keys {
    fn default() -> Self {
        Self { service: "demo-service-key".into(), webhook: "demo-webhook-secret".into() }
    }
}
