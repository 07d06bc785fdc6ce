//! PostgreSQL 15 from Debian's package.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

use crate::{
    certificates, free_port,
    server::{Server, find, new_folder, run, run_as, with_patience},
};

const PACKAGE: &str = "postgresql-15";
const FOLDERS: [&str; 3] = [
    "/usr/lib/postgresql/15/bin/postgres",
    "/usr/lib/postgresql/16/bin/postgres",
    "/usr/lib/postgresql/17/bin/postgres",
];

/// Copies a file for the server alone, as it asks of its key.
fn give(from: &Path, to: &Path) {
    fs::copy(from, to).expect("the data folder can be written");
    fs::set_permissions(to, Permissions::from_mode(0o600)).expect("it is ours");
    let data = fs::metadata(to.parent().expect("a folder")).expect("it was made");
    chown(to, Some(data.uid()), Some(data.gid())).expect("it is ours to give");
}

/// A PostgreSQL server.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
    bin: String,
    port: u16,
    settings: Vec<String>,
}

/// The server that all tests of this process share.
pub fn postgres() -> &'static Postgres {
    static SHARED: LazyLock<Postgres> = LazyLock::new(Postgres::start);
    &SHARED
}

impl Postgres {
    /// Starts a server of one's own, for tests that kill it.
    pub fn start() -> Self {
        // A killed process loses nothing without syncs, only a power cut would.
        Self::start_with(&["shared_buffers=32MB", "fsync=off"])
    }

    /// Starts a server of one's own with more settings.
    pub fn start_with(settings: &[&str]) -> Self {
        let this = with_patience(|| Self::try_start(settings));
        this.execute("postgres", "CREATE ROLE guarded LOGIN PASSWORD 'secret'");
        this.execute("postgres", "CREATE ROLE sealed LOGIN PASSWORD 'secret'");
        this
    }

    /// Starts a server of one's own that may be reached by TLS.
    pub fn start_with_tls() -> Self {
        Self::start_with(&["fsync=off", "ssl=on"])
    }

    /// A PEM file of the authority that signed its certificate (`ca.crt`), or of one that signed
    /// nothing (`stranger.crt`).
    pub fn certificate(&self, name: &str) -> PathBuf {
        self.server.folder().join(name)
    }

    fn try_start(settings: &[&str]) -> Result<Self, String> {
        let bin = find(&FOLDERS, PACKAGE).trim_end_matches("/postgres").to_owned();
        let folder = new_folder("postgres", "postgres");
        let data = folder.join("data").display().to_string();
        let mut words = run_as("postgres");
        words.extend(
            [&format!("{bin}/initdb"), "-D", &data, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
                .map(str::to_owned),
        );
        words.extend(["--locale=C.UTF-8", "--no-sync"].map(str::to_owned));
        run(&words, PACKAGE).inspect_err(|_| drop(fs::remove_dir_all(&folder)))?;
        // Logins with the password `secret` for whoever tests wrong ones; `sealed` by TLS alone.
        let access = "hostssl all sealed 127.0.0.1/32 scram-sha-256\n\
                      host all sealed 127.0.0.1/32 reject\n\
                      host all guarded 127.0.0.1/32 scram-sha-256\n\
                      host all all 127.0.0.1/32 trust\n\
                      host replication all 127.0.0.1/32 trust\n";
        fs::write(folder.join("data/pg_hba.conf"), access).expect("the data folder can be written");
        if settings.contains(&"ssl=on") {
            certificates::make(&folder)?;
            for name in ["server.crt", "server.key"] {
                give(&folder.join(name), &folder.join("data").join(name));
            }
        }
        let port = free_port();
        let settings: Vec<String> = settings.iter().map(|&one| one.to_owned()).collect();
        let server = Self::run(&bin, &folder, port, &settings)?;
        Ok(Self { server, bin, port, settings })
    }

    fn run(bin: &str, folder: &Path, port: u16, settings: &[String]) -> Result<Server, String> {
        let mut words = run_as("postgres");
        words.push(format!("{bin}/postgres"));
        words.extend(["-D".to_owned(), folder.join("data").display().to_string()]);
        let always = [
            &format!("port={port}"),
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "wal_level=logical",
            "max_connections=60",
        ];
        for setting in always.into_iter().chain(settings.iter().map(String::as_str)) {
            words.extend(["-c".to_owned(), setting.to_owned()]);
        }
        Server::start(folder, &words, || {
            Command::new(format!("{bin}/pg_isready"))
                .args(["-q", "-U", "postgres", "-h", "127.0.0.1", "-p", &port.to_string()])
                .status()
                .is_ok_and(|status| status.success())
        })
    }

    /// Makes an empty database and returns its URL.
    pub fn database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let name = format!("test{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.execute("postgres", &format!("CREATE DATABASE {name}"));
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its first process.
    pub fn process_id(&self) -> u32 {
        self.server.process_id()
    }

    /// Kills the server with SIGKILL.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts a killed server again, on the same port with the same data.
    pub fn restart(&mut self) {
        let folder = self.server.folder().to_owned();
        let run = || Self::run(&self.bin, &folder, self.port, &self.settings);
        self.server = with_patience(run);
    }

    /// Runs a statement in a database; panics when it fails.
    pub fn execute(&self, database: &str, statement: &str) {
        let output = Command::new("psql")
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "postgres"])
            .args(["-p", &self.port.to_string(), "-d", database, "-c", statement])
            .stdin(Stdio::null())
            .output()
            .expect("psql comes with the server");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
