//! `bench load`: a CSV file through the whole hub into the population library, and out again.
//!
//! Everything is on: checks, bus, receipts, records, history. Beside it stands what SQLite itself
//! does with the same file and the same table. Then the same persons come again, unchanged and with
//! one of a hundred changed, and all changes are delivered to CSV and SQL sinks.

mod effort;
mod plain;

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use rusqlite::Connection;

use effort::Effort;

use super::{Figure, Size, figure};
use crate::{
    ground::{self, Ground, until_count},
    household,
    hub::{self, Hub},
};

/// Measures.
pub fn run(size: Size) -> Result<Vec<Figure>> {
    let program = hub::build()?;
    tokio::runtime::Runtime::new()?.block_on(measure(&program, size))
}

async fn measure(program: &Path, size: Size) -> Result<Vec<Figure>> {
    let persons = match size {
        Size::Usual => 1_000_000,
        Size::Long => 10_000_000,
    };
    let catalog = household::catalog()?;
    let entry = household::entry(&catalog)?;
    let files = tempfile::Builder::new()
        .prefix("bench-")
        .tempdir_in(program.parent().expect("a program lies in a folder"))?;
    let file = |name: &str| files.path().join(name);
    eprintln!("writing files of {persons} persons");
    household::write_csv(&file("first.csv"), entry, persons, |_| false)?;
    household::write_csv(&file("percent.csv"), entry, persons, |number| number % 100 == 0)?;

    let pairs = if size == Size::Long { 1 } else { 3 };
    let (mut ours, mut beside, mut held) = (Vec::new(), Vec::new(), None);
    for _ in 0..pairs {
        drop(held.take());
        let mut bench = Load::begin(program, persons).await?;
        ours.push(bench.load(&file("first.csv")).await?);
        beside.push(plain::bulk_load(&bench.store, &file("first.csv"), &file("plain.db"))?);
        held = Some(bench);
    }
    let mut bench = held.expect("there is a pair");
    let (first, plain) = (figure::median(ours), figure::median(beside));
    let memory = bench.hub.peak_rss_mb();
    let again = bench.load(&file("first.csv")).await?;
    ensure!(bench.counts()? == (persons, 0), "the same rows again change nothing");
    let percent = bench.load(&file("percent.csv")).await?;
    let changed = persons.div_ceil(100);
    ensure!(bench.counts()? == (persons + changed, changed), "exactly what changed is history");
    eprintln!("one of a hundred changed: {percent:.0} rows/s");
    let mut figures = vec![
        Figure::speed("load-first", "rows/s", (first, plain), "sqlite bulk load", 1.0 / 3.0),
        Figure::speed("load-unchanged", "rows/s", (again, first), "the first load", 2.0),
        Figure::within("load-memory", "MB", memory, MEMORY_MB),
    ];
    figures.extend(bench.deliver(&file("plain.out")).await?);
    bench.hub.stop().await?;
    Ok(figures)
}

/// MB that the hub may hold while it loads.
const MEMORY_MB: f64 = 300.0;

/// A hub with one source, and sinks that are paused until everything is loaded.
struct Load {
    hub: Hub,
    store: Connection,
    ground: Ground,
    persons: u64,
    loads: u64,
}

impl Load {
    async fn begin(program: &Path, persons: u64) -> Result<Self> {
        let ground = Ground::new(program).await?;
        fs::create_dir(ground.path().join("in"))?;
        let folder = ground.path().join("in").display().to_string();
        let source = format!(
            "entry: {}@1\nsource: {{ kind: files, folder: {folder}, settle: 100ms }}\nevery: 1d\n",
            household::ENTRY
        );
        ground.connector("household", &source)?;
        for (name, sink) in SINKS {
            let folder = ground.path().display().to_string();
            ground.write(
                &format!("data/secrets/{name}.url"),
                &format!("sqlite:{folder}/{name}.db"),
            )?;
            fs::create_dir(ground.path().join(name))?;
            let sink = sink.replace("FOLDER", &format!("{folder}/{name}")).replace("NAME", name);
            let yaml =
                format!("grant: {}\nsink: {sink}\nstart: changes\nevery: 1s\n", ground::GRANT);
            ground.connector(name, &yaml)?;
        }
        let mut hub = ground.start().await?;
        let store = ground.store()?;
        let subscribed = "SELECT count(*) FROM subscription";
        until_count(&store, &mut hub, subscribed, SINKS.len() as u64).await?;
        for (name, _) in SINKS {
            hub.tell(&["connector", "pause", name]).await?;
        }
        Ok(Self { hub, store, ground, persons, loads: 0 })
    }

