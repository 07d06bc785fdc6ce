//! What can be done to a value on its way, in place at the end of an arena.

use serde::{Deserialize, Serialize};

use crate::identifier::citizen_id;

/// One step of `do`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Removes blanks at both ends, full-width and invisible ones too.
    Trim,
    /// Full-width digits, letters and signs become half-width: `１２Ｘ` → `12X`.
    HalfWidth,
    /// Letters a to z in upper case.
    Upper,
    /// Letters A to Z in lower case.
    Lower,
    /// A citizen id of 15 digits becomes one of 18 characters; other values stay as they are.
    #[serde(rename = "id-15-to-18")]
    Id15To18,
    /// Several blanks in a row become one.
    CollapseSpace,
    /// Removes all blanks.
    DropSpace,
    /// Removes `-`: `MA000004-X` → `MA000004X`.
    DropHyphen,
    /// Removes `,` and `，` between digits: `1,234.5` → `1234.5`.
    DropComma,
    /// Removes everything but 0 to 9.
    DigitsOnly,
    /// A value without a visible character becomes NULL.
    BlankToNull,
}

/// Applies a step to what stands in `arena` from `start` on; false when it became NULL.
pub(super) fn apply(step: Step, arena: &mut String, start: usize) -> bool {
    match step {
        Step::Trim => trim(arena, start),
        Step::HalfWidth => {
            // Every full-width form begins with the byte 0xEF or, the blank, 0xE3.
            if arena[start..].chars().any(|character| half(character) != character) {
                rewrite(arena, start, |character| Some(half(character)));
            }
        }
        Step::Upper => arena[start..].make_ascii_uppercase(),
        Step::Lower => arena[start..].make_ascii_lowercase(),
        Step::Id15To18 => {
            if let Some(id) = citizen_id::from_legacy(&arena[start..]) {
                arena.truncate(start);
                arena.extend(id.map(char::from));
            }
        }
        Step::CollapseSpace => {
            let mut before = false;
            rewrite(arena, start, |character| {
                let blank = is_blank(character);
                let kept = (!blank || !before).then_some(if blank { ' ' } else { character });
                before = blank;
                kept
            });
        }
        Step::DropSpace => drop_all(arena, start, is_blank),
        Step::DropHyphen => drop_all(arena, start, |character| character == '-'),
        Step::DropComma => drop_commas(arena, start),
        Step::DigitsOnly => drop_all(arena, start, |character| !character.is_ascii_digit()),
        Step::BlankToNull => return !arena[start..].chars().all(is_blank),
    }
    true
}

fn trim(arena: &mut String, start: usize) {
    let text = arena[start..].trim_end_matches(is_blank);
    let end = start + text.len();
    let front = text.len() - text.trim_start_matches(is_blank).len();
    arena.truncate(end);
    if front > 0 {
        arena.drain(start..start + front);
    }
}

fn drop_all(arena: &mut String, start: usize, dropped: impl Fn(char) -> bool) {
    if arena[start..].contains(&dropped) {
        rewrite(arena, start, |character| (!dropped(character)).then_some(character));
    }
}

fn drop_commas(arena: &mut String, start: usize) {
    let text = &arena[start..];
    let is_number = text
        .chars()
        .all(|character| character.is_ascii_digit() || matches!(character, ',' | '，' | '.' | '-'));
    if is_number {
        drop_all(arena, start, |character| matches!(character, ',' | '，'));
    }
}

/// Rewrites what stands from `start` on, character by character.
fn rewrite(arena: &mut String, start: usize, mut change: impl FnMut(char) -> Option<char>) {
    let old = arena.split_off(start);
    arena.extend(old.chars().filter_map(&mut change));
}

/// The half-width form of a full-width character, or the character itself.
fn half(character: char) -> char {
    match character {
        '\u{3000}' => ' ',
        '\u{FF01}'..='\u{FF5E}' => {
            char::from_u32(u32::from(character) - 0xFEE0).unwrap_or(character)
        }
        other => other,
    }
}

/// White space of Unicode, and the characters without width that copying leaves behind.
pub(super) fn is_blank(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{FEFF}' | '\u{200B}'..='\u{200D}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(steps: &[Step], value: &str, expected: Option<&str>) {
        let mut arena = format!("前文{value}");
        let start = "前文".len();
        let kept = steps.iter().all(|&step| apply(step, &mut arena, start));
        assert_eq!(kept.then_some(&arena[start..]), expected);
        assert!(arena.starts_with("前文"));
    }

    #[test]
    fn steps() {
        use Step::*;
        check(&[Trim], " \u{3000}\u{FEFF}李 娜\t\n", Some("李 娜"));
        check(&[Trim], "李", Some("李"));
        check(&[Trim], "   ", Some(""));
        check(&[Trim, BlankToNull], "   ", None);
        check(&[BlankToNull], " x", Some(" x"));
        check(&[HalfWidth], "４３Ｘ　（ａ）", Some("43X (a)"));
        check(&[HalfWidth], "李娜", Some("李娜"));
        check(&[Upper], "ab李", Some("AB李"));
        check(&[Lower], "AB", Some("ab"));
        check(
            &[Trim, HalfWidth, Id15To18],
            "４３２５０３８５０１０１１２３ ",
            Some("43250319850101123X"),
        );
        check(&[Id15To18], "43250319850101123X", Some("43250319850101123X"));
        check(&[Id15To18], "432503850101997", Some("432503850101997"));
        check(&[CollapseSpace], "a \u{3000} b", Some("a b"));
        check(&[DropSpace], " 李 娜 ", Some("李娜"));
        check(&[DropHyphen], "MA000004-X", Some("MA000004X"));
        check(&[DropComma], "1,234.50", Some("1234.50"));
        check(&[DropComma], "甲,乙", Some("甲,乙"));
        check(&[DigitsOnly], "(0738) 831-2345", Some("07388312345"));
    }
}
