use yiku_core::{publication::Publication, violation::Code};
use yiku_store::{
    Tx, connector, publication,
    quarantine::{self, Accepted, Filter, State, Watch},
    sql,
};

use crate::support::{Fresh, NOW, batch, digester, fresh, household, version};

async fn states(tx: &mut Tx) -> Vec<(State, u64)> {
    let mut states = quarantine::states(tx, Some(&household())).await.expect("reads");
    states.sort();
    states
}

fn texts(cells: &[&str]) -> Vec<Option<String>> {
    cells.iter().map(|cell| Some((*cell).to_owned())).collect()
}

#[tokio::test]
async fn rows_are_found_by_what_they_are() {
    let fresh = fresh().await;
    fresh.take(1, 0, &["a", "", "b"]).await;
    fresh.take(2, 0, &["", "c"]).await;
    let mut tx = fresh.begin().await;
    quarantine::drop_rows(&mut tx, &[1, 2], "operator", NOW).await.expect("drops");
    let mut check = async |filter: Filter, expected: &[i64]| {
        let found = quarantine::list(&mut tx, &filter, 0, 10).await.expect("reads");
        assert_eq!(found.iter().map(|row| row.id).collect::<Vec<_>>(), expected, "{filter:?}");
    };
    let none = Filter::default();
    check(none.clone(), &[1, 2, 3, 4, 5]).await;
    check(Filter { states: vec![State::Open], ..none.clone() }, &[3, 4, 5]).await;
    check(Filter { code: Some(Code::KeyMissing), ..none.clone() }, &[2, 4]).await;
    let open_required =
        Filter { code: Some(Code::Required), states: vec![State::Open], ..none.clone() };
    check(open_required, &[4]).await;
    check(Filter { code: Some(Code::Date), ..none.clone() }, &[]).await;
    check(Filter { entry: Some(household()), ..none.clone() }, &[1, 2, 3, 4, 5]).await;
    check(Filter { department: Some("public-security".into()), ..none.clone() }, &[1, 2, 3, 4, 5])
        .await;
    check(Filter { department: Some("public".into()), ..none.clone() }, &[]).await;
    let foreign =
        Filter { department: Some("health".into()), entry: Some(household()), ..none.clone() };
    check(foreign, &[]).await;
    check(Filter { connector: Some("household".into()), ..none.clone() }, &[1, 2, 3, 4, 5]).await;
    check(Filter { connector: Some("other".into()), ..none.clone() }, &[]).await;
    let other = Filter { connector: Some("other".into()), code: Some(Code::Required), ..none };
    check(other, &[]).await;

    let page = quarantine::list(&mut tx, &Filter::default(), 2, 2).await.expect("reads");
    assert_eq!(page.iter().map(|row| row.id).collect::<Vec<_>>(), [3, 4]);
    let counts = quarantine::counts(&mut tx, Some(&household())).await.expect("reads");
    let counts: Vec<_> =
        counts.iter().map(|one| (one.code.as_str(), one.state.as_str(), one.count)).collect();
    assert_eq!(
        counts,
        [
            ("check-digit", "dropped", 1),
            ("check-digit", "open", 2),
            ("key-missing", "dropped", 1),
            ("key-missing", "open", 1),
            ("required", "dropped", 1),
            ("required", "open", 1),
        ]
    );
}

#[tokio::test]
async fn a_row_is_shown_as_it_came_and_as_it_was_fixed() {
    let fresh = fresh().await;
    fresh.take(1, 0, &["a"]).await;
    let (_, rows) = batch(&fresh.store, 1, 0, &["a"]);
    let mut tx = fresh.begin().await;
    let shown = quarantine::show(&mut tx, 1).await.expect("it is there");
    assert_eq!(shown.row, rows[0]);
    assert_eq!((shown.state, shown.edited.is_none(), shown.fixes), (State::Open, true, 0));
    quarantine::fix(&mut tx, 1, &texts(&["b", "c"]), "token:x", NOW).await.expect("fixes");
    let shown = quarantine::show(&mut tx, 1).await.expect("it is there");
    assert_eq!(shown.row, rows[0]);
    assert_eq!((shown.cells(), shown.fixes), (texts(&["b", "c"]).as_slice(), 1));
    assert_eq!(shown.state_by, "token:x");

    let error = quarantine::fix(&mut tx, 1, &texts(&["b"]), "x", NOW).await.expect_err("too few");
    assert_eq!(error.to_string(), "row 1 has 2 columns, 1 cells were given; give all of them");
    let error = quarantine::show(&mut tx, 9).await.expect_err("no such row");
    assert_eq!(error.to_string(), "quarantined row `9` does not exist");
    quarantine::drop_rows(&mut tx, &[1], "x", NOW).await.expect("drops");
    let error = quarantine::fix(&mut tx, 1, &texts(&["b", "c"]), "x", NOW).await;
    assert_eq!(
        error.expect_err("decided").to_string(),
        "row 1 is dropped; only open and returned rows can be decided about"
    );
}

