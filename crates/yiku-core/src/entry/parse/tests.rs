use super::*;
use crate::code_list::{CodeList, ListedCode};

fn lists() -> CodeLists {
    let list = |name: &str, codes: &[&str]| CodeList {
        name: name.into(),
        codes: codes
            .iter()
            .map(|code| ListedCode { code: (*code).into(), current: true, ..ListedCode::default() })
            .collect(),
        ..CodeList::default()
    };
    let mut lists = CodeLists::default();
    lists.insert(list("grade", &["general-3", "general-4"]));
    lists.insert(list("update-cycle", &["daily"]));
    lists.insert(list("sex", &["0", "1", "2", "9"]));
    lists
}

pub(super) const HEAD: &str = r#"entry: public-security/household
version: "1.2.0"
published_on: "2026-12-01"
code: "307021000/000042"
name: { zh: 户籍人口信息, en: Household registration }
summary: { zh: 户籍人口, en: Registered residents }
attribute: base/population
level: department
format: { class: database, kind: mysql }
source_system: 人口管理信息系统
update: daily
related: []
basis: 《中华人民共和国户口登记条例》
secrecy: none
grading: { category: 个人信息/身份, grade: general-3 }
review: { secrecy: passed, personal_impact: PIA-1, approved_by: 负责人, approved_on: "2026-11-20" }
share: { class: conditional, scope: 市县两级, purpose: 核验身份, modes: [service, batch] }
open: { class: closed }
key: [citizen_id]
order_by: updated_at
"#;

pub(super) const ITEMS: &str = r#"items:
  citizen_id: { zh: 公民身份号码, type: citizen-id, std: GMSFHM, grade: general-4 }
  name:       { zh: 姓名, en: Name, type: text, length: 50, mask: first-only }
  sex:        { zh: 性别, type: code, list: sex }
  birth_date: { zh: 出生日期, type: date, min: "1900-01-01" }
  height_cm:  { zh: 身高, type: decimal, precision: 4, scale: 1, min: "20", max: "260", optional: true }
  children:   { zh: 子女数, type: integer, min: 0, max: "20", optional: true }
  married:    { zh: 已婚, type: boolean, optional: true }
  credit_code: { zh: 单位代码, type: credit-code, doubt: reject, optional: true }
  death_date: { zh: 死亡日期, type: date, optional: true }
  updated_at: { zh: 更新时间, type: datetime }
"#;

pub(super) const TAIL: &str = r#"rules:
  birth-in-id: { same: [birth_date, citizen_id.birth_date] }
  sex-in-id:   { same: [sex, citizen_id.sex], severity: warn }
  death-after: { order: [birth_date, death_date], strict: true }
  has-work:    { required_when: { item: credit_code, when: { sex: ["1", "2"] } } }
  any:         { one_of: [children, married], zh: 至少一项, en: one at least }
  tall:        { cel: 'height_cm > 100.0', severity: warn, zh: 太矮, en: too small }
feeds:
  - { entity: population.person, key: citizen_id, set: [name, sex] }
  - { entity: population.spouse, key: [citizen_id], set: { full_name: name, marital: { const: "20" } } }
examples:
  valid:
    - { citizen_id: "431302197407073941", name: 李娜, sex: "2", children: 2, married: true, height_cm: }
  invalid:
    - row: { citizen_id: "431302197407073940" }
      expect: [{ code: check-digit, item: citizen_id }, { code: rule, rule: birth-in-id }]
"#;

fn sample() -> String {
    format!("{HEAD}{ITEMS}{TAIL}")
}

#[test]
fn a_whole_entry() {
    let entry = parse("f.yaml", &sample(), &lists()).unwrap();
    assert_eq!(entry.name.as_str(), "public-security/household");
    assert_eq!(entry.version.to_string(), "1.2.0");
    assert_eq!(entry.published_on.unwrap().to_string(), "2026-12-01");
    assert_eq!((entry.key.as_slice(), entry.order_by), (&[0][..], Some(9)));
    assert_eq!(entry.items[0].mask.to_text(), "keep-6-4");
    assert_eq!(entry.items[7].doubt, Some(crate::violation::Severity::Reject));
    assert!(!entry.items[4].required);
    let ItemType::Decimal { bounds, .. } = &entry.items[4].kind else { panic!() };
    assert_eq!(bounds.max.as_deref(), Some("260"));
    assert_eq!(entry.rules[0].message.zh, "出生日期与公民身份号码中的出生日期不一致，请核对");
    assert_eq!(
        entry.rules[0].message.en,
        "birth_date differs from the birth date in citizen_id; check both"
    );
    assert_eq!(entry.rules[2].message.en, "birth_date must be before death_date");
    assert_eq!(entry.rules[3].message.zh, "性别为 1、2 时应填单位代码");
    assert_eq!(entry.rules[4].message.en, "one at least");
    assert_eq!(entry.feeds[1].set[1].0, "marital");
    assert_eq!(entry.examples.valid[0]["children"], "2");
    assert_eq!(entry.examples.valid[0]["married"], "true");
    assert!(!entry.examples.valid[0].contains_key("height_cm"));
    assert_eq!(entry.metadata.review["approved_on"], "2026-11-20");
}

