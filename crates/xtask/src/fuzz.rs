//! `cargo xtask fuzz`: the fuzz targets under cargo-fuzz, which looks for inputs that take new
//! paths. What it finds wrong is kept in `fuzz/corpus`; everything else stays in cargo's folder.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use comfy_table::{Table, presets::NOTHING};

use crate::{process, workspace};

/// What `cargo xtask fuzz` takes.
#[derive(Args)]
pub struct FuzzArgs {
    /// Minutes in all, shared over the targets
    #[arg(long)]
    minutes: u32,
    /// One target alone
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
}

/// What came of one target.
struct Outcome {
    name: String,
    executions: u64,
    seconds: u64,
    findings: Vec<PathBuf>,
}

/// Runs the targets in turn; any finding fails.
pub fn run(args: &FuzzArgs) -> Result<()> {
    let all = targets()?;
    let wanted = |name: &&String| args.target.as_ref().is_none_or(|target| target == *name);
    let names: Vec<&String> = all.iter().filter(wanted).collect();
    ensure!(!names.is_empty(), "there is no such target; there are: {}", all.join(", "));
    ensure!(args.minutes > 0, "`--minutes` must be at least 1");
    check_tools()?;
    let seconds = (u64::from(args.minutes) * 60 / names.len() as u64).max(1);
    // Without a name all programs are built, in one go.
    process::run(cargo_fuzz("build").args(&args.target))?;
    let outcomes = names.iter().map(|name| fuzz(name, seconds));
    let outcomes = outcomes.collect::<Result<Vec<_>>>()?;
    println!("{}", table(&outcomes));
    let found: Vec<_> = outcomes.iter().filter(|outcome| !outcome.findings.is_empty()).collect();
    for outcome in &found {
        for file in &outcome.findings {
            let input = file.strip_prefix(workspace::root()).unwrap_or(file).display();
            eprintln!("finding: {input}");
        }
        eprintln!("again: cargo test --workspace --test corpus {}", outcome.name);
    }
    ensure!(found.is_empty(), "{} of {} targets have findings", found.len(), outcomes.len());
    Ok(())
}

/// The targets that have a program, in order of their names.
fn targets() -> Result<Vec<String>> {
    let programs = fs::read_dir(workspace::root().join("fuzz/fuzz_targets"))?;
    let paths = programs.map(|program| Ok(program?.path())).collect::<Result<Vec<_>>>()?;
    let names = paths.iter().filter_map(|path| path.file_stem()?.to_str());
    let mut names: Vec<String> = names.map(str::to_owned).collect();
    names.sort();
    Ok(names)
}

fn check_tools() -> Result<()> {
    if !process::succeeds(Command::new("rustup").args(["run", "nightly", "rustc", "-V"])) {
        bail!(
            "fuzzing needs a nightly toolchain: rustup toolchain install nightly --profile minimal"
        );
    }
    if !process::succeeds(Command::new("cargo-fuzz").arg("--version")) {
        bail!("fuzzing needs cargo-fuzz: cargo install cargo-fuzz --locked");
    }
    Ok(())
}

/// `cargo fuzz` on the nightly toolchain; what it builds and gathers lies in cargo's folder.
fn cargo_fuzz(verb: &str) -> Command {
    let mut command = Command::new("rustup");
    command.current_dir(workspace::root().join("fuzz"));
    command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
    command.args(["run", "nightly", "cargo", "fuzz", verb, "--fuzz-dir", "."]);
    command.arg("--target-dir").arg(folder());
    command
}

fn fuzz(name: &str, seconds: u64) -> Result<Outcome> {
    eprintln!("== {name}: {seconds} seconds");
    let artifacts = folder().join("artifacts").join(name);
    fs::create_dir_all(&artifacts).context("cannot make the folder of findings")?;
    fs::create_dir_all(gathered(name)).context("cannot make the folder of new inputs")?;
    let mut command = cargo_fuzz("run");
    // New inputs go to the first folder named; those of the repository are only read.
    command.arg(name).arg(gathered(name)).arg(seeds(name)).arg("--");
    command.arg(format!("-max_total_time={seconds}"));
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    command.args(["-rss_limit_mb=2048", "-timeout=10", "-max_len=16384", "-print_final_stats=1"]);
    // The runtime's threads outlive an input, and what they hold is taken for a leak.
    command.arg("-detect_leaks=0");
    let began = Instant::now();
    let output = command.stdout(Stdio::null()).stdin(Stdio::null()).output();
    let output = output.context("cannot start cargo-fuzz")?;
    let told = String::from_utf8_lossy(&output.stderr);
    let findings = keep(&artifacts, name)?;
    if !output.status.success() {
        let lines: Vec<&str> = told.lines().collect();
        eprintln!("{}", lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n"));
        ensure!(!findings.is_empty(), "{name}: cargo-fuzz failed without a finding");
    }
    let executions = executions(&told).with_context(|| format!("{name}: no figures"))?;
    let name = name.to_owned();
    Ok(Outcome { name, executions, seconds: began.elapsed().as_secs().max(1), findings })
}

/// Copies what the run found wrong into the corpus, and empties the folder it was written to.
fn keep(artifacts: &Path, name: &str) -> Result<Vec<PathBuf>> {
    let mut kept = Vec::new();
    for file in fs::read_dir(artifacts)? {
        let file = file?;
        let target = seeds(name).join(file.file_name());
        fs::copy(file.path(), &target)?;
        fs::remove_file(file.path())?;
        kept.push(target);
    }
    Ok(kept)
}

/// How often libFuzzer ran the target: its own sum, or what it counted before it stopped at a
/// finding.
fn executions(told: &str) -> Option<u64> {
    let sum = told.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    let counted = || told.lines().rev().find_map(|line| line.strip_prefix('#'));
    let digits = sum.or_else(counted)?.trim_start();
    digits.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

fn table(outcomes: &[Outcome]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["target", "executions", "exec/s", "findings"]);
    for outcome in outcomes {
        table.add_row([
            outcome.name.clone(),
            outcome.executions.to_string(),
            (outcome.executions / outcome.seconds).to_string(),
            outcome.findings.len().to_string(),
        ]);
    }
    let sum: u64 = outcomes.iter().map(|outcome| outcome.executions).sum();
    let findings: usize = outcomes.iter().map(|outcome| outcome.findings.len()).sum();
    table.add_row(["all".to_owned(), sum.to_string(), String::new(), findings.to_string()]);
    table
}

/// The corpus of a target.
fn seeds(name: &str) -> PathBuf {
    workspace::root().join("fuzz/corpus").join(name)
}

/// Inputs that took new paths: too many for the repository.
fn gathered(name: &str) -> PathBuf {
    folder().join("gathered").join(name)
}

/// Where everything of ours lies that the repository does not hold.
fn folder() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    workspace::root().join(target.unwrap_or_else(|| "target".into())).join("fuzz")
}

/// Lines of libFuzzer that are shown when it ends with a finding.
const LINES_SHOWN: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executions_are_read_from_what_libfuzzer_writes() {
        let whole = "#2\tINITED cov: 9\n#70\tDONE cov: 9\nstat::number_of_executed_units: 4071\n";
        assert_eq!(executions(whole), Some(4071));
        assert_eq!(executions("#2\tINITED cov: 9\n#64\tNEW cov: 9\n==1== ERROR"), Some(64));
        assert_eq!(executions("error: no such command"), None);
    }
}
