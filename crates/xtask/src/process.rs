//! Child processes that must succeed.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

/// Runs a command with our own standard streams; any exit code but 0 is an error.
pub fn run(command: &mut Command) -> Result<()> {
    let words = words(command);
    let status = command.status().with_context(|| format!("cannot start `{words}`"))?;
    if !status.success() {
        bail!("`{words}` failed: {status}");
    }
    Ok(())
}

/// Runs a command and returns what it writes to standard output; any exit code but 0 is an
/// error.
pub fn output(command: &mut Command) -> Result<String> {
    let words = words(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{words}`"))?;
    if !output.status.success() {
        bail!("`{words}` failed: {}", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{words}` did not write UTF-8"))
}

/// Whether a command runs and succeeds; what it writes is dropped.
pub fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn words(command: &Command) -> String {
    let mut words = command.get_program().to_string_lossy().into_owned();
    for arg in command.get_args() {
        words.push(' ');
        words.push_str(&arg.to_string_lossy());
    }
    words
}

/// Seconds that a process has computed, to a hundredth; `None` where the system does not say.
pub fn computed_seconds(id: u32) -> Option<f64> {
    computed(Path::new(&format!("/proc/{id}/stat")))
}

/// The same of a process with its children, those that have ended among them.
pub fn computed_by_family(id: u32) -> f64 {
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
    let children = children.unwrap_or_default();
    let children = children.split_whitespace().filter_map(|child| child.parse().ok());
    let own = ticks(Path::new(&format!("/proc/{id}/stat")), 4).unwrap_or_default();
    own + children.map(computed_by_family).sum::<f64>()
}

/// The same of each kind of its threads, by their name. What ended threads computed is missing.
pub fn computed_by_threads(id: u32) -> BTreeMap<String, f64> {
    let threads = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    let mut seconds = BTreeMap::new();
    for thread in threads.map(|thread| thread.path()) {
        if let (Ok(name), Some(computed)) =
            (fs::read_to_string(thread.join("comm")), computed(&thread.join("stat")))
        {
            *seconds.entry(name.trim().to_owned()).or_default() += computed;
        }
    }
    seconds
}

fn computed(stat: &Path) -> Option<f64> {
    ticks(stat, 2)
}

/// Sums user and system time (2 fields), and those of children that were waited for (4).
fn ticks(stat: &Path, fields: usize) -> Option<f64> {
    let stat = fs::read_to_string(stat).ok()?;
    // The name before the last bracket may hold blanks; the times come 12th after it.
    let fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11).take(fields);
    let ticks: f64 = fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    Some(ticks / 100.0)
}
