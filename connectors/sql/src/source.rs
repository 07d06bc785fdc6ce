//! Reading a table in pages.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use serde_json::Value;
use yiku_connector::{
    Access, ConnectorError, Position, Pull, PullLimit, Run, Source, Surroundings,
};
use yiku_core::{batch::Header, derive::ColumnType};

use crate::{
    config::SourceConfig,
    database::{Database, Mode, Place},
    describe,
    dialect::{Column, Dialect, Kind},
    failure::{System, unfit},
    page::{Page, Places},
    position::At,
    statement::{Part, Table},
    watermark::{self, Overlap},
};

/// Opens a source. Reads the secret and connects only when it is first asked something.
pub fn open(
    config: Value,
    access: &Access,
    position: &Position,
) -> Result<Box<dyn Source>, ConnectorError> {
    let config = SourceConfig::read(config, access.load)?;
    let overlap = match &config.watermark {
        Some(watermark) => watermark.overlap().map_err(ConnectorError::Config)?,
        None => None,
    };
    let flags = access
        .columns
        .iter()
        .filter(|column| column.column_type == ColumnType::Boolean)
        .map(|column| column.name.clone())
        .collect();
    let at = At::read(position)?;
    let surroundings = access.surroundings.clone();
    Ok(Box::new(SqlSource { config, overlap, flags, surroundings, at, link: None, rests: false }))
}

struct SqlSource {
    config: SourceConfig,
    overlap: Option<Overlap>,
    /// Items that the entry knows as true or false.
    flags: Vec<String>,
    surroundings: Surroundings,
    at: At,
    /// Closed at the end of each run: an idle source holds no connection.
    link: Option<Link>,
    /// A run has ended: there is nothing more until the source is opened anew.
    rests: bool,
}

/// An open connection and the table as it was found by it.
struct Link {
    place: Place,
    database: Database,
    table: Table,
    header: Arc<Header>,
    flags: Arc<[bool]>,
}

#[async_trait]
impl Source for SqlSource {
    async fn check(&mut self) -> Result<(), ConnectorError> {
        let mut link = self.connect().await?;
        self.look_for_gaps(&mut link).await?;
        let places = Places { first: 0, order: None };
        let limit = PullLimit { rows: 1, bytes: 1 };
        let part = Part::After(&[]);
        self.page(&mut link, part, limit, places).await?;
        link.database.close().await;
        Ok(())
    }

    async fn pull(&mut self, limit: PullLimit) -> Result<Option<Pull>, ConnectorError> {
        if self.rests {
            return Ok(None);
        }
        let mut link = match self.link.take() {
            Some(link) => link,
            None => self.connect().await?,
        };
        let pull = self.next(&mut link, limit).await?;
        match &pull {
            Some(pull) if !pull.run.ends => self.link = Some(link),
            _ => link.database.close().await,
        }
        self.rests = pull.as_ref().is_some_and(|pull| pull.run.ends);
        Ok(pull)
    }
}

impl SqlSource {
    async fn next(
        &mut self,
        link: &mut Link,
        limit: PullLimit,
    ) -> Result<Option<Pull>, ConnectorError> {
        let begins = self.at.ended || self.at.run == 0;
        let mut at = self.at.clone();
        if begins {
            let unmarked = self.look_for_gaps(link).await?;
            self.begin(&mut at, unmarked)?;
        }
        let marked = link.table.watermark.is_some();
        let (part, marks) = match &at.unmarked {
            Some(ties) => (Part::Unmarked(ties), ties.len()),
            None => (Part::After(&at.marks), at.marks.len()),
        };
        let columns = link.table.order(part).len();
        if marks > columns {
            return Err(ConnectorError::Position(format!(
                "it has {marks} marks, but rows are put in order by {columns} columns"
            )));
        }
        let places = Places { first: at.rows, order: self.fixed_order(&at) };
        let limit = PullLimit {
            rows: limit.rows.min(self.config.page.unwrap_or(usize::MAX)).max(1),
            bytes: limit.bytes,
        };
        let page = self.page(link, part, limit, places).await?;
        if page.batch.is_empty() && begins && marked && at.unmarked.is_none() {
            return Ok(None);
        }
        at.rows += page.batch.len() as u64;
        at.ended = !page.more && at.unmarked.is_none();
        match &mut at.unmarked {
            Some(ties) if page.more => *ties = page.marks,
            Some(_) => at.unmarked = None,
            None if !page.marks.is_empty() => at.marks = page.marks,
            None => {}
        }
        if at.ended {
            self.end(&mut at);
        }
        let run = Run { number: at.run, begins, ends: at.ended };
        let position = at.to_position();
        self.at = at;
        Ok(Some(Pull { batch: page.batch, position, run }))
    }

