//! `cargo xtask bench`: the speed figures of the hub, each measured beside something that the
//! reader can judge it by, in one run on one machine.

mod cluster;
mod contract;
mod figure;
mod huge;
mod idle;
mod load;
mod pages;
mod push;
mod pushing;
mod registry;

use std::process::Command;

use anyhow::{Result, bail};
use clap::Args;

use crate::{process, workspace};

pub use figure::{Figure, alternate};

/// What `cargo xtask bench` takes.
#[derive(Args)]
pub struct BenchArgs {
    /// Only this one; all of them when left out
    name: Option<String>,
    /// Ten times the rows; needs about 30 GB of disk
    #[arg(long)]
    long: bool,
    /// Print only a JSON array of the figures on standard output
    #[arg(long)]
    json: bool,
}

/// One bench: a name for the command line, and a function that measures.
struct Bench {
    name: &'static str,
    run: fn(Size) -> Result<Vec<Figure>>,
}

const BENCHES: &[Bench] = &[
    Bench { name: "contract", run: |_| contract::run() },
    Bench { name: "load", run: load::run },
    Bench { name: "push", run: push::run },
    Bench { name: "pages", run: pages::run },
    Bench { name: "registry", run: registry::run },
    Bench { name: "idle", run: idle::run },
    Bench { name: "huge", run: huge::run },
    Bench { name: "cluster", run: cluster::run },
];

/// How much a bench works on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Size {
    /// All benches end within 45 minutes.
    Usual,
    /// Ten times the rows: about 30 GB of disk.
    Long,
}

/// Measures and prints.
pub fn run(args: &BenchArgs) -> Result<()> {
    let chosen: Vec<&Bench> = BENCHES
        .iter()
        .filter(|bench| args.name.as_deref().is_none_or(|name| name == bench.name))
        .collect();
    if chosen.is_empty() {
        let names: Vec<&str> = BENCHES.iter().map(|bench| bench.name).collect();
        bail!("there is no such bench; there are: {}", names.join(", "));
    }
    if cfg!(debug_assertions) {
        return in_release(args);
    }
    let size = if args.long { Size::Long } else { Size::Usual };
    let mut figures = Vec::new();
    for bench in chosen {
        eprintln!("== {}", bench.name);
        let found = (bench.run)(size)?;
        found.iter().for_each(|figure| eprintln!("{figure}"));
        figures.extend(found);
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        println!("{}", figure::table(&figures));
    }
    Ok(())
}

/// A development build says nothing about speed, so we run ourselves again, built for release.
fn in_release(args: &BenchArgs) -> Result<()> {
    eprintln!("building for release");
    let mut cargo: Command = workspace::cargo();
    cargo.args(["run", "--release", "--quiet", "--locked", "--bin", "xtask", "--", "bench"]);
    cargo.args(&args.name);
    cargo.args(args.long.then_some("--long"));
    cargo.args(args.json.then_some("--json"));
    process::run(&mut cargo)
}
