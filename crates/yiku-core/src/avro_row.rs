//! An Avro value as a row: by the text of a published schema, without its entry.
//!
//! Published schemas are flat ([`crate::derive::avro_schema`]): one record whose fields are texts,
//! numbers, booleans, days and moments, or null. Another schema is refused as such.

use serde_json::Value;

use crate::{
    batch::Cells,
    calendar,
    contract::{
        DecodeError,
        decode::{DAYS, Fault, bytes, decimal, long, take},
        number,
    },
};

/// The fields of a record's schema, ready to read values.
#[derive(Clone, Debug)]
pub struct AvroSchema {
    names: Vec<String>,
    fields: Vec<Field>,
}

#[derive(Clone, Copy, Debug)]
struct Field {
    nullable: bool,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    Integer,
    Boolean,
    Decimal { scale: u32 },
    Date,
    DateTime,
}

/// A schema of which no rows can be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UnreadableSchema {
    /// It is no record.
    #[error("the schema is no record of fields")]
    NoRecord,
    /// One of its fields is of a type that stands for no single value.
    #[error("field `{0}` of the schema is no single value")]
    Field(String),
}

impl AvroSchema {
    /// Reads a schema.
    pub fn parse(text: &str) -> Result<Self, UnreadableSchema> {
        let schema: Value = serde_json::from_str(text).map_err(|_| UnreadableSchema::NoRecord)?;
        let declared = match (&schema["type"], &schema["fields"]) {
            (Value::String(kind), Value::Array(fields)) if kind == "record" => fields,
            _ => return Err(UnreadableSchema::NoRecord),
        };
        let (mut names, mut fields) = (Vec::new(), Vec::new());
        for field in declared {
            let name = field["name"].as_str().ok_or(UnreadableSchema::NoRecord)?.to_owned();
            match Field::read(&field["type"]) {
                Some(field) => fields.push(field),
                None => return Err(UnreadableSchema::Field(name)),
            }
            names.push(name);
        }
        Ok(Self { names, fields })
    }

    /// The fields' names, in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Appends one row of canonical cells in the order of the fields. After an error the row is
    /// incomplete: drop `out`.
    pub fn decode(&self, body: &[u8], out: &mut Cells) -> Result<(), DecodeError> {
        let mut rest = body;
        for (name, field) in self.names.iter().zip(&self.fields) {
            field.decode(&mut rest, out).map_err(|fault| match fault {
                Fault::Short => DecodeError::Short(name.clone()),
                Fault::Value => DecodeError::Value(name.clone()),
            })?;
        }
        if rest.is_empty() { Ok(()) } else { Err(DecodeError::Long(rest.len())) }
    }
}

impl Field {
    /// `T`, or `["null", T]`.
    fn read(declared: &Value) -> Option<Self> {
        match declared.as_array().map(Vec::as_slice) {
            None => Some(Self { nullable: false, kind: Kind::read(declared)? }),
            Some([null, kind]) if null == "null" => {
                Some(Self { nullable: true, kind: Kind::read(kind)? })
            }
            Some(_) => None,
        }
    }

    fn decode(self, rest: &mut &[u8], out: &mut Cells) -> Result<(), Fault> {
        if self.nullable {
            match long(rest)? {
                0 => {
                    out.push(None);
                    return Ok(());
                }
                1 => {}
                _ => return Err(Fault::Value),
            }
        }
        match self.kind {
            Kind::Text => {
                out.push(Some(std::str::from_utf8(bytes(rest)?).map_err(|_| Fault::Value)?));
            }
            Kind::Integer => {
                let value = long(rest)?;
                out.push_with(|text| number::push_integer(value, text));
            }
            Kind::Boolean => match take(rest, 1)? {
                [0] => out.push(Some("false")),
                [1] => out.push(Some("true")),
                _ => return Err(Fault::Value),
            },
            Kind::Decimal { scale } => {
                let value = decimal(rest)?;
                out.push_with(|text| number::push_decimal(value, scale, text));
            }
            Kind::Date => {
                let days = long(rest)?;
                if !DAYS.contains(&days) {
                    return Err(Fault::Value);
                }
                out.push_with(|text| calendar::push_date(days as i32, text));
            }
            Kind::DateTime => {
                let millis = long(rest)?;
                if !calendar::MOMENTS.contains(&millis) {
                    return Err(Fault::Value);
                }
                out.push_with(|text| calendar::push_datetime(millis, text));
            }
        }
        Ok(())
    }
}

