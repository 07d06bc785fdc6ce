use serde_json::{Value, json};

use super::*;
use crate::derive::test_entry;

fn kept(id: u32, version: &str, format: Format, text: String) -> KeptSchema {
    let entry = "public-security/a-person".parse().unwrap();
    KeptSchema { id, of: SchemaOf::Entry(entry, version.parse().unwrap()), format, text }
}

/// Two versions of the sample, of which the second says it in other words, and a third with one
/// item more.
fn registry() -> Registry {
    let versions = [
        test_entry::entry(),
        test_entry::changed(&[("1.0.0", "1.0.1"), ("姓名", "名字")]),
        test_entry::changed(&[
            ("1.0.0", "1.1.0"),
            (
                "  birth_date:",
                "  nick: { zh: 曾用名, type: text, length: 9, optional: true }\n  birth_date:",
            ),
        ]),
    ];
    let mut id = 0;
    let mut all = Vec::new();
    for entry in &versions {
        for format in Format::ALL {
            id += 1;
            let text = text(entry, &test_entry::lists(), format);
            all.push(kept(id, &entry.version.to_string(), format, text));
        }
    }
    Registry::new(all)
}

const AVRO: &str = "entry.public-security.a-person-value";
const JSON: &str = "entry.public-security.a-person.json-value";

fn schema(registry: &Registry, id: u32) -> Value {
    serde_json::from_str(&registry.schema(id).unwrap().kept.text).unwrap()
}

fn read(format: Format, schema: &Value) -> Candidate {
    Candidate::read(format, &schema.to_string(), &[]).unwrap()
}

#[test]
fn subjects_number_their_versions_in_the_order_of_publication() {
    let registry = registry();
    assert_eq!(registry.subjects().collect::<Vec<_>>(), [AVRO, JSON]);
    let numbers = |subject| -> Vec<_> {
        registry.versions(subject).unwrap().iter().map(|one| (one.number, one.kept.id)).collect()
    };
    assert_eq!(numbers(AVRO), [(1, 1), (2, 3), (3, 5)]);
    assert_eq!(numbers(JSON), [(1, 2), (2, 4), (3, 6)]);
    assert!(registry.versions("entry.public-security.a-person").is_none());
}

#[test]
fn an_entity_has_subjects_of_its_own() {
    let mut all: Vec<KeptSchema> = registry().schemas().map(|one| one.kept.clone()).collect();
    for (id, text) in [(7, "\"int\""), (8, "\"long\"")] {
        let of = SchemaOf::Entity("population.person".into());
        all.push(KeptSchema { id, of, format: Format::Avro, text: text.into() });
    }
    let registry = Registry::new(all);
    let subjects: Vec<_> = registry.subjects().collect();
    assert_eq!(subjects, [AVRO, JSON, "library.population.person-value"]);
    let newest = registry.newest_of("population.person", Format::Avro).expect("two");
    assert_eq!((newest.kept.id, newest.number), (8, 2));
    assert!(registry.newest_of("population.person", Format::Json).is_none());
}

#[track_caller]
fn check_equal(format: Format, schema: &Value, expected: Option<u32>) {
    let registry = registry();
    let found = registry.equal(&read(format, schema), None);
    assert_eq!(found.map(|one| one.kept.id), expected);
}

/// Drops keywords everywhere.
fn without(mut value: Value, keywords: &[&str]) -> Value {
    match &mut value {
        Value::Array(all) => all.iter_mut().for_each(|one| *one = without(one.take(), keywords)),
        Value::Object(all) => {
            all.retain(|keyword, _| !keywords.iter().any(|one| keyword.starts_with(one)));
            all.iter_mut().for_each(|(_, one)| *one = without(one.take(), keywords));
        }
        _ => {}
    }
    value
}

#[test]
fn an_equal_avro_schema_is_found_whatever_its_words() {
    let registry = registry();
    for id in [1, 3, 5] {
        check_equal(Format::Avro, &schema(&registry, id), Some(id));
    }
    let bare = without(schema(&registry, 3), &["doc", "yiku."]);
    check_equal(Format::Avro, &bare, Some(1));
    let mut full_name = json!({ "fields": bare["fields"], "type": "record" });
    full_name["name"] = "yiku.public_security.a_person".into();
    check_equal(Format::Avro, &full_name, Some(1));

    let mut other = bare.clone();
    other["name"] = "b_person".into();
    check_equal(Format::Avro, &other, None);
    let mut other = bare.clone();
    other["fields"][4]["type"][1]["scale"] = 2.into();
    check_equal(Format::Avro, &other, None);
    let mut other = bare.clone();
    other["fields"].as_array_mut().unwrap().swap(0, 1);
    check_equal(Format::Avro, &other, None);
    let other = without(bare, &["logicalType", "precision", "scale"]);
    check_equal(Format::Avro, &other, None);
}

