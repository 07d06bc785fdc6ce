//! The suite finds what it is there to find: connectors with one deliberate fault each.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use serde_json::json;
use yiku_connector::{
    ChangeKind, ConnectorError, Parcel, Position, Pull, PullLimit, Run, Settled, Sink, Source,
    conformance::{self, Received},
};
use yiku_core::batch::{Batch, Header, RowPlace};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    SkipsWhenOpenedAnew,
    RepeatsWhenOpenedAnew,
    IgnoresRows,
    IgnoresBytes,
    RunsNeverEnd,
    RunsNeverBegin,
    RunsMix,
    NeverDrained,
    PlacesDependOnTheCut,
    TakesNonsense,
    PositionStands,
    PositionIsHuge,
    EndsEarly,
    ForgetsWhatIsAcknowledged,
}

/// Ten rows in two runs of five.
struct Numbers {
    next: usize,
    fault: Fault,
}

const ROWS: [&str; 10] = ["0|x", "1|∅", "2|x", "3|∅", "4|x", "5|∅", "6|x", "7|∅", "8|x", "9|∅"];

fn open(fault: Fault, position: &Position) -> Result<Box<dyn Source>, ConnectorError> {
    let next = match position.0["next"].as_u64() {
        Some(next) => next as usize,
        None if position.is_start() || fault == Fault::TakesNonsense => 0,
        None => return Err(ConnectorError::Position("`next` is missing".into())),
    };
    let shift = match fault {
        Fault::SkipsWhenOpenedAnew if next > 0 => next + 1,
        Fault::RepeatsWhenOpenedAnew if next > 0 => next - 1,
        _ => next,
    };
    Ok(Box::new(Numbers { next: shift, fault }))
}

#[async_trait]
impl Source for Numbers {
    async fn check(&mut self) -> Result<(), ConnectorError> {
        Ok(())
    }

    async fn pull(&mut self, limit: PullLimit) -> Result<Option<Pull>, ConnectorError> {
        let end = if self.fault == Fault::EndsEarly { 9 } else { 10 };
        if self.next >= end && self.fault != Fault::NeverDrained {
            return Ok(None);
        }
        let first = self.next;
        let run = first / 5;
        let mut batch = Batch::new(Arc::new(Header::new(["n", "text"])), "numbers");
        let mixes = self.fault == Fault::RunsMix;
        let run_end = if mixes { 10 } else { (run + 1) * 5 }.min(end);
        while self.next < run_end {
            let full = batch.cells.bytes() + 2 > limit.bytes && !batch.is_empty();
            let full = full && self.fault != Fault::IgnoresBytes;
            if full || (batch.len() >= limit.rows && self.fault != Fault::IgnoresRows) {
                break;
            }
            let at = self.next as u64;
            let cut = if self.fault == Fault::PlacesDependOnTheCut { first as u64 } else { 0 };
            let text = self.next.to_string();
            let cells = [Some(text.as_str()), self.next.is_multiple_of(2).then_some("x")];
            batch.push_row(RowPlace { place: at - cut, order: run as u64 }, cells);
            self.next += 1;
        }
        let begins = first.is_multiple_of(5) && self.fault != Fault::RunsNeverBegin;
        let ends = self.next == run_end && self.fault != Fault::RunsNeverEnd;
        let position = match self.fault {
            Fault::PositionStands => json!({ "next": first }),
            Fault::PositionIsHuge => json!({ "next": self.next, "seen": "x".repeat(1 << 20) }),
            _ => json!({ "next": self.next }),
        };
        let run = Run { number: run as u64, begins, ends };
        Ok(Some(Pull { batch, position: Position(position), run }))
    }

