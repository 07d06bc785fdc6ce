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
    /// Only this one; when left out all of them but `cluster`, which starts servers
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
    /// Left out unless it is named: it starts servers that not every machine has.
    only_by_name: bool,
    run: fn(Size) -> Result<Vec<Figure>>,
}

const BENCHES: &[Bench] = &[
    usual("contract", |_| contract::run()),
    usual("load", load::run),
    usual("push", push::run),
    usual("pages", pages::run),
    usual("registry", registry::run),
    usual("idle", idle::run),
    usual("huge", huge::run),
    Bench { only_by_name: true, ..usual("cluster", cluster::run) },
];

const fn usual(name: &'static str, run: fn(Size) -> Result<Vec<Figure>>) -> Bench {
    Bench { name, only_by_name: false, run }
}

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
        .filter(|bench| match &args.name {
            Some(name) => name == bench.name,
            None => !bench.only_by_name,
        })
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
