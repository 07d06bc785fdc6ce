use yiku_core::publication::RowRange;
use yiku_store::{
    bus_log, connector, publication, quarantine,
    reconcile::{self, BusState, BusTopic, Depth},
    sql,
};

use crate::subscription_books::subscribed;
use crate::support::{Fresh, NOW, TOPIC, batch, digester, fresh, household};

/// So many rows, the last ones of which the store does not know yet.
fn bus(rows: u64, early: u64) -> BusState {
    let early = if early == 0 { Vec::new() } else { vec![(rows - early, early)] };
    let topic = BusTopic { topic: TOPIC.into(), log: 0, first: 0, rows, early };
    BusState { topics: vec![topic], ..Default::default() }
}

/// Three batches of one line, a redrive, rows in all states of quarantine.
async fn busy() -> Fresh {
    let fresh = fresh().await;
    fresh.take(1, 10, &["a", "b", "c"]).await;
    fresh.take(2, 10, &["d", ""]).await;
    fresh.take(3, 10, &[]).await;
    let mut tx = fresh.begin().await;
    quarantine::drop_rows(&mut tx, &[1], "x", NOW).await.expect("drops");
    quarantine::return_rows(&mut tx, &[2], "R", "x", NOW).await.expect("returns");
    quarantine::queue(&mut tx, &household(), &[3], "x", NOW).await.expect("queues");
    connector::line(&mut tx, &household(), publication::REDRIVE, NOW).await.expect("a line");
    let (mut one, _) = batch(&fresh.store, 1, 1, &[]);
    (one.connector, one.line) = (publication::REDRIVE.into(), 2);
    one.base_offset = 30;
    let ranged = "\"from\":0,\"to\":1}";
    assert!(one.receipt.contains(ranged));
    one.receipt = one.receipt.replace(ranged, "\"from\":30,\"to\":31}");
    one.receipt = one.receipt.replace("household/1", "household/2");
    one.position_after = serde_json::json!({ "queue": 1 });
    publication::take(&mut tx, &digester(), &one, &[]).await.expect("taken");
    tx.commit().await.expect("commits");
    fresh
}

async fn failing(fresh: &Fresh, bus: &BusState, depth: Depth) -> Vec<String> {
    let mut db = fresh.store.snapshot().await.expect("a snapshot");
    let equations = reconcile::recount(&mut db, bus, depth).await.expect("recounts");
    let failing = equations.iter().filter(|equation| !equation.holds);
    failing.map(|one| format!("{} {}: {one}", one.number, one.subject)).collect()
}

#[tokio::test]
async fn honest_books_balance() {
    let empty = fresh().await;
    assert_eq!(failing(&empty, &BusState::default(), Depth::Roots).await, Vec::<String>::new());
    let fresh = busy().await;
    for state in [bus(31, 0), bus(36, 5)] {
        assert_eq!(failing(&fresh, &state, Depth::Roots).await, Vec::<String>::new());
    }
    let mut kept = bus(16, 0);
    kept.topics[0].first = 15;
    assert_eq!(failing(&fresh, &kept, Depth::Counts).await, Vec::<String>::new(), "some deleted");
    let mut db = fresh.store.snapshot().await.expect("a snapshot");
    let equations =
        reconcile::recount(&mut db, &bus(31, 0), Depth::Counts).await.expect("recounts");
    let shown: Vec<String> = equations
        .iter()
        .map(|one| format!("{} {}: {one}", one.number, one.subject))
        .filter(|text| !text.contains("batch") && !text.contains("in receipts"))
        .collect();
    assert_eq!(
        shown,
        [
            "1 public-security/household line 1: pulled 35 = accepted 30 + rejected 5",
            "1 public-security/household line 2: pulled 1 = accepted 1 + rejected 0",
            "1 entry.public-security.household log 0: rows on the bus 31 \
             + deleted from it 0 + rows at taken offsets 0 = accepted 31 + not yet carried over 0",
            "2 public-security/household: rejected 5 = open 2 + queued 0 + redriven 1 + returned 1 \
             + overtaken 0 + dropped 1",
            "2 public-security/household: redriven 1 = pulled again 1",
            "3 public-security/household log 0: accepted 31 = waiting 31",
            "6 all streams: stream lengths 4 = receipts 4",
        ]
    );
}

