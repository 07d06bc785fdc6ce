//! `bench pages`: how long a trace and a page of quarantine take with many rows behind them.

use std::{
    fs,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use reqwest::Client;
use tokio::io::AsyncWriteExt;
use yiku_core::entry::EntryVersion;

use super::{Figure, Size, figure};
use crate::{
    ground::{Ground, until_count},
    household, hub,
};

/// Measures.
pub fn run(size: Size) -> Result<Vec<Figure>> {
    let program = hub::build()?;
    let rows = match size {
        Size::Usual => 1_000_000,
        Size::Long => 11_000_000,
    };
    tokio::runtime::Runtime::new()?.block_on(measure(&program, rows))
}

async fn measure(program: &Path, rows: u64) -> Result<Vec<Figure>> {
    let catalog = household::catalog()?;
    let entry = household::entry(&catalog)?;
    let ground = Ground::new(program).await?;
    let folder = ground.path().join("in");
    fs::create_dir(&folder)?;
    eprintln!("loading {rows} rows, one of {BAD_ONE_IN} bad");
    write(&folder.join("1.csv"), entry, rows)?;
    let source = format!(
        "entry: {}@1\nsource: {{ kind: files, folder: {}, settle: 100ms }}\nevery: 1s\n",
        household::ENTRY,
        folder.display()
    );
    ground.connector("household", &source)?;
    let mut hub = ground.start().await?;
    let store = ground.store()?;
    let bad = rows / BAD_ONE_IN;
    let counted = "SELECT coalesce(sum(to_offset - from_offset), 0) FROM merge_batch";
    until_count(&store, &mut hub, counted, rows - bad).await?;
    let counted = "SELECT coalesce(sum(rejected), 0) FROM batch";
    until_count(&store, &mut hub, counted, bad).await?;

    let token = hub.tell(&["token", "add", "bench", "--department", "public-security"]).await?;
    let url = format!("http://{}/api/v1/quarantine", ground.address());
    let mut slowest = 0.0_f64;
    for query in [
        "?limit=50".to_owned(),
        format!("?limit=50&after={}", bad / 2),
        format!("?limit=50&after={}", bad - 60),
        format!("?limit=50&entry={}&after={}", household::ENTRY, bad / 2),
        "?limit=50&connector=household&code=code-list".to_owned(),
        format!("?limit=50&state=all&code=code-list&after={}", bad / 2),
        "?limit=50&state=overtaken".to_owned(),
    ] {
        let took = median(async || page(&format!("{url}{query}"), token.trim()).await).await?;
        eprintln!("quarantine{query}: {took:.1} ms");
        slowest = slowest.max(took);
    }
    let good = (0..rows).filter(|number| !is_bad(*number));
    let places: Vec<u64> = good.step_by((rows / TRIES) as usize).collect();
    let mut traces = Vec::new();
    for number in places {
        let key = household::row(entry, number).swap_remove(entry.key[0]);
        traces.push(trace(&ground, &key).await?);
    }
    let trace = figure::median(traces);
    hub.stop().await?;
    Ok(vec![
        Figure::within("quarantine-page", "ms", slowest, LIMIT_MS),
        Figure::within("trace", "ms", trace, LIMIT_MS),
    ])
}

/// Milliseconds, the median of several tries.
async fn median(mut measure: impl AsyncFnMut() -> Result<f64>) -> Result<f64> {
    let mut took = Vec::new();
    for _ in 0..TRIES {
        took.push(measure().await?);
    }
    Ok(figure::median(took))
}

/// Milliseconds of one page over HTTP.
async fn page(url: &str, token: &str) -> Result<f64> {
    let client = Client::new();
    let started = Instant::now();
    let answer = client.get(url).bearer_auth(token).send().await?;
    let status = answer.status();
    let body = answer.bytes().await?;
    ensure!(status.is_success(), "{url}: {status} {}", String::from_utf8_lossy(&body));
    Ok(milliseconds(started.elapsed()))
}

/// Milliseconds of `yiku trace`, with the start of the program.
async fn trace(ground: &Ground, key: &str) -> Result<f64> {
    let mut command = ground.command(&["trace", "population.person", "--json"]);
    let started = Instant::now();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(format!("{key}\n").as_bytes()).await?;
    drop(stdin);
    let output = child.wait_with_output().await?;
    let took = milliseconds(started.elapsed());
    ensure!(output.status.success(), "a person of the library cannot be traced");
    Ok(took)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn is_bad(number: u64) -> bool {
    number % BAD_ONE_IN == 1
}

/// The rows of as many persons, some with a sex that no code list has.
fn write(path: &Path, entry: &EntryVersion, rows: u64) -> Result<()> {
    let sex = entry.item("sex").expect("the register has this item");
    household::write_csv_of(path, entry, rows, |number, row| {
        if is_bad(number) {
            row[sex] = "7".into();
        }
    })
}

const BAD_ONE_IN: u64 = 11;
const TRIES: u64 = 15;
const LIMIT_MS: f64 = 20.0;
