use axum::{body::Body, http::Request};
use serde_json::{Value, json};

use crate::support::{NDJSON, TestHub, hub, ndjson, rows};

#[tokio::test]
async fn the_catalog_is_read_with_any_token() {
    let hub = hub().await;
    assert_eq!(hub.get("", "/api/v1/entries").await.refusal(), "401 unauthenticated");
    let list = hub.get("civil", "/api/v1/entries").await.json();
    assert_eq!(list["entries"][1]["entry"], "public-security/household");
    let path = "/api/v1/entries/public-security/household";
    let shown = hub.get("audit", path).await.json();
    assert_eq!(shown["key"], json!(["citizen_id"]));
    assert_eq!(shown["versions"], json!([shown["version"]]));
    let schema = hub.get("civil", &format!("{path}/schema?major=1")).await;
    assert_eq!(schema.headers["content-type"], "application/schema+json");
    assert!(schema.json()["properties"]["citizen_id"].is_object(), "{}", schema.text);
    let unknown = hub.get("civil", &format!("{path}/schema?major=7")).await;
    assert_eq!(unknown.refusal(), "404 unknown-version");
    assert_eq!(hub.get("civil", "/api/v1/entries/a%2F/b").await.refusal(), "404 unknown-entry");
    assert_eq!(hub.receipts().await, [""; 0]);
}

#[tokio::test]
async fn a_department_sees_its_own_rejected_rows_masked() {
    let hub = hub().await;
    let mut row = rows(&hub)[0].clone();
    let id = row["citizen_id"].as_str().unwrap().to_owned();
    row["sex"] = "8".into();
    hub.push("police", NDJSON, ndjson(&[row.clone(), json!({ "citizen_id": id }), row])).await;

    let page = hub.get("police", "/api/v1/quarantine?limit=2").await;
    let said = page.json();
    assert_eq!(said["rows"].as_array().unwrap().len(), 2);
    assert_eq!(said["rows"][0]["origin"], "token:police");
    assert!(!page.text.contains(&id), "{}", page.text);
    let next = said["next"].as_i64().unwrap();
    let rest = hub.get("police", &format!("/api/v1/quarantine?after={next}")).await.json();
    assert_eq!(rest["rows"].as_array().unwrap().len(), 1);
    assert_eq!(rest["next"], Value::Null);

    assert_eq!(hub.get("civil", "/api/v1/quarantine").await.json()["rows"], json!([]));
    let entry = "entry=public-security/household";
    let other = hub.get("civil", &format!("/api/v1/quarantine?{entry}")).await;
    assert_eq!(other.refusal(), "403 forbidden");
    let all = hub.get("audit", &format!("/api/v1/quarantine?{entry}&code=code-list")).await.json();
    assert_eq!(all["rows"].as_array().unwrap().len(), 2);
    for wrong in ["code=no", "state=no", "entry=no", "limit=0", "limit=501", "colour=red"] {
        let answer = hub.get("audit", &format!("/api/v1/quarantine?{wrong}")).await;
        assert_eq!(answer.refusal(), "400 invalid-parameter", "{wrong}");
    }
    let expected = [
        "query token:police ok quarantine",
        "query token:police ok quarantine",
        "query token:civil ok quarantine",
        "refuse token:civil refused quarantine",
        "query token:audit ok quarantine",
    ];
    assert_eq!(hub.receipts().await, expected);
}

#[tokio::test]
async fn a_department_sees_its_own_receipts() {
    let hub = hub().await;
    hub.push("police", NDJSON, ndjson(&rows(&hub)[..1])).await;
    hub.get("civil", "/api/v1/quarantine").await;
    let own = hub.get("civil", "/api/v1/receipts").await.json();
    let departments: Vec<_> =
        own["receipts"].as_array().unwrap().iter().map(|one| one["department"].clone()).collect();
    assert_eq!(departments, ["civil-affairs"]);
    let other = hub.get("civil", "/api/v1/receipts?department=public-security").await;
    assert_eq!(other.refusal(), "403 forbidden");

    let page = "/api/v1/receipts?limit=1&from=2020-01-01T00:00:00Z";
    let mut path = format!("{page}&deed=publish");
    let first = hub.get("audit", &path).await.json();
    assert_eq!(first["receipts"][0]["actor"], "token:police");
    assert_eq!(first["next"], Value::Null);
    path = format!("{page}&until=2100-01-01T00:00:00Z");
    let first = hub.get("audit", &path).await.json();
    let next = first["next"].as_str().unwrap();
    let second = hub.get("audit", &format!("{path}&after={next}")).await.json();
    assert_ne!(first["receipts"][0], second["receipts"][0]);
    for wrong in ["deed=no", "result=no", "from=yesterday", "after=x"] {
        let answer = hub.get("audit", &format!("/api/v1/receipts?{wrong}")).await;
        assert_eq!(answer.refusal(), "400 invalid-parameter", "{wrong}");
    }
}

async fn add(hub: &TestHub, token: &str, text: &str) -> crate::support::Answer {
    let request = Request::post("/api/v1/connectors").body(text.to_owned().into()).unwrap();
    hub.send(token, request).await
}

#[tokio::test]
async fn only_administrators_register_connectors() {
    let hub = hub().await;
    let file = "connector: household\n";
    assert_eq!(add(&hub, "police", file).await.refusal(), "403 forbidden");
    assert_eq!(add(&hub, "audit", file).await.refusal(), "403 forbidden");
    let added = add(&hub, "admin", file).await;
    assert_eq!((added.status.as_u16(), added.json()), (201, json!({ "name": "household" })));
    assert_eq!(add(&hub, "admin", "x").await.refusal(), "422 refused");
    assert_eq!(add(&hub, "admin", &"x".repeat(300_000)).await.refusal(), "413 body-too-large");
    assert_eq!(hub.get("police", "/api/v1/connectors").await.json(), json!({ "connectors": [] }));
}

/// Whatever returns, changes or refuses data leaves a receipt: asked of every such route.
#[tokio::test]
async fn every_call_about_data_leaves_a_receipt() {
    let hub = hub().await;
    let document = hub.get("", "/openapi.json").await.json();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let path = path.replace("{department}", "public-security");
            let path = path.replace("{resource}", "household");
            for token in ["police", "civil", "admin"] {
                let before = receipts(&hub).await;
                let body = match path.ends_with("/rows") {
                    true => ndjson(&rows(&hub)[..1]),
                    false => "connector: household\n".to_owned(),
                };
                let request = Request::builder().method(method.to_uppercase().as_str());
                let request = request.uri(&path).header("content-type", NDJSON);
                let request = request.body(Body::from(body)).unwrap();
                let answer = hub.send(token, request).await;
                assert!(answer.status.as_u16() < 404, "{method} {path} {}", answer.text);
                let left = receipts(&hub).await - before;
                let expected = operation["x-leaves-receipt"].as_bool().unwrap();
                assert_eq!(left, usize::from(expected), "{method} {path} by {token}");
            }
        }
    }
}

async fn receipts(hub: &TestHub) -> usize {
    let mut db = hub.hub.store.reader().await.unwrap();
    let all = yiku_store::receipt::export(&mut db, &Default::default(), None, 1_000).await;
    all.unwrap().len()
}
