//! Equations 1 and 2, and the rows' places on the bus.

use std::collections::BTreeMap;

use sqlx::FromRow;

use super::{BusState, BusTopic, Equation};
use crate::{Snapshot, StoreError, publication::REDRIVE, quarantine::State, rows::number, sql};

#[derive(FromRow)]
struct LineCount {
    entry: String,
    line: i64,
    #[sqlx(try_from = "i64")]
    batches: u64,
    #[sqlx(try_from = "i64")]
    last: u64,
    #[sqlx(try_from = "i64")]
    pulled: u64,
    #[sqlx(try_from = "i64")]
    accepted: u64,
    #[sqlx(try_from = "i64")]
    rejected: u64,
    #[sqlx(try_from = "i64")]
    broken: u64,
    #[sqlx(try_from = "i64")]
    numbered: u64,
}

/// Per line: what was pulled is accepted or rejected; the batches are 1 to n, as many as the line
/// counts; each begins where the one before ended. Positions are compared where they stand: they
/// may be long, and the batches many.
pub(super) async fn lines(db: &mut Snapshot) -> Result<Vec<Equation>, StoreError> {
    let counts: Vec<LineCount> = sql::query_as(
        "SELECT l.entry, l.line,
                count(b.batch) AS batches,
                coalesce(max(b.batch), 0) AS last,
                CAST(coalesce(sum(b.pulled), 0) AS BIGINT) AS pulled,
                CAST(coalesce(sum(b.accepted), 0) AS BIGINT) AS accepted,
                CAST(coalesce(sum(b.rejected), 0) AS BIGINT) AS rejected,
                CAST(coalesce(sum(CASE WHEN b.position_before = coalesce(p.position_after, 'null')
                                       THEN 0 ELSE 1 END), 0)
                     - sum(CASE WHEN b.batch IS NULL THEN 1 ELSE 0 END) AS BIGINT) AS broken,
                max(l.next_batch) - 1 AS numbered
         FROM line l
         LEFT JOIN batch b ON b.entry = l.entry AND b.line = l.line
         LEFT JOIN batch p ON p.entry = b.entry AND p.line = b.line AND p.batch = b.batch - 1
         GROUP BY l.entry, l.line
         ORDER BY l.entry, l.line",
    )
    .fetch_all(db)
    .await?;
    let mut equations = Vec::with_capacity(counts.len() * 3);
    for one in counts {
        let subject = format!("{} line {}", one.entry, one.line);
        let sides = [("accepted", one.accepted), ("rejected", one.rejected)];
        equations.push(Equation::new(1, &subject, [("pulled", one.pulled)], sides));
        let batches = [("batches", one.batches)];
        equations.push(Equation::new(1, &subject, batches, [("last batch", one.last)]));
        let moved = [("line's last batch", one.numbered)];
        equations.push(Equation::new(1, &subject, batches, moved));
        let chained = [("batches that follow", one.batches - one.broken.min(one.batches))];
        equations.push(Equation::new(1, &subject, batches, chained));
    }
    Ok(equations)
}