    /// Rows a second, from the file's being there to its last row in the library and its last
    /// receipt in the store.
    async fn load(&mut self, file: &Path) -> Result<f64> {
        self.loads += 1;
        fs::hard_link(file, self.ground.path().join(format!("in/{}.csv", self.loads)))?;
        tokio::time::sleep(Duration::from_millis(200)).await; // so that it was left alone
        let before = Effort::so_far(&self.hub, &self.ground).await?;
        let started = Instant::now();
        self.hub.tell(&["connector", "run", "household"]).await?;
        let sql = "SELECT min((SELECT coalesce(sum(to_offset - from_offset), 0) FROM merge_batch),
                              (SELECT coalesce(sum(accepted), 0) FROM batch))";
        until_count(&self.store, &mut self.hub, sql, self.loads * self.persons).await?;
        let speed = self.persons as f64 / started.elapsed().as_secs_f64();
        let effort = Effort::so_far(&self.hub, &self.ground).await?.since(&before, self.persons);
        eprintln!("{}: {speed:.0} rows/s; {effort}", file.display());
        Ok(speed)
    }

    /// Changes of the library, and rows that were replaced.
    fn counts(&self) -> Result<(u64, u64)> {
        let table = plain::library_table(&self.store)?;
        let changes: i64 = self.store.query_row(
            "SELECT sum(last) FROM shard s JOIN subject t ON t.id = s.subject_id
             WHERE t.name = 'population.person'",
            [],
            |row| row.get(0),
        )?;
        let sql = format!("SELECT count(*) FROM {}", table.replace("entity_", "history_"));
        let history: i64 = self.store.query_row(&sql, [], |row| row.get(0))?;
        Ok((changes.cast_unsigned(), history.cast_unsigned()))
    }

    /// Delivers all changes to each sink, in turn with one SELECT and one file or transaction.
    async fn deliver(&mut self, plain: &Path) -> Result<Vec<Figure>> {
        let (csv, sql) = SINKS.split_at(SINKS.len() / 2);
        let csv = self.deliver_beside(csv, |store| plain::to_csv(store, plain)).await?;
        let sql = self.deliver_beside(sql, |store| plain::to_sql(store, plain)).await?;
        Ok(vec![
            Figure::speed("deliver-csv", "rows/s", csv, "one SELECT and fsync", 0.5),
            Figure::speed("deliver-sql", "rows/s", sql, "one SELECT and transaction", 0.5),
        ])
    }

    async fn deliver_beside(
        &mut self,
        sinks: &[(&str, &str)],
        plain: impl Fn(&Connection) -> Result<f64>,
    ) -> Result<(f64, f64)> {
        let (changes, _) = self.counts()?;
        let (mut ours, mut beside) = (Vec::new(), Vec::new());
        for (name, _) in sinks {
            let before = Effort::so_far(&self.hub, &self.ground).await?;
            let started = Instant::now();
            self.hub.tell(&["connector", "resume", name]).await?;
            let sql = format!(
                "SELECT coalesce(sum(to_number - from_number), 0) FROM delivery
                 WHERE settled = 1 AND subscription = '{name}'"
            );
            until_count(&self.store, &mut self.hub, &sql, changes).await?;
            ours.push(changes as f64 / started.elapsed().as_secs_f64());
            self.ground.remove(name)?;
            self.ground.remove(&format!("{name}.db"))?;
            let effort = Effort::so_far(&self.hub, &self.ground).await?.since(&before, changes);
            eprintln!("{name}: {:.0} changes/s; {effort}", ours[ours.len() - 1]);
            beside.push(plain(&self.store)?);
        }
        Ok((figure::median(ours), figure::median(beside)))
    }
}

/// Three of each; what each wrote is gone before the next one begins.
const SINKS: [(&str, &str); 6] = [
    ("csv-1", CSV),
    ("csv-2", CSV),
    ("csv-3", CSV),
    ("sql-1", SQL),
    ("sql-2", SQL),
    ("sql-3", SQL),
];
const CSV: &str = "{ kind: files, folder: FOLDER, format: csv }";
const SQL: &str = "{ kind: sql, url: { file: NAME.url }, table: person, create: true }";
