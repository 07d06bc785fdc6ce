//! What a source reads, in which order, and where it goes on.

use serde_json::{Value, json};
use yiku_connector::{Load, Position, Run};

use crate::far::{ALL, Far, one_run, rows, rows_at_most};

const TABLE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, name VARCHAR(20), w VARCHAR(30))";

fn by_w() -> Value {
    json!({ "table": "t", "columns": ["id", "name"], "watermark": { "column": "w" } })
}

async fn filled(far: &Far) {
    far.execute(TABLE).await;
    far.execute(
        "INSERT INTO t VALUES (10, '甲', '2026-11-02 08:00:00'), (3, '乙', '2026-11-02 08:00:00'), \
         (4, '丙', '2026-11-02 08:00:00'), (1, '丁', '2026-11-02 09:00:00'), \
         (2, NULL, '2026-11-02 07:00:00')",
    )
    .await;
}

#[tokio::test]
async fn equal_watermarks_lose_nothing_however_the_run_is_cut() {
    for far in Far::all() {
        filled(&far).await;
        for size in 1..=6 {
            let (mut position, mut all, mut runs) = (Position::default(), Vec::new(), Vec::new());
            loop {
                // Opened anew for each pull, as after a crash.
                let mut source = far.open(Load::Changes, by_w(), &position);
                let Some(pull) = source.pull(rows_at_most(size)).await.unwrap() else { break };
                all.extend(rows(&pull));
                runs.push(pull.run);
                position = pull.position;
            }
            assert_eq!(all, ["2,-", "3,乙", "4,丙", "10,甲", "1,丁"], "{} {size}", far.name);
            assert!(runs.iter().all(|run| run.number == 1), "{} {runs:?}", far.name);
            assert_eq!(runs.iter().filter(|run| run.begins).count(), 1);
            assert_eq!(runs.iter().position(|run| run.ends), Some(runs.len() - 1));
        }
    }
}

#[tokio::test]
async fn only_changes_are_read_again() {
    for far in Far::all() {
        filled(&far).await;
        let mut source = far.open(Load::Changes, by_w(), &Position::default());
        let first = source.pull(ALL).await.unwrap().unwrap();
        let mut source = far.open(Load::Changes, by_w(), &first.position);
        for _ in 0..2 {
            assert!(source.pull(ALL).await.unwrap().is_none());
        }
        far.execute("UPDATE t SET name = '新', w = '2026-11-02 09:00:00' WHERE id = 4").await;
        far.execute("UPDATE t SET w = '2026-11-01 00:00:00' WHERE id = 10").await;
        let second = source.pull(ALL).await.unwrap().unwrap();
        assert_eq!(rows(&second), ["4,新"], "{}", far.name);
        assert_eq!(second.run, Run { number: 2, begins: true, ends: true });
        // Version parts rise: by the watermark, then by the place.
        let (old, new) = (first.batch.places[4], second.batch.places[0]);
        assert!(new.order == old.order && new.place > old.place, "{old:?} {new:?}");
    }
}

#[tokio::test]
async fn an_overlap_sees_late_commits_and_then_rests() {
    for far in Far::all() {
        filled(&far).await;
        let mut config = by_w();
        config["watermark"]["overlap"] = json!("61m");
        let mut position = Position::default();
        assert_eq!(far.run(Load::Changes, &config, &mut position).await.len(), 5);
        far.execute("INSERT INTO t VALUES (6, '迟', '2026-11-02 08:30:00')").await;
        let late = far.run(Load::Changes, &config, &mut position).await;
        assert_eq!(late, ["3,乙", "4,丙", "10,甲", "6,迟", "1,丁"], "{}", far.name);
        // As if an hour and more had passed since the last new row: one more look, then none.
        position.0["look_back_until"] = json!(1);
        assert_eq!(far.run(Load::Changes, &config, &mut position).await.len(), 5);
        assert_eq!(far.run(Load::Changes, &config, &mut position).await.len(), 0);
    }
}

#[tokio::test]
async fn rows_without_a_watermark_are_read_in_every_run() {
    for far in Far::all() {
        filled(&far).await;
        far.execute("INSERT INTO t VALUES (7, '无', NULL), (8, '缺', NULL)").await;
        let mut source = far.open(Load::Changes, by_w(), &Position::default());
        let (mut all, mut places) = (Vec::new(), Vec::new());
        let mut position = Position::default();
        while let Some(pull) = source.pull(rows_at_most(1)).await.unwrap() {
            all.extend(rows(&pull));
            places.extend(pull.batch.places);
            position = pull.position;
        }
        let expected = ["7,无", "8,缺", "2,-", "3,乙", "4,丙", "10,甲", "1,丁"];
        assert_eq!(all, expected, "{}", far.name);
        assert!(places.is_sorted_by_key(|place| (place.order, place.place)));
        far.execute("UPDATE t SET name = '补' WHERE id = 7").await;
        let mut source = far.open(Load::Changes, by_w(), &position);
        let pull = source.pull(ALL).await.unwrap().unwrap();
        assert_eq!(rows(&pull), ["7,补", "8,缺"]);
        // Newer than all that was read before.
        assert!(pull.batch.places[0].order >= places.last().unwrap().order);
        assert_eq!(one_run(source.as_mut()).await.0.len(), 0);

        let mut config = by_w();
        config["watermark"]["unmarked_max"] = json!(1);
        let mut source = far.open(Load::Changes, config, &Position::default());
        let error = source.pull(ALL).await.unwrap_err().to_string();
        assert!(error.contains("2 rows have no value in w"), "{error}");
    }
}

