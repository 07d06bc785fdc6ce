//! Text from outside, inside a message.

use std::borrow::Cow;

/// The text with U+FFFD for each control character: the name of a column or a value that a message
/// quotes must not move a terminal's cursor, nor break a line of a log in two.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) {
        text.replace(char::is_control, "\u{fffd}").into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_replaced() {
        assert_eq!(printable("\u{1b}[2J李\u{85}\n"), "\u{fffd}[2J李\u{fffd}\u{fffd}");
        assert!(matches!(printable("户籍 `x`"), Cow::Borrowed(_)));
    }
}
