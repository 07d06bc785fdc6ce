use std::io::Write;

use axum::body::{Body, Bytes};
use serde_json::{Value, json};
use yiku_store::quarantine;

use crate::support::{BODY_BYTES_MAX, NDJSON, PUSH_PATH, TestHub, hub, ndjson, push_request, rows};

fn packed(text: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), Default::default());
    packed.write_all(text).unwrap();
    packed.finish().unwrap()
}

/// A row whose check digit is wrong.
fn broken(row: &Value) -> Value {
    let mut row = row.clone();
    let id = row["citizen_id"].as_str().unwrap();
    let last = if id.ends_with('1') { "2" } else { "1" };
    row["citizen_id"] = format!("{}{last}", &id[..17]).into();
    row
}

#[tokio::test]
async fn good_rows_are_published_and_bad_ones_answered_one_by_one() {
    let hub = hub().await;
    let rows = rows(&hub);
    let body = format!("{}{}{{oops\n", ndjson(&rows[..1]), ndjson(&[broken(&rows[1])]));
    let answer = hub.push("police", NDJSON, body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let said = answer.json();
    assert_eq!(said["accepted"], 1);
    assert_eq!(said["rejected"][0]["place"], 2);
    assert_eq!(said["rejected"][0]["violations"][0]["code"], "check-digit");
    assert_eq!(said["rejected"][0]["violations"][0]["item"], "citizen_id");
    assert_eq!(said["rejected"][1]["place"], 3);
    assert_eq!(said["rejected"][1]["violations"][0]["code"], "unreadable");
    let batch = json!({
        "entry": "public-security/household", "version": said["batch"]["version"],
        "line": 1, "number": 1
    });
    assert_eq!(said["batch"], batch);
    assert!(!answer.text.contains(broken(&rows[1])["citizen_id"].as_str().unwrap()));

    assert_eq!(hub.records().await.len(), 1);
    let mut db = hub.hub.store.reader().await.unwrap();
    let waiting = quarantine::list(&mut db, &Default::default(), 0, 10).await.unwrap();
    assert_eq!(waiting.len(), 2);
    assert_eq!((waiting[0].row.connector.as_str(), waiting[0].row.place), ("push", 2));
    let receipt = yiku_store::receipt::show(&mut db, None, "line/public-security/household/1", 1);
    let receipt = receipt.await.unwrap().receipt;
    assert_eq!((receipt.actor.as_str(), receipt.count("accepted")), ("token:police", 1));
}

#[tokio::test]
async fn every_form_brings_the_same_rows() {
    let hub = hub().await;
    let rows = rows(&hub);
    let names: Vec<String> = rows[0].as_object().unwrap().keys().cloned().collect();
    let line = |row: &Value| {
        let cells = names.iter().map(|name| row[name].as_str().unwrap_or_default().to_owned());
        cells.collect::<Vec<_>>().join(",")
    };
    let csv = format!("{}\r\n{}\r\n", names.join(","), line(&rows[0]));
    let array = json!([rows[0]]).to_string();
    for (kind, body) in [
        (NDJSON, ndjson(&rows[..1])),
        ("application/json", array),
        ("text/csv; charset=utf-8", csv),
    ] {
        let answer = hub.push("police", kind, body.clone()).await;
        assert_eq!(answer.json()["accepted"], 1, "{}", answer.text);
        let request = push_request(kind).header("content-encoding", "gzip");
        let request = request.body(packed(body.as_bytes()).into()).unwrap();
        let answer = hub.send("police", request).await;
        assert_eq!(answer.json()["accepted"], 1, "{}", answer.text);
    }
    let records = hub.records().await;
    assert_eq!(records.len(), 6);
    assert!(records.iter().all(|record| *record == records[0]));
}

#[tokio::test]
async fn a_row_may_say_that_it_is_gone() {
    let hub = hub().await;
    let rows = rows(&hub);
    let id = rows[0]["citizen_id"].as_str().unwrap();
    let at = &rows[0]["updated_at"];
    let gone = json!({ "citizen_id": id, "updated_at": at, "_operation": "delete" });
    let body = format!("{gone}\n{}", ndjson(&rows[1..2]));
    let answer = hub.push("police", NDJSON, body).await;
    assert_eq!(answer.json()["accepted"], 2, "{}", answer.text);
    let other = rows[1]["citizen_id"].as_str().unwrap();
    assert_eq!(hub.records().await, [format!("{id} delete"), format!("{other} upsert")]);
    let wrong = json!({ "citizen_id": id, "updated_at": at, "_operation": "forget" });
    let answer = hub.push("police", NDJSON, wrong.to_string()).await;
    assert_eq!(answer.json()["rejected"][0]["violations"][0]["code"], "code-list");
}

#[tokio::test]
async fn a_second_row_of_a_key_in_one_body_is_a_finding() {
    let hub = hub().await;
    let row = &rows(&hub)[0];
    let mut other = row.clone();
    other["name"] = "另一人".into();
    let answer = hub.push("police", NDJSON, ndjson(&[row.clone(), row.clone(), other])).await;
    let said = answer.json();
    assert_eq!((&said["accepted"], &said["warned"]), (&json!(2), &json!(1)), "{said}");
    assert_eq!(said["rejected"][0]["violations"][0]["code"], "duplicate-key");
    // In the next body the later row wins.
    assert_eq!(
        hub.push("police", NDJSON, ndjson(std::slice::from_ref(row))).await.json()["accepted"],
        1
    );
}

#[track_caller]
fn check(answer: &crate::support::Answer, expected: &str) {
    assert_eq!(answer.refusal(), expected);
}

#[tokio::test]
async fn bodies_that_cannot_be_taken() {
    let hub = hub().await;
    let good = ndjson(&rows(&hub)[..1]);
    check(&hub.push("police", "text/xml", good.clone()).await, "415 content-type");
    check(&hub.push("police", "application/json", "{}").await, "400 body-not-an-array");
    check(&hub.push("police", "text/csv", "a,a\n").await, "400 body-header");
    check(&hub.push("police", NDJSON, "").await, "400 body-without-rows");
    check(&hub.push("police", NDJSON, vec![b'{', 0xff]).await, "400 body-not-utf-8");
    let long = vec![b' '; BODY_BYTES_MAX + 1];
    check(&hub.push("police", NDJSON, long.clone()).await, "413 body-too-large");

    let gzip = async |bytes: Vec<u8>| {
        let request = push_request(NDJSON).header("content-encoding", "gzip");
        hub.send("police", request.body(bytes.into()).unwrap()).await
    };
    check(&gzip(packed(&long)).await, "413 body-too-large");
    let whole = packed(good.as_bytes());
    check(&gzip(whole[..whole.len() - 9].to_vec()).await, "400 body-gzip");
    let request = push_request(NDJSON).header("content-encoding", "br").body(Body::empty());
    check(&hub.send("police", request.unwrap()).await, "415 content-encoding");
    assert_eq!(hub.records().await, [""; 0]);
}

#[tokio::test]
async fn a_body_that_breaks_off_publishes_nothing() {
    let hub = hub().await;
    let good = Bytes::from(ndjson(&rows(&hub)));
    let first = futures::stream::iter([Ok(good.clone()), Err(std::io::Error::other("gone"))]);
    check(&hub.push("police", NDJSON, Body::from_stream(first)).await, "400 body-cut-off");
    let first = futures::stream::iter([Ok::<_, std::io::Error>(good)]);
    let stuck = futures::StreamExt::chain(first, futures::stream::pending());
    check(&hub.push("police", NDJSON, Body::from_stream(stuck)).await, "408 body-too-slow");
    assert_eq!(hub.records().await, [""; 0]);
}

async fn send(hub: &TestHub, token: &str, path: &str) -> String {
    let request = axum::http::Request::post(path).header("content-type", NDJSON);
    hub.send(token, request.body("{}".into()).unwrap()).await.refusal()
}

#[tokio::test]
async fn who_may_push_what() {
    let hub = hub().await;
    assert_eq!(send(&hub, "", PUSH_PATH).await, "401 unauthenticated");
    assert_eq!(send(&hub, "nobody", PUSH_PATH).await, "401 unauthenticated");
    assert_eq!(send(&hub, "civil", PUSH_PATH).await, "403 forbidden");
    assert_eq!(send(&hub, "admin", PUSH_PATH).await, "403 forbidden");
    let unknown = "/api/v1/entries/public-security/nothing/rows";
    assert_eq!(send(&hub, "police", unknown).await, "404 unknown-entry");
    let unknown = format!("{PUSH_PATH}?major=9");
    assert_eq!(send(&hub, "police", &unknown).await, "404 unknown-version");
    let typo = format!("{PUSH_PATH}?mayor=1");
    assert_eq!(send(&hub, "police", &typo).await, "400 invalid-parameter");
    assert_eq!(
        hub.receipts().await,
        ["refuse token:civil refused push", "refuse token:admin refused push"]
    );
    let rows = ndjson(&rows(&hub)[..1]);
    let request = axum::http::Request::post(format!("{PUSH_PATH}?major=1"));
    let request = request.header("content-type", NDJSON).body(rows.into()).unwrap();
    assert_eq!(hub.send("police", request).await.json()["accepted"], 1);
}
