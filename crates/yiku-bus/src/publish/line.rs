//! A line: one unbroken row of batches of one resource by one publisher.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex as SyncMutex, PoisonError},
};

use serde_json::Value;
use tokio::sync::Mutex;
use yiku_core::entry::EntryName;

/// Names a line. Its number rises per resource when a connector is made or its source is rebuilt.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Line {
    /// The resource.
    pub entry: EntryName,
    /// Its number among the resource's lines, from 1.
    pub number: u32,
}

/// Where a line stands. Held by the one who publishes on it.
#[derive(Clone, Debug)]
pub struct LineState {
    /// The line.
    pub line: Line,
    /// The number of the batch to come, from 1.
    pub next_batch: u64,
    /// Where the source stands.
    pub position: Value,
}

/// The lines this process publishes on: one holder of each, whoever asks for it.
///
/// While a process publishes, its lines are ahead of the store, which learns of batches from the
/// bus. So a line is loaded once and then only moved by its publisher.
#[derive(Default)]
pub struct Lines {
    held: SyncMutex<HashMap<(EntryName, String), SharedLine>>,
}

/// A line that one publisher at a time holds.
type SharedLine = Arc<Mutex<Option<LineState>>>;

impl Lines {
    /// The line of a publisher, to be locked for each batch. `None` within means that it has to be
    /// loaded: at first, and after an append whose outcome is unknown.
    pub fn of(&self, entry: &EntryName, publisher: &str) -> Arc<Mutex<Option<LineState>>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.entry((entry.clone(), publisher.to_owned())).or_default().clone()
    }
}
