//! Rows of a subject as cells: pages by key, and what a row was before and after a change.
//!
//! After change `n` a row was the current one, if `n` was its last change, else the history row
//! from `n`; before it the history row to `n`. A deleted row has no cells.

use std::{
    collections::{BTreeMap, HashMap},
    ops::ControlFlow,
};

use yiku_core::{
    batch::{Cells, Row},
    contract::Contract,
    entry::Version,
    library::DELETED,
};

use crate::{
    Connection, StoreError,
    change::{Change, ChangeKind},
    merge::read_cell,
    retraction::Held,
    rows::{self, number},
    sql::Value,
    subject::{Subject, SubjectKind},
};

/// How the rows of a subject are read as cells.
pub struct Reader<'a> {
    subject: &'a Subject,
    /// For a resource: how records of each version are read, and where its items stand in a row.
    versions: BTreeMap<Version, (&'a Contract, Vec<Option<usize>>)>,
    width: usize,
}

/// Rows in the order of their keys.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Their keys.
    pub keys: Vec<String>,
    /// Their cells, in the order of the subject's columns.
    pub cells: Cells,
    /// The state in which each has ended, if it has.
    pub ended: Vec<Option<String>>,
    /// The change that left each.
    pub changes: Vec<u64>,
    /// The last key looked at; `None` when nothing was left. Deleted rows have no cells.
    pub to: Option<String>,
}

/// A row as it was at one moment.
#[derive(Clone, Debug)]
pub struct Image {
    /// Its cells, one row.
    pub cells: Cells,
    /// The state in which it had ended, if it had.
    pub ended: Option<String>,
}

/// What each of several changes replaced, and what it left.
#[derive(Clone, Debug, Default)]
pub struct Images {
    cells: Cells,
    ended: Vec<Option<String>>,
    before: Vec<Option<usize>>,
    after: Vec<Option<usize>>,
}

/// A row of [`Images`].
#[derive(Clone, Copy, Debug)]
pub struct ImageRow<'a> {
    /// Its cells.
    pub row: Row<'a>,
    /// The state in which it had ended, if it had.
    pub ended: Option<&'a str>,
}

impl Images {
    /// The row before the change at `index`; `None` when there was none.
    pub fn before(&self, index: usize) -> Option<ImageRow<'_>> {
        self.row(self.before[index])
    }

    /// The row after the change at `index`; `None` when it was deleted.
    pub fn after(&self, index: usize) -> Option<ImageRow<'_>> {
        self.row(self.after[index])
    }

    fn row(&self, index: Option<usize>) -> Option<ImageRow<'_>> {
        let index = index?;
        Some(ImageRow { row: self.cells.row(index), ended: self.ended[index].as_deref() })
    }
}

impl<'a> Reader<'a> {
    /// Reads an entity's rows.
    pub fn entity(subject: &'a Subject) -> Self {
        Self { subject, versions: BTreeMap::new(), width: subject.columns.len() }
    }

