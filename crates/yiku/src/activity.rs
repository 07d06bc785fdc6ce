//! What this process is doing now: which sources were looked at to their end, whether it must stop.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

/// What this process is doing now. Nothing here outlives it.
#[derive(Default)]
pub struct Activity {
    looks: Mutex<BTreeMap<String, Look>>,
    broken: Mutex<Option<String>>,
    breaks: Notify,
    nudged: Notify,
}

#[derive(Clone, Copy, Debug, Default)]
struct Look {
    looking: bool,
    drained: bool,
}

impl Activity {
    /// A connector's worker begins to look.
    pub fn begins(&self, connector: &str) {
        lock(&self.looks).insert(connector.to_owned(), Look { looking: true, drained: false });
    }

    /// A connector's worker has ended its look; whatever there was has been taken, or it failed.
    pub fn ends(&self, connector: &str) {
        lock(&self.looks).insert(connector.to_owned(), Look { looking: false, drained: true });
    }

    /// A connector is no more.
    pub fn forget(&self, connector: &str) {
        lock(&self.looks).remove(connector);
    }

    /// Whether each of these connectors was looked at to its end and none is being looked at.
    pub fn at_rest<'a>(&self, connectors: impl Iterator<Item = &'a str>) -> bool {
        let looks = lock(&self.looks);
        let mut connectors = connectors;
        connectors.all(|name| looks.get(name).is_some_and(|look| look.drained && !look.looking))
    }

    /// The outcome of a write is unknown: the process must end.
    pub fn break_down(&self, reason: String) {
        lock(&self.broken).get_or_insert(reason);
        self.breaks.notify_one();
    }

    /// Why the process must end, if it must.
    pub fn broken(&self) -> Option<String> {
        lock(&self.broken).clone()
    }

    /// Waits until the process must end.
    pub async fn breaks(&self) {
        self.breaks.notified().await;
    }

    /// Asks every connector's worker to look at once.
    pub fn nudge(&self) {
        self.nudged.notify_waiters();
    }

    /// Waits for a nudge.
    pub async fn nudged(&self) {
        self.nudged.notified().await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
