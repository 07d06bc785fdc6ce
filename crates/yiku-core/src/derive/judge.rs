//! A validator for derived schemas that knows their formats and keywords. The only place that
//! calls `jsonschema`, whose interface changes often.

use std::sync::Arc;

use jsonschema::{Keyword, PatternOptions, ValidationError, Validator};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::{
    calendar,
    code_list::{CodeLists, DIVISIONS},
    identifier::{
        CitizenId, CreditCode, DivisionSet, Fault, LicenseId, OrganisationCode,
        citizen_id::{self, Holder},
    },
};

/// The schema cannot be made into a validator.
#[derive(Debug, thiserror::Error)]
#[error("not a usable JSON Schema: {0}")]
pub struct InvalidSchema(String);

/// Compiles a derived schema. All formats are checked, unknown ones refused; nothing is fetched.
pub fn validator(schema: &Value, lists: &CodeLists) -> Result<Validator, InvalidSchema> {
    let divisions = Arc::new(lists.get(DIVISIONS).map_or_else(DivisionSet::default, |list| {
        DivisionSet::new(list.codes.iter().map(|listed| listed.code.as_str()))
    }));
    jsonschema::draft202012::options()
        .should_validate_formats(true)
        .should_ignore_unknown_formats(false)
        .with_pattern_options(PatternOptions::regex())
        .with_format("citizen-id", |text: &str| CitizenId::parse(text).is_ok())
        .with_format("citizen-id-form", |text: &str| {
            matches!(citizen_id::check(text.as_bytes()), Ok(_) | Err(Fault::CheckDigit))
        })
        .with_format("credit-code", |text: &str| {
            CreditCode::parse(text).is_ok_and(|code| code.is_checked())
        })
        .with_format("organisation-code", |text: &str| OrganisationCode::parse(text).is_ok())
        .with_format("license-id", |text: &str| LicenseId::parse(text).is_ok())
        .with_keyword("x-yiku-minimum", |_, value, _| Ok(Box::new(TextBound::new(value, 1)?)))
        .with_keyword("x-yiku-maximum", |_, value, _| Ok(Box::new(TextBound::new(value, -1)?)))
        .with_keyword("x-yiku-known-division", move |_, _, _| {
            Ok(Box::new(KnownDivision(Arc::clone(&divisions))))
        })
        .build(schema)
        .map_err(|error| InvalidSchema(error.to_string()))
}

/// Whether somebody's schema is one, as the draft that it names says. Nothing is fetched.
pub fn check_schema(schema: &Value) -> Result<(), InvalidSchema> {
    jsonschema::meta::validate(schema).map_err(|error| InvalidSchema(error.to_string()))
}

/// The least (`side` 1) or greatest (-1) date or decimal. A text that is neither passes: pattern
/// and format speak of it.
struct TextBound {
    bound: Decimal,
    side: i8,
}

impl TextBound {
    fn new(value: &Value, side: i8) -> Result<Self, ValidationError<'static>> {
        match value.as_str().and_then(number_of) {
            Some(bound) => Ok(Self { bound, side }),
            None => Err(ValidationError::schema("must be the text of a date or a decimal")),
        }
    }
}

impl<'i> Keyword<'i> for TextBound {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        match self.is_valid(instance) {
            true => Ok(()),
            false => Err(ValidationError::custom("lies outside of the bounds")),
        }
    }

    fn is_valid(&self, instance: &'i Value) -> bool {
        let Some(number) = instance.as_str().and_then(number_of) else { return true };
        if self.side > 0 { number >= self.bound } else { number <= self.bound }
    }
}

fn number_of(text: &str) -> Option<Decimal> {
    let days = calendar::days_of_date(text.as_bytes()).map(Decimal::from);
    days.or_else(|| Decimal::from_str_exact(text).ok())
}

/// The division, or the address in a citizen's id, is known.
struct KnownDivision(Arc<DivisionSet>);

impl<'i> Keyword<'i> for KnownDivision {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        match self.is_valid(instance) {
            true => Ok(()),
            false => Err(ValidationError::custom("is not a known division")),
        }
    }

    fn is_valid(&self, instance: &'i Value) -> bool {
        let Some(text) = instance.as_str() else { return true };
        let text = text.as_bytes();
        if !text.iter().take(17).all(u8::is_ascii_digit) {
            return true;
        }
        match <&[u8; 18]>::try_from(text) {
            Ok(id) => citizen_id::holder(id) != Holder::Citizen || self.0.knows(&id[..6]),
            Err(_) => !matches!(text.len(), 6 | 9 | 12) || self.0.knows(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::derive::{json_schema, test_entry};

    /// Sets one property of a right row and says whether the row is still right.
    #[track_caller]
    fn check(change: Option<(&str, &str)>, item: &str, value: Value, expected: bool) {
        let entry = test_entry::changed(change.as_slice());
        let lists = test_entry::lists();
        let validator = validator(&json_schema(&entry, &lists), &lists).unwrap();
        let mut row = json!({
            "citizen_id": "431302197407073941", "name": "李娜", "sex": "2",
            "birth_date": "1974-07-07", "married": null, "height": "162.5",
            "updated_at": "2026-11-02T08:00:00+08:00",
        });
        row[item] = value;
        let errors: Vec<String> = validator.iter_errors(&row).map(|e| e.to_string()).collect();
        assert_eq!(errors.is_empty(), expected, "{errors:?}");
    }

    #[test]
    fn formats_and_keywords() {
        check(None, "married", json!(true), true);
        check(None, "married", json!("true"), false);
        check(None, "unknown", json!(1), false);
        check(None, "citizen_id", json!("431302197407073940"), false);
        check(None, "citizen_id", json!("431302197402303941"), false);
        let warns = Some(("type: citizen-id", "type: citizen-id, doubt: warn"));
        check(warns, "citizen_id", json!("431302197407073940"), true);
        check(warns, "citizen_id", json!("431302197402303941"), false);
        let rejects = Some(("type: citizen-id", "type: citizen-id, doubt: reject"));
        check(rejects, "citizen_id", json!("431302197407073941"), true);
        check(rejects, "citizen_id", json!("432501197906151233"), false);
        check(None, "citizen_id", json!("432501197906151233"), true);
        check(None, "birth_date", json!("1899-12-31"), false);
        check(None, "birth_date", json!("2026-02-30"), false);
        check(None, "height", json!("260.0"), true);
        check(None, "height", json!("260.1"), false);
        check(None, "height", json!(162.5), false);
        check(None, "work", json!("91350203M0001QAY9B"), true);
        let rejects = Some(("type: credit-code", "type: credit-code, doubt: reject"));
        check(rejects, "work", json!("91350203M0001QAY9B"), false);
        check(None, "division", json!("999999"), true);
        let rejects = Some(("type: division", "type: division, doubt: reject"));
        check(rejects, "division", json!("999999"), false);
        check(rejects, "division", json!("431302"), true);
        check(rejects, "division", json!(null), true);
        check(None, "children", json!(21), false);
        check(None, "name", json!("李\u{1}"), false);
        check(None, "name", json!("7"), false);
    }

    #[test]
    fn a_wrong_schema_is_refused() {
        let schema = json!({ "type": "object", "properties": { "a": { "x-yiku-minimum": 1 } } });
        assert!(validator(&schema, &CodeLists::default()).is_err());
        let schema = json!({ "format": "no-such-format" });
        assert!(validator(&schema, &CodeLists::default()).is_err());
    }
}
