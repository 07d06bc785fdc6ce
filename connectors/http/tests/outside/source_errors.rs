//! What a source says when the far side is not as its file says.

use axum::http::{StatusCode, header};
use serde_json::{Value, json};
use yiku_connector::{ConnectorError, Load, Position};

use crate::{
    fake::{Fake, access, parameter},
    source::{ALL, open},
};

pub fn told(error: &ConnectorError) -> String {
    let variant = match error {
        ConnectorError::Config(_) => "config",
        ConnectorError::Unavailable { .. } => "unavailable",
        ConnectorError::Unreadable { .. } => "unreadable",
        ConnectorError::Position(_) => "position",
    };
    let text = format!("{variant}: {error}");
    assert!(!text.contains("geheim"), "{text}");
    text
}

#[track_caller]
fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{text:?} lacks {part:?}");
    }
}

async fn complaint(fake: &Fake, config: Value) -> String {
    let mut source = open(fake, Load::Full, config, &Position::default());
    for _ in 0..10 {
        match source.pull(ALL).await {
            Err(error) => return told(&error),
            Ok(pull) => assert!(pull.is_some(), "something is wrong"),
        }
    }
    panic!("something is wrong");
}

#[tokio::test]
async fn statuses_say_who_must_act() {
    for (status, expected) in [
        (401, "config: "),
        (403, "config: "),
        (404, "config: "),
        (400, "unreadable: "),
        (422, "unreadable: "),
        (408, "unavailable: "),
        (429, "unavailable: "),
        (500, "unavailable: "),
        (503, "unavailable: "),
    ] {
        let fake = Fake::start(move |_| (StatusCode::from_u16(status).unwrap(), "geheim")).await;
        let text = complaint(&fake, json!({})).await;
        has(&text, &[expected, "http://127.0.0.1:", "/rows", &format!("answered {status}")]);
    }
    let elsewhere = [(header::LOCATION, "https://elsewhere.example/x?key=geheim")];
    let fake = Fake::start(move |_| (StatusCode::FOUND, elsewhere.clone())).await;
    let text = complaint(&fake, json!({})).await;
    has(&text, &["config: ", "https://elsewhere.example/x", "not followed"]);
    assert_eq!(fake.asked().len(), 1);
}

#[tokio::test]
async fn answers_that_make_no_sense() {
    for (body, config, parts) in [
        ("<html>", json!({}), vec!["not JSON", "line 1, column 1"]),
        ("[{\"id\":1},{\"i", json!({}), vec!["cut off"]),
        ("{}", json!({}), vec!["no array at its top", "`rows:`"]),
        ("{\"data\":null}", json!({ "rows": "/data" }), vec!["no array at /data"]),
        (
            "{\"code\":\"-1\",\"msg\":\"geheim\",\"data\":[]}",
            json!({ "rows": "/data", "expect": { "/code": "0" } }),
            vec!["reports a failure: /code is not 0"],
        ),
        (
            "[{\"id\":\"1234567890\"}]",
            json!({ "answer_bytes_max": 10 }),
            vec!["more than 10 bytes"],
        ),
    ] {
        let fake = Fake::start(move |_| body).await;
        let text = complaint(&fake, config).await;
        has(&text, &["unreadable: http://127.0.0.1:"]);
        has(&text, &parts);
    }
    // 李 in GBK.
    let fake = Fake::start(|_| b"[{\"a\":\"\xc0\xee\"}]".to_vec()).await;
    has(&complaint(&fake, json!({})).await, &["not UTF-8 (at byte 8)"]);
}

#[tokio::test]
async fn pages_that_lead_nowhere() {
    let fake = Fake::start(|_| "[{\"id\":1}]").await;
    let config = json!({ "paging": { "page_parameter": "p" } });
    has(&complaint(&fake, config).await, &["a page repeats the one before it"]);

    let fake = Fake::start(|_| r#"{"rows":[],"next":"https://elsewhere.example/?geheim"}"#).await;
    let config = json!({ "rows": "/rows", "paging": { "next_pointer": "/next" } });
    has(&complaint(&fake, config.clone()).await, &["leads to another host"]);

    let fake = Fake::start(|asked| {
        format!(r#"{{"rows":[{{"id":"{}"}}],"next":"c"}}"#, parameter(asked, "c").is_some())
    })
    .await;
    let config =
        json!({ "rows": "/rows", "paging": { "next_pointer": "/next", "cursor_parameter": "c" } });
    has(&complaint(&fake, config).await, &["names itself as the next one"]);
}

#[tokio::test]
async fn a_zip_bomb_is_cut() {
    let bomb = std::process::Command::new("sh")
        .args(["-c", "head -c 50000000 /dev/zero | gzip -9"])
        .output()
        .unwrap()
        .stdout;
    assert!(bomb.len() < 100_000);
    let fake = Fake::start(move |_| ([(header::CONTENT_ENCODING, "gzip")], bomb.clone())).await;
    has(&complaint(&fake, json!({})).await, &["more than 16777216 bytes"]);
    let fake = Fake::start(|_| ([(header::CONTENT_ENCODING, "gzip")], "no gzip")).await;
    has(&complaint(&fake, json!({})).await, &["unavailable: "]);
}

#[tokio::test]
async fn places_that_do_not_answer() {
    let fake = Fake::at("http://127.0.0.1:1/rows?key=geheim");
    let text = complaint(&fake, json!({})).await;
    has(&text, &["unavailable: http://127.0.0.1:1/rows: it cannot be reached"]);

    // Takes the connection and never answers.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/rows", listener.local_addr().unwrap());
    let fake = Fake::at(&url);
    let text = complaint(&fake, json!({ "timeout": "1s" })).await;
    has(&text, &["unavailable: ", "no answer in time"]);

    // Breaks off in the middle of an answer.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/rows", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n[{\"id\":1}").unwrap();
    });
    let fake = Fake::at(&url);
    let text = complaint(&fake, json!({})).await;
    has(&text, &["unavailable: "]);
    thread.join().unwrap();
}

#[test]
fn files_that_contradict_themselves() {
    for (config, part) in [
        (json!({ "url": "ftp://x/y" }), "begin with https"),
        (json!({ "url": "http://ga.example.cn/rows" }), "not secure"),
        (json!({ "url": "rows" }), "none such as https"),
        (json!({ "url": "https://x/", "headers": { "a b": "c" } }), "no name of a header"),
        (json!({ "url": "https://x/", "headers": { "a": "b\nc" } }), "cannot hold"),
        (json!({ "url": "https://x/", "rows": "data" }), "no JSON pointer"),
        (json!({ "url": "https://x/", "format": "csv", "rows": "/data" }), "json-array"),
        (json!({ "url": "https://x/", "timeout": "soon" }), "no duration"),
        (json!({ "url": "https://x/", "paging": {} }), "either `page_parameter`"),
        (json!({ "url": "https://x/", "colums": {} }), "unknown field `colums`"),
        (json!({ "url": { "file": "no-such" } }), "secret file"),
    ] {
        let opened = (connector_http::KIND.open_source)(
            config,
            &access(Load::Full, Vec::new()),
            &Position::default(),
        );
        let error = match opened {
            Err(error) => error,
            Ok(mut source) => futures_block_on(source.check()).unwrap_err(),
        };
        has(&told(&error), &["config: ", part]);
    }
}

fn futures_block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
