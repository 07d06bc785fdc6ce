//! The schema registry of a real hub, by itself and by Confluent's own client.

mod apicurio;

use std::path::Path;

use serde_json::{Value, json};
use yiku_bus::{Bus, Embedded, ReadLimit};
use yiku_core::text_bytes::to_hex;
use yiku_tests::{Hub, node_client, python_client, root, sqlite};

const ENTRY: &str = "public-security/household";
const TOPIC: &str = "entry.public-security.household";
const SUBJECT: &str = "entry.public-security.household-value";

fn get(hub: &Hub, token: &str, path: &str) -> Value {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let (status, body) = hub.http("GET", &format!("/registry{path}"), &headers, b"");
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).expect("JSON")
}

/// All numbers with their schemas.
fn schemas(hub: &Hub, token: &str) -> Value {
    get(hub, token, "/schemas")
}

/// Publishes the next version, with one item more.
fn publish_next(hub: &Hub) {
    let path = format!("catalog/entries/{ENTRY}.yaml");
    let text = std::fs::read_to_string(hub.folder().join(&path)).expect("the entry's file");
    let item = "items:\n  nickname: { zh: 曾用名, type: text, length: 50, optional: true }\n";
    let text = text.replacen("version: \"1.0.0\"", "version: \"1.1.0\"", 1);
    hub.write(path, text.replacen("items:\n", item, 1));
    let ended = hub.yiku(&["catalog", "publish", ENTRY]);
    assert!(ended.success, "{ended:?}");
}

#[test]
fn numbers_and_texts_stay_through_new_versions_and_restarts() {
    let mut hub = Hub::new(&root().join("catalog"));
    hub.start();
    let token = hub.token("health");
    let before = schemas(&hub, &token);
    let before = before.as_array().expect("a list");
    let latest = format!("/subjects/{SUBJECT}/versions/latest");
    assert_eq!(get(&hub, &token, &latest)["version"], 1);

    publish_next(&hub);
    let now = get(&hub, &token, &latest);
    let id = before.len() as u64 + 1;
    assert_eq!((&now["version"], &now["id"]), (&json!(2), &json!(id)), "it is there at once");
    let after = schemas(&hub, &token);
    let after = after.as_array().expect("a list");
    assert_eq!(&after[..before.len()], before, "nothing of before has changed");
    assert_eq!(after.len(), before.len() + 2);

    assert!(hub.stop(), "{}", hub.log());
    hub.start();
    assert_eq!(schemas(&hub, &token), json!(after));

    // A store of a hub that knew no registry: the numbers follow the order of publication.
    assert!(hub.stop(), "{}", hub.log());
    sqlite(&hub.folder().join("data/store.db"), "DELETE FROM registered_schema");
    hub.start();
    assert_eq!(schemas(&hub, &token), json!(after));
    assert!(hub.stop(), "{}", hub.log());
}

#[test]
fn a_revoked_token_reads_no_more() {
    let mut hub = Hub::new(&root().join("catalog"));
    hub.start();
    let token = hub.token("health");
    get(&hub, &token, "/subjects");
    assert!(hub.yiku(&["token", "revoke", "health"]).success);
    let bearer = format!("Bearer {token}");
    hub.until("the token is forgotten", || {
        let headers = [("authorization", bearer.as_str())];
        (hub.http("GET", "/registry/subjects", &headers, b"").0 == 401).then_some(())
    });
    assert!(hub.stop(), "{}", hub.log());
}

/// The row of `tests/clients/registry.py`.
const ROW: &str = r#"{"citizen_id":"431302197407073941","name":"李娜","sex":"2","ethnic_group":"01",
"birth_date":"1974-07-07","household_no":"431302001004217","household_relation":"12",
"division":"431302","address":"湖南省娄底市娄星区乐坪街道","height_cm":"162.5",
"updated_at":"2026-11-02T08:00:00+08:00"}"#;

/// The body of the one row that was pushed.
fn pushed_body(data: &Path) -> Vec<u8> {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let bus = Embedded::open(data).await.expect("the hub has opened it");
        let read = bus.read(TOPIC, 0, 0, ReadLimit::default()).await.expect("it was written");
        let record =
            read.batches[0].records.iter().next().expect("a row").expect("an undamaged row");
        record.body.to_vec()
    })
}

