//! Patterns of text items: regular expressions that the contract's engine and JSON Schema's
//! (ECMA-262) read alike.

use regex::RegexBuilder;

use crate::yaml::{Node, Reader};

/// The pattern that `node` must be. What the two engines read differently is refused.
pub(super) fn pattern(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let text = reader.text(node)?;
    if let Some((zh, en)) = not_portable(text) {
        reader.note(node.place, zh, en);
        return None;
    }
    let compiled = RegexBuilder::new(&format!("^(?:{text})$")).size_limit(SIZE_MAX).build();
    if let Err(error) = compiled {
        let error = error.to_string();
        let what = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
        reader.note(
            node.place,
            format!("正则表达式有错：{what}"),
            format!("not a regular expression: {what}"),
        );
        return None;
    }
    Some(text.to_owned())
}

/// Why the pattern would mean something else in JSON Schema, if it would.
fn not_portable(pattern: &str) -> Option<(&'static str, &'static str)> {
    let mut characters = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        match character {
            '\\' => {
                if next.is_some_and(|next| next.is_alphanumeric()) {
                    return Some((
                        "不支持 \\d、\\w 等转义：请写 [0-9]、[A-Za-z]",
                        "escapes such as \\d and \\w are refused: write [0-9], [A-Za-z]",
                    ));
                }
                characters.next();
            }
            '[' if in_class => {
                return Some((
                    "方括号内的 [ 请写成 \\[",
                    "a [ within brackets must be written \\[",
                ));
            }
            '&' | '~' | '-' if in_class && next == Some(character) => {
                return Some((
                    "方括号内不能有 &&、~~、--",
                    "&&, ~~ and -- within brackets are refused",
                ));
            }
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class && next == Some('?') => {
                characters.next();
                if characters.peek() != Some(&':') {
                    return Some(("( 之后的 ? 只支持 (?:…)", "after ( a ? may only begin (?:…)"));
                }
            }
            _ => {}
        }
    }
    None
}

/// Bytes that a compiled pattern may take.
const SIZE_MAX: usize = 1 << 20;
