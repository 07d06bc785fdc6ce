//! An entity's row as the Avro body that its library's topic carries.

use super::Entity;
use crate::{
    batch::Row,
    calendar,
    contract::{encode, number},
    entry::ItemType,
};

/// A value that the item's type has no form for, or a part of the key without one.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("item `{item}` of {entity} holds a value that is no {kind}; look at the library's file")]
pub struct Unencodable {
    /// `population.person`.
    pub entity: String,
    /// The item.
    pub item: String,
    /// Its type.
    pub kind: &'static str,
}

impl Entity {
    /// Appends the body of a row, cells in the order of the items, by the schema that
    /// [`crate::derive::entity_avro_schema`] makes. After an error the body is of no use.
    pub fn encode(&self, row: &Row<'_>, body: &mut Vec<u8>) -> Result<(), Unencodable> {
        for (index, item) in self.items.iter().enumerate() {
            let is_key = self.key.contains(&index);
            let written = match row.get(index) {
                Some(text) => {
                    if !is_key {
                        body.push(encode::PRESENT);
                    }
                    value(&item.kind, text, body)
                }
                None if is_key => None,
                None => {
                    body.push(encode::ABSENT);
                    Some(())
                }
            };
            written.ok_or_else(|| Unencodable {
                entity: self.full_name(),
                item: item.name.clone(),
                kind: item.kind.as_str(),
            })?;
        }
        Ok(())
    }
}

/// Appends a value in canonical text; `None` when it is none of the type.
fn value(kind: &ItemType, text: &str, body: &mut Vec<u8>) -> Option<()> {
    let bytes = text.as_bytes();
    match kind {
        ItemType::Integer(_) => encode::long(number::integer(bytes).ok()?, body),
        ItemType::Decimal { precision, scale, .. } => {
            encode::decimal(number::decimal(bytes, *precision, *scale).ok()?, body);
        }
        ItemType::Boolean => body.push(match text {
            "true" => 1,
            "false" => 0,
            _ => return None,
        }),
        ItemType::Date(_) => encode::long(calendar::days_of_date(bytes)?.into(), body),
        ItemType::DateTime => encode::long(calendar::millis_of_datetime(bytes)?, body),
        ItemType::Text { .. }
        | ItemType::Code { .. }
        | ItemType::CitizenId
        | ItemType::CreditCode
        | ItemType::OrganisationCode
        | ItemType::LicenseId
        | ItemType::Division => encode::bytes(bytes, body),
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use apache_avro::{Decimal, Schema, reader::datum::GenericDatumReader, types::Value};

    use super::*;
    use crate::{
        batch::Cells,
        derive,
        entry::{Bounds, Text},
        library::EntityItem,
        mask::Mask,
    };

    fn entity() -> Entity {
        let kinds = [
            ("no", ItemType::Text { min_length: 1, max_length: 9, pattern: None }),
            ("count", ItemType::Integer(Bounds::default())),
            ("fee", ItemType::Decimal { precision: 10, scale: 2, bounds: Bounds::default() }),
            ("married", ItemType::Boolean),
            ("born_on", ItemType::Date(Bounds::default())),
            ("seen_at", ItemType::DateTime),
            ("sex", ItemType::Code { list: "sex".into() }),
        ];
        let item = |(name, kind): (&str, ItemType)| EntityItem {
            name: name.into(),
            zh: "项".into(),
            kind,
            mask: Mask::None,
            ranks: Vec::new(),
        };
        Entity {
            library: "a-library".into(),
            name: "thing".into(),
            title: Text::default(),
            key: vec![0],
            items: kinds.map(item).into(),
            sources: Vec::new(),
            ends: Vec::new(),
        }
    }

    fn encoded(cells: [Option<&str>; 7]) -> Result<Vec<u8>, Unencodable> {
        let mut row = Cells::new(7);
        row.push_row(cells);
        let mut body = Vec::new();
        entity().encode(&row.row(0), &mut body).map(|()| body)
    }

    fn read(body: &[u8]) -> Vec<Value> {
        let schema = Schema::parse(&derive::entity_avro_schema(&entity())).expect("a schema");
        let mut rest = body;
        let reader = GenericDatumReader::builder(&schema).build().expect("a reader");
        let value = reader.read_value(&mut rest).expect("a body of the schema");
        assert!(rest.is_empty());
        let Value::Record(fields) = value else { panic!("{value:?}") };
        let plain = |value| match value {
            Value::Union(_, value) => *value,
            other => other,
        };
        fields.into_iter().map(|(_, value)| plain(value)).collect()
    }

    #[test]
    fn avro_reads_a_row_of_every_type() {
        let moment = "2026-01-02T03:04:05.678Z";
        let cells = ["甲", "-7", "12.50", "true", "1970-01-02", moment, "1"];
        let values = read(&encoded(cells.map(Some)).expect("values of their types"));
        assert_eq!(values[0], Value::String("甲".into()));
        assert_eq!(values[1], Value::Long(-7));
        let Value::Decimal(found) = &values[2] else { panic!("{:?}", values[2]) };
        assert_eq!(unscaled(found), 1_250);
        assert_eq!(values[3], Value::Boolean(true));
        assert_eq!(values[4], Value::Date(1));
        assert_eq!(values[5], Value::TimestampMillis(1_767_323_045_678));
        assert_eq!(values[6], Value::String("1".into()));
        let nothing = read(&encoded([Some("a"), None, None, None, None, None, None]).expect("a"));
        assert_eq!(nothing[1..], vec![Value::Null; 6]);
    }

    /// A decimal's unscaled number.
    fn unscaled(decimal: &Decimal) -> i64 {
        let bytes: Vec<u8> = decimal.try_into().expect("bytes");
        bytes.iter().fold(0, |number, byte| number << 8 | i64::from(*byte))
    }

    #[test]
    fn what_has_no_form_is_told_without_its_value() {
        let wrong = encoded([Some("a"), Some("secret"), None, None, None, None, None]);
        let said = wrong.expect_err("no integer").to_string();
        assert!(said.contains("`count` of a-library.thing") && !said.contains("secret"), "{said}");
        assert!(encoded([None; 7]).is_err(), "a key without value");
    }

    #[test]
    fn the_twin_names_the_same_items() {
        let schema = derive::entity_json_schema(&entity());
        assert_eq!(schema["required"], serde_json::json!(["no"]));
        assert_eq!(schema["properties"].as_object().expect("properties").len(), 7);
        assert!(schema["properties"]["sex"].get("enum").is_none(), "a list may grow");
        derive::check_schema(&schema).expect("a JSON Schema");
    }
}