/// What `redrive` publishes when it has pulled the queue up to `to`.
fn redrive(fresh: &Fresh, number: u64, from: u64, to: u64) -> Publication {
    let (mut one, _) = batch(&fresh.store, number, to - from, &[]);
    let position = |queue: u64| match queue {
        0 => serde_json::Value::Null,
        _ => serde_json::json!({ "queue": queue }),
    };
    one.connector = publication::REDRIVE.into();
    one.line = 2;
    one.receipt = one.receipt.replace("household/1", "household/2");
    (one.position_before, one.position_after) = (position(from), position(to));
    one
}

#[tokio::test]
async fn redriven_rows_leave_the_queue_in_order() {
    let fresh = fresh().await;
    fresh.take(1, 0, &["a", "b", "c", "d"]).await;
    let mut tx = fresh.begin().await;
    let entry = household();
    let decided = quarantine::queue(&mut tx, &entry, &[3, 1], "x", NOW).await.expect("queues");
    assert_eq!((decided.changed, decided.left), (2, vec![]));
    let decided = quarantine::queue(&mut tx, &entry, &[1, 4, 77], "x", NOW).await.expect("queues");
    let left: Vec<_> = decided.left.iter().map(|(id, _, en)| (*id, en.as_str())).collect();
    assert_eq!(
        left,
        [
            (1, "row 1 is queued; only open and returned rows can be decided about"),
            (77, "quarantined row `77` does not exist"),
        ]
    );
    let queue = quarantine::queued(&mut tx, &entry, 0, 10).await.expect("reads");
    let queue: Vec<_> = queue.iter().map(|(number, row)| (*number, row.id)).collect();
    assert_eq!(queue, [(1, 3), (2, 1), (3, 4)]);
    assert_eq!(quarantine::waiting(&mut tx).await.expect("reads"), [household()]);

    let line = connector::line(&mut tx, &entry, publication::REDRIVE, NOW).await.expect("a line");
    assert_eq!(line.line, 2);
    let one = redrive(&fresh, 1, 0, 2);
    publication::take(&mut tx, &digester(), &one, &[]).await.expect("taken");
    let queue = quarantine::queued(&mut tx, &entry, 2, 10).await.expect("reads");
    assert_eq!(queue.iter().map(|(number, row)| (*number, row.id)).collect::<Vec<_>>(), [(3, 4)]);
    assert_eq!(states(&mut tx).await, [(State::Open, 1), (State::Queued, 1), (State::Redriven, 2)]);
    let two = redrive(&fresh, 2, 2, 3);
    publication::take(&mut tx, &digester(), &two, &[]).await.expect("taken");
    assert_eq!(states(&mut tx).await, [(State::Open, 1), (State::Redriven, 3)]);
    assert_eq!(quarantine::waiting(&mut tx).await.expect("reads"), []);
    let counts = quarantine::counts(&mut tx, None).await.expect("reads");
    assert_eq!((counts[1].state.as_str(), counts[1].count), ("redriven", 3));
}

#[tokio::test]
async fn a_shortened_row_must_be_fixed_before_it_goes_in_again() {
    let fresh = fresh().await;
    let (publication, mut rows) = batch(&fresh.store, 1, 0, &["a"]);
    rows[0].cut = Some("d".repeat(64));
    let mut tx = fresh.begin().await;
    connector::line(&mut tx, &household(), "household", NOW).await.expect("a line");
    publication::take(&mut tx, &digester(), &publication, &rows).await.expect("taken");
    let decided = quarantine::queue(&mut tx, &household(), &[1], "x", NOW).await.expect("asks");
    assert_eq!(
        decided.left[0].2,
        "only the first 64 KiB of this row were kept; fix it before it goes in again"
    );
    quarantine::fix(&mut tx, 1, &texts(&["a", "b"]), "x", NOW).await.expect("fixes");
    let decided = quarantine::queue(&mut tx, &household(), &[1], "x", NOW).await.expect("queues");
    assert_eq!(decided.changed, 1);
    let other = "health/birth".parse().expect("a name");
    let decided = quarantine::queue(&mut tx, &other, &[1], "x", NOW).await.expect("asks");
    assert_eq!(decided.left[0].2, "it is a row of `public-security/household`");
}

