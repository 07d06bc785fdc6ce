//! Equation 6: no receipt is missing, and each says what was done.

use sqlx::{AssertSqlSafe, FromRow};
use yiku_core::{
    receipt::{Deed, Range, Receipt},
    tree,
};

use super::{Depth, Equation};
use crate::{Snapshot, StoreError, receipt::Filter, sql};

/// Per stream: as many receipts as it has numbers, from 1 on.
pub(super) async fn streams(db: &mut Snapshot) -> Result<Vec<Equation>, StoreError> {
    // UNIQUE (stream, number, incarnation) and numbers from 1 to n: n of them leave no gap.
    let rows: Vec<(String, i64, i64)> = sql::query_as(
        "SELECT s.stream, s.last, count(r.id)
         FROM stream s
         LEFT JOIN receipt r ON r.stream = s.stream AND r.incarnation = s.incarnation
                                AND r.number BETWEEN 1 AND s.last
         GROUP BY s.stream, s.incarnation, s.last
         ORDER BY s.stream, s.incarnation",
    )
    .fetch_all(db)
    .await?;
    let count: i64 = sql::query_scalar("SELECT count(*) FROM receipt").fetch_one(db).await?;
    let total: u64 = rows.iter().map(|row| row.1.cast_unsigned()).sum();
    let mut equations = vec![Equation::new(
        6,
        "all streams",
        [("stream lengths", total)],
        [("receipts", count.cast_unsigned())],
    )];
    for (stream, last, receipts) in rows {
        let left = [("stream length", last.cast_unsigned())];
        let right = [("receipts", receipts.cast_unsigned())];
        let equation = Equation::new(6, stream, left, right);
        equations.extend((!equation.holds).then_some(equation));
    }
    Ok(equations)
}

#[derive(FromRow)]
struct BatchDeed {
    entry: String,
    line: i64,
    batch: i64,
    bus: String,
    topic: String,
    partition: i64,
    base_offset: i64,
    #[sqlx(try_from = "i64")]
    pulled: u64,
    #[sqlx(try_from = "i64")]
    accepted: u64,
    #[sqlx(try_from = "i64")]
    rejected: u64,
    receipt_id: i64,
    spread: i64,
    bytes: String,
    #[sqlx(try_from = "i64")]
    digests: u64,
}

/// The receipts of publishing, against the batches they are of.
pub(super) async fn deeds(db: &mut Snapshot, depth: Depth) -> Result<Vec<Equation>, StoreError> {
    let (mut batches, mut right, mut wrong) = (0, 0, Vec::new());
    let mut after = (String::new(), 0, 0);
    loop {
        let page: Vec<BatchDeed> = sql::query_as(
            "SELECT b.entry, b.line, b.batch, b.bus, b.topic, l.partition, b.base_offset, b.pulled,
                    b.accepted, b.rejected, b.receipt_id, b.spread, r.bytes,
                    CAST(coalesce(octet_length(d.digests) / 32, 0) AS BIGINT) AS digests
             FROM batch b
             JOIN receipt r ON r.id = b.receipt_id
             JOIN bus_log l ON l.topic = b.topic AND l.number = b.partition AND l.bus = b.bus
             LEFT JOIN receipt_rows d ON d.receipt_id = b.receipt_id
             WHERE (b.entry, b.line, b.batch) > ($1, $2, $3)
             ORDER BY b.entry, b.line, b.batch
             LIMIT $4",
        )
        .bind(&after.0)
        .bind(after.1)
        .bind(after.2)
        .bind(PAGE)
        .fetch_all(db)
        .await?;
        let Some(last) = page.last() else { break };
        after = (last.entry.clone(), last.line, last.batch);
        for deed in &page {
            batches += 1;
            if agrees(db, deed, depth).await? {
                right += 1;
            } else if wrong.len() < NAMED {
                wrong.push(format!("{} line {} batch {}", deed.entry, deed.line, deed.batch));
            }
        }
    }
    let left = [("batches", batches)];
    let mut equations = vec![Equation::new(6, "publish", left, [("receipts that agree", right)])];
    equations.extend(
        wrong.into_iter().map(|subject| {
            Equation::new(6, subject, [("batches", 1)], [("receipts that agree", 0)])
        }),
    );
    Ok(equations)
}

