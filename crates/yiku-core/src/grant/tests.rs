//! Reading grants, and what a grantee sees of a change.

use super::*;
use crate::{
    batch::Cells,
    derive::{ColumnType, TableColumn},
    entry::ItemType,
};

const GRANT: &str = r#"
grant: housing-fund-population
to: housing-fund-centre
of: population.person
basis: 《住房公积金管理条例》
scenario: 住房公积金提取资格核验
scope: 本中心提取业务窗口，不得转供第三方
modes: [batch, service]
period: { from: "2026-12-01", until: "2027-12-31" }
items: [citizen_id, name, marital]
rows: { division: { under: "431302" } }
masks: { name: first-only }
quota: { rows_per_day: 50000 }
approved:
  - { department: housing-fund-centre, ref: GJJ-2026-118, approved_on: "2026-11-18" }
at_end: destroy
"#;

fn grant() -> Grant {
    parse("grants/g.yaml", GRANT).expect("right")
}

fn view() -> GrantView {
    let text = ColumnType::Text { max_length: 50 };
    let column = |name: &str, kind| ViewColumn {
        column: TableColumn {
            name: name.into(),
            zh: name.into(),
            column_type: text,
            required: false,
        },
        kind,
        ends: false,
    };
    let plain = || ItemType::Text { min_length: 1, max_length: 50, pattern: None };
    let columns = [
        column("citizen_id", ItemType::CitizenId),
        column("name", plain()),
        column("division", ItemType::Division),
        column("marital", plain()),
        column("phone", plain()),
    ];
    GrantView::new(&grant(), &columns, &[0], b"key").expect("it fits")
}

type Cell = Option<&'static str>;

#[track_caller]
fn check(before: Option<[Cell; 5]>, after: Option<[Cell; 5]>, expected: View, shown: &str) {
    let view = view();
    let mut cells = Cells::new(5);
    for row in [before, after].into_iter().flatten() {
        cells.push_row(row);
    }
    let count = cells.len();
    let before = before.map(|_| cells.row(0));
    let after = after.map(|_| cells.row(count - 1));
    assert_eq!(view.of(before.as_ref(), after.as_ref()), expected);
    let mut out = Cells::new(3);
    match expected {
        View::Upsert => view.push_row(&after.expect("there is one"), &mut out),
        View::Withdraw => view.push_withdrawal(std::iter::once("1"), &mut out),
        View::Hidden | View::Outside => {}
    }
    let texts: Vec<_> = out.rows().flat_map(|row| row.cells().collect::<Vec<_>>()).collect();
    let texts: Vec<_> = texts.into_iter().map(|cell| cell.unwrap_or("NULL")).collect();
    assert_eq!(texts.join(" "), shown);
}

#[test]
fn changes_as_the_grantee_sees_them() {
    let row = |name, division, phone| [Some("1"), Some(name), Some(division), None, Some(phone)];
    let here = row("李娜", "431302001", "1");
    check(None, Some(here), View::Upsert, "1 李* NULL");
    check(None, Some(row("李娜", "431381", "1")), View::Outside, "");
    check(Some(here), Some(row("李娜", "431381", "1")), View::Withdraw, "1 NULL NULL");
    check(Some(here), None, View::Withdraw, "1 NULL NULL");
    check(Some(row("李娜", "431381", "1")), Some(here), View::Upsert, "1 李* NULL");
    check(Some(here), Some(row("李娜", "431302001", "2")), View::Hidden, "");
    check(Some(here), Some(row("李那", "431302001", "1")), View::Hidden, "");
    check(Some(here), Some(row("刘洋", "431302001", "1")), View::Upsert, "1 刘* NULL");
}

#[test]
fn a_grant_holds_from_its_first_day_to_its_last() {
    let grant = grant();
    let on = |day: &str| {
        let day = day.parse().expect("a day");
        grant.valid_on(day).map_or_else(|error| error.to_string(), |()| "valid".into())
    };
    assert_eq!(on("2026-11-30"), "grant `housing-fund-population` begins on 2026-12-01");
    assert_eq!(on("2026-12-01"), "valid");
    assert_eq!(on("2027-12-31"), "valid");
    assert_eq!(on("2028-01-01"), "grant `housing-fund-population` ended on 2027-12-31");
}

#[test]
fn what_the_receiver_holds_decides_the_generation() {
    let first = grant();
    let changed = |from: &str, to: &str| {
        let grant = parse("grants/g.yaml", &GRANT.replacen(from, to, 1)).expect("right");
        grant.generation_digest(b"key") != first.generation_digest(b"key")
    };
    assert!(changed("431302", "4313"));
    assert!(changed("first-only", "blank"));
    assert!(changed("name, marital]", "name]"));
    assert!(!changed("2027-12-31", "2028-12-31"));
    assert!(!changed("50000", "50001"));
    assert_eq!(first.generation_digest(b"key"), first.generation_digest(b"other"));
}

#[track_caller]
fn refused(from: &str, to: &str, expected: &str) {
    assert!(GRANT.contains(from), "{from}");
    let problems = parse("g.yaml", &GRANT.replacen(from, to, 1)).expect_err("refused");
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(lines.join("\n"), expected);
}

#[test]
fn mistakes_are_found_where_they_stand() {
    refused(
        "masks: { name:",
        "masks: { nmae:",
        "g.yaml:12:1: `nmae` has a mask, but is not among the items",
    );
    refused(
        "{ under: \"431302\" }",
        "{ under: \"43130\" }",
        "g.yaml:11:19: `43130` is no division code of 2, 4, 6, 9 or 12 digits",
    );
    refused(
        "{ under: \"431302\" }",
        "{ is: \"1\", in: [\"2\"] }",
        "g.yaml:11:19: write one of under, is, in, or from and (or) until",
    );
    refused("\"2027-12-31\"", "\"2025-12-31\"", "g.yaml:9:9: `until` is before `from`");
    refused(
        "of: population.person",
        "of: person",
        "g.yaml:4:5: `person` is not an entry name: write <department>/<resource> in a-z, 0-9 and -",
    );
}
