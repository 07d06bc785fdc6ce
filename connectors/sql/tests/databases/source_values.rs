//! How values of each database become the text of cells.

use serde_json::json;
use yiku_connector::{Load, Position};
use yiku_core::violation::Code;

use crate::far::{ALL, Far, rows};

async fn check(far: &Far, create: &str, insert: &str, expected: &[&str]) {
    far.execute(create).await;
    far.execute(insert).await;
    let config = json!({ "table": "v", "key": "id" });
    let mut source = far.open(Load::Full, config, &Position::default());
    source.check().await.unwrap();
    let pull = source.pull(ALL).await.unwrap().unwrap();
    let row = pull.batch.cells.row(0);
    let found: Vec<_> = row.cells().map(|cell| cell.unwrap_or("NULL")).collect();
    assert_eq!(found, expected, "{}", far.name);
}

#[tokio::test]
async fn sqlite_by_storage_class() {
    let far = Far::sqlite();
    check(
        &far,
        "CREATE TABLE v (id INTEGER PRIMARY KEY, i INTEGER, r REAL, t TEXT, n NUMERIC, \
         flag BOOLEAN, other BOOLEAN, absent TEXT, empty TEXT)",
        "INSERT INTO v VALUES (-3, 9223372036854775807, 1.5, '2026-11-02', '12.50', 1, 1, NULL, \
         '')",
        &["-3", "9223372036854775807", "1.5", "2026-11-02", "12.5", "true", "1", "NULL", ""],
    )
    .await;
}

#[tokio::test]
async fn sqlite_values_that_are_no_text() {
    let far = Far::sqlite();
    far.execute("CREATE TABLE v (id INTEGER PRIMARY KEY, name TEXT)").await;
    // 李 in GBK, which SQLite takes as it is.
    far.execute("INSERT INTO v VALUES (1, CAST(x'C0EE' AS TEXT)), (2, x'00FF'), (3, '好')").await;
    let mut source = far.open(Load::Full, json!({ "table": "v" }), &Position::default());
    let pull = source.pull(ALL).await.unwrap().unwrap();
    let defects: Vec<_> =
        pull.batch.defects.iter().map(|defect| (defect.row, defect.code)).collect();
    assert_eq!(defects, [(0, Code::Encoding), (1, Code::Unreadable)]);
    assert_eq!(pull.batch.cells.row(2).get(1), Some("好"));
}

#[tokio::test]
async fn a_sqlite_file_in_write_ahead_mode_is_read_while_it_is_written() {
    let far = Far::sqlite();
    far.execute("PRAGMA journal_mode = WAL; CREATE TABLE v (id INTEGER PRIMARY KEY)").await;
    far.execute("INSERT INTO v VALUES (1)").await;
    let config = json!({ "table": "v" });
    let mut position = Position::default();
    assert_eq!(far.run(Load::Full, &config, &mut position).await, ["1"]);
    far.execute("INSERT INTO v VALUES (2)").await;
    assert_eq!(far.run(Load::Full, &config, &mut position).await, ["1", "2"]);
}

#[tokio::test]
async fn postgres_by_type() {
    let far = Far::postgres();
    check(
        &far,
        "CREATE DOMAIN sex_code AS char(1); CREATE TYPE state AS ENUM ('on', 'off'); \
         CREATE TABLE v (id bigint, n numeric(20, 4), f double precision, b boolean, d date, \
         t timestamp, z timestamptz, z0 timestamptz, c char(6), s sex_code, e state, u uuid, \
         j jsonb, a int[], flag int, nothing text)",
        "INSERT INTO v VALUES (-9223372036854775808, 12.5000, 0.1, true, '1974-07-07', \
         '2026-11-02 08:00:00.5', '2026-11-02 08:00:00.123456+08', '2026-11-02 08:00:00+08', \
         'ab', '2', 'on', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{\"a\": [1]}', '{1,2}', 0, \
         NULL)",
        &[
            "-9223372036854775808",
            "12.5000",
            "0.1",
            "true",
            "1974-07-07",
            "2026-11-02 08:00:00.500",
            "2026-11-02T00:00:00.123Z",
            "2026-11-02T00:00:00Z",
            "ab",
            "2",
            "on",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "{\"a\": [1]}",
            "{1,2}",
            "false",
            "NULL",
        ],
    )
    .await;
}

