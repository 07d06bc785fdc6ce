//! Subscriptions: what a grantee is owed, and how far it got.

use sqlx::{AssertSqlSafe, FromRow};

use crate::{Connection, StoreError, Tx, retraction, rows::number, sql};

/// A subscription as it stands.
#[derive(Clone, Debug, Eq, FromRow, PartialEq)]
pub struct Subscription {
    /// Its connector's name.
    pub name: String,
    /// Its grant.
    pub grant_name: String,
    /// What it is of: `population.person` or `public-security/household`.
    pub subject: String,
    /// Rises when what the grant shows changes.
    #[sqlx(try_from = "i64")]
    pub generation: u64,
    /// What tells one generation's view from another's.
    pub digest: String,
    /// The grantee's own key for pseudonyms.
    pub mask_key: Vec<u8>,
    /// The subject's last change number when the generation began.
    #[sqlx(try_from = "i64")]
    pub start: u64,
    /// The last change number settled.
    #[sqlx(try_from = "i64")]
    pub cursor: u64,
    /// Whether what was there at the start has been paged through.
    pub backfilled: bool,
    /// The last key settled of the backfill.
    pub page_key: Option<String>,
    /// Why nothing may leave at present; empty when something may.
    pub refused: String,
    /// When the generation began, milliseconds since 1970.
    pub began_at: i64,
    /// What the generation shows, as JSON, so that it can be taken back.
    pub shown: String,
}

/// How a generation begins.
#[derive(Clone, Debug)]
pub struct Beginning<'a> {
    /// Its connector's name.
    pub name: &'a str,
    /// Its grant.
    pub grant: &'a str,
    /// What it is of.
    pub subject: &'a str,
    /// What tells one generation's view from another's.
    pub digest: &'a str,
    /// The grantee's own key for pseudonyms.
    pub mask_key: &'a [u8],
    /// What the generation shows, as JSON.
    pub shown: &'a str,
    /// The subject's last change number now.
    pub start: u64,
    /// Whether everything that is there comes first.
    pub backfill: bool,
}

/// The subscription of this name.
pub async fn get(db: &mut Connection, name: &str) -> Result<Option<Subscription>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM subscription WHERE name = $1");
    Ok(sql::query_as(AssertSqlSafe(sql)).bind(name).fetch_optional(db).await?)
}

/// All subscriptions by name.
pub async fn list(db: &mut Connection) -> Result<Vec<Subscription>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM subscription ORDER BY name");
    Ok(sql::query_as(AssertSqlSafe(sql)).fetch_all(db).await?)
}

/// Begins a generation: the first, or the next after the grant changed. The one before is taken
/// back first ([`retraction`]); no delivery of it may be unsettled.
pub async fn begin(
    tx: &mut Tx,
    beginning: &Beginning<'_>,
    at_ms: i64,
) -> Result<Subscription, StoreError> {
    if let Some(known) = get(tx, beginning.name).await? {
        retraction::begin(tx, &known).await?;
    }
    let sql = format!(
        "INSERT INTO subscription (name, grant_name, subject, generation, digest, mask_key, start,
                                   cursor, backfilled, page_key, refused, began_at, shown)
         VALUES ($1, $2, $3, 1, $4, $5, $6, $6, $7, NULL, '', $8, $9)
         ON CONFLICT (name) DO UPDATE SET
             grant_name = excluded.grant_name,
             subject = excluded.subject,
             generation = subscription.generation + 1,
             digest = excluded.digest,
             mask_key = excluded.mask_key,
             start = excluded.start,
             cursor = excluded.cursor,
             backfilled = excluded.backfilled,
             page_key = NULL,
             refused = '',
             began_at = excluded.began_at,
             shown = excluded.shown
         RETURNING {COLUMNS}"
    );
    let row = sql::query_as(AssertSqlSafe(sql))
        .bind(beginning.name)
        .bind(beginning.grant)
        .bind(beginning.subject)
        .bind(beginning.digest)
        .bind(beginning.mask_key)
        .bind(number(beginning.start))
        .bind(i64::from(!beginning.backfill))
        .bind(at_ms)
        .bind(beginning.shown)
        .fetch_one(tx)
        .await?;
    Ok(row)
}