    /// Sets the marks from which a new run reads.
    fn begin(&self, at: &mut At, unmarked: bool) -> Result<(), ConnectorError> {
        at.run += 1;
        at.ended = false;
        if self.config.watermark.is_none() {
            at.rows = 0;
            at.marks.clear();
            return Ok(());
        }
        at.unmarked = unmarked.then(Vec::new);
        let (Some(overlap), Some(mark)) = (self.overlap, at.marks.first()) else { return Ok(()) };
        at.started_at = now();
        if matches!(overlap, Overlap::Time(_)) && at.look_back_until == 0 {
            return Ok(());
        }
        let back = watermark::before(mark, overlap).ok_or_else(|| {
            ConnectorError::Config(
                "the overlap does not fit the watermark: a time such as 10m goes with times, a \
                 number with numbers"
                    .into(),
            )
        })?;
        at.high = Some(std::mem::replace(&mut at.marks, vec![back]));
        Ok(())
    }

    /// Notes until when runs must look back before the last row.
    ///
    /// That row was seen now, so what was stamped before it and commits at most `overlap` after its
    /// stamp is there by now + overlap. Once a run that began later has read up to the same row,
    /// nothing before it can still appear, and an idle table is no longer read again and again.
    fn end(&self, at: &mut At) {
        let high = at.high.take();
        let started_at = std::mem::take(&mut at.started_at);
        let Some(Overlap::Time(overlap)) = self.overlap else { return };
        if high.as_ref() != Some(&at.marks) {
            at.look_back_until = now() + overlap.as_secs();
        } else if started_at > at.look_back_until {
            at.look_back_until = 0;
        }
    }

    /// The order of rows that have no watermark of their own.
    fn fixed_order(&self, at: &At) -> Option<u64> {
        match (&self.config.watermark, &at.unmarked) {
            (None, _) => Some(at.run),
            // As new as the newest row so far.
            (Some(_), Some(_)) => {
                let newest = at.high.as_ref().unwrap_or(&at.marks).first();
                Some(newest.map_or(1, watermark::order))
            }
            (Some(_), None) => None,
        }
    }

    async fn page(
        &self,
        link: &mut Link,
        part: Part<'_>,
        limit: PullLimit,
        places: Places,
    ) -> Result<Page, ConnectorError> {
        // One row more than may be taken tells whether the run ends.
        let statement = link.table.page(part, limit.rows + 1);
        let origin = self.config.origin().into();
        let (header, flags) = (link.header.clone(), link.flags.clone());
        let mut page = Page::new(&link.table, part, header, origin, flags, limit, places);
        let doing = format!("reading {}", self.config.origin());
        link.place.within(&doing, link.database.read(&statement, &mut page)).await?;
        match page.problem.take() {
            Some(problem) => {
                Err(unfit(&link.place.system, format!("{}: {problem}", self.config.origin())))
            }
            None => Ok(page),
        }
    }

    /// Looks for rows that would never be read: those without a watermark, which are read apart
    /// while they are few, and those without a tie. Returns whether there are rows of the first
    /// kind.
    async fn look_for_gaps(&self, link: &mut Link) -> Result<bool, ConnectorError> {
        let origin = self.config.origin();
        let doing = format!("reading {origin}");
        for column in link.table.tie.iter().filter(|_| link.table.tie_may_be_null) {
            let statement = link.table.count_null(column);
            let count = link.database.number(&statement.sql);
            let count = link.place.within(&doing, count).await?;
            if count > 0 {
                let problem = format!(
                    "{origin}: {count} rows have no value in {}, so they cannot be put in order: \
                     name columns that always have one, or have them filled",
                    column.name
                );
                return Err(unfit(&link.place.system, problem));
            }
        }
        let (Some(watermark), Some(config)) = (&link.table.watermark, &self.config.watermark)
        else {
            return Ok(false);
        };
        let statement = link.table.count_null(watermark);
        let count = link.place.within(&doing, link.database.number(&statement.sql)).await?;
        let limit = config.unmarked_max();
        if count as u64 > limit {
            let problem = format!(
                "{origin}: {count} rows have no value in {}, so their changes cannot be seen; up \
                 to {limit} such rows are read in every run: have them filled, or raise \
                 `watermark.unmarked_max`",
                watermark.name
            );
            return Err(unfit(&link.place.system, problem));
        }
        Ok(count > 0)
    }