#[tokio::test]
async fn mariadb_by_type() {
    let far = Far::mariadb();
    check(
        &far,
        "CREATE TABLE v (id bigint unsigned, n decimal(30, 4), f double, flag tinyint(1), \
         b tinyint(1), d date, zero date, t datetime(3), t6 datetime(6), z timestamp, \
         g varchar(10) CHARACTER SET gbk, k varchar(10) CHARACTER SET utf8mb4 COLLATE \
         utf8mb4_bin, e enum('on', 'off'), bits bit(3), y year, j json, nothing longtext)",
        "SET sql_mode = '', time_zone = '+08:00'; \
         INSERT INTO v VALUES (18446744073709551615, 12345678901234567890.5, 0.1, 1, 2, \
         '1974-07-07', '0000-00-00', '2026-11-02 08:00:00.12', '2026-11-02 08:00:00', \
         '2026-11-02 08:00:00', '娄星区', '李', 'off', b'101', 2026, '{\"a\":1}', NULL)",
        &[
            "18446744073709551615",
            "12345678901234567890.5000",
            "0.1",
            "true",
            "2",
            "1974-07-07",
            "0000-00-00",
            "2026-11-02 08:00:00.120",
            "2026-11-02 08:00:00",
            "2026-11-02T00:00:00Z",
            "娄星区",
            "李",
            "off",
            "5",
            "2026",
            "{\"a\":1}",
            "NULL",
        ],
    )
    .await;
}

/// Types of watermark and tie, and pairs of them in ascending order.
fn marks() -> Vec<(Far, &'static str, &'static str, [&'static str; 4])> {
    vec![
        (
            Far::sqlite(),
            "INTEGER",
            "TEXT",
            ["1, 'b'", "1, 'c'", "10, 'a'", "9007199254740993, 'a'"],
        ),
        (
            Far::postgres(),
            "timestamptz",
            "numeric(30, 3)",
            [
                "'2026-11-02 08:00:00.000001+08', 0.001",
                "'2026-11-02 08:00:00.000001+08', 0.010",
                "'2026-11-02 08:00:00.000002+08', 0",
                "'infinity', 1",
            ],
        ),
        (
            Far::postgres(),
            "date",
            "char(6)",
            ["'1999-12-31', 'ab'", "'1999-12-31', 'b'", "'2000-01-01', 'a'", "'2000-01-02', ''"],
        ),
        (
            Far::mariadb(),
            "datetime(6)",
            "bigint unsigned",
            [
                "'2026-11-02 08:00:00.000001', 18446744073709551614",
                "'2026-11-02 08:00:00.000001', 18446744073709551615",
                "'2026-11-02 08:00:00.000002', 0",
                "'2026-11-03 00:00:00', 0",
            ],
        ),
        (
            Far::mariadb(),
            "bigint",
            "decimal(40, 10)",
            [
                "9007199254740992, 12345678901234567890.0000000001",
                "9007199254740992, 12345678901234567890.0000000002",
                "9007199254740993, 0",
                "9007199254740994, -1",
            ],
        ),
        (
            Far::mariadb(),
            "timestamp",
            "varchar(10)",
            [
                "'2026-11-02 08:00:00', 'a'",
                "'2026-11-02 08:00:00', '李'",
                "'2026-11-02 09:00:00', 'A'",
                "'2026-11-03 08:00:00', 'a'",
            ],
        ),
    ]
}

/// Watermark and tie of each type, put in order and found again by the database itself.
#[tokio::test]
async fn marks_of_every_type() {
    for (far, watermark, tie, values) in marks() {
        far.execute(&format!("CREATE TABLE m (n INT, w {watermark}, k {tie})")).await;
        // Inserted backward, so that only ORDER BY can set it right.
        for (index, pair) in values.iter().enumerate().rev() {
            far.execute(&format!("INSERT INTO m VALUES ({index}, {pair})")).await;
        }
        let config = json!({ "table": "m", "columns": ["n"],
                             "watermark": { "column": "w", "tie": "k" } });
        let (mut position, mut all) = (Position::default(), Vec::new());
        loop {
            let mut source = far.open(Load::Changes, config.clone(), &position);
            let limit = yiku_connector::PullLimit { rows: 1, bytes: 1 };
            let Some(pull) = source.pull(limit).await.unwrap() else { break };
            all.extend(rows(&pull));
            position = pull.position;
        }
        assert_eq!(all, ["0", "1", "2", "3"], "{} {watermark} {tie}", far.name);
    }
}
