//! Writing parcels into a table.
//!
//! A parcel is one transaction: deletes by key, then upserts by key, many rows to a statement. Both
//! have the same effect when they are repeated, so nothing is kept in the far database to tell a
//! repeated parcel. Rows that the database refuses are found by halving the statement's rows; all
//! others are written. A parcel for a SQLite file takes the quick road first.

use std::{ops::Range, sync::Arc};

use async_trait::async_trait;
use yiku_connector::{
    Access, ChangeKind, ConnectorError, Parcel, Refused, Settled, Sink, Surroundings,
    effort::{self, Step},
};
use yiku_core::{batch::Row, derive::TableColumn};

use crate::{
    config::SinkConfig,
    database::{Database, Mode, Place},
    failure::refusal,
    quick,
    target::{self, Shape, Target},
    write::Deed,
};

/// Opens a sink. Reads the secret and connects only when it is first asked something.
pub fn open(config: serde_json::Value, access: &Access) -> Result<Box<dyn Sink>, ConnectorError> {
    let config = SinkConfig::read(config)?;
    Ok(Box::new(SqlSink { config, access: access.clone(), link: None }))
}

struct SqlSink {
    config: SinkConfig,
    access: Access,
    /// Given up after an error; the next parcel connects anew.
    link: Option<Link>,
}

struct Link {
    place: Place,
    database: Database,
    /// Once it was found to fit, with the columns it was looked at for.
    target: Option<(Arc<[TableColumn]>, Target)>,
    /// The quick road, where there is one.
    quick: Option<rusqlite::Connection>,
}

#[async_trait]
impl Sink for SqlSink {
    async fn check(&mut self) -> Result<(), ConnectorError> {
        let SinkConfig { url, table, create } = &self.config;
        let surroundings = &self.access.surroundings;
        let place = Place::read(&url.read(surroundings)?, &surroundings.folder)?;
        if *create && place.file_can_be_made() {
            return Ok(());
        }
        let mut database = place.connect(Mode::Read).await?;
        let shape = Shape { columns: &self.access.columns, key: &self.access.key };
        target::find(&place, &mut database, table, shape, *create).await?;
        database.close().await;
        Ok(())
    }

    async fn deliver(&mut self, parcel: &Parcel) -> Result<Settled, ConnectorError> {
        let mut link = match self.link.take() {
            Some(link) => link,
            None => connect(&self.config, &self.access.surroundings).await?,
        };
        let target = link.target(&self.config, parcel).await?;
        let doing = format!("writing {}", self.config.table);
        let refused = match link.write_quickly(&target, parcel).await {
            true => Vec::new(),
            false => {
                let Link { place, database, .. } = &mut link;
                place.within(&doing, write_parcel(database, &target, parcel)).await?
            }
        };
        self.link = Some(link);
        Ok(Settled { refused })
    }
}

impl Link {
    /// The table, looked at again when the parcel's columns are other ones.
    async fn target(
        &mut self,
        config: &SinkConfig,
        parcel: &Parcel,
    ) -> Result<Target, ConnectorError> {
        if let Some((columns, target)) = &self.target
            && *columns == parcel.columns
            && target.key == *parcel.key
        {
            return Ok(target.clone());
        }
        let shape = Shape { columns: &parcel.columns, key: &parcel.key };
        let (place, database, table) = (&self.place, &mut self.database, &config.table);
        let target = match target::find(place, database, table, shape, config.create).await? {
            Some(target) => target,
            None => {
                target::make(place, database, table, shape).await?;
                let found = target::find(place, database, table, shape, false).await?;
                found.expect("a table that is not made is an error")
            }
        };
        self.target = Some((parcel.columns.clone(), target.clone()));
        Ok(target)
    }

    /// Whether the quick road took the whole parcel.
    async fn write_quickly(&mut self, target: &Target, parcel: &Parcel) -> bool {
        let opened = self.quick.take().or_else(|| quick::open(self.place.file()?).ok());
        let Some(mut connection) = opened else { return false };
        let (target, parcel) = (target.clone(), parcel.clone());
        let writing = tokio::task::spawn_blocking(move || {
            let write = || quick::write(&mut connection, &target, &parcel);
            effort::spend(Step::Deliver, write).map(|()| connection)
        });
        self.quick = writing.await.ok().and_then(Result::ok);
        self.quick.is_some()
    }
}

async fn connect(config: &SinkConfig, surroundings: &Surroundings) -> Result<Link, ConnectorError> {
    let url = config.url.read(surroundings)?;
    let place = Place::read(&url, &surroundings.folder)?;
    let mode = if config.create { Mode::Make } else { Mode::Write };
    let database = place.connect(mode).await?;
    Ok(Link { place, database, target: None, quick: None })
}

async fn write_parcel(
    database: &mut Database,
    target: &Target,
    parcel: &Parcel,
) -> Result<Vec<Refused>, sqlx::Error> {
    let of_kind = |kind| {
        let indexes = parcel.changes.iter().enumerate().filter(move |(_, c)| c.kind == kind);
        indexes.map(|(index, _)| index).collect::<Vec<_>>()
    };
    let mut refused = Vec::new();
    database.begin().await?;
    for (kind, deed) in [(ChangeKind::Withdraw, Deed::Delete), (ChangeKind::Upsert, Deed::Upsert)] {
        write_rows(database, target, parcel, deed, &of_kind(kind), &mut refused).await?;
    }
    database.execute_text("COMMIT").await?;
    refused.sort_by_key(|refused: &Refused| refused.index);
    Ok(refused)
}

/// Writes rows, as many at once as will go; halves a statement that is refused.
async fn write_rows(
    database: &mut Database,
    target: &Target,
    parcel: &Parcel,
    deed: Deed,
    indexes: &[usize],
    refused: &mut Vec<Refused>,
) -> Result<(), sqlx::Error> {
    let mut waiting = database.portions(target, deed, indexes.len());
    waiting.reverse();
    let mut rows: Vec<Row<'_>> = Vec::new();
    while let Some(Range { start, end }) = waiting.pop() {
        rows.clear();
        rows.extend(indexes[start..end].iter().map(|&index| parcel.cells.row(index)));
        database.savepoint("SAVEPOINT portion").await?;
        let Err(error) = database.write(target, deed, &rows).await else {
            database.savepoint("RELEASE SAVEPOINT portion").await?;
            continue;
        };
        let Some(reason) = refusal(target.dialect, &error) else { return Err(error) };
        database.savepoint("ROLLBACK TO SAVEPOINT portion").await?;
        if end - start == 1 {
            refused.push(Refused { index: indexes[start], reason });
        } else {
            let middle = start + (end - start) / 2;
            waiting.extend([middle..end, start..middle]);
        }
    }
    Ok(())
}
