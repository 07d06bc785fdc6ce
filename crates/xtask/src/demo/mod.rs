//! `cargo xtask demo`: a city's departments exchange records on this machine.
//!
//! The cast: *systems* of departments with made-up rows ([`generate`]), some of them behind an
//! HTTP [`service`] in this process; the [`hub`], a child process that knows nothing of the demo;
//! three subscribers. A run that was killed goes on where it was: everything lies in one
//! [`folder`].

mod city;
mod connector;
mod fault;
mod folder;
mod generate;
#[cfg(test)]
mod generate_test;
mod progress;
mod report;
mod service;
mod system;
mod truth;
mod write;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use self::{
    folder::{Folder, Keys},
    progress::Progress,
    report::Report,
    system::SYSTEMS,
};
use crate::{
    hub::{
        self, Hub,
        answer::{Books, Status},
    },
    workspace,
};

/// What `cargo xtask demo` takes.
#[derive(Args)]
pub struct DemoArgs {
    /// Natural persons of the city; the rest in proportion
    #[arg(long, default_value_t = 200_000)]
    rows: u64,
    /// End when everything is exchanged, instead of serving on
    #[arg(long)]
    once: bool,
    /// Folder of everything that the demo makes; a rerun goes on where the last run was
    #[arg(long, default_value = "demo-data")]
    data: PathBuf,
    /// A file with more settings of the hub, such as its bus in Kafka, added to its yiku.toml
    #[arg(long)]
    settings: Option<PathBuf>,
    /// Print only one JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// Where a hub listens unless told otherwise.
const HUB_PORT: u16 = 8620;
/// How often the hub is asked how everything stands.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// How long nothing may move before we give up.
const STALL_TIMEOUT: Duration = Duration::from_secs(300);

/// Makes the city, runs the hub, shows what came of it.
pub fn run(args: &DemoArgs) -> Result<()> {
    let folder = Folder::take(&args.data, args.rows)?;
    make_city(args.rows, &folder)?;
    eprintln!("building the hub");
    let program = hub::build()?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(exchange(args, &folder, &program))
}

fn make_city(persons: u64, folder: &Folder) -> Result<()> {
    let started = Instant::now();
    let divisions = workspace::root().join("catalog/codelists/division.csv");
    let city = city::City::new(persons, &divisions)?;
    generate::generate(&city, SYSTEMS, folder.root(), &|_| ())?;
    let rows: u64 = SYSTEMS.iter().filter_map(|system| folder.rows_of(system)).sum();
    eprintln!(
        "{} systems of departments hold {rows} rows ({:.1} s)",
        SYSTEMS.len(),
        started.elapsed().as_secs_f64()
    );
    Ok(())
}

async fn exchange(args: &DemoArgs, folder: &Folder, program: &std::path::Path) -> Result<()> {
    let service = folder.address("service", 0)?;
    let port = folder.address("hub", HUB_PORT)?;
    let address = port.local_addr()?;
    drop(port); // the hub takes it
    let settings = match &args.settings {
        Some(file) => std::fs::read_to_string(file)
            .with_context(|| format!("cannot read `{}`", file.display()))?,
        None => String::new(),
    };
    folder.install(address, service.local_addr()?, &Keys::default(), &settings)?;
    service::start(service, folder, Keys::default())?;
    folder.wait_until_free()?;

    let started = Instant::now();
    let installation = folder.installation(program);
    hub::publish_catalog(&installation).await?;
    let mut hub = Hub::start(installation, address).await?;
    eprintln!("the hub works; status page: http://{address}/");
    let mut stopped = std::pin::pin!(stop_asked());
    let status = tokio::select! {
        status = settle(&mut hub, folder) => status?,
        asked = &mut stopped => {
            asked?;
            return hub.stop().await;
        }
    };
    let seconds = started.elapsed().as_secs_f64();
    let books = hub.reconcile().await?;
    let balanced = show(args, &hub, status, &books, seconds)?;
    if !args.once {
        eprintln!("the hub serves on: http://{address}/ (stop with Ctrl-C)");
        stopped.await?;
    }
    hub.stop().await?;
    if !balanced {
        bail!("the books do not balance");
    }
    Ok(())
}

/// Asks the hub until it is at rest.
async fn settle(hub: &mut Hub, folder: &Folder) -> Result<Status> {
    let mut progress = Progress::new(folder);
    let mut last = (String::new(), Instant::now());
    loop {
        hub.check_alive()?;
        let status = hub.status().await?;
        progress.show(&status);
        if status.settled && knows_all(&status) {
            progress.clear();
            return Ok(status);
        }
        let counts = format!("{:?}", (&status.rows, &status.libraries, &status.subscriptions));
        if counts != last.0 {
            last = (counts, Instant::now());
        } else if last.1.elapsed() > STALL_TIMEOUT {
            let errors: Vec<_> = status
                .connectors
                .iter()
                .filter_map(|it| Some(format!("{}: {}", it.name, it.error.as_ref()?)))
                .collect();
            bail!("nothing has moved for 5 minutes\n{}", errors.join("\n"));
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// Whether the hub has seen every connector file: before that it is at rest for want of work.
fn knows_all(status: &Status) -> bool {
    let sources = SYSTEMS.iter().map(|system| system.connector);
    let sinks = connector::SUBSCRIBERS.iter().map(|(name, _)| *name);
    let is_known = |name| status.connectors.iter().any(|connector| connector.name == name);
    sources.chain(sinks).all(is_known)
}

/// Prints the report and returns whether the books balance.
fn show(args: &DemoArgs, hub: &Hub, status: Status, books: &Books, seconds: f64) -> Result<bool> {
    for connector in &status.connectors {
        if let Some(error) = &connector.error {
            eprintln!("{} is {}: {error}", connector.name, connector.state);
        }
    }
    let report = Report::new(status, books, seconds, hub.peak_rss_mb());
    let tables = report.tables(books);
    if args.json {
        eprintln!("{tables}");
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("{tables}");
    }
    Ok(report.balanced)
}

/// Comes back when somebody wants us to end.
async fn stop_asked() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
