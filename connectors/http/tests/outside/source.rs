//! What a source asks for, in which order, and where it goes on.

use serde_json::{Value, json};
use yiku_connector::{Load, Position, Pull, PullLimit, Run, Source};
use yiku_core::violation::Code;

use crate::fake::{Fake, access, parameter};

pub const ALL: PullLimit = PullLimit { rows: 1_000, bytes: 1 << 20 };
const TWO: PullLimit = PullLimit { rows: 2, bytes: 1 << 20 };

pub fn open(fake: &Fake, load: Load, mut config: Value, position: &Position) -> Box<dyn Source> {
    config["url"] = json!(fake.url);
    (connector_http::KIND.open_source)(config, &access(load, Vec::new()), position).unwrap()
}

fn rows(pull: &Pull) -> Vec<String> {
    let row = |row: yiku_core::batch::Row<'_>| {
        row.cells().map(|cell| cell.unwrap_or("-").to_owned()).collect::<Vec<_>>().join(",")
    };
    pull.batch.cells.rows().map(row).collect()
}

/// All rows of a run, the source opened anew for each pull of at most `limit`.
async fn piecewise(fake: &Fake, load: Load, config: &Value, limit: PullLimit) -> Vec<String> {
    let (mut position, mut all, mut places) = (Position::default(), Vec::new(), Vec::new());
    loop {
        let mut source = open(fake, load, config.clone(), &position);
        let pull = source.pull(limit).await.unwrap().unwrap();
        assert_eq!(pull.run.begins, position.is_start());
        all.extend(rows(&pull));
        places.extend(pull.batch.places.iter().map(|place| place.place));
        position = pull.position;
        if pull.run.ends {
            let expected: Vec<_> = (0..all.len() as u64).collect();
            assert_eq!(places, expected);
            return all;
        }
    }
}

#[tokio::test]
async fn one_answer_is_one_run() {
    let fake = Fake::start(|_| {
        r#"[{"id":"1","h":1.50,"big":12345678901234567890},{"id":"2","married":true,"h":null},
            {"id":"3","at":{"x":1}}]"#
    })
    .await;
    let mut source = open(&fake, Load::Full, json!({}), &Position::default());
    source.check().await.unwrap();
    let pull = source.pull(ALL).await.unwrap().unwrap();
    assert_eq!(pull.batch.header.columns(), ["id", "h", "big", "married"]);
    let expected = ["1,1.50,12345678901234567890,-", "2,-,-,true"];
    assert_eq!(rows(&pull)[..2], expected);
    assert_eq!(pull.run, Run { number: 1, begins: true, ends: true });
    assert_eq!(pull.batch.defects.len(), 1);
    assert_eq!((pull.batch.defects[0].row, pull.batch.defects[0].code), (2, Code::Unreadable));
    assert_eq!(pull.position.0, json!({ "run": 1, "rows": 3, "ended": true }));
    assert!(source.pull(ALL).await.unwrap().is_none());
    let mut source = open(&fake, Load::Full, json!({}), &pull.position);
    assert_eq!(source.pull(TWO).await.unwrap().unwrap().run.number, 2);
    let rest = source.pull(TWO).await.unwrap().unwrap();
    assert_eq!((rest.batch.defects[0].row, rest.batch.places[0].place), (0, 2));
    assert_eq!(rest.batch.places[0].order, 2);
}

