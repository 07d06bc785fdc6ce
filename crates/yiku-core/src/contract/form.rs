//! The forms of canonical values as regular expressions, for the schemas that say the same as the
//! contract. Those of identifiers stand with them; that of a decimal is
//! [`decimal_pattern`](super::number::decimal_pattern).
//!
//! A regular expression cannot say everything: whether a day is in the calendar is for a schema's
//! formats `date` and `date-time`, bounds of dates and decimals, check characters and rules
//! between items are for keywords of our own.

/// A day: `yyyy-MM-dd`, years 0001 to 9999.
pub const DATE: &str = concat!(
    "^(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})",
    "-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
);

/// A moment: a day, a time with seconds and up to nine decimals, `Z` or an offset.
pub const DATETIME: &str = concat!(
    "^(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})",
    "-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])",
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?",
    "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
);

/// A text: no control characters but tab and line ends.
pub const TEXT: &str = r"^[^\u0000-\u0008\u000B\u000C\u000E-\u001F]*$";

/// Most characters of a code that a list in which unknown codes only warn lets through. Such a
/// code is a [`TEXT`] of at least one character.
pub const UNKNOWN_CODE_LENGTH_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;
    use crate::calendar;

    #[test]
    fn dates_and_moments_of_the_calendar_have_the_form() {
        let date = Regex::new(DATE).unwrap();
        let mut text = String::new();
        for days in (-719_162..2_932_896).step_by(61) {
            text.clear();
            calendar::push_date(days, &mut text);
            assert!(date.is_match(&text), "{text}");
        }
        assert!(!date.is_match("0000-01-01") && !date.is_match("2024-13-01"));
        let moment = Regex::new(DATETIME).unwrap();
        for text in ["2026-11-02T08:00:00+08:00", "2026-11-02T08:00:00.123456789Z"] {
            assert!(
                moment.is_match(text) && calendar::millis_of_datetime(text.as_bytes()).is_some()
            );
        }
        for text in ["2026-11-02T24:00:00Z", "2026-11-02T08:00:60Z", "2026-11-02T08:00:00+24:00"] {
            assert!(
                !moment.is_match(text) && calendar::millis_of_datetime(text.as_bytes()).is_none()
            );
        }
    }
}
