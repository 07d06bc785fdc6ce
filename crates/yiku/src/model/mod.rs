//! Bus, quarantine and merge against a plain model in memory, with crashes between any two writes.
//!
//! Steps of the hub are taken in random order: publishing on three lines of two resources that
//! both name the same patients, carrying over, merging, deciding about rejected rows, sending them
//! through again. Half of them are dropped at a random point of waiting, which is where a process
//! can die, and the hub is opened anew. What is on disk at the end must be what the model says of
//! the rows that were handed over, and the library after each merge what it says of those merged.

mod expected;
mod found;

use std::{
    fs,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::json;
use tempfile::TempDir;
use yiku_bus::publish::{Checking, Submission, check_batch};
use yiku_core::{
    batch::{Batch, Header, RowPlace},
    entry::EntryName,
    receipt::Deed,
};
use yiku_store::quarantine::{self, Filter, State};

use self::expected::{Decision, Expected, PUBLISHERS, RESOURCES};
use crate::{
    clock,
    command::reconcile::recount,
    config::Config,
    hub::Hub,
    worker::{self, materialise, merge, pull, redrive},
};

#[tokio::test]
async fn what_is_on_disk_is_what_a_plain_model_says_whenever_the_hub_dies() {
    for seed in 1..=SEEDS {
        World::new(seed).await.live().await;
    }
}

/// A hub's folder, and what is known about it.
struct World {
    seed: u64,
    folder: TempDir,
    hub: Option<Hub>,
    dice: StdRng,
    expected: Expected,
    crashes: u32,
}

impl World {
    async fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut dice = StdRng::seed_from_u64(seed);
        let expected = Expected::new(&mut dice);
        let mut this = Self { seed, folder, hub: None, dice, expected, crashes: 0 };
        write_catalog(&this.config().folders.catalog);
        let hub = Hub::open(this.config()).await.expect("opened").expect("nobody else has it");
        for entry in (0..RESOURCES.len()).map(entry) {
            let path = this.config().folders.catalog.join(format!("entries/{entry}.yaml"));
            let text = fs::read_to_string(path).expect("the entry's file");
            let version = hub.live().folder.entries[&entry].version;
            let mut tx = hub.store.begin().await.expect("begun");
            let outcome =
                yiku_store::catalog::publish(&mut tx, &entry, version, &text, clock::now_ms());
            outcome.await.expect("published");
            tx.commit().await.expect("committed");
        }
        hub.reload().await.expect("read anew");
        this.hub = Some(hub);
        this
    }

    fn config(&self) -> Config {
        let mut config = Config::default();
        config.folders.data = self.folder.path().join("data");
        config.folders.catalog = self.folder.path().join("catalog");
        config
    }

    /// Takes steps until every row was handed over, settles, and compares.
    async fn live(mut self) {
        while !self.expected.all_sent() {
            match self.dice.random_range(0..10) {
                0..4 => self.publish().await,
                4 | 5 => drop(self.step(|hub| Box::pin(carry(hub))).await),
                6 | 7 => self.merge().await,
                8 => self.decide().await,
                _ => drop(self.step(|hub| Box::pin(redrive(hub))).await),
            }
        }
        let hub = self.hub().await;
        redrive(hub).await;
        worker::settle(hub).await.expect("settled");
        let seed = self.seed;
        let hub = self.hub.take().expect("it was opened");
        let found = found::read(&hub, &self.config().folders.data).await;
        self.expected.compare(&found, seed);
        assert!(!found.conflicts.is_empty(), "seed {seed}: nobody disagrees");
        let open: Vec<String> = recount(&hub)
            .await
            .expect("recounted")
            .into_iter()
            .filter(|one| !one.holds)
            .map(|one| format!("{}: {one}", one.subject))
            .collect();
        assert_eq!(open, Vec::<String>::new(), "seed {seed}");
        assert!(self.crashes > 5, "seed {seed}: {} crashes", self.crashes);
    }

    /// The hub, opened anew after a crash; opening may be cut off, too.
    async fn hub(&mut self) -> &Hub {
        while self.hub.is_none() {
            let polls = self.polls();
            let opened = Polled { polls, future: Box::pin(Hub::open(self.config())) }.await;
            match opened {
                Some(opened) => {
                    // The one before it may not be quite dead yet.
                    self.hub = opened.unwrap_or_else(|e| panic!("seed {}: {e:#}", self.seed));
                    if self.hub.is_none() {
                        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                    }
                }
                None => self.crashes += 1,
            }
        }
        self.hub.as_ref().expect("it was opened")
    }

    /// How often the next step may wait before the process dies; half of them live.
    fn polls(&mut self) -> Option<u32> {
        self.dice.random_bool(0.5).then(|| self.dice.random_range(1..60))
    }

    /// Takes one step, or dies in the midst of it.
    async fn step<T>(
        &mut self,
        step: impl for<'h> FnOnce(&'h Hub) -> Pin<Box<dyn Future<Output = T> + 'h>>,
    ) -> Option<T> {
        let polls = self.polls();
        let hub = self.hub().await;
        let outcome = Polled { polls, future: step(hub) }.await;
        if outcome.is_none() {
            self.crashes += 1;
            self.hub = None;
        }
        outcome
    }

    /// Merges, and looks at the library.
    async fn merge(&mut self) {
        self.step(|hub| Box::pin(merge(hub))).await;
        let data = self.config().folders.data;
        let found = found::read(self.hub().await, &data).await;
        self.expected.compare_library(&found, self.seed);
    }

    /// Hands some rows of a line over, from where the line stands.
    async fn publish(&mut self) {
        let line = self.dice.random_range(0..PUBLISHERS.len());
        let (name, resource) = PUBLISHERS[line];
        let count = self.dice.random_range(1..6);
        let rows = self.expected.rows(line).to_vec();
        let outcome = self.step(|hub| Box::pin(publish(hub, line, rows, count))).await;
        let hub = self.hub().await;
        let held = hub.hold_line(&entry(resource), name).await.expect("the line is held");
        let state = held.state();
        let sent = state.position.get("row").map_or(0, |row| row.as_u64().expect("a number"));
        let number = state.line.number;
        drop(held);
        self.expected.sent(line, number, sent as usize, count, outcome.is_some());
    }

    /// Decides about a rejected row that nobody has decided about.
    async fn decide(&mut self) {
        let hub = self.hub().await;
        let filter = Filter { states: vec![State::Open, State::Returned], ..Filter::default() };
        let mut db = hub.store.reader().await.expect("a reader");
        let all = quarantine::list(&mut db, &filter, 0, 100).await.expect("a list");
        drop(db);
        if all.is_empty() {
            return;
        }
        let row = &all[self.dice.random_range(0..all.len())];
        let decision = Decision::random(&mut self.dice, row.state == State::Open);
        let (id, entry) = (row.id, row.row.entry.clone());
        let place = RESOURCES.iter().position(|name| *name == entry.as_str()).expect("one of ours");
        let row = (place, row.row.row_version);
        let mended = self.expected.mended(row);
        let decided = self.step(|hub| Box::pin(decide(hub, entry, id, decision, mended))).await;
        let hub = self.hub().await;
        let now = quarantine::show(&mut hub.store.reader().await.expect("a reader"), id).await;
        let now = now.expect("no row leaves quarantine");
        // A crash may have come before or behind the commit.
        let taken = decision.is_taken(&now);
        assert!(taken || decided.is_none(), "seed {}: {decision:?} is lost", self.seed);
        if taken {
            self.expected.decided(row, decision);
        }
    }
}

