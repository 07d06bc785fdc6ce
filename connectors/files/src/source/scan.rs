//! Which files of the folder wait to be read.
//!
//! Never read are: names beginning with `.` or `~$`, names ending as unfinished files do, folders,
//! and files that were changed less than `settle` ago or whose `ready` file is missing. A link
//! is never followed, wherever it leads: it is reported as a file that cannot be read.

use std::{
    collections::{HashMap, HashSet},
    ffi::OsStr,
    fs::{self, File, Metadata, OpenOptions},
    io,
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use yiku_connector::ConnectorError;

use super::{
    config::{Format, SourceConfig},
    position::Stamp,
};
use crate::folder;

/// A file that fits the pattern.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    /// Its name as text; bytes that are no text are written out as `\xNN`.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) stamp: Stamp,
    /// Whether it is a link or something else that is no plain file.
    pub(crate) strange: bool,
    /// When its content, rights or name changed last.
    touched_at: SystemTime,
    /// Whether the file that says that it is complete is there, if one is asked for.
    complete: bool,
}

/// All files that fit the pattern, in order of their names, ready or not.
pub(crate) fn list(config: &SourceConfig) -> Result<Vec<Candidate>, ConnectorError> {
    let refused = |error| folder::refused(&config.folder, "list its files", error);
    let mut fitting = Vec::new();
    let mut names = HashSet::new();
    for entry in fs::read_dir(&config.folder).map_err(refused)? {
        let file_name = entry.map_err(refused)?.file_name();
        let name = text(&file_name);
        if fits(config, &name) {
            fitting.push((name.clone(), file_name));
        }
        if config.ready.is_some() {
            names.insert(name);
        }
    }
    fitting.sort_unstable();
    let mut candidates = Vec::with_capacity(fitting.len());
    for (name, file_name) in fitting {
        let path = config.folder.join(file_name);
        let metadata = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            // Moved away since the folder was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(refused(error)),
        };
        if metadata.is_dir() {
            continue;
        }
        let complete = marker(config, &name).is_none_or(|marker| names.contains(&marker));
        let strange = !metadata.is_file();
        let (stamp, touched_at) = (stamp(&metadata), touched_at(&metadata));
        candidates.push(Candidate { name, path, stamp, strange, touched_at, complete });
    }
    Ok(candidates)
}

/// When a name came into the folder or went from it last.
pub(crate) fn modified(folder: &Path) -> Option<SystemTime> {
    fs::metadata(folder).and_then(|metadata| metadata.modified()).ok()
}

/// Files whose times lie ahead of this machine's clock: how each looked, and since when.
pub(crate) type Ahead = HashMap<PathBuf, (Stamp, Instant)>;

/// They outlive a source, which is opened anew for each look at its folder.
pub(crate) fn ahead() -> MutexGuard<'static, Ahead> {
    static AHEAD: LazyLock<Mutex<Ahead>> = LazyLock::new(Mutex::default);
    AHEAD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The same moment by the clock that stamps files, and by one that nobody sets.
#[derive(Clone, Copy)]
pub(crate) struct Now {
    pub(crate) wall: SystemTime,
    steady: Instant,
}

impl Now {
    /// This moment.
    pub(crate) fn look() -> Self {
        Self { wall: SystemTime::now(), steady: Instant::now() }
    }
}

impl Candidate {
    /// Whether nobody writes it any more, as far as can be told at `now`.
    pub(crate) fn is_settled(&self, config: &SourceConfig, now: Now, ahead: &mut Ahead) -> bool {
        if config.ready.is_some() {
            return self.complete;
        }
        if config.settle == Duration::ZERO {
            return true;
        }
        if let Ok(age) = now.wall.duration_since(self.touched_at) {
            ahead.remove(&self.path);
            return age >= config.settle;
        }
        // Another machine's clock is ahead, or this one's was set back: all that helps is to look
        // twice.
        match ahead.get(&self.path) {
            Some((stamp, since)) if *stamp == self.stamp => {
                now.steady.duration_since(*since) >= config.settle
            }
            _ => {
                ahead.insert(self.path.clone(), (self.stamp.clone(), now.steady));
                false
            }
        }
    }
}

/// Opens a file for reading, but no link and nothing that would block.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}

/// What a file looks like from outside.
pub(crate) fn stamp(metadata: &Metadata) -> Stamp {
    let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    Stamp {
        modified: folder::time_text(modified),
        size: metadata.len(),
        changed: Some(folder::time_text(changed_at(metadata))),
    }
}

fn touched_at(metadata: &Metadata) -> SystemTime {
    // Copying programs may set `modified` back, never `changed`.
    metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH).max(changed_at(metadata))
}

fn changed_at(metadata: &Metadata) -> SystemTime {
    let seconds = Duration::from_secs(metadata.ctime().max(0) as u64);
    SystemTime::UNIX_EPOCH + seconds + Duration::from_nanos(metadata.ctime_nsec().max(0) as u64)
}

fn fits(config: &SourceConfig, name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let unfinished = name.starts_with('.')
        || name.starts_with("~$")
        || UNFINISHED.iter().any(|ending| lower.ends_with(ending));
    !unfinished
        && match &config.pattern {
            Some(pattern) => pattern.matches(name),
            None => Format::of(name).is_some_and(|of| config.format.is_none_or(|is| is == of)),
        }
}

fn marker(config: &SourceConfig, name: &str) -> Option<String> {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    config.ready.as_ref().map(|ready| ready.replace("{name}", name).replace("{stem}", stem))
}

fn text(name: &OsStr) -> String {
    let mut text = String::new();
    for chunk in name.as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02X}")));
    }
    text
}

/// How programs that copy and download name what is not whole yet.
const UNFINISHED: [&str; 8] =
    [".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".download", "~"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_file_settles_by_age_or_by_a_second_look() {
        let config: SourceConfig =
            serde_json::from_value(json!({ "folder": "/", "settle": "10s" })).unwrap();
        let now = Now::look();
        let mut candidate = Candidate {
            name: "a.csv".into(),
            path: "/a.csv".into(),
            stamp: Stamp::default(),
            strange: false,
            touched_at: now.wall - Duration::from_secs(9),
            complete: true,
        };
        let mut seen = Ahead::new();
        assert!(!candidate.is_settled(&config, now, &mut seen));
        let later = |seconds| {
            let passed = Duration::from_secs(seconds);
            Now { wall: now.wall + passed, steady: now.steady + passed }
        };
        assert!(candidate.is_settled(&config, later(1), &mut seen));
        // Written by a machine whose clock is an hour ahead.
        candidate.touched_at = later(3_600).wall;
        assert!(!candidate.is_settled(&config, later(1), &mut seen));
        assert!(!candidate.is_settled(&config, later(10), &mut seen));
        assert!(candidate.is_settled(&config, later(11), &mut seen));
        candidate.stamp.size = 7;
        assert!(!candidate.is_settled(&config, later(12), &mut seen), "it grew");
        // Meanwhile this machine's clock is set back.
        let set_back = Now { wall: now.wall - Duration::from_secs(60), ..later(22) };
        assert!(candidate.is_settled(&config, set_back, &mut seen));
    }
}
