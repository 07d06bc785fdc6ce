//! The one place that looks at the clock. Everything below takes times as values.

use std::time::Instant;

use chrono::{DateTime, SecondsFormat, Utc};

/// Milliseconds since 1970 in UTC.
pub fn now_ms() -> i64 {
    Utc::now().timestamp_millis()
}

/// A moment as people and files write it: RFC 3339 in UTC, to the second.
pub fn written(at_ms: i64) -> String {
    let moment = DateTime::<Utc>::from_timestamp_millis(at_ms).unwrap_or_default();
    moment.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Reads a moment in RFC 3339.
pub fn parse(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text).ok().map(|moment| moment.timestamp_millis())
}

/// The day in the city's time zone: what a grant's period is measured by.
pub fn today() -> chrono::NaiveDate {
    Utc::now().with_timezone(&chrono_tz::Asia::Shanghai).date_naive()
}

/// Compares the clock with one that nobody sets.
pub struct Watch {
    wall_ms: i64,
    steady: Instant,
}

impl Watch {
    /// Looks for the first time.
    pub fn begin() -> Self {
        Self { wall_ms: now_ms(), steady: Instant::now() }
    }

    /// By how many seconds the clock was set since the last look; `None` when it was not.
    pub fn look(&mut self) -> Option<i64> {
        let now = Self::begin();
        let passed = now.steady.duration_since(self.steady).as_millis() as i64;
        let set_ms = now.wall_ms - self.wall_ms - passed;
        *self = now;
        (set_ms.abs() >= SET_MS).then_some(set_ms / 1_000)
    }
}

/// How far the clock is behind a moment that is past, in seconds; 0 for what is no more than two
/// threads that write at once.
pub fn behind_s(past_ms: i64) -> u64 {
    match past_ms - now_ms() {
        ms if ms >= SET_MS => ms.unsigned_abs() / 1_000,
        _ => 0,
    }
}

/// A step that nobody takes for drifting.
const SET_MS: i64 = 5_000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_clock_that_was_set_is_noticed_once() {
        let mut watch = Watch::begin();
        assert_eq!(watch.look(), None);
        watch.wall_ms += 3_600_000;
        assert_eq!(watch.look(), Some(-3_600));
        assert_eq!(watch.look(), None);
        watch.steady -= Duration::from_secs(60);
        assert_eq!(watch.look(), Some(-60));
    }

    #[test]
    fn a_clock_is_behind_what_was_written_later() {
        assert_eq!(behind_s(now_ms() - 10_000), 0);
        assert_eq!(behind_s(now_ms() + 1_000), 0);
        assert!((3_590..=3_600).contains(&behind_s(now_ms() + 3_600_000)));
    }
}