    async fn acknowledge(&mut self, _: &Position) -> Result<(), ConnectorError> {
        if self.fault == Fault::ForgetsWhatIsAcknowledged {
            self.next += 1;
        }
        Ok(())
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn passes(check: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(check)).is_ok()
}

#[test]
fn sources_with_a_fault_are_found() {
    use Fault::*;
    let check = |fault| {
        passes(|| block_on(conformance::check_source(|position| open(fault, position), &ROWS)))
    };
    assert!(check(None));
    for fault in [
        SkipsWhenOpenedAnew,
        RepeatsWhenOpenedAnew,
        IgnoresRows,
        IgnoresBytes,
        RunsNeverEnd,
        RunsNeverBegin,
        RunsMix,
        NeverDrained,
        PlacesDependOnTheCut,
        TakesNonsense,
        PositionStands,
        PositionIsHuge,
        EndsEarly,
        ForgetsWhatIsAcknowledged,
    ] {
        assert!(!check(fault), "{fault:?} was not found");
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum SinkFault {
    None,
    ChecksByWriting,
    KeepsWithdrawn,
    KeepsOldWhereNull,
    TrimsTexts,
    TakesARepetitionForANewParcel,
    FailsOnAnEmptyParcel,
    RemovesByHalfOfTheKey,
}

/// A receiver in memory.
struct Table {
    held: Arc<Mutex<Received>>,
    seen: Arc<Mutex<Vec<String>>>,
    fault: SinkFault,
}

#[async_trait]
impl Sink for Table {
    async fn check(&mut self) -> Result<(), ConnectorError> {
        if self.fault == SinkFault::ChecksByWriting {
            self.held.lock().unwrap().insert("check".into(), "check".into());
        }
        Ok(())
    }

    async fn deliver(&mut self, parcel: &Parcel) -> Result<Settled, ConnectorError> {
        if parcel.changes.is_empty() && self.fault == SinkFault::FailsOnAnEmptyParcel {
            return Err(ConnectorError::Config("nothing to write".into()));
        }
        let mut held = self.held.lock().unwrap();
        let mut seen = self.seen.lock().unwrap();
        let repeated = seen.contains(&parcel.idempotency_key.to_string());
        seen.push(parcel.idempotency_key.to_string());
        for (change, row) in parcel.changes.iter().zip(parcel.cells.rows()) {
            let cells: Vec<&str> = row.cells().map(|cell| cell.unwrap_or("∅")).collect();
            let mut key = cells[..2].join("|");
            if repeated && self.fault == SinkFault::TakesARepetitionForANewParcel {
                key.push_str(" again");
            }
            let mut text = cells.join("|");
            match (change.kind, self.fault) {
                (ChangeKind::Withdraw, SinkFault::KeepsWithdrawn) => {}
                (ChangeKind::Withdraw, SinkFault::RemovesByHalfOfTheKey) => {
                    held.retain(|key, _| !key.starts_with(cells[0]));
                }
                (ChangeKind::Withdraw, _) => drop(held.remove(&key)),
                (ChangeKind::Upsert, SinkFault::KeepsOldWhereNull) if text.contains("∅") => {}
                (ChangeKind::Upsert, fault) => {
                    if fault == SinkFault::TrimsTexts {
                        text = text.replace("| ", "|").replace(" |", "|");
                    }
                    held.insert(key, text);
                }
            }
        }
        Ok(Settled::default())
    }
}

#[test]
fn sinks_with_a_fault_are_found() {
    use SinkFault::*;
    let check = |fault| {
        let (held, seen) = (Arc::default(), Arc::default());
        let open = || -> Result<Box<dyn Sink>, ConnectorError> {
            Ok(Box::new(Table { held: Arc::clone(&held), seen: Arc::clone(&seen), fault }))
        };
        let received = async || held.lock().unwrap().clone();
        passes(|| block_on(conformance::check_sink(open, received)))
    };
    assert!(check(None));
    for fault in [
        ChecksByWriting,
        KeepsWithdrawn,
        KeepsOldWhereNull,
        TrimsTexts,
        TakesARepetitionForANewParcel,
        FailsOnAnEmptyParcel,
        RemovesByHalfOfTheKey,
    ] {
        assert!(!check(fault), "{fault:?} was not found");
    }
}

#[test]
fn schemas_that_disagree_with_the_code_are_found() {
    let schema = |folder: &str| {
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object", "required": ["folder"], "additionalProperties": false,
            "properties": { "folder": { "type": folder, "description": "where" } }
        })
        .to_string()
    };
    let read = |config: serde_json::Value| {
        let known = config.as_object().is_some_and(|object| object.len() == 1);
        if known && config["folder"].is_string() { Ok(()) } else { Err("no folder") }
    };
    let check = |schema: &str| {
        let (good, bad) = ([json!({ "folder": "in" })], [json!({}), json!({ "folder": 1 })]);
        passes(|| conformance::check_schema(schema, read, &good, &bad))
    };
    assert!(check(&schema("string")));
    assert!(!check(&schema("integer")));
    assert!(!check(&schema("string").replace("additionalProperties", "additional")));
    assert!(!check(&schema("string").replace("where", "")));
}
