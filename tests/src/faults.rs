//! A machine that misbehaves as a test says: disks that are full, a clock that was set.
//!
//! `examples/faulty_machine.rs` is loaded into the unchanged program before all other libraries
//! and looks at what is written here before each call.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use crate::{Hub, preload};

/// The variable that names the folder of the files below.
pub const FAULTS: &str = "YIKU_FAULTS";
/// Which files take no more: a number on the first line, so that no two texts are alike, then on
/// each line the bytes that there is room for and a path; a `*` at its end stands for any ending.
pub const DISKS: &str = "disks";
/// How far the clock was set, in seconds.
pub const CLOCK: &str = "clock";
/// What was refused, one call a line: its name and the file's path.
pub const REFUSED: &str = "refused";

/// What a hub's machine does wrong from its next start on.
pub struct Faults {
    folder: PathBuf,
    rules: u64,
}

impl Faults {
    /// A machine on which nothing is wrong yet.
    pub fn of(hub: &mut Hub) -> Self {
        static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
        let library = LIBRARY.get_or_init(|| preload::built("faulty_machine"));
        let folder = hub.folder().join("faults");
        fs::create_dir(&folder).expect("the folder can be written");
        hub.set("LD_PRELOAD", library.to_str().expect("our own path"));
        hub.set(FAULTS, folder.to_str().expect("our own path"));
        Self { folder, rules: 0 }
    }

    /// From now on these files take so many bytes more and then none.
    pub fn room_for(&mut self, files: &[(u64, PathBuf)]) {
        self.rules += 1;
        let mut text = format!("{}\n", self.rules);
        for (bytes, path) in files {
            writeln!(text, "{bytes} {}", path.display()).expect("a text takes all");
        }
        self.put(DISKS, &text);
    }

    /// These files take nothing any more.
    pub fn full(&mut self, files: &[PathBuf]) {
        self.room_for(&files.iter().map(|path| (0, path.clone())).collect::<Vec<_>>());
    }

    /// There is room again.
    pub fn room(&mut self) {
        self.room_for(&[]);
    }

    /// What was refused so far: calls and names of files.
    pub fn refused(&self) -> Vec<(String, String)> {
        let text = match fs::read_to_string(self.folder.join(REFUSED)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text.expect("it can be read"),
        };
        let calls = text.lines().filter_map(|line| line.split_once(' '));
        let name = |path: &str| path.rsplit_once('/').map_or(path, |(_, name)| name).to_owned();
        calls.map(|(call, path)| (call.to_owned(), name(path))).collect()
    }

    /// Sets the clock so many seconds off the right time.
    pub fn set_clock(&self, seconds: i64) {
        self.put(CLOCK, &seconds.to_string());
    }

    fn put(&self, name: &str, text: &str) {
        let new = self.folder.join("new");
        fs::write(&new, text)
            .and_then(|()| fs::rename(&new, self.folder.join(name)))
            .expect("the folder can be written");
    }
}

/// All files whose path begins so.
pub fn beginning(folder: &Path, name: &str) -> PathBuf {
    let folder = fs::canonicalize(folder).expect("the folder is there");
    folder.join(format!("{name}*"))
}
