//! Processor time by step of a row's way: what the hub's machine computes for.
//!
//! Counted is what runs on the threads that do a step's work. What SQLite and other drivers do on
//! threads of their own is not: those have names (`yiku-store-w`, `yiku-bus-w`, …) under which the
//! system counts them.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    pin::pin,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

/// A step of a row's way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// Reading from a source.
    Read,
    /// Mapping and checking.
    Check,
    /// Digests, Avro batches and receipts for the bus.
    Publish,
    /// Carrying publications from the bus into the store.
    Carry,
    /// Records, library rows, history, changes.
    Merge,
    /// Rows for the topics of entities.
    Relay,
    /// Forming parcels and handing them over.
    Deliver,
}

impl Step {
    /// All steps, in the order of a row's way.
    pub const ALL: [Self; 7] = [
        Self::Read,
        Self::Check,
        Self::Publish,
        Self::Carry,
        Self::Merge,
        Self::Relay,
        Self::Deliver,
    ];

    /// Its name for metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Check => "check",
            Self::Publish => "publish",
            Self::Carry => "carry",
            Self::Merge => "merge",
            Self::Relay => "relay",
            Self::Deliver => "deliver",
        }
    }
}

/// Works, and counts the processor time as the step's. What a step within it takes is that one's.
pub fn spend<R>(step: Step, work: impl FnOnce() -> R) -> R {
    let within_before = WITHIN.replace(Duration::ZERO);
    let began = of_thread();
    let done = work();
    let all = of_thread().saturating_sub(began);
    let own = all.saturating_sub(WITHIN.get());
    SPENT[step as usize].fetch_add(own.as_nanos() as u64, Ordering::Relaxed);
    WITHIN.set(within_before + all);
    done
}

/// Awaits, and counts the processor time as the step's.
pub async fn spending<F: Future>(step: Step, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| spend(step, || future.as_mut().poll(context))).await
}

/// Processor time spent on a step in this process so far.
pub fn spent(step: Step) -> Duration {
    Duration::from_nanos(SPENT[step as usize].load(Ordering::Relaxed))
}

static SPENT: [AtomicU64; Step::ALL.len()] = [const { AtomicU64::new(0) }; Step::ALL.len()];

thread_local! {
    /// What steps took that ended within the one that is being counted.
    static WITHIN: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Processor time of this thread so far.
fn of_thread() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compute(time: Duration) {
        let until = of_thread() + time;
        while of_thread() < until {
            std::hint::black_box(0);
        }
    }

    #[tokio::test]
    async fn a_step_within_another_is_counted_once() {
        let tens = |count: u64| Duration::from_millis(10 * count);
        let before = Step::ALL.map(spent);
        spending(Step::Merge, async {
            compute(tens(1));
            tokio::task::yield_now().await;
            spend(Step::Carry, || compute(tens(4)));
            std::thread::sleep(tens(5));
            compute(tens(1));
        })
        .await;
        let took = |step: Step| spent(step) - before[step as usize];
        assert!((tens(2)..tens(4)).contains(&took(Step::Merge)), "{:?}", took(Step::Merge));
        assert!((tens(4)..tens(6)).contains(&took(Step::Carry)), "{:?}", took(Step::Carry));
        assert_eq!(took(Step::Read), Duration::ZERO);
    }
}
