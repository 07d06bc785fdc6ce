//! The power cut: what a program did to the files of one folder, recorded call by call, and what a
//! disk could hold of it when the power went after any of those calls.
//!
//! `examples/power_recorder.rs` is a library that is loaded into the unchanged program before all
//! others; it writes a [`Record`] for each call. [`Disk`] takes the records one after another and
//! says at any moment what files a restarted machine could find.
//!
//! The model, no kinder than what SQLite counts on: a sync of a file keeps its content and length;
//! a sync of the folder keeps which names there are. Everything else is lost, kept, or kept in part
//! by sectors of 512 bytes, each in any of its states since the last sync. What is no part of the
//! model: a disk that damages what it was not asked to write, and one that says "synced" and has
//! not ([`Disk::lies`] is there to see that the checks notice).

mod disk;
mod record;

pub use disk::{Disk, Files, Loss, Seed};
pub use record::{Deed, Record, read};

use std::{path::PathBuf, sync::OnceLock};

use crate::preload;

/// The variable that names the file of the recording.
pub const RECORDING: &str = "YIKU_POWER_RECORDING";
/// The variable that names the folder whose files are recorded, without links in its path.
pub const FOLDER: &str = "YIKU_POWER_FOLDER";

/// Where the recorder lies, built once.
pub fn recorder() -> &'static PathBuf {
    static RECORDER: OnceLock<PathBuf> = OnceLock::new();
    RECORDER.get_or_init(|| preload::built("power_recorder"))
}
