//! What merging needs to know of the tables, worked out once per catalog.

use std::{collections::BTreeMap, sync::Arc};

use sqlx::AssertSqlSafe;
use yiku_core::{
    batch::Cells,
    derive::{ColumnType, TableColumn},
    entry::{EntryName, Version},
    library::{Bound, Entity, Merging},
};

use crate::{
    Connection, StoreError, Tx,
    rows::{Row, Values},
    sql,
    subject::{self, Subject},
};

/// Everything that merging needs, for one state of the catalog. Cheap to share.
#[derive(Clone, Debug)]
pub struct Merger {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    merging: Arc<Merging>,
    resources: BTreeMap<EntryName, Resource>,
    entities: Vec<EntityTables>,
}

/// A resource with its tables.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) subject: Subject,
    pub(crate) versions: BTreeMap<Version, Arc<Bound>>,
}

/// An entity with its tables.
#[derive(Debug)]
pub(crate) struct EntityTables {
    pub(crate) entity: Arc<Entity>,
    pub(crate) subject: Subject,
    /// How the rows must be folded; differs from the subject's when they are not yet.
    pub(crate) form: String,
    /// Whether each item is held as a number.
    pub(crate) numbers: Vec<bool>,
    /// `, "name", "sex"`: the items for a list of columns.
    pub(crate) items: String,
    /// How each source's records are found by entity key.
    pub(crate) sources: Vec<Source>,
}

/// How a source's records are found by entity key.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: EntryName,
    /// In some version the record's key is the entity's.
    pub(crate) direct: bool,
    /// In some version it is not: links are kept.
    pub(crate) linked: bool,
}

impl Merger {
    /// Makes the tables of every resource and entity that have none yet, and widens those whose
    /// items have become more.
    pub async fn prepare(tx: &mut Tx, merging: Arc<Merging>) -> Result<Self, StoreError> {
        let mut resources = BTreeMap::new();
        for (name, versions) in &merging.resources {
            let subject = subject::ensure_resource(tx, name).await?;
            resources.insert(name.clone(), Resource { subject, versions: versions.clone() });
        }
        let mut entities = Vec::new();
        for (index, entity) in merging.entities.iter().enumerate() {
            let subject = subject::ensure_entity(tx, entity).await?;
            entities.push(EntityTables {
                form: subject::form(entity),
                numbers: subject.columns.iter().map(subject::holds_number).collect(),
                items: subject.columns.iter().map(|one| format!(", \"{}\"", one.name)).collect(),
                sources: sources(&merging, index),
                entity: Arc::clone(entity),
                subject,
            });
        }
        forget_absent(tx, &entities).await?;
        Ok(Self { inner: Arc::new(Inner { merging, resources, entities }) })
    }

    /// What it was made of.
    pub fn merging(&self) -> &Arc<Merging> {
        &self.inner.merging
    }

    /// The entities that must be folded again because the library's file says otherwise now.
    pub fn stale(&self) -> impl Iterator<Item = &Arc<Entity>> {
        let stale = |tables: &&EntityTables| tables.form != tables.subject.form;
        self.inner.entities.iter().filter(stale).map(|tables| &tables.entity)
    }

    pub(crate) fn resource(&self, name: &EntryName) -> Result<&Resource, StoreError> {
        self.inner.resources.get(name).ok_or_else(|| StoreError::missing("entry", name))
    }

    pub(crate) fn entities(&self) -> &[EntityTables] {
        &self.inner.entities
    }

    pub(crate) fn entity(&self, full_name: &str) -> Result<(usize, &EntityTables), StoreError> {
        let found = self.inner.entities.iter().position(|one| one.subject.name == full_name);
        let index = found.ok_or_else(|| StoreError::missing("entity", full_name))?;
        Ok((index, &self.inner.entities[index]))
    }
}

impl Resource {
    pub(crate) fn table(&self) -> &str {
        &self.subject.table
    }
}

