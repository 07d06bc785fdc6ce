//! One huge input and the hub that gets it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use yiku_core::entry::EntryVersion;

use super::Scale;
use crate::{
    bench::Figure,
    ground::Ground,
    household,
    hub::{
        Hub,
        answer::{Connector, Status},
    },
};

/// A hub with a connector `huge` and a neighbour. The input is put in before the hub starts.
pub struct Trial {
    pub ground: Ground,
    name: &'static str,
}

/// A hub that has begun to work on the input.
pub struct Running {
    pub hub: Hub,
    trial: Trial,
    started: Instant,
}

/// What must come of an input.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Rows that are accepted.
    pub accepted: u64,
    /// Persons that are then in the library; as many as rows when left out.
    pub persons: Option<u64>,
    /// File and line of the only row in quarantine.
    pub rejected: Option<(String, u64)>,
    /// How many rows are in quarantine, if they are many.
    pub many_rejected: u64,
    /// What its violation, or the connector's error, says.
    pub says: &'static str,
    /// Whether the connector has an error.
    pub fails: bool,
}

impl Outcome {
    fn rows_rejected(&self) -> u64 {
        self.many_rejected + u64::from(self.rejected.is_some())
    }

    fn brings(&self) -> bool {
        self.accepted + self.rows_rejected() > 0 || self.fails
    }
}

impl Trial {
    /// A fresh folder for the input, with the hub's usual limits, or `settings` instead.
    pub async fn new(program: &Path, name: &'static str, settings: &str) -> Result<Self> {
        eprintln!("-- {name}");
        let ground = Ground::new(program).await?;
        let http = format!("[http]\nlisten = \"{}\"\n", ground.address());
        ground.write("yiku.toml", &format!("{http}{settings}"))?;
        for connector in ["huge", NEIGHBOUR] {
            let folder = ground.path().join("in").join(connector);
            fs::create_dir_all(&folder)?;
            let every = if connector == NEIGHBOUR { "1s" } else { "10s" };
            let yaml = format!(
                "entry: {}@1\nsource: {{ kind: files, folder: {}, settle: 0s }}\nevery: {every}\n",
                household::ENTRY,
                folder.display()
            );
            ground.connector(connector, &yaml)?;
        }
        let trial = Self { ground, name };
        trial.neighbours(0)?;
        Ok(trial)
    }

    /// Where a file of the input goes.
    pub fn input(&self, name: &str) -> PathBuf {
        self.ground.path().join("in/huge").join(name)
    }

    /// Two more rows of the neighbour, persons whom no input knows.
    fn neighbours(&self, number: u64) -> Result<()> {
        let catalog = household::catalog()?;
        let entry = household::entry(&catalog)?;
        let path = self.ground.path().join(format!("{number}.csv"));
        let mut writer = csv::Writer::from_path(&path)?;
        writer.write_record(entry.items.iter().map(|item| &item.name))?;
        for person in 0..2 {
            writer.write_record(household::row(entry, NEIGHBOURS_FROM + 2 * number + person))?;
        }
        writer.flush()?;
        Ok(fs::rename(&path, self.ground.path().join(format!("in/{NEIGHBOUR}/{number}.csv")))?)
    }

    /// Starts the hub. The neighbour must not wait for the huge input.
    pub async fn start(self) -> Result<Running> {
        let hub = self.ground.start().await?;
        let mut running = Running { hub, trial: self, started: Instant::now() };
        running.until(|status| of(status, NEIGHBOUR).is_some_and(|one| one.accepted == 2)).await?;
        let waited = running.started.elapsed();
        ensure!(waited < NEIGHBOUR_PATIENCE, "the neighbour had to wait for {waited:?}");
        Ok(running)
    }

    /// Starts the hub, waits until it has settled, and looks at what came of it.
    pub async fn judge(self, outcome: &Outcome) -> Result<Figure> {
        self.start().await?.judge(outcome).await
    }
}

impl Running {
    /// The folder.
    pub fn ground(&self) -> &Ground {
        &self.trial.ground
    }

