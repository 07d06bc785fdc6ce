//! Declared forms of dates and moments.

use crate::calendar;

/// A declared form.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum DateFormat {
    /// A pattern of tokens.
    Pattern(Vec<Token>),
    /// Days since the end of 1899 as a spreadsheet counts them, with a fraction for the time.
    Excel,
    /// Seconds since 1970 in UTC.
    UnixSeconds,
    /// Milliseconds since 1970 in UTC.
    UnixMillis,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token {
    /// A number of so many digits at least and at most.
    Number(Part, usize, usize),
    /// `+08:00`, `+0800` or `Z`.
    Offset,
    Literal(char),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Part {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Fraction,
}

/// What a form reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Moment {
    /// A day and a time on it, where nobody said of which zone.
    Local { days: i32, millis: i64 },
    /// Milliseconds since 1970 in UTC.
    Utc(i64),
}

impl DateFormat {
    /// Reads a form; the error says in Chinese and English what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, (String, String)> {
        match text {
            "excel" => return Ok(Self::Excel),
            "unix-seconds" => return Ok(Self::UnixSeconds),
            "unix-millis" => return Ok(Self::UnixMillis),
            _ => {}
        }
        let mut tokens = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let run = rest.chars().take_while(|&character| character == first).count();
            let token = token(first, run).ok_or_else(|| unknown(text, first, run))?;
            // A literal is taken one by one, so that two spaces stay two.
            let taken = if matches!(token, Token::Literal(_)) { 1 } else { run };
            tokens.push(token);
            rest = &rest[taken * first.len_utf8()..];
        }
        let ambiguous = tokens
            .windows(2)
            .any(|pair| matches!(pair, [Token::Number(_, 1, 2), Token::Number(..)]));
        if ambiguous {
            return Err((
                format!("日期格式 {text} 中 M、d、H 后面须有分隔符，否则无法断定"),
                format!("in `{text}` something must stand after M, d or H, or it is ambiguous"),
            ));
        }
        for part in [Part::Year, Part::Month, Part::Day] {
            let count = tokens
                .iter()
                .filter(|token| matches!(token, Token::Number(own, ..) if *own == part))
                .count();
            if count != 1 {
                return Err((
                    format!("日期格式 {text} 中年、月、日须各出现一次"),
                    format!("`{text}` must have year, month and day once each"),
                ));
            }
        }
        Ok(Self::Pattern(tokens))
    }

    /// Reads a value; `None` when it has another form or is not in the calendar.
    pub(super) fn read(&self, text: &str) -> Option<Moment> {
        match self {
            Self::Pattern(tokens) => read_pattern(tokens, text),
            Self::Excel => read_excel(text),
            Self::UnixSeconds => in_calendar(text.parse::<i64>().ok()?.checked_mul(1000)?),
            Self::UnixMillis => in_calendar(text.parse().ok()?),
        }
    }
}

fn token(first: char, run: usize) -> Option<Token> {
    let number = |part, widths: &[usize]| {
        let (&min, &max) = (widths.first()?, widths.last()?);
        Some(Token::Number(part, min, max))
    };
    match (first, run) {
        ('y', 4) => number(Part::Year, &[4]),
        ('M', 2) => number(Part::Month, &[2]),
        ('M', 1) => number(Part::Month, &[1, 2]),
        ('d', 2) => number(Part::Day, &[2]),
        ('d', 1) => number(Part::Day, &[1, 2]),
        ('H', 2) => number(Part::Hour, &[2]),
        ('H', 1) => number(Part::Hour, &[1, 2]),
        ('m', 2) => number(Part::Minute, &[2]),
        ('s', 2) => number(Part::Second, &[2]),
        ('S', 1..=9) => number(Part::Fraction, &[run]),
        ('X', 1..=3) => Some(Token::Offset),
        ('T', _) => Some(Token::Literal('T')),
        (letter, _) if letter.is_ascii_alphabetic() => None,
        (literal, _) => Some(Token::Literal(literal)),
    }
}

fn unknown(text: &str, first: char, run: usize) -> (String, String) {
    let token = first.to_string().repeat(run);
    (
        format!(
            "日期格式 {text} 中的 {token} 不能用；可用 yyyy MM M dd d HH H mm ss SSS XXX，\
             或 excel、unix-seconds、unix-millis"
        ),
        format!(
            "`{token}` in `{text}` is not known; write yyyy MM M dd d HH H mm ss SSS XXX, or \
             excel, unix-seconds, unix-millis"
        ),
    )
}

fn read_pattern(tokens: &[Token], text: &str) -> Option<Moment> {
    let mut rest = text;
    let (mut year, mut month, mut day) = (0, 0, 0);
    let (mut millis, mut offset) = (0, None);
    for token in tokens {
        match *token {
            Token::Literal(literal) => rest = rest.strip_prefix(literal)?,
            Token::Offset => {
                let (minutes, left) = read_offset(rest)?;
                (offset, rest) = (Some(minutes), left);
            }
            Token::Number(part, min, max) => {
                let bytes = rest.as_bytes();
                let width = bytes.iter().take(max).take_while(|byte| byte.is_ascii_digit()).count();
                if width < min {
                    return None;
                }
                let value = bytes[..width]
                    .iter()
                    .fold(0u32, |value, byte| value * 10 + u32::from(byte - b'0'));
                rest = &rest[width..];
                match part {
                    Part::Year => year = value,
                    Part::Month => month = value,
                    Part::Day => day = value,
                    Part::Hour if value < 24 => millis += i64::from(value) * 3_600_000,
                    Part::Minute if value < 60 => millis += i64::from(value) * 60_000,
                    Part::Second if value < 60 => millis += i64::from(value) * 1000,
                    Part::Fraction => {
                        let scaled = i64::from(value) * 1000;
                        millis += scaled / 10i64.pow(width as u32);
                    }
                    _ => return None,
                }
            }
        }
    }
    if !rest.is_empty() {
        return None;
    }
    let days = calendar::days(year, month, day)?;
    match offset {
        None => Some(Moment::Local { days, millis }),
        Some(minutes) => in_calendar(i64::from(days) * DAY_MS + millis - minutes * 60_000),
    }
}

