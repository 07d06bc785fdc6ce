//! The contract of a household register, row by row.

mod expression;

use super::{test_entry::*, *};
use crate::{
    entry::{DataItem, ItemType, Operand, Prefix, RuleForm},
    mask::Mask,
};

fn contract(entry: EntryVersion) -> Contract {
    Contract::compile(Arc::new(entry), &lists()).unwrap()
}

fn row(cells: &[Option<&str>]) -> MappedRow {
    let mut row = MappedRow::new(cells.len());
    row.cells.push_row(cells.iter().copied());
    row
}

/// The row as it is taken, or all that was found: `code severity item`.
fn outcome(contract: &Contract, row: &MappedRow) -> String {
    let mut work = Checked { body: b"before".to_vec(), ..Checked::default() };
    let verdict = contract.check(row, &mut work);
    let mut words: Vec<String> = work
        .findings
        .iter()
        .map(|finding| {
            let violation = contract.describe(finding, row);
            assert!(!violation.zh.is_empty() && !violation.en.is_empty());
            let severity = match violation.severity {
                Severity::Reject => "rejects",
                Severity::Warn => "warns",
            };
            let what = violation.rule.or(violation.item).unwrap_or_default();
            format!("{} {severity} {what}", violation.code)
        })
        .collect();
    assert_eq!(&work.body[..6], b"before");
    if verdict == Verdict::Rejected {
        assert_eq!(work.body.len(), 6, "a rejected row leaves nothing");
    } else if row.operation == Operation::Upsert {
        let mut cells = Cells::new(row.cells.width());
        contract.decode(&work.body[6..], &mut cells).unwrap();
        let cells: Vec<&str> = cells.row(0).cells().map(|cell| cell.unwrap_or("-")).collect();
        words.push(cells.join(" "));
    }
    words.join(", ")
}

/// One optional item of this kind beside the key.
#[track_caller]
fn check_value(kind: ItemType, value: &str, expected: &str) {
    let contract = contract(entry(vec![item("key", text(9, None)), item("it", kind)], Vec::new()));
    let actual = outcome(&contract, &row(&[Some("k"), Some(value)]));
    assert_eq!(actual, expected.replace("is ", "k "), "{value}");
}

#[test]
fn texts() {
    let kind = || text(3, None);
    check_value(kind(), "一二三", "is 一二三");
    check_value(kind(), "一二三四", "length rejects it");
    check_value(kind(), "abcd", "length rejects it");
    check_value(kind(), "", "length rejects it");
    check_value(kind(), "a\tb", "is a\tb");
    check_value(kind(), "a\u{1f}b", "pattern rejects it");
    check_value(kind(), "a\0", "pattern rejects it");
    check_value(text(50, None), "十六个字节以上的\u{1}文字", "pattern rejects it");
    let five = || ItemType::Text { min_length: 5, max_length: 6, pattern: None };
    check_value(five(), "一二三四", "length rejects it");
    check_value(five(), "一二三四五六", "is 一二三四五六");
    check_value(text(9, Some("[A-Z]+|x")), "AB", "is AB");
    check_value(text(9, Some("[A-Z]+|x")), "xx", "pattern rejects it");
    check_value(text(9, Some("[A-Z]+|x")), "AB\n", "pattern rejects it");
}

#[test]
fn codes_and_divisions() {
    let sex = || ItemType::Code { list: "sex".into() };
    check_value(sex(), "1", "is 1");
    check_value(sex(), "男", "code-list rejects it");
    check_value(sex(), "", "code-list rejects it");
    check_value(ItemType::Division, "431302", "is 431302");
    check_value(ItemType::Division, "431302001", "is 431302001");
    check_value(ItemType::Division, "431399", "code-list warns it, is 431399");
    check_value(ItemType::Division, "43130", "length rejects it");
    check_value(ItemType::Division, "43130X", "pattern rejects it");
}