/// Per log of the present bus: the rows there are those accepted, none twice, but for deleted ones.
pub(super) async fn offsets(
    db: &mut Snapshot,
    bus: &BusState,
) -> Result<Vec<Equation>, StoreError> {
    let rows: Vec<(String, i64, i64, i64)> = sql::query_as(
        "SELECT topic, partition, CAST(sum(accepted) AS BIGINT),
                CAST(sum(CASE WHEN base_offset < ended THEN accepted ELSE 0 END) AS BIGINT)
         FROM (
             SELECT topic, partition, accepted, base_offset,
                    max(base_offset + accepted) OVER (
                        PARTITION BY topic, partition ORDER BY base_offset, accepted
                        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS ended
             FROM batch_place
             WHERE accepted > 0
         ) b
         GROUP BY topic, partition
         ORDER BY topic, partition",
    )
    .fetch_all(db)
    .await?;
    let mut counted: BTreeMap<(String, i64), (u64, u64)> = rows
        .into_iter()
        .map(|(topic, partition, accepted, doubled)| {
            ((topic, partition), (accepted.cast_unsigned(), doubled.cast_unsigned()))
        })
        .collect();
    let mut equations = Vec::new();
    for one in &bus.topics {
        let key = (one.topic.clone(), i64::from(one.log));
        let (accepted, doubled) = counted.remove(&key).unwrap_or_default();
        let on_bus = [
            ("rows on the bus", one.rows),
            ("deleted from it", deleted(db, one).await?),
            ("rows at taken offsets", doubled),
        ];
        equations.push(Equation::new(
            1,
            format!("{} log {}", one.topic, one.log),
            on_bus,
            [("accepted", accepted), ("not yet carried over", one.early_below(u64::MAX))],
        ));
    }
    for ((topic, log), (accepted, _)) in counted {
        if bus.is_earlier(&topic, log) {
            continue;
        }
        let subject = format!("{topic} log {log}");
        let none = [("rows on the bus", 0)];
        equations.push(Equation::new(1, subject, none, [("accepted", accepted)]));
    }
    Ok(equations)
}

/// Accepted rows that the bus keeps no more.
async fn deleted(db: &mut Snapshot, topic: &BusTopic) -> Result<u64, StoreError> {
    if topic.first == 0 {
        return Ok(0);
    }
    let rows: i64 = sql::query_scalar(
        "SELECT CAST(coalesce(sum(CASE WHEN base_offset + accepted <= $1 THEN accepted
                                       ELSE $1 - base_offset END), 0) AS BIGINT)
         FROM batch_place
         WHERE topic = $2 AND partition = $3 AND base_offset < $1",
    )
    .bind(number(topic.first))
    .bind(&topic.topic)
    .bind(i64::from(topic.log))
    .fetch_one(db)
    .await?;
    Ok(rows.cast_unsigned())
}

/// Per resource: each rejected row is in one state of quarantine; what was redriven was pulled
/// again.
pub(super) async fn quarantine(db: &mut Snapshot) -> Result<Vec<Equation>, StoreError> {
    let rejected: Vec<(String, i64, i64)> = sql::query_as(
        "SELECT entry, CAST(sum(rejected) AS BIGINT),
                CAST(sum(CASE WHEN connector = $1 THEN pulled ELSE 0 END) AS BIGINT)
         FROM batch
         GROUP BY entry
         ORDER BY entry",
    )
    .bind(REDRIVE)
    .fetch_all(db)
    .await?;
    let held: Vec<(String, String, i64)> =
        sql::query_as("SELECT entry, state, count(*) FROM quarantine GROUP BY entry, state")
            .fetch_all(db)
            .await?;
    let mut resources: BTreeMap<String, Resource> = BTreeMap::new();
    for (entry, rejected, redriven) in rejected {
        let one = resources.entry(entry).or_default();
        (one.rejected, one.pulled_again) = (rejected.cast_unsigned(), redriven.cast_unsigned());
    }
    for (entry, state, count) in held {
        let state: State = state.parse()?;
        resources.entry(entry).or_default().held.push((state, count.cast_unsigned()));
    }
    Ok(resources.into_iter().flat_map(|(entry, one)| one.equations(&entry)).collect())
}

#[derive(Default)]
struct Resource {
    rejected: u64,
    pulled_again: u64,
    held: Vec<(State, u64)>,
}

impl Resource {
    fn equations(&self, entry: &str) -> [Equation; 2] {
        let held =
            |state| self.held.iter().filter(move |one| one.0 == state).map(|one| one.1).sum();
        let states = State::ALL.map(|state| (state.as_str(), held(state)));
        let redriven = [("redriven", held(State::Redriven))];
        [
            Equation::new(2, entry, [("rejected", self.rejected)], states),
            Equation::new(2, entry, redriven, [("pulled again", self.pulled_again)]),
        ]
    }
}
