//! The model: which rows were handed over, and what must have come of them.

use std::collections::{BTreeMap, BTreeSet};

use rand::{Rng, rngs::StdRng};
use yiku_core::row_version::{RowVersion, VersionParts};
use yiku_store::quarantine::{Quarantined, State};

use super::found::{Conflict, Found};

/// The resources; both set the name of a patient, the first before the second.
pub const RESOURCES: [&str; 2] = ["health/patient", "civil-affairs/recipient"];
/// How many publishers there are.
pub const LINES: usize = 3;
/// Their names, and the places of their resources.
pub const PUBLISHERS: [(&str, usize); LINES] = [("first", 0), ("second", 0), ("third", 1)];
/// A row: the place of its resource, and the version that it has or would have.
pub type RowId = (usize, RowVersion);

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
    decisions: BTreeMap<RowId, Decision>,
}

impl Expected {
    /// Random rows; an empty name makes a row bad.
    pub fn new(dice: &mut StdRng) -> Self {
        let mut row = |_| {
            let key = KEYS[dice.random_range(0..KEYS.len())];
            [key, ["李", "王", "张", ""][dice.random_range(0..4)]]
        };
        let lines = std::array::from_fn(|_| (0..ROWS).map(&mut row).collect());
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
    pub fn decided(&mut self, row: RowId, decision: Decision) {
        self.decisions.insert(row, decision);
    }

    /// The cells of a row once it is mended.
    pub fn mended(&self, row: RowId) -> Vec<Option<String>> {
        vec![Some(self.key(row).to_owned()), Some(MENDED.to_owned())]
    }

    fn key(&self, (resource, version): RowId) -> &'static str {
        let parts = version.parts();
        let line = (0..LINES)
            .find(|&line| PUBLISHERS[line].1 == resource && self.numbers[line] == Some(parts.line));
        self.lines[line.expect("a known line")][parts.order as usize - 1][0]
    }

    /// Fails unless disk and model agree.
    #[track_caller]
    pub fn compare(&self, found: &Found, seed: u64) {
        let (accepted, mut rejected) = self.outcomes();
        for (row, state) in &mut rejected {
            let later = |(other, (key, _)): (&RowId, &(&str, &str))| {
                other.0 == row.0 && other > row && *key == self.key(*row)
            };
            if matches!(state, State::Open | State::Returned) && accepted.iter().any(later) {
                *state = State::Overtaken;
            }
        }
        let on_bus = found.bus.iter().enumerate().flat_map(|(resource, rows)| {
            rows.iter().map(move |(_, version)| shown(&(resource, *version)))
        });
        let on_bus: BTreeSet<String> = on_bus.collect();
        let count: usize = found.bus.iter().map(Vec::len).sum();
        assert_eq!(on_bus.len(), count, "seed {seed}: a row is on the bus twice");
        let expected = accepted.keys().map(shown).collect::<BTreeSet<_>>();
        let differ: Vec<_> = on_bus.symmetric_difference(&expected).collect();
        assert!(differ.is_empty(), "seed {seed}: rows on the bus or not: {differ:?}");
        let states = |of: &BTreeMap<RowId, State>| -> BTreeSet<(String, String)> {
            of.iter().map(|(row, state)| (shown(row), state.as_str().to_owned())).collect()
        };
        let (there, expected) = (states(&found.quarantine), states(&rejected));
        let differ: Vec<_> = there.symmetric_difference(&expected).collect();
        assert!(differ.is_empty(), "seed {seed}: quarantine, there or expected: {differ:?}");
        let merged: u64 = found.merged.iter().map(|(_, offsets)| offsets.end - offsets.start).sum();
        assert_eq!(merged, count as u64, "seed {seed}: rows of the bus that were merged");
        self.compare_library(found, seed);
    }