impl EntityTables {
    pub(crate) fn table(&self) -> &str {
        &self.subject.table
    }

    /// Binds the values of one row in the order of the items.
    pub(crate) fn bind<'s, 'c>(
        &self,
        mut values: Values<'s, 'c>,
        row: yiku_core::batch::Row<'_>,
    ) -> Values<'s, 'c> {
        for (index, number) in self.numbers.iter().enumerate() {
            values = bind_cell(values, *number, row.get(index));
        }
        values
    }

    /// Appends the items of a row of the database, the first of which stands at `from`.
    pub(crate) fn read(
        &self,
        row: Row<'_>,
        from: usize,
        out: &mut Cells,
    ) -> Result<(), StoreError> {
        for (index, column) in self.subject.columns.iter().enumerate() {
            read_cell(row, from + index, column, out)?;
        }
        Ok(())
    }
}

fn bind_cell<'s, 'c>(values: Values<'s, 'c>, number: bool, cell: Option<&str>) -> Values<'s, 'c> {
    if !number {
        return values.bind(cell);
    }
    values.bind(cell.and_then(|text| match text {
        "true" => Some(1_i64),
        "false" => Some(0),
        _ => text.parse::<i64>().ok(),
    }))
}

/// Appends one item of a row of the database.
pub(crate) fn read_cell(
    row: Row<'_>,
    index: usize,
    column: &TableColumn,
    out: &mut Cells,
) -> Result<(), StoreError> {
    if !subject::holds_number(column) {
        out.push(row.text_or_null(index)?);
        return Ok(());
    }
    match row.int_or_null(index)? {
        Some(value) => push_number(value, column.column_type == ColumnType::Boolean, out),
        None => out.push(None),
    }
    Ok(())
}

/// Entities whose library is not there, or cannot be read, miss what is merged meanwhile: once it
/// is back they are folded again.
async fn forget_absent(tx: &mut Tx, present: &[EntityTables]) -> Result<(), StoreError> {
    for subject in subject::list(tx).await? {
        let absent = present.iter().all(|tables| tables.subject.id != subject.id);
        if absent && subject.kind == subject::SubjectKind::Entity && !subject.form.is_empty() {
            subject::set_form(tx, subject.id, "").await?;
        }
    }
    Ok(())
}

fn push_number(value: i64, boolean: bool, out: &mut Cells) {
    use std::fmt::Write as _;
    match boolean {
        true => out.push(Some(if value == 0 { "false" } else { "true" })),
        false => out.push_with(|text| write!(text, "{value}").expect("writing to a string")),
    }
}

/// Whether a table has any row.
pub(crate) async fn has_rows(db: &mut Connection, table: &str) -> Result<bool, StoreError> {
    let sql = format!("SELECT EXISTS (SELECT 1 FROM {table})");
    Ok(sql::query_scalar(AssertSqlSafe(sql)).fetch_one(db).await?)
}

/// The key that sorts last in a table; `None` when the table is empty.
pub(crate) async fn last_key(
    db: &mut Connection,
    table: &str,
    column: &str,
) -> Result<Option<String>, StoreError> {
    let sql = format!("SELECT max({column}) FROM {table}");
    Ok(sql::query_scalar(AssertSqlSafe(sql)).fetch_one(db).await?)
}

fn sources(merging: &Merging, entity: usize) -> Vec<Source> {
    let source = |(source, name): (usize, &EntryName)| {
        let versions = merging.resources.get(name).into_iter().flat_map(BTreeMap::values);
        let feeds = versions.flat_map(|bound| &bound.feeds);
        let (mut direct, mut linked) = (false, false);
        for feed in feeds.filter(|feed| feed.entity == entity && feed.source == source) {
            direct |= feed.direct;
            linked |= !feed.direct;
        }
        Source { name: name.clone(), direct, linked }
    };
    merging.entities[entity].sources.iter().enumerate().map(source).collect()
}
