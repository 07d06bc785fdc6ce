//! Dates and moments as numbers and as canonical text, without allocating.
//!
//! A date is days since 1970-01-01, a moment milliseconds since then in UTC. The calendar is the
//! proleptic Gregorian one, years 0001 to 9999.

use chrono::NaiveDate;

/// The date of a number of days since 1970 that lies within the years 0001 to 9999.
pub fn date(days: i32) -> NaiveDate {
    NaiveDate::from_epoch_days(days).expect("within the calendar")
}

/// Days since 1970 of `yyyyMMdd`; `None` when it is not eight digits or no day of the calendar.
pub fn days_of_digits(text: &[u8]) -> Option<i32> {
    let text: &[u8; 8] = text.try_into().ok()?;
    let year = two(text, 0)? * 100 + two(text, 2)?;
    days(year, two(text, 4)?, two(text, 6)?)
}

/// Days since 1970 of `yyyy-MM-dd`; `None` when it has another form or is no day of the calendar.
pub fn days_of_date(text: &[u8]) -> Option<i32> {
    let text: &[u8; 10] = text.try_into().ok()?;
    if text[4] != b'-' || text[7] != b'-' {
        return None;
    }
    let year = two(text, 0)? * 100 + two(text, 2)?;
    days(year, two(text, 5)?, two(text, 8)?)
}

/// Milliseconds since 1970 of an RFC 3339 moment with seconds and offset; `None` when it has
/// another form or does not exist. Digits below the millisecond are dropped; a leap second (`:60`)
/// is refused, and so is a moment outside the calendar once it is in UTC.
pub fn millis_of_datetime(text: &[u8]) -> Option<i64> {
    if text.len() < 20 || text[10] != b'T' || text[13] != b':' || text[16] != b':' {
        return None;
    }
    let days = days_of_date(&text[..10])?;
    let (hour, minute, second) = (two(text, 11)?, two(text, 14)?, two(text, 17)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (fraction, rest) = fraction_of(&text[19..])?;
    let offset = match rest {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), offset @ ..] if offset.len() == 5 && offset[2] == b':' => {
            let (hours, minutes) = (two(offset, 0)?, two(offset, 3)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let minutes = i64::from(hours * 60 + minutes);
            if *sign == b'+' { minutes } else { -minutes }
        }
        _ => return None,
    };
    let seconds = i64::from(hour * 3600 + minute * 60 + second);
    let millis = i64::from(days) * DAY_MS + seconds * 1000 + fraction - offset * 60_000;
    (MOMENTS.contains(&millis)).then_some(millis)
}

/// Appends `yyyy-MM-dd`.
pub fn push_date(days: i32, out: &mut String) {
    let (year, month, day) = civil(days);
    push_digits(year, 4, out);
    out.push('-');
    push_digits(month, 2, out);
    out.push('-');
    push_digits(day, 2, out);
}

/// Appends `yyyy-MM-ddTHH:mm:ss.SSSZ`, the milliseconds only when they are not 0.
pub fn push_datetime(millis: i64, out: &mut String) {
    push_date(millis.div_euclid(DAY_MS) as i32, out);
    let rest = millis.rem_euclid(DAY_MS) as u32;
    for (mark, value) in
        [('T', rest / 3_600_000), (':', rest / 60_000 % 60), (':', rest / 1000 % 60)]
    {
        out.push(mark);
        push_digits(value, 2, out);
    }
    if !rest.is_multiple_of(1000) {
        out.push('.');
        push_digits(rest % 1000, 3, out);
    }
    out.push('Z');
}

/// Days since 1970 of a day of the calendar; `None` when there is none.
pub fn days(year: u32, month: u32, day: u32) -> Option<i32> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let last = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if day == 0 || day > last || year == 0 || year > 9999 {
        return None;
    }
    // Years begin in March, so that the leap day is their last.
    let shifted = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + day_of_year;
    Some(days as i32 - 719_468)
}

