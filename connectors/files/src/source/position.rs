//! Where the source stands: which files were read, and how far the one being read was read.
//!
//! ```json
//! {
//!   "number": 3,
//!   "reading": {
//!     "file": "2026-11-03.csv", "size": 48210, "modified": "2026-11-03T02:00:07.120000000Z",
//!     "print": "9f2c41d07ab35e18", "encoding": "gb18030",
//!     "line": 5002, "rows": 5000, "offset": 24013
//!   },
//!   "done": {
//!     "files": {
//!       "2026-11-02.csv": { "modified": "2026-11-02T02:00:05.450000000Z", "size": 47112 }
//!     },
//!     "through": { "name": "2026-11-01.csv", "modified": "2026-11-01T02:00:09.010000000Z" }
//!   }
//! }
//! ```
//!
//! Without `reading` the next pull begins with the first file that is not done; a file whose entry
//! is removed from `done.files` is read again.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use yiku_connector::{ConnectorError, Position};

use super::encoding::Charset;

/// Where the source stands.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourcePosition {
    /// Number of the file taken last; the first has 1.
    pub(crate) number: u64,
    /// The file that is read now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reading: Option<Progress>,
    /// The files that were read.
    #[serde(default)]
    pub(crate) done: Done,
}

/// How far a file was read.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Progress {
    /// Its name.
    pub(crate) file: String,
    /// What it looked like when it was taken.
    #[serde(flatten)]
    pub(crate) stamp: Stamp,
    /// Digest of its first bytes and of the bytes before `offset`.
    pub(crate) print: String,
    /// The encoding it was found to be in.
    #[serde(default)]
    pub(crate) encoding: Charset,
    /// The line (of a sheet: the row) that is read next, from 1.
    pub(crate) line: u64,
    /// Rows read so far.
    pub(crate) rows: u64,
    /// The byte that is read next; 0 for a sheet.
    pub(crate) offset: u64,
    /// JSON Lines: the keys seen so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) columns: Vec<String>,
}

/// What a file looks like from outside.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Stamp {
    /// Time of its last change, RFC 3339 with nine decimals, so that text order is time order.
    pub(crate) modified: String,
    /// Bytes.
    pub(crate) size: u64,
    /// Time of the last change of its rights or name: only kept for a file that could not be
    /// opened, so that it is tried again when its rights change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) changed: Option<String>,
}

/// Which files were read. Bounded: of more than [`FILES_MAX`] the first by name are folded
/// into `through`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Done {
    /// By name, with what they looked like: a file that changed since is read again.
    #[serde(default)]
    pub(crate) files: BTreeMap<String, Stamp>,
    /// Files up to this name that were not changed since this time are done too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) through: Option<Through>,
    /// Files that were there, waiting, when `through` passed their names.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) except: BTreeSet<String>,
}

/// Up to where all files are done.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Through {
    pub(crate) name: String,
    pub(crate) modified: String,
}

impl SourcePosition {
    /// Reads a stored position.
    pub(crate) fn read(position: &Position) -> Result<Self, ConnectorError> {
        if position.is_start() {
            return Ok(Self::default());
        }
        serde_json::from_value(position.0.clone()).map_err(|error| {
            ConnectorError::Position(format!(
                "{error}; a position of files has `number`, `reading` and `done`; to begin anew \
                 set it to null"
            ))
        })
    }

    /// The position as it is stored.
    pub(crate) fn write(&self) -> Position {
        Position(serde_json::to_value(self).expect("a position is text and numbers"))
    }
}

impl Done {
    /// Whether the file as it looks now was read.
    pub(crate) fn holds(&self, name: &str, stamp: &Stamp) -> bool {
        if let Some(read) = self.files.get(name) {
            let same_rights = read.changed.is_none() || read.changed == stamp.changed;
            return (&read.modified, read.size) == (&stamp.modified, stamp.size) && same_rights;
        }
        self.through.as_ref().is_some_and(|through| {
            name <= through.name.as_str()
                && stamp.modified <= through.modified
                && !self.except.contains(name)
        })
    }

    /// Notes that a file was read.
    pub(crate) fn add(&mut self, name: &str, stamp: Stamp) {
        self.except.remove(name);
        self.files.insert(name.to_owned(), stamp);
    }

    /// Whether there are so many names that they should be folded.
    pub(crate) fn is_full(&self) -> bool {
        self.files.len() > FILES_MAX
    }

