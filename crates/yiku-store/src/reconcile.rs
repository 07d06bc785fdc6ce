//! The books: every equation recounted from tables and bus, in one read snapshot. No counter is
//! trusted: where a counter exists, it is one side of an equation.

mod batch;
mod ledger;
mod library;
mod subscription;

use std::fmt;

use serde::Serialize;

use crate::{Snapshot, StoreError};

/// One equation, recounted: the sums of both sides must agree.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Equation {
    /// Which law: 1 batch, 2 quarantine, 3 topic, 4 library, 5 subscription, 6 ledger.
    pub number: u8,
    /// What it is about: a line, a resource, a topic, a library, a subscription, a stream.
    pub subject: String,
    /// The terms of the left side.
    pub left: Vec<Term>,
    /// The terms of the right side.
    pub right: Vec<Term>,
    /// Whether both sides agree.
    pub holds: bool,
}

/// One count in an equation.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Term {
    /// What was counted.
    pub name: &'static str,
    /// How many.
    pub value: u64,
}

/// One log, as the bus says it stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BusTopic {
    /// The topic's name.
    pub topic: String,
    /// The log's number ([`crate::bus_log`]).
    pub log: u32,
    /// First offset that is kept.
    pub first: u64,
    /// Rows that are there, counted.
    pub rows: u64,
    /// Rows among them whose publication the store's snapshot has not yet taken: offset of the
    /// first and how many, batch by batch.
    pub early: Vec<(u64, u64)>,
}

impl BusTopic {
    /// Early rows below an offset.
    fn early_below(&self, offset: u64) -> u64 {
        let below = |(base, rows): &(u64, u64)| (base + rows).min(offset).saturating_sub(*base);
        self.early.iter().map(below).sum()
    }
}

/// What the bus says, read after the snapshot began.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct BusState {
    /// The logs of rows.
    pub topics: Vec<BusTopic>,
    /// Logs of rows on earlier buses, by topic and number: nothing is counted there any more.
    pub earlier: Vec<(String, u32)>,
    /// The topics of entities, read before the snapshot began; none where nothing is relayed.
    pub relayed: Option<Vec<RelayedTopic>>,
}

/// What the topic of an entity holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RelayedTopic {
    /// `population.person`.
    pub entity: String,
    /// The number of the last change that the topic tells of.
    pub change: u64,
    /// Keys whose newest message is a row.
    pub rows: u64,
}

impl BusState {
    fn is_earlier(&self, topic: &str, log: i64) -> bool {
        self.earlier.iter().any(|(name, number)| name == topic && i64::from(*number) == log)
    }
}

/// How much is recounted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Depth {
    /// Counts and their chains.
    #[default]
    Counts,
    /// Also the Merkle root of each receipt from its rows' digests.
    Roots,
}

/// Recounts all that apply.
pub async fn recount(
    db: &mut Snapshot,
    bus: &BusState,
    depth: Depth,
) -> Result<Vec<Equation>, StoreError> {
    let mut equations = batch::lines(db).await?;
    equations.extend(batch::offsets(db, bus).await?);
    equations.extend(batch::quarantine(db).await?);
    equations.extend(library::topics(db, bus).await?);
    equations.extend(library::subjects(db, bus).await?);
    equations.extend(subscription::outcomes(db).await?);
    equations.extend(ledger::streams(db).await?);
    equations.extend(ledger::deeds(db, depth).await?);
    equations.extend(ledger::sums(db).await?);
    equations.sort_by_key(|equation| equation.number);
    Ok(equations)
}

impl Equation {
    /// Compares the sums of both sides.
    pub(crate) fn new(
        number: u8,
        subject: impl Into<String>,
        left: impl IntoIterator<Item = (&'static str, u64)>,
        right: impl IntoIterator<Item = (&'static str, u64)>,
    ) -> Self {
        let term = |(name, value)| Term { name, value };
        let left: Vec<Term> = left.into_iter().map(term).collect();
        let right: Vec<Term> = right.into_iter().map(term).collect();
        let sum = |terms: &[Term]| terms.iter().map(|term| u128::from(term.value)).sum::<u128>();
        let holds = sum(&left) == sum(&right);
        Self { number, subject: subject.into(), left, right, holds }
    }

    /// What the law is called, in Chinese and English.
    pub fn name(&self) -> (&'static str, &'static str) {
        match self.number {
            1 => ("批次", "batch"),
            2 => ("隔离", "quarantine"),
            3 => ("主题", "topic"),
            4 => ("基础库", "library"),
            5 => ("订阅", "subscription"),
            _ => ("账本", "ledger"),
        }
    }
}

/// `pulled 5 = accepted 3 + rejected 2`, and ` (does not hold)` when it does not.
impl fmt::Display for Equation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |terms: &[Term]| {
            let terms = terms.iter().map(|term| format!("{} {}", term.name, term.value));
            terms.collect::<Vec<_>>().join(" + ")
        };
        write!(f, "{} = {}", side(&self.left), side(&self.right))?;
        if self.holds { Ok(()) } else { f.write_str(" (does not hold)") }
    }
}
