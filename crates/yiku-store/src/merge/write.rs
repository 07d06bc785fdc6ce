//! Writing what a batch has made of records and entities.

use std::sync::Arc;

use yiku_core::entry::Version;

use super::{
    EntityTables, Merger, Resource,
    entity::{Said, Touched},
    fold::{FoldedRows, Now, State},
    record::{Held, Record, Records, Write},
};
use crate::{
    StoreError, Tx,
    rows::{self, Values, number},
};

/// Writes records, replaced records, late and refused rows, and links.
pub(super) async fn records(
    tx: &mut Tx,
    resource: &Resource,
    records: &Records<'_>,
    touched: &Touched,
    merger: &Merger,
) -> Result<(), StoreError> {
    let table = resource.table();
    let (mut new, mut replaced, mut advanced) = (Vec::new(), Vec::new(), Vec::new());
    let mut entries = Entries::default();
    for record in &records.all {
        let Some(now) = &record.now else { continue };
        match (record.write, record.id) {
            (Write::Nothing, _) => {}
            (_, None) => new.push((record.key, now, entries.of(now.entry))),
            (Write::All, Some(id)) => replaced.push((id, now, entries.of(now.entry))),
            (Write::Advance, Some(id)) => advanced.push((id, now)),
        }
    }
    let head = format!(
        "INSERT INTO record_{table} (version, seen, entry, body, part, place, change, at, doubled,
                                     key)"
    );
    rows::insert(tx, &head, 10, "", &new, |values, (key, now, entry)| {
        bind_held(values, now, entry).bind(key)
    })
    .await?;
    let sql = format!(
        "UPDATE record_{table}
         SET version = $1, seen = $2, entry = $3, body = $4, part = $5, place = $6, change = $7,
             at = $8, doubled = $9
         WHERE _id = $10"
    );
    rows::each(tx, &sql, &replaced, |values, (id, now, entry)| {
        bind_held(values, now, entry).bind(*id)
    })
    .await?;
    let sql = format!(
        "UPDATE record_{table}
         SET version = $1, seen = $2, part = $3, place = $4, doubled = $5
         WHERE _id = $6"
    );
    rows::each(tx, &sql, &advanced, |values, (id, now)| {
        values
            .bind(now.version.as_bytes())
            .bind(&now.seen)
            .bind(now.part)
            .bind(number(now.place))
            .bind(now.doubled)
            .bind(*id)
    })
    .await?;
    past(tx, table, records).await?;
    apart(tx, resource, records).await?;
    links(tx, resource, &records.all, touched, merger).await
}

/// The text of each entry version, written once for all rows of a batch.
#[derive(Default)]
struct Entries(Vec<(Version, Arc<str>)>);

impl Entries {
    fn of(&mut self, version: Version) -> Arc<str> {
        if let Some((_, text)) = self.0.iter().find(|(known, _)| *known == version) {
            return Arc::clone(text);
        }
        let text: Arc<str> = version.to_string().into();
        self.0.push((version, Arc::clone(&text)));
        text
    }
}

fn bind_held<'s, 'c>(values: Values<'s, 'c>, now: &Held<'_>, entry: &str) -> Values<'s, 'c> {
    values
        .bind(now.version.as_bytes())
        .bind(&now.seen)
        .bind(entry)
        .bind(now.body.as_deref())
        .bind(now.part)
        .bind(number(now.place))
        .bind(number(now.change))
        .bind(now.at)
        .bind(now.doubled)
}

async fn past(tx: &mut Tx, table: &str, records: &Records<'_>) -> Result<(), StoreError> {
    let head = format!(
        "INSERT INTO past_{table} (key, _from, _to, _from_at, _to_at, entry, body, part, place)"
    );
    rows::insert(tx, &head, 9, "", &records.past, |values, past| {
        values
            .bind(past.key)
            .bind(number(past.from))
            .bind(number(past.to))
            .bind(past.from_at)
            .bind(past.to_at)
            .bind(past.entry.to_string())
            .bind(past.body.as_deref())
            .bind(past.part)
            .bind(number(past.place))
    })
    .await?;
    Ok(())
}

/// Late rows and refused ones, which change nothing.
async fn apart(tx: &mut Tx, resource: &Resource, records: &Records<'_>) -> Result<(), StoreError> {
    let (table, part, at) = (resource.table(), i64::from(records.part), records.at);
    let head = format!("INSERT INTO late_{table} (key, version, entry, body, part, place, at)");
    rows::insert(tx, &head, 7, "", &records.late, |values, row| {
        let upsert = row.operation == yiku_core::operation::Operation::Upsert;
        values
            .bind(row.key)
            .bind(row.version.as_bytes())
            .bind(row.entry.to_string())
            .bind(upsert.then_some(row.body))
            .bind(part)
            .bind(number(row.offset))
            .bind(at)
    })
    .await?;
    let head = "INSERT INTO refused_row (subject_id, partition, row_offset, reason, at)";
    let subject = resource.subject.id;
    rows::insert(tx, head, 5, "", &records.refused, |values, (offset, reason)| {
        values.bind(subject).bind(part).bind(number(*offset)).bind(reason).bind(at)
    })
    .await?;
    Ok(())
}

