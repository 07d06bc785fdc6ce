//! A hub of one's own: configuration, a small catalog, connector files, and the real program.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    free_port,
    program::{self, Ended, end, programs, root},
    sqlite,
};

/// A hub in a folder of its own; it stops when this value is dropped.
pub struct Hub {
    _folder: TempDir,
    folder: PathBuf,
    port: u16,
    child: Option<Child>,
    environment: Vec<(String, String)>,
}

impl Hub {
    /// Lays out a folder with a copy of this catalog and publishes it. Nothing runs yet.
    pub fn new(catalog: &Path) -> Self {
        let this = Self::unpublished(catalog, "");
        let ended = this.yiku(&["catalog", "publish", "--all"]);
        assert!(ended.success, "the catalog was not published: {ended:?}");
        this
    }

    /// The same with more settings, and nothing published.
    pub fn unpublished(catalog: &Path, settings: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().to_owned();
        copy(catalog, &path.join("catalog"));
        fs::create_dir_all(path.join("data/connectors")).expect("the folder can be written");
        fs::create_dir_all(path.join("data/secrets")).expect("the folder can be written");
        let port = free_port();
        let this =
            Self { _folder: folder, folder: path, port, child: None, environment: Vec::new() };
        this.settings(settings);
        this
    }

    /// A folder as `yiku init` makes it, but for the port: other tests listen, too.
    pub fn initialised() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (path, port) = (folder.path().join("my hub"), free_port());
        let ended = program::yiku(&["init", path.to_str().expect("our own path")]);
        assert!(ended.success && ended.stdout.contains("README"), "{ended:?}");
        let this =
            Self { _folder: folder, folder: path, port, child: None, environment: Vec::new() };
        let settings = fs::read_to_string(this.folder.join("yiku.toml")).expect("it was written");
        this.write("yiku.toml", settings.replace(":8620", &format!(":{port}")));
        this
    }

    /// Writes the configuration with these settings beside those that every hub has.
    pub fn settings(&self, more: &str) {
        let more = more.strip_prefix("[http]\n").map_or_else(|| more.into(), str::to_owned);
        let text = format!(
            "log = {{ format = \"text\", level = \"warn\" }}\n[http]\n\
             listen = \"127.0.0.1:{}\"\n{more}",
            self.port
        );
        self.write("yiku.toml", text);
    }

    /// Sets an environment variable of the program from its next start on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// The folder with everything.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a file below the folder, making the folders on its way.
    pub fn write(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let path = self.folder.join(path);
        fs::create_dir_all(path.parent().expect("a file lies in a folder"))
            .and_then(|()| fs::write(&path, content))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// Writes a connector file whose name is its first line's.
    pub fn connector(&self, name: &str, yaml: &str) {
        let text = format!("connector: {name}\n{yaml}");
        // Put in place in one step, as an editor does: the hub looks every second.
        self.write(format!("data/{name}.new"), text);
        let from = self.folder.join(format!("data/{name}.new"));
        let to = self.folder.join(format!("data/connectors/{name}.yaml"));
        fs::rename(from, to).expect("within one folder");
    }

    /// Runs a command of the hub's program.
    pub fn yiku(&self, words: &[&str]) -> Ended {
        self.yiku_with(words, "")
    }

    /// Runs a command with this on its standard input.
    pub fn yiku_with(&self, words: &[&str], input: &str) -> Ended {
        let mut command = self.command(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let written = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
        drop(written);
        end(Ok(child))
    }

    /// The program with its configuration and these words.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&programs().yiku);
        command.arg("--config").arg(self.folder.join("yiku.toml")).args(words);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(&self.folder);
        command
    }

    /// What a command prints with `--json`.
    pub fn ask(&self, words: &[&str]) -> Value {
        let ended = self.yiku(&[words, &["--json"]].concat());
        serde_json::from_str(&ended.stdout)
            .unwrap_or_else(|error| panic!("{error}: {ended:?}\n{}", self.log()))
    }

    /// Starts `yiku serve` and waits until it answers.
    pub fn start(&mut self) {
        let words = ["serve", "--stop-with-stdin"];
        let command = self.command(&words);
        self.start_as(command);
    }

    /// Starts it by a command that ends in `yiku serve --stop-with-stdin`, and waits.
    pub fn start_as(&mut self, mut command: Command) {
        let log = fs::File::options().create(true).append(true).open(self.log_path());
        let log = log.expect("the folder can be written");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().expect("the program starts"));
        self.until("the hub answers", || {
            let (status, _) = http(self.port, "GET", "/readyz", &[], b"")?;
            (status == 200).then_some(())
        });
    }

    /// Lets it stop by itself and says whether it ended well.
    pub fn stop(&mut self) -> bool {
        let Some(mut child) = self.child.take() else { return true };
        drop(child.stdin.take());
        child.wait().expect("our own child").success()
    }

    /// Ends it with SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Sends it SIGKILL while others still ask it; [`Hub::kill`] then waits for its end.
    pub fn kill_beside(&self) {
        let killed = Command::new("kill").args(["-KILL", &self.id().to_string()]).status();
        assert!(killed.is_ok_and(|status| status.success()), "the hub had ended before");
    }

    /// Waits until it has ended by itself; whether it ended well.
    pub fn ends(&mut self) -> bool {
        let mut child = self.child.take().expect("it was started");
        let status = self.until("the hub ends", || child.try_wait().expect("our own child"));
        status.success()
    }

    /// Whether it was started and has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        let child = self.child.as_mut().expect("it was started");
        child.try_wait().expect("our own child").is_some()
    }

    /// The process' number.
    pub fn id(&self) -> u32 {
        self.child.as_ref().expect("it was started").id()
    }

    /// What the hub has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.join("hub.log")
    }

    /// Calls until there is something.
    pub fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look() {
                return found;
            }
            if Instant::now() > deadline {
                let status = self.yiku(&["status"]).stdout;
                panic!("not within {PATIENCE:?}: {what}\n{status}\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until every source was looked at and everything that follows is done.
    pub fn settles(&self) {
        let files = fs::read_dir(self.folder.join("data/connectors")).expect("it was laid out");
        let files = files.count();
        self.until("everything is done", || {
            let status = self.ask(&["status"]);
            // A hub that has just started does not know its connectors yet.
            let known = status["connectors"]
                .as_array()
                .map_or(0, |all| all.iter().filter(|one| one["role"] != "hub").count());
            (known >= files && status["settled"] == true).then_some(())
        });
    }

    /// Waits without asking the hub, so that nothing is missed in between.
    pub fn quickly_until(&self, mut look: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !look() {
            assert!(Instant::now() < deadline, "not within {PATIENCE:?}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// A connector's part of `yiku status --json`, once it is as asked for.
    pub fn connector_until(&self, name: &str, fits: impl Fn(&Value) -> bool) -> Value {
        self.until(&format!("connector {name}"), || {
            self.connector_status(name).filter(|status| fits(status))
        })
    }

    /// A connector's part of `yiku status --json`.
    pub fn connector_status(&self, name: &str) -> Option<Value> {
        let status = self.ask(&["status"]);
        status["connectors"].as_array()?.iter().find(|one| one["name"] == name).cloned()
    }

    /// The rejected rows of a connector.
    pub fn rejected(&self, connector: &str) -> Vec<Value> {
        let words = ["quarantine", "list", "--state", "all", "--connector", connector];
        match self.ask(&words) {
            Value::Array(rows) => rows,
            other => panic!("no list: {other}"),
        }
    }

    /// Rows of a library's entity.
    pub fn library_rows(&self, entity: &str) -> u64 {
        let status = self.ask(&["status"]);
        let all = status["libraries"].as_array().cloned().unwrap_or_default();
        let own = all.iter().find(|one| one["entity"] == entity);
        own.and_then(|one| one["rows"].as_u64()).unwrap_or(0)
    }

    /// Fails unless the books balance.
    #[track_caller]
    pub fn balances(&self) {
        let ended = self.yiku(&["reconcile"]);
        assert!(ended.success, "the books do not balance: {ended:?}");
    }

    /// Makes a token for the department.
    pub fn token(&self, department: &str) -> String {
        let ended = self.yiku(&["token", "add", department, "--department", department]);
        assert!(ended.success, "{ended:?}");
        let secret = ended.stdout.split_whitespace().find(|word| word.len() > 30);
        secret.unwrap_or_else(|| panic!("no token in {ended:?}")).to_owned()
    }

    /// The number of the newest schema under a subject of its registry.
    pub fn schema_number(&self, token: &str, subject: &str) -> u32 {
        let bearer = format!("Bearer {token}");
        let path = format!("/registry/subjects/{subject}/versions/latest");
        let (_, schema) = self.http("GET", &path, &[("authorization", &bearer)], b"");
        let number = serde_json::from_str::<Value>(&schema).ok().and_then(|one| one["id"].as_u64());
        number.unwrap_or_else(|| panic!("no schema under {subject}: {schema}")) as u32
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A stopped hub with the published catalog of patients, and more settings.
    pub fn of_patients(settings: &str) -> Self {
        let hub = Self::unpublished(&root().join("tests/tests/bad/catalog"), settings);
        let ended = hub.yiku(&["catalog", "publish", "--all"]);
        assert!(ended.success, "the catalog was not published: {ended:?}");
        hub
    }

    /// The same with a source that reads the files in `in` and a receiver: a table `patient` in the
    /// SQLite file that comes with it.
    pub fn of_patients_on_their_way(settings: &str) -> (Self, PathBuf) {
        let hub = Self::of_patients(settings);
        hub.connector(
            "patients-in",
            "entry: health/patient@1\nevery: 1s\n\
             source: { kind: files, folder: ../../in, settle: 0s }\n",
        );
        let receiver = hub.folder().join("receiver.db");
        sqlite(&receiver, "CREATE TABLE patient (no TEXT PRIMARY KEY, name, sex, seen_on, fee)");
        let sink = format!(
            "grant: patients\nevery: 1s\nsink: {{ kind: sql, url: 'sqlite:{}', table: patient }}\n",
            receiver.display()
        );
        hub.connector("patients-out", &sink);
        (hub, receiver)
    }

    /// One request over HTTP: status and body.
    pub fn http(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> (u16, String) {
        self.try_http(method, path, headers, body).expect("the hub answers")
    }

    /// The same of a hub that may end meanwhile; `None` when no answer came.
    pub fn try_http(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Option<(u16, String)> {
        http(self.port, method, path, headers, body)
    }

    /// Where it listens on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A connection to the hub, for requests that no client would send.
    pub fn connection(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).expect("the hub listens")
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.kill();
    }
}

/// One request to a program that listens on loopback: status and body; `None` when no answer came.
pub fn http(
    port: u16,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: hub\r\nconnection: close\r\n");
    headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    stream.write_all(head.as_bytes()).ok()?;
    // The hub may refuse a body before it has read all of it.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

/// Copies a folder with everything in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the folder can be written");
    let entries = fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    for entry in entries {
        let entry = entry.expect("a folder that can be read");
        let target = to.join(entry.file_name());
        match entry.file_type().expect("a file has a type").is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).expect("a file that can be copied")),
        }
    }
}

/// How long anything may take; a failing test waits so long, a passing one never does.
const PATIENCE: Duration = Duration::from_secs(30);
