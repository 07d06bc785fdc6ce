//! Rows of a subject as cells: pages by key, and what a row was before and after a change.
//!
//! After change `n` a row was the current one, if `n` was its last change, else the history row
//! from `n`; before it the history row to `n`. A deleted row has no cells.

use std::collections::{BTreeMap, HashMap};

use sqlx::{AssertSqlSafe, QueryBuilder, Row as _, Sqlite, sqlite::SqliteRow};
use yiku_core::{batch::Cells, contract::Contract, entry::Version, library::DELETED};

use crate::{
    Connection, StoreError,
    change::{Change, ChangeKind},
    merge::read_cell,
    retraction::Held,
    rows::number,
    subject::{Subject, SubjectKind, holds_number},
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

/// What a change replaced and what it left.
#[derive(Clone, Debug, Default)]
pub struct Images {
    /// The row before; `None` when there was none.
    pub before: Option<Image>,
    /// The row after; `None` when it was deleted.
    pub after: Option<Image>,
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
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(after.unwrap_or_default())
            .bind(limit)
            .fetch_all(db)
            .await?;
        let mut page = Page { cells: Cells::new(self.width), ..Page::default() };
        for row in &rows {
            page.to = Some(row.try_get(0)?);
            if let Some(image) = self.image(row)? {
                page.keys.push(row.try_get(0)?);
                page.cells.push_row(image.cells.row(0).cells());
                page.ended.push(image.ended);
                page.changes.push(row.try_get::<i64, _>(1)?.cast_unsigned());
            }
        }
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
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(after.unwrap_or_default())
            .bind(limit)
            .fetch_all(&mut *db)
            .await?;
        let (mut page, mut to) = (Vec::new(), None);
        for row in &rows {
            let key: String = row.try_get(0)?;
            to = Some(key.clone());
            let Some(number) = held.number_of(&key) else { continue };
            let change = row.try_get::<i64, _>(1)?.cast_unsigned();
            let image = match change <= number {
                true => self.image(row)?.filter(|_| held.was_offered(change)),
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
        let row =
            sqlx::query(AssertSqlSafe(sql)).bind(key).bind(number(at)).fetch_optional(db).await?;
        let Some(row) = row else { return Ok(None) };
        let from = row.try_get::<i64, _>(1)?.cast_unsigned();
        Ok(self.image(&row)?.filter(|_| held.was_offered(from)))
    }

    /// The current row of a key.
    pub async fn current_row(
        &self,
        db: &mut Connection,
        key: &str,
    ) -> Result<Option<Image>, StoreError> {
        let sql = format!("{} WHERE {} = $1", self.current(), self.key());
        let row = sqlx::query(AssertSqlSafe(sql)).bind(key).fetch_optional(db).await?;
        row.map_or(Ok(None), |row| self.image(&row))
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
        let row = sqlx::query(AssertSqlSafe(sql)).bind(key).bind(at_ms);
        if let Some(row) = row.fetch_optional(&mut *db).await? {
            return self.image(&row);
        }
        let sql = format!("{} AND _from_at <= $2 AND _to_at > $2", self.history());
        let row = sqlx::query(AssertSqlSafe(sql)).bind(key).bind(at_ms).fetch_optional(db).await?;
        row.map_or(Ok(None), |row| self.image(&row))
    }

    /// What each change replaced and left, in the order of `changes`.
    pub async fn images(
        &self,
        db: &mut Connection,
        changes: &[Change],
    ) -> Result<Vec<Images>, StoreError> {
        let mut all = Vec::with_capacity(changes.len());
        for chunk in changes.chunks(KEYS) {
            let current = self.current_rows(db, chunk).await?;
            for change in chunk {
                let after = match current.get(&change.key) {
                    Some(row) if row.try_get::<i64, _>(1)? == number(change.number) => {
                        self.image(row)?
                    }
                    _ => self.past(db, &change.key, "_from", change.number).await?,
                };
                let before = match change.kind {
                    ChangeKind::Created => None,
                    _ => self.past(db, &change.key, "_to", change.number).await?,
                };
                all.push(Images { before, after });
            }
        }
        Ok(all)
    }

    async fn current_rows(
        &self,
        db: &mut Connection,
        changes: &[Change],
    ) -> Result<HashMap<String, SqliteRow>, StoreError> {
        let mut sql = QueryBuilder::<Sqlite>::new(self.current());
        sql.push(format!(" WHERE {} IN (", self.key()));
        let mut keys = sql.separated(", ");
        for change in changes {
            keys.push_bind(&change.key);
        }
        sql.push(")");
        let rows = sql.build().fetch_all(db).await?;
        rows.into_iter().map(|row| Ok((row.try_get(0)?, row))).collect()
    }

    async fn past(
        &self,
        db: &mut Connection,
        key: &str,
        edge: &str,
        change: u64,
    ) -> Result<Option<Image>, StoreError> {
        let sql = format!("{} AND {edge} = $2", self.history());
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(key)
            .bind(number(change))
            .fetch_optional(db)
            .await?;
        row.map_or(Ok(None), |row| self.image(&row))
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
                format!("SELECT _key, _change, _ended{} FROM entity_{table}", self.items())
            }
            SubjectKind::Resource => {
                format!("SELECT key, change, entry, body FROM record_{table}")
            }
        }
    }

    fn items(&self) -> String {
        self.subject.columns.iter().map(|column| format!(", \"{}\"", column.name)).collect()
    }

    /// A row of the database as cells; `None` when it is deleted.
    fn image(&self, row: &SqliteRow) -> Result<Option<Image>, StoreError> {
        match self.subject.kind {
            SubjectKind::Entity => self.entity_image(row),
            SubjectKind::Resource => self.record_image(row),
        }
    }

    fn entity_image(&self, row: &SqliteRow) -> Result<Option<Image>, StoreError> {
        let ended: Option<String> = row.try_get(2)?;
        if ended.as_deref() == Some(DELETED) {
            return Ok(None);
        }
        let mut cells = Cells::new(self.width);
        for (index, column) in self.subject.columns.iter().enumerate() {
            let boolean = column.column_type == yiku_core::derive::ColumnType::Boolean;
            read_cell(row, 3 + index, holds_number(column), boolean, &mut cells)?;
        }
        Ok(Some(Image { cells, ended }))
    }

    fn record_image(&self, row: &SqliteRow) -> Result<Option<Image>, StoreError> {
        let Some(body) = row.try_get::<Option<Vec<u8>>, _>(3)? else { return Ok(None) };
        let unreadable = |problem: String| StoreError::unreadable("record.body", problem);
        let version: Version = row
            .try_get::<&str, _>(2)?
            .parse()
            .map_err(|_| unreadable("an entry version that is none".into()))?;
        let (contract, places) = self
            .versions
            .get(&version)
            .ok_or_else(|| unreadable(format!("version {version} is not published")))?;
        let mut own = Cells::new(contract.entry().items.len());
        contract.decode(&body, &mut own).map_err(|error| unreadable(error.to_string()))?;
        let mut cells = Cells::new(self.width);
        cells.push_row(places.iter().map(|place| place.and_then(|place| own.row(0).get(place))));
        Ok(Some(Image { cells, ended: None }))
    }
}

/// Keys looked up by one statement.
const KEYS: usize = 200;
