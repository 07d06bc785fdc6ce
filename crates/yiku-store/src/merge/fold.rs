//! Folding the touched rows, effect by effect, and what changes by it.

use std::sync::Arc;

use yiku_core::{
    batch::Cells,
    library::{Contribution, DELETED, Entity, Folded, fold},
};

use super::{
    EntityTables, Merger,
    entity::{Said, Touched},
};
use crate::change::{ChangeKind, Log};

/// The touched rows of one entity after the batch, and those they replace.
pub(super) struct FoldedRows {
    pub(super) states: Vec<State>,
    /// All rows, the loaded ones first.
    pub(super) rows: Cells,
    pub(super) history: Vec<History>,
}

/// One touched row.
#[derive(Default)]
pub(super) struct State {
    contributions: Vec<u32>,
    /// Its number in the table, if it is there.
    pub(super) id: Option<i64>,
    pub(super) now: Option<Now>,
    /// Whether it differs from the table.
    pub(super) dirty: bool,
    /// Whether it was folded at all.
    pub(super) folded: bool,
    pub(super) conflicts: Vec<ConflictRow>,
}

/// A row as it stands.
#[derive(Clone)]
pub(super) struct Now {
    pub(super) row: usize,
    pub(super) ended: Option<Arc<str>>,
    pub(super) change: u64,
    pub(super) at: i64,
}

/// A replaced row.
pub(super) struct History {
    pub(super) key: u32,
    pub(super) to: u64,
    pub(super) to_at: i64,
    pub(super) was: Now,
}

/// Where two ranks disagree.
pub(super) struct ConflictRow {
    pub(super) item: usize,
    pub(super) taken_from: usize,
    pub(super) taken_value: String,
    pub(super) other_source: usize,
    pub(super) other_value: String,
}

/// Folds every entity. `logs` has one log per entity that was touched.
pub(super) fn apply(
    merger: &Merger,
    touched: &mut Touched,
    logs: &mut [Option<Log>],
) -> Vec<Option<FoldedRows>> {
    let entities = merger.entities().iter().zip(&mut touched.entities).zip(logs);
    entities
        .map(|((tables, said), log)| log.as_mut().map(|log| fold_entity(tables, said, log)))
        .collect()
}

fn fold_entity(tables: &EntityTables, said: &mut Said, log: &mut Log) -> FoldedRows {
    let rows = std::mem::take(&mut said.rows);
    let mut states: Vec<State> = Vec::with_capacity(said.keys.len());
    for current in &said.current {
        let mut state = State::default();
        if let Some(current) = current {
            state.id = Some(current.id);
            let (row, ended) = (current.row, current.ended.clone());
            state.now = Some(Now { row, ended, change: current.change, at: current.at });
        }
        states.push(state);
    }
    for &(key, contribution) in &said.initial {
        states[key as usize].contributions.push(contribution);
    }
    let said = &*said;
    let mut folding = Folding {
        entity: &tables.entity,
        said,
        log,
        scratch: Vec::new(),
        folded: Folded::default(),
        out: FoldedRows { states, rows, history: Vec::new() },
    };
    let mut keys: Vec<u32> = Vec::new();
    for steps in said.steps.chunk_by(|one, other| one.effect == other.effect) {
        keys.clear();
        for step in steps {
            let contributions = &mut folding.out.states[step.key as usize].contributions;
            match step.comes {
                true => contributions.push(step.contribution),
                false => contributions.retain(|one| *one != step.contribution),
            }
            if !keys.contains(&step.key) {
                keys.push(step.key);
            }
        }
        for &key in &keys {
            folding.fold(key);
        }
    }
    folding.out
}

/// Folds all rows once, without any effect: the library's file has changed.
pub(super) fn fold_again(tables: &EntityTables, said: &mut Said, log: &mut Log) -> FoldedRows {
    for key in 0..said.keys.len() as u32 {
        let step = super::entity::Step { effect: key, key, contribution: u32::MAX, comes: false };
        said.steps.push(step);
    }
    fold_entity(tables, said, log)
}

struct Folding<'a> {
    entity: &'a Entity,
    said: &'a Said,
    log: &'a mut Log,
    scratch: Vec<Contribution<'a>>,
    folded: Folded<'a>,
    out: FoldedRows,
}

impl Folding<'_> {
    fn fold(&mut self, key: u32) {
        let said = self.said;
        let index = key as usize;
        self.scratch.clear();
        let contributions = &self.out.states[index].contributions;
        self.scratch.extend(contributions.iter().map(|&one| said.contribution(one)));
        if self.scratch.is_empty() && self.out.states[index].now.is_none() {
            return;
        }
        fold(self.entity, &said.keys[index], &self.scratch, &mut self.folded);
        self.note_conflicts(index);
        let values = &self.folded.values;
        let ended = match self.scratch.is_empty() {
            true => Some(DELETED),
            false => self.entity.ended(values),
        };
        let now = self.out.states[index].now.as_ref();
        if let Some(now) = now
            && now.ended.as_deref() == ended
            && values.iter().copied().eq(self.out.rows.row(now.row).cells())
        {
            return;
        }
        let was_ended = now.map(|now| now.ended.is_some());
        let kind = match (was_ended, ended.is_some()) {
            (None, _) => ChangeKind::Created,
            (Some(false), true) => ChangeKind::Ended,
            (Some(true), false) => ChangeKind::Restored,
            _ => ChangeKind::Changed,
        };
        self.out.rows.push_row(self.folded.values.iter().copied());
        let row = self.out.rows.len() - 1;
        let ended: Option<Arc<str>> = ended.map(Arc::from);
        if kind == ChangeKind::Created && ended.is_some() {
            // What is born ended was there for an instant: every end is the end of a row.
            self.step(key, ChangeKind::Created, row, None);
            self.step(key, ChangeKind::Ended, row, ended);
        } else {
            self.step(key, kind, row, ended);
        }
    }

    fn step(&mut self, key: u32, kind: ChangeKind, row: usize, ended: Option<Arc<str>>) {
        let change = self.log.add(kind, &self.said.keys[key as usize]);
        let at = self.log.at();
        let state = &mut self.out.states[key as usize];
        if let Some(was) = state.now.replace(Now { row, ended, change, at }) {
            self.out.history.push(History { key, to: change, to_at: at, was });
        }
        state.dirty = true;
    }

    fn note_conflicts(&mut self, index: usize) {
        let state = &mut self.out.states[index];
        state.folded = true;
        state.conflicts.clear();
        for conflict in &self.folded.conflicts {
            let value = |one: usize| {
                self.scratch[one].values.get(conflict.item).unwrap_or_default().to_owned()
            };
            state.conflicts.push(ConflictRow {
                item: conflict.item,
                taken_from: self.scratch[conflict.taken].source,
                taken_value: value(conflict.taken),
                other_source: self.scratch[conflict.other].source,
                other_value: value(conflict.other),
            });
        }
    }
}
