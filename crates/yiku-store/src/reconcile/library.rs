//! Equations 3 and 4: every row of a topic was merged or waits; a library's changes, rows and
//! history follow from each other.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, FromRow};

use super::{BusState, Equation, RelayedTopic};
use crate::{
    Snapshot, StoreError, change,
    rows::number,
    sql,
    subject::{self, Subject, SubjectKind},
};

#[derive(FromRow)]
struct Merged {
    name: String,
    topic: String,
    partition: i64,
    #[sqlx(try_from = "i64")]
    taken: u64,
    #[sqlx(try_from = "i64")]
    ended: u64,
    #[sqlx(try_from = "i64")]
    new: u64,
    #[sqlx(try_from = "i64")]
    changed: u64,
    #[sqlx(try_from = "i64")]
    unchanged: u64,
    #[sqlx(try_from = "i64")]
    removed: u64,
    #[sqlx(try_from = "i64")]
    superseded: u64,
    #[sqlx(try_from = "i64")]
    refused: u64,
    #[sqlx(try_from = "i64")]
    broken: u64,
}

/// Per log of a resource's topic: what was accepted was taken by merge or waits for it; each
/// merge begins where the last ended; late and refused rows are kept as counted.
pub(super) async fn topics(db: &mut Snapshot, bus: &BusState) -> Result<Vec<Equation>, StoreError> {
    let accepted: Vec<(String, i64, i64)> = sql::query_as(
        "SELECT entry, partition, CAST(sum(accepted) AS BIGINT) FROM batch_place
         GROUP BY entry, partition",
    )
    .fetch_all(db)
    .await?;
    let mut accepted: BTreeMap<(String, i64), u64> = accepted
        .into_iter()
        .map(|(entry, partition, rows)| ((entry, partition), rows.cast_unsigned()))
        .collect();
    let merged: Vec<Merged> = sql::query_as(
        "SELECT name, topic, partition,
                CAST(sum(to_offset - from_offset) AS BIGINT) AS taken,
                max(to_offset) AS ended,
                CAST(sum(new) AS BIGINT) AS new,
                CAST(sum(changed) AS BIGINT) AS changed,
                CAST(sum(unchanged) AS BIGINT) AS unchanged,
                CAST(sum(removed) AS BIGINT) AS removed,
                CAST(sum(superseded) AS BIGINT) AS superseded,
                CAST(sum(refused) AS BIGINT) AS refused,
                CAST(sum(CASE WHEN from_offset = before THEN 0 ELSE 1 END) AS BIGINT) AS broken
         FROM (
             SELECT m.*, s.name,
                    lag(to_offset, 1, CAST(0 AS BIGINT))
                        OVER (PARTITION BY subject_id, partition ORDER BY from_offset) AS before
             FROM merge_batch m JOIN subject s ON s.id = m.subject_id
         ) m
         GROUP BY name, topic, partition
         ORDER BY name, partition",
    )
    .fetch_all(db)
    .await?;
    let mut equations = Vec::new();
    for one in merged {
        let key = (one.name.clone(), one.partition);
        let accepted = accepted.remove(&key).unwrap_or(0);
        let subject = format!("{} log {}", one.name, one.partition);
        let waiting = waiting(db, &one).await?;
        equations.push(topic(&subject, accepted, waiting, early(bus, &one), &one));
        let chain = [("offsets merged", one.taken), ("merges out of place", one.broken)];
        let ended = match bus.is_earlier(&one.topic, one.partition) {
            true => one.ended,
            false => chain_end(db, &one).await?,
        };
        equations.push(Equation::new(3, &subject, chain, [("last offset merged", ended)]));
    }
    for ((entry, partition), rows) in accepted {
        let subject = format!("{entry} log {partition}");
        equations.push(Equation::new(3, subject, [("accepted", rows)], [("waiting", rows)]));
    }
    Ok(equations)
}

/// Rows that were merged before the store knew of their publication.
fn early(bus: &BusState, one: &Merged) -> u64 {
    let own = bus
        .topics
        .iter()
        .filter(|topic| topic.topic == one.topic && i64::from(topic.log) == one.partition);
    own.map(|topic| topic.early_below(one.ended)).sum()
}

/// Rows whose publication is known and that merge has not reached.
async fn waiting(db: &mut Snapshot, one: &Merged) -> Result<u64, StoreError> {
    let rows: i64 = sql::query_scalar(
        "SELECT CAST(coalesce(sum(CASE WHEN base_offset >= $1 THEN accepted
                                       ELSE base_offset + accepted - $1 END), 0) AS BIGINT)
         FROM batch_place
         WHERE entry = $2 AND partition = $3 AND base_offset + accepted > $1",
    )
    .bind(number(one.ended))
    .bind(&one.name)
    .bind(one.partition)
    .fetch_one(db)
    .await?;
    Ok(rows.cast_unsigned())
}