    /// Reads a resource's records, whatever version they were taken under, as rows of the newest.
    pub fn resource(subject: &'a Subject, versions: impl Iterator<Item = &'a Contract>) -> Self {
        let versions: Vec<&Contract> = versions.collect();
        let newest = versions.iter().max_by_key(|one| one.entry().version);
        let items: Vec<&str> = newest
            .map(|one| one.entry().items.iter().map(|item| item.name.as_str()).collect())
            .unwrap_or_default();
        let places = |one: &&'a Contract| {
            let entry = one.entry();
            let places = items.iter().map(|item| entry.item(item)).collect();
            (entry.version, (*one, places))
        };
        let width = items.len();
        Self { subject, versions: versions.iter().map(places).collect(), width }
    }

    /// The subject.
    pub fn subject(&self) -> &Subject {
        self.subject
    }

    /// The next rows by key after `after`.
    pub async fn page(
        &self,
        db: &mut Connection,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page, StoreError> {
        let (key, current) = (self.key(), self.current());
        let sql = format!("{current} WHERE {key} > $1 ORDER BY {key} LIMIT $2");
        let mut page = Page { cells: Cells::new(self.width), ..Page::default() };
        let values = [after.unwrap_or_default().into(), limit.into()];
        rows::select(db, &sql, &values, |row| {
            let key = row.text(0)?;
            page.to = Some(key.to_owned());
            if let Some(ended) = self.read(row, &mut page.cells)? {
                page.keys.push(key.to_owned());
                page.ended.push(ended);
                page.changes.push(row.int(1)?.cast_unsigned());
            }
            Ok(ControlFlow::Continue(()))
        })
        .await?;
        Ok(page)
    }

    /// The next rows by key after `after` as a grantee holds them, and the last key looked at.
    pub async fn held_page(
        &self,
        db: &mut Connection,
        after: Option<&str>,
        limit: u32,
        held: &Held,
    ) -> Result<(Vec<(String, Option<Image>)>, Option<String>), StoreError> {
        let (key, current) = (self.key(), self.current());
        let sql = format!("{current} WHERE {key} > $1 ORDER BY {key} LIMIT $2");
        let mut rows = Vec::new();
        let values = [after.unwrap_or_default().into(), limit.into()];
        rows::select(db, &sql, &values, |row| {
            let change = row.int(1)?.cast_unsigned();
            rows.push((row.text(0)?.to_owned(), change, self.image(row)?));
            Ok(ControlFlow::Continue(()))
        })
        .await?;
        let to = rows.last().map(|(key, ..)| key.clone());
        let mut page = Vec::new();
        for (key, change, image) in rows {
            let Some(number) = held.number_of(&key) else { continue };
            let image = match change <= number {
                true => image.filter(|_| held.was_offered(change)),
                false => self.past_at(db, &key, number, held).await?,
            };
            if image.is_some() || held.is_uncertain(&key) {
                page.push((key, image));
            }
        }
        Ok((page, to))
    }

    /// The row as the change `number` or the last one before it left it, if that was offered.
    async fn past_at(
        &self,
        db: &mut Connection,
        key: &str,
        at: u64,
        held: &Held,
    ) -> Result<Option<Image>, StoreError> {
        let sql = format!("{} AND _from <= $2 AND _to > $2", self.history());
        let found = self.one(db, &sql, &[key.into(), number(at).into()]).await?;
        Ok(found.and_then(|(from, image)| image.filter(|_| held.was_offered(from))))
    }

    /// The one row of a query, if there is one: the change it is of, and its cells.
    async fn one(
        &self,
        db: &mut Connection,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Option<(u64, Option<Image>)>, StoreError> {
        let mut found = None;
        rows::select(db, sql, values, |row| {
            found = Some((row.int(1)?.cast_unsigned(), self.image(row)?));
            Ok(ControlFlow::Break(()))
        })
        .await?;
        Ok(found)
    }

    /// The current row of a key.
    pub async fn current_row(
        &self,
        db: &mut Connection,
        key: &str,
    ) -> Result<Option<Image>, StoreError> {
        let sql = format!("{} WHERE {} = $1", self.current(), self.key());
        Ok(self.one(db, &sql, &[key.into()]).await?.and_then(|(_, image)| image))
    }

    /// The row of a key as it was known at a moment, milliseconds since 1970.
    pub async fn known_at(
        &self,
        db: &mut Connection,
        key: &str,
        at_ms: i64,
    ) -> Result<Option<Image>, StoreError> {
        let current_at = match self.subject.kind {
            SubjectKind::Entity => "_at",
            SubjectKind::Resource => "at",
        };
        let (own, current) = (self.key(), self.current());
        let sql = format!("{current} WHERE {own} = $1 AND {current_at} <= $2");
        if let Some((_, image)) = self.one(db, &sql, &[key.into(), at_ms.into()]).await? {
            return Ok(image);
        }
        let sql = format!("{} AND _from_at <= $2 AND _to_at > $2", self.history());
        Ok(self.one(db, &sql, &[key.into(), at_ms.into()]).await?.and_then(|(_, image)| image))
    }

    /// What each change replaced and left, in the order of `changes`.
    pub async fn images(
        &self,
        db: &mut Connection,
        changes: &[Change],
    ) -> Result<Images, StoreError> {
        let mut images = self.left_by(db, changes).await?;
        let replaced = |(_, change): &(usize, &Change)| change.kind != ChangeKind::Created;
        let replaced: Vec<_> = changes.iter().enumerate().filter(replaced).collect();
        self.past(db, "_to", &replaced, &mut images, |images| &mut images.before).await?;
        Ok(images)
    }

    /// What each change left, in the order of `changes`. What they replaced is not looked up.
    pub async fn left_by(
        &self,
        db: &mut Connection,
        changes: &[Change],
    ) -> Result<Images, StoreError> {
        let mut images = Images { cells: Cells::new(self.width), ..Images::default() };
        let Images { cells, ended, .. } = &mut images;
        let keys: Vec<&str> = changes.iter().map(|change| change.key.as_str()).collect();
        let mut current = HashMap::with_capacity(changes.len());
        let by_key = format!("{} WHERE {} = $1", self.current(), self.key());
        let behind = format!("{} WHERE _id > $1 ORDER BY _id", self.current());
        rows::select_runs(db, &by_key, &behind, &keys, |row| {
            let change = row.int(1)?.cast_unsigned();
            current.insert(change, self.read_into(row, cells, ended)?);
            Ok(())
        })
        .await?;
        let mut left = Vec::new();
        for (index, change) in changes.iter().enumerate() {
            images.after.push(current.get(&change.number).copied().flatten());
            images.before.push(None);
            if !current.contains_key(&change.number) {
                left.push((index, change));
            }
        }
        self.past(db, "_from", &left, &mut images, |images| &mut images.after).await?;
        Ok(images)
    }

    /// Looks up history rows by one edge of theirs, and notes where they stand.
    async fn past(
        &self,
        db: &mut Connection,
        edge: &str,
        wanted: &[(usize, &Change)],
        images: &mut Images,
        places: impl Fn(&mut Images) -> &mut Vec<Option<usize>>,
    ) -> Result<(), StoreError> {
        let sql = format!("{} AND {edge} = $2", self.history());
        rows::select_each(
            db,
            &sql,
            wanted,
            |values, (_, change)| values.bind(&change.key).bind(number(change.number)),
            |(index, _), row| {
                let place = self.read_into(row, &mut images.cells, &mut images.ended)?;
                places(images)[*index] = place;
                Ok(())
            },
        )
        .await
    }

    fn history(&self) -> String {
        let table = &self.subject.table;
        match self.subject.kind {
            SubjectKind::Entity => {
                let items = self.items();
                format!("SELECT _key, _from, _ended{items} FROM history_{table} WHERE _key = $1")
            }
            SubjectKind::Resource => {
                format!("SELECT key, _from, entry, body FROM past_{table} WHERE key = $1")
            }
        }
    }

    fn key(&self) -> &'static str {
        match self.subject.kind {
            SubjectKind::Entity => "_key",
            SubjectKind::Resource => "key",
        }
    }

    fn current(&self) -> String {
        let table = &self.subject.table;
        match self.subject.kind {
            SubjectKind::Entity => {
                format!("SELECT _key, _change, _ended{}, _id FROM entity_{table}", self.items())
            }
            SubjectKind::Resource => {
                format!("SELECT key, change, entry, body, _id FROM record_{table}")
            }
        }
    }

    fn items(&self) -> String {
        self.subject.columns.iter().map(|column| format!(", \"{}\"", column.name)).collect()
    }

    /// A row of the database as cells; `None` when it is deleted.
    fn image(&self, row: rows::Row<'_>) -> Result<Option<Image>, StoreError> {
        let mut cells = Cells::new(self.width);
        Ok(self.read(row, &mut cells)?.map(|ended| Image { cells, ended }))
    }

    /// Appends a row of the database, and the state in which it has ended; returns its place, or
    /// `None` when it is deleted.
    fn read_into(
        &self,
        row: rows::Row<'_>,
        cells: &mut Cells,
        ended: &mut Vec<Option<String>>,
    ) -> Result<Option<usize>, StoreError> {
        let Some(state) = self.read(row, cells)? else { return Ok(None) };
        ended.push(state);
        Ok(Some(ended.len() - 1))
    }

    /// Appends a row of the database as cells and returns the state in which it has ended, if it
    /// has; appends nothing and returns `None` when it is deleted.
    fn read(
        &self,
        row: rows::Row<'_>,
        out: &mut Cells,
    ) -> Result<Option<Option<String>>, StoreError> {
        match self.subject.kind {
            SubjectKind::Entity => self.read_entity(row, out),
            SubjectKind::Resource => self.read_record(row, out),
        }
    }

    fn read_entity(
        &self,
        row: rows::Row<'_>,
        out: &mut Cells,
    ) -> Result<Option<Option<String>>, StoreError> {
        let ended = row.text_or_null(2)?;
        if ended == Some(DELETED) {
            return Ok(None);
        }
        for (index, column) in self.subject.columns.iter().enumerate() {
            read_cell(row, 3 + index, column, out)?;
        }
        Ok(Some(ended.map(str::to_owned)))
    }

    fn read_record(
        &self,
        row: rows::Row<'_>,
        out: &mut Cells,
    ) -> Result<Option<Option<String>>, StoreError> {
        let Some(body) = row.blob_or_null(3)? else { return Ok(None) };
        let unreadable = |problem: String| StoreError::unreadable("record.body", problem);
        let version: Version =
            row.text(2)?.parse().map_err(|_| unreadable("an entry version that is none".into()))?;
        let (contract, places) = self
            .versions
            .get(&version)
            .ok_or_else(|| unreadable(format!("version {version} is not published")))?;
        let mut own = Cells::new(contract.entry().items.len());
        contract.decode(body, &mut own).map_err(|error| unreadable(error.to_string()))?;
        out.push_row(places.iter().map(|place| place.and_then(|place| own.row(0).get(place))));
        Ok(Some(None))
    }
}