#[test]
fn the_python_client_works_unmodified() {
    let mut hub = Hub::new(&root().join("catalog"));
    hub.start();
    let token = hub.token("public-security");
    let ended = python_client("registry.py", &[&format!("{}/registry", hub.url()), &token]);
    assert!(ended.success, "{ended:?}\n{}", hub.log());
    let said: Value = serde_json::from_str(&ended.stdout).expect("JSON");

    let id = said["latest"][0].as_u64().expect("a number") as u32;
    assert_eq!(said["latest"], json!([id, 1, SUBJECT]));
    assert_eq!(said["found"], json!([id, 1]));
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/x-ndjson")];
    let path = format!("/api/v1/entries/{ENTRY}/rows");
    let (status, body) = hub.http("POST", &path, &headers, ROW.replace('\n', "").as_bytes());
    assert_eq!(status, 200, "{body}");
    let subjects = get(&hub, &token, "/subjects");
    assert!(hub.stop(), "{}", hub.log());

    // Magic byte, number, and the bytes that the hub itself writes for this row.
    let framed = |id: u32, body: &[u8]| to_hex(&[&[0], &id.to_be_bytes()[..], body].concat());
    let expected = framed(id, &pushed_body(&hub.folder().join("data")));
    for way in ["default", "latest", "look_up", "own_topic"] {
        assert_eq!(said["avro"][way], expected, "{way}");
    }
    let twin = said["json_latest"][0].as_u64().expect("a number") as u32;
    assert_eq!((twin, &said["json_latest"][1]), (id + 1, &json!("JSON")));
    let json_body = said["json"].as_str().expect("hex");
    assert!(json_body.starts_with(&framed(twin, b"{")), "{json_body}");

    assert_eq!(said["compatible"], json!([true, false]));
    check(&said, "incompatible", 409, 409, "field `more` is new and has no default");
    check(&said, "refused", 422, 42205, "`yiku catalog publish`");
    check(&said, "unequal", 404, 40403, "Schema not found");
    check(&said, "unknown", 404, 40401, "Subject 'x-value' not found.");
    check(&said, "undeleted", 422, 42205, "`yiku catalog publish`");
    check(&said, "unset", 422, 42205, "`yiku catalog publish`");
    check(&said, "stranger", 401, 401, "no valid token");
    assert_eq!(said["subjects"], subjects);
    assert_eq!((&said["versions"], &said["level"]), (&json!([1]), &json!("BACKWARD")));
}

/// A refusal that a client was told.
#[track_caller]
fn check(said: &Value, name: &str, status: u16, code: u32, text: &str) {
    let refusal = &said[name];
    assert_eq!((&refusal["status"], &refusal["code"]), (&json!(status), &json!(code)), "{name}");
    assert!(refusal["text"].as_str().is_some_and(|said| said.contains(text)), "{refusal}");
}

#[test]
fn the_node_client_works_unmodified() {
    let mut hub = Hub::new(&root().join("catalog"));
    hub.start();
    let token = hub.token("public-security");
    let ended = node_client("registry.cjs", &[&format!("{}/registry", hub.url()), &token]);
    assert!(ended.success, "{ended:?}\n{}", hub.log());
    let said: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let subjects = get(&hub, &token, "/subjects");
    assert!(hub.stop(), "{}", hub.log());

    let id = said["latest"][0].as_u64().expect("a number") as u32;
    assert_eq!(said["latest"], json!([id, 1, SUBJECT]));
    assert_eq!((&said["registered"], &said["found"]), (&json!(id), &json!(id)));
    for (form, id) in [("avro", id), ("json", id + 1)] {
        let magic = to_hex(&[&[0], &id.to_be_bytes()[..]].concat());
        assert!(said[form].as_str().is_some_and(|body| body.starts_with(&magic)), "{said}");
    }
    assert_eq!(said["compatible"], json!([true, false]));
    check(&said, "incompatible", 409, 409, "field `more` is new and has no default");
    check(&said, "unknown", 404, 40401, "Subject 'x-value' not found.");
    check(&said, "undeleted", 422, 42205, "`yiku catalog publish`");
    check(&said, "stranger", 401, 401, "no valid token");
    assert_eq!(said["subjects"], subjects);
    assert_eq!((&said["versions"], &said["level"]), (&json!([1]), &json!("BACKWARD")));
}