fn topic(subject: &str, accepted: u64, waiting: u64, early: u64, one: &Merged) -> Equation {
    let left = [("accepted", accepted), ("early", early)];
    let right = [
        ("new", one.new),
        ("changed", one.changed),
        ("unchanged", one.unchanged),
        ("removed", one.removed),
        ("superseded", one.superseded),
        ("refused", one.refused),
        ("waiting", waiting),
    ];
    Equation::new(3, subject, left, right)
}

async fn chain_end(db: &mut Snapshot, one: &Merged) -> Result<u64, StoreError> {
    let sql = "SELECT coalesce(max(c.next), 0)
               FROM cursor c JOIN bus_log l ON l.topic = c.topic AND l.partition = c.partition
               WHERE c.unit = $1 AND l.topic = $2 AND l.number = $3";
    let next: i64 = sql::query_scalar(sql)
        .bind(format!("merge/{}", one.name))
        .bind(&one.topic)
        .bind(one.partition)
        .fetch_one(db)
        .await?;
    Ok(next.cast_unsigned())
}

/// Per entity and per resource: changes by kind, recounted from the log itself; the rows that are
/// there and those replaced, counted in their tables.
pub(super) async fn subjects(
    db: &mut Snapshot,
    bus: &BusState,
) -> Result<Vec<Equation>, StoreError> {
    let mut equations = Vec::new();
    for subject in subject::list(db).await? {
        let last: i64 = sql::query_scalar(
            "SELECT CAST(coalesce(sum(last), 0) AS BIGINT) FROM shard WHERE subject_id = $1",
        )
        .bind(subject.id)
        .fetch_one(db)
        .await?;
        let counts = change::recount(db, subject.id).await?;
        let rows = count_rows(db, &subject).await?;
        let by_kind = [
            ("created", counts.created),
            ("changed", counts.changed),
            ("ended", counts.ended),
            ("restored", counts.restored),
        ];
        let (name, last) = (subject.name.as_str(), [("last change number", last.cast_unsigned())]);
        equations.push(Equation::new(4, name, by_kind, last));
        let there = [("created", counts.created), ("restored", counts.restored)];
        let rows_left = [("rows", rows.live), ("ended", counts.ended)];
        equations.push(Equation::new(4, name, there, rows_left));
        let replaced =
            [("changed", counts.changed), ("ended", counts.ended), ("restored", counts.restored)];
        equations.push(Equation::new(4, name, [("history", rows.history)], replaced));
        let kept = [("changes", counts.all())];
        let images = [("rows, ended ones too", rows.all), ("history", rows.history)];
        equations.push(Equation::new(4, name, kept, images));
        if let (Some(relayed), SubjectKind::Entity) = (&bus.relayed, subject.kind) {
            let topic = relayed.iter().find(|one| one.entity == subject.name);
            equations.extend(relay(db, &subject, topic).await?);
        }
    }
    Ok(equations)
}

/// Each change of an entity is on its topic or waits for it; the rows that the topic has now are
/// those that were there after the last change that it tells of.
async fn relay(
    db: &mut Snapshot,
    subject: &Subject,
    topic: Option<&RelayedTopic>,
) -> Result<[Equation; 2], StoreError> {
    let (relayed, rows) = topic.map_or((0, 0), |topic| (topic.change, topic.rows));
    let (told, waiting) = change::recount_beside(db, subject.id, relayed).await?;
    let changes = [("changes", told.all() + waiting.all())];
    let both = [("relayed", relayed), ("backlog", waiting.all())];
    let there = [("rows on the topic", rows), ("ended", told.ended)];
    let made = [("created", told.created), ("restored", told.restored)];
    let name = subject.name.as_str();
    Ok([Equation::new(4, name, changes, both), Equation::new(4, name, there, made)])
}

#[derive(FromRow)]
struct Rows {
    #[sqlx(try_from = "i64")]
    live: u64,
    #[sqlx(try_from = "i64")]
    all: u64,
    #[sqlx(try_from = "i64")]
    history: u64,
}

async fn count_rows(db: &mut Snapshot, subject: &Subject) -> Result<Rows, StoreError> {
    let table = &subject.table;
    let sql = match subject.kind {
        SubjectKind::Entity => format!(
            "SELECT count(*) - count(_ended) AS live, count(*) AS \"all\",
                    (SELECT count(*) FROM history_{table}) AS history
             FROM entity_{table}"
        ),
        // A delete of what was never there is kept, but was no change.
        SubjectKind::Resource => format!(
            "SELECT count(body) AS live,
                    CAST(coalesce(sum(CASE WHEN change > 0 THEN 1 ELSE 0 END), 0) AS BIGINT)
                        AS \"all\",
                    (SELECT count(*) FROM past_{table}) AS history
             FROM record_{table}"
        ),
    };
    Ok(sql::query_as(AssertSqlSafe(sql)).fetch_one(db).await?)
}
