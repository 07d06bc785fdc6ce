//! A department's own Kafka tools, a hub between its topics: Avro by the hub's registry in, masked
//! and filtered rows out.

use serde_json::{Value, json};
use yiku_tests::{Hub, kafka, python_client, root};

const GRANT: &str = "catalog/grants/patients.yaml";

/// The hub of patients whose grant hides and filters.
fn hub() -> Hub {
    let hub = Hub::unpublished(&root().join("tests/tests/bad/catalog"), "");
    let grant = std::fs::read_to_string(hub.folder().join(GRANT)).expect("the grant's file");
    let narrow = "rows: { sex: { is: \"1\" } }\nmasks: { name: first-only }\napproved:";
    hub.write(GRANT, grant.replacen("approved:", narrow, 1));
    let ended = hub.yiku(&["catalog", "publish", "--all"]);
    assert!(ended.success, "the catalog was not published: {ended:?}");
    hub
}

fn tool(words: &[&str]) -> String {
    let ended = python_client("topics.py", words);
    assert!(ended.success, "{ended:?}");
    ended.stdout
}

/// What the delivery topic holds, as `[key, value]`.
fn delivered(topic: &str) -> Vec<Value> {
    serde_json::from_str(&tool(&["read", &kafka().address(), topic])).expect("JSON")
}

#[test]
fn a_departments_tools_write_to_one_topic_and_read_from_another() {
    let mut hub = hub();
    hub.start();
    let (brokers, prefix) = (kafka().address(), kafka().prefix());
    let (inbound, outbound) = (format!("{prefix}patient.in"), format!("{prefix}patient.out"));
    let (registry, token) = (format!("{}/registry", hub.url()), hub.token("health"));
    tool(&["write", &brokers, &inbound, &registry, &token]);
    tool(&["make", &brokers, &outbound]);
    hub.connector(
        "cards",
        &format!(
            "entry: health/patient@1\nsource:\n  kind: kafka\n  brokers: [\"{brokers}\"]\n  \
             topic: {inbound}\n  format: avro\n  tombstones: {{ key: \"no\" }}\n\
             operation: {{ from: deleted, codes: {{ \"true\": delete, \"false\": upsert }} }}\n\
             every: 1s\n"
        ),
    );
    hub.connector(
        "cards-out",
        &format!(
            "grant: patients\nsink:\n  kind: kafka\n  brokers: [\"{brokers}\"]\n  \
             topic: {outbound}\nevery: 1s\n"
        ),
    );
    hub.until("the good rows are merged", || {
        (hub.library_rows("population.patient") == 3).then_some(())
    });
    hub.settles();
    hub.balances();
    let rejected = hub.rejected("cards");
    assert_eq!(rejected.len(), 4, "{rejected:#?}");
    let reasons = format!("{rejected:?}");
    for told in ["code-list", "does not begin with byte 0", "schema 999 is unknown", &inbound] {
        assert!(reasons.contains(told), "{told}: {reasons}");
    }
    let mut seen = delivered(&outbound);
    seen.sort_by_key(|one| one[0].to_string());
    let row = |no: &str, name: &str, fee: &str| {
        let value = json!({ "no": no, "name": name, "sex": "1", "seen_on": null, "fee": fee });
        json!([no, value])
    };
    assert_eq!(seen, [row("P1", "肖*", "12.50"), row("P4", "刘*", "3.25")]);

    // One leaves the filter, one is gone: both are withdrawn.
    tool(&["change", &brokers, &inbound, &registry, &token]);
    let all = hub.until("both are withdrawn", || {
        let all = delivered(&outbound);
        (all.len() >= 4).then_some(all)
    });
    let mut last = all[2..].to_vec();
    last.sort_by_key(|one| one[0].to_string());
    assert_eq!(last, [json!(["P1", null]), json!(["P4", null])]);
    hub.settles();
    hub.balances();
    assert!(hub.stop(), "{}", hub.log());
}
