//! One JSON value as a cell.

use std::borrow::Cow;

use serde_json::value::RawValue;
use yiku_core::violation::Code;

use super::fault::kept;

/// A value as a cell, or what is wrong with it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Value<'a> {
    /// `null`.
    Null,
    /// The cell's text.
    Text(Cow<'a, str>),
    /// No value for a cell; its text is kept as it stands there.
    Broken { raw: &'a str, code: Code, zh: String, en: String },
}

impl Value<'_> {
    /// The cell.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Null => None,
            Self::Text(text) => Some(text),
            Self::Broken { raw, .. } => Some(raw),
        }
    }

    /// Bytes of the cell.
    pub(crate) fn bytes(&self) -> usize {
        self.text().map_or(0, str::len)
    }
}

/// Reads a value whose text is valid JSON, as far as its form goes.
pub(crate) fn read(value: &RawValue) -> Value<'_> {
    let raw = value.get();
    let broken = |code, zh: String, en: String| Value::Broken { raw: kept(raw), code, zh, en };
    match raw.as_bytes().first() {
        Some(b'n') | None => Value::Null,
        Some(b't' | b'f') => Value::Text(raw.into()),
        Some(b'"') => match serde_json::from_str(raw).map(|StringValue(text)| text) {
            Ok(text) => Value::Text(text),
            Err(_) => broken(
                Code::Encoding,
                "文本中有不成对的 Unicode 代理项：请重新导出".into(),
                "the text holds half of a surrogate pair: export it again".into(),
            ),
        },
        Some(b'{' | b'[') => broken(
            Code::Unreadable,
            "值是嵌套的对象或数组：请展开成单独的键".into(),
            "the value is an object or array: give its parts keys of their own".into(),
        ),
        Some(_) => match number(raw) {
            Some(text) => Value::Text(text),
            None => broken(
                Code::Unreadable,
                format!("数字超过 {DIGITS_MAX} 位：请改为文本"),
                format!("a number of more than {DIGITS_MAX} digits: write it as text"),
            ),
        },
    }
}

/// A string, borrowed where it holds no escape.
#[derive(serde::Deserialize)]
struct StringValue<'a>(#[serde(borrow)] Cow<'a, str>);

/// A number in plain digits; `None` when that takes too many of them.
fn number(raw: &str) -> Option<Cow<'_, str>> {
    let Some((digits, exponent)) = raw.split_once(['e', 'E']) else {
        let plain = if raw == "-0" { "0" } else { raw };
        return (raw.len() <= DIGITS_MAX).then_some(plain.into());
    };
    let exponent: i32 = exponent.parse().ok().filter(|e: &i32| e.unsigned_abs() < 1_000)?;
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{decimals}");
    // Where the point stands, counted from the first digit.
    let point = whole.len() as i32 + exponent;
    let mut text = String::from(sign);
    if point <= 0 {
        text.push_str("0.");
        (point..0).for_each(|_| text.push('0'));
        text.push_str(&all);
    } else {
        let point = point as usize;
        text.push_str(&all[..point.min(all.len())]);
        (all.len()..point).for_each(|_| text.push('0'));
        if point < all.len() {
            text.push('.');
            text.push_str(&all[point..]);
        }
    }
    let text = tidy(text);
    (text.len() <= DIGITS_MAX).then_some(text.into())
}

/// Without zeros that say nothing.
fn tidy(text: String) -> String {
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let digits = match digits.trim_start_matches('0') {
        "" => return "0".into(),
        rest if rest.starts_with('.') => &digits[digits.len() - rest.len() - 1..],
        rest => rest,
    };
    format!("{sign}{digits}")
}

/// More digits than any number that is meant as one.
const DIGITS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected: &str) {
        let raw: &RawValue = serde_json::from_str(json).unwrap();
        let told = match read(raw) {
            Value::Null => "NULL".to_owned(),
            Value::Text(text) => text.into_owned(),
            Value::Broken { code, en, .. } => format!("{code}: {en}"),
        };
        assert!(told.starts_with(expected), "{told}");
        assert!(!expected.is_empty() || told.is_empty(), "{told}");
    }

    #[test]
    fn values_are_cells() {
        check("null", "NULL");
        check("true", "true");
        check("\"\"", "");
        check("\"李\\n\\u5a1c\"", "李\n娜");
        check("431302197407073941", "431302197407073941");
        check("-0", "0");
        check("12.50", "12.50");
        check("1e3", "1000");
        check("1.5E+3", "1500");
        check("1.25e1", "12.5");
        check("1e-5", "0.00001");
        check("-12.5e-1", "-1.25");
        check("0e9", "0");
        check("100e-2", "1");
        check("0.05e1", "0.5");
    }

    #[test]
    fn what_is_no_cell_is_told() {
        check("1e400", "unreadable: a number of more than 64 digits");
        check("1e99999999999", "unreadable: a number");
        check(&"9".repeat(65), "unreadable: a number");
        check("{\"a\":1}", "unreadable: the value is an object");
        check(&format!("{}{}", "[".repeat(5_000), "]".repeat(5_000)), "unreadable: the value");
        check("\"\\ud800\"", "encoding: the text holds half");
    }
}
