//! The suite that every connector is put through, on each database.

use serde_json::{Value, json};
use yiku_connector::{
    Access, Load, Position,
    conformance::{Received, check_schema, check_sink, check_source, sink_columns, sink_key},
};

use crate::far::{ALL, Far};

const ROWS: [&str; 9] = [
    "8|王芳|2026-11-02 07:00:00",
    "1|∅|2026-11-02 08:00:00",
    "2||2026-11-02 08:00:00",
    "3|a long name that takes more than forty bytes|2026-11-02 08:00:00",
    "11|李娜|2026-11-02 08:00:00",
    "4|x|2026-11-02 08:00:01",
    "5|y|2026-11-02 08:00:01",
    "6|z|2026-11-03 00:00:00",
    "7|ü|2026-11-03 00:00:00",
];

/// The rows in another order than the one in which they are read.
async fn filled(far: &Far) {
    far.execute("CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(60), w VARCHAR(30))").await;
    for row in ROWS.iter().rev() {
        let cells: Vec<_> = row.split('|').collect();
        let name = if cells[1] == "∅" { "NULL".into() } else { format!("'{}'", cells[1]) };
        far.execute(&format!("INSERT INTO t VALUES ({}, {name}, '{}')", cells[0], cells[2])).await;
    }
}

#[tokio::test]
async fn a_watermark_source_conforms() {
    for far in Far::all() {
        filled(&far).await;
        let config = json!({ "table": "t", "watermark": { "column": "w" } });
        let open = |position: &Position| far.try_open(Load::Changes, config.clone(), position);
        check_source(open, &ROWS).await;
    }
}

#[tokio::test]
async fn a_source_with_rows_without_watermark_conforms() {
    for far in Far::all() {
        filled(&far).await;
        far.execute("UPDATE t SET w = NULL WHERE id IN (8, 11)").await;
        let config = json!({ "table": "t", "columns": ["id"], "watermark": { "column": "w" } });
        let open = |position: &Position| far.try_open(Load::Changes, config.clone(), position);
        check_source(open, &["8", "11", "1", "2", "3", "4", "5", "6", "7"]).await;
    }
}

#[tokio::test]
async fn a_source_that_looks_back_conforms() {
    for far in Far::all() {
        filled(&far).await;
        let watermark = json!({ "column": "w", "overlap": "1m" });
        let config = json!({ "table": "t", "watermark": watermark });
        let open = |position: &Position| far.try_open(Load::Changes, config.clone(), position);
        check_source(open, &ROWS).await;
    }
}

#[tokio::test]
async fn a_full_source_conforms() {
    for far in Far::all() {
        filled(&far).await;
        let config = json!({ "table": "t", "columns": ["id"] });
        let open = |position: &Position| far.try_open(Load::Full, config.clone(), position);
        check_source(open, &["1", "2", "3", "4", "5", "6", "7", "8", "11"]).await;
    }
}

#[tokio::test]
async fn a_sink_conforms() {
    for far in Far::all() {
        let access = Access {
            columns: sink_columns(),
            key: sink_key(),
            ..far.access(Load::Changes, Vec::new())
        };
        let config = json!({ "url": far.url, "table": "received", "create": true });
        let open = || (connector_sql::KIND.open_sink)(config.clone(), &access);
        check_sink(open, async || received(&far).await).await;
    }
}

/// What the table holds, as canonical cells by key.
async fn received(far: &Far) -> Received {
    let config = json!({ "table": "received", "key": ["region", "number"] });
    let columns = sink_columns().to_vec();
    let mut source = far.try_open_with(Load::Full, config, &Position::default(), columns).unwrap();
    match source.check().await {
        Ok(()) => {}
        // Nothing was delivered yet.
        Err(_) => return Received::new(),
    }
    let mut received = Received::new();
    while let Some(pull) = source.pull(ALL).await.unwrap() {
        for row in pull.batch.cells.rows() {
            let mut cells: Vec<_> =
                row.cells().map(|cell| cell.unwrap_or("∅").to_owned()).collect();
            // A column without a zone holds UTC.
            if cells[6].contains(' ') {
                cells[6] = cells[6].replace(' ', "T") + "Z";
            }
            received.insert(cells[..2].join("|"), cells.join("|"));
        }
    }
    received
}

fn with_url(samples: &[&str]) -> Vec<Value> {
    let urls = [json!("sqlite:x"), json!({ "file": "x" }), json!({ "env": "X" })];
    let sample = |sample: &&str| -> Vec<Value> {
        urls.iter()
            .map(|url| {
                let mut value: Value = serde_json::from_str(sample).unwrap();
                value["url"] = url.clone();
                value
            })
            .collect()
    };
    samples.iter().flat_map(sample).collect()
}

#[test]
fn schemas_and_code_agree() {
    let far = Far::sqlite();
    let access = far.access(Load::Changes, Vec::new());
    let kind = &connector_sql::KIND;
    let start = Position::default();
    let mut bad = with_url(&[
        r#"{"table":"t","query":"SELECT 1"}"#,
        "{}",
        r#"{"table":"t","columns":[]}"#,
        r#"{"table":"t","watermark":{"overlap":"10m"}}"#,
        r#"{"table":"t","watermark":{"column":"w","overlap":"soon"}}"#,
        r#"{"table":"t","watermark":{"column":"w","other":1}}"#,
        r#"{"table":"t","watermark":{"column":"w"},"key":"a"}"#,
        r#"{"table":"t","key":[]}"#,
        r#"{"table":"t","page":0}"#,
    ]);
    bad.extend([json!({ "table": "t" }), json!({ "table": "t", "url": 1 })]);
    check_schema(
        kind.source_schema,
        |value| (kind.open_source)(value, &access, &start).map(drop),
        &with_url(&[
            r#"{"table":"t"}"#,
            r#"{"query":"SELECT 1"}"#,
            r#"{"table":"t","columns":["a"],"key":"a","page":10}"#,
            r#"{"table":"t","key":["a","b"]}"#,
            r#"{"table":"t","watermark":{"column":"w","tie":["a"],"overlap":"10m","unmarked_max":5}}"#,
            r#"{"table":"t","watermark":{"column":"w","tie":"a","overlap":100}}"#,
        ]),
        &bad,
    );
    let mut bad =
        with_url(&[r#"{"table":"t","create":"yes"}"#, "{}", r#"{"table":"t","query":"x"}"#]);
    bad.push(json!({ "table": "t" }));
    check_schema(
        kind.sink_schema,
        |value| (kind.open_sink)(value, &access).map(drop),
        &with_url(&[r#"{"table":"t"}"#, r#"{"table":"t","create":true}"#]),
        &bad,
    );
}