#[tokio::test]
async fn pages_by_number() {
    let fake = Fake::start(|asked| {
        let page: usize = parameter(asked, "pageNum").unwrap().parse().unwrap();
        let rows: Vec<_> = (1..=7).skip((page - 1) * 3).take(3).collect();
        let rows: Vec<_> = rows.iter().map(|n| format!("{{\"id\":{n}}}")).collect();
        format!(r#"{{"code":0,"data":{{"list":[{}]}}}}"#, rows.join(","))
    })
    .await;
    let sized = json!({
        "rows": "/data/list", "expect": { "/code": "0" },
        "paging": { "page_parameter": "pageNum", "size_parameter": "pageSize", "size": 3 },
    });
    for limit in [1, 2, 3, 100] {
        let limit = PullLimit { rows: limit, bytes: 1 << 20 };
        let all = piecewise(&fake, Load::Changes, &sized, limit).await;
        assert_eq!(all, ["1", "2", "3", "4", "5", "6", "7"]);
    }
    let mut source = open(&fake, Load::Changes, sized, &Position::default());
    fake.uris();
    while source.pull(ALL).await.unwrap().is_some() {}
    let expected = [1, 2, 3].map(|page| format!("/rows?pageNum={page}&pageSize=3"));
    assert_eq!(fake.uris(), expected);
    // Without a size, an empty page is the last.
    let unsized_pages = json!({ "rows": "/data/list", "paging": { "page_parameter": "pageNum" } });
    assert_eq!(piecewise(&fake, Load::Full, &unsized_pages, TWO).await.len(), 7);
}

#[tokio::test]
async fn pages_by_cursor_and_by_link() {
    let fake = Fake::start(|asked| {
        let from: u32 = parameter(asked, "after").map_or(0, |after| after.parse().unwrap());
        let next = (from < 4).then(|| from + 2);
        json!({ "items": [{ "id": from + 1 }, { "id": from + 2 }], "cursor": next,
                "link": next.map(|next| format!("rows?after={next}")) })
        .to_string()
    })
    .await;
    for paging in [
        json!({ "next_pointer": "/cursor", "cursor_parameter": "after" }),
        json!({ "next_pointer": "/link" }),
    ] {
        let config = json!({ "rows": "/items", "paging": paging });
        for limit in [1, 2, 5] {
            let limit = PullLimit { rows: limit, bytes: 1 << 20 };
            let all = piecewise(&fake, Load::Full, &config, limit).await;
            assert_eq!(all, ["1", "2", "3", "4", "5", "6"], "{config}");
        }
    }
}

#[tokio::test]
async fn only_newer_rows_are_asked_for() {
    let fake = Fake::start(|asked| match parameter(asked, "since").as_deref() {
        Some("0") => r#"[{"id":1,"v":9},{"id":2,"v":10},{"id":3}]"#,
        Some("10") => r#"[{"id":4,"v":11}]"#,
        _ => "[]",
    })
    .await;
    let config = json!({ "since": { "parameter": "since", "column": "v", "start": "0" } });
    let mut source = open(&fake, Load::Changes, config.clone(), &Position::default());
    source.pull(TWO).await.unwrap().unwrap();
    let pull = source.pull(TWO).await.unwrap().unwrap();
    assert_eq!(pull.position.0, json!({ "run": 1, "rows": 3, "ended": true, "since": "10" }));
    assert!(source.pull(ALL).await.unwrap().is_none());
    let mut source = open(&fake, Load::Changes, config.clone(), &pull.position);
    let pull = source.pull(ALL).await.unwrap().unwrap();
    assert_eq!((rows(&pull), pull.run.number), (vec!["4,11".to_owned()], 2));
    // Nothing new: no run.
    let mut source = open(&fake, Load::Changes, config, &pull.position);
    assert!(source.pull(ALL).await.unwrap().is_none());
    assert!(source.pull(ALL).await.unwrap().is_none());
    let asked = ["/rows?since=0", "/rows?since=10", "/rows?since=11", "/rows?since=11"];
    assert_eq!(fake.uris(), asked);
}

#[tokio::test]
async fn an_empty_list_is_a_full_run() {
    let fake = Fake::start(|_| "[]").await;
    let mut source = open(&fake, Load::Full, json!({}), &Position::default());
    let pull = source.pull(ALL).await.unwrap().unwrap();
    assert_eq!(pull.run, Run { number: 1, begins: true, ends: true });
    assert!(pull.batch.is_empty());
    let mut source = open(&fake, Load::Changes, json!({}), &Position::default());
    assert!(source.pull(ALL).await.unwrap().is_none());
}

#[tokio::test]
async fn lines_and_csv() {
    let fake = Fake::start(|_| "{\"id\":1}\r\n\n[2]\n{\"id\":3,\"a\":\"\"}\n{\"id\":").await;
    let mut source = open(&fake, Load::Full, json!({ "format": "ndjson" }), &Position::default());
    let pull = source.pull(ALL).await.unwrap().unwrap();
    assert_eq!(rows(&pull), ["1,-", "[2],-", "3,", "{\"id\":,-"]);
    let bad: Vec<_> = pull.batch.defects.iter().map(|defect| defect.row).collect();
    assert_eq!(bad, [1, 3]);

    let fake = Fake::start(|_| "\u{feff}id,name\n1,\"李,娜\"\n2,\n3,a,b\n").await;
    let mut source = open(&fake, Load::Full, json!({ "format": "csv" }), &Position::default());
    let pull = source.pull(ALL).await.unwrap().unwrap();
    assert_eq!(pull.batch.header.columns(), ["id", "name"]);
    assert_eq!(rows(&pull), ["1,李,娜", "2,-", "3,a,b,-"]);
    assert_eq!(pull.batch.defects[0].en, "3 columns instead of 2");
}

#[tokio::test]
async fn headers_are_sent_with_their_secrets() {
    let fake = Fake::start(|_| "[]").await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "Bearer geheim\n").unwrap();
    let mut access = access(Load::Full, Vec::new());
    access.surroundings.secrets = folder.path().to_owned();
    let config = json!({ "url": fake.url, "headers": { "Authorization": { "file": "token" },
                                                       "gjgxjhpt_rid": "hub" } });
    let kind = &connector_http::KIND;
    let mut source = (kind.open_source)(config, &access, &Position::default()).unwrap();
    source.pull(ALL).await.unwrap();
    let asked = fake.asked().remove(0);
    assert_eq!(asked.headers["authorization"], "Bearer geheim");
    assert_eq!(asked.headers["gjgxjhpt_rid"], "hub");
}