#[tokio::test]
async fn a_full_source_reads_the_whole_table_in_each_run() {
    for far in Far::all() {
        filled(&far).await;
        let config = json!({ "table": "t", "columns": ["id"] });
        let mut source = far.open(Load::Full, config.clone(), &Position::default());
        let pull = source.pull(rows_at_most(3)).await.unwrap().unwrap();
        assert_eq!(rows(&pull), ["1", "2", "3"]);
        assert_eq!(pull.run, Run { number: 1, begins: true, ends: false });
        let mut source = far.open(Load::Full, config.clone(), &pull.position);
        let pull = source.pull(rows_at_most(3)).await.unwrap().unwrap();
        assert_eq!(rows(&pull), ["4", "10"]);
        assert_eq!(pull.run, Run { number: 1, begins: false, ends: true });
        assert_eq!(pull.batch.places[1].place, 4);
        assert!(source.pull(ALL).await.unwrap().is_none());
        far.execute("DELETE FROM t").await;
        let mut source = far.open(Load::Full, config, &pull.position);
        let pull = source.pull(ALL).await.unwrap().unwrap();
        assert_eq!((rows(&pull).len(), pull.batch.header.len()), (0, 1));
        assert_eq!(pull.run, Run { number: 2, begins: true, ends: true });
        assert!(source.pull(ALL).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_page_is_bounded_in_bytes_and_by_the_file() {
    for far in Far::all() {
        filled(&far).await;
        let mut config = by_w();
        let tight = yiku_connector::PullLimit { rows: 100, bytes: 1 };
        let mut source = far.open(Load::Changes, config.clone(), &Position::default());
        assert_eq!(source.pull(tight).await.unwrap().unwrap().batch.len(), 1);
        config["page"] = json!(2);
        let mut source = far.open(Load::Changes, config, &Position::default());
        assert_eq!(source.pull(ALL).await.unwrap().unwrap().batch.len(), 2);
    }
}

#[tokio::test]
async fn composite_ties_and_queries() {
    for far in Far::all() {
        far.execute(
            "CREATE TABLE m (a VARCHAR(9) NOT NULL, b INT NOT NULL, v INT, PRIMARY KEY (a, b))",
        )
        .await;
        far.execute("INSERT INTO m VALUES ('x', 1, 7), ('x', 2, 7), ('y', 1, 7), ('y', 0, 8)")
            .await;
        let watermark = json!({ "column": "v" });
        let table = json!({ "table": "m", "watermark": watermark });
        let query = json!({ "query": "SELECT a, b, v FROM m WHERE a <> 'z';",
                            "watermark": { "column": "v", "tie": ["a", "b"] } });
        for config in [table, query] {
            let (mut position, mut all) = (Position::default(), Vec::new());
            loop {
                let mut source = far.open(Load::Changes, config.clone(), &position);
                let Some(pull) = source.pull(rows_at_most(1)).await.unwrap() else { break };
                all.extend(rows(&pull));
                position = pull.position;
            }
            assert_eq!(all, ["x,1,7", "x,2,7", "y,1,7", "y,0,8"], "{} {config}", far.name);
        }
    }
}

#[tokio::test]
async fn a_position_is_plain_to_read_and_edit() {
    for far in Far::all() {
        filled(&far).await;
        let mut source = far.open(Load::Changes, by_w(), &Position::default());
        let pull = source.pull(ALL).await.unwrap().unwrap();
        let expected =
            json!({ "run": 1, "rows": 5, "ended": true, "marks": ["2026-11-02 09:00:00", 1] });
        assert_eq!(pull.position.0, expected, "{}", far.name);
        let edited = json!({ "run": 1, "ended": true, "marks": ["2026-11-02 08:00:00"] });
        let mut source = far.open(Load::Changes, by_w(), &Position(edited));
        assert_eq!(one_run(source.as_mut()).await.0, ["1,丁"]);
        let wrong = json!({ "run": 1, "marks": [1, 2, 3] });
        let mut source = far.open(Load::Changes, by_w(), &Position(wrong));
        let error = source.pull(ALL).await.unwrap_err().to_string();
        assert!(error.contains("it has 3 marks"), "{error}");
        let wrong = Position(json!({ "file": "a.csv" }));
        assert!(far.try_open(Load::Changes, by_w(), &wrong).is_err());
    }
}