impl Kind {
    fn read(declared: &Value) -> Option<Self> {
        let plain = declared.as_str().or_else(|| declared["type"].as_str())?;
        match (plain, declared["logicalType"].as_str()) {
            ("string", _) => Some(Self::Text),
            ("boolean", _) => Some(Self::Boolean),
            ("long", None) => Some(Self::Integer),
            ("long", Some("timestamp-millis")) => Some(Self::DateTime),
            ("int", Some("date")) => Some(Self::Date),
            ("bytes", Some("decimal")) => {
                let scale = declared.get("scale").map_or(Some(0), Value::as_u64)?;
                Some(Self::Decimal { scale: u32::try_from(scale).ok().filter(|&at| at <= 38)? })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive;

    const SCHEMA: &str = r#"{"type":"record","name":"r","fields":[
        {"name":"no","type":"string"},
        {"name":"fee","type":["null",
            {"type":"bytes","logicalType":"decimal","precision":8,"scale":2}]},
        {"name":"count","type":"long"},
        {"name":"on","type":["null",{"type":"int","logicalType":"date"}]},
        {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
        {"name":"dead","type":"boolean"}]}"#;

    fn row(body: &[u8]) -> String {
        let schema = AvroSchema::parse(SCHEMA).unwrap();
        let mut cells = Cells::new(schema.names().len());
        match schema.decode(body, &mut cells) {
            Ok(()) => {
                let cells: Vec<_> = cells.row(0).cells().map(|cell| cell.unwrap_or("∅")).collect();
                cells.join("|")
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn values_become_canonical_cells() {
        let body = b"\x04P1\x02\x04\x04\xe2\x03\x02\x02\0\x01";
        assert_eq!(row(body), "P1|12.50|-2|1970-01-02|1970-01-01T00:00:00Z|true");
        assert_eq!(row(b"\x04P1\0\x02\0\0\0"), "P1|∅|1|∅|1970-01-01T00:00:00Z|false");
    }

    #[test]
    fn what_is_no_value_of_the_schema_is_named() {
        assert_eq!(row(b"\x04P"), "the body ends within item `no`");
        assert_eq!(row(b""), "the body ends within item `no`");
        assert_eq!(row(b"\x04P1\x04"), "the body holds no value of its type for item `fee`");
        assert_eq!(row(b"\x04\xff\xff"), "the body holds no value of its type for item `no`");
        let long = b"\x04P1\0\x02\0\0\0x";
        assert_eq!(row(long), "1 bytes follow the last item");
        let dead = b"\x04P1\0\x02\0\0\x02";
        assert_eq!(row(dead), "the body holds no value of its type for item `dead`");
    }

    #[test]
    fn published_schemas_can_be_read() {
        let entry = crate::derive::test_entry::entry();
        let schema = AvroSchema::parse(&derive::avro_schema(&entry).to_string()).unwrap();
        assert!(schema.names().iter().eq(entry.items.iter().map(|item| &item.name)));
    }

    #[test]
    fn schemas_that_are_not_flat_are_refused() {
        let check = |kind: &str, expected: UnreadableSchema| {
            let text = format!(
                r#"{{"type":"record","name":"r","fields":[{{"name":"a","type":{kind}}}]}}"#
            );
            assert_eq!(AvroSchema::parse(&text).unwrap_err(), expected, "{kind}");
        };
        for kind in [r#"{"type":"array","items":"string"}"#, r#"["null","string","long"]"#] {
            check(kind, UnreadableSchema::Field("a".into()));
        }
        assert_eq!(AvroSchema::parse(r#""string""#).unwrap_err(), UnreadableSchema::NoRecord);
    }
}
