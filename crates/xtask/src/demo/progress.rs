//! What a person sees while the hub works: a bar per connector.

use std::{
    collections::BTreeMap,
    io::{IsTerminal, stderr},
    time::{Duration, Instant},
};

use indicatif::{HumanCount, MultiProgress, ProgressBar, ProgressStyle};

use super::{folder::Folder, system::SYSTEMS};
use crate::hub::answer::Status;

/// Bars on a terminal; a line now and then elsewhere.
pub struct Progress {
    bars: MultiProgress,
    by_name: BTreeMap<String, ProgressBar>,
    started: Instant,
    said: Option<Instant>,
}

/// How often a line is written where there is no terminal.
const SAY_EVERY: Duration = Duration::from_secs(5);

impl Progress {
    /// A bar for each system, as long as its rows.
    pub fn new(folder: &Folder) -> Self {
        let bars = MultiProgress::new();
        let style = ProgressStyle::with_template(
            "{prefix:24} {bar:30} {human_pos:>9} / {human_len:9} {msg}",
        )
        .expect("a template of our own");
        let mut by_name = BTreeMap::new();
        for system in SYSTEMS {
            let bar = ProgressBar::new(folder.rows_of(system).unwrap_or(0));
            let bar = bars.add(bar.with_style(style.clone()).with_prefix(system.connector));
            by_name.insert(system.connector.to_owned(), bar);
        }
        Self { bars, by_name, started: Instant::now(), said: None }
    }

    /// Shows how everything stands.
    pub fn show(&mut self, status: &Status) {
        for connector in &status.connectors {
            let Some(bar) = self.by_name.get(&connector.name) else { continue };
            bar.set_position(connector.pulled);
            bar.set_message(match &connector.error {
                Some(error) => format!("{}: {error}", connector.state),
                None if connector.rejected > 0 => {
                    format!("{} rejected", HumanCount(connector.rejected))
                }
                None => String::new(),
            });
        }
        if !stderr().is_terminal() && self.said.is_none_or(|said| said.elapsed() >= SAY_EVERY) {
            self.said = Some(Instant::now());
            let delivered: u64 = status.subscriptions.iter().map(|it| it.delivered).sum();
            let kept: u64 = status.libraries.iter().map(|library| library.rows).sum();
            eprintln!(
                "{:>6.1} s  {} rows pulled, {} rejected, {} in the libraries, {} delivered",
                self.started.elapsed().as_secs_f64(),
                HumanCount(status.rows.pulled),
                HumanCount(status.rows.rejected),
                HumanCount(kept),
                HumanCount(delivered),
            );
        }
    }

    /// Takes the bars away.
    pub fn clear(self) {
        let _ = self.bars.clear();
    }
}
