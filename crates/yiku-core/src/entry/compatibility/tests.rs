use super::*;
use crate::derive::test_entry;

/// Compares the sample with a changed one; what differs is `level: words`.
#[track_caller]
fn check(changes: &[(&str, &str)], expected: &[&str]) {
    let found = compare(&test_entry::entry(), &test_entry::changed(changes));
    assert!(found.iter().all(|difference| !difference.zh.is_empty()));
    let lines: Vec<String> = found
        .iter()
        .map(|difference| format!("{}: {}", difference.level.as_str(), difference.en))
        .collect();
    assert_eq!(lines, expected);
}

#[test]
fn items() {
    check(&[], &[]);
    let phone = "  phone:      { zh: 电话, type: text, length: 20";
    check(
        &[("  updated_at: {", &format!("{phone}, optional: true }}\n  updated_at: {{"))],
        &["minor: item `phone` is new"],
    );
    check(
        &[("  updated_at: {", &format!("{phone} }}\n  updated_at: {{"))],
        &["major: item `phone` is new and required"],
    );
    check(
        &[
            ("  married:    { zh: 已婚, type: boolean, optional: true }\n", ""),
            ("married: true, ", ""),
        ],
        &["major: item `married` is gone", "patch: examples differ"],
    );
    check(
        &[("type: boolean, optional", "type: integer, optional"), ("married: true, ", "")],
        &["major: `married` was boolean and is integer", "patch: examples differ"],
    );
    check(
        &[("type: boolean, optional: true", "type: boolean")],
        &["major: `married` becomes required"],
    );
    check(&[("list: sex }", "list: sex, optional: true }")], &["minor: `sex` becomes optional"]);
    check(&[("zh: 已婚", "zh: 婚否")], &["patch: `married` is called otherwise"]);
}

#[test]
fn values_of_items() {
    check(
        &[("length: 50, pattern", "length: 40, pattern")],
        &["major: `name` had 1 to 50 characters, has 1 to 40"],
    );
    check(
        &[("length: 50, pattern", "length: 60, pattern")],
        &["minor: `name` had 1 to 50 characters, has 1 to 60"],
    );
    check(&[(", pattern: \"[^0-9]+.?\"", "")], &["minor: `name` has another pattern"]);
    check(&[("[^0-9]+", "[^A-Z]+")], &["major: `name` has another pattern"]);
    check(
        &[("list: sex }", "list: division }"), ("sex: \"2\"", "sex: \"431302\"")],
        &["major: `sex` had the code list sex and has division", "patch: examples differ"],
    );
    check(
        &[("precision: 4, scale: 1", "precision: 5, scale: 2")],
        &["minor: `height` had precision and scale (4, 1), has (5, 2)"],
    );
    check(
        &[("precision: 4, scale: 1", "precision: 4, scale: 2"), ("max: \"260\", ", "")],
        &[
            "major: `height` had precision and scale (4, 1), has (4, 2)",
            "minor: `height` had the bounds [, 260] and has [, ]",
        ],
    );
    check(
        &[("max: \"260\"", "max: \"250\"")],
        &["major: `height` had the bounds [, 260] and has [, 250]"],
    );
    check(
        &[("min: 0, max: 20", "min: -1")],
        &["minor: `children` had the bounds [0, 20] and has [-1, ]"],
    );
    check(
        &[("\"1900-01-01\"", "\"1901-01-01\"")],
        &["major: `birth_date` had the bounds [1900-01-01, ] and has [1901-01-01, ]"],
    );
    check(
        &[("type: credit-code", "type: credit-code, doubt: reject")],
        &["major: `work` treats doubtful values otherwise"],
    );
    check(&[("type: credit-code", "type: credit-code, doubt: warn")], &[]);
    check(
        &[("type: citizen-id", "type: citizen-id, doubt: warn")],
        &["minor: `citizen_id` treats doubtful values otherwise"],
    );
    check(
        &[("std: GMSFHM", "std: GMSFHM, grade: general-4, mask: none")],
        &[
            "minor: `citizen_id` was masked keep-6-4 and is masked none",
            "minor: `citizen_id` has another grade",
        ],
    );
    check(
        &[("  name:       {", "  full_name:  {"), ("name: 李娜", "full_name: 李娜")],
        &[
            "major: item `name` is gone",
            "major: item `full_name` is new and required",
            "patch: examples differ",
        ],
    );
}