#[tokio::test]
async fn a_batch_on_several_partitions_balances_on_each() {
    let fresh = fresh().await;
    fresh.take(1, 2, &[]).await;
    let (mut one, _) = batch(&fresh.store, 2, 10, &[]);
    let range = |partition, base_offset, accepted| RowRange { partition, base_offset, accepted };
    one.spread = vec![range(0, 10, 4), range(3, 7, 5)];
    one.partitions = 4;
    let (from, to) = ("\"partition\":0,\"from\":10,\"to\":20}", "\"partition\":3,\"from\":7");
    assert!(one.receipt.contains(from));
    let first = "\"partition\":0,\"from\":10,\"to\":14}";
    let second = format!("{{\"bus\":\"b\",\"topic\":\"{TOPIC}\",{to},\"to\":13}}");
    one.receipt = one.receipt.replace(from, &format!("{first},{second}"));
    let mut tx = fresh.begin().await;
    let told = publication::take(&mut tx, &digester(), &one, &[]).await.expect_err("one is lost");
    assert!(told.to_string().contains("10 accepted, 9 placed"), "{told}");
    one.spread[1].accepted = 6;
    publication::take(&mut tx, &digester(), &one, &[]).await.expect("taken");
    let had = bus_log::partitions(&mut tx, "b").await.expect("reads");
    assert_eq!(had, [(TOPIC.to_owned(), 4)]);
    assert_eq!(bus_log::partitions(&mut tx, "another").await.expect("reads"), []);
    tx.commit().await.expect("commits");

    let log = |log, rows| BusTopic { log, rows, ..bus(0, 0).topics.remove(0) };
    let bus = BusState { topics: vec![log(0, 6), log(1, 6)], ..Default::default() };
    assert_eq!(failing(&fresh, &bus, Depth::Roots).await, Vec::<String>::new());
    let moved = BusState { topics: vec![log(0, 7), log(1, 5)], ..Default::default() };
    let found = failing(&fresh, &moved, Depth::Counts).await;
    assert_one(&found, "log 0: rows on the bus 7");
    assert_one(&found, "log 1: rows on the bus 5");

    let mut tx = fresh.begin().await;
    sql::run(&mut tx, "UPDATE batch_range SET base_offset = 8 WHERE partition = 1")
        .await
        .expect("runs");
    tx.commit().await.expect("commits");
    let found = failing(&fresh, &bus, Depth::Counts).await;
    assert_one(&found, "household line 1 batch 2: batches 1 = receipts that agree 0");
}

#[track_caller]
fn assert_one(found: &[String], part: &str) {
    assert!(found.iter().any(|text| text.contains(part)), "no `{part}` in {found:#?}");
}

#[tokio::test]
async fn the_bus_is_held_against_the_store() {
    let fresh = busy().await;
    let found = failing(&fresh, &bus(32, 0), Depth::Counts).await;
    assert_eq!(
        found,
        ["1 entry.public-security.household log 0: rows on the bus 32 + deleted from it 0 \
          + rows at taken offsets 0 = accepted 31 + not yet carried over 0 (does not hold)"]
    );
    let found = failing(&fresh, &BusState::default(), Depth::Counts).await;
    assert_one(&found, "rows on the bus 0 = accepted 31 (does not hold)");
}