/// Notes which records speak of which entities, where the keys differ.
async fn links(
    tx: &mut Tx,
    resource: &Resource,
    records: &[Record<'_>],
    touched: &Touched,
    merger: &Merger,
) -> Result<(), StoreError> {
    for (entity, tables) in merger.entities().iter().enumerate() {
        let linked = |source: &super::tables::Source| {
            source.linked && source.name.as_str() == resource.subject.name
        };
        if !tables.sources.iter().any(linked) {
            continue;
        }
        let (mut gone, mut come) = (Vec::new(), Vec::new());
        for record in records {
            let Some((before, after)) = &record.said else { continue };
            let keys = |range: &std::ops::Range<usize>| {
                let targets = touched.targets[range.clone()].iter();
                let mut keys: Vec<u32> = targets
                    .filter(|target| target.entity == entity && !target.direct)
                    .map(|target| target.key)
                    .collect();
                keys.sort_unstable();
                keys.dedup();
                keys
            };
            let (before, after) = (keys(before), keys(after));
            let only = |these: &[u32], those: &[u32], to: &mut Vec<(u32, Arc<str>)>| {
                let left = these.iter().filter(|key| !those.contains(key));
                to.extend(left.map(|key| (*key, Arc::from(record.key))));
            };
            only(&before, &after, &mut gone);
            only(&after, &before, &mut come);
        }
        let (table, said, source) =
            (tables.table(), &touched.entities[entity], resource.subject.id);
        let sql = format!(
            "DELETE FROM link_{table} WHERE entity_key = $1 AND source = $2 AND record_key = $3"
        );
        rows::each(tx, &sql, &gone, |values, (key, record)| {
            values.bind(&*said.keys[*key as usize]).bind(source).bind(&**record)
        })
        .await?;
        let head = format!("INSERT INTO link_{table} (entity_key, source, record_key)");
        rows::insert(tx, &head, 3, "ON CONFLICT DO NOTHING", &come, |values, (key, record)| {
            values.bind(&*said.keys[*key as usize]).bind(source).bind(&**record)
        })
        .await?;
    }
    Ok(())
}

/// Writes the rows of one entity, those they replace, and its conflicts.
pub(super) async fn entity(
    tx: &mut Tx,
    tables: &EntityTables,
    folded: &FoldedRows,
    said: &Said,
) -> Result<(), StoreError> {
    let (table, width) = (tables.table(), tables.numbers.len());
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for (key, state) in said.keys.iter().zip(&folded.states).filter(|(_, state)| state.dirty) {
        let now = state.now.as_ref().expect("what is dirty is there");
        match state.id {
            None => new.push((key, now)),
            Some(id) => changed.push((id, now)),
        }
    }
    let items = &tables.items;
    let head = format!("INSERT INTO entity_{table} (_key, _ended, _change, _at{items})");
    rows::insert(tx, &head, 4 + width, "", &new, |values, (key, now)| {
        bind_now(values.bind(&***key), tables, folded, now)
    })
    .await?;
    let columns = (4..).zip(&tables.subject.columns);
    let sets: String =
        columns.map(|(place, column)| format!(", \"{}\" = ${place}", column.name)).collect();
    let sql = format!(
        "UPDATE entity_{table} SET _ended = $1, _change = $2, _at = $3{sets} WHERE _id = ${}",
        4 + width
    );
    rows::each(tx, &sql, &changed, |values, (id, now)| {
        bind_now(values, tables, folded, now).bind(*id)
    })
    .await?;
    let head =
        format!("INSERT INTO history_{table} (_key, _ended, _from, _to, _from_at, _to_at{items})");
    rows::insert(tx, &head, 6 + width, "", &folded.history, |values, past| {
        let values = values
            .bind(&*said.keys[past.key as usize])
            .bind(past.was.ended.as_deref())
            .bind(number(past.was.change))
            .bind(number(past.to))
            .bind(past.was.at)
            .bind(past.to_at);
        tables.bind(values, folded.rows.row(past.was.row))
    })
    .await?;
    conflicts(tx, tables, folded, said).await
}

fn bind_now<'s, 'c>(
    values: Values<'s, 'c>,
    tables: &EntityTables,
    folded: &FoldedRows,
    now: &Now,
) -> Values<'s, 'c> {
    let values = values.bind(now.ended.as_deref()).bind(number(now.change)).bind(now.at);
    tables.bind(values, folded.rows.row(now.row))
}

async fn conflicts(
    tx: &mut Tx,
    tables: &EntityTables,
    folded: &FoldedRows,
    said: &Said,
) -> Result<(), StoreError> {
    let table = tables.table();
    let states = || said.keys.iter().zip(&folded.states).filter(|(_, state)| state.folded);
    if said.conflicted {
        let known = |(_, state): &(&Arc<str>, &State)| state.id.is_some();
        let keys: Vec<&Arc<str>> = states().filter(known).map(|(key, _)| key).collect();
        let sql = format!("DELETE FROM conflict_{table} WHERE _key = $1");
        rows::each(tx, &sql, &keys, |values, key| values.bind(&***key)).await?;
    }
    let new: Vec<_> = states()
        .flat_map(|(key, state)| state.conflicts.iter().map(move |conflict| (key, conflict)))
        .collect();
    let head = format!(
        "INSERT INTO conflict_{table} (_key, item, taken_from, taken_value, other_source,
                                       other_value)"
    );
    rows::insert(tx, &head, 6, "", &new, |values, (key, conflict)| {
        values
            .bind(&***key)
            .bind(&tables.entity.items[conflict.item].name)
            .bind(tables.entity.sources[conflict.taken_from].as_str())
            .bind(&conflict.taken_value)
            .bind(tables.entity.sources[conflict.other_source].as_str())
            .bind(&conflict.other_value)
    })
    .await?;
    Ok(())
}
