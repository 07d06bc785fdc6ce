//! `cargo xtask demo`: a city's departments exchange records on this machine.

mod city;
mod connector;
mod fault;
mod generate;
#[cfg(test)]
mod generate_test;
mod system;
mod truth;
mod write;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::workspace;

/// What `cargo xtask demo` takes.
#[derive(Args)]
pub struct DemoArgs {
    /// Natural persons of the city; the rest in proportion
    #[arg(long, default_value_t = 200_000)]
    rows: u64,
    /// Folder of everything that the demo makes
    #[arg(long, default_value = "demo-data")]
    data: PathBuf,
}

/// Makes the city.
pub fn run(args: &DemoArgs) -> Result<()> {
    let divisions = workspace::root().join("catalog/codelists/division.csv");
    let city = city::City::new(args.rows, &divisions)?;
    let started = std::time::Instant::now();
    generate::generate(&city, system::SYSTEMS, &args.data, &|system| {
        eprintln!("{:>6.2} s  {}", started.elapsed().as_secs_f64(), system.connector);
    })
}
