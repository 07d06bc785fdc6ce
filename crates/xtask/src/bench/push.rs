//! `bench push`: how long it takes until a pushed row can be read in the library.
//!
//! Sixteen connections push single rows, 1,000 a second in all, while a reader looks which persons
//! are there. Beside it stands what the disk takes for one small synced write.

use std::{
    collections::HashMap,
    fs::File,
    io::Write,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use reqwest::{Client, header::CONTENT_TYPE};
use rusqlite::Connection;
use yiku_core::entry::EntryVersion;

use super::{Figure, Size, figure};
use crate::{ground::Ground, household, hub};

/// Measures.
pub fn run(size: Size) -> Result<Vec<Figure>> {
    let program = hub::build()?;
    let seconds = if size == Size::Long { 60 } else { 20 };
    tokio::runtime::Runtime::new()?.block_on(measure(&program, seconds))
}

async fn measure(program: &Path, seconds: u64) -> Result<Vec<Figure>> {
    let catalog = household::catalog()?;
    let entry = household::entry(&catalog)?;
    let ground = Ground::new(program).await?;
    let hub = ground.start().await?;
    let token = hub.tell(&["token", "add", "bench", "--department", "public-security"]).await?;
    let synced = synced_write(&ground.path().join("synced"))?;
    eprintln!("a synced write of 4 KB takes {:.2} ms", synced * 1e3);

    let url = format!("http://{}/api/v1/entries/{}/rows", ground.address(), household::ENTRY);
    push(&url, token.trim(), to_json(entry, 0)).await?; // makes the tables
    let arrivals = Arrivals::watch(ground.store()?)?;
    let begun = Instant::now();
    let pushers = (0..CONNECTIONS).map(|connection| {
        let rows = seconds * ROWS_PER_S / CONNECTIONS;
        let bodies: Vec<_> = (0..rows).map(|row| row * CONNECTIONS + connection + 1).collect();
        let bodies = bodies.into_iter().map(|number| (key(entry, number), to_json(entry, number)));
        let bodies: Vec<_> = bodies.collect();
        let (url, token) = (url.clone(), token.trim().to_owned());
        tokio::spawn(async move { keep_pushing(&url, &token, bodies, begun, connection).await })
    });
    let mut sent = HashMap::new();
    for pusher in pushers.collect::<Vec<_>>() {
        sent.extend(pusher.await??);
    }
    let took = arrivals.since(&sent)?;
    hub.stop().await?;
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize] * 1e3;
    let limit = |fixed: f64, writes: f64| fixed.max(writes * synced * 1e3);
    Ok(vec![
        Figure::within("push-median", "ms", at(0.5), limit(10.0, 20.0)),
        Figure::within("push-p99", "ms", at(0.99), limit(50.0, 100.0)),
    ])
}

/// Pushes the rows at an even pace; returns when each was sent.
async fn keep_pushing(
    url: &str,
    token: &str,
    bodies: Vec<(String, String)>,
    begun: Instant,
    connection: u64,
) -> Result<Vec<(String, Instant)>> {
    let pace = Duration::from_secs(1) * CONNECTIONS as u32 / ROWS_PER_S as u32;
    let mut due = begun + pace * connection as u32 / CONNECTIONS as u32;
    let client = Client::new();
    let mut sent = Vec::with_capacity(bodies.len());
    for (key, body) in bodies {
        tokio::time::sleep_until(due.into()).await;
        sent.push((key, Instant::now()));
        push_by(&client, url, token, body).await?;
        due += pace;
    }
    Ok(sent)
}

async fn push(url: &str, token: &str, body: String) -> Result<()> {
    push_by(&Client::new(), url, token, body).await
}

async fn push_by(client: &Client, url: &str, token: &str, body: String) -> Result<()> {
    let request = client.post(url).bearer_auth(token).header(CONTENT_TYPE, "application/x-ndjson");
    let answer = request.body(body).send().await?;
    let status = answer.status();
    ensure!(status.is_success(), "a push was answered {status}: {}", answer.text().await?);
    Ok(())
}

fn key(entry: &EntryVersion, number: u64) -> String {
    household::row(entry, number)[entry.key[0]].clone()
}

fn to_json(entry: &EntryVersion, number: u64) -> String {
    household::json(entry, household::row(entry, number)).to_string()
}

/// Seconds of a small write with its sync; the median of many.
fn synced_write(path: &Path) -> Result<f64> {
    let mut file = File::create(path)?;
    let mut took = Vec::new();
    for _ in 0..101 {
        let started = Instant::now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        took.push(started.elapsed().as_secs_f64());
    }
    Ok(figure::median(took))
}

/// When each person was first seen in the library.
struct Arrivals {
    seen: Arc<Mutex<HashMap<String, Instant>>>,
    stopping: Arc<AtomicBool>,
    watcher: thread::JoinHandle<Result<()>>,
}

impl Arrivals {
    fn watch(store: Connection) -> Result<Self> {
        let (seen, stopping) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let (to, until) = (Arc::clone(&seen), Arc::clone(&stopping));
        let sql = "SELECT 'entity_' || table_name FROM subject WHERE name = 'population.person'";
        let table: String = store.query_row(sql, [], |row| row.get(0))?;
        let watcher = thread::spawn(move || watch(&store, &table, &to, &until));
        Ok(Self { seen, stopping, watcher })
    }

    /// Seconds that each row took, ascending. Waits until all are there.
    fn since(self, sent: &HashMap<String, Instant>) -> Result<Vec<f64>> {
        let deadline = Instant::now() + Duration::from_secs(30);
        // Not by their count: the row that made the tables is seen, too.
        let missing = || {
            let seen = self.seen.lock().expect("no thread panics");
            sent.keys().any(|key| !seen.contains_key(key))
        };
        while missing() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
        self.stopping.store(true, Ordering::Relaxed);
        self.watcher.join().expect("the watcher does not panic")?;
        let seen = self.seen.lock().expect("no thread panics");
        let mut took = Vec::with_capacity(sent.len());
        for (key, at) in sent {
            let arrived = seen.get(key).context("a pushed row never reached the library")?;
            took.push((*arrived - *at).as_secs_f64());
        }
        took.sort_by(f64::total_cmp);
        Ok(took)
    }
}

fn watch(
    store: &Connection,
    table: &str,
    seen: &Mutex<HashMap<String, Instant>>,
    stopping: &AtomicBool,
) -> Result<()> {
    let mut statement =
        store.prepare(&format!("SELECT _id, _key FROM {table} WHERE _id > ?1 ORDER BY _id"))?;
    let mut last = 0_i64;
    while !stopping.load(Ordering::Relaxed) {
        let mut found = statement.query([last])?;
        let mut keys = Vec::new();
        while let Some(row) = found.next()? {
            last = row.get(0)?;
            keys.push(row.get::<_, String>(1)?);
        }
        let now = Instant::now();
        seen.lock().expect("no thread panics").extend(keys.into_iter().map(|key| (key, now)));
        thread::sleep(Duration::from_micros(500));
    }
    Ok(())
}

const CONNECTIONS: u64 = 16;
const ROWS_PER_S: u64 = 1_000;