#[test]
fn an_equal_json_schema_is_found_whatever_its_words() {
    let registry = registry();
    for id in [2, 4, 6] {
        check_equal(Format::Json, &schema(&registry, id), Some(id));
    }
    // What is exported lists the codes; what is registered names their list.
    let exported = derive::json_schema(&test_entry::entry(), &test_entry::lists());
    assert!(exported["properties"]["sex"]["enum"].is_array());
    assert!(schema(&registry, 2)["properties"]["sex"].get("enum").is_none());
    check_equal(Format::Json, &exported, Some(2));
    check_equal(Format::Json, &without(exported.clone(), &["title", "description"]), Some(2));
    let mut other = exported;
    other["properties"]["name"]["maxLength"] = 9.into();
    check_equal(Format::Json, &other, None);
}

#[track_caller]
fn check_obstacles(id: u32, format: Format, schema: &Value, expected: &[&str]) {
    let registry = registry();
    let found = registry.schema(id).unwrap().obstacles(&read(format, schema));
    assert_eq!(found, expected);
}

#[test]
fn what_keeps_an_avro_reader_from_older_bodies() {
    let registry = registry();
    let check =
        |schema: &Value, expected: &[&str]| check_obstacles(1, Format::Avro, schema, expected);
    check(&schema(&registry, 5), &[]);
    check_obstacles(5, Format::Avro, &schema(&registry, 1), &[]);
    let mut changed = schema(&registry, 1);
    changed["fields"][1]["type"] = "long".into();
    changed["fields"].as_array_mut().unwrap().push(json!({ "name": "more", "type": "int" }));
    changed["fields"][4]["type"] = changed["fields"][4]["type"][1].clone();
    changed["fields"][4].as_object_mut().unwrap().remove("default");
    check(
        &changed,
        &[
            "field `name`: Incompatible schema types! Writer schema is 'String', but reader schema is \
             'Long'",
            "field `height`: some values of the earlier type are none of the new one",
            "field `more` is new and has no default",
        ],
    );
    changed["name"] = "other".into();
    let renamed =
        "the record was `yiku.public_security.a_person` and is `yiku.public_security.other`";
    check(&changed, &[renamed]);
    check_obstacles(
        2,
        Format::Avro,
        &changed,
        &["the subject's schemas are of another type (AVRO, JSON)"],
    );
}

#[test]
fn what_a_json_schema_forbids_that_the_older_one_allowed() {
    let registry = registry();
    let check =
        |schema: &Value, expected: &[&str]| check_obstacles(2, Format::Json, schema, expected);
    check(&schema(&registry, 6), &[]);
    let gone = ["property `nick` is gone"];
    check_obstacles(6, Format::Json, &schema(&registry, 2), &gone);
    let mut changed = schema(&registry, 2);
    changed["properties"]["name"]["maxLength"] = 9.into();
    changed["properties"]["children"]["type"] = "integer".into();
    changed["properties"]["married"]["const"] = true.into();
    changed["required"].as_array_mut().unwrap().push("married".into());
    check(
        &changed,
        &[
            "property `name` has a narrower `maxLength`",
            "property `children` must be integer now",
            "property `married` has `const`, which it had not",
            "property `married` becomes required",
        ],
    );
}

#[test]
fn what_is_no_schema_is_refused() {
    let read = |format, text: &str| Candidate::read(format, text, &[]).map(drop);
    for text in ["{", "nothing", "{\"type\":\"record\",\"name\":\"a\"}", "[]7", ""] {
        assert!(read(Format::Avro, text).is_err(), "{text}");
    }
    for text in ["{", "7", "{\"type\":\"text\"}", "{\"$schema\":\"urn:no:such\"}"] {
        assert!(read(Format::Json, text).is_err(), "{text}");
    }
    assert!(read(Format::Avro, "\"string\"").is_ok() && read(Format::Avro, "string").is_ok());
    assert!(read(Format::Json, "true").is_ok());
    let using = r#"{"type":"record","name":"a","fields":[{"name":"x","type":"b"}]}"#;
    let used = r#"{"type":"record","name":"b","fields":[]}"#;
    assert!(read(Format::Avro, using).is_err());
    assert!(Candidate::read(Format::Avro, using, &[used]).is_ok());
}
