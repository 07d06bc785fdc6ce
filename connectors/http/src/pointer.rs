//! JSON pointers into an answer, without changing how its numbers are written.

use std::{borrow::Cow, collections::HashMap};

use serde::Deserialize;
use serde_json::value::RawValue;

/// What stands at `pointer` (RFC 6901) of a JSON text; `None` when nothing does.
pub fn find<'a>(json: &'a RawValue, pointer: &str) -> Option<&'a RawValue> {
    let mut at = json;
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        at = match at.get().as_bytes().first() {
            Some(b'{') => {
                let object: HashMap<Name<'a>, &'a RawValue> =
                    serde_json::from_str(at.get()).ok()?;
                *object.get(&Name(Cow::Owned(token)))?
            }
            Some(b'[') => {
                let list: Vec<&'a RawValue> = serde_json::from_str(at.get()).ok()?;
                *list.get(token.parse::<usize>().ok()?)?
            }
            _ => return None,
        };
    }
    Some(at)
}

/// A name, borrowed where it holds no escape.
#[derive(Deserialize, Eq, Hash, PartialEq)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// A single value as text: a string without its quotes, a number as it is written. `None` for null
/// and for what is no single value.
pub fn text(json: &RawValue) -> Option<String> {
    match json.get().as_bytes().first() {
        Some(b'"') => serde_json::from_str(json.get()).ok(),
        Some(b'n' | b'{' | b'[') | None => None,
        Some(_) => Some(json.get().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pointer: &str, expected: Option<&str>) {
        let json = r#"{"data":{"a/b":[{"n":1.50},"x"],"~":null}}"#;
        let json: &RawValue = serde_json::from_str(json).unwrap();
        assert_eq!(find(json, pointer).map(RawValue::get), expected);
    }

    #[test]
    fn pointers() {
        check("/data/a~1b/0/n", Some("1.50"));
        check("/data/a~1b/1", Some("\"x\""));
        check("/data/~0", Some("null"));
        check("/data/a~1b/2", None);
        check("/data/c", None);
        check("/data/a~1b/1/z", None);
    }
}
