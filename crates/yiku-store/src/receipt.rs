//! Receipts: appended in the transaction of their deed, never changed.

use yiku_core::{
    receipt::{Deed, Outcome, Receipt},
    tree::Hash,
};

use crate::{
    Connection, StoreError, Tx,
    rows::number,
    sql::{self, QueryBuilder},
};

/// A receipt as it is kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Rises with each receipt that the store takes.
    pub id: i64,
    /// What it says.
    pub receipt: Receipt,
    /// Its canonical bytes.
    pub bytes: String,
}

/// Which receipts are asked for. Nothing set: all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this department.
    pub department: Option<String>,
    /// Of this resource (`public-security/household`) or entity (`population.person`).
    pub resource: Option<String>,
    /// Under this grant.
    pub grant: Option<String>,
    /// By this actor.
    pub actor: Option<String>,
    /// Of this deed.
    pub deed: Option<Deed>,
    /// With this result.
    pub result: Option<Outcome>,
    /// Not before.
    pub from_ms: Option<i64>,
    /// Before.
    pub until_ms: Option<i64>,
}

/// Where a page ends: the time and id of its last receipt.
pub type Mark = (i64, i64);

impl Kept {
    /// Where a page that ends with this receipt ends.
    pub fn mark(&self) -> Mark {
        (self.receipt.at, self.id)
    }
}

/// Appends the receipt to its stream and returns it with its incarnation and number.
///
/// Runs in the deed's transaction: without the deed there is no receipt and no gap.
pub async fn append(tx: &mut Tx, mut receipt: Receipt) -> Result<Receipt, StoreError> {
    receipt.incarnation = tx.incarnation().to_owned();
    let last: i64 = sql::query_scalar(
        "INSERT INTO stream (incarnation, stream, last) VALUES ($1, $2, 1)
         ON CONFLICT (incarnation, stream) DO UPDATE SET last = stream.last + 1
         RETURNING last",
    )
    .bind(&receipt.incarnation)
    .bind(&receipt.stream)
    .fetch_one(tx)
    .await?;
    receipt.number = last.cast_unsigned();
    insert(tx, &receipt, &receipt.to_bytes()).await?;
    Ok(receipt)
}

/// Keeps the digests under a receipt's root, in order.
pub async fn keep_rows(tx: &mut Tx, receipt: &Receipt, digests: &[Hash]) -> Result<(), StoreError> {
    let sql = "SELECT id FROM receipt WHERE stream = $1 AND number = $2 AND incarnation = $3";
    let id: i64 = sql::query_scalar(sql)
        .bind(&receipt.stream)
        .bind(number(receipt.number))
        .bind(&receipt.incarnation)
        .fetch_one(tx)
        .await?;
    insert_rows(tx, id, digests).await
}

/// Takes a receipt that was numbered where its deed was done: on the bus. Returns its id.
pub(crate) async fn take(
    tx: &mut Tx,
    bytes: &str,
    digests: &[Hash],
) -> Result<(i64, Receipt), StoreError> {
    let receipt = Receipt::parse(bytes.as_bytes())
        .map_err(|error| StoreError::disordered("a receipt on the bus", error))?;
    let subject = || format!("receipt {} of stream `{}`", receipt.number, receipt.stream);
    let moved =
        match receipt.number {
            0 => return Err(StoreError::disordered(subject(), "numbers begin with 1")),
            1 => {
                sql::query(
                    "INSERT INTO stream (incarnation, stream, last) VALUES ($1, $2, 1)
                 ON CONFLICT (incarnation, stream) DO NOTHING",
                )
                .bind(&receipt.incarnation)
                .bind(&receipt.stream)
                .execute(tx)
                .await?
            }
            next => sql::query(
                "UPDATE stream SET last = $3 WHERE incarnation = $1 AND stream = $2 AND last = $4",
            )
            .bind(&receipt.incarnation)
            .bind(&receipt.stream)
            .bind(number(next))
            .bind(number(next - 1))
            .execute(tx)
            .await?,
        };
    if moved.rows_affected() != 1 {
        let last = last_number(tx, &receipt.incarnation, &receipt.stream).await?;
        return Err(StoreError::disordered(subject(), format!("the stream's last one is {last}")));
    }
    let id = insert(tx, &receipt, bytes.as_bytes()).await?;
    if !digests.is_empty() {
        insert_rows(tx, id, digests).await?;
    }
    Ok((id, receipt))
}

/// The latest time that a receipt bears.
pub async fn newest_at(db: &mut Connection) -> Result<Option<i64>, StoreError> {
    Ok(sql::query_scalar("SELECT max(at) FROM receipt").fetch_one(db).await?)
}

/// The last number of a stream; 0 when it has none.
pub async fn last_number(
    db: &mut Connection,
    incarnation: &str,
    stream: &str,
) -> Result<u64, StoreError> {
    let sql = "SELECT last FROM stream WHERE incarnation = $1 AND stream = $2";
    let last: Option<i64> =
        sql::query_scalar(sql).bind(incarnation).bind(stream).fetch_optional(db).await?;
    Ok(last.unwrap_or(0).cast_unsigned())
}

