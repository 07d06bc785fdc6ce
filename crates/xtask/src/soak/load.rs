//! The load: files that arrive and rows that are pushed, until everything sent is answered.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use reqwest::{Client, header::CONTENT_TYPE};
use serde::{Deserialize, de::IgnoredAny};
use tokio::{
    sync::{OwnedRwLockWriteGuard, RwLock},
    task::JoinSet,
    time::{self, Instant},
};
use yiku_core::entry::EntryVersion;

use super::sent::Sent;
use crate::{dice::Dice, ground::Ground, household};

/// A running load. Each of its tasks holds the gate for reading while a step of it is under way.
pub struct Load {
    gate: Arc<RwLock<()>>,
    stopping: Arc<AtomicBool>,
    tasks: JoinSet<Result<()>>,
}

/// What every task knows.
#[derive(Clone)]
struct Task {
    gate: Arc<RwLock<()>>,
    stopping: Arc<AtomicBool>,
    entry: Arc<EntryVersion>,
    sent: Arc<Sent>,
}

impl Load {
    /// Begins to send.
    pub fn begin(
        ground: &Ground,
        entry: Arc<EntryVersion>,
        token: &str,
        sent: &Arc<Sent>,
        seed: u64,
    ) -> Self {
        let (gate, stopping) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let mut tasks = JoinSet::new();
        let task = Task {
            gate: Arc::clone(&gate),
            stopping: Arc::clone(&stopping),
            entry,
            sent: Arc::clone(sent),
        };
        let dice = Dice::new(seed, "file", 0);
        tasks.spawn(task.clone().keep_writing_files(ground.path().to_owned(), dice));
        let url = format!("http://{}/api/v1/entries/{}/rows", ground.address(), household::ENTRY);
        for number in 0..PUSHERS {
            let pusher = Pusher {
                client: Client::new(),
                url: url.clone(),
                token: token.to_owned(),
                name: format!("soak-{number}"),
            };
            let dice = Dice::new(seed, "push", number);
            tasks.spawn(task.clone().keep_pushing(pusher, dice));
        }
        Self { gate, stopping, tasks }
    }

    /// Waits until every step is answered, and holds back the next ones as long as what it returns
    /// lives.
    pub async fn pause(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.gate).write_owned().await
    }

    /// The error of a task that has ended, for they end by nothing else.
    pub fn check(&mut self) -> Result<()> {
        match self.tasks.try_join_next() {
            Some(ended) => ended?.and_then(|()| bail!("a part of the load ended by itself")),
            None => Ok(()),
        }
    }

    /// Ends it.
    pub async fn end(mut self) -> Result<()> {
        self.stopping.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        Ok(())
    }
}

impl Task {
    async fn keep_writing_files(self, folder: PathBuf, mut dice: Dice) -> Result<()> {
        for number in 0_u64.. {
            let _step = self.gate.read().await;
            if self.stopping.load(Ordering::Relaxed) {
                break;
            }
            let rows = self.sent.rows(&mut dice, FILE_ROWS);
            let mut writer = csv::Writer::from_writer(Vec::new());
            writer.write_record(self.entry.items.iter().map(|item| &item.name))?;
            for row in &rows {
                writer.write_record(row.cells(&self.entry))?;
            }
            let part = folder.join("arriving.csv");
            fs::write(&part, writer.into_inner()?)?;
            fs::rename(&part, folder.join(format!("in/{number:06}.csv")))?;
            time::sleep(FILE_PAUSE).await;
        }
        Ok(())
    }

    async fn keep_pushing(self, pusher: Pusher, mut dice: Dice) -> Result<()> {
        for number in 0_u64.. {
            let _step = self.gate.read().await;
            if self.stopping.load(Ordering::Relaxed) {
                break;
            }
            let count = 1 + dice.below(PUSH_ROWS_MAX);
            let rows = self.sent.rows(&mut dice, count);
            let objects =
                rows.iter().map(|row| household::json(&self.entry, row.cells(&self.entry)));
            let lines: Vec<String> = objects.map(|object| object.to_string()).collect();
            let bad = rows.iter().filter(|row| row.is_bad).count() as u64;
            let answer = pusher.push_until_answered(number, lines.join("\n")).await?;
            let counts = (answer.accepted, answer.rejected.len() as u64);
            ensure!(counts == (count - bad, bad), "{count} rows, {bad} of them bad: {counts:?}");
        }
        Ok(())
    }
}

/// A department's system that pushes rows, each request until it is answered.
struct Pusher {
    client: Client,
    url: String,
    token: String,
    name: String,
}

/// What became of the rows.
#[derive(Deserialize)]
struct Answer {
    accepted: u64,
    rejected: Vec<IgnoredAny>,
}

impl Pusher {
    /// The same request under the same key again and again: a hub that was killed before its answer
    /// may have taken it or not.
    async fn push_until_answered(&self, number: u64, body: String) -> Result<Answer> {
        let key = format!("{}-{number}", self.name);
        let deadline = Instant::now() + ANSWER_TIMEOUT;
        loop {
            let request = self.client.post(&self.url).bearer_auth(&self.token);
            let request = request.header(CONTENT_TYPE, "application/x-ndjson");
            let request = request.header("Idempotency-Key", &key).body(body.clone());
            if let Ok(answer) = request.timeout(ANSWER_TIMEOUT).send().await {
                let status = answer.status();
                // The answer itself may be cut off, too.
                match answer.bytes().await {
                    Ok(said) if status.is_success() => {
                        return serde_json::from_slice(&said).context("an answer to a push");
                    }
                    Ok(said) if status.is_client_error() => {
                        bail!("a push was refused, {status}: {}", String::from_utf8_lossy(&said))
                    }
                    _ => {}
                }
            }
            ensure!(Instant::now() < deadline, "no answer to a push for {ANSWER_TIMEOUT:?}");
            time::sleep(Duration::from_millis(20)).await;
        }
    }
}

const PUSHERS: u64 = 4;
const PUSH_ROWS_MAX: u64 = 5;
const FILE_ROWS: u64 = 400;
const FILE_PAUSE: Duration = Duration::from_millis(200);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
