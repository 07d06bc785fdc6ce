//! What a webhook is sent, and what its answers mean.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use yiku_connector::{Change, ChangeKind, Load, Parcel, Refused, Settled, Sink};
use yiku_core::{
    batch::Cells,
    derive::{ColumnType, TableColumn},
};

use crate::{
    fake::{Fake, access},
    source_errors::told,
};

fn columns() -> Vec<TableColumn> {
    let column = |name: &str, column_type| TableColumn {
        name: name.into(),
        zh: name.into(),
        column_type,
        required: false,
    };
    vec![
        column("id", ColumnType::Text { max_length: 18 }),
        column("children", ColumnType::Integer),
        column("height", ColumnType::Decimal { precision: 4, scale: 1 }),
        column("married", ColumnType::Boolean),
    ]
}

fn parcel() -> Parcel {
    let mut cells = Cells::new(4);
    cells.push_row([Some("李"), Some("-2"), Some("165.50"), Some("true")]);
    cells.push_row([Some("王"), None, None, None]);
    Parcel {
        idempotency_key: "grant-7-12".into(),
        subject: "population.person".into(),
        columns: columns().into(),
        key: [0].into(),
        changes: [
            Change { kind: ChangeKind::Upsert, number: 41 },
            Change { kind: ChangeKind::Withdraw, number: 43 },
        ]
        .into(),
        cells: cells.into(),
    }
}

fn open(fake: &Fake, more: Value) -> Box<dyn Sink> {
    let mut config = json!({ "url": fake.url, "secret": "geheim" });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    (connector_http::KIND.open_sink)(config, &access(Load::Changes, columns())).unwrap()
}

#[tokio::test]
async fn a_parcel_is_one_signed_call() {
    let fake = Fake::start(|_| StatusCode::NO_CONTENT).await;
    let mut sink = open(&fake, json!({ "headers": { "X-Department": "gjj" } }));
    sink.check().await.unwrap();
    assert_eq!(fake.asked()[0].method, Method::OPTIONS);
    for _ in 0..2 {
        assert_eq!(sink.deliver(&parcel()).await.unwrap(), Settled::default());
    }
    let asked = fake.asked();
    let expected = json!({
        "idempotency_key": "grant-7-12",
        "subject": "population.person",
        "changes": [
            { "operation": "upsert", "number": 41, "key": { "id": "李" },
              "items": { "id": "李", "children": -2, "height": "165.50", "married": true } },
            { "operation": "withdraw", "number": 43, "key": { "id": "王" } },
        ],
    });
    assert_eq!(serde_json::from_slice::<Value>(&asked[0].body).unwrap(), expected);
    assert_eq!(asked[0].body, asked[1].body, "a repeated parcel is the same to the byte");
    assert_eq!(asked[0].headers["idempotency-key"], "grant-7-12");
    assert_eq!(asked[0].headers["x-department"], "gjj");
    assert_eq!(asked[0].headers["content-type"], "application/json");
    verify(asked[0].headers["yiku-signature"].to_str().unwrap(), &asked[0].body);
}

/// As a receiver verifies it, here with OpenSSL.
fn verify(signature: &str, body: &[u8]) {
    let (time, digest) = signature.split_once(",v1=").unwrap();
    let time = time.strip_prefix("t=").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let signed = folder.path().join("signed");
    std::fs::write(&signed, [time.as_bytes(), b".", body].concat()).unwrap();
    let output = std::process::Command::new("openssl")
        .args(["dgst", "-sha256", "-hmac", "geheim"])
        .arg(signed)
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(told.trim().rsplit(' ').next(), Some(digest));
}

#[tokio::test]
async fn answers_that_take_the_parcel() {
    let refused = |index, reason: &str| Refused { index, reason: reason.into() };
    for (status, body, expected) in [
        (200, "", vec![]),
        (200, "ok", vec![]),
        (201, "{\"taken\":2}", vec![]),
        (202, "{\"refused\":[]}", vec![]),
        (409, "already here", vec![]),
        (200, r#"{"refused":[{"index":1,"reason":"没有此人\n"}]}"#, vec![refused(1, "没有此人")]),
        (
            200,
            r#"{"refused":[{"index":1},{"index":0,"reason":"x"},{"index":1}]}"#,
            vec![refused(0, "x"), refused(1, "the receiver gave no reason")],
        ),
    ] {
        let fake = Fake::start(move |_| (StatusCode::from_u16(status).unwrap(), body)).await;
        let settled = open(&fake, json!({})).deliver(&parcel()).await.unwrap();
        assert_eq!(settled.refused, expected, "{status} {body}");
    }
}

#[tokio::test]
async fn answers_that_do_not() {
    for (status, body, part) in [
        (500, "", "unavailable: "),
        (429, "", "unavailable: "),
        (401, "", "config: "),
        (302, "", "config: "),
        (400, "geheim", "unreadable: "),
        (413, "", "too large"),
        (200, r#"{"refused":[{"index":2,"reason":""}]}"#, "it refuses change 2, but 2 were sent"),
        (200, r#"{"refused":"all"}"#, "its answer should be"),
    ] {
        let fake = Fake::start(move |_| (StatusCode::from_u16(status).unwrap(), body)).await;
        let error = open(&fake, json!({})).deliver(&parcel()).await.unwrap_err();
        assert!(told(&error).contains(part), "{} lacks {part}", told(&error));
    }
}

#[tokio::test]
async fn a_check_finds_nobody_there() {
    let fake = Fake::start(|_| StatusCode::METHOD_NOT_ALLOWED).await;
    open(&fake, json!({})).check().await.unwrap();
    let fake = Fake::start(|_| StatusCode::BAD_GATEWAY).await;
    assert!(told(&open(&fake, json!({})).check().await.unwrap_err()).starts_with("unavailable: "));
    let error = open(&fake, json!({ "url": "http://127.0.0.1:1/" })).check().await.unwrap_err();
    assert!(told(&error).contains("cannot be reached"));
    let error = open(&fake, json!({ "secret": { "env": "NO_SUCH_X" } })).check().await.unwrap_err();
    assert!(told(&error).contains("environment variable `NO_SUCH_X` is not set"));
}
