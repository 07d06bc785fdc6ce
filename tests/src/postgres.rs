//! PostgreSQL 15 from Debian's package.

use std::{
    fs,
    process::{Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

use crate::{
    free_port,
    server::{Server, find, new_folder, run, run_as, with_patience},
};

const PACKAGE: &str = "postgresql-15";
const FOLDERS: [&str; 3] = [
    "/usr/lib/postgresql/15/bin/postgres",
    "/usr/lib/postgresql/16/bin/postgres",
    "/usr/lib/postgresql/17/bin/postgres",
];

/// A PostgreSQL server.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
    bin: String,
    port: u16,
}

/// The server that all tests of this process share.
pub fn postgres() -> &'static Postgres {
    static SHARED: LazyLock<Postgres> = LazyLock::new(Postgres::start);
    &SHARED
}

impl Postgres {
    /// Starts a server of one's own, for tests that kill it.
    pub fn start() -> Self {
        let this = with_patience(Self::try_start);
        this.execute("postgres", "CREATE ROLE guarded LOGIN PASSWORD 'secret'");
        this
    }

    fn try_start() -> Result<Self, String> {
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
        // Logins with the password `secret` for whoever tests wrong passwords.
        let access = "host all guarded 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n\
                      host replication all 127.0.0.1/32 trust\n";
        fs::write(folder.join("data/pg_hba.conf"), access).expect("the data folder can be written");
        let port = free_port();
        let server = Self::run(&bin, &folder, port)?;
        Ok(Self { server, bin, port })
    }

    fn run(bin: &str, folder: &std::path::Path, port: u16) -> Result<Server, String> {
        let mut words = run_as("postgres");
        words.push(format!("{bin}/postgres"));
        words.extend(["-D".to_owned(), folder.join("data").display().to_string()]);
        for setting in [
            &format!("port={port}"),
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "wal_level=logical",
            "max_connections=60",
            "shared_buffers=32MB",
            "fsync=off", // a killed process loses nothing by it, only a power cut would
        ] {
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

    /// Kills the server with SIGKILL.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts a killed server again, on the same port with the same data.
    pub fn restart(&mut self) {
        let folder = self.server.folder().to_owned();
        self.server = with_patience(|| Self::run(&self.bin, &folder, self.port));
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
