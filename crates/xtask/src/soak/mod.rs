//! `cargo xtask soak`: a hub under load is killed at random moments, and everything that it has
//! taken is still there, once.
//!
//! Files arrive, rows are pushed, the library is merged and two subscribers receive it, all at
//! once. After each SIGKILL the hub must start by itself. Then the load pauses, the hub comes to
//! rest, and four things are compared with what was sent: the counts of every row, the library, the
//! subscribers, and the books.

mod check;
mod load;
mod sent;
mod subscriber;

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use clap::Args;
use tokio::time;

use self::{load::Load, sent::Sent, subscriber::Subscriber};
use crate::{
    dice::Dice,
    ground::{self, Ground},
    household, hub,
};

/// What `cargo xtask soak` takes.
#[derive(Args)]
pub struct SoakArgs {
    /// How often the hub is killed
    #[arg(long, default_value_t = 200)]
    kills: u32,
    /// Which random moments and rows; a failing soak prints its own
    #[arg(long)]
    seed: Option<u64>,
}

/// Kills and compares.
pub fn run(args: &SoakArgs) -> Result<()> {
    let program = hub::build()?;
    let seed = args.seed.unwrap_or_else(|| u64::from(std::process::id()));
    eprintln!("{} kills by --seed {seed}", args.kills);
    let soaked = tokio::runtime::Runtime::new()?.block_on(soak(&program, args.kills, seed));
    soaked.with_context(|| format!("--seed {seed}"))
}

async fn soak(program: &Path, kills: u32, seed: u64) -> Result<()> {
    let mut ground = Ground::new(program).await?;
    let soaked = kill_and_compare(&ground, kills, seed).await;
    soaked.with_context(|| format!("everything is in {}", ground.keep().display()))
}

async fn kill_and_compare(ground: &Ground, kills: u32, seed: u64) -> Result<()> {
    let catalog = household::catalog()?;
    let entry = Arc::new(household::entry(&catalog)?.clone());
    let subscriber = Subscriber::listen(seed).await?;
    lay_connectors(ground, &subscriber)?;

    let mut dice = Dice::new(seed, "kill", 0);
    let mut hub = ground.start().await?;
    let words = ["token", "add", "soak", "--department", "public-security"];
    let token = hub.tell(&words).await?.trim().to_owned();
    let sent = Arc::new(Sent::default());
    let mut load = Load::begin(ground, Arc::clone(&entry), &token, &sent, seed);
    for kill in 1..=kills {
        time::sleep(moment(&mut dice, LOAD_MAX)).await;
        hub.check_alive()?;
        hub.kill().await?;
        // One of four does not even come to its first answer before it is killed again.
        if dice.one_in(4) {
            let early = ground.spawn()?;
            time::sleep(moment(&mut dice, START_MAX)).await;
            early.kill().await?;
        }
        // It must start by itself: nothing is mended or removed in between.
        hub = ground.start().await.context("the hub does not start again")?;
        let books = hub.reconcile().await?;
        check::books(&books).with_context(|| format!("right after kill {kill}"))?;
        let paused = load.pause().await;
        load.check()?;
        let rest = check::at_rest(&mut hub, ground, &entry, &sent, &subscriber).await;
        rest.with_context(|| format!("after kill {kill}"))?;
        drop(paused);
        if kill % 10 == 0 || kill == kills {
            let (rows, bad) = sent.counts();
            eprintln!("{kill} kills, {rows} rows, {bad} of them bad: everything is there, once");
        }
    }
    load.end().await?;
    let doubled = subscriber.repeated();
    eprintln!("the subscriber was sent {doubled} parcels once more, and knew each by its key");
    hub.stop().await
}

/// A random moment within this time.
fn moment(dice: &mut Dice, within: Duration) -> Duration {
    Duration::from_micros(dice.below(within.as_micros() as u64))
}

fn lay_connectors(ground: &Ground, subscriber: &Subscriber) -> Result<()> {
    let folder = ground.path().display();
    std::fs::create_dir(ground.path().join("in"))?;
    let source = format!(
        "entry: {}@1\nsource: {{ kind: files, folder: {folder}/in, settle: 10ms }}\nevery: 1s\n",
        household::ENTRY
    );
    ground.connector("household", &source)?;
    ground.write("data/secrets/person.url", &format!("sqlite:{folder}/person.db"))?;
    ground.write("data/secrets/hook.secret", "soak-soak-soak-soak-soak-soak-soak")?;
    let hook =
        format!("{{ kind: http, url: {}, secret: {{ file: hook.secret }} }}", subscriber.url());
    let table = "{ kind: sql, url: { file: person.url }, table: person, create: true }";
    for (name, sink) in [("hook", hook.as_str()), ("table", table)] {
        ground.connector(name, &format!("grant: {}\nsink: {sink}\nevery: 1s\n", ground::GRANT))?;
    }
    Ok(())
}

/// The longest that the load goes on before the next kill.
const LOAD_MAX: Duration = Duration::from_millis(1_500);
/// The longest that an early kill waits after the start.
const START_MAX: Duration = Duration::from_millis(150);
