//! The model: which rows were handed over, and what must have come of them.

use std::collections::{BTreeMap, BTreeSet};

use rand::{Rng, rngs::StdRng};
use yiku_core::row_version::{RowVersion, VersionParts};
use yiku_store::quarantine::{Quarantined, State};

use super::found::Found;

/// How many publishers there are.
pub const LINES: usize = 2;
/// Their names.
pub const NAMES: [&str; LINES] = ["first", "second"];

const ROWS: usize = 60;
const KEYS: [&str; 8] = ["A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8"];

/// What a person decides about a rejected row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decision {
    Drop,
    Return,
    /// Sends it through as it is: it is rejected again.
    Retry,
    /// Mends it and sends it through.
    Mend,
}

impl Decision {
    /// One of them; only an open row can be returned.
    pub fn random(dice: &mut StdRng, is_open: bool) -> Self {
        match dice.random_range(0..5) {
            0 => Self::Drop,
            1 if is_open => Self::Return,
            2 => Self::Retry,
            _ => Self::Mend,
        }
    }

    /// Whether a row stands as it does after this decision.
    pub fn is_taken(self, row: &Quarantined) -> bool {
        match self {
            Self::Drop => row.state == State::Dropped,
            Self::Return => row.state == State::Returned,
            Self::Retry => row.state == State::Queued && row.edited.is_none(),
            Self::Mend => row.state == State::Queued && row.edited.is_some(),
        }
    }
}

