//! Pushes over HTTP that are broken, repeated, foreign or without end.

use std::io::{Read, Write};

use flate2::{Compression, write::GzEncoder};
use serde_json::Value;
use yiku_tests::Hub;

use crate::{
    catalog,
    file_cases::{files_connector, neighbour_has},
    table::{Said, Table},
};

pub const ROWS: &str = "/api/v1/entries/health/patient/rows";
const GOOD: &str = "{\"no\":\"P1\",\"name\":\"肖文\"}\n";

/// A case, headers and body.
type Request<'a> = (&'a str, Vec<(&'a str, &'a str)>, Vec<u8>);

/// Somebody who pushes.
pub struct Push<'a> {
    pub hub: &'a Hub,
    pub bearer: String,
}

/// What the department says to be known by.
pub fn bearer(hub: &Hub) -> String {
    format!("Bearer {}", hub.token("health"))
}

impl Push<'_> {
    pub fn send(&self, headers: &[(&str, &str)], body: &[u8]) -> (u16, String) {
        self.send_to(ROWS, headers, body)
    }

    fn send_to(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, String) {
        let mut all = vec![("authorization", self.bearer.as_str())];
        if headers.iter().all(|(name, _)| *name != "content-type") {
            all.push(("content-type", "application/x-ndjson"));
        }
        all.extend(headers);
        self.hub.http("POST", path, &all, body)
    }

    /// A request whose body ends too early.
    fn cut(&self, body: &[u8]) {
        let mut stream = self.hub.connection();
        let head = format!(
            "POST {ROWS} HTTP/1.1\r\nhost: hub\r\nauthorization: {}\r\n\
             content-type: application/x-ndjson\r\nidempotency-key: cut\r\n\
             content-length: {}\r\n\r\n",
            self.bearer,
            body.len() + 10
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    }
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn said((status, body): &(u16, String)) -> Said {
    let body: Value = serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {status} {body}"));
    let problem = match &body["rejected"][0]["violations"][0] {
        Value::Null => &body,
        violation => violation,
    };
    let text = |field: &str| problem[field].as_str().unwrap_or_default().to_owned();
    let code = problem["code"].as_str().or(problem["type"].as_str()).unwrap_or_default();
    let zh = [text("zh"), text("detail_zh"), text("title_zh")].concat();
    let en = [text("en"), text("detail"), text("detail_en")].concat();
    Said { place: format!("{status} {code}"), zh, en }
}

#[test]
fn broken_pushes_are_answered() {
    let mut hub = Hub::new(&catalog());
    hub.settings("[http]\nbody_bytes_max = 65536\n");
    hub.write("in/neighbour/1.csv", "no,name\nN1,肖文\n");
    files_connector(&hub, "neighbour", "", "");
    let bearer = bearer(&hub);
    let foreign = format!("Bearer {}", hub.token("civil-affairs"));
    hub.start();
    let push = Push { hub: &hub, bearer };
    let mut table = Table::new("push");
    let packed = ("content-encoding", "gzip");
    let cut_gzip = gzip(GOOD.repeat(50).as_bytes());
    let cases: Vec<Request<'_>> = vec![
        ("no JSON", vec![], b"{oops\n".to_vec()),
        ("an array where a row should be", vec![], b"[1,2]\n".to_vec()),
        ("bytes that are not UTF-8", vec![], b"{\"no\":\"P1\",\"name\":\"\xff\"}\n".to_vec()),
        (
            "half a JSON array",
            vec![("content-type", "application/json")],
            b"[{\"no\":\"P1\"".to_vec(),
        ),
        ("a media type that is none", vec![("content-type", "text/html")], GOOD.into()),
        ("gzip that is none", vec![packed], GOOD.into()),
        ("gzip that is cut off", vec![packed], cut_gzip[..cut_gzip.len() / 2].to_vec()),
        ("a zip bomb", vec![packed], gzip(&vec![b' '; 30 << 20])),
        ("a body larger than allowed", vec![], vec![b' '; 70_000]),
        ("more rows than allowed", vec![], "{}\n".repeat(20_001).into()),
        ("another encoding", vec![("content-encoding", "br")], GOOD.into()),
        ("a key that is none", vec![("idempotency-key", "a b")], GOOD.into()),
        ("a row with defects", vec![], "{\"no\":\"P7\",\"name\":\"x\",\"sex\":\"7\"}\n".into()),
    ];
    for (case, headers, body) in &cases {
        table.row(case, &said(&push.send(headers, body)));
    }
    let other = push.send_to("/api/v1/entries/health/nothing/rows", &[], GOOD.as_bytes());
    table.row("an entry that is not there", &said(&other));
    let push_foreign = Push { hub: &hub, bearer: foreign };
    table.row("another department's entry", &said(&push_foreign.send(&[], GOOD.as_bytes())));
    let nobody = Push { hub: &hub, bearer: "Bearer yiku_0".into() };
    table.row("a token that is none", &said(&nobody.send(&[], GOOD.as_bytes())));
    // Cut off half way, then sent whole: once.
    push.cut(GOOD.as_bytes());
    let key = ("idempotency-key", "cut");
    let whole = push.send(&[key], GOOD.as_bytes());
    assert_eq!(whole.0, 200, "{whole:?}");
    let answer: Value = serde_json::from_str(&whole.1).unwrap();
    assert_eq!(answer["accepted"], 1, "{answer}");
    table.row(
        "a push cut off half way, then sent again",
        &Said {
            place: "200".into(),
            zh: "中断的请求不留任何行；重发后接收 1 行".into(),
            en: "nothing of the first is kept; sent again, 1 row is accepted".into(),
        },
    );
    let again = push.send(&[key], b"{\"no\":\"P2\",\"name\":\"x\"}\n");
    table.row("the same `Idempotency-Key` with another body", &said(&again));
    two_at_once(&push);
    table.row(
        "two at once with one `Idempotency-Key`",
        &Said {
            place: "200".into(),
            zh: "只发布一次，两个请求得到同一回答".into(),
            en: "published once, both get the same answer".into(),
        },
    );
    neighbour_has(&hub, 1);
    hub.settles();
    assert_eq!(hub.library_rows("population.patient"), 3);
    hub.balances();
    table.compare();
}

fn two_at_once(push: &Push<'_>) {
    let body = "{\"no\":\"P5\",\"name\":\"x\"}\n";
    let answers: Vec<(u16, String)> = std::thread::scope(|scope| {
        let send = || push.send(&[("idempotency-key", "twice")], body.as_bytes());
        let calls = [scope.spawn(send), scope.spawn(send)];
        calls.map(|call| call.join().expect("a call ends")).into()
    });
    assert!(answers.iter().all(|one| one.0 == 200 && one.1 == answers[0].1), "{answers:#?}");
}
