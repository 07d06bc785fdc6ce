//! Every row that the generator broke is rejected or warned about with the code and item that the
//! truth file says, and no good row is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sqlx::Row;
use yiku_tests::{Demo, kafka};

use crate::content;

/// Connector, file or table, place. Rows of a service have no second part: its address changes.
type Place = (String, String, u64);

fn place(row: &Value, is_service: bool) -> Place {
    let text = |name: &str| row[name].as_str().unwrap().to_owned();
    let origin = if is_service { String::new() } else { text("origin") };
    (text("connector"), origin, row["place"].as_u64().unwrap())
}

fn is_found(truth: &Value, violations: &[Value]) -> bool {
    violations.iter().any(|found| {
        let same = |name: &str| truth[name].is_null() || truth[name] == found[name];
        found["severity"] == "reject" && same("code") && same("item") && same("rule")
    })
}

/// How many rows are warned about, by entry, code, and item or rule.
type Warnings = BTreeMap<(String, String, String), i64>;

/// Warnings about accepted rows: those counted, without those of rejected rows.
async fn warnings(demo: &Demo, rejected: &[Value]) -> Warnings {
    let sql = "SELECT entry, code, item, rule, CAST(sum(count) AS BIGINT) FROM batch_violation
               WHERE severity = 'warn' GROUP BY entry, code, item, rule";
    let mut warnings = Warnings::new();
    for row in content::query(&demo.folder(), sql).await {
        let (code, item, rule): (String, String, String) = (row.get(1), row.get(2), row.get(3));
        let blamed = subject(&code, &item, &rule);
        *warnings.entry((row.get(0), code, blamed)).or_default() += row.get::<i64, _>(4);
    }
    for row in rejected {
        for found in row["violations"].as_array().unwrap() {
            let text = |name: &str| found[name].as_str().unwrap_or_default();
            let blamed = subject(text("code"), text("item"), text("rule"));
            let entry = row["entry"].as_str().unwrap().to_owned();
            if found["severity"] == "warn" {
                *warnings.entry((entry, text("code").into(), blamed)).or_default() -= 1;
            }
        }
    }
    warnings.retain(|_, count| *count != 0);
    warnings
}

/// A broken rule is known by its id, anything else by its item; a doubled row by neither.
fn subject(code: &str, item: &str, rule: &str) -> String {
    match code {
        "rule" => rule.to_owned(),
        "duplicate-key" => String::new(),
        _ => item.to_owned(),
    }
}

fn expected_warnings(truths: &[Value]) -> Warnings {
    let mut expected = Warnings::new();
    for truth in truths.iter().filter(|truth| truth["outcome"] == "warned") {
        let text = |name: &str| truth[name].as_str().unwrap_or_default();
        let blamed = subject(text("code"), text("item"), text("rule"));
        *expected.entry((text("entry").into(), text("code").into(), blamed)).or_default() += 1;
    }
    expected
}

fn check_totals(report: &Value) {
    assert_eq!(report["balanced"], true);
    let libraries = report["libraries"].as_array().unwrap();
    let filled = libraries.iter().filter(|library| library["rows"].as_u64() > Some(0));
    let filled: BTreeSet<_> =
        filled.filter_map(|library| library["entity"].as_str()?.split('.').next()).collect();
    assert_eq!(filled.len(), 5, "{filled:?}");
    assert!(report["violations"].as_array().unwrap().len() >= 8, "{}", report["violations"]);
    assert!(report["peak_rss_mb"].as_f64().unwrap() < 300.0, "{}", report["peak_rss_mb"]);
    for subscription in report["subscriptions"].as_array().unwrap() {
        assert!(subscription["delivered"].as_u64() > Some(0), "{subscription}");
        assert_eq!(subscription["parked"], 0, "{subscription}");
    }
}

#[tokio::test]
async fn what_was_broken_is_found_and_nothing_else() {
    check_truth(&Demo::new(20_000)).await;
}

#[tokio::test]
async fn what_was_broken_is_found_on_kafka_too() {
    check_truth(&Demo::with_settings(20_000, &kafka().hub_settings())).await;
}

async fn check_truth(demo: &Demo) {
    check_totals(&demo.run());

    let truths = content::json_lines(&demo.folder().join("truth"));
    let is_service = |connector: &Value| {
        truths.iter().any(|truth| truth["connector"] == *connector && truth["origin"] == "")
    };
    let listed =
        demo.yiku(&["quarantine", "list", "--json", "--state", "all", "--limit", "999999"]);
    assert!(listed.success, "{}", listed.stderr);
    let listed: Vec<Value> = serde_json::from_str(&listed.stdout).unwrap();
    let mut rejected: BTreeMap<Place, &Value> = BTreeMap::new();
    for row in &listed {
        let before = rejected.insert(place(row, is_service(&row["connector"])), row);
        assert!(before.is_none(), "{row} is there twice");
    }

    let mut wrong = Vec::new();
    for truth in truths.iter().filter(|truth| truth["outcome"] == "rejected") {
        match rejected.remove(&place(truth, truth["origin"] == "")) {
            None => wrong.push(format!("was not rejected: {truth}")),
            Some(row) if is_found(truth, row["violations"].as_array().unwrap()) => {}
            Some(row) => wrong.push(format!("was rejected for other reasons: {truth}\n{row}")),
        }
    }
    wrong.extend(rejected.values().map(|row| format!("was rejected, though it is good: {row}")));
    let shown = wrong.iter().take(10).cloned().collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} rows:\n{shown}", wrong.len());
    assert_eq!(warnings(demo, &listed).await, expected_warnings(&truths));
}
