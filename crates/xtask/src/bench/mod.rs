//! `cargo xtask bench`: the speed figures of the hub, each measured beside something that the
//! reader can judge it by, in one run on one machine.

mod contract;
mod figure;

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
    /// Print only a JSON array of the figures on standard output
    #[arg(long)]
    json: bool,
}

/// One bench: a name for the command line, and a function that measures.
struct Bench {
    name: &'static str,
    run: fn() -> Result<Vec<Figure>>,
}

const BENCHES: &[Bench] = &[Bench { name: "contract", run: contract::run }];

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
    let mut figures = Vec::new();
    for bench in chosen {
        eprintln!("== {}", bench.name);
        let found = (bench.run)()?;
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
    cargo.args(["run", "--release", "--quiet", "--locked", "--package", "xtask", "--", "bench"]);
    cargo.args(&args.name);
    if args.json {
        cargo.arg("--json");
    }
    process::run(&mut cargo)
}