#[test]
fn numbers() {
    let integer = || ItemType::Integer(bounds("-5", "20"));
    check_value(integer(), "-5", "is -5");
    check_value(integer(), "21", "range rejects it");
    check_value(integer(), "1.0", "type rejects it");
    check_value(ItemType::Integer(bounds("", "")), "99999999999999999999", "range rejects it");
    let decimal = || ItemType::Decimal { precision: 4, scale: 1, bounds: bounds("-20", "260") };
    check_value(decimal(), "175.5", "is 175.5");
    check_value(decimal(), "-20", "is -20.0");
    check_value(decimal(), "260.1", "range rejects it");
    check_value(decimal(), "1.75", "precision rejects it");
    check_value(decimal(), "1,7", "type rejects it");
    check_value(ItemType::Boolean, "true", "is true");
    check_value(ItemType::Boolean, "是", "type rejects it");
}

#[test]
fn dates() {
    let date = || ItemType::Date(bounds("1900-01-01", ""));
    check_value(date(), "2000-02-29", "is 2000-02-29");
    check_value(date(), "1900-02-29", "date rejects it");
    check_value(date(), "1899-12-31", "range rejects it");
    check_value(date(), "2000/02/29", "date rejects it");
    check_value(ItemType::DateTime, "2026-11-02T08:00:00+08:00", "is 2026-11-02T00:00:00Z");
    check_value(ItemType::DateTime, "2026-11-02 08:00:00", "date rejects it");
}

#[test]
fn identifiers() {
    check_value(ItemType::CitizenId, "43138119910506004x", "is 43138119910506004X");
    check_value(ItemType::CitizenId, "431381199105060041", "check-digit rejects it");
    check_value(ItemType::CitizenId, "431381199102300041", "date rejects it");
    check_value(ItemType::CitizenId, "432503850101123", "length rejects it");
    check_value(
        ItemType::CitizenId,
        "440308199901101512",
        "code-list warns it, is 440308199901101512",
    );
    check_value(ItemType::CitizenId, "810000199001010019", "is 810000199001010019");
    check_value(ItemType::CreditCode, "91431300MA00000235", "is 91431300MA00000235");
    check_value(
        ItemType::CreditCode,
        "91350203m0001qay9b",
        "check-digit warns it, is 91350203M0001QAY9B",
    );
    check_value(ItemType::CreditCode, "91431300MA0000023", "length rejects it");
    check_value(ItemType::OrganisationCode, "MA000004x", "is MA000004X");
    check_value(ItemType::OrganisationCode, "MA0000041", "check-digit rejects it");
    let license = "1.2.156.3005.2.11100000000013338W001.11431300MB00000191.A1B2C3.001.9";
    check_value(ItemType::LicenseId, license, &format!("is {license}"));
    check_value(ItemType::LicenseId, &license.replace(".9", ".8"), "check-digit rejects it");
}

#[test]
fn doubt_decides() {
    let mut items = vec![item("key", text(9, None)), item("it", ItemType::CreditCode)];
    items[1].doubt = Some(Severity::Reject);
    let strict = contract(entry(items.clone(), Vec::new()));
    let pilot = row(&[Some("k"), Some("91350203M0001QAY9B")]);
    assert_eq!(outcome(&strict, &pilot), "check-digit rejects it");
    items[1].kind = ItemType::CitizenId;
    items[1].doubt = Some(Severity::Warn);
    let lenient = contract(entry(items, Vec::new()));
    let wrong = row(&[Some("k"), Some("431381199105060041")]);
    assert_eq!(outcome(&lenient, &wrong), "check-digit warns it, k 431381199105060041");
}

#[track_caller]
fn check_row(cells: [&str; 7], expected: &str) {
    let contract = household();
    let cells = cells.map(|cell| (cell != "-").then_some(cell));
    assert_eq!(outcome(&contract, &row(&cells)), expected);
}