/// Replaces `old` by `new` in the sample and expects these problems, in English.
#[track_caller]
fn check(old: &str, new: &str, expected: &[&str]) {
    let text = sample();
    assert!(text.contains(old), "the sample has no {old:?}");
    let problems = match parse("f.yaml", &text.replacen(old, new, 1), &lists()) {
        Ok(_) => Vec::new(),
        Err(problems) => problems,
    };
    assert!(problems.iter().all(|problem| !problem.zh.is_empty() && problem.line.is_some()));
    let lines: Vec<&str> = problems.iter().map(|problem| problem.en.as_str()).collect();
    assert_eq!(lines, expected);
}

#[test]
fn names_and_versions() {
    check(
        "entry: public-security/household",
        "entry: Household",
        &["`Household` is not an entry name: write <department>/<resource> in a-z, 0-9 and -"],
    );
    check(
        "\"1.2.0\"",
        "\"1.2\"",
        &["`1.2` is not a version: write \"1.0.0\", the first number at least 1"],
    );
    check("\"1.2.0\"", "1.2", &["this must be text; put it in quotes: \"1.2\""]);
    check(
        "\"2026-12-01\"",
        "\"2026-02-30\"",
        &["`2026-02-30` is not a date; write \"yyyy-MM-dd\""],
    );
    check("level: department\n", "", &["`level` is missing"]);
    check("level:", "levle:", &["`level` is missing", LEVLE]);
}

const LEVLE: &str = "`levle` is not known here; known are: entry, version, published_on, code, \
     name, summary, attribute, level, format, source_system, update, related, basis, secrecy, \
     grading, review, share, open, key, order_by, items, rules, feeds, examples";

#[test]
fn metadata() {
    check(
        "307021000/000042",
        "307021000",
        &["`307021000` is not a resource code: write \"class/number\", digits both"],
    );
    check(
        "related: []",
        "related: [x]",
        &["`x` is not a resource code: write \"class/number\", digits both"],
    );
    check(
        "base/population",
        "basic",
        &["`basic` is no attribute: write base/…, theme/… or department"],
    );
    check(
        "level: department",
        "level: city",
        &["`city` is not known here; known are: department, national"],
    );
    check(
        "class: database",
        "class: mysql",
        &["`mysql` is not known here; known are: document, spreadsheet, database, image, stream, \
           self-describing, service"],
    );
    check(
        "update: daily",
        "update: always",
        &["code list `update-cycle` has no `always`; see codelists/update-cycle.yaml"],
    );
    check(
        "secrecy: none",
        "secrecy: secret",
        &["secrecy `secret`: secret data must not be shared here (art. 3); else write none"],
    );
    check(
        "grade: general-3",
        "grade: general-9",
        &["code list `grade` has no `general-9`; see codelists/grade.yaml"],
    );
    check(", approved_by: 负责人", "", &["`approved_by` is missing"]);
    check("name: { zh: 户籍人口信息, en", "name: { en", &["`zh` is missing"]);
    check("basis: 《", "basis: ''\nx: 《", &["this must be text, but is empty", &X()]);
    check(
        "open: { class: closed }",
        "open: { class: public }",
        &["open data says under which conditions: `conditions` is missing"],
    );
}

#[allow(non_snake_case)]
fn X() -> String {
    LEVLE.replace("levle", "x")
}

#[test]
fn sharing() {
    check(
        "scope: 市县两级, purpose: 核验身份, ",
        "",
        &[
            "conditional sharing says scope and purpose (art. 15): `purpose` is missing",
            "conditional sharing says scope and purpose (art. 15): `scope` is missing",
        ],
    );
    check(
        "class: conditional, scope: 市县两级, purpose: 核验身份",
        "class: withheld",
        &[
            "withholding says reason and legal basis (art. 15): `legal_basis` is missing",
            "withholding says reason and legal basis (art. 15): `reason` is missing",
        ],
    );
    check(
        "class: conditional, ",
        "class: unconditional, ",
        &["unconditional sharing has no conditions (art. 15): remove scope, purpose, conditions"],
    );
    check(", modes: [service, batch]", "", &["say how it is shared (art. 22): `modes` is missing"]);
    check(
        "[service, batch]",
        "[fax]",
        &[
            "say how it is shared (art. 22): `modes` is missing",
            "`fax` is not known here; known are: service, batch, file",
        ],
    );
}

