//! Rows pushed at an even pace, and when each of them can be read.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use reqwest::{Client, header::CONTENT_TYPE};
use yiku_core::entry::EntryVersion;

use crate::{household, hub::Hub};

/// How fast is pushed.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Connections that take turns.
    pub connections: u64,
    /// Requests a second, of all connections.
    pub requests_per_s: u64,
    /// Rows of each request.
    pub rows: u64,
    /// For how long.
    pub seconds: u64,
}

/// Where rows of the household register are pushed to.
#[derive(Clone)]
pub struct Door {
    url: String,
    token: String,
    entry: Arc<EntryVersion>,
}

impl Door {
    /// Gets a token of the register's department.
    pub async fn open(hub: &Hub, address: SocketAddr, entry: &EntryVersion) -> Result<Self> {
        let token = hub.tell(&["token", "add", "bench", "--department", "public-security"]).await?;
        Ok(Self {
            url: format!("http://{address}/api/v1/entries/{}/rows", household::ENTRY),
            token: token.trim().to_owned(),
            entry: Arc::new(entry.clone()),
        })
    }

    /// Pushes one row.
    pub async fn push_one(&self, number: u64) -> Result<()> {
        self.send(&Client::new(), number..number + 1).await.map(drop)
    }

    /// Pushes new rows at this pace, from the person `first` on; returns when each was sent.
    pub async fn push(&self, pace: Pace, first: u64) -> Result<HashMap<String, Instant>> {
        let begun = Instant::now();
        let pushers = (0..pace.connections).map(|connection| {
            let door = self.clone();
            tokio::spawn(async move { door.keep_pushing(pace, first, begun, connection).await })
        });
        let mut sent = HashMap::new();
        for pusher in pushers.collect::<Vec<_>>() {
            sent.extend(pusher.await??);
        }
        Ok(sent)
    }

    async fn keep_pushing(
        self,
        pace: Pace,
        first: u64,
        begun: Instant,
        connection: u64,
    ) -> Result<Vec<(String, Instant)>> {
        let step = Duration::from_secs(1) / pace.requests_per_s as u32;
        let client = Client::new();
        let mut sent = Vec::new();
        let mut request = connection;
        while request < pace.seconds * pace.requests_per_s {
            let rows = first + request * pace.rows;
            tokio::time::sleep_until((begun + step * request as u32).into()).await;
            let at = Instant::now();
            let keys = self.send(&client, rows..rows + pace.rows).await?;
            sent.extend(keys.into_iter().map(|key| (key, at)));
            request += pace.connections;
        }
        Ok(sent)
    }

    async fn send(&self, client: &Client, rows: std::ops::Range<u64>) -> Result<Vec<String>> {
        let (mut body, mut keys) = (String::new(), Vec::new());
        for number in rows {
            let row = household::row(&self.entry, number);
            keys.push(row[self.entry.key[0]].clone());
            body.push_str(&household::json(&self.entry, row).to_string());
            body.push('\n');
        }
        let request = client.post(&self.url).bearer_auth(&self.token);
        let request = request.header(CONTENT_TYPE, "application/x-ndjson");
        let answer = request.body(body).send().await?;
        let status = answer.status();
        ensure!(status.is_success(), "a push was answered {status}: {}", answer.text().await?);
        Ok(keys)
    }
}

/// When each person was first seen in the library.
pub struct Arrivals {
    seen: Arc<Mutex<HashMap<String, Instant>>>,
    stopping: Arc<AtomicBool>,
    watcher: thread::JoinHandle<Result<()>>,
}

impl Arrivals {
    /// Looks again and again, `rest` after each look. `look` is given the last row's number and
    /// returns number and key of the rows after it.
    pub fn watch(
        rest: Duration,
        mut look: impl FnMut(i64) -> Result<Vec<(i64, String)>> + Send + 'static,
    ) -> Self {
        let seen: Arc<Mutex<HashMap<String, Instant>>> = Arc::default();
        let stopping = Arc::new(AtomicBool::new(false));
        let (to, until) = (Arc::clone(&seen), Arc::clone(&stopping));
        let watcher = thread::spawn(move || {
            let mut last = 0;
            while !until.load(Ordering::Relaxed) {
                let rows = look(last)?;
                last = rows.last().map_or(last, |row| row.0);
                let now = Instant::now();
                let rows = rows.into_iter().map(|(_, key)| (key, now));
                to.lock().expect("no thread panics").extend(rows);
                thread::sleep(rest);
            }
            Ok(())
        });
        Self { seen, stopping, watcher }
    }

    /// Seconds that each row took, ascending. Waits until all are there.
    pub fn since(self, sent: &HashMap<String, Instant>) -> Result<Vec<f64>> {
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

/// The value below which this share of the ascending ones lie, in milliseconds.
pub fn milliseconds(took: &[f64], share: f64) -> f64 {
    took[((took.len() - 1) as f64 * share) as usize] * 1e3
}