#[test]
fn rules_look_across_items() {
    let id = "431302199003070014";
    check_row([id, "李", "1", "1990-03-07", "-", "-", "-"], &format!("{id} 李 1 1990-03-07 - - -"));
    check_row([id, "李", "-", "1990-03-08", "-", "-", "-"], "rule rejects rule-0");
    check_row([id, "李", "2", "-", "-", "-", "-"], "rule rejects rule-1");
    check_row([id, "李", "-", "1990-03-07", "1990-03-06", "-", "-"], "rule rejects rule-2");
    check_row([id, "-", "1", "-", "-", id, "-"], "rule rejects rule-3");
    check_row([id, "-", "-", "-", "-", "-", "-"], "rule rejects rule-4");
    check_row(
        [id, "-", "2", "1990-03-08", "1890-01-01", "-", "-"],
        "rule rejects rule-0, rule rejects rule-1, rule rejects rule-2, rule rejects rule-3, \
         rule rejects rule-4",
    );
}

#[test]
fn beginnings() {
    let items = || vec![item("id", ItemType::OrganisationCode), item("note", text(50, None))];
    let texts = |texts: &[&str]| Prefix::Texts(texts.iter().map(|&text| text.into()).collect());
    let check = |prefix: Prefix, item: usize, note: Option<&str>, expected: &str| {
        let contract = contract(entry(items(), vec![RuleForm::Begins { item, prefix }]));
        assert_eq!(outcome(&contract, &row(&[Some("ma000004x"), note])), expected);
    };
    check(texts(&["XY", "MA0"]), 0, None, "MA000004X -");
    check(texts(&["MA1"]), 0, None, "rule rejects rule-0");
    check(texts(&["娄底"]), 1, Some("娄底市"), "MA000004X 娄底市");
    check(texts(&["娄底市的"]), 1, Some("娄底市"), "rule rejects rule-0");
    check(texts(&["娄底"]), 1, None, "MA000004X -");
    check(Prefix::Item(1), 0, Some("MA00"), "MA000004X MA00");
    check(Prefix::Item(1), 0, Some("MB"), "rule rejects rule-0");
    check(Prefix::Item(1), 0, None, "MA000004X -");
}

#[test]
fn a_broken_item_is_reported_once() {
    check_row(
        ["431302199003070015", "李", "2", "1990-02-30", "1890-01-01", "-", "x"],
        "check-digit rejects citizen_id, date rejects birth_date, date rejects updated_at",
    );
    check_row(["-", "李", "-", "-", "-", "-", "-"], "key-missing rejects citizen_id");
}

#[test]
fn key_and_order_fall_out() {
    let mut household = household_entry();
    household.key = vec![0, 6];
    let contract = contract(household);
    let mut work = Checked::default();
    let id = "43138119910506004x";
    let mut cells =
        [Some(id), Some("刘"), None, None, None, None, Some("2026-11-02T08:00:00+08:00")];
    assert_eq!(contract.check(&row(&cells), &mut work), Verdict::Accepted);
    assert_eq!(work.key, "43138119910506004X\u{1f}2026-11-02T00:00:00Z");
    assert_eq!(work.order_by, 1_793_577_600_000);
    cells[1] = Some("");
    assert_eq!(contract.check(&row(&cells), &mut work), Verdict::Rejected);
    assert_eq!(work.key, "43138119910506004X\u{1f}2026-11-02T00:00:00Z", "readable all the same");
    cells[6] = Some("soon");
    contract.check(&row(&cells), &mut work);
    assert_eq!((work.key.as_str(), work.order_by), ("", i64::MIN));
}

#[test]
fn a_delete_needs_its_key() {
    let contract = household();
    let id = "431302199003070014";
    let delete = |cells: &[Option<&str>]| MappedRow { operation: Operation::Delete, ..row(cells) };
    let mut work = Checked::default();
    let gone = delete(&[Some(id), None, Some("?"), None, None, None, None]);
    assert_eq!(contract.check(&gone, &mut work), Verdict::Accepted);
    assert_eq!((work.key.as_str(), work.body.len()), (id, 0));
    let nobody = delete(&[None; 7]);
    assert_eq!(outcome(&contract, &nobody), "key-missing rejects citizen_id");
}

