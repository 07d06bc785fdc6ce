//! `cargo xtask check`: what must hold before a change is taken, tests apart.

use anyhow::Result;

use crate::{
    advisories::{self, Outcome},
    licences, process, tidy,
    workspace::{self, Metadata},
};

/// Runs every check in turn; the first that fails ends it.
pub fn run() -> Result<()> {
    step("formatting");
    process::run(workspace::cargo().args(["fmt", "--all", "--check"]))?;

    step("tidy");
    tidy::run()?;

    step("licences");
    let metadata = Metadata::read()?;
    let count = licences::check(&metadata)?;
    eprintln!("{count} packages, every licence allowed");

    step("advisories");
    match advisories::check(&metadata)? {
        Outcome::Clean(count) => eprintln!("{count} advisories compared, none touches us"),
        Outcome::Skipped => eprintln!("skipped: the RustSec database cannot be had from here"),
    }

    step("lints");
    let lints = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    process::run(workspace::cargo().args(lints))?;

    step("documentation");
    let doc = ["doc", "--workspace", "--no-deps", "--document-private-items", "--locked"];
    process::run(workspace::cargo().args(doc).env("RUSTDOCFLAGS", "-D warnings"))?;

    eprintln!("all checks passed");
    Ok(())
}

fn step(name: &str) {
    eprintln!("== {name}");
}