async fn agrees(db: &mut Snapshot, deed: &BatchDeed, depth: Depth) -> Result<bool, StoreError> {
    let Ok(receipt) = Receipt::parse(deed.bytes.as_bytes()) else { return Ok(false) };
    let counts = [
        (receipt.count("pulled"), deed.pulled),
        (receipt.count("accepted"), deed.accepted),
        (receipt.count("rejected"), deed.rejected),
        (deed.digests, deed.accepted),
        (receipt.number, deed.batch.cast_unsigned()),
    ];
    let entry = receipt.entry.as_deref().and_then(|entry| entry.split('@').next());
    let named = receipt.ranges == ranges(db, deed).await?;
    if entry != Some(&deed.entry) || !named || counts.iter().any(|(said, done)| said != done) {
        return Ok(false);
    }
    if depth == Depth::Counts || deed.accepted == 0 {
        return Ok(true);
    }
    let rows = crate::receipt::rows(db, deed.receipt_id).await?;
    Ok(receipt.rows_root == Some(tree::root(&rows)))
}

/// The ranges that the receipt of a batch must name: where its rows stand, by partition.
async fn ranges(db: &mut Snapshot, deed: &BatchDeed) -> Result<Vec<Range>, StoreError> {
    let places: Vec<(i64, i64, i64)> = match (deed.spread, deed.accepted) {
        (0, 0) => Vec::new(),
        (0, accepted) => vec![(deed.partition, deed.base_offset, accepted.cast_signed())],
        _ => {
            let sql = "SELECT l.partition, r.base_offset, r.accepted
                       FROM batch_range r
                       JOIN bus_log l ON l.topic = r.topic AND l.number = r.partition
                       WHERE r.entry = $1 AND r.line = $2 AND r.batch = $3 AND l.bus = $4
                       ORDER BY l.partition";
            let rows = sql::query_as(sql).bind(&deed.entry).bind(deed.line).bind(deed.batch);
            rows.bind(&deed.bus).fetch_all(db).await?
        }
    };
    let range = |(partition, from, rows): (i64, i64, i64)| {
        Ok(Range {
            bus: deed.bus.clone(),
            topic: deed.topic.clone(),
            partition: u32::try_from(partition)
                .map_err(|error| StoreError::unreadable("bus_log.partition", error))?,
            from: from.cast_unsigned(),
            to: (from + rows).cast_unsigned(),
        })
    };
    places.into_iter().map(range).collect()
}

/// The receipts of merging and delivering say in all what the tables say in all.
pub(super) async fn sums(db: &mut Snapshot) -> Result<Vec<Equation>, StoreError> {
    let merged = ["new", "changed", "unchanged", "removed", "superseded", "refused"];
    let merged = totals(db, &merged, "merge_batch").await?;
    let settled = ["delivered", "withheld", "parked", "folded", "covered"];
    let settled = totals(db, &settled, "delivery WHERE settled = 1").await?;
    let mut equations = Vec::new();
    for (deed, counts) in [(Deed::Merge, merged), (Deed::Settle, settled)] {
        let said = said(db, deed, &counts).await?;
        for ((name, done), said) in counts.into_iter().zip(said) {
            let subject = format!("{deed} {name}");
            let done = [("counted", done.cast_unsigned())];
            let equation = Equation::new(6, subject, done, [("in receipts", said)]);
            equations.push(equation);
        }
    }
    Ok(equations)
}

/// Sums of the named columns of a table.
async fn totals(
    db: &mut Snapshot,
    columns: &[&str],
    table: &str,
) -> Result<Vec<(String, i64)>, StoreError> {
    let sum = |column: &&str| {
        format!("SELECT '{column}', CAST(coalesce(sum({column}), 0) AS BIGINT) FROM {table}")
    };
    let sql = columns.iter().map(sum).collect::<Vec<_>>().join(" UNION ALL ");
    Ok(sql::query_as(AssertSqlSafe(sql)).fetch_all(db).await?)
}

/// Sums of the named counts over all receipts of a deed.
async fn said(
    db: &mut Snapshot,
    deed: Deed,
    names: &[(String, i64)],
) -> Result<Vec<u64>, StoreError> {
    let mut sums = vec![0; names.len()];
    let filter = Filter { deed: Some(deed), ..Filter::default() };
    let mut after = None;
    loop {
        let page = crate::receipt::export(db, &filter, after, PAGE as u32).await?;
        let Some(last) = page.last() else { return Ok(sums) };
        after = Some(last.mark());
        for kept in &page {
            for (sum, (name, _)) in sums.iter_mut().zip(names) {
                *sum += kept.receipt.count(name);
            }
        }
    }
}

const PAGE: i64 = 1_000;
/// Receipts that do not agree are named up to this many.
const NAMED: usize = 20;
