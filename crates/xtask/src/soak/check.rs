//! What must hold once the load pauses: every row counted once, library and subscribers as the
//! newest good rows say, books balanced.

use std::{collections::HashMap, path::Path, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use rusqlite::{Connection, OpenFlags};
use tokio::time::{self, Instant};
use yiku_core::entry::EntryVersion;

use super::{sent::Sent, subscriber::Subscriber};
use crate::{
    ground::Ground,
    hub::{
        Hub,
        answer::{Books, Status},
    },
};

/// Waits until the hub is at rest and everything is as it must be; says what is not when that does
/// not come about.
pub async fn at_rest(
    hub: &mut Hub,
    ground: &Ground,
    entry: &EntryVersion,
    sent: &Sent,
    subscriber: &Subscriber,
) -> Result<()> {
    let expected = sent.workplaces(entry);
    let deadline = Instant::now() + REST_TIMEOUT;
    loop {
        hub.check_alive()?;
        let status = hub.status().await?;
        let found = counts(&status, sent).and_then(|()| {
            same("the library", &expected, &library(ground)?)?;
            same("the webhook", &expected, &subscriber.workplaces()?)?;
            same("the table", &expected, &table(&ground.path().join("person.db"), "person")?)
        });
        match found {
            Ok(()) if status.settled => break,
            Ok(()) if Instant::now() > deadline => bail!("the hub never says that it has settled"),
            Err(error) if Instant::now() > deadline => {
                let connectors: Vec<_> =
                    status.connectors.iter().filter_map(|one| one.error.as_ref()).collect();
                return Err(error.context(format!("connectors say {connectors:?}")));
            }
            _ => time::sleep(Duration::from_millis(50)).await,
        }
    }
    books(&hub.reconcile().await?)
}

/// The books must balance at any moment.
pub fn books(books: &Books) -> Result<()> {
    let wrong = books.equations.iter().find(|equation| !equation.holds);
    ensure!(books.balanced, "the books do not balance: {wrong:?}");
    Ok(())
}

/// No row is lost and none is counted twice.
fn counts(status: &Status, sent: &Sent) -> Result<()> {
    let (rows, bad) = sent.counts();
    let found = (status.rows.pulled, status.rows.accepted, status.rows.rejected);
    ensure!(
        found == (rows, rows - bad, bad),
        "{rows} rows were sent, {bad} of them bad; the hub counts pulled, accepted and rejected \
         {found:?}"
    );
    Ok(())
}

fn same(
    what: &str,
    expected: &HashMap<String, String>,
    found: &HashMap<String, String>,
) -> Result<()> {
    ensure!(
        expected.len() == found.len(),
        "{what} has {} persons instead of {}",
        found.len(),
        expected.len()
    );
    // The workplaces carry the numbers of rows; the persons are made up.
    for (person, workplace) in expected {
        let other = found.get(person).with_context(|| format!("{what} lacks {person}"))?;
        ensure!(other == workplace, "{what} has {other} for {person} instead of {workplace}");
    }
    Ok(())
}

fn library(ground: &Ground) -> Result<HashMap<String, String>> {
    let sql = "SELECT 'entity_' || table_name FROM subject WHERE name = 'population.person'";
    let name: String = ground.store()?.query_row(sql, [], |row| row.get(0))?;
    workplaces(&ground.store()?, &name)
}

fn table(path: &Path, table: &str) -> Result<HashMap<String, String>> {
    let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    database.busy_timeout(Duration::from_secs(10))?;
    workplaces(&database, table)
}

fn workplaces(database: &Connection, table: &str) -> Result<HashMap<String, String>> {
    let sql = format!("SELECT citizen_id, workplace FROM {table}");
    let mut statement = database.prepare(&sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

const REST_TIMEOUT: Duration = Duration::from_secs(60);
