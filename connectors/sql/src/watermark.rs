//! What a watermark says about order and time.
//!
//! A watermark is a number that rises (a version, a sequence) or a time of the last change. Times
//! come as a database's own type or, often, as text in one of a few forms. Times without a zone are
//! taken as they stand: only their order and their distances matter here.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta};

use crate::mark::Mark;

/// The forms of a time, each with the way back to the same form.
const TIMES: [&str; 6] = [
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y/%m/%d %H:%M:%S%.f",
    "%Y%m%d%H%M%S",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%dT%H:%M:%S%.f%#z",
];
const ZONED_FROM: usize = 4;
const DATES: [&str; 3] = ["%Y-%m-%d", "%Y/%m/%d", "%Y%m%d"];

/// How far a run looks back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Overlap {
    /// So long before the last time read.
    Time(Duration),
    /// So far below the last number read.
    Number(u64),
}

/// The watermark as a number that sorts as the rows do: microseconds for times, the number itself
/// for numbers. At least 1, as 0 means that a source has no order; 1 when the text is no time.
pub fn order(mark: &Mark) -> u64 {
    let number = match mark {
        Mark::Integer(number) => *number,
        Mark::Text(text) => match time(text) {
            Some((time, _)) => time.and_utc().timestamp_micros(),
            None => text.parse().unwrap_or(1),
        },
    };
    number.max(1) as u64
}

/// The mark that lies `overlap` before this one, in the same form. `None` when the overlap does not
/// fit the mark: a time before a text that is no time, a time before a number.
pub fn before(mark: &Mark, overlap: Overlap) -> Option<Mark> {
    match (mark, overlap) {
        (Mark::Integer(number), Overlap::Number(by)) => {
            Some(Mark::Integer(number.saturating_sub_unsigned(by)))
        }
        (Mark::Text(text), Overlap::Time(by)) => {
            let (time, form) = time(text)?;
            let back = time.checked_sub_signed(TimeDelta::from_std(by).ok()?)?;
            Some(Mark::Text(write(back, form)))
        }
        _ => None,
    }
}

fn time(text: &str) -> Option<(NaiveDateTime, &'static str)> {
    for (index, form) in TIMES.into_iter().enumerate() {
        let parsed = if index < ZONED_FROM {
            NaiveDateTime::parse_from_str(text, form)
        } else {
            DateTime::parse_from_str(text, form).map(|time| time.naive_utc())
        };
        if let Ok(time) = parsed {
            return Some((time, form));
        }
    }
    let date = |form: &'static str| Some((NaiveDate::parse_from_str(text, form).ok()?, form));
    DATES.into_iter().find_map(date).map(|(day, form)| (day.into(), form))
}

fn write(time: NaiveDateTime, form: &str) -> String {
    match TIMES[ZONED_FROM..].contains(&form) {
        true => time.and_utc().format(&form.replace("%#z", "+00:00")).to_string(),
        false => time.format(form).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(mark: &str, expected_order: u64, ten_minutes_before: Option<&str>) {
        let mark = Mark::Text(mark.to_owned());
        assert_eq!(order(&mark), expected_order);
        let before = before(&mark, Overlap::Time(Duration::from_secs(600)));
        assert_eq!(before, ten_minutes_before.map(|text| Mark::Text(text.to_owned())));
    }

    #[test]
    fn times_of_every_form() {
        let eight = 1_793_606_400_000_000;
        check("2026-11-02 08:00:00", eight, Some("2026-11-02 07:50:00"));
        check("2026-11-02 08:00:00.25", eight + 250_000, Some("2026-11-02 07:50:00.250"));
        check("2026-11-02T08:00:00", eight, Some("2026-11-02T07:50:00"));
        check("2026/11/02 08:00:00", eight, Some("2026/11/02 07:50:00"));
        check("20261102080000", eight, Some("20261102075000"));
        check("2026-11-02 08:00:00+00", eight, Some("2026-11-02 07:50:00+00:00"));
        check("2026-11-02T16:00:00+08:00", eight, Some("2026-11-02T07:50:00+00:00"));
        check("2026-11-02", eight - 8 * 3_600_000_000, Some("2026-11-01"));
        check("20261102", eight - 8 * 3_600_000_000, Some("20261101"));
        check("rubbish", 1, None);
    }

    #[test]
    fn numbers() {
        assert_eq!(order(&Mark::Integer(-5)), 1);
        assert_eq!(order(&Mark::Text("18446744073709551615".into())), 1);
        let back = before(&Mark::Integer(100), Overlap::Number(30));
        assert_eq!(back, Some(Mark::Integer(70)));
        assert_eq!(before(&Mark::Integer(100), Overlap::Time(Duration::from_secs(1))), None);
    }
}