    /// Fails unless the library is what the rows merged so far make. At any moment.
    #[track_caller]
    pub fn compare_library(&self, found: &Found, seed: u64) {
        let (accepted, _) = self.outcomes();
        let expected = fold(found, &accepted);
        assert_eq!(found.current, expected.current, "seed {seed}: current rows");
        assert_eq!(found.history, expected.history, "seed {seed}: history");
        assert_eq!(found.conflicts, expected.conflicts, "seed {seed}: conflicts");
    }

    /// Keys and names of the rows that are or will be accepted, states of those rejected.
    fn outcomes(&self) -> (Accepted<'_>, BTreeMap<RowId, State>) {
        let (mut accepted, mut rejected) = (BTreeMap::new(), BTreeMap::new());
        for (line, rows) in self.lines.iter().enumerate() {
            for (index, [key, name]) in rows.iter().enumerate().take(self.sent[line]) {
                self.follow(line, index, key, name, &mut accepted, &mut rejected);
            }
        }
        (accepted, rejected)
    }

    /// What came of one row, and of what was done with it when it was rejected.
    fn follow<'r>(
        &self,
        line: usize,
        index: usize,
        key: &'r str,
        name: &'r str,
        accepted: &mut Accepted<'r>,
        rejected: &mut BTreeMap<RowId, State>,
    ) {
        let resource = PUBLISHERS[line].1;
        let mut parts = VersionParts {
            line: self.numbers[line].expect("it has sent"),
            order: 1 + index as u64,
            row: 1,
            ..VersionParts::default()
        };
        if !name.is_empty() {
            accepted.insert((resource, RowVersion::new(parts)), (key, name));
            return;
        }
        loop {
            let row = (resource, RowVersion::new(parts));
            let (state, next) = match self.decisions.get(&row) {
                None => (State::Open, None),
                Some(Decision::Drop) => (State::Dropped, None),
                Some(Decision::Return) => (State::Returned, None),
                Some(Decision::Retry) => (State::Redriven, Some(false)),
                Some(Decision::Mend) => (State::Redriven, Some(true)),
            };
            rejected.insert(row, state);
            parts.attempt += 1;
            match next {
                None => return,
                Some(true) => {
                    accepted.insert((resource, RowVersion::new(parts)), (key, MENDED));
                    return;
                }
                Some(false) => {}
            }
        }
    }
}

/// Keys and names of accepted rows.
type Accepted<'r> = BTreeMap<RowId, (&'r str, &'r str)>;

/// A row for people.
fn shown((resource, version): &RowId) -> String {
    let VersionParts { line, order, attempt, .. } = version.parts();
    format!("row {order} of line {line} of {}, attempt {attempt}", RESOURCES[*resource])
}

/// What a library holds.
#[derive(Default)]
struct Library {
    current: BTreeMap<String, String>,
    history: Vec<(String, String)>,
    conflicts: Vec<Conflict>,
}

/// The library as the merged rows make it, in the order in which they were merged.
fn fold(found: &Found, accepted: &Accepted<'_>) -> Library {
    let mut library = Library::default();
    // By key, what each resource says: the version of its newest row, and the name.
    let mut said: BTreeMap<&str, [Option<(RowVersion, &str)>; RESOURCES.len()]> = BTreeMap::new();
    for (resource, offsets) in &found.merged {
        for offset in offsets.clone() {
            let (key, version) = &found.bus[*resource][offset as usize];
            let of_key = said.entry(key).or_default();
            if of_key[*resource].is_some_and(|(newest, _)| newest > *version) {
                continue;
            }
            of_key[*resource] = Some((*version, accepted[&(*resource, *version)].1));
            let (_, name) = of_key.iter().flatten().next().expect("one was just put in");
            match library.current.insert(key.clone(), (*name).to_owned()) {
                Some(before) if before != *name => library.history.push((key.clone(), before)),
                _ => {}
            }
        }
    }
    for (key, of_key) in said {
        if let [Some((_, taken)), Some((_, other))] = of_key
            && taken != other
        {
            let conflict = [key, "name", RESOURCES[0], taken, RESOURCES[1], other];
            library.conflicts.push(conflict.map(str::to_owned));
        }
    }
    library
}

const MENDED: &str = "改正";