    async fn connect(&self) -> Result<Link, ConnectorError> {
        let url = self.config.url.read(&self.surroundings)?;
        let place = Place::read(&url, &self.surroundings.folder)?;
        let mut database = place.connect(Mode::Read).await?;
        if self.config.table.is_some() {
            place.within("connecting", database.prefer_order()).await?;
        }
        let table = self.find_table(&place, &mut database).await?;
        let header = Arc::new(Header::new(table.columns.iter().map(|column| column.name.as_str())));
        let flags = table.columns.iter().map(|column| self.flags.contains(&column.name)).collect();
        Ok(Link { place, database, table, header, flags })
    }

    async fn find_table(
        &self,
        place: &Place,
        database: &mut Database,
    ) -> Result<Table, ConnectorError> {
        let (dialect, origin) = (place.system.dialect, self.config.origin());
        let from = match (&self.config.table, &self.config.query) {
            (Some(table), _) => dialect.quote_table(table),
            (None, query) => {
                let query = query.as_deref().unwrap_or_default().trim();
                format!("({})", query.trim_end_matches(';'))
            }
        };
        let doing = format!("looking at {origin}");
        let all = place.within(&doing, describe::columns(database, &from)).await?;
        let named = self.config.named_key();
        // SQLite allows NULL in a primary key.
        let tie_may_be_null = named.is_some() || dialect == Dialect::Sqlite;
        let key = match (named, &self.config.table) {
            (Some(names), _) => names,
            (None, Some(table)) => {
                place.within(&doing, describe::primary_key(database, table)).await?
            }
            (None, None) => Vec::new(),
        };
        if key.is_empty() {
            return Err(ConnectorError::Config(format!(
                "{}: {origin} has no primary key: name the columns that tell its rows apart, as \
                 `watermark.tie` or, without a watermark, as `key`",
                place.system
            )));
        }
        let find = |name: &String| find(&place.system, origin, &all, name);
        let order = |name: &String| {
            let column = find(name)?;
            match dialect.can_order_by(&column) {
                true => Ok(column),
                false => Err(ConnectorError::Config(format!(
                    "{}: {origin}: rows cannot be put in order by column {name}",
                    place.system
                ))),
            }
        };
        let tie = key.iter().map(order).collect::<Result<_, _>>()?;
        let watermark = self.config.watermark.as_ref().map(|watermark| &watermark.column);
        let watermark = watermark.map(order).transpose()?;
        let columns = match &self.config.columns {
            Some(names) => names.iter().map(find).collect::<Result<_, _>>()?,
            None => all,
        };
        refuse_bytes(&place.system, origin, &columns)?;
        Ok(Table { dialect, from, columns, watermark, tie, tie_may_be_null })
    }
}

fn find(
    system: &System,
    origin: &str,
    columns: &[Column],
    name: &str,
) -> Result<Column, ConnectorError> {
    columns.iter().find(|column| column.name == name).cloned().ok_or_else(|| {
        let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
        let problem = format!("{origin} has no column {name}; it has {}", names.join(", "));
        unfit(system, problem)
    })
}

fn refuse_bytes(system: &System, origin: &str, columns: &[Column]) -> Result<(), ConnectorError> {
    match columns.iter().find(|column| column.kind == Kind::Bytes) {
        None => Ok(()),
        Some(column) => Err(ConnectorError::Config(format!(
            "{system}: {origin}: column {} holds bytes ({}), which no data item can hold: name \
             the others under `columns:`",
            column.name, column.sql_type
        ))),
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