/// Notes why nothing may leave at present; empty text when something may again. Returns whether
/// that is news.
pub async fn refuse(tx: &mut Tx, name: &str, reason: &str) -> Result<bool, StoreError> {
    let sql = "UPDATE subscription SET refused = $2 WHERE name = $1 AND refused <> $2";
    let changed = sql::query(sql).bind(name).bind(reason).execute(tx).await?;
    Ok(changed.rows_affected() == 1)
}

/// Moves the cursor by compare-and-set past a range of changes.
pub(crate) async fn move_cursor(
    tx: &mut Tx,
    name: &str,
    generation: u64,
    from: u64,
    to: u64,
) -> Result<(), StoreError> {
    let sql = "UPDATE subscription SET cursor = $4
               WHERE name = $1 AND generation = $2 AND cursor = $3";
    let moved = sql::query(sql)
        .bind(name)
        .bind(number(generation))
        .bind(number(from))
        .bind(number(to))
        .execute(tx)
        .await?;
    moved_once(moved.rows_affected(), name, from)
}

/// Moves a backfill by compare-and-set past a page; without an end of the page it is done.
pub(crate) async fn move_page(
    tx: &mut Tx,
    name: &str,
    generation: u64,
    from: Option<&str>,
    page: Option<(&str, u64)>,
) -> Result<(), StoreError> {
    let sql = "UPDATE subscription
               SET page_key = coalesce($4, page_key), backfilled = $5
               WHERE name = $1 AND generation = $2 AND backfilled = 0
                 AND (page_key = $3 OR (page_key IS NULL AND $3 IS NULL))";
    let moved = sql::query(sql)
        .bind(name)
        .bind(number(generation))
        .bind(from)
        .bind(page.map(|(to, _)| to))
        .bind(i64::from(page.is_none()))
        .execute(tx)
        .await?;
    moved_once(moved.rows_affected(), name, 0)?;
    if let Some((to, last)) = page {
        let sql = "INSERT INTO backfill_page (subscription, generation, page_to, number)
                   VALUES ($1, $2, $3, $4)";
        sql::query(sql)
            .bind(name)
            .bind(number(generation))
            .bind(to)
            .bind(number(last))
            .execute(tx)
            .await?;
    }
    Ok(())
}

/// Up to which change number the backfill covers a key; 0 when it covers none.
pub async fn covered_to(
    db: &mut Connection,
    subscription: &Subscription,
    key: &str,
) -> Result<u64, StoreError> {
    let sql = "SELECT number FROM backfill_page
               WHERE subscription = $1 AND generation = $2 AND page_to >= $3
               ORDER BY page_to
               LIMIT 1";
    let last: Option<i64> = sql::query_scalar(sql)
        .bind(&subscription.name)
        .bind(number(subscription.generation))
        .bind(key)
        .fetch_optional(db)
        .await?;
    Ok(last.unwrap_or(0).cast_unsigned())
}

/// The greatest change number that any page of the backfill covers.
pub async fn covered_max(
    db: &mut Connection,
    subscription: &Subscription,
) -> Result<u64, StoreError> {
    let sql = "SELECT max(number) FROM backfill_page WHERE subscription = $1 AND generation = $2";
    let last: Option<i64> = sql::query_scalar(sql)
        .bind(&subscription.name)
        .bind(number(subscription.generation))
        .fetch_one(db)
        .await?;
    Ok(last.unwrap_or(0).cast_unsigned())
}

fn moved_once(moved: u64, name: &str, expected: u64) -> Result<(), StoreError> {
    match moved {
        1 => Ok(()),
        _ => Err(StoreError::Fenced {
            unit: format!("subscription/{name}"),
            topic: "changes".into(),
            expected,
        }),
    }
}

const COLUMNS: &str = "name, grant_name, subject, generation, digest, mask_key, start, cursor,
    backfilled <> 0 AS backfilled, page_key, refused, began_at, shown";