#[test]
fn keys_and_order() {
    check(
        "key: [citizen_id]",
        "key: [citizen]",
        &["there is no item `citizen`; add it to `items`, or mend the name"],
    );
    check("key: [citizen_id]", "key: []", &["the list is empty"]);
    check(
        "key: [citizen_id]",
        "key: [citizen_id, citizen_id]",
        &["`citizen_id` is twice in the key; remove one"],
    );
    check(
        "key: [citizen_id]",
        "key: death_date",
        &["key item `death_date` must not be optional; remove `optional`"],
    );
    check("optional: true }\n  credit_code", "}\n  credit_code", &[]);
    check(
        "order_by: updated_at",
        "order_by: name",
        &["order_by `name` must be a required datetime, date or integer"],
    );
    check(
        "order_by: updated_at",
        "order_by: death_date",
        &["order_by `death_date` must be a required datetime, date or integer"],
    );
}

#[test]
fn items() {
    check(
        "  sex:        {",
        "  Sex:        {",
        &["`Sex` is no item name: a letter first, only a-z, 0-9, _, at most 60"],
    );
    check("sex:        { zh: 性别, ", "sex:        { ", &["`zh` is missing"]);
    check(
        "type: boolean",
        "type: bool",
        &["`bool` is not known here; known are: text, code, integer, decimal, boolean, date, \
           datetime, citizen-id, credit-code, organisation-code, license-id, division"],
    );
    check(
        "list: sex",
        "list: gender",
        &["there is no code list `gender`; add codelists/gender.yaml, or mend the name"],
    );
    check("type: code, list: sex", "type: code", &["`list` is missing"]);
    check(
        "mask: first-only",
        "mask: hidden",
        &[
            "`hidden` is not a mask: none, first-only, keep-N-M, year-only, county, pseudonym, blank",
        ],
    );
    check("mask: first-only", "mask: year-only", &["mask `year-only` does not fit text"]);
    check(
        "zh: 已婚, type: boolean",
        "zh: 已婚, type: boolean, doubt: warn",
        &["boolean has no check digit and no list: remove `doubt`"],
    );
    check(
        "optional: true }\n  updated",
        "optional: yes }\n  updated",
        &["this must be true or false"],
    );
    check(
        "grade: general-4",
        "grade: top",
        &["code list `grade` has no `top`; see codelists/grade.yaml"],
    );
    check(
        "type: datetime",
        "type: datetime, length: 5",
        &["`length` is not known here; known are: zh, en, std, optional, grade, mask, doubt, type"],
    );
}

#[test]
fn lengths_and_bounds() {
    check(", length: 50", "", &["`length` is missing"]);
    check("length: 50", "length: \"50\"", &["this must be a whole number, 0 or more"]);
    check(
        "length: 50",
        "length: 5, min_length: 6",
        &["lengths must be 1 ≤ min_length ≤ length ≤ 65535"],
    );
    check(
        "precision: 4, scale: 1",
        "precision: 4, scale: 5",
        &["must be 1 ≤ precision ≤ 28 and scale ≤ precision"],
    );
    check(
        "max: \"260\"",
        "max: \"2600\"",
        &["`2600` does not fit the type: write a number of at most 3 and 1 digits"],
    );
    check("max: \"260\"", "max: \"10\"", &["min is greater than max"]);
    check("max: \"260\"", "max: 26.5", &["this must be text; put it in quotes: \"26.5\""]);
    check("\"1900-01-01\"", "\"1900\"", &["`1900` does not fit the type: write a date yyyy-MM-dd"]);
    check("max: \"20\"", "max: many", &["`many` does not fit the type: write a whole number"]);
}

#[test]
fn patterns() {
    let pattern = |pattern: &str| format!("length: 50, pattern: '{pattern}'");
    let check = |new: &str, expected: &[&str]| check("length: 50", &pattern(new), expected);
    check("[0-9A-Z]{9,18}|x\\.y(?:a)?", &[]);
    check("\\d+", &["escapes such as \\d and \\w are refused: write [0-9], [A-Za-z]"]);
    check("(?i)a", &["after ( a ? may only begin (?:…)"]);
    check("[[:alpha:]]", &["a [ within brackets must be written \\["]);
    check("[a&&b]", &["&&, ~~ and -- within brackets are refused"]);
    check("[0-9", &["not a regular expression: unclosed character class"]);
}

