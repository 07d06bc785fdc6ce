//! A JSON object as a row: names and text cells, in the order of the object.
//!
//! Numbers keep the characters they were written with, so that no digit is lost; booleans become
//! `true` and `false`; `null` is NULL. Objects and arrays within, and doubled names, are refused.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// A row read from one JSON object.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct JsonRow {
    /// Name and cell, in the order of the object.
    pub cells: Vec<(String, Option<String>)>,
}

impl JsonRow {
    /// Reads one object. The error says what is wrong and never quotes a value.
    pub fn parse(text: &str) -> Result<Self, InvalidJsonRow> {
        serde_json::from_str(text)
            .map_err(|error| InvalidJsonRow { problem: problem(&error), column: error.column() })
    }

    /// The cell of this name; the outer `None` means that the object has no such name.
    pub fn get(&self, name: &str) -> Option<Option<&str>> {
        let cell = self.cells.iter().find(|(own, _)| own == name);
        cell.map(|(_, cell)| cell.as_deref())
    }
}

/// Text that is no row.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{problem} (character {column})")]
pub struct InvalidJsonRow {
    /// What is wrong.
    pub problem: String,
    /// Where, in bytes from 1.
    pub column: usize,
}

impl<'de> Deserialize<'de> for JsonRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RowVisitor)
    }
}

struct RowVisitor;

impl<'de> Visitor<'de> for RowVisitor {
    type Value = JsonRow;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with one value per column")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonRow, A::Error> {
        let mut row = JsonRow::default();
        while let Some(name) = map.next_key::<String>()? {
            let raw: &RawValue = map.next_value()?;
            if row.cells.len() == NAMES_MAX {
                return Err(A::Error::custom(format!("there are more than {NAMES_MAX} names")));
            }
            if row.get(&name).is_some() {
                return Err(A::Error::custom(format!("the name `{}` stands twice", shown(&name))));
            }
            let cell = cell(raw.get())
                .map_err(|problem| A::Error::custom(format!("`{}` {problem}", shown(&name))))?;
            row.cells.push((name, cell));
        }
        Ok(row)
    }
}

fn cell(raw: &str) -> Result<Option<String>, &'static str> {
    match raw.as_bytes().first() {
        Some(b'"') => {
            let text =
                serde_json::from_str(raw).map_err(|_| "holds half a character (a lone surrogate)");
            text.map(Some)
        }
        Some(b'n') => Ok(None),
        Some(b'{' | b'[') => Err("holds a list or an object; a cell is one value"),
        _ => Ok(Some(raw.to_owned())),
    }
}

/// Names may come from anywhere: only so much of one is repeated in a message.
fn shown(name: &str) -> String {
    name.chars().filter(|character| !character.is_control()).take(40).collect()
}

/// What is wrong, without the place, and without the value that the parser quotes where something
/// else than an object stands.
fn problem(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let problem = message.split(" at line ").next().unwrap_or_default();
    match problem.starts_with("invalid type") {
        true => "this is no object with one value per column".to_owned(),
        false => problem.to_owned(),
    }
}

/// Names of one row at most: each is compared with those before it.
const NAMES_MAX: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let actual = match JsonRow::parse(text) {
            Ok(row) => row
                .cells
                .iter()
                .map(|(name, cell)| format!("{name}={}", cell.as_deref().unwrap_or("NULL")))
                .collect::<Vec<_>>()
                .join(" "),
            Err(error) => error.to_string(),
        };
        assert_eq!(actual, expected);
    }

    #[test]
    fn values_become_cells() {
        check(r#"{"a":"x","b":1.50,"c":true,"d":null,"e":""}"#, "a=x b=1.50 c=true d=NULL e=");
        check(r#"{"id":431302199003070014}"#, "id=431302199003070014");
        check(r#"{"n":12345678901234567890123456789.0}"#, "n=12345678901234567890123456789.0");
        check(r#"{"a":"\u5a04\u5e95"}"#, "a=娄底");
        check("{}", "");
    }

    #[test]
    fn what_is_no_row_is_named() {
        check(r#"{"a":1,"a":2}"#, "the name `a` stands twice (character 13)");
        check(r#"{"a":[1]}"#, "`a` holds a list or an object; a cell is one value (character 9)");
        check(r#"{"a":"\ud800"}"#, "`a` holds half a character (a lone surrogate) (character 14)");
        check("[1]", "this is no object with one value per column (character 0)");
        check(r#""431302""#, "this is no object with one value per column (character 8)");
        let wide: Vec<_> = (0..=NAMES_MAX).map(|n| format!("\"c{n}\":1")).collect();
        check(
            &format!("{{{}}}", wide.join(",")),
            "there are more than 1000 names (character 8901)",
        );
        check(r#"{"a":"#, "EOF while parsing a value (character 5)");
    }
}
