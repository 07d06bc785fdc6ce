//! Rules in CEL.

use super::*;

fn census(expression: &str) -> EntryVersion {
    let items = vec![
        item("id", ItemType::CitizenId),
        item("name", text(50, None)),
        item("age", ItemType::Integer(bounds("", ""))),
        item("height", ItemType::Decimal { precision: 4, scale: 1, bounds: bounds("", "") }),
        item("alive", ItemType::Boolean),
        item("born", ItemType::Date(bounds("", ""))),
        item("seen", ItemType::DateTime),
        item("division", ItemType::Division),
    ];
    entry(items, vec![RuleForm::Cel(expression.into())])
}

/// What the rule says about a whole row, and about one with nothing but its key.
#[track_caller]
fn check(expression: &str, whole: &str, empty: &str) {
    let contract = contract(census(expression));
    let id = "43138119910506004x";
    let cells = [
        Some(id),
        Some("刘洋"),
        Some("33"),
        Some("165.5"),
        Some("true"),
        Some("1991-05-06"),
        Some("2026-11-02T08:00:00+08:00"),
        Some("431381"),
    ];
    let mut nulls = [None; 8];
    nulls[0] = Some(id);
    let judge = |cells: &[Option<&str>]| {
        let mut work = Checked::default();
        contract.check(&row(cells), &mut work);
        match work.findings.as_slice() {
            [] => "holds",
            [Finding { cause: Cause::Rule(0), .. }] => "broken",
            [Finding { cause: Cause::RuleError(0), .. }] => "failed",
            _ => "else",
        }
    };
    assert_eq!((judge(&cells), judge(&nulls)), (whole, empty), "{expression}");
}

#[test]
fn expressions() {
    check(r#"division.startsWith("4313")"#, "holds", "holds");
    check(r#"division.startsWith("4301")"#, "broken", "holds");
    check("age >= 18 && height > 100.0", "holds", "holds");
    check("alive ? age < 150 : true", "holds", "holds");
    check(r#"born < "2000-01-01""#, "holds", "holds");
    check(r#"seen > timestamp("2026-11-01T00:00:00Z")"#, "holds", "holds");
    check(r#"seen < timestamp("2026-11-02T00:00:00Z")"#, "broken", "holds");
    check("size(name) == 2", "holds", "holds");
    check(r#"division in ["431381", "431302"]"#, "holds", "holds");
    check(r#"id.endsWith("X")"#, "holds", "holds");
    check("2026 - int(born) > 18", "failed", "holds");
    check("age / (age - 33) == 1", "failed", "holds");
}

#[test]
fn being_there() {
    check("has(name)", "holds", "broken");
    check("name != null", "holds", "broken");
    check("name == null || alive", "holds", "holds");
    check("has(age) || has(height)", "holds", "broken");
    check("!has(age) || age > 40", "broken", "holds");
    check("has(age) ? age > 40 : has(name)", "broken", "broken");
}

#[test]
fn a_broken_item_breaks_no_rule() {
    let contract = contract(census("age < 10"));
    let mut cells = [None; 8];
    (cells[0], cells[2]) = (Some("431302199003070014"), Some("old"));
    assert_eq!(outcome(&contract, &row(&cells)), "type rejects age");
    cells[2] = Some("11");
    assert_eq!(outcome(&contract, &row(&cells)), "rule rejects rule-0");
}

#[track_caller]
fn refused(expression: &str, expected: &str) {
    check_compile(census(expression), expected);
}

#[test]
fn what_is_refused() {
    refused("nmae == ''", "there is no item `nmae`");
    refused("age >", "does not parse");
    refused("age + 1", "must be true or false");
    refused("name > 3", "does not fit the items' types");
    refused("name.birth_date == born", "items, constants, lists, operators and functions only");
    refused("[1, 2].all(x, x > 0)", "function `all` cannot be used");
    refused("[1].map(x, [1].map(y, y)) == []", "function `map` cannot be used");
    refused("name.matches('(a+)+')", "an item's `pattern`");
    refused("{'a': 1} == {'a': 1}", "items, constants");
    refused("has(name.first)", "has takes one item");
    refused(&format!("age > {}", "1 + ".repeat(60) + "1"), "too large");
    refused(&format!("{}age{} > 1", "(".repeat(100), ")".repeat(100)), "too large");
    refused(&format!("{}alive", "!".repeat(400)), "too large");
    refused(&format!("{}alive", "! ".repeat(400)), "too large");
    refused(&format!("age > 1 {}", "&& age > 1 ".repeat(200)), "at most 1000");
    refused(&format!("{}1", "true ? 1 : ".repeat(80)), "too large");
}