#[test]
fn beginnings() {
    let begins = |new: &str, expected: &[&str]| {
        check("one_of: [children, married]", &format!("begins: {new}"), expected);
    };
    begins("{ item: citizen_id, with: ['4313'] }", &[]);
    begins("{ item: citizen_id, with_item: name }", &[]);
    begins("{ item: citizen_id }", &["begins has either with (texts) or with_item (another item)"]);
    begins(
        "{ item: citizen_id, with: '4313', with_item: name }",
        &["begins has either with (texts) or with_item (another item)"],
    );
    begins("{ item: citizen_id, with: [''] }", &["this must be text, but is empty"]);
    begins(
        "{ item: birth_date, with: '19' }",
        &["begins looks at texts, codes and identifiers; date is none"],
    );
}

#[test]
fn rules() {
    check("tall:        {", "Tall:        {", &["`Tall` is no name of a rule: use a-z, 0-9 and -"]);
    check(
        "same: [sex, citizen_id.sex]",
        "zh: 一, en: one",
        &["a rule is one of same, order, begins, required_when, one_of, cel"],
    );
    check("same: [sex, citizen_id.sex]", "same: [sex]", &["same compares two items"]);
    check(
        "same: [sex, citizen_id.sex]",
        "same: [sex, citizen_id.birth_date]",
        &["these cannot be compared: all dates, all moments, all numbers, or (same) all text"],
    );
    check(
        "same: [sex, citizen_id.sex]",
        "same: [sex, citizen_id.age]",
        &["`age` is not known here; known are: birth_date, sex, division"],
    );
    check(
        "same: [sex, citizen_id.sex]",
        "same: [sex, name.first]",
        &["text has no parts: remove `.first`"],
    );
    check(
        "order: [birth_date, death_date], strict",
        "order: [birth_date], strict",
        &["at least two items are needed"],
    );
    check(
        "order: [birth_date, death_date], strict",
        "order: [birth_date, updated_at], strict",
        &["these cannot be compared: all dates, all moments, all numbers, or (same) all text"],
    );
    check("one_of: [children, married]", "one_of: children", &["at least two items are needed"]);
    check(
        "when: { sex: [\"1\", \"2\"] }",
        "when: { sex: [\"3\"] }",
        &["code list `sex` has no `3`"],
    );
    check(
        "when: { sex: [\"1\", \"2\"] }",
        "when: {}",
        &["when holds one item and its values: { item: [value, …] }"],
    );
    check(
        ", zh: 太矮, en: too small",
        "",
        &["a cel rule has no message of its own: write zh and en"],
    );
    check(
        ", zh: 太矮, en: too small",
        ", zh: 太矮",
        &[
            "a cel rule has no message of its own: write zh and en",
            "a message needs both languages: write zh and en",
        ],
    );
    let long = format!("cel: '{}'", "1 + ".repeat(200));
    check(
        "cel: 'height_cm > 100.0'",
        &long,
        &["longer than 500 characters; make several rules of it"],
    );
    check(
        "severity: warn }",
        "severity: info }",
        &["`info` is not known here; known are: reject, warn"],
    );
}

#[test]
fn feeds_and_examples() {
    check(
        "entity: population.person",
        "entity: person",
        &["`person` is no entity: write <library>.<entity>, as population.person"],
    );
    check("set: [name, sex]", "set: [name, name]", &["`name` stands here twice; remove one"]);
    check(
        "full_name: name",
        "full_name: nam",
        &["there is no item `nam`; add it to `items`, or mend the name"],
    );
    check("{ const: \"20\" }", "{ const: 20 }", &["this must be text; put it in quotes: \"20\""]);
    check(
        "name: 李娜, sex",
        "nmae: 李娜, sex",
        &["there is no item `nmae`; add it to `items`, or mend the name"],
    );
    check("height_cm: }", "height_cm: 1.5 }", &["this must be text; put it in quotes: \"1.5\""]);
    check(
        "rule: birth-in-id }",
        "rule: nothing }",
        &[
            "`nothing` is not known here; known are: birth-in-id, sex-in-id, death-after, has-work, \
         any, tall",
        ],
    );
    check(
        "expect: [{ code: check-digit, item: citizen_id }, { code: rule, rule: birth-in-id }]",
        "expect: []",
        &["expect is empty: say what is wrong"],
    );
}

#[test]
fn all_problems_at_once_in_the_order_of_the_file() {
    let text = sample()
        .replace("update: daily", "update: always")
        .replace("type: boolean", "type: bool")
        .replace("code: check-digit", "code: check");
    let problems = parse("f.yaml", &text, &lists()).unwrap_err();
    let lines: Vec<u64> = problems.iter().filter_map(|problem| problem.line).collect();
    assert_eq!(lines, [11, 28]);
}
