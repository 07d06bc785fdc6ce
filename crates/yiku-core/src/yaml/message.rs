//! Errors of serde-saphyr in our words.

use serde_saphyr::{Error, Location};

use crate::problem::Problem;

/// The problem that an error describes. What a file holds is quoted where it helps: files of the
/// catalog and of connectors hold no personal data and name their secrets only.
pub(super) fn problem(path: &str, error: &Error) -> Problem {
    let error = without_snippet(error);
    let (zh, en) = words(error);
    let location = error.location().filter(|location| *location != Location::UNKNOWN);
    Problem {
        path: path.to_owned(),
        line: location.map(|location| location.line()),
        column: location.map(|location| location.column()),
        zh,
        en,
    }
}

fn without_snippet(mut error: &Error) -> &Error {
    while let Error::WithSnippet { error: inner, .. } = error {
        error = inner;
    }
    error
}

fn words(error: &Error) -> (String, String) {
    match error {
        Error::SerdeUnknownField { field, expected, .. } => unknown(field, expected),
        Error::SerdeUnknownVariant { variant, expected, .. } => unknown(variant, expected),
        Error::SerdeMissingField { field, .. } => {
            (format!("缺少 `{field}`"), format!("`{field}` is missing"))
        }
        Error::QuotingRequired { value, .. } => (
            format!("此处应为文本；请加引号：\"{value}\""),
            format!("this must be text; put it in quotes: \"{value}\""),
        ),
        Error::NullIntoString { .. } => {
            ("此处应有文本，却是空的".into(), "this must be text, but is empty".into())
        }
        Error::SerdeInvalidType { unexpected, expected, .. }
        | Error::SerdeInvalidValue { unexpected, expected, .. } => (
            format!("此处应为 {expected}，却是 {unexpected}"),
            format!("this must be {expected}, but is {unexpected}"),
        ),
        Error::Message { msg, .. } => (msg.clone(), msg.clone()),
        other => {
            let what = plain(other);
            (format!("此值不合要求：{what}"), format!("this value does not fit: {what}"))
        }
    }
}

fn unknown(word: &str, expected: &[&str]) -> (String, String) {
    (
        format!("不认识 `{word}`；可写：{}", expected.join("、")),
        format!("`{word}` is not known here; known are: {}", expected.join(", ")),
    )
}

/// The library's own message without the place, which a problem carries apart.
fn plain(error: &Error) -> String {
    let text = error.to_string();
    match text.find(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
