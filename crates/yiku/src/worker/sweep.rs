//! Sweep: records that a whole full run did not bring are deleted, by rows of their own line that
//! go through bus and merge like any other.
//!
//! Only once the run has ended and is merged; never when a rejected row had no readable key, for it
//! may be any record; and not when more is gone than the connector allows, unless a person has
//! accepted that. Only the newest run counts: what an older one missed and this one brought is
//! there.

use serde_json::{Value, json};
use yiku_bus::publish::{CheckedBatch, Submission};
use yiku_connector::connector_file::{SourceRole, VANISHED_DEFAULT};
use yiku_core::{
    library::{SweepHold, SweepNumbers, may_sweep},
    receipt::Deed,
};
use yiku_store::{
    publication::{self, RunSoFar, SWEEP},
    sweep::{self, Vanished},
};

use crate::{
    clock,
    hub::{HeldLine, Hub},
    worker::{pull::over_vanished, settle},
};

/// Deletes what the connector's newest full run did not bring; returns how many records that were.
///
/// `line` is the line that the connector publishes on. With `accept`, any number may be gone.
pub async fn catch_up(
    hub: &Hub,
    name: &str,
    role: &SourceRole,
    line: u32,
    accept: bool,
) -> anyhow::Result<u64> {
    settle(hub).await?;
    let mut held = hub.hold_line(&role.entry, SWEEP).await?;
    let place = Place::of(&held.state().position, line);
    let mut db = hub.store.reader().await?;
    let runs = publication::full_runs(&mut db, &role.entry, line, place.swept).await?;
    let Some(run) = runs.last() else { return Ok(0) };
    let numbers = sweep::numbers(&mut db, &role.entry, line, run).await?;
    drop(db);
    let sweep = Sweep { hub, name, role, line, run };
    let percent = role.stop_over.vanished.unwrap_or(VANISHED_DEFAULT) * 100.0;
    let begun = place.after_of(run.number);
    if begun.is_none() {
        match may_sweep(&numbers, percent) {
            Ok(()) => {}
            Err(hold @ SweepHold::Keyless(_)) => {
                sweep.hold(&mut held, &hold.to_string()).await?;
                return Ok(0);
            }
            Err(SweepHold::Vanished { .. }) if accept => {}
            Err(SweepHold::Vanished { vanished, live, .. }) => {
                return Err(over_vanished(name, live, vanished, percent / 100.0).into());
            }
        }
        sweep.look_again(&numbers)?;
    }
    let deleted = sweep.publish(&mut held, begun.unwrap_or(0)).await?;
    drop(held);
    settle(hub).await?;
    Ok(deleted)
}

/// How far a line was swept: `{"3": {"run": 12, "after": 4000}}`; no `after`: all of it.
#[derive(Default)]
struct Place {
    swept: Option<u64>,
    begun: Option<(u64, i64)>,
}

impl Place {
    fn of(position: &Value, line: u32) -> Self {
        let Some(own) = position.get(line.to_string()) else { return Self::default() };
        let run = own.get("run").and_then(Value::as_u64);
        match (run, own.get("after").and_then(Value::as_i64)) {
            (Some(run), Some(after)) => {
                Self { swept: run.checked_sub(1), begun: Some((run, after)) }
            }
            (run, None) => Self { swept: run, begun: None },
            (None, Some(_)) => Self::default(),
        }
    }

    fn after_of(&self, run: u64) -> Option<i64> {
        self.begun.filter(|(begun, _)| *begun == run).map(|(_, after)| after)
    }
}

struct Sweep<'a> {
    hub: &'a Hub,
    name: &'a str,
    role: &'a SourceRole,
    line: u32,
    run: &'a RunSoFar,
}