async fn carry(hub: &Hub) {
    materialise::catch_up(hub).await.expect("carried over");
}

async fn merge(hub: &Hub) {
    merge::catch_up(hub).await.expect("merged");
}

async fn redrive(hub: &Hub) {
    redrive::catch_up(hub).await.expect("sent through again");
}

async fn publish(hub: &Hub, line: usize, rows: Vec<[&'static str; 2]>, count: usize) {
    let live = hub.live();
    let (name, resource) = PUBLISHERS[line];
    let entry = entry(resource);
    let contract = live.published.newest(&entry).expect("it was published").clone();
    let mapping = pull::plain_mapping(&contract).expect("a mapping");
    let header = Arc::new(Header::new(["no", "name"].map(str::to_owned)));
    let bound = mapping.bind(&header);
    let mut held = hub.hold_line(&entry, name).await.expect("a line");
    let from = held.state().position.get("row").map_or(0, |row| row.as_u64().expect("a number"));
    let to = (from as usize + count).min(rows.len());
    let mut batch = Batch::new(header.clone(), "a test");
    for (index, row) in rows.iter().enumerate().take(to).skip(from as usize) {
        let place = RowPlace { place: 1, order: 1 + index as u64 };
        batch.push_row(place, row.map(|cell| Some(cell).filter(|cell| !cell.is_empty())));
    }
    let state = held.state();
    let checking = Checking {
        contract: &contract,
        bound: &bound,
        connector: name,
        line: &state.line,
        batch: state.next_batch,
        retried: &[],
    };
    let checked = check_batch(&checking, &batch, None).expect("checked");
    let submission = Submission {
        connector: name.into(),
        actor: "connector:test".into(),
        deed: Deed::Publish,
        version: contract.entry().version,
        position_after: json!({ "row": to }),
        run: None,
        idempotency: None,
        origin: "a test".into(),
        at_ms: clock::now_ms(),
        note: String::new(),
    };
    hub.publish(&mut held, checked, submission).await.expect("published");
}

async fn decide(
    hub: &Hub,
    entry: EntryName,
    id: i64,
    decision: Decision,
    mended: Vec<Option<String>>,
) {
    let mut tx = hub.store.begin().await.expect("begun");
    let (tx_ref, at) = (&mut tx, clock::now_ms());
    match decision {
        Decision::Drop => drop(quarantine::drop_rows(tx_ref, &[id], "test", at).await),
        Decision::Return => drop(quarantine::return_rows(tx_ref, &[id], "r", "test", at).await),
        Decision::Retry => drop(quarantine::queue(tx_ref, &entry, &[id], "test", at).await),
        Decision::Mend => {
            quarantine::fix(tx_ref, id, &mended, "test", at).await.expect("fixed");
            drop(quarantine::queue(tx_ref, &entry, &[id], "test", at).await);
        }
    }
    tx.commit().await.expect("committed");
}

/// A future that is dropped when it waits once more than it may.
struct Polled<'f, T> {
    polls: Option<u32>,
    future: Pin<Box<dyn Future<Output = T> + 'f>>,
}

