//! Folding an entity again, when the library's file says otherwise than the rows were folded by.

use sqlx::AssertSqlSafe;

use super::{
    EntityTables, Merger, Resource,
    entity::{self, Load, Touched, decode},
    fold, has_rows,
    record::entry_version,
    write,
};
use crate::{StoreError, Tx, change::Log, rows, sql, subject};

/// How far a refold has come. Plain data: it may be kept or begun anew at any time.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Refold {
    /// Index of the source whose links are worked out, then of none: the rows are folded.
    source: usize,
    /// The record or row looked at last.
    after: i64,
    /// Whether everything is folded.
    pub done: bool,
}

/// Folds the next `limit` rows of an entity; call until `done`, each time in its own transaction.
///
/// First the links of each source's records are worked out anew and rows that nobody had spoken of
/// come into being, then every row is folded. Meanwhile merges go on.
pub async fn refold(
    tx: &mut Tx,
    merger: &Merger,
    entity: &str,
    mut at: Refold,
    limit: u32,
    at_ms: i64,
) -> Result<Refold, StoreError> {
    let (index, tables) = merger.entity(entity)?;
    let mut touched = Touched::new(merger);
    let last = match tables.sources.get(at.source) {
        Some(source) => {
            let resource = merger.resource(&source.name)?;
            relink(tx, (index, tables), resource, at.after, limit, &mut touched).await?
        }
        None => next_rows(tx, tables, at.after, limit, &mut touched.entities[index]).await?,
    };
    if !touched.entities[index].keys.is_empty() {
        let mut log = Log::open(tx, tables.subject.id, at_ms).await?;
        entity::load(tx, merger, Load::Everything, &mut touched).await?;
        let said = &mut touched.entities[index];
        let folded = fold::fold_again(tables, said, &mut log);
        write::entity(tx, tables, &folded, said).await?;
        log.write(tx).await?;
    }
    match last {
        Some(last) => at.after = last,
        None if at.source < tables.sources.len() => {
            (at.source, at.after) = (at.source + 1, 0);
        }
        None => {
            subject::set_form(tx, tables.subject.id, &tables.form).await?;
            at.done = true;
        }
    }
    Ok(at)
}

/// Works out anew which rows the next records of a source speak of. Rows that are not there yet are
/// given what the record says; all others find it by link or key.
async fn relink(
    tx: &mut Tx,
    (index, tables): (usize, &EntityTables),
    resource: &Resource,
    after: i64,
    limit: u32,
    touched: &mut Touched,
) -> Result<Option<i64>, StoreError> {
    let table = resource.table();
    if !has_rows(tx, &format!("record_{table}")).await? {
        return Ok(None);
    }
    let sql = format!(
        "SELECT _id, key, version, entry, body FROM record_{table}
         WHERE _id > $1 AND body IS NOT NULL
         ORDER BY _id
         LIMIT $2"
    );
    let found = sql::query(AssertSqlSafe(sql)).bind(after).bind(limit).fetch_all(tx).await?;
    let mut links = Vec::new();
    let mut last = None;
    for row in &found {
        last = Some(row.try_get(0)?);
        let record: &str = row.try_get(1)?;
        let bound = resource.bound(entry_version(row.try_get(3)?)?)?;
        let cells = decode(bound, row.try_get(4)?)?;
        for feed in bound.feeds.iter().filter(|feed| feed.entity == index) {
            let Some(key) = feed.entity_key(&cells.row(0)) else { continue };
            touched.entities[index].key(&key);
            if !feed.direct {
                links.push((key, record.to_owned()));
            }
        }
    }
    let source = resource.subject.id;
    let head = format!("INSERT INTO link_{} (entity_key, source, record_key)", tables.table());
    rows::insert(tx, &head, 3, "ON CONFLICT DO NOTHING", &links, |values, (key, record)| {
        values.bind(key).bind(source).bind(record)
    })
    .await?;
    Ok(last)
}

async fn next_rows(
    tx: &mut Tx,
    tables: &EntityTables,
    after: i64,
    limit: u32,
    said: &mut entity::Said,
) -> Result<Option<i64>, StoreError> {
    let sql = format!(
        "SELECT _id, _key FROM entity_{} WHERE _id > $1 ORDER BY _id LIMIT $2",
        tables.table()
    );
    let found = sql::query(AssertSqlSafe(sql)).bind(after).bind(limit).fetch_all(tx).await?;
    let mut last = None;
    for row in &found {
        last = Some(row.try_get(0)?);
        said.key(row.try_get(1)?);
    }
    Ok(last)
}