/// Year, month and day of days since 1970 within the years 0001 to 9999.
fn civil(days: i32) -> (u32, u32, u32) {
    let days = (days + 719_468) as u32;
    let century = days / 146_097;
    let of_century = days - century * 146_097;
    let year_of_era =
        (of_century - of_century / 1460 + of_century / 36_524 - of_century / 146_096) / 365;
    let day_of_year = of_century - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + century * 400 + u32::from(month <= 2), month, day)
}

/// Milliseconds of a decimal fraction at the front, and what follows it.
fn fraction_of(text: &[u8]) -> Option<(i64, &[u8])> {
    let Some(digits) = text.strip_prefix(b".") else { return Some((0, text)) };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=9).contains(&count) {
        return None;
    }
    let digit =
        |index: usize| digits[..count].get(index).map_or(0, |digit| i64::from(digit - b'0'));
    Some((digit(0) * 100 + digit(1) * 10 + digit(2), &digits[count..]))
}

/// Two digits at `at` as a number.
fn two(text: &[u8], at: usize) -> Option<u32> {
    let (tens, ones) = (text[at].wrapping_sub(b'0'), text[at + 1].wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| u32::from(tens * 10 + ones))
}

fn push_digits(value: u32, count: u32, out: &mut String) {
    for place in (0..count).rev() {
        out.push(char::from(b'0' + (value / 10u32.pow(place) % 10) as u8));
    }
}

const DAY_MS: i64 = 86_400_000;

/// 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999Z.
pub(crate) const MOMENTS: std::ops::RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_999;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_is_as_chrono_says() {
        let mut expected = NaiveDate::from_ymd_opt(1, 1, 1).unwrap();
        let (first, last) = (days_of_date(b"0001-01-01").unwrap(), days(9999, 12, 31).unwrap());
        assert_eq!(date(first), expected);
        let mut text = String::new();
        for day in first..=last {
            text.clear();
            push_date(day, &mut text);
            assert_eq!(days_of_date(text.as_bytes()), Some(day));
            if day % 97 == 0 {
                assert_eq!(text, date(day).to_string());
                assert_eq!(days_of_digits(text.replace('-', "").as_bytes()), Some(day));
            }
            expected = date(day);
        }
        assert_eq!(expected.to_string(), "9999-12-31");
    }

    #[test]
    fn days_that_do_not_exist() {
        for text in [
            "2023-02-29",
            "1900-02-29",
            "2024-04-31",
            "2024-00-10",
            "2024-13-01",
            "2024-01-00",
            "2024-01-32",
            "0000-01-01",
            "2024-1-01",
            "24-01-01",
            "2024/01/01",
            "2024-01-01 ",
            "",
            "２０２４",
            "20a4-01-01",
        ] {
            assert_eq!(days_of_date(text.as_bytes()), None, "{text}");
        }
        assert!(days_of_date(b"2000-02-29").is_some());
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut actual = String::new();
        match millis_of_datetime(text.as_bytes()) {
            Some(millis) => push_datetime(millis, &mut actual),
            None => actual.push_str("none"),
        }
        assert_eq!(actual, expected);
    }

    #[test]
    fn moments() {
        check("2026-11-02T08:00:00+08:00", "2026-11-02T00:00:00Z");
        check("2026-11-02T08:00:00.5Z", "2026-11-02T08:00:00.500Z");
        check("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999Z");
        check("2026-03-01T00:30:00-01:30", "2026-03-01T02:00:00Z");
        check("2026-11-02T08:00:00", "none");
        check("2026-11-02 08:00:00Z", "none");
        check("2026-11-02T24:00:00Z", "none");
        check("2026-12-31T23:59:60Z", "none");
        check("2026-02-29T00:00:00Z", "none");
        check("2026-11-02T08:00:00.Z", "none");
        check("2026-11-02T08:00:00+0800", "none");
        check("2026-11-02T08:00:00+24:00", "none");
        check("2026-11-02T08:00:00ZZ", "none");
        check("0001-01-01T00:00:00+08:00", "none");
        check("9999-12-31T23:59:59-00:01", "none");
    }
}