#[test]
fn what_mapping_found_is_not_found_again() {
    let contract = household();
    let mut mapped = row(&[None, Some("李"), None, Some("x"), None, None, None]);
    let said =
        Said { value: Some("4313O2".into()), zh: "错".into(), en: "no".into(), column: None };
    let cause = Cause::Said(Box::new(said));
    mapped.findings.push(Finding { cause, ..Finding::plain(Code::Pattern, 0) });
    assert_eq!(outcome(&contract, &mapped), "pattern rejects citizen_id, date rejects birth_date");
    let torn = Finding {
        code: Code::Unreadable,
        severity: Severity::Reject,
        item: None,
        cause: Cause::Plain,
    };
    mapped.findings = vec![torn];
    assert_eq!(outcome(&contract, &mapped), "unreadable rejects ");
}

#[test]
fn a_contract_is_shared_between_threads() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Contract>();
}

#[track_caller]
fn check_compile(entry: EntryVersion, expected: &str) {
    let error = Contract::compile(Arc::new(entry), &lists()).unwrap_err();
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn what_does_not_compile() {
    let one = |kind| entry(vec![item("it", kind)], Vec::new());
    check_compile(one(ItemType::Code { list: "sx".into() }), "there is no code list `sx`");
    check_compile(one(text(5, Some("["))), "the pattern cannot be used");
    check_compile(one(text(5, Some("(?=a)"))), "look-around");
    check_compile(one(text(5, Some(r"a\d"))), "write it out");
    check_compile(one(text(5, Some("(((a{100}){100}){100}){100}"))), "the pattern cannot be used");
    check_compile(one(ItemType::Integer(bounds("x", ""))), "`x` is no value of the type");
    check_compile(one(ItemType::Integer(bounds("2", "1"))), "min is greater than max");
    let decimal = |precision, scale| ItemType::Decimal { precision, scale, bounds: bounds("", "") };
    check_compile(one(decimal(29, 0)), "precision must be 1 to 28");
    check_compile(one(decimal(2, 3)), "scale at most the precision");
    check_compile(EntryVersion { order_by: Some(0), ..one(text(5, None)) }, "order_by must be");
    let operand = |item| Operand { item, part: None };
    let two = |rule| {
        let items = vec![item("a", text(5, None)), item("b", ItemType::Date(bounds("", "")))];
        entry(items, vec![rule])
    };
    check_compile(two(RuleForm::Same(operand(0), operand(1))), "only values of one kind");
    check_compile(two(RuleForm::OneOf(vec![0])), "at least two items");
    let part = Operand { item: 0, part: Some("sex".into()) };
    check_compile(two(RuleForm::Same(part, operand(0))), "`a` (text) has no part `sex`");
    let when = RuleForm::RequiredWhen { item: 0, when: 1, values: vec!["soon".into()] };
    check_compile(two(when), "`soon` is no value of type date");
}

#[test]
fn values_are_shown_masked() {
    let check = |kind: ItemType, mask, value: &str, expected: Option<&str>| {
        let item = DataItem { mask, ..item("it", kind) };
        assert_eq!(shown(&item, value).as_deref(), expected, "{value}");
    };
    let id = "431302199003070014";
    let hidden = Some("431302********0014");
    check(ItemType::CitizenId, Mask::None, id, hidden);
    check(ItemType::Date(bounds("", "")), Mask::None, id, hidden); // swapped columns
    check(text(50, None), Mask::None, id, hidden);
    check(ItemType::Date(bounds("", "")), Mask::None, "李娜", Some("李*"));
    check(ItemType::Date(bounds("", "")), Mask::YearOnly, "李娜", Some("李*"));
    check(ItemType::Date(bounds("", "")), Mask::YearOnly, "1990-02-30", Some("1990******"));
    check(ItemType::Date(bounds("", "")), Mask::None, "1990-02-30", Some("1990-02-30"));
    check(text(50, None), Mask::FirstOnly, "李娜", Some("李*"));
    check(text(50, None), Mask::Pseudonym, "李娜", None);
    check(text(99, None), Mask::None, &"长".repeat(50), Some(&format!("{}…", "长".repeat(40))));
}
