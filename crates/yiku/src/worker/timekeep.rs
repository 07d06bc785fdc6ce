//! The clock. Waits go by one that nobody sets, rows by offsets and changes by numbers, so a clock
//! that was set stops and turns round nothing; what it does to the times that are written down is
//! told.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use yiku_store::receipt;

use crate::{clock, hub::Hub};

/// Tells each time that the clock was set, until stopped.
pub async fn keep_time(hub: Arc<Hub>, mut stopping: watch::Receiver<bool>) {
    match behind_s(&hub).await {
        Ok(0) => {}
        Ok(seconds) => tracing::warn!(
            "the clock is {seconds} s behind the newest receipt: it was set back while the hub was \
             stopped, or was ahead before; until it has passed that, times of receipts are not in \
             their order. Nothing else depends on it; check this machine's time synchronisation"
        ),
        Err(error) => tracing::error!(error = format!("{error:#}"), "looking at the clock"),
    }
    let mut clock = clock::Watch::begin();
    while !*stopping.borrow() {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stopping.changed() => {}
        }
        match clock.look() {
            Some(set) if set < 0 => tracing::warn!(
                "the clock went back by {} s: times of receipts are not in their order from here \
                 on. Nothing else depends on it; check this machine's time synchronisation",
                -set
            ),
            Some(set) => tracing::warn!(
                "the clock went forward by {set} s, or the machine slept: if it is wrong now, so \
                 are times of receipts from here on, and grants may begin or end too early; check \
                 this machine's time synchronisation"
            ),
            None => {}
        }
    }
}

/// How far the clock is behind the newest receipt, in seconds.
pub async fn behind_s(hub: &Hub) -> anyhow::Result<u64> {
    let newest = receipt::newest_at(&mut *hub.store.reader().await?).await?;
    Ok(newest.map_or(0, clock::behind_s))
}

const LOOK_EVERY: Duration = Duration::from_secs(1);