    /// Waits until the hub has settled, and looks at what came of the input.
    pub async fn judge(mut self, outcome: &Outcome) -> Result<Figure> {
        // Before it has looked, a hub is settled, too.
        let looked = |status: &Status| {
            let error = of(status, "huge").is_some_and(|one| one.error.is_some());
            brought(status) + status.rows.rejected > 0 || error || !outcome.brings()
        };
        let status = self.until(|status| status.settled && looked(status)).await?;
        let seconds = self.started.elapsed().as_secs_f64();
        self.compare(&status, outcome).await.with_context(|| self.hub.last_words())?;
        self.trial.neighbours(1)?;
        let status = self
            .until(|status| {
                status.settled && of(status, NEIGHBOUR).is_some_and(|one| one.accepted == 4)
            })
            .await?;
        let rows: u64 = status.libraries.iter().map(|library| library.rows).sum();
        let expected = outcome.persons.unwrap_or(outcome.accepted) + 4;
        ensure!(rows == expected, "{rows} persons in the library, {expected} were to be");
        let books = self.hub.reconcile().await?;
        let open: Vec<_> = books.equations.iter().filter(|one| !one.holds).collect();
        ensure!(books.balanced, "the books do not balance: {open:?}");
        let memory = self.hub.peak_rss_mb();
        let speed = (outcome.accepted + outcome.many_rejected) as f64 / seconds;
        eprintln!("{seconds:.1} s, {speed:.0} rows/s, {memory:.0} MB");
        self.hub.stop().await?;
        Ok(Figure::within(self.trial.name, "MB", memory, MEMORY_MB))
    }

    async fn compare(&self, status: &Status, outcome: &Outcome) -> Result<()> {
        let huge = of(status, "huge").context("the connector is registered")?;
        let rejected = outcome.rows_rejected();
        let brought = (brought(status), status.rows.rejected);
        ensure!(brought == (outcome.accepted, rejected), "{brought:?}; {outcome:?} was to be");
        let error = huge.error.as_deref().unwrap_or_default();
        ensure!(huge.error.is_some() == outcome.fails, "the connector says: {error}");
        if outcome.fails {
            ensure!(error.contains(outcome.says), "`{}` is not in: {error}", outcome.says);
        }
        if let Some((file, line)) = &outcome.rejected {
            let words = ["quarantine", "list", "--connector", "huge", "--json"];
            let rows: Vec<Value> = serde_json::from_str(&self.hub.tell(&words).await?)?;
            let [row] = rows.as_slice() else { bail!("not one row: {rows:?}") };
            ensure!(row["origin"] == file.as_str() && row["place"] == *line, "the place: {row}");
            let said = row["violations"][0]["en"].as_str().unwrap_or_default();
            ensure!(said.contains(outcome.says), "`{}` is not in: {said}", outcome.says);
        }
        Ok(())
    }

    /// Waits until the status is so; rows must not stand still for long.
    async fn until(&mut self, is_so: impl Fn(&Status) -> bool) -> Result<Status> {
        let (mut last, mut moved) = (0, Instant::now());
        loop {
            let status = self.hub.status().await?;
            if is_so(&status) {
                return Ok(status);
            }
            self.hub.check_alive()?;
            let rows =
                status.rows.pulled + status.libraries.iter().map(|one| one.rows).sum::<u64>();
            if rows != last {
                (last, moved) = (rows, Instant::now());
            }
            if moved.elapsed() > STALL_TIMEOUT {
                bail!("{rows} rows, and nothing for {STALL_TIMEOUT:?}\n{}", self.hub.last_words());
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

fn of<'s>(status: &'s Status, connector: &str) -> Option<&'s Connector> {
    status.connectors.iter().find(|one| one.name == connector)
}

/// Accepted rows that are not the neighbour's.
fn brought(status: &Status) -> u64 {
    status.rows.accepted - of(status, NEIGHBOUR).map_or(0, |one| one.accepted)
}

/// Writes so many rows, the first of them that of person `from`, in the form of the writer.
pub fn rows(
    entry: &EntryVersion,
    from: u64,
    count: u64,
    mut write: impl FnMut(Vec<String>) -> Result<()>,
) -> Result<()> {
    (from..from + count).try_for_each(|number| write(household::row(entry, number)))
}

impl Scale {
    /// A trial with limits of this scale.
    pub async fn trial(self, program: &Path, name: &'static str) -> Result<Trial> {
        Trial::new(program, name, &self.limits()).await
    }
}

/// MB that the hub may hold, whatever comes.
const MEMORY_MB: f64 = 300.0;
const NEIGHBOUR: &str = "neighbour";
/// Persons of the neighbour.
const NEIGHBOURS_FROM: u64 = 19_000_000;
/// How long a neighbour may wait.
const NEIGHBOUR_PATIENCE: Duration = Duration::from_secs(60);
/// How long nothing may move: bombs are unpacked meanwhile.
const STALL_TIMEOUT: Duration = Duration::from_secs(300);
