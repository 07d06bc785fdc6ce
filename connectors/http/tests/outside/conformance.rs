//! The suite that every connector is put through.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::http::StatusCode;
use serde_json::{Value, json};
use yiku_connector::{
    Access, Load, Position,
    conformance::{Received, check_schema, check_sink, check_source, sink_columns, sink_key},
};

use crate::fake::{Fake, access, parameter};

const ROWS: [&str; 7] =
    ["1|甲", "2|∅", "3|", "4|a|b", "5|x", "6|y", "7|a name of more than forty bytes, yes"];

fn object(row: &&str) -> Value {
    let (id, name) = row.split_once('|').unwrap();
    json!({ "id": id, "name": if name == "∅" { Value::Null } else { name.into() } })
}

#[tokio::test]
async fn sources_conform() {
    let fake = Fake::start(|asked| {
        let page: usize = parameter(asked, "page").map_or(1, |page| page.parse().unwrap());
        let size: usize = parameter(asked, "size").map_or(100, |size| size.parse().unwrap());
        let rows: Vec<_> = ROWS.iter().skip((page - 1) * size).take(size).map(object).collect();
        let next = (page * size < ROWS.len()).then(|| format!("?page={}&size={size}", page + 1));
        json!({ "rows": rows, "next": next }).to_string()
    })
    .await;
    let by_number = json!({ "page_parameter": "page", "size_parameter": "size", "size": 3 });
    let exactly = json!({ "page_parameter": "page", "size_parameter": "size", "size": 7 });
    let by_link = json!({ "next_pointer": "/next", "size_parameter": "size", "size": 2 });
    for load in [Load::Full, Load::Changes] {
        for paging in [Value::Null, by_number.clone(), exactly.clone(), by_link.clone()] {
            let mut config = json!({ "url": fake.url, "rows": "/rows" });
            if !paging.is_null() {
                config["paging"] = paging;
            }
            let access = access(load, Vec::new());
            let open = |position: &Position| {
                (connector_http::KIND.open_source)(config.clone(), &access, position)
            };
            check_source(open, &ROWS).await;
        }
    }
}

#[tokio::test]
async fn a_source_of_newer_rows_conforms() {
    let fake = Fake::start(|asked| {
        let since = parameter(asked, "since").unwrap_or_default();
        let newer = ROWS.iter().filter(|row| row.split('|').next() > Some(since.as_str()));
        Value::from(newer.map(object).collect::<Vec<_>>()).to_string()
    })
    .await;
    let config = json!({ "url": fake.url, "since": { "parameter": "since", "column": "id" } });
    let access = access(Load::Changes, Vec::new());
    let open =
        |position: &Position| (connector_http::KIND.open_source)(config.clone(), &access, position);
    check_source(open, &ROWS).await;
}

/// A receiver that keeps what it is told, and each parcel once.
#[tokio::test]
async fn a_sink_conforms() {
    let held: Arc<Mutex<Received>> = Arc::default();
    let inside = held.clone();
    let known: Mutex<HashMap<String, Vec<u8>>> = Mutex::default();
    let fake = Fake::start(move |asked| {
        if asked.method != "POST" {
            return StatusCode::METHOD_NOT_ALLOWED;
        }
        let key = asked.headers["idempotency-key"].to_str().unwrap().to_owned();
        if let Some(body) = known.lock().unwrap().insert(key, asked.body.to_vec()) {
            assert_eq!(body, asked.body, "one key, one body");
            return StatusCode::CONFLICT;
        }
        take(&mut inside.lock().unwrap(), &serde_json::from_slice(&asked.body).unwrap());
        StatusCode::OK
    })
    .await;
    let config = json!({ "url": fake.url, "secret": "geheim" });
    let access =
        Access { columns: sink_columns(), key: sink_key(), ..access(Load::Changes, Vec::new()) };
    let open = || (connector_http::KIND.open_sink)(config.clone(), &access);
    check_sink(open, async || held.lock().unwrap().clone()).await;
}

