//! `cargo xtask`: everything a developer runs in this repository.
//!
//! | command | what it does |
//! |---|---|
//! | `demo` | a city's departments exchange records on this machine |
//! | `test` | everything that must hold, from a bare Debian machine with Rust |
//! | `check` | formatting, lints, tidy, documentation, licences, advisories |
//! | `tidy` | the rules of this repository that no other tool knows |
//! | `soak` | a hub under load is killed again and again; nothing may be lost or doubled |
//! | `fuzz` | the fuzz targets under cargo-fuzz, for some minutes |
//! | `record-registry` | what another registry answers, for the tests to compare with |
//! | `bench` | the speed figures, each beside its measure, in one run |

mod advisories;
mod bench;
mod check;
mod clients;
mod demo;
mod dice;
mod files;
mod fuzz;
mod ground;
mod household;
mod hub;
mod kafka_jars;
mod licences;
mod maven;
mod process;
mod readme;
mod record_registry;
mod soak;
mod test_run;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Everything a developer runs in this repository")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Shows a city's departments exchanging records
    Demo(demo::DemoArgs),
    /// Runs every test; installs the databases they need when it may
    Test(test_run::TestArgs),
    /// Measures speed, each figure beside its measure; builds for release
    Bench(bench::BenchArgs),
    /// Kills a hub under load again and again and looks whether anything was lost or doubled
    Soak(soak::SoakArgs),
    /// Runs the fuzz targets under cargo-fuzz, on a nightly toolchain; findings go to the corpus
    Fuzz(fuzz::FuzzArgs),
    /// Asks Apicurio's registry anew what the tests hold our answers beside
    RecordRegistry,
    /// Checks formatting, lints, tidy, documentation, licences and advisories
    Check,
    /// Checks the rules of this repository that no other tool knows
    Tidy,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Demo(args) => demo::run(&args),
        Command::Test(args) => test_run::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Soak(args) => soak::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::RecordRegistry => record_registry::run(),
        Command::Check => check::run(),
        Command::Tidy => tidy::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
