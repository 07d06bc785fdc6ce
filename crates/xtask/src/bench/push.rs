//! `bench push`: how long it takes until a pushed row can be read in the library.
//!
//! Sixteen connections push single rows, 1,000 a second in all, while a reader looks which persons
//! are there. Beside it stands what the disk takes for one small synced write.

use std::{
    fs::File,
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Result;
use rusqlite::Connection;

use super::{
    Figure, Size, figure,
    pushing::{Arrivals, Door, Pace, milliseconds},
};
use crate::{ground::Ground, household, hub};

/// Measures.
pub fn run(size: Size) -> Result<Vec<Figure>> {
    let program = hub::build()?;
    let seconds = if size == Size::Long { 60 } else { 20 };
    tokio::runtime::Runtime::new()?.block_on(measure(&program, seconds))
}

async fn measure(program: &Path, seconds: u64) -> Result<Vec<Figure>> {
    let catalog = household::catalog()?;
    let ground = Ground::new(program).await?;
    let hub = ground.start().await?;
    let synced = synced_write(&ground.path().join("synced"))?;
    eprintln!("a synced write of 4 KB takes {:.2} ms", synced * 1e3);
    let door = Door::open(&hub, ground.address(), household::entry(&catalog)?).await?;
    door.push_one(0).await?; // makes the tables
    let arrivals = watch(ground.store()?)?;
    let sent = door.push(Pace { seconds, ..PACE }, 1).await?;
    let took = arrivals.since(&sent)?;
    hub.stop().await?;
    let limit = |fixed: f64, writes: f64| fixed.max(writes * synced * 1e3);
    Ok(vec![
        Figure::within("push-median", "ms", milliseconds(&took, 0.5), limit(10.0, 20.0)),
        Figure::within("push-p99", "ms", milliseconds(&took, 0.99), limit(50.0, 100.0)),
    ])
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

fn watch(store: Connection) -> Result<Arrivals> {
    let sql = "SELECT 'entity_' || table_name FROM subject WHERE name = 'population.person'";
    let table: String = store.query_row(sql, [], |row| row.get(0))?;
    let sql = format!("SELECT _id, _key FROM {table} WHERE _id > ?1 ORDER BY _id");
    Ok(Arrivals::watch(Duration::from_micros(500), move |last| {
        let mut statement = store.prepare(&sql)?;
        let rows = statement.query_map([last], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }))
}

const PACE: Pace = Pace { connections: 16, requests_per_s: 1_000, rows: 1, seconds: 20 };