fn take(held: &mut Received, parcel: &Value) {
    for change in parcel["changes"].as_array().unwrap() {
        let text = |name: &&str| match &change["items"][*name] {
            Value::Null => "∅".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let key = &change["key"];
        let key = format!("{}|{}", key["region"].as_str().unwrap(), key["number"]);
        if change["operation"] == "withdraw" {
            held.remove(&key);
            continue;
        }
        let names = ["region", "number", "name", "amount", "active", "born", "seen"];
        held.insert(key, names.iter().map(text).collect::<Vec<_>>().join("|"));
    }
}

const SOURCES: [&str; 24] = [
    r#"{}"#,
    r#"{"headers":{"a":"b","c":{"file":"d"}},"format":"csv","timeout":"30s","insecure":true}"#,
    r#"{"rows":"/data/rows","expect":{"/code":"0"},"answer_bytes_max":1}"#,
    r#"{"paging":{"page_parameter":"p","first_page":0,"size_parameter":"s","size":10}}"#,
    r#"{"paging":{"page_parameter":"p","size":10},"format":"ndjson"}"#,
    r#"{"paging":{"next_pointer":"/next","cursor_parameter":"c"}}"#,
    r#"{"paging":{"next_pointer":"/next","size_parameter":"s","size":10}}"#,
    r#"{"since":{"parameter":"s","column":"c","start":"0"},"timeout":"3600m"}"#,
    r#"!{"since":{"parameter":"s"}}"#,
    r#"!{"paging":{}}"#,
    r#"!{"paging":{"page_parameter":"p","next_pointer":"/next"}}"#,
    r#"!{"paging":{"page_parameter":"p","cursor_parameter":"c"}}"#,
    r#"!{"paging":{"next_pointer":"/next","first_page":1}}"#,
    r#"!{"paging":{"page_parameter":"p","size_parameter":"s"}}"#,
    r#"!{"paging":{"page_parameter":"p","size":0}}"#,
    r#"!{"paging":{"next_pointer":"next"}}"#,
    r#"!{"format":"xml"}"#,
    r#"!{"format":"csv","rows":"/a"}"#,
    r#"!{"format":"csv","paging":{"next_pointer":"/next"}}"#,
    r#"!{"format":"ndjson","expect":{"/code":"0"}}"#,
    r#"!{"rows":"a"}"#,
    r#"!{"expect":{"/code":0}}"#,
    r#"!{"timeout":"0s"}"#,
    r#"!{"timeout":"3601s"}"#,
];

const SINKS: [&str; 5] = [
    r#"{"secret":"s"}"#,
    r#"{"secret":{"file":"s"},"headers":{"a":{"env":"B"}},"timeout":"5m","insecure":false}"#,
    r#"!{}"#,
    r#"!{"secret":"s","timeout":"1h"}"#,
    r#"!{"secret":{"file":"s","env":"t"}}"#,
];

/// The samples that begin with `!`, or those that do not, with addresses of several kinds.
fn with_url(samples: &[&str], bad: bool) -> Vec<Value> {
    let mut values = Vec::new();
    for sample in samples.iter().filter(|sample| sample.starts_with('!') == bad) {
        for url in [json!("https://x/"), json!({ "file": "x" }), json!({ "env": "X" })] {
            let mut value: Value = serde_json::from_str(sample.trim_start_matches('!')).unwrap();
            value["url"] = url;
            values.push(value);
        }
    }
    values
}

#[test]
fn schemas_and_code_agree() {
    let access = access(Load::Changes, Vec::new());
    let kind = &connector_http::KIND;
    let start = Position::default();
    let mut bad = with_url(&SOURCES, true);
    bad.extend([json!({}), json!({ "url": 1 })]);
    let read = |value| (kind.open_source)(value, &access, &start).map(drop);
    check_schema(kind.source_schema, read, &with_url(&SOURCES, false), &bad);
    let mut bad = with_url(&SINKS, true);
    bad.push(json!({ "secret": "s" }));
    let read = |value| (kind.open_sink)(value, &access).map(drop);
    check_schema(kind.sink_schema, read, &with_url(&SINKS, false), &bad);
}
