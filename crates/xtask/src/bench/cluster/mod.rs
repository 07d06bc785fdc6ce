//! `bench cluster`: a table of one PostgreSQL over Kafka into the population library in another.
//!
//! All checks are on. Beside it stands what PostgreSQL does alone: `COPY` out of the one, `COPY`
//! into the other and one `INSERT … ON CONFLICT`. Then a fifth of the rows changes, and rows are
//! pushed to see how fresh the library is.

mod raw;
mod servers;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use sqlx::{Connection, PgConnection};
use yiku_core::entry::EntryVersion;

use self::servers::{Effort, Servers};
use super::{
    Figure, Size,
    pushing::{Arrivals, Door, Pace, milliseconds},
};
use crate::{
    ground::{Ground, until},
    household,
    hub::{self, Hub},
    test_run,
};

/// Measures.
pub fn run(size: Size) -> Result<Vec<Figure>> {
    test_run::install_servers()?;
    let program = hub::build()?;
    let servers = Servers::start();
    tokio::runtime::Runtime::new()?.block_on(measure(&program, &servers, size))
}

async fn measure(program: &Path, servers: &Servers, size: Size) -> Result<Vec<Figure>> {
    let (persons, seconds) = match size {
        Size::Usual => (500_000, 20),
        Size::Long => (2_000_000, 600),
    };
    let catalog = household::catalog()?;
    let entry = household::entry(&catalog)?;
    servers.make_source(entry).await?;
    let mut city = City::begin(program, servers).await?;
    eprintln!("filling a table with {persons} persons");
    servers.fill_source(entry, persons).await?;

    let mut beside = vec![raw::pipe(servers, entry, raw::ALL).await?];
    let first = city.load("first load", persons).await?;
    let memory = city.hub.peak_rss_mb();
    raw::forget(servers).await?;
    beside.push(raw::pipe(servers, entry, raw::ALL).await?);

    let changed = servers.change_a_fifth().await?;
    ensure!(changed == persons.div_ceil(5), "a fifth of the rows changes, not {changed}");
    let mut beside_changes = vec![raw::pipe(servers, entry, raw::CHANGED).await?];
    let changes = city.load("a fifth changed", changed).await?;
    beside_changes.push(raw::pipe(servers, entry, raw::CHANGED).await?);

    let mean = |speeds: Vec<f64>| speeds.iter().sum::<f64>() / speeds.len() as f64;
    let (first, changes) = ((first, mean(beside)), (changes, mean(beside_changes)));
    let mut figures = vec![
        Figure::speed("cluster-first", "rows/s", first, "COPY and INSERT", 0.4),
        Figure::speed("cluster-changes", "rows/s", changes, "COPY and INSERT", 0.4),
        Figure::within("cluster-memory", "MB", memory, MEMORY_MB),
    ];
    figures.extend(city.push(entry, persons, seconds).await?);
    city.hub.stop().await?;
    Ok(figures)
}

/// MB that the hub may hold.
const MEMORY_MB: f64 = 400.0;

/// A hub on Kafka and PostgreSQL with one source.
struct City<'a> {
    hub: Hub,
    ground: Ground,
    servers: &'a Servers,
    store: PgConnection,
    loaded: u64,
}

impl<'a> City<'a> {
    async fn begin(program: &Path, servers: &'a Servers) -> Result<Self> {
        let ground = Ground::with(program, &servers.hub_settings()).await?;
        let source = format!(
            "entry: {}@1\nsource: {{ kind: sql, url: {{ file: source.url }}, table: household, \
             watermark: {{ column: updated_at, tie: citizen_id }} }}\nevery: 1d\n",
            household::ENTRY,
        );
        ground.write("data/secrets/source.url", &servers.source)?;
        ground.connector("household", &source)?;
        let mut hub = ground.start().await?;
        // The first look finds an empty table.
        let deadline = Instant::now() + Duration::from_secs(30);
        while !hub.status().await?.settled {
            ensure!(Instant::now() < deadline, "the hub finds no rest: {}", hub.last_words());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        hub.check_alive()?;
        let store = PgConnection::connect(&servers.library).await?;
        Ok(Self { hub, ground, servers, store, loaded: 0 })
    }

    /// Rows a second, from the first look to the last row in the library and the last receipt in
    /// the store.
    async fn load(&mut self, what: &str, rows: u64) -> Result<f64> {
        self.loaded += rows;
        let before = Effort::so_far(&self.hub, self.servers);
        let started = Instant::now();
        self.hub.tell(&["connector", "run", "household"]).await?;
        let Self { hub, store, loaded, .. } = self;
        let sql = "SELECT CAST(least(
            (SELECT sum(new + changed + unchanged + removed + superseded + refused)
             FROM yiku.merge_batch),
            (SELECT sum(accepted) FROM yiku.batch)) AS BIGINT)";
        until(hub, *loaded, async || {
            let count: Option<i64> = sqlx::query_scalar(sql).fetch_one(&mut *store).await?;
            Ok(count.unwrap_or(0).cast_unsigned())
        })
        .await?;
        let speed = rows as f64 / started.elapsed().as_secs_f64();
        let effort = Effort::so_far(&self.hub, self.servers).since(&before, rows);
        eprintln!("{what}: {speed:.0} rows/s; {effort}");
        Ok(speed)
    }

    /// How long pushed rows take until they are in the library.
    async fn push(&self, entry: &EntryVersion, first: u64, seconds: u64) -> Result<Vec<Figure>> {
        let door = Door::open(&self.hub, self.ground.address(), entry).await?;
        let arrivals = self.watch().await?;
        let sent = door.push(Pace { seconds, ..PACE }, first).await?;
        let took = arrivals.since(&sent)?;
        eprintln!("half of the pushed rows are there after {:.0} ms", milliseconds(&took, 0.5));
        Ok(vec![
            Figure::within("cluster-push-p99", "ms", milliseconds(&took, 0.99), 150.0),
            Figure::within("cluster-memory-at-end", "MB", self.hub.peak_rss_mb(), MEMORY_MB),
        ])
    }

    /// Watches for persons that were not loaded before.
    async fn watch(&self) -> Result<Arrivals> {
        let mut library = PgConnection::connect(&self.servers.library).await?;
        let last = "SELECT coalesce(max(_id), 0) FROM yiku.entity_population__person";
        let loaded: i64 = sqlx::query_scalar(last).fetch_one(&mut library).await?;
        let sql = "SELECT _id, _key FROM yiku.entity_population__person WHERE _id > $1
                   ORDER BY _id";
        let runtime = tokio::runtime::Handle::current();
        Ok(Arrivals::watch(Duration::from_millis(5), move |after| {
            let rows = sqlx::query_as(sql).bind(after.max(loaded)).fetch_all(&mut library);
            Ok(runtime.block_on(rows)?)
        }))
    }
}

const PACE: Pace = Pace { connections: 16, requests_per_s: 200, rows: 10, seconds: 20 };