#[test]
fn key_order_and_rules() {
    check(
        &[("key: [citizen_id]", "key: [citizen_id, name]")],
        &["major: the key was [citizen_id] and is [citizen_id, name]"],
    );
    check(
        &[("order_by: updated_at\n", "")],
        &["major: order_by was updated_at and is -: rows of both cannot be put in order"],
    );
    let rule = |text: &str| format!("rules:\n  more: {text}\n");
    check(&[("rules:\n", &rule("{ one_of: [work, license] }"))], &["major: rule `more` is new"]);
    check(
        &[("rules:\n", &rule("{ one_of: [work, license], severity: warn }"))],
        &["minor: rule `more` is new"],
    );
    let birth = "{ same: [birth_date, citizen_id.birth_date] }";
    check(
        &[(birth, "{ order: [citizen_id.birth_date, birth_date] }")],
        &[
            "major: rule `birth-in-id` says otherwise",
            "patch: the words of rule `birth-in-id` differ",
        ],
    );
    check(
        &[(birth, "{ same: [birth_date, citizen_id.birth_date], severity: warn }")],
        &["minor: rule `birth-in-id` rejected and warns"],
    );
    check(
        &[("birth-in-id", "born-in-id")],
        &["major: rule `born-in-id` is new", "minor: rule `birth-in-id` is gone"],
    );
}

#[test]
fn feeds_and_metadata() {
    let feeds = "feeds: [{ entity: population.person, key: citizen_id, set: [name] }]\nexamples:";
    check(&[("examples:", feeds)], &["minor: population.person (citizen_id) is fed newly"]);
    let old = test_entry::changed(&[("examples:", feeds)]);
    let lines = |changed: &str| {
        let new = test_entry::changed(&[("examples:", changed)]);
        compare(&old, &new).iter().map(|found| found.en.clone()).collect::<Vec<_>>()
    };
    assert_eq!(lines("examples:"), ["population.person (citizen_id) is fed no more"]);
    assert_eq!(
        lines(&feeds.replace("[name]", "{ title: name, marital: { const: \"20\" } }")),
        [
            "items set of population.person (citizen_id) were name and are title=name, marital=\"20\""
        ]
    );
    check(&[("class: closed", "class: public, conditions: 无")], &["minor: the openness differs"]);
    check(&[("basis: 规定", "basis: 办法")], &["patch: the basis differs"]);
    check(
        &[("entry: public-security/a-person", "entry: public-security/person")],
        &["major: the entry's name was public-security/a-person and is public-security/person"],
    );
}

#[track_caller]
fn check_number(changes: &[(&str, &str)], expected: Option<&str>) {
    let fault = check_version(&test_entry::entry(), &test_entry::changed(changes)).err();
    assert_eq!(fault.map(|fault| fault.en).as_deref(), expected);
}

#[test]
fn the_number_says_what_changed() {
    check_number(
        &[],
        Some("version 1.0.0 after 1.0.0 must be at least 1.0.1: it must be above the last one"),
    );
    check_number(&[("1.0.0", "1.0.1")], None);
    check_number(
        &[("1.0.0", "1.0.1"), ("list: sex }", "list: sex, optional: true }")],
        Some("version 1.0.1 after 1.0.0 must be at least 1.1.0: `sex` becomes optional"),
    );
    check_number(&[("1.0.0", "1.1.0"), ("list: sex }", "list: sex, optional: true }")], None);
    check_number(
        &[("1.0.0", "1.9.0"), ("type: boolean, optional: true", "type: boolean")],
        Some("version 1.9.0 after 1.0.0 must be at least 2.0.0: `married` becomes required"),
    );
    check_number(&[("1.0.0", "2.0.0"), ("type: boolean, optional: true", "type: boolean")], None);
}
