//! Integers and decimals as canonical text.

use crate::violation::Code;

/// Most digits of a decimal: what every database and `rust_decimal` holds.
pub const PRECISION_MAX: u32 = 28;

/// The form of a decimal as a regular expression.
pub fn decimal_pattern(precision: u32, scale: u32) -> String {
    let whole = match precision.saturating_sub(scale) {
        0 => "0".to_owned(),
        1 => "(0|[1-9])".to_owned(),
        digits => format!("(0|[1-9][0-9]{{0,{}}})", digits - 1),
    };
    match scale {
        0 => format!("^-?{whole}$"),
        _ => format!(r"^-?{whole}(\.[0-9]{{1,{scale}}})?$"),
    }
}

/// Reads `-?(0|[1-9][0-9]*)` of 64 bits, `-0` excluded.
pub fn integer(text: &[u8]) -> Result<i64, Code> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if !is_whole(digits) || text == b"-0" {
        return Err(Code::Type);
    }
    let mut value = 0i64;
    for digit in digits {
        let digit = i64::from(digit - b'0');
        value = value
            .checked_mul(10)
            .and_then(|value| value.checked_add(if negative { -digit } else { digit }))
            .ok_or(Code::Range)?;
    }
    Ok(value)
}

/// Reads a decimal as a whole number of its last places: `1.5` at scale 2 is 150.
pub fn decimal(text: &[u8], precision: u32, scale: u32) -> Result<i128, Code> {
    let (negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let point = rest.iter().position(|&byte| byte == b'.');
    let (whole, fraction) = match point {
        Some(point) => (&rest[..point], &rest[point + 1..]),
        None => (rest, &rest[..0]),
    };
    let digits_only = fraction.iter().all(u8::is_ascii_digit);
    if !is_whole(whole) || !digits_only || (point.is_some() && fraction.is_empty()) {
        return Err(Code::Type);
    }
    let room = (precision - scale) as usize;
    if fraction.len() > scale as usize || (whole.len() > room && whole != b"0") {
        return Err(Code::Precision);
    }
    let digits = whole.iter().chain(fraction);
    let value = digits.fold(0i128, |value, digit| value * 10 + i128::from(digit - b'0'));
    let value = value * 10i128.pow(scale - fraction.len() as u32);
    Ok(if negative { -value } else { value })
}

/// Appends an integer.
pub fn push_integer(value: i64, out: &mut String) {
    push_whole(value.unsigned_abs().into(), value < 0, 0, out);
}

/// Appends a decimal with exactly `scale` decimals.
pub fn push_decimal(value: i128, scale: u32, out: &mut String) {
    push_whole(value.unsigned_abs(), value < 0, scale as usize, out);
}

fn push_whole(mut value: u128, negative: bool, scale: usize, out: &mut String) {
    let mut digits = [b'0'; 40];
    let mut used = 0;
    while value > 0 || used <= scale {
        digits[used] = b'0' + (value % 10) as u8;
        value /= 10;
        used += 1;
    }
    if negative {
        out.push('-');
    }
    for index in (0..used).rev() {
        out.push(char::from(digits[index]));
        if index == scale && scale > 0 {
            out.push('.');
        }
    }
}

/// `0`, or digits that do not begin with 0.
fn is_whole(digits: &[u8]) -> bool {
    match digits {
        [] => false,
        [b'0'] => true,
        [b'0', ..] => false,
        _ => digits.iter().all(u8::is_ascii_digit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_integer(text: &str, expected: Result<i64, Code>) {
        assert_eq!(integer(text.as_bytes()), expected);
        if let Ok(value) = expected {
            let mut out = String::new();
            push_integer(value, &mut out);
            assert_eq!(out, text);
        }
    }

    #[test]
    fn integers() {
        check_integer("0", Ok(0));
        check_integer("-17", Ok(-17));
        check_integer("9223372036854775807", Ok(i64::MAX));
        check_integer("-9223372036854775808", Ok(i64::MIN));
        check_integer("9223372036854775808", Err(Code::Range));
        for text in ["", "-", "-0", "007", "+1", "1.0", " 1", "1e3", "１"] {
            check_integer(text, Err(Code::Type));
        }
    }

    #[track_caller]
    fn check_decimal(text: &str, expected: Result<&str, Code>) {
        let actual = decimal(text.as_bytes(), 5, 2).map(|value| {
            let mut out = String::new();
            push_decimal(value, 2, &mut out);
            out
        });
        assert_eq!(actual.as_deref(), expected.as_deref());
        let pattern = regex::Regex::new(&decimal_pattern(5, 2)).unwrap();
        assert_eq!(pattern.is_match(text), expected.is_ok(), "{text}");
    }

    #[test]
    fn decimals() {
        check_decimal("0", Ok("0.00"));
        check_decimal("-0.0", Ok("0.00"));
        check_decimal("1.5", Ok("1.50"));
        check_decimal("-0.05", Ok("-0.05"));
        check_decimal("999.99", Ok("999.99"));
        check_decimal("1000", Err(Code::Precision));
        check_decimal("1.234", Err(Code::Precision));
        for text in ["", "-", ".5", "1.", "01", "1,5", "1e2", "--1", "1.-5", "NaN"] {
            check_decimal(text, Err(Code::Type));
        }
        assert_eq!(decimal(b"0.25", 2, 2), Ok(25));
        assert_eq!(decimal(b"1.25", 2, 2), Err(Code::Precision));
        let mut out = String::new();
        push_decimal(-i128::from(u64::MAX), 0, &mut out);
        assert_eq!(out, "-18446744073709551615");
    }
}