#[tokio::test]
async fn every_loss_is_found() {
    let cases = [
        ("DELETE FROM quarantine_code; DELETE FROM quarantine WHERE id = 4", "rejected 5 = open 1"),
        ("UPDATE quarantine SET state = 'open' WHERE id = 3", "redriven 0 = pulled again 1"),
        ("DELETE FROM batch WHERE batch = 2", "batches 2 = last batch 3"),
        ("DELETE FROM batch WHERE batch = 2", "batches 2 = batches that follow 1"),
        ("DELETE FROM batch WHERE batch = 3", "batches 2 = line's last batch 3"),
        ("DELETE FROM batch WHERE batch = 3", "= accepted 21"),
        ("UPDATE batch SET position_after = '9' WHERE batch = 1 AND line = 1", "follow 2"),
        ("UPDATE batch SET pulled = 14 WHERE batch = 1 AND line = 1", "pulled 36 = accepted 30"),
        (
            "UPDATE batch SET accepted = 9, rejected = 4 WHERE batch = 1 AND line = 1",
            "= accepted 30",
        ),
        ("UPDATE batch SET base_offset = 5 WHERE batch = 2", "rows at taken offsets 10"),
        ("UPDATE batch SET base_offset = 5 WHERE batch = 2", "household line 1 batch 2: batches 1"),
        ("UPDATE stream SET last = 4 WHERE stream LIKE '%/1'", "stream length 4 = receipts 3"),
        ("UPDATE stream SET last = 4 WHERE stream LIKE '%/1'", "stream lengths 5 = receipts 4"),
        (
            "UPDATE receipt SET bytes = replace(bytes, '\"accepted\":10', '\"accepted\":11')",
            "batches 4 = receipts that agree 1",
        ),
        ("DELETE FROM receipt_rows", "batches 4 = receipts that agree 0"),
    ];
    for (sql, expected) in cases {
        let fresh = busy().await;
        let mut tx = fresh.begin().await;
        sql::run(&mut tx, crate::FORGE_RECEIPTS).await.expect("runs");
        sql::run(&mut tx, sql).await.expect("runs");
        tx.commit().await.expect("commits");
        assert_one(&failing(&fresh, &bus(31, 0), Depth::Counts).await, expected);
    }
}

#[tokio::test]
async fn roots_are_computed_again_when_asked() {
    let fresh = busy().await;
    let mut tx = fresh.begin().await;
    sql::run(&mut tx, crate::FORGE_RECEIPTS).await.expect("runs");
    sql::query("UPDATE receipt_rows SET digests = $1 WHERE receipt_id = 2")
        .bind(vec![0_u8; 320])
        .execute(&mut tx)
        .await
        .expect("runs");
    tx.commit().await.expect("commits");
    assert_eq!(failing(&fresh, &bus(31, 0), Depth::Counts).await, Vec::<String>::new());
    let found = failing(&fresh, &bus(31, 0), Depth::Roots).await;
    assert_one(&found, "public-security/household line 1 batch 2");
}

#[tokio::test]
async fn receipts_say_in_all_what_the_tables_say() {
    let fresh = subscribed().await;
    let shown = async || {
        let mut db = fresh.store.snapshot().await.expect("a snapshot");
        let bus = BusState::default();
        let equations = reconcile::recount(&mut db, &bus, Depth::Counts).await.expect("recounts");
        let wanted = equations.iter().filter(|one| one.subject.starts_with("settle "));
        wanted.map(|one| format!("{}: {one}", one.subject)).collect::<Vec<_>>()
    };
    assert_eq!(
        shown().await,
        [
            "settle delivered: counted 5 = in receipts 5",
            "settle withheld: counted 2 = in receipts 2",
            "settle parked: counted 3 = in receipts 3",
            "settle folded: counted 1 = in receipts 1",
            "settle covered: counted 1 = in receipts 1",
        ]
    );
    let mut tx = fresh.begin().await;
    let sql = "UPDATE delivery SET withheld = withheld + 1 WHERE id = 1";
    sql::run(&mut tx, sql).await.expect("runs");
    tx.commit().await.expect("commits");
    assert_eq!(shown().await[1], "settle withheld: counted 3 = in receipts 2 (does not hold)");
}
