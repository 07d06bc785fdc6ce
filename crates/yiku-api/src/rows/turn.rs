//! Turns: of two requests with one `Idempotency-Key` one publishes, the other waits and gets its
//! answer.
//!
//! A request is known by the store, which learns of it from the bus. So a request whose carrying
//! over failed leaves a doubt: nobody asks the store about a key before that is settled.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex as SyncMutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::{Mutex, OwnedMutexGuard};
use yiku_core::entry::EntryName;

use crate::exchange::{Exchange, ExchangeError};

type Key = (EntryName, String);

/// Who has the turn for each key that is being pushed now, and whether anything is in doubt.
#[derive(Default)]
pub(crate) struct Turns {
    held: SyncMutex<HashMap<Key, Arc<Mutex<()>>>>,
    /// Times that a request ended without its publication being known to be in the store.
    doubts: AtomicU64,
    /// How many of them are settled.
    settled: AtomicU64,
    settling: Mutex<()>,
}

/// The turn for one key.
pub(crate) struct Turn {
    turns: Arc<Turns>,
    key: Key,
    guard: Option<OwnedMutexGuard<()>>,
}

/// Leaves a doubt when it is dropped before it was told that all went well.
pub(crate) struct Doubt {
    turns: Arc<Turns>,
    well: bool,
}

impl Turns {
    /// Waits for the turn for a key.
    pub(crate) async fn take(self: &Arc<Self>, entry: &EntryName, key: &str) -> Turn {
        let key = (entry.clone(), key.to_owned());
        let lock = {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            held.entry(key.clone()).or_default().clone()
        };
        let guard = lock.lock_owned().await;
        Turn { turns: self.clone(), key, guard: Some(guard) }
    }

    /// Makes sure that the store knows of every request that ended.
    pub(crate) async fn settle(&self, exchange: &dyn Exchange) -> Result<(), ExchangeError> {
        if self.doubts.load(Ordering::Acquire) == self.settled.load(Ordering::Acquire) {
            return Ok(());
        }
        let _turn = self.settling.lock().await;
        let doubts = self.doubts.load(Ordering::Acquire);
        exchange.carry().await?;
        self.settled.store(doubts, Ordering::Release);
        Ok(())
    }

    /// To be told when all went well.
    pub(crate) fn doubt(self: &Arc<Self>) -> Doubt {
        Doubt { turns: self.clone(), well: false }
    }
}

impl Doubt {
    /// The publication is in the store, or there is none.
    pub(crate) fn dispel(mut self) {
        self.well = true;
    }
}

impl Drop for Doubt {
    fn drop(&mut self) {
        if !self.well {
            self.turns.doubts.fetch_add(1, Ordering::AcqRel);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut held = self.turns.held.lock().unwrap_or_else(PoisonError::into_inner);
        self.guard = None;
        // One count is the map's own; whoever waits has another.
        if held.get(&self.key).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            held.remove(&self.key);
        }
    }
}
