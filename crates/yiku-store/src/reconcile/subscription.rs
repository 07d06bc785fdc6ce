//! Equation 5: whatever a subscription was offered has one outcome.

use std::collections::BTreeMap;

use sqlx::FromRow;

use super::Equation;
use crate::{Snapshot, StoreError, delivery::outcome, sql, subscription};

/// Per subscription, over all its generations: rows of backfills and changes, by their outcomes.
pub(super) async fn outcomes(db: &mut Snapshot) -> Result<Vec<Equation>, StoreError> {
    let mut counted: BTreeMap<String, Counted> = BTreeMap::new();
    count_deliveries(db, &mut counted).await?;
    let parked: Vec<(String, String, i64)> = sql::query_as(
        "SELECT subscription, state, count(*) FROM parked GROUP BY subscription, state",
    )
    .fetch_all(db)
    .await?;
    for (name, state, count) in parked {
        counted.entry(name).or_default().parked.insert(state, count.cast_unsigned());
    }
    let mut equations = Vec::new();
    for one in subscription::list(db).await? {
        let counted = counted.remove(&one.name).unwrap_or_default();
        equations.extend(counted.equations(&one.name));
        let (generation, cursor) = (one.generation, one.cursor - one.start.min(one.cursor));
        let settled = counted.settled.get(&generation).copied().unwrap_or(0);
        let moved = [("cursor - start", cursor)];
        equations.push(Equation::new(5, &one.name, moved, [("changes settled", settled)]));
    }
    for (name, counted) in counted {
        equations.extend(counted.equations(&format!("{name} (removed)")));
    }
    Ok(equations)
}

#[derive(FromRow)]
struct Settled {
    id: i64,
    subscription: String,
    #[sqlx(try_from = "i64")]
    generation: u64,
    kind: String,
    #[sqlx(try_from = "i64")]
    changes: u64,
    outcomes: Vec<u8>,
    #[sqlx(try_from = "i64")]
    delivered: u64,
    #[sqlx(try_from = "i64")]
    withheld: u64,
    #[sqlx(try_from = "i64")]
    parked: u64,
    #[sqlx(try_from = "i64")]
    folded: u64,
    #[sqlx(try_from = "i64")]
    covered: u64,
}

/// What the outcomes of a subscription's deliveries say, byte by byte.
#[derive(Default)]
struct Counted {
    backfilled: u64,
    retracted: u64,
    changes: u64,
    delivered: u64,
    withheld: u64,
    parked_first: u64,
    folded: u64,
    covered: u64,
    /// Deliveries whose counts are not those of their outcomes.
    deliveries: u64,
    miscounted: u64,
    /// Changes settled, by generation.
    settled: BTreeMap<u64, u64>,
    /// Parked changes, by state.
    parked: BTreeMap<String, u64>,
}

async fn count_deliveries(
    db: &mut Snapshot,
    counted: &mut BTreeMap<String, Counted>,
) -> Result<(), StoreError> {
    let mut after = 0;
    loop {
        let page: Vec<Settled> = sql::query_as(
            "SELECT id, subscription, generation, kind, to_number - from_number AS changes,
                    outcomes, delivered, withheld, parked, folded, covered
             FROM delivery
             WHERE settled = 1 AND id > $1
             ORDER BY id
             LIMIT $2",
        )
        .bind(after)
        .bind(PAGE)
        .fetch_all(db)
        .await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.id;
        for one in page {
            counted.entry(one.subscription.clone()).or_default().add(&one);
        }
    }
}

impl Counted {
    fn add(&mut self, one: &Settled) {
        let count = |kind: u8| one.outcomes.iter().filter(|byte| **byte == kind).count() as u64;
        let said = [one.delivered, one.withheld, one.parked, one.folded, one.covered];
        let found = [
            count(outcome::DELIVERED),
            count(outcome::WITHHELD),
            count(outcome::PARKED),
            count(outcome::FOLDED),
            count(outcome::COVERED),
        ];
        self.deliveries += 1;
        self.miscounted += u64::from(said != found);
        match one.kind.as_str() {
            // Its rows were offered before: the parked changes say what became of them.
            "release" => return,
            "page" => self.backfilled += one.outcomes.len() as u64,
            "retract" => self.retracted += one.outcomes.len() as u64,
            _ => {
                self.changes += one.changes;
                *self.settled.entry(one.generation).or_default() += one.changes;
            }
        }
        self.delivered += found[0];
        self.withheld += found[1];
        self.parked_first += found[2];
        self.folded += found[3];
        self.covered += found[4];
    }

    fn equations(&self, name: &str) -> [Equation; 3] {
        let parked = |state: &str| self.parked.get(state).copied().unwrap_or(0);
        let offered = [
            ("backfilled", self.backfilled),
            ("retracted", self.retracted),
            ("changes", self.changes),
        ];
        let ended = [
            ("covered", self.covered),
            ("delivered", self.delivered + parked("delivered")),
            ("withheld", self.withheld),
            ("parked", parked("parked")),
            ("folded", self.folded + parked("folded")),
            ("dropped", parked("dropped")),
        ];
        let all_parked = self.parked.values().sum();
        let agreeing = self.deliveries - self.miscounted;
        [
            Equation::new(5, name, offered, ended),
            Equation::new(5, name, [("refused", self.parked_first)], [("ever parked", all_parked)]),
            Equation::new(5, name, [("deliveries", self.deliveries)], [("counted so", agreeing)]),
        ]
    }
}

const PAGE: i64 = 500;