    /// Folds the first names into `through`. `waiting` are the files of the folder that were not
    /// read: they must not be passed by.
    pub(crate) fn fold<'n>(&mut self, waiting: impl Iterator<Item = &'n str>, now: &str) {
        while self.files.len() > FILES_KEPT {
            // A time yet to come would hide what arrives till then, so such files stay named.
            let plain = self.files.iter().find(|(_, stamp)| stamp.modified.as_str() <= now);
            let Some(first) = plain.map(|(first, _)| first.clone()) else { break };
            let stamp = self.files.remove(&first).expect("it was just found");
            let through = self.through.get_or_insert_with(|| Through {
                name: first.clone(),
                modified: stamp.modified.clone(),
            });
            through.name = first.max(std::mem::take(&mut through.name));
            through.modified = stamp.modified.max(std::mem::take(&mut through.modified));
        }
        let through = self.through.as_ref().map_or("", |through| &through.name);
        self.except = waiting.filter(|name| *name <= through).map(str::to_owned).collect();
    }
}

/// Names kept at most, so that a position stays small however long a folder is watched.
const FILES_MAX: usize = 100;
/// Names kept when there were too many.
const FILES_KEPT: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-30T00:00:00.000000000Z";

    fn stamp(day: u32, size: u64) -> Stamp {
        Stamp { modified: format!("2026-11-{day:02}T00:00:00.000000000Z"), size, changed: None }
    }

    fn many() -> Done {
        let mut done = Done::default();
        (0..=FILES_MAX).for_each(|number| done.add(&format!("f{number:03}"), stamp(10, 1)));
        assert!(done.is_full());
        done.fold(["f005x", "f090x"].into_iter(), NOW);
        done
    }

    #[test]
    fn a_changed_file_is_not_done() {
        let mut done = Done::default();
        done.add("a", stamp(1, 5));
        assert!(done.holds("a", &stamp(1, 5)));
        assert!(!done.holds("a", &stamp(1, 6)));
        assert!(!done.holds("a", &stamp(2, 5)));
        assert!(!done.holds("b", &stamp(1, 5)));
    }

    #[test]
    fn a_file_that_could_not_be_opened_is_tried_again_when_its_rights_change() {
        let with_rights = |changed: &str| Stamp { changed: Some(changed.into()), ..stamp(1, 5) };
        let mut done = Done::default();
        done.add("a", with_rights("then"));
        assert!(done.holds("a", &with_rights("then")));
        assert!(!done.holds("a", &with_rights("later")));
        done.add("a", stamp(1, 5));
        assert!(done.holds("a", &with_rights("later")));
    }

    #[test]
    fn old_names_are_folded_and_late_files_still_seen() {
        let done = many();
        assert_eq!(done.files.len(), FILES_KEPT);
        assert_eq!(done.through.as_ref().unwrap().name, "f050");
        assert!(done.holds("f000", &stamp(10, 1)));
        assert!(done.holds("f100", &stamp(10, 1)));
        assert!(!done.holds("f000", &stamp(11, 1)), "rewritten");
        assert!(!done.holds("f001a", &stamp(11, 1)), "arrived late");
        assert!(!done.holds("f005x", &stamp(9, 1)), "was waiting");
        assert!(!done.holds("f090x", &stamp(9, 1)), "was waiting behind");
    }

    #[test]
    fn what_waited_is_done_once_read() {
        let mut done = many();
        done.add("f005x", stamp(9, 1));
        assert!(done.holds("f005x", &stamp(9, 1)));
        assert!(done.except.is_empty());
    }

    #[test]
    fn a_time_yet_to_come_hides_nothing() {
        let mut done = Done::default();
        for number in 0..=FILES_MAX {
            let day = if number == 3 { 30 } else { 10 };
            done.add(&format!("f{number:03}"), stamp(day, 1));
        }
        done.fold(std::iter::empty(), "2026-11-20T00:00:00.000000000Z");
        assert!(done.holds("f003", &stamp(30, 1)));
        assert!(!done.holds("f001a", &stamp(15, 1)));
    }

    #[test]
    fn positions_are_read_back() {
        let progress = Progress { file: "a b.csv".into(), line: 3, ..Progress::default() };
        let position = SourcePosition { number: 7, reading: Some(progress), done: many() };
        assert_eq!(SourcePosition::read(&position.write()).unwrap(), position);
        assert_eq!(SourcePosition::read(&Position::default()).unwrap(), SourcePosition::default());
        let wrong = Position(serde_json::json!({ "nummer": 3 }));
        assert!(matches!(SourcePosition::read(&wrong), Err(ConnectorError::Position(_))));
    }
}