/// Reads `Z`, `+08:00` or `+0800`; gives minutes and what follows.
fn read_offset(text: &str) -> Option<(i64, &str)> {
    if let Some(rest) = text.strip_prefix('Z') {
        return Some((0, rest));
    }
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let two = |text: &str| {
        let digits = text.get(..2).filter(|two| two.bytes().all(|byte| byte.is_ascii_digit()))?;
        digits.parse::<i64>().ok()
    };
    let hours = two(rest)?;
    let rest = rest[2..].strip_prefix(':').unwrap_or(&rest[2..]);
    let minutes = two(rest)?;
    (hours < 24 && minutes < 60).then_some((sign * (hours * 60 + minutes), &rest[2..]))
}

/// Reads a spreadsheet's number of days. Number 60 is a day that the spreadsheet made up.
fn read_excel(text: &str) -> Option<Moment> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let number: f64 = text.parse().ok()?;
    let serial = number.trunc();
    if !(1.0..2_958_466.0).contains(&serial) || serial == 60.0 {
        return None;
    }
    let millis = ((number - serial) * DAY_MS as f64).round() as i64;
    let first = if serial < 60.0 { EXCEL_FIRST_DAY + 1 } else { EXCEL_FIRST_DAY };
    // A fraction that rounds up to a whole day belongs to the next one.
    let days = first + serial as i32 + (millis / DAY_MS) as i32;
    Some(Moment::Local { days, millis: millis % DAY_MS })
}

fn in_calendar(millis: i64) -> Option<Moment> {
    calendar::MOMENTS.contains(&millis).then_some(Moment::Utc(millis))
}

const DAY_MS: i64 = 86_400_000;
/// 1899-12-30.
const EXCEL_FIRST_DAY: i32 = -25_569;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(format: &str, value: &str, expected: &str) {
        let mut text = String::new();
        match DateFormat::parse(format).unwrap().read(value) {
            None => text.push_str("none"),
            Some(Moment::Utc(millis)) => calendar::push_datetime(millis, &mut text),
            Some(Moment::Local { days, millis }) => {
                calendar::push_datetime(i64::from(days) * DAY_MS + millis, &mut text);
                text.pop();
            }
        }
        assert_eq!(text, expected, "{format} {value}");
    }

    #[test]
    fn forms() {
        check("yyyyMMdd", "20240229", "2024-02-29T00:00:00");
        check("yyyyMMdd", "20230229", "none");
        check("yyyyMMdd", "2024022", "none");
        check("yyyyMMdd", "202402299", "none");
        check("yyyy/M/d", "2024/2/9", "2024-02-09T00:00:00");
        check("yyyy/M/d", "2024/02/09", "2024-02-09T00:00:00");
        check("yyyy年M月d日", "2024年12月1日", "2024-12-01T00:00:00");
        check("yyyy年M月d日", "２０２４年12月1日", "none");
        check("dd.MM.yyyy", "01.12.2024", "2024-12-01T00:00:00");
        check("yyyy-MM-dd HH:mm:ss", "2026-11-02 08:00:01", "2026-11-02T08:00:01");
        check("yyyy-MM-dd HH:mm:ss", "2026-11-02 24:00:00", "none");
        check("yyyy-MM-dd HH:mm:ss.SSS", "2026-11-02 08:00:01.250", "2026-11-02T08:00:01.250");
        check(
            "yyyy-MM-dd HH:mm:ss.SSSSSS",
            "2026-11-02 08:00:01.250999",
            "2026-11-02T08:00:01.250",
        );
        check("yyyyMMddHHmmss", "20261102080001", "2026-11-02T08:00:01");
        check("yyyy-MM-ddTHH:mm:ssXXX", "2026-11-02T08:00:00+08:00", "2026-11-02T00:00:00Z");
        check("yyyy-MM-ddTHH:mm:ssXX", "2026-11-02T08:00:00+0800", "2026-11-02T00:00:00Z");
        check("yyyy-MM-ddTHH:mm:ssX", "2026-11-02T08:00:00Z", "2026-11-02T08:00:00Z");
        check("excel", "45292", "2024-01-01T00:00:00");
        check("excel", "45292.5", "2024-01-01T12:00:00");
        check("excel", "1", "1900-01-01T00:00:00");
        check("excel", "59", "1900-02-28T00:00:00");
        check("excel", "60", "none");
        check("excel", "61", "1900-03-01T00:00:00");
        check("excel", "20240101", "none");
        check("excel", "1e3", "none");
        check("unix-seconds", "1793577600", "2026-11-02T00:00:00Z");
        check("unix-millis", "1793577600500", "2026-11-02T00:00:00.500Z");
        check("unix-millis", "9999999999999999", "none");
    }

    #[test]
    fn forms_that_are_none() {
        let error = |format| DateFormat::parse(format).unwrap_err().1;
        assert!(error("yyMMdd").contains("`yy` in `yyMMdd` is not known"));
        assert!(error("yyyy-MM").contains("year, month and day once each"));
        assert!(error("yyyy-MM-dd dd").contains("year, month and day once each"));
        assert!(error("yyyyMd").contains("ambiguous"));
        assert!(error("YYYY-MM-DD").contains("`YYYY`"));
    }
}
