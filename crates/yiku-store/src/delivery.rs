//! Deliveries: frozen before they leave, settled after the receiver's answer.
//!
//! A frozen parcel is repeated byte for byte under its idempotency key until it is settled. There
//! is at most one unsettled delivery per subscription.

use std::collections::HashSet;

use sqlx::FromRow;
use yiku_core::{digest::Digester, receipt::Receipt, tree::Hash};

use crate::{
    Connection, StoreError, Tx, receipt, retraction,
    rows::{self, number, numbers},
    sql,
    subscription::{self, Subscription},
};

/// How a change or a row ended.
pub mod outcome {
    /// It left the house.
    pub const DELIVERED: u8 = b'd';
    /// The grant does not show it.
    pub const WITHHELD: u8 = b'w';
    /// The receiver refused it, or its key waits.
    pub const PARKED: u8 = b'p';
    /// A later change of its key in the parcel stands for it.
    pub const FOLDED: u8 = b'f';
    /// The backfill's page holds it.
    pub const COVERED: u8 = b'c';
}

/// What a parcel is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Span {
    /// Changes `from` (exclusive) to `to`.
    Changes {
        /// The last number before.
        from: u64,
        /// The last number of the parcel.
        to: u64,
    },
    /// Rows by key after `after` up to `to`; no `to`: there were no more.
    Page {
        /// The last key before.
        after: Option<String>,
        /// The last key of the page, and the subject's last change number when it was read.
        to: Option<(String, u64)>,
    },
    /// The newest state of parked keys.
    Release,
    /// Rows that an earlier generation handed out, by key after `after` up to `to`; no `to`: there
    /// were no more.
    Retract {
        /// The last key before.
        after: Option<String>,
        /// The last key of the page.
        to: Option<String>,
    },
}

/// A delivery to be frozen.
#[derive(Clone, Debug)]
pub struct Freeze<'a> {
    /// The subscription.
    pub subscription: &'a Subscription,
    /// What it is about.
    pub span: Span,
    /// The frozen rows.
    pub parcel: &'a [u8],
    /// Their keyed digest, for the receipt: [`parcel_digest`].
    pub digest: Hash,
    /// One byte per change or row.
    pub outcomes: &'a [u8],
    /// Says what is about to leave.
    pub receipt: Receipt,
}

/// A delivery as it is kept.
#[derive(Clone, Debug, FromRow)]
pub struct Delivery {
    /// Its number.
    pub id: i64,
    /// The subscription.
    pub subscription: String,
    /// The subscription's generation.
    #[sqlx(try_from = "i64")]
    pub generation: u64,
    /// `page`, `changes`, `release` or `retract`.
    pub kind: String,
    /// The last change number before it.
    #[sqlx(try_from = "i64")]
    pub from_number: u64,
    /// The last change number it is about.
    #[sqlx(try_from = "i64")]
    pub to_number: u64,
    /// The last key before its page.
    pub page_from: Option<String>,
    /// The last key of its page.
    pub page_to: Option<String>,
    /// Its idempotency key.
    pub idempotency: String,
    /// The frozen rows; `None` once settled.
    pub parcel: Option<Vec<u8>>,
    /// One byte per change or row.
    pub outcomes: Vec<u8>,
    /// When it was frozen.
    pub frozen_at: i64,
    /// When it was settled.
    pub settled_at: Option<i64>,
}

/// A change that was refused, at `index` of the outcomes.
#[derive(Clone, Debug)]
pub struct Park<'a> {
    /// Place in the outcomes.
    pub index: usize,
    /// Change number; 0 for a row of a backfill.
    pub number: u64,
    /// The subject's key.
    pub key: &'a str,
    /// The receiver's reason, without values.
    pub reason: &'a str,
}

/// The keyed digest of a parcel.
pub fn parcel_digest(digester: &Digester, parcel: &[u8]) -> Hash {
    digester.bytes("parcel", parcel)
}