async fn insert(tx: &mut Tx, receipt: &Receipt, bytes: &[u8]) -> Result<i64, StoreError> {
    let bytes = std::str::from_utf8(bytes).expect("a receipt is JSON");
    let resource = receipt.entry.as_deref().map(|entry| match entry.split_once('@') {
        Some((name, _)) => name,
        None => entry,
    });
    let id = sql::query_scalar(
        "INSERT INTO receipt (incarnation, stream, number, at, deed, actor, department, resource,
                              grant_name, result, bytes)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         RETURNING id",
    )
    .bind(&receipt.incarnation)
    .bind(&receipt.stream)
    .bind(number(receipt.number))
    .bind(receipt.at)
    .bind(receipt.deed.as_str())
    .bind(&receipt.actor)
    .bind(receipt.department.as_deref())
    .bind(resource)
    .bind(receipt.grant.as_deref())
    .bind(receipt.result.as_str())
    .bind(bytes)
    .fetch_one(tx)
    .await?;
    Ok(id)
}

async fn insert_rows(tx: &mut Tx, id: i64, digests: &[Hash]) -> Result<(), StoreError> {
    sql::query("INSERT INTO receipt_rows (receipt_id, digests) VALUES ($1, $2)")
        .bind(id)
        .bind(digests.as_flattened())
        .execute(tx)
        .await?;
    Ok(())
}

/// A page of receipts, newest first, after the page that ends at `after`.
pub async fn list(
    db: &mut Connection,
    filter: &Filter,
    after: Option<Mark>,
    limit: u32,
) -> Result<Vec<Kept>, StoreError> {
    let mut sql = select(filter);
    if let Some((at, id)) = after {
        sql.push(" AND (at, id) < (").push_bind(at).push(", ").push_bind(id).push(")");
    }
    sql.push(" ORDER BY at DESC, id DESC LIMIT ").push_bind(limit);
    sql.build().fetch_all(db).await?.iter().map(from_row).collect()
}

/// A page of receipts, oldest first, after the page that ends at `after`: repeated until it is
/// empty it hands out all of them.
pub async fn export(
    db: &mut Connection,
    filter: &Filter,
    after: Option<Mark>,
    limit: u32,
) -> Result<Vec<Kept>, StoreError> {
    let mut sql = select(filter);
    if let Some((at, id)) = after {
        sql.push(" AND (at, id) > (").push_bind(at).push(", ").push_bind(id).push(")");
    }
    sql.push(" ORDER BY at, id LIMIT ").push_bind(limit);
    sql.build().fetch_all(db).await?.iter().map(from_row).collect()
}

/// One receipt. Without an incarnation: of the newest life that has the number.
pub async fn show(
    db: &mut Connection,
    incarnation: Option<&str>,
    stream: &str,
    receipt_number: u64,
) -> Result<Kept, StoreError> {
    let mut sql = QueryBuilder::new("SELECT id, bytes FROM receipt WHERE stream = ");
    sql.push_bind(stream).push(" AND number = ").push_bind(number(receipt_number));
    if let Some(incarnation) = incarnation {
        sql.push(" AND incarnation = ").push_bind(incarnation);
    }
    sql.push(" ORDER BY id DESC LIMIT 1");
    let row = sql.build().fetch_optional(db).await?;
    let name = || format!("{stream} {receipt_number}");
    from_row(&row.ok_or_else(|| StoreError::missing("receipt", name()))?)
}

/// The digests of a receipt's rows, in the order of their offsets; empty when it names none.
pub async fn rows(db: &mut Connection, id: i64) -> Result<Vec<Hash>, StoreError> {
    let sql = "SELECT digests FROM receipt_rows WHERE receipt_id = $1";
    let bytes: Option<Vec<u8>> = sql::query_scalar(sql).bind(id).fetch_optional(db).await?;
    match bytes.unwrap_or_default().as_chunks::<32>() {
        (digests, []) => Ok(digests.to_vec()),
        _ => Err(StoreError::unreadable("receipt_rows.digests", "not a multiple of 32 bytes")),
    }
}

fn select(filter: &Filter) -> QueryBuilder<'static> {
    let mut sql = QueryBuilder::new("SELECT id, bytes FROM receipt WHERE 1 = 1");
    let texts = [
        (" AND department = ", filter.department.clone()),
        (" AND resource = ", filter.resource.clone()),
        (" AND grant_name = ", filter.grant.clone()),
        (" AND actor = ", filter.actor.clone()),
        (" AND deed = ", filter.deed.map(|deed| deed.as_str().to_owned())),
        (" AND result = ", filter.result.map(|result| result.as_str().to_owned())),
    ];
    for (clause, value) in texts {
        if let Some(value) = value {
            sql.push(clause).push_bind(value);
        }
    }
    for (clause, value) in [(" AND at >= ", filter.from_ms), (" AND at < ", filter.until_ms)] {
        if let Some(value) = value {
            sql.push(clause).push_bind(value);
        }
    }
    sql
}

fn from_row(row: &sql::Row) -> Result<Kept, StoreError> {
    let bytes: String = row.try_get(1)?;
    let receipt = Receipt::parse(bytes.as_bytes())
        .map_err(|error| StoreError::unreadable("receipt.bytes", error))?;
    Ok(Kept { id: row.try_get(0)?, receipt, bytes })
}
