//! One server as a supervised child process.
//!
//! A small shell stands between the test process and the server. It holds the reading end of a
//! pipe; when the test process drops the other end, or dies of whatever cause, the shell kills the
//! server and removes its folder. It is deaf to the terminal's signals, so that an interrupted
//! test run leaves nothing behind either.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

/// Ends with its standard input, taking the server and its folder along. `$1` is the folder.
const SUPERVISE: &str = r#"
trap '' INT TERM HUP QUIT
folder=$1; shift
"$@" </dev/null >>"$folder/log" 2>&1 &
child=$!
echo $child >"$folder/child"
cat >/dev/null
# The server's own children too: each would answer until it noticed.
kill -9 $child $(cat "/proc/$child/task/$child/children" 2>/dev/null) 2>/dev/null
wait $child 2>/dev/null
[ -e "$folder/keep" ] && exit
for _ in 1 2 3 4 5 6 7 8 9; do # children of a killed server write for a moment longer
  rm -rf "$folder" 2>/dev/null
  [ -e "$folder" ] || exit
  sleep 0.2
done
"#;

/// How long a server may take to start.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A running server and its folder.
#[derive(Debug)]
pub struct Server {
    folder: PathBuf,
    supervisor: Option<Child>,
}

impl Server {
    /// Starts `program` in `folder` and waits until `ready` says so; the error is its log.
    pub(crate) fn start<S: AsRef<OsStr>>(
        folder: &Path,
        program: &[S],
        mut ready: impl FnMut() -> bool,
    ) -> Result<Self, String> {
        let _ = fs::remove_file(folder.join("child"));
        let supervisor = Command::new("/bin/sh")
            .args(["-c", SUPERVISE, "supervise"])
            .arg(folder)
            .args(program)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell can be started");
        let server = Self { folder: folder.to_owned(), supervisor: Some(supervisor) };
        let begun = Instant::now();
        while !ready() {
            if has_ended(folder) || begun.elapsed() > START_LIMIT {
                return Err(fs::read_to_string(folder.join("log")).unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(30));
        }
        // Another process's server may be the one that answered on this port.
        match has_ended(folder) {
            true => Err(fs::read_to_string(folder.join("log")).unwrap_or_default()),
            false => Ok(server),
        }
    }

    /// The server's folder, removed with it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its process.
    pub fn process_id(&self) -> u32 {
        let id = fs::read_to_string(self.folder.join("child")).expect("it was started");
        id.trim().parse().expect("the supervisor wrote a number")
    }

    /// Kills the server at once, as a power cut would, and keeps its folder.
    pub(crate) fn kill(&mut self) {
        fs::write(self.folder.join("keep"), "").expect("the server's folder can be written");
        self.end();
        fs::remove_file(self.folder.join("keep")).expect("the server's folder can be written");
    }

    fn end(&mut self) {
        if let Some(mut supervisor) = self.supervisor.take() {
            drop(supervisor.stdin.take());
            let _ = supervisor.wait();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// Whether the server in a folder is a process no more, or a dead one not yet waited for.
fn has_ended(folder: &Path) -> bool {
    let Ok(child) = fs::read_to_string(folder.join("child")) else { return false };
    match fs::read_to_string(format!("/proc/{}/stat", child.trim())) {
        Ok(stat) => stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z')),
        Err(_) => true,
    }
}

/// Tries a start three times: a port may be taken between its choice and its use.
pub(crate) fn with_patience<T>(mut start: impl FnMut() -> Result<T, String>) -> T {
    for _ in 0..2 {
        if let Ok(started) = start() {
            return started;
        }
    }
    start().unwrap_or_else(|problem| panic!("the server did not come up:\n{problem}"))
}

/// An empty folder for one server, owned by `user` when we are root.
pub(crate) fn new_folder(name: &str, user: &str) -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("yiku-{name}-{}-{number}", std::process::id()));
    fs::create_dir_all(&folder).expect("the temporary folder can be written");
    if is_root() {
        let (user, group) = account(user);
        chown(&folder, Some(user), Some(group)).expect("root may give a folder away");
    }
    folder
}

/// The words before a command that run it as `user`: servers refuse to run as root.
pub(crate) fn run_as(user: &str) -> Vec<String> {
    if !is_root() {
        return Vec::new();
    }
    let (user, group) = account(user);
    ["setpriv", &format!("--reuid={user}"), &format!("--regid={group}"), "--clear-groups"]
        .map(str::to_owned)
        .to_vec()
}

/// Runs a command to its end; the error is its output.
pub(crate) fn run(words: &[String], package: &str) -> Result<(), String> {
    let output = Command::new(&words[0]).args(&words[1..]).stdin(Stdio::null()).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!(
            "`{}` failed:\n{}{}",
            words.join(" "),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => missing(package),
        Err(error) => Err(format!("`{}`: {error}", words[0])),
    }
}

/// The first of `paths` that exists; panics with the package's name when none does.
pub(crate) fn find(paths: &[&str], package: &str) -> String {
    match paths.iter().find(|path| Path::new(path).exists()) {
        Some(path) => (*path).to_owned(),
        None => missing(package),
    }
}

fn missing(package: &str) -> ! {
    panic!("this test needs the Debian package `{package}`: apt-get install -y {package}")
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

fn account(name: &str) -> (u32, u32) {
    let accounts = fs::read_to_string("/etc/passwd").expect("/etc/passwd can be read");
    let account = accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then_some(())?;
        let mut fields = fields.skip(1);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    });
    account.unwrap_or_else(|| panic!("there is no account `{name}` on this machine"))
}