#[tokio::test]
async fn returned_rows_are_found_by_their_report() {
    let fresh = fresh().await;
    fresh.take(1, 0, &["a", "b", "c"]).await;
    let mut tx = fresh.begin().await;
    quarantine::drop_rows(&mut tx, &[2], "x", NOW).await.expect("drops");
    let decided = quarantine::return_rows(&mut tx, &[1, 2, 3], "R-7", "y", NOW).await;
    let decided = decided.expect("returns");
    assert_eq!(decided.changed, 2);
    assert_eq!(
        decided.left.iter().map(|(id, _, en)| (*id, en.as_str())).collect::<Vec<_>>(),
        [(2, "row 2 is dropped; only open and returned rows can be decided about")]
    );
    let report = quarantine::returned(&mut tx, "R-7", 0, 10).await.expect("reads");
    assert_eq!(report.iter().map(|row| row.id).collect::<Vec<_>>(), [1, 3]);
    let rest = quarantine::returned(&mut tx, "R-7", 1, 10).await.expect("reads");
    assert_eq!(rest.iter().map(|row| row.id).collect::<Vec<_>>(), [3]);
    assert_eq!(states(&mut tx).await, [(State::Returned, 2), (State::Dropped, 1)]);
    let counts = quarantine::counts(&mut tx, None).await.expect("reads");
    let counts: Vec<_> = counts.iter().map(|one| (one.state.as_str(), one.count)).collect();
    assert_eq!(counts, [("dropped", 1), ("returned", 2)]);

    quarantine::fix(&mut tx, 3, &texts(&["c2", "x"]), "z", NOW).await.expect("comes back");
    let decided = quarantine::queue(&mut tx, &household(), &[3], "z", NOW).await.expect("queues");
    assert_eq!(decided.changed, 1);
}

#[tokio::test]
async fn a_later_accepted_row_overtakes() {
    let fresh = fresh().await;
    fresh.take(1, 0, &["a", "b", "c", "d", ""]).await;
    let mut watch = Watch::new();
    let mut tx = fresh.begin().await;
    quarantine::return_rows(&mut tx, &[2], "R", "x", NOW).await.expect("returns");
    quarantine::drop_rows(&mut tx, &[3], "x", NOW).await.expect("drops");
    let accepted = |key, batch| Accepted { key, version: version(batch, 1) };
    let entry = household();
    let earlier = [accepted("a", 0), accepted("z", 9)];
    let count = watch.overtake(&mut tx, &digester(), &entry, earlier, NOW).await.expect("looks");
    assert_eq!(count, 0, "an earlier row overtakes nothing");
    let later = [accepted("a", 2), accepted("b", 2), accepted("c", 2), accepted("", 2)];
    let count = watch.overtake(&mut tx, &digester(), &entry, later, NOW).await.expect("looks");
    assert_eq!(count, 2, "open and returned rows only");
    assert_eq!(
        states(&mut tx).await,
        [(State::Open, 2), (State::Overtaken, 2), (State::Dropped, 1)]
    );
    tx.commit().await.expect("commits");

    fresh.take(2, 0, &["e"]).await;
    let mut tx = fresh.begin().await;
    let later = [accepted("e", 3)];
    let count = watch.overtake(&mut tx, &digester(), &entry, later, NOW).await.expect("looks");
    assert_eq!(count, 1, "rows that came since are seen");
}

#[tokio::test]
async fn a_row_that_comes_after_its_successor_is_overtaken_at_once() {
    let fresh = fresh().await;
    let mut tx = fresh.begin().await;
    // What merging would have written had it been ahead.
    let sql = "INSERT INTO subject (id, kind, name, table_name, columns, form)
                   VALUES (1, 'resource', 'public-security/household', 'r1', '[]', '');
               CREATE TABLE record_r1 (key TEXT NOT NULL UNIQUE, version BYTEA NOT NULL)";
    sql::run(&mut tx, sql).await.expect("runs");
    for (key, batch) in [("a", 2), ("b", 0)] {
        sql::query("INSERT INTO record_r1 VALUES ($1, $2)")
            .bind(key)
            .bind(version(batch, 1).as_bytes().as_slice())
            .execute(&mut tx)
            .await
            .expect("inserts");
    }
    tx.commit().await.expect("commits");
    fresh.take(1, 0, &["a", "b", "c", ""]).await;
    let mut tx = fresh.begin().await;
    assert_eq!(states(&mut tx).await, [(State::Open, 3), (State::Overtaken, 1)]);
    assert_eq!(quarantine::show(&mut tx, 1).await.expect("reads").state, State::Overtaken);
    let counts = quarantine::counts(&mut tx, None).await.expect("reads");
    assert_eq!((counts[1].state.as_str(), counts[1].count), ("overtaken", 1));
}

#[tokio::test]
async fn a_rejected_row_may_hold_what_no_text_column_does() {
    let fresh = fresh().await;
    fresh.take(1, 0, &["a\0b"]).await;
    let mut db = fresh.store.reader().await.expect("a reader");
    let found = quarantine::show(&mut db, 1).await.expect("it was kept");
    let key = found.row.key.expect("it had one");
    assert!(key == "a\0b" || key == "a\u{fffd}b", "{key:?}");
    assert_eq!(found.row.cells[0].as_deref(), Some("a\0b"), "cells are kept as they came");
}
