//! Mappings of a household register.

use std::sync::Arc;

use super::*;
use crate::{
    batch::{Batch, Header, RowPlace},
    contract::{Contract, MappedRow, test_entry},
    violation::Code,
};

fn spec(yaml: &str) -> MappingSpec {
    serde_saphyr::from_str(yaml).unwrap()
}

fn mapping(yaml: &str) -> Mapping {
    let spec = (!yaml.is_empty()).then(|| spec(yaml));
    Mapping::compile(spec.as_ref(), &test_entry::household()).unwrap()
}

fn batch(header: &[&str], rows: &[&[Option<&str>]]) -> Batch {
    let mut batch = Batch::new(Arc::new(Header::new(header.iter().copied())), "t.csv");
    for row in rows {
        batch.push_row(RowPlace::default(), row.iter().copied());
    }
    batch
}

/// The mapped row and the findings, as text.
fn outcome(contract: &Contract, mapping: &Mapping, batch: &Batch, row: usize) -> String {
    let mut out = MappedRow::new(0);
    mapping.bind(&batch.header).apply(batch, row, &mut out);
    let cells: Vec<&str> = out.cells.row(0).cells().map(|cell| cell.unwrap_or("-")).collect();
    let mut words = vec![out.operation.as_str().to_owned(), cells.join(" ")];
    for finding in &out.findings {
        let violation = contract.describe(finding, &out);
        let (item, value) =
            (violation.item.unwrap_or_default(), violation.value.unwrap_or_default());
        words.push(format!("{} {item} {value}", violation.code).trim_end().to_owned());
    }
    words.join("; ")
}

#[track_caller]
fn check(yaml: &str, header: &[&str], row: &[Option<&str>], expected: &str) {
    let contract = test_entry::household();
    assert_eq!(outcome(&contract, &mapping(yaml), &batch(header, &[row]), 0), expected);
}

#[test]
fn an_empty_cell_is_null() {
    let header = ["citizen_id", "name", "sex"];
    check("", &header, &[Some(""), Some("李"), Some("")], "upsert; - 李 - - - - -");
    let yaml = "map: { citizen_id: {}, name: { do: [trim] }, sex: { codes: { \"\": \"9\" } } }";
    check(yaml, &header, &[Some(""), Some(" "), Some("")], "upsert; - - 9 - - - -");
}

const DECLARED: &str = r#"
map:
  citizen_id: { from: GMSFHM, do: [trim, half-width, id-15-to-18] }
  name:       { from: XM, do: [trim] }
  sex:        { from: XB, codes: { 男: "1", 女: "2", "-": null } }
  birth_date: { from: CSRQ, date: [yyyyMMdd, yyyy-MM-dd] }
  updated_at: { from: gxsj, date: ["yyyy-MM-dd HH:mm:ss"] }
operation: { from: czbz, codes: { I: upsert, D: delete } }
"#;

const HEADER: [&str; 7] = ["GMSFHM", "XM", "XB", "CSRQ", "gxsj", "czbz", "bz"];

#[test]
fn declared_columns() {
    let check = |row: [&str; 7], expected: &str| {
        check(DECLARED, &HEADER, &row.map(|cell| (cell != "-").then_some(cell)), expected);
    };
    check(
        [
            "４３２５０３８５０１０１１２３",
            " 李娜 ",
            "女",
            "19850101",
            "2026-11-02 08:00:00",
            "I",
            "x",
        ],
        "upsert; 43250319850101123X 李娜 2 1985-01-01 - - 2026-11-02T00:00:00Z",
    );
    check(
        ["43250319850101123X", "-", "-", "1985-01-01", "-", "D ", "-"],
        "delete; 43250319850101123X - - 1985-01-01 - - -",
    );
    check(
        ["43250319850101123X", "李", "F", "1985/01/01", "1988-04-17 02:30:00", "U", "-"],
        "upsert; 43250319850101123X 李 - - - - -; code-list czbz U; code-list sex F; \
         date birth_date 1985/01/01; date updated_at 1988-04-17 02:30:00",
    );
}

#[test]
fn a_code_may_stand_for_nothing() {
    let yaml = r#"map: { citizen_id: {}, sex: { codes: { "-": null, 男: "1" } } }"#;
    check(yaml, &["citizen_id", "sex"], &[Some("x"), Some("-")], "upsert; x - - - - - -");
}

#[test]
fn codes_stand_before_dates() {
    let yaml = r#"
map: { citizen_id: {}, death_date: { codes: { 长期: "2099-12-31" }, date: [excel] } }
zone: Asia/Urumqi
"#;
    let header = ["citizen_id", "death_date"];
    check(yaml, &header, &[Some("x"), Some("长期")], "upsert; x - - - 2099-12-31 - -");
    check(yaml, &header, &[Some("x"), Some("45292")], "upsert; x - - - 2024-01-01 - -");
}

