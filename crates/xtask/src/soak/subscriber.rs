//! A department's system that receives parcels, and fails now and then before or after it has taken
//! one.

use std::{
    collections::{HashMap, HashSet},
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context, Result, ensure};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use serde::Deserialize;
use tokio::net::TcpListener;

use crate::dice::Dice;

/// The system. It runs until the program ends.
pub struct Subscriber {
    address: SocketAddr,
    taken: Arc<Mutex<Taken>>,
}

struct Taken {
    dice: Dice,
    /// Each parcel by its key.
    parcels: HashMap<String, Bytes>,
    /// Numbers of all changes that came.
    changes: HashSet<u64>,
    /// Where each person works, by citizen id.
    workplaces: HashMap<String, String>,
    repeated: u64,
    problem: Option<String>,
}

#[derive(Deserialize)]
struct Parcel {
    changes: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    number: u64,
    key: Key,
    /// Absent when the row is withdrawn.
    items: Option<Items>,
}

#[derive(Deserialize)]
struct Key {
    citizen_id: String,
}

#[derive(Deserialize)]
struct Items {
    workplace: String,
}

impl Subscriber {
    /// Begins to listen.
    pub async fn listen(seed: u64) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let taken = Arc::new(Mutex::new(Taken {
            dice: Dice::new(seed, "subscriber", 0),
            parcels: HashMap::new(),
            changes: HashSet::new(),
            workplaces: HashMap::new(),
            repeated: 0,
            problem: None,
        }));
        let router = Router::new().route("/", post(receive)).with_state(Arc::clone(&taken));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, taken })
    }

    /// Where parcels go.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// How many parcels came again under their key.
    pub fn repeated(&self) -> u64 {
        lock(&self.taken).repeated
    }

    /// What it holds. An error when a parcel or a change came that must not have come.
    pub fn workplaces(&self) -> Result<HashMap<String, String>> {
        let taken = lock(&self.taken);
        ensure!(taken.problem.is_none(), "{}", taken.problem.as_deref().unwrap_or_default());
        Ok(taken.workplaces.clone())
    }
}

async fn receive(
    State(taken): State<Arc<Mutex<Taken>>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let mut taken = lock(&taken);
    if taken.dice.one_in(FAILS_ONE_IN) {
        return StatusCode::SERVICE_UNAVAILABLE; // before it has taken anything
    }
    if let Err(problem) = taken.take(&headers, body) {
        taken.problem.get_or_insert(format!("{problem:#}"));
    }
    match taken.dice.one_in(FAILS_ONE_IN) {
        true => StatusCode::SERVICE_UNAVAILABLE, // it has taken it, and does not say so
        false => StatusCode::OK,
    }
}

impl Taken {
    fn take(&mut self, headers: &HeaderMap, body: Bytes) -> Result<()> {
        let key = headers.get("Idempotency-Key").context("a parcel has no Idempotency-Key")?;
        let key = key.to_str()?.to_owned();
        if let Some(known) = self.parcels.get(&key) {
            self.repeated += 1;
            ensure!(*known == body, "parcel {key} came again with another body");
            return Ok(());
        }
        let parcel: Parcel = serde_json::from_slice(&body).context("a parcel")?;
        for change in parcel.changes {
            let is_new = self.changes.insert(change.number);
            ensure!(is_new, "change {} came again in parcel {key}", change.number);
            match change.items {
                Some(items) => self.workplaces.insert(change.key.citizen_id, items.workplace),
                None => self.workplaces.remove(&change.key.citizen_id),
            };
        }
        self.parcels.insert(key, body);
        Ok(())
    }
}

fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

const FAILS_ONE_IN: u64 = 30;
