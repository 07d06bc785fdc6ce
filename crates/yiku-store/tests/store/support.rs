//! A store in a folder of its own.

use serde_json::{Value, json};
use tempfile::TempDir;
use yiku_core::{
    digest::Digester,
    entry::EntryName,
    operation::Operation,
    publication::{Publication, RejectedRow, ViolationCount},
    receipt::{Deed, Range, Receipt},
    row_version::{RowVersion, VersionParts},
    tree,
    violation::{Code, Severity, Violation},
};
use yiku_store::{Store, Tx, connector, publication};

/// The time of every test.
pub const NOW: i64 = 1_795_000_000_000;

/// The topic of every test.
pub const TOPIC: &str = "entry.public-security.household";

/// A store, and the folder that goes with it.
pub struct Fresh {
    /// The store.
    pub store: Store,
    /// Its folder, where it has one.
    pub _folder: TempDir,
}

/// Makes an empty store.
pub async fn fresh() -> Fresh {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = crate::new_store(folder.path(), NOW).await.expect("a new store opens");
    Fresh { store, _folder: folder }
}

impl Fresh {
    /// Begins a transaction.
    pub async fn begin(&self) -> Tx {
        self.store.begin().await.expect("the writer is free")
    }
}

/// The resource of every test.
pub fn household() -> EntryName {
    "public-security/household".parse().expect("a name")
}

/// The key of every test.
pub fn digester() -> Digester {
    Digester::new(b"test key")
}

/// A batch of at most ten `accepted` rows on line 1, at offset 10 for each batch before it, and its
/// rejected rows, one per key; an empty key is a row without a readable one.
pub fn batch(
    store: &Store,
    number: u64,
    accepted: u64,
    rejected: &[&str],
) -> (Publication, Vec<RejectedRow>) {
    let rows: Vec<RejectedRow> =
        rejected.iter().zip(1..).map(|(key, place)| row(number, place, key)).collect();
    let digests: Vec<[u8; 32]> = (0..accepted).map(|n| [(number * 16 + n) as u8; 32]).collect();
    let mut receipt = Receipt::new("line/public-security/household/1", Deed::Publish, "hub", NOW);
    receipt.incarnation = store.incarnation().to_owned();
    receipt.number = number;
    receipt.department = Some("public-security".into());
    receipt.entry = Some("public-security/household@1.2.0".into());
    let base_offset = (number - 1) * 10;
    if accepted > 0 {
        receipt.rows_root = Some(tree::root(&digests));
        receipt.ranges.push(Range {
            bus: "b".into(),
            topic: TOPIC.into(),
            partition: 0,
            from: base_offset,
            to: base_offset + accepted,
        });
    }
    let pulled = accepted + rows.len() as u64;
    receipt.counts = [("pulled", pulled), ("accepted", accepted), ("rejected", rows.len() as u64)]
        .map(|(name, count)| (name.to_owned(), count))
        .into();
    let position = |batch: u64| if batch == 0 { Value::Null } else { json!({ "batch": batch }) };
    let publication = Publication {
        connector: "household".into(),
        entry: household(),
        version: "1.2.0".parse().expect("a version"),
        line: 1,
        batch: number,
        run: None,
        position_before: position(number - 1),
        position_after: position(number),
        bus: "b".into(),
        topic: TOPIC.into(),
        partition: 0,
        base_offset,
        spread: Vec::new(),
        partitions: 1,
        pulled,
        accepted,
        rejected: rows.len() as u64,
        warned: 0,
        deletes: 0,
        violations: vec![ViolationCount {
            code: Code::CheckDigit,
            item: Some("citizen_id".into()),
            rule: None,
            severity: Severity::Reject,
            count: rows.len() as u64,
        }],
        idempotency: None,
        receipt: String::from_utf8(receipt.to_bytes()).expect("JSON"),
        digests,
        origin: "0101.csv".into(),
        at_ms: NOW,
    };
    (publication, rows)
}

/// The version of the row at a place of a batch.
pub fn version(batch: u64, place: u32) -> RowVersion {
    RowVersion::new(VersionParts { line: 1, order: batch, row: place, ..Default::default() })
}

fn row(batch: u64, place: u32, key: &str) -> RejectedRow {
    let violation = |code| Violation {
        code,
        severity: Severity::Reject,
        item: Some("citizen_id".into()),
        rule: None,
        value: None,
        zh: "不符".into(),
        en: "wrong".into(),
    };
    RejectedRow {
        connector: "household".into(),
        entry: household(),
        version: "1.2.0".parse().expect("a version"),
        line: 1,
        batch,
        origin: "0101.csv".into(),
        place: place.into(),
        row_version: version(batch, place),
        operation: Operation::Upsert,
        columns: vec!["GMSFHM".into(), "XM".into()],
        cells: vec![(!key.is_empty()).then(|| key.into()), Some("李娜".into())],
        key: (!key.is_empty()).then(|| key.into()),
        violations: if key.is_empty() {
            vec![violation(Code::KeyMissing), violation(Code::Required)]
        } else {
            vec![violation(Code::CheckDigit)]
        },
        cut: None,
        retried: None,
    }
}

impl Fresh {
    /// Takes a batch into the store, making its line if need be.
    pub async fn take(&self, number: u64, accepted: u64, rejected: &[&str]) {
        let (publication, rows) = batch(&self.store, number, accepted, rejected);
        let mut tx = self.begin().await;
        connector::line(&mut tx, &household(), &publication.connector, NOW).await.expect("a line");
        publication::take(&mut tx, &digester(), &publication, &rows).await.expect("taken");
        tx.commit().await.expect("commits");
    }
}
