//! A hub on what a disk has kept: is everything there that was promised?

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection, sqlite::SqliteConnectOptions};
use yiku_bus::{Bus, Embedded, PUBLICATIONS, ReadLimit};
use yiku_core::publication::Publication;
use yiku_tests::{Hub, power::Files};

use crate::{
    catalog,
    load::{Recorded, lay_connectors, send},
    subscriber::{self, Parcel, Subscriber},
    truth::{self, Content},
};

/// Checks that the hub opens the folder by itself, that the books balance, and that everything is
/// there which anybody was told before the recording was so long.
pub fn opened(recorded: &Recorded, at: u64, files: &Files) -> Result<(), String> {
    let hub = laid(files);
    balances(&hub)?;
    promises_kept(recorded, at, &hub)
}

/// Checks that a started hub goes on, takes what was not answered again, and ends where one ends
/// whose power never went.
pub fn served(recorded: &Recorded, at: u64, files: &Files) -> Result<(), String> {
    let mut hub = laid(files);
    balances(&hub)?;
    promises_kept(recorded, at, &hub)?;
    let ended = hub.yiku(&["catalog", "publish", "--all"]);
    if !ended.success {
        return Err(format!("the catalog cannot be published: {ended:?}"));
    }
    let token = match at >= recorded.ready_at {
        true => recorded.token.clone(),
        false => hub.token("health"),
    };
    let before = |parcel: &&Parcel| parcel.at <= at;
    let got = recorded.parcels.iter().filter(before).cloned().collect();
    let subscriber = Subscriber::new(got, Path::new(""));
    lay_connectors(&hub, &recorded.source, &subscriber);
    hub.start();
    // Each sender repeats what it has no answer for, and one that it has one for.
    let (answered, open): (Vec<_>, Vec<_>) =
        recorded.pushes.iter().partition(|(_, answered)| *answered <= at);
    for (push, _) in answered.last().into_iter().chain(&open) {
        match send(&hub, &token, push) {
            Some((200, _)) => {}
            other => return Err(format!("{}: {other:?}", push.key)),
        }
    }
    hub.settles();
    let pushes: Vec<_> = recorded.pushes.iter().map(|(push, _)| push).collect();
    let bad = pushes.iter().map(|push| push.bad).sum::<usize>()
        + recorded.files.iter().map(|file| file.bad).sum::<usize>();
    let status = hub.ask(&["status"]);
    let states = status["quarantine"].as_array().into_iter().flatten();
    let rejected = states.filter_map(|one| one["count"].as_u64()).sum::<u64>() as usize;
    balances(&hub)?;
    if !hub.stop() {
        return Err(format!("the hub did not stop well\n{}", hub.log()));
    }
    promises_kept(recorded, at, &hub)?;
    let expected = truth::content(&pushes, &recorded.files);
    same("the library", &expected, &library(&hub))?;
    same("the subscriber", &expected, &subscriber::content(&subscriber.got())?)?;
    match rejected == bad {
        true => Ok(()),
        false => Err(format!("{rejected} rows in quarantine, {bad} were bad")),
    }
}

/// A hub whose data folder holds these files.
fn laid(files: &Files) -> Hub {
    let hub = Hub::unpublished(&catalog(), "");
    files.iter().for_each(|(name, bytes)| hub.write(format!("data/{name}"), bytes));
    hub
}

fn balances(hub: &Hub) -> Result<(), String> {
    let ended = hub.yiku(&["reconcile"]);
    match ended.success {
        true => Ok(()),
        false => Err(format!("the books do not balance: {ended:?}")),
    }
}

/// Each answered push is on the bus once, no other more than once; each parcel that the subscriber
/// has is known to the hub.
fn promises_kept(recorded: &Recorded, at: u64, hub: &Hub) -> Result<(), String> {
    let data = hub.folder().join("data");
    let (published, frozen) = wait_for(async { (published(&data).await, frozen(&data).await) });
    let twice = published.iter().find(|(_, times)| **times > 1);
    if let Some((key, times)) = twice {
        return Err(format!("{key} was published {times} times"));
    }
    let answered = recorded.pushes.iter().filter(|(_, answered)| *answered <= at);
    let mut lost = answered.map(|(push, _)| &push.key).filter(|key| !published.contains_key(*key));
    if let Some(key) = lost.next() {
        return Err(format!("{key} was answered and is lost, as are {} more", lost.count()));
    }
    let mut sent = recorded.parcels.iter().filter(|parcel| parcel.at <= at);
    match sent.find(|parcel| !frozen.contains(&parcel.key)) {
        Some(parcel) => Err(format!("parcel {} left the house, the hub forgot it", parcel.key)),
        None => Ok(()),
    }
}

/// How often each request was published.
async fn published(data: &Path) -> BTreeMap<String, u32> {
    let bus = Embedded::open(data).await.expect("the hub has opened it");
    let (mut from, mut published) = (0, BTreeMap::new());
    loop {
        let read = bus.read(PUBLICATIONS, 0, from, ReadLimit::default()).await;
        let read = read.expect("the hub has read it");
        if read.next == from {
            return published;
        }
        from = read.next;
        for record in read.batches.iter().flat_map(|batch| batch.records.iter()) {
            let one = Publication::parse(record.expect("an undamaged record").body);
            if let Some(push) = one.expect("a publication").idempotency {
                *published.entry(push.key).or_default() += 1;
            }
        }
    }
}

/// Keys of the parcels that the store knows.
async fn frozen(data: &Path) -> BTreeSet<String> {
    let rows = query(data, "SELECT idempotency FROM delivery").await;
    rows.iter().map(|row| row.get(0)).collect()
}

/// What the library holds.
fn library(hub: &Hub) -> Content {
    let data = hub.folder().join("data");
    wait_for(async {
        let table = "SELECT 'entity_' || table_name FROM subject WHERE name = 'population.patient'";
        let table: String = query(&data, table).await[0].get(0);
        let rows = query(&data, &format!("SELECT _key, fee FROM {table}")).await;
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    })
}

async fn query(data: &Path, sql: &str) -> Vec<sqlx::sqlite::SqliteRow> {
    let options = SqliteConnectOptions::new().filename(data.join("store.db")).read_only(true);
    let mut store = SqliteConnection::connect_with(&options).await.expect("the hub has opened it");
    let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut store).await;
    rows.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

fn wait_for<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(work)
}

fn same(whose: &str, expected: &Content, found: &Content) -> Result<(), String> {
    let differs = expected.iter().find(|(no, fee)| found.get(*no) != Some(fee));
    if let Some((no, fee)) = differs {
        return Err(format!("{whose}: {no} should have {fee}, has {:?}", found.get(no)));
    }
    match expected.len() == found.len() {
        true => Ok(()),
        false => Err(format!("{whose}: {} rows, {} expected", found.len(), expected.len())),
    }
}
