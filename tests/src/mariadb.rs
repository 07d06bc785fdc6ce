//! MariaDB 10.11 from Debian's package.

use std::{
    fs,
    path::Path,
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

const PACKAGE: &str = "mariadb-server";

/// A MariaDB server.
#[derive(Debug)]
pub struct MariaDb {
    server: Server,
    port: u16,
}

/// The server that all tests of this process share.
pub fn mariadb() -> &'static MariaDb {
    static SHARED: LazyLock<MariaDb> = LazyLock::new(MariaDb::start);
    &SHARED
}

impl MariaDb {
    /// Starts a server of one's own, for tests that kill it.
    pub fn start() -> Self {
        with_patience(Self::try_start)
    }

    fn try_start() -> Result<Self, String> {
        let install = find(&["/usr/bin/mariadb-install-db"], PACKAGE);
        let folder = new_folder("mariadb", "mysql");
        let mut words = run_as("mysql");
        words.extend([
            install,
            "--no-defaults".to_owned(),
            format!("--datadir={}", folder.join("data").display()),
            "--skip-test-db".to_owned(),
            "--auth-root-authentication-method=normal".to_owned(),
        ]);
        run(&words, PACKAGE).inspect_err(|_| drop(fs::remove_dir_all(&folder)))?;
        let port = free_port();
        let settings = settings(&folder, port);
        fs::write(folder.join("my.cnf"), settings).expect("the folder can be written");
        // The only account of a new server is root over its socket.
        let accounts = "SET sql_log_bin=0;\n\
             CREATE OR REPLACE USER harness@'127.0.0.1' IDENTIFIED BY 'secret';\n\
             GRANT ALL ON *.* TO harness@'127.0.0.1' WITH GRANT OPTION;\n";
        fs::write(folder.join("init.sql"), accounts).expect("the folder can be written");
        Ok(Self { server: Self::run(&folder, port)?, port })
    }

    fn run(folder: &Path, port: u16) -> Result<Server, String> {
        let mut words = run_as("mysql");
        words.push(find(&["/usr/sbin/mariadbd", "/usr/bin/mariadbd"], PACKAGE));
        words.push(format!("--defaults-file={}", folder.join("my.cnf").display()));
        // A real query: mariadb-admin's ping also says yes to a refused login.
        Server::start(folder, &words, || Self::client(port, "mysql", "SELECT 1").is_ok())
    }

    /// Makes an empty database and returns its URL.
    pub fn database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let name = format!("test{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.execute("mysql", &format!("CREATE DATABASE {name}"));
        format!("mysql://harness:secret@127.0.0.1:{}/{name}", self.port)
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
        self.server = with_patience(|| Self::run(&folder, self.port));
    }

    /// Runs a statement in a database; panics when it fails.
    pub fn execute(&self, database: &str, statement: &str) {
        if let Err(problem) = Self::client(self.port, database, statement) {
            panic!("{problem}");
        }
    }

    fn client(port: u16, database: &str, statement: &str) -> Result<(), String> {
        let output = Command::new("mariadb")
            .args(["--no-defaults", "--protocol=tcp", "-h127.0.0.1", "-uharness", "-psecret"])
            .args([format!("-P{port}"), format!("-D{database}")])
            .args(["--default-character-set=utf8mb4", "-e", statement])
            .stdin(Stdio::null())
            .output()
            .expect("the client comes with the server");
        match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }
}

fn settings(folder: &Path, port: u16) -> String {
    let folder = folder.display();
    format!(
        "[mariadbd]\n\
         datadir={folder}/data\n\
         port={port}\n\
         bind-address=127.0.0.1\n\
         socket={folder}/s.sock\n\
         pid-file={folder}/pid\n\
         init-file={folder}/init.sql\n\
         skip-name-resolve\n\
         server-id=1\n\
         log-bin={folder}/data/binlog\n\
         binlog-format=ROW\n\
         binlog-row-image=FULL\n\
         binlog-row-metadata=FULL\n\
         gtid-strict-mode=1\n\
         innodb-buffer-pool-size=64M\n\
         innodb-log-file-size=16M\n\
         innodb-flush-log-at-trx-commit=2\n\
         performance-schema=OFF\n\
         character-set-server=utf8mb4\n"
    )
}