impl Sweep<'_> {
    /// A run that brought rows and is seen in no record at all was counted wrongly: nothing is
    /// deleted by it, whoever accepts what.
    fn look_again(&self, numbers: &SweepNumbers) -> anyhow::Result<()> {
        let brought = self.run.pulled > self.run.rejected;
        anyhow::ensure!(
            !(brought && numbers.live > 0 && numbers.vanished == numbers.live),
            "run {} of `{}` brought rows, but no record says so: nothing was deleted",
            self.run.number,
            self.name
        );
        Ok(())
    }

    async fn publish(&self, held: &mut HeldLine, mut after: i64) -> anyhow::Result<u64> {
        let mut deleted = 0;
        loop {
            let mut db = self.hub.store.reader().await?;
            let entry = &self.role.entry;
            let page = sweep::page(&mut db, entry, self.line, self.run, after, ROWS).await?;
            drop(db);
            let last = page.last().map(|one| one.id);
            if last.is_none() && deleted == 0 && after == 0 {
                return self.mark(held, Deed::Sweep, "nothing is gone").await.map(|()| 0);
            }
            deleted += page.len() as u64;
            let batch = deletes(&page);
            let place = match last {
                Some(last) if page.len() == ROWS as usize => {
                    json!({ "run": self.run.number, "after": last })
                }
                _ => json!({ "run": self.run.number }),
            };
            let ends = place.get("after").is_none();
            self.submit(held, batch, place, Deed::Sweep, "").await?;
            if ends {
                return Ok(deleted);
            }
            after = last.unwrap_or(after);
        }
    }

    /// Notes that the run is not swept, and why; the next whole one will be.
    async fn hold(&self, held: &mut HeldLine, reason: &str) -> anyhow::Result<()> {
        tracing::warn!(connector = self.name, run = self.run.number, reason, "nothing is swept");
        self.mark(held, Deed::SweepHold, reason).await
    }

    async fn mark(&self, held: &mut HeldLine, deed: Deed, note: &str) -> anyhow::Result<()> {
        let place = json!({ "run": self.run.number });
        self.submit(held, CheckedBatch::empty(), place, deed, note).await
    }

    async fn submit(
        &self,
        held: &mut HeldLine,
        batch: CheckedBatch,
        place: Value,
        deed: Deed,
        note: &str,
    ) -> anyhow::Result<()> {
        let live = self.hub.live();
        let contract = live.published.newest_of(&self.role.entry, self.role.major);
        let version = contract
            .map(|contract| contract.entry().version)
            .ok_or_else(|| anyhow::anyhow!("`{}` is not published any more", self.role.entry))?;
        let mut position = match held.state().position.clone() {
            Value::Object(lines) => lines,
            _ => serde_json::Map::new(),
        };
        position.insert(self.line.to_string(), place);
        let submission = Submission {
            connector: SWEEP.into(),
            actor: format!("connector:{}", self.name),
            deed,
            version,
            position_after: Value::Object(position),
            run: None,
            idempotency: None,
            origin: format!("run {} of {}", self.run.number, self.name),
            at_ms: clock::now_ms(),
            note: note.to_owned(),
        };
        self.hub.publish(held, batch, submission).await?;
        Ok(())
    }
}

fn deletes(page: &[Vanished]) -> CheckedBatch {
    let mut batch = CheckedBatch::empty();
    for gone in page {
        batch.push_delete(&gone.key, &gone.version);
    }
    batch
}

/// Deletes of one batch.
const ROWS: u32 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(position: Value, swept: Option<u64>, begun: Option<(u64, i64)>) {
        let place = Place::of(&position, 3);
        assert_eq!((place.swept, place.begun), (swept, begun));
    }

    #[test]
    fn a_sweep_goes_on_where_it_was_broken_off() {
        check(Value::Null, None, None);
        check(json!({ "4": { "run": 1 } }), None, None);
        check(json!({ "3": { "run": 1 } }), Some(1), None);
        check(json!({ "3": { "run": 1, "after": 7 } }), Some(0), Some((1, 7)));
    }
}
