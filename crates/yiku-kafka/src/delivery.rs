//! Counted deliveries: a number per append and partition instead of a future per row.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext, Message,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
    producer::{DeliveryResult, ProducerContext},
};

use crate::client::Told;

/// What became of the messages that were handed to librdkafka.
#[derive(Default)]
pub struct Deliveries {
    /// What the producer last said of its troubles.
    pub told: Told,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Deliveries of an earlier round come too late and are not counted.
    round: usize,
    waiting: usize,
    slots: Vec<Delivered>,
    failed: Option<RDKafkaErrorCode>,
}

/// Where the messages of one slot stand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Delivered {
    /// The offset of the first one.
    pub first: u64,
    /// The offset of the last one.
    pub last: u64,
    /// How many there are.
    pub count: u64,
}

impl Delivered {
    /// Whether no other message stands among them.
    pub fn is_unbroken(&self) -> bool {
        self.count == 0 || self.last - self.first + 1 == self.count
    }
}

impl Deliveries {
    /// Forgets what was there before.
    pub fn begin(&self) {
        let mut state = self.state();
        *state = State { round: state.round.wrapping_add(1) & ROUND_MASK, ..State::default() };
    }

    /// Makes room for the messages of one append; returns its slot.
    pub fn slot(&self, messages: usize) -> usize {
        let mut state = self.state();
        state.waiting += messages;
        state.slots.push(Delivered::default());
        state.slots.len() - 1
    }

    /// What librdkafka carries along with a message of this slot.
    pub fn tag(&self, slot: usize) -> usize {
        self.state().round << ROUND_SHIFT | slot
    }

    /// Waits until all are there; the error is the first that was not.
    pub fn wait(&self, longest: Duration) -> Result<Vec<Delivered>, RDKafkaErrorCode> {
        let until = Instant::now() + longest;
        let mut state = self.state();
        loop {
            if let Some(code) = state.failed {
                return Err(code);
            }
            if state.waiting == 0 {
                return Ok(state.slots.clone());
            }
            let Some(left) = until.checked_duration_since(Instant::now()) else {
                return Err(RDKafkaErrorCode::MessageTimedOut);
            };
            let woken = self.changed.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        self.told.log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.told.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, tag: usize) {
        let mut state = self.state();
        if tag >> ROUND_SHIFT != state.round {
            return;
        }
        match result {
            Ok(message) => {
                let offset = message.offset().cast_unsigned();
                let slot = &mut state.slots[tag & SLOT_MASK];
                slot.first = if slot.count == 0 { offset } else { slot.first.min(offset) };
                slot.last = slot.last.max(offset);
                slot.count += 1;
            }
            Err((error, _)) => {
                let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
                state.failed.get_or_insert(code);
            }
        }
        state.waiting -= 1;
        if state.waiting == 0 || state.failed.is_some() {
            self.changed.notify_all();
        }
    }
}

const ROUND_SHIFT: u32 = 32;
const SLOT_MASK: usize = (1 << ROUND_SHIFT) - 1;
const ROUND_MASK: usize = SLOT_MASK;