/// Freezes a parcel before it leaves. What comes back is without the parcel, which the caller has.
pub async fn freeze(tx: &mut Tx, freeze: Freeze<'_>, at_ms: i64) -> Result<Delivery, StoreError> {
    let subscription = freeze.subscription;
    let id = numbers(tx, "delivery", 1).await?;
    let (kind, from, to, page_from, page_to) = match &freeze.span {
        Span::Changes { from, to } => ("changes", *from, *to, None, None),
        Span::Page { after, to } => {
            let last = to.as_ref().map_or(0, |(_, last)| *last);
            ("page", 0, last, after.clone(), to.as_ref().map(|(key, _)| key.clone()))
        }
        Span::Release => ("release", 0, 0, None, None),
        Span::Retract { after, to } => ("retract", 0, 0, after.clone(), to.clone()),
    };
    let idempotency = format!("{}-{}-{id}", subscription.name, subscription.generation);
    sql::query(
        "INSERT INTO delivery (id, subscription, generation, kind, from_number, to_number,
                               page_from, page_to, idempotency, parcel, digest, outcomes, frozen_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(id)
    .bind(&subscription.name)
    .bind(number(subscription.generation))
    .bind(kind)
    .bind(number(from))
    .bind(number(to))
    .bind(&page_from)
    .bind(&page_to)
    .bind(&idempotency)
    .bind(freeze.parcel)
    .bind(freeze.digest.as_slice())
    .bind(freeze.outcomes)
    .bind(at_ms)
    .execute(tx)
    .await?;
    let mut said = freeze.receipt;
    said.rows_root = Some(freeze.digest);
    said.note = idempotency.clone();
    receipt::append(tx, said).await?;
    Ok(Delivery {
        id,
        subscription: subscription.name.clone(),
        generation: subscription.generation,
        kind: kind.to_owned(),
        from_number: from,
        to_number: to,
        page_from,
        page_to,
        idempotency,
        parcel: None,
        outcomes: freeze.outcomes.to_owned(),
        frozen_at: at_ms,
        settled_at: None,
    })
}

/// The delivery that was frozen and not settled, if there is one.
pub async fn unsettled(
    db: &mut Connection,
    subscription: &str,
) -> Result<Option<Delivery>, StoreError> {
    let sql = "SELECT * FROM delivery WHERE subscription = $1 AND settled = 0 ORDER BY id LIMIT 1";
    Ok(sql::query_as(sql).bind(subscription).fetch_optional(db).await?)
}

/// Settles a delivery: outcomes, parked changes, cursor and receipt in one.
pub async fn settle(
    tx: &mut Tx,
    delivery: &Delivery,
    parks: &[Park<'_>],
    mut said: Receipt,
    at_ms: i64,
) -> Result<(), StoreError> {
    let mut outcomes = delivery.outcomes.clone();
    for park in parks {
        outcomes[park.index] = outcome::PARKED;
    }
    let count = |kind: u8| outcomes.iter().filter(|one| **one == kind).count() as u64;
    let counts = [
        ("delivered", count(outcome::DELIVERED)),
        ("withheld", count(outcome::WITHHELD)),
        ("parked", count(outcome::PARKED)),
        ("folded", count(outcome::FOLDED)),
        ("covered", count(outcome::COVERED)),
    ];
    let settled = sql::query(
        "UPDATE delivery
         SET settled = 1, settled_at = $2, parcel = NULL, outcomes = $3, delivered = $4,
             withheld = $5, parked = $6, folded = $7, covered = $8
         WHERE id = $1 AND settled = 0",
    )
    .bind(delivery.id)
    .bind(at_ms)
    .bind(&outcomes)
    .bind(number(counts[0].1))
    .bind(number(counts[1].1))
    .bind(number(counts[2].1))
    .bind(number(counts[3].1))
    .bind(number(counts[4].1))
    .execute(tx)
    .await?;
    if settled.rows_affected() != 1 {
        return Err(StoreError::disordered(
            format!("delivery {}", delivery.idempotency),
            "it was settled before",
        ));
    }
    insert_parked(tx, delivery, parks, at_ms).await?;
    move_on(tx, delivery).await?;
    said.counts = counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    said.note = delivery.idempotency.clone();
    receipt::append(tx, said).await?;
    Ok(())
}

async fn move_on(tx: &mut Tx, delivery: &Delivery) -> Result<(), StoreError> {
    let (name, generation) = (&delivery.subscription, delivery.generation);
    match delivery.kind.as_str() {
        "changes" => {
            let (from, to) = (delivery.from_number, delivery.to_number);
            subscription::move_cursor(tx, name, generation, from, to).await
        }
        "page" => {
            let page = delivery.page_to.as_deref().map(|to| (to, delivery.to_number));
            subscription::move_page(tx, name, generation, delivery.page_from.as_deref(), page).await
        }
        "retract" => {
            let (from, to) = (delivery.page_from.as_deref(), delivery.page_to.as_deref());
            retraction::move_on(tx, name, from, to).await
        }
        _ => Ok(()),
    }
}

async fn insert_parked(
    tx: &mut Tx,
    delivery: &Delivery,
    parks: &[Park<'_>],
    at_ms: i64,
) -> Result<(), StoreError> {
    let first = numbers(tx, "parked", parks.len()).await?;
    let rows: Vec<_> = (first..).zip(parks).collect();
    rows::insert(
        tx,
        "INSERT INTO parked (id, subscription, generation, delivery_id, number, key, reason, state, at)",
        9,
        "",
        &rows,
        |values, (id, park)| {
            values
                .bind(*id)
                .bind(&delivery.subscription)
                .bind(number(delivery.generation))
                .bind(delivery.id)
                .bind(number(park.number))
                .bind(park.key)
                .bind(park.reason)
                .bind("parked")
                .bind(at_ms)
        },
    )
    .await?;
    Ok(())
}

/// A parked change.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct Parked {
    /// Its number.
    pub id: i64,
    /// The subscription.
    pub subscription: String,
    /// The change; 0 for a row of a backfill.
    #[sqlx(try_from = "i64")]
    pub number: u64,
    /// The subject's key: personal data, for the hub alone.
    pub key: String,
    /// The receiver's reason.
    pub reason: String,
    /// When it was parked.
    pub at: i64,
}

/// What is parked, of one subscription or of all, oldest first.
pub async fn parked(
    db: &mut Connection,
    subscription: Option<&str>,
    limit: u32,
) -> Result<Vec<Parked>, StoreError> {
    let sql = "SELECT id, subscription, number, key, reason, at FROM parked
               WHERE state = 'parked' AND ($1 IS NULL OR subscription = $1)
               ORDER BY id
               LIMIT $2";
    Ok(sql::query_as(sql).bind(subscription).bind(limit).fetch_all(db).await?)
}

/// The keys of a subscription that wait behind a parked change.
pub async fn parked_keys(
    db: &mut Connection,
    subscription: &str,
) -> Result<HashSet<String>, StoreError> {
    let sql = "SELECT DISTINCT key FROM parked WHERE subscription = $1 AND state = 'parked'";
    let keys: Vec<String> = sql::query_scalar(sql).bind(subscription).fetch_all(db).await?;
    Ok(keys.into_iter().collect())
}

/// After a release: the newest parked change of each key was delivered, the earlier ones are folded
/// into it.
pub async fn released(tx: &mut Tx, subscription: &str, keys: &[String]) -> Result<u64, StoreError> {
    let mut changed = 0;
    for key in keys {
        let sql = "UPDATE parked
                   SET state = CASE WHEN id = (SELECT max(id) FROM parked newest
                                               WHERE newest.subscription = $1 AND newest.key = $2
                                                 AND newest.state = 'parked')
                                    THEN 'delivered' ELSE 'folded' END
                   WHERE subscription = $1 AND key = $2 AND state = 'parked'";
        let done = sql::query(sql).bind(subscription).bind(key).execute(tx).await?;
        changed += done.rows_affected();
    }
    Ok(changed)
}

/// Gives parked changes up; their keys go on.
pub async fn discard(tx: &mut Tx, subscription: &str, ids: &[i64]) -> Result<u64, StoreError> {
    let mut changed = 0;
    for id in ids {
        let sql = "UPDATE parked SET state = 'dropped'
                   WHERE id = $1 AND subscription = $2 AND state = 'parked'";
        let done = sql::query(sql).bind(id).bind(subscription).execute(tx).await?;
        changed += done.rows_affected();
    }
    Ok(changed)
}

/// What became of everything a subscription was offered, over all its generations.
#[derive(Clone, Copy, Debug, Default, Eq, FromRow, PartialEq)]
pub struct Totals {
    /// Rows of backfills, and those taken back.
    #[sqlx(try_from = "i64")]
    pub backfilled: u64,
    /// Changes settled, those that a backfill covers among them.
    #[sqlx(try_from = "i64")]
    pub changes: u64,
    /// Changes that a backfill covers.
    #[sqlx(try_from = "i64")]
    pub covered: u64,
    /// Left the house.
    #[sqlx(try_from = "i64")]
    pub delivered: u64,
    /// Not shown by the grant.
    #[sqlx(try_from = "i64")]
    pub withheld: u64,
    /// Waiting for a person.
    #[sqlx(try_from = "i64")]
    pub parked: u64,
    /// Stood for by a later change of their key.
    #[sqlx(try_from = "i64")]
    pub folded: u64,
    /// Given up.
    #[sqlx(try_from = "i64")]
    pub dropped: u64,
}

/// Counts a subscription's outcomes from its deliveries and parked changes.
pub async fn totals(db: &mut Connection, subscription: &str) -> Result<Totals, StoreError> {
    let sql = "SELECT
        coalesce(sum(CASE WHEN kind IN ('page', 'retract') THEN length(outcomes) END), 0)
            AS backfilled,
        CAST(coalesce(sum(CASE WHEN kind = 'changes' THEN to_number - from_number END), 0)
            AS BIGINT) AS changes,
        CAST(coalesce(sum(covered), 0) AS BIGINT) AS covered,
        CAST(coalesce(sum(CASE WHEN kind <> 'release' THEN delivered END), 0) AS BIGINT)
            + (SELECT count(*) FROM parked WHERE subscription = $1 AND state = 'delivered')
            AS delivered,
        CAST(coalesce(sum(withheld), 0) AS BIGINT) AS withheld,
        (SELECT count(*) FROM parked WHERE subscription = $1 AND state = 'parked') AS parked,
        CAST(coalesce(sum(folded), 0) AS BIGINT)
            + (SELECT count(*) FROM parked WHERE subscription = $1 AND state = 'folded') AS folded,
        (SELECT count(*) FROM parked WHERE subscription = $1 AND state = 'dropped') AS dropped
     FROM delivery
     WHERE subscription = $1 AND settled = 1";
    Ok(sql::query_as(sql).bind(subscription).fetch_one(db).await?)
}

/// The deliveries of a subscription that are about a change, for a trace.
pub async fn about(
    db: &mut Connection,
    subscription: &str,
    change: u64,
) -> Result<Vec<Delivery>, StoreError> {
    let sql = "SELECT * FROM delivery
               WHERE subscription = $1 AND kind = 'changes' AND from_number < $2 AND to_number >= $2";
    Ok(sql::query_as(sql).bind(subscription).bind(number(change)).fetch_all(db).await?)
}