#[test]
fn moments_and_zones() {
    let check = |zone: &str, date: &str, value: &str, expected: &str| {
        let yaml = format!(
            "map: {{ citizen_id: {{}}, updated_at: {{ date: [\"{date}\"] }}, \
             birth_date: {{ from: updated_at, date: [\"{date}\"] }} }}\nzone: {zone}"
        );
        check(&yaml, &["citizen_id", "updated_at"], &[Some("x"), Some(value)], expected);
    };
    let shanghai = "Asia/Shanghai";
    check(
        shanghai,
        "yyyy-MM-dd HH:mm:ss",
        "1988-07-01 00:00:00",
        "upsert; x - - 1988-07-01 - - 1988-06-30T15:00:00Z", // summer time
    );
    check(shanghai, "yyyyMMdd", "20240101", "upsert; x - - 2024-01-01 - - 2023-12-31T16:00:00Z");
    check(
        shanghai,
        "yyyy-MM-ddTHH:mm:ssXXX",
        "2023-12-31T20:00:00Z",
        "upsert; x - - 2024-01-01 - - 2023-12-31T20:00:00Z",
    );
    check("UTC", "yyyyMMdd", "20240101", "upsert; x - - 2024-01-01 - - 2024-01-01T00:00:00Z");
}

#[test]
fn names_match_without_a_map() {
    check(
        "",
        &["sex", "citizen_id", "remark", "citizen_id"],
        &[Some("1"), Some("x"), Some("hello"), Some("y")],
        "upsert; x - 1 - - - -; unknown-item remark hello; unknown-item citizen_id y",
    );
    check("", &["citizen_id", "remark"], &[Some("x"), None], "upsert; x - - - - - -");
    check("", &["name"], &[Some("李")], "upsert; - 李 - - - - -; missing-column citizen_id");
    let mapping = mapping(DECLARED);
    let bound = mapping.bind(&Header::new(["XM"]));
    let missing: Vec<_> =
        bound.missing().iter().map(|missing| (missing.column.as_str(), missing.required)).collect();
    assert_eq!(
        missing,
        [("GMSFHM", true), ("XB", false), ("CSRQ", false), ("gxsj", false), ("czbz", true)]
    );
}

#[test]
fn defects_of_the_source_are_findings() {
    let contract = test_entry::household();
    let mapping = mapping("");
    let mut batch = batch(&["citizen_id", "name"], &[&[Some("a"), Some("b")]]);
    batch.note_defect(0, Code::PrecisionLost, "精度丢失", "digits are lost");
    batch.push_unreadable(RowPlace::default(), "x,\"y", Code::Unreadable, "引号", "quote");
    batch.push_row(RowPlace::default(), [Some("c"), Some("d")]);
    let found = |row| outcome(&contract, &mapping, &batch, row);
    assert_eq!(found(0), "upsert; - b - - - - -; precision-lost citizen_id *");
    assert_eq!(found(1), "upsert; - - - - - - -; unreadable");
    assert_eq!(found(2), "upsert; c d - - - - -");
}

#[test]
fn every_problem_at_once() {
    let yaml = r#"
map:
  name: { const: 甲, do: [trim] }
  sex: { codes: { 男: M } }
  birth_date: { date: [yyMMdd] }
  death_date: { const: "2023-02-30" }
  spouse: { date: [yyyyMMdd] }
  nmae: { from: XM }
operation: { from: czbz, codes: {} }
zone: Asia/Loudi
"#;
    let problems = Mapping::compile(Some(&spec(yaml)), &test_entry::household()).unwrap_err();
    let texts: Vec<&str> = problems.iter().map(|problem| problem.en.as_str()).collect();
    let expected = [
        "map has no `citizen_id`",
        "map.name: const stands alone",
        "map.sex: `M` is no value of this item",
        "map.birth_date: `yy` in `yyMMdd` is not known",
        "map.death_date: `2023-02-30` is no value of this item",
        "map.spouse: the item is of type citizen-id",
        "`nmae` in map is no item",
        "there is no time zone `Asia/Loudi`",
        "operation has no codes",
    ];
    assert_eq!(texts.len(), expected.len(), "{texts:?}");
    for (text, expected) in texts.iter().zip(expected) {
        assert!(text.starts_with(expected), "{text}");
    }
}

#[test]
fn what_is_no_mapping() {
    let error = |yaml: &str| serde_saphyr::from_str::<MappingSpec>(yaml).unwrap_err().to_string();
    assert!(error("map: { a: { do: [trimm] } }").contains("trimm"));
    assert!(error("map: { a: { form: b } }").contains("form"));
    assert!(error("operation: { from: a, codes: { I: insert } }").contains("insert"));
}
