//! Taking back what an earlier generation of a subscription has handed out.
//!
//! What the grantee holds of a row is what the earlier view showed of it as it was at the last
//! change that was settled, or when its page of the backfill was read. Rows changed since are
//! looked up in their history.

use std::collections::HashSet;

use sqlx::{AssertSqlSafe, FromRow};

use crate::{Connection, StoreError, Tx, rows::number, sql, subscription::Subscription};

/// A generation that is being taken back.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct Retraction {
    /// The subscription.
    pub subscription: String,
    /// The generation.
    #[sqlx(try_from = "i64")]
    pub generation: u64,
    /// What it showed, as JSON.
    pub shown: String,
    /// Its key for pseudonyms.
    pub mask_key: Vec<u8>,
    /// The last change number settled.
    #[sqlx(try_from = "i64")]
    number: u64,
    /// Its first change number.
    #[sqlx(try_from = "i64")]
    began: u64,
    backfilled: bool,
    page_key: Option<String>,
    /// The last key taken back.
    pub after_key: Option<String>,
}

/// How far the grantee's copy of each row goes.
#[derive(Clone, Debug)]
pub struct Held {
    number: u64,
    began: u64,
    backfilled: bool,
    page_key: Option<String>,
    /// Where each page of the backfill ends, and the change number it was read at.
    pages: Vec<(String, u64)>,
    parked: HashSet<String>,
}

/// The generation that a subscription is taking back, if any.
pub async fn get(
    db: &mut Connection,
    subscription: &str,
) -> Result<Option<Retraction>, StoreError> {
    let sql = "SELECT subscription, generation, shown, mask_key, number, began,
                      backfilled <> 0 AS backfilled, page_key, after_key
               FROM retraction WHERE subscription = $1";
    Ok(sql::query_as(sql).bind(subscription).fetch_optional(db).await?)
}

/// What is needed to tell what the grantee holds.
pub async fn held(db: &mut Connection, retraction: &Retraction) -> Result<Held, StoreError> {
    let sql = "SELECT page_to, number FROM backfill_page
               WHERE subscription = $1 AND generation = $2
               ORDER BY page_to";
    let pages: Vec<(String, i64)> = sql::query_as(sql)
        .bind(&retraction.subscription)
        .bind(number(retraction.generation))
        .fetch_all(&mut *db)
        .await?;
    let sql = "SELECT DISTINCT key FROM parked WHERE subscription = $1 AND generation = $2";
    let parked: Vec<String> = sql::query_scalar(sql)
        .bind(&retraction.subscription)
        .bind(number(retraction.generation))
        .fetch_all(db)
        .await?;
    Ok(Held {
        number: retraction.number,
        began: retraction.began,
        backfilled: retraction.backfilled,
        page_key: retraction.page_key.clone(),
        pages: pages.into_iter().map(|(to, at)| (to, at.cast_unsigned())).collect(),
        parked: parked.into_iter().collect(),
    })
}

impl Held {
    /// The change number whose state of the row the grantee holds; `None`: the backfill had not
    /// come to it.
    pub fn number_of(&self, key: &str) -> Option<u64> {
        let unreached = || self.page_key.as_deref().is_none_or(|reached| key > reached);
        if !self.backfilled && unreached() {
            return None;
        }
        let page = self.pages.partition_point(|(to, _)| to.as_str() < key);
        let paged = self.pages.get(page).map_or(0, |(_, number)| *number);
        Some(self.number.max(paged))
    }

    /// Whether a state that a change left was handed out: without a backfill only what changed
    /// since the generation began was.
    pub fn was_offered(&self, change: u64) -> bool {
        change > self.began
    }

    /// Whether the key's newest state was refused or its outcome is unknown: the grantee may hold
    /// any earlier one.
    pub fn is_uncertain(&self, key: &str) -> bool {
        self.parked.contains(key)
    }
}

/// Begins to take back the subscription's present generation, unless an earlier one still is being
/// taken back: then nothing of the present one was handed out yet.
pub(crate) async fn begin(tx: &mut Tx, known: &Subscription) -> Result<(), StoreError> {
    let paged = "SELECT count(*) FROM backfill_page WHERE subscription = $1 AND generation = $2";
    let pages: i64 = sql::query_scalar(paged)
        .bind(&known.name)
        .bind(number(known.generation))
        .fetch_one(tx)
        .await?;
    let from_the_start = pages > 0 || !known.backfilled;
    sql::query(
        "INSERT INTO retraction (subscription, generation, shown, mask_key, number, began,
                                 backfilled, page_key, after_key)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL)
         ON CONFLICT (subscription) DO NOTHING",
    )
    .bind(&known.name)
    .bind(number(known.generation))
    .bind(&known.shown)
    .bind(&known.mask_key)
    .bind(number(known.cursor))
    .bind(if from_the_start { 0 } else { number(known.start) })
    .bind(i64::from(known.backfilled))
    .bind(&known.page_key)
    .execute(tx)
    .await?;
    let dropped =
        "UPDATE parked SET state = 'dropped' WHERE subscription = $1 AND state = 'parked'";
    sql::query(dropped).bind(&known.name).execute(tx).await?;
    Ok(())
}

/// Moves on by compare-and-set; without a key everything is taken back.
pub(crate) async fn move_on(
    tx: &mut Tx,
    subscription: &str,
    from: Option<&str>,
    to: Option<&str>,
) -> Result<(), StoreError> {
    let here = "WHERE subscription = $1 AND (after_key = $2 OR (after_key IS NULL AND $2 IS NULL))";
    let moved = match to {
        Some(to) => {
            let sql = format!("UPDATE retraction SET after_key = $3 {here}");
            let statement = sql::query(AssertSqlSafe(sql));
            statement.bind(subscription).bind(from).bind(to).execute(tx).await?
        }
        None => {
            let sql = format!("DELETE FROM retraction {here}");
            let statement = sql::query(AssertSqlSafe(sql));
            statement.bind(subscription).bind(from).execute(tx).await?
        }
    };
    match moved.rows_affected() {
        1 => Ok(()),
        _ => Err(StoreError::Fenced {
            unit: format!("subscription/{subscription}"),
            topic: "retraction".into(),
            expected: 0,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(backfilled: bool, page_key: Option<&str>, key: &str, expected: Option<u64>) {
        let held = Held {
            number: 10,
            began: 0,
            backfilled,
            page_key: page_key.map(str::to_owned),
            pages: vec![("d".into(), 12), ("h".into(), 9)],
            parked: HashSet::new(),
        };
        assert_eq!(held.number_of(key), expected, "{key}");
    }

    #[test]
    fn what_a_grantee_holds_of_a_row() {
        check(true, Some("h"), "a", Some(12));
        check(true, Some("h"), "d", Some(12));
        check(true, Some("h"), "e", Some(10));
        check(true, Some("h"), "x", Some(10));
        check(false, Some("h"), "h", Some(10));
        check(false, Some("h"), "i", None);
        check(false, None, "a", None);
    }
}