impl<T> Future for Polled<'_, T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        if self.polls == Some(0) {
            return Poll::Ready(None);
        }
        self.polls = self.polls.map(|polls| polls - 1);
        self.future.as_mut().poll(context).map(Some)
    }
}

/// The name of a resource.
fn entry(resource: usize) -> EntryName {
    RESOURCES[resource].parse().expect("a name")
}

/// Writes the catalog of the tests of bad input with a second resource, which names patients too,
/// with less authority.
fn write_catalog(folder: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/tests/bad/catalog");
    copy_folder(&from, folder);
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("a file of the catalog");
    let entry = read("entries/health/patient.yaml")
        .replace(RESOURCES[0], RESOURCES[1])
        .replace("307021000/000901", "307021000/000902")
        .replace("set: [name, citizen_id, sex, seen_on, fee]", "set: [name]");
    fs::create_dir(folder.join("entries/civil-affairs")).expect("a new folder");
    let path = folder.join(format!("entries/{}.yaml", RESOURCES[1]));
    fs::write(path, entry).expect("written");
    let (name, both) = ("name:       [health/patient]", RESOURCES.join(", "));
    let library = read("libraries/population.yaml").replace(name, &format!("name: [{both}]"));
    fs::write(folder.join("libraries/population.yaml"), library).expect("written");
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a new folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry of the folder");
        match entry.file_type().expect("its type").is_dir() {
            true => copy_folder(&entry.path(), &to.join(entry.file_name())),
            false => drop(fs::copy(entry.path(), to.join(entry.file_name())).expect("copied")),
        }
    }
}

const SEEDS: u64 = 12;
