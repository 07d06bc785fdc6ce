//! What is told to people.

use yiku_core::{problem::Problem, violation::Violation};

/// A message is one line without control characters, which would do something to a terminal or
/// break a log apart.
#[track_caller]
pub fn check(text: &str) {
    let control = text.chars().find(|character| character.is_control());
    assert_eq!(control, None, "a message with a control character: {text:?}");
    assert!(!text.trim().is_empty(), "an empty message");
}

/// Problems of a file: at least one, each with a place inside the file, if any.
#[track_caller]
pub fn check_problems(problems: &[Problem], text: &str) {
    assert!(!problems.is_empty(), "a file is refused without a reason");
    // YAML ends lines at a carriage return, too.
    let lines = text.split(['\n', '\r']).count() as u64;
    for problem in problems {
        check(&problem.to_zh());
        check(&problem.to_string());
        let line = problem.line.unwrap_or(1);
        assert!((1..=lines + 1).contains(&line), "{problem}: the file has {lines} lines");
    }
}

/// A violation of a row.
#[track_caller]
pub fn check_violation(violation: &Violation) {
    check(&violation.zh);
    check(&violation.en);
    let shown = violation.value.as_deref().unwrap_or_default();
    assert!(!shown.contains(char::is_control), "a value is shown raw: {shown:?}");
    let digits = shown.split(|character: char| !character.is_ascii_digit());
    let longest = digits.map(str::len).max().unwrap_or(0);
    assert!(longest < 15, "as many digits are shown as an id has: {shown}");
}
