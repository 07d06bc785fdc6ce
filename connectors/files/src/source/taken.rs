//! The file that was taken: is it still the one whose rows were read?
//!
//! A file is read as it was when it was taken: to the size it had then. Rows that were appended
//! since make it a changed file, which is read again from its start as a run of its own. A file
//! that vanished, shrank or was replaced half way cannot be gone on with; a person must decide.

use std::{
    fs::{self, File, Metadata},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use sha2::{Digest, Sha256};
use yiku_connector::ConnectorError;

use super::{
    fault::{Fault, size_text},
    lines::ReadError,
    position::{Progress, Stamp},
    scan,
};
use crate::folder::shown;

/// An open file and how far it was read.
pub(crate) struct Taken {
    pub(crate) file: File,
    pub(crate) progress: Progress,
    /// Its name, as people can read it.
    pub(crate) origin: Arc<str>,
    path: PathBuf,
}

/// Why a file could not be read.
pub(crate) enum Stop {
    /// The file is at fault: it is reported, and the next one is read.
    Fault(Fault),
    /// It is not there.
    Gone,
    /// The caller must be told.
    Error(ConnectorError),
}

impl Taken {
    /// Opens a file at its start, or where `from` says when it is still the same.
    pub(crate) fn open(path: &Path, name: &str, from: Option<&Progress>) -> Result<Self, Stop> {
        let failed = |error| Stop::of(path, name, error);
        let file = scan::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let progress = from.cloned().unwrap_or_else(|| Progress {
            file: name.to_owned(),
            stamp: Stamp { changed: None, ..scan::stamp(&metadata) },
            line: 1,
            ..Progress::default()
        });
        let taken = Self { file, progress, origin: shown(name).into(), path: path.to_owned() };
        if from.is_some() {
            taken.compare(&metadata, true).map_err(Stop::Error)?;
        }
        Ok(taken)
    }

    /// Refuses a file that is larger than any that was ever meant.
    pub(crate) fn judge_size(&self, bytes_max: u64) -> Result<(), Fault> {
        let bytes = self.progress.stamp.size;
        if bytes <= bytes_max {
            return Ok(());
        }
        let (has, most) = (size_text(bytes), size_text(bytes_max));
        Err(Fault::unreadable(
            1,
            format!(
                "文件有 {has}，超过上限 {most}：请分成几个文件，或由管理员调高 yiku.toml 的 \
                 limits.file_bytes_max"
            ),
            format!(
                "the file has {has}, more than {most}: split it, or let the operator raise \
                 limits.file_bytes_max in yiku.toml"
            ),
        ))
    }

    /// Makes sure that the file is still the one whose rows were read. `may_grow`: rows appended
    /// do not matter.
    pub(crate) fn look_again(&self, may_grow: bool) -> Result<(), ConnectorError> {
        match fs::symlink_metadata(&self.path) {
            Ok(metadata) => self.compare(&metadata, may_grow),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(self.changed("it vanished"))
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    fn compare(&self, metadata: &Metadata, may_grow: bool) -> Result<(), ConnectorError> {
        let (now, taken) = (scan::stamp(metadata), &self.progress.stamp);
        if !metadata.is_file() {
            return Err(self.changed(REPLACED));
        }
        if (&now.modified, now.size) == (&taken.modified, taken.size) {
            return Ok(());
        }
        if now.size < taken.size {
            return Err(self.changed("it became shorter"));
        }
        // The file under this name, which need not be the one that is open.
        let there = scan::open(&self.path).and_then(|file| print(&file, &self.progress));
        if !may_grow || there.map_err(|error| self.failed(error))? != self.progress.print {
            return Err(self.changed("its content was replaced"));
        }
        Ok(())
    }

    /// Notes what tells this file from another, for the place where it is read next.
    pub(crate) fn note_print(&mut self) -> Result<(), ConnectorError> {
        let print = print(&self.file, &self.progress).map_err(|error| self.failed(error))?;
        self.progress.print = print;
        Ok(())
    }

    /// The caller's error for bytes that could not be read.
    pub(crate) fn lost(&self, error: ReadError) -> ConnectorError {
        match error {
            ReadError::Shrunk => self.changed("it became shorter"),
            ReadError::Io(error) => self.failed(error),
        }
    }

    /// The caller's error for the operating system's.
    pub(crate) fn failed(&self, error: io::Error) -> ConnectorError {
        unavailable(&self.path, &self.origin, error)
    }

    fn changed(&self, what: &str) -> ConnectorError {
        changed(&self.progress, what)
    }
}

/// Says that a file cannot be gone on with, and what a person can do.
pub(crate) fn changed(progress: &Progress, what: &str) -> ConnectorError {
    ConnectorError::Position(format!(
        "file `{}` cannot be read on from line {}: {what} after {} of its rows were read. Put the \
         file back as it was; or remove `reading` from the position, then the file is read from \
         its start as it is now",
        shown(&progress.file),
        progress.line,
        progress.rows,
    ))
}

fn unavailable(path: &Path, name: &str, error: io::Error) -> ConnectorError {
    let folder = path.parent().unwrap_or(path).display();
    ConnectorError::Unavailable {
        system: format!("folder {folder}"),
        problem: format!("file `{name}` cannot be read now"),
        cause: Some(Box::new(error)),
    }
}

impl Stop {
    fn of(path: &Path, name: &str, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Gone,
            io::ErrorKind::PermissionDenied => Self::Fault(Fault::unreadable(
                1,
                "本系统的用户没有读取该文件的权限：请授予读权限，授予后会自动再次读取",
                "the hub's user may not read the file: grant the right to read it, then it is \
                 read by itself",
            )),
            _ => Self::Error(unavailable(path, &shown(name), error)),
        }
    }
}

/// Digest of the file's first bytes and of those before the place where it is read next.
fn print(file: &File, progress: &Progress) -> io::Result<String> {
    let mut digest = Sha256::new();
    digest.update(piece(file, 0, progress.stamp.size.min(HEAD_BYTES))?);
    let from = progress.offset.saturating_sub(TAIL_BYTES);
    digest.update(piece(file, from, progress.offset - from)?);
    Ok(digest.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect())
}

fn piece(file: &File, from: u64, bytes: u64) -> io::Result<Vec<u8>> {
    let mut piece = vec![0; bytes as usize];
    let mut filled = 0;
    while filled < piece.len() {
        match file.read_at(&mut piece[filled..], from + filled as u64)? {
            0 => break,
            got => filled += got,
        }
    }
    piece.truncate(filled);
    Ok(piece)
}

/// A name that is no longer that of a plain file.
pub(crate) const REPLACED: &str = "it was replaced by a link or something else";
/// How much of a file's beginning tells it from another.
const HEAD_BYTES: u64 = 4 << 10;
/// How much of what was read last tells whether it is still there.
const TAIL_BYTES: u64 = 1 << 10;