/// Everything that was handed over and decided.
pub struct Expected {
    lines: [Vec<[&'static str; 2]>; LINES],
    sent: [usize; LINES],
    /// Which line of the resource each publisher got: in the order of their first batches.
    numbers: [Option<u32>; LINES],
    decisions: BTreeMap<RowVersion, Decision>,
}

impl Expected {
    /// Random rows; an empty name makes a row bad.
    pub fn new(dice: &mut StdRng) -> Self {
        let mut row = |_| {
            let key = KEYS[dice.random_range(0..KEYS.len())];
            [key, ["李", "王", "张", ""][dice.random_range(0..4)]]
        };
        let lines = [(0..ROWS).map(&mut row).collect(), (0..ROWS).map(&mut row).collect()];
        Self { lines, sent: [0; LINES], numbers: [None; LINES], decisions: BTreeMap::new() }
    }

    /// The rows of a publisher.
    pub fn rows(&self, line: usize) -> &[[&'static str; 2]] {
        &self.lines[line]
    }

    /// Whether every row was handed over.
    pub fn all_sent(&self) -> bool {
        self.sent.iter().all(|&sent| sent == ROWS)
    }

    /// Takes down that a publisher now stands at this row. It may stand where it stood only if it
    /// died.
    #[track_caller]
    pub fn sent(&mut self, line: usize, number: u32, now: usize, count: usize, lives: bool) {
        let (before, after) = (self.sent[line], (self.sent[line] + count).min(ROWS));
        assert!(now == after || (now == before && !lives), "{now} after {before} and {count} rows");
        self.sent[line] = now;
        self.numbers[line] = Some(number);
    }

    /// Takes down a decision.
    pub fn decided(&mut self, version: RowVersion, decision: Decision) {
        self.decisions.insert(version, decision);
    }

    /// The cells of a row once it is mended.
    pub fn mended(&self, version: &RowVersion) -> Vec<Option<String>> {
        vec![Some(self.key(version).to_owned()), Some(MENDED.to_owned())]
    }

    fn key(&self, version: &RowVersion) -> &'static str {
        let parts = version.parts();
        let line = self.numbers.iter().position(|number| *number == Some(parts.line));
        self.lines[line.expect("a known line")][parts.order as usize - 1][0]
    }

    /// Fails unless disk and model agree.
    #[track_caller]
    pub fn compare(&self, found: &Found, seed: u64) {
        let mut accepted: BTreeMap<RowVersion, (&str, &str)> = BTreeMap::new();
        let mut rejected: BTreeMap<RowVersion, State> = BTreeMap::new();
        for (line, rows) in self.lines.iter().enumerate() {
            for (index, [key, name]) in rows.iter().enumerate() {
                self.follow(line, index, key, name, &mut accepted, &mut rejected);
            }
        }
        for (version, state) in &mut rejected {
            let later = |(other, (key, _)): (&RowVersion, &(&str, &str))| {
                other > version && *key == self.key(version)
            };
            if matches!(state, State::Open | State::Returned) && accepted.iter().any(later) {
                *state = State::Overtaken;
            }
        }
        let on_bus = found.bus.iter().map(|(_, version)| shown(version)).collect::<BTreeSet<_>>();
        assert_eq!(on_bus.len(), found.bus.len(), "seed {seed}: a row is on the bus twice");
        let expected = accepted.keys().map(shown).collect::<BTreeSet<_>>();
        let differ: Vec<_> = on_bus.symmetric_difference(&expected).collect();
        assert!(differ.is_empty(), "seed {seed}: rows on the bus or not: {differ:?}");
        let states = |of: &BTreeMap<RowVersion, State>| -> BTreeSet<(String, String)> {
            of.iter().map(|(version, state)| (shown(version), state.as_str().to_owned())).collect()
        };
        let (there, expected) = (states(&found.quarantine), states(&rejected));
        let differ: Vec<_> = there.symmetric_difference(&expected).collect();
        assert!(differ.is_empty(), "seed {seed}: quarantine, there or expected: {differ:?}");
        let (current, history) = fold(&found.bus, &accepted);
        assert_eq!(found.current, current, "seed {seed}: current rows");
        assert_eq!(found.history, history, "seed {seed}: history");
    }

    /// What came of one row, and of what was done with it when it was rejected.
    fn follow<'r>(
        &self,
        line: usize,
        index: usize,
        key: &'r str,
        name: &'r str,
        accepted: &mut BTreeMap<RowVersion, (&'r str, &'r str)>,
        rejected: &mut BTreeMap<RowVersion, State>,
    ) {
        let mut parts = VersionParts {
            line: self.numbers[line].expect("it has sent"),
            order: 1 + index as u64,
            row: 1,
            ..VersionParts::default()
        };
        if !name.is_empty() {
            accepted.insert(RowVersion::new(parts), (key, name));
            return;
        }
        loop {
            let version = RowVersion::new(parts);
            let (state, next) = match self.decisions.get(&version) {
                None => (State::Open, None),
                Some(Decision::Drop) => (State::Dropped, None),
                Some(Decision::Return) => (State::Returned, None),
                Some(Decision::Retry) => (State::Redriven, Some(false)),
                Some(Decision::Mend) => (State::Redriven, Some(true)),
            };
            rejected.insert(version, state);
            parts.attempt += 1;
            match next {
                None => return,
                Some(true) => {
                    accepted.insert(RowVersion::new(parts), (key, MENDED));
                    return;
                }
                Some(false) => {}
            }
        }
    }
}

/// A version for people.
fn shown(version: &RowVersion) -> String {
    let VersionParts { line, order, attempt, .. } = version.parts();
    format!("row {order} of line {line}, attempt {attempt}")
}

/// Current names by key, and the names that were replaced, as the bus's order makes them.
fn fold<'r>(
    bus: &[(String, RowVersion)],
    rows: &BTreeMap<RowVersion, (&'r str, &'r str)>,
) -> (BTreeMap<String, String>, Vec<(String, String)>) {
    let mut newest: BTreeMap<&str, RowVersion> = BTreeMap::new();
    let (mut current, mut history) = (BTreeMap::new(), Vec::new());
    for (key, version) in bus {
        if newest.get(key.as_str()).is_some_and(|newest| newest > version) {
            continue;
        }
        newest.insert(key, *version);
        let name = rows[version].1.to_owned();
        match current.insert(key.clone(), name.clone()) {
            Some(before) if before != name => history.push((key.clone(), before)),
            _ => {}
        }
    }
    (current, history)
}

const MENDED: &str = "改正";
