//! The one place that looks at the clock. Everything below takes times as values.

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
