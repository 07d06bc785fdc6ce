//! Taking in a body: bounded in bytes, in time, and in what all calls together hold in memory.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use futures::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::body::BodyError;
use crate::error::ApiError;

/// How much the bodies of all calls may hold.
#[derive(Clone)]
pub(crate) struct Room {
    bytes_max: usize,
    idle: Duration,
    /// In KiB: bodies being received.
    receiving: Arc<Semaphore>,
    /// In KiB: bodies being unpacked, read, checked and published.
    working: Arc<Semaphore>,
}

impl Room {
    /// Room for bodies of at most `bytes_max` bytes.
    pub(crate) fn new(bytes_max: usize, idle: Duration) -> Self {
        Self {
            bytes_max,
            idle,
            receiving: Arc::new(Semaphore::new(kib(bytes_max) * BODIES_RECEIVING)),
            working: Arc::new(Semaphore::new(kib(bytes_max.min(WORKING_BYTES)))),
        }
    }

    /// Bytes of a body at most, packed or not.
    pub(crate) fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Receives a whole body. Its room is free again when the permit is dropped.
    pub(crate) async fn receive(
        &self,
        body: Body,
    ) -> Result<(Vec<u8>, OwnedSemaphorePermit), ApiError> {
        self.receive_at_most(body, self.bytes_max).await
    }

    /// Receives a whole body of at most `bytes_max` bytes.
    pub(crate) async fn receive_at_most(
        &self,
        body: Body,
        bytes_max: usize,
    ) -> Result<(Vec<u8>, OwnedSemaphorePermit), ApiError> {
        let mut stream = body.into_data_stream();
        let mut held = self.take(1)?;
        let mut reserved = 1;
        let mut bytes = Vec::new();
        loop {
            let next = tokio::time::timeout(self.idle, stream.next()).await;
            let Some(chunk) = next.map_err(|_| BodyError::TooSlow(self.idle.as_secs()))? else {
                return Ok((bytes, held));
            };
            let chunk = chunk.map_err(|_| BodyError::CutOff)?;
            if bytes.len() + chunk.len() > bytes_max {
                return Err(BodyError::TooLarge(bytes_max).into());
            }
            let needed = kib(bytes.len() + chunk.len());
            if needed > reserved {
                held.merge(self.take(needed - reserved)?);
                reserved = needed;
            }
            bytes.extend_from_slice(&chunk);
        }
    }

    fn take(&self, kib: usize) -> Result<OwnedSemaphorePermit, ApiError> {
        // Waiting here could be for a caller that waits for this one: the client tries again.
        let kib = u32::try_from(kib).map_err(|_| ApiError::Busy)?;
        self.receiving.clone().try_acquire_many_owned(kib).map_err(|_| ApiError::Busy)
    }

    /// Waits until a body of so many bytes may be worked on.
    pub(crate) async fn work(&self, bytes: usize) -> OwnedSemaphorePermit {
        let kib = u32::try_from(kib(bytes.min(self.bytes_max).min(WORKING_BYTES)));
        let kib = kib.expect("so few fit");
        let permit = self.working.clone().acquire_many_owned(kib).await;
        permit.expect("the semaphore is never closed")
    }

    /// Gives back what a body does not need after all.
    pub(crate) fn shrink(permit: &mut OwnedSemaphorePermit, bytes: usize) {
        let surplus = permit.num_permits().saturating_sub(kib(bytes));
        drop(permit.split(surplus));
    }
}

fn kib(bytes: usize) -> usize {
    bytes.div_ceil(1024).max(1)
}

/// Bytes of bodies that are worked on at a time; a larger one is worked on alone. What is said
/// about rows that are all rejected takes ten times their room.
const WORKING_BYTES: usize = 16 << 20;
/// So many bodies of full size are received at a time.
const BODIES_RECEIVING: usize = 4;
