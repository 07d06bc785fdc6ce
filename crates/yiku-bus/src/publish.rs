//! Publish (step 4): rows, position, rejected rows and receipt become durable in one append.
//!
//! Pull, push, redrive and sweep all publish by [`Publisher::publish`]; there is no other way to
//! the bus. [`check_batch`] does the thinking and touches nothing, so that a limit or a preview
//! can look at a whole run before anything of it is published.

mod check;
mod line;
mod run_keys;
mod spread;

pub use check::{CheckedBatch, Checking, Retried, check_batch};
pub use line::{Line, LineState, Lines};
pub use run_keys::RunKeys;

use std::sync::Arc;

use serde_json::Value;
use yiku_core::{
    digest::Digester,
    entry::{EntryName, Version},
    publication::{Idempotency, Publication, PublishedRun, RejectedRow, RowRange},
    receipt::{Deed, Range, Receipt},
    tree,
};

use crate::{Append, Bus, BusError, Envelope, Lane, PUBLICATIONS, Placed, REJECTS, Records};

/// Puts checked batches on the bus. Cheap to clone.
#[derive(Clone)]
pub struct Publisher {
    lane: Arc<dyn Lane>,
    bus: Arc<str>,
    lane_number: u32,
    incarnation: String,
    digester: Digester,
}

/// What is said of a batch beside its rows.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Who publishes: a connector's name, or `push`, `redrive`, `sweep` with the resource.
    pub connector: String,
    /// The actor of the receipt: `connector:<name>`, `token:<name>`, `operator`.
    pub actor: String,
    /// Publish for pulls and pushes, redrive, sweep, or a position edit.
    pub deed: Deed,
    /// The version that the rows were checked against.
    pub version: Version,
    /// Where the source stands after the rows.
    pub position_after: Value,
    /// The run of the rows.
    pub run: Option<PublishedRun>,
    /// What makes a repeated push recognisable.
    pub idempotency: Option<Idempotency>,
    /// What people call the place the rows come from.
    pub origin: String,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// Anything else worth knowing, without personal data.
    pub note: String,
}

/// A batch that is on the bus.
#[derive(Clone, Debug)]
pub struct Published {
    /// The batch's number on its line.
    pub batch: u64,
    /// Where its accepted rows stand, by partition.
    pub placed: Vec<Placed>,
}

impl Publisher {
    /// Publishes on a lane of the bus that was taken.
    pub async fn on(
        bus: &dyn Bus,
        lane_number: u32,
        incarnation: String,
        digester: Digester,
    ) -> Result<Self, BusError> {
        let lane = bus.lane(&lane_number.to_string()).await?;
        Ok(Self { lane, bus: bus.id().into(), lane_number, incarnation, digester })
    }

    /// The installation's digester.
    pub fn digester(&self) -> &Digester {
        &self.digester
    }

    /// Makes known what became of batches in doubt.
    pub async fn settle(&self) -> Result<(), BusError> {
        self.lane.settle().await
    }

    /// Appends the batch with its publication and rejected rows. `schema` is the number of the
    /// schema that the bodies are written by.
    ///
    /// The line's state moves only when the append is durable. After
    /// [`BusError::leaves_in_doubt`] the line must be read anew once [`Publisher::settle`] has
    /// succeeded; after any other error nothing happened.
    pub async fn publish(
        &self,
        line: &mut LineState,
        checked: CheckedBatch,
        submission: Submission,
        schema: Option<u32>,
    ) -> Result<Published, BusError> {
        let batch = line.next_batch;
        let envelope = Envelope {
            entry: format!("{}@{}", line.line.entry, submission.version),
            connector: submission.connector.clone(),
            line: line.line.number,
            batch,
            at_ms: submission.at_ms,
            schema: None,
        };
        let topic = topic_of(&line.line.entry);
        let position_before = line.position.clone();
        let position_after = submission.position_after.clone();
        let partitions = match checked.accepted() {
            0 => 1,
            _ => self.lane.partitions(&topic).await?,
        };
        let (records, mut rest) = checked.split(&self.digester);
        rest.rejected.iter_mut().for_each(|row| row.batch = batch);
        let of_rows = Envelope { schema, ..envelope.clone() };
        let rows = spread::by_partition(records, &mut rest.digests, partitions);
        let rows = rows.into_iter().map(|(partition, records)| {
            let (topic, envelope) = (topic.clone(), of_rows.clone());
            Append { topic, partition, envelope, records }
        });
        let rows = rows.collect();
        let (lane_number, incarnation) = (self.lane_number, self.incarnation.clone());
        let (bus, line_id) = (self.bus.clone(), line.line.clone());
        let finish = Box::new(move |placed: &[Placed]| {
            let stamp = Stamp {
                bus: &bus,
                line: &line_id,
                batch,
                incarnation: &incarnation,
                position_before: &position_before,
                places: placed,
                partitions,
            };
            let publication = rest.publication(stamp, &submission);
            let mut appends = vec![control(PUBLICATIONS, lane_number, &envelope, [publication])];
            if !rest.rejected.is_empty() {
                let rejected = rest.rejected.iter().map(RejectedRow::to_bytes);
                appends.push(control(REJECTS, lane_number, &envelope, rejected));
            }
            appends
        });
        let placed = self.lane.append(rows, finish).await?;
        line.next_batch += 1;
        line.position = position_after;
        Ok(Published { batch, placed })
    }
}

/// The topic of a resource's rows.
pub fn topic_of(entry: &EntryName) -> String {
    entry.topic()
}

struct Stamp<'a> {
    bus: &'a str,
    line: &'a Line,
    batch: u64,
    incarnation: &'a str,
    position_before: &'a Value,
    /// One at least, by partition.
    places: &'a [Placed],
    partitions: u32,
}

impl Stamp<'_> {
    fn accepted(&self) -> u64 {
        self.places.iter().map(|place| u64::from(place.count)).sum()
    }

    /// The places, where there are several.
    fn spread(&self) -> Vec<RowRange> {
        let range = |place: &Placed| RowRange {
            partition: place.partition,
            base_offset: place.base_offset,
            accepted: u64::from(place.count),
        };
        match self.places {
            [_] => Vec::new(),
            several => several.iter().map(range).collect(),
        }
    }
}

impl check::Rest {
    fn publication(&self, stamp: Stamp<'_>, submission: &Submission) -> Vec<u8> {
        let receipt = self.receipt(&stamp, submission);
        let publication = Publication {
            connector: submission.connector.clone(),
            entry: stamp.line.entry.clone(),
            version: submission.version,
            line: stamp.line.number,
            batch: stamp.batch,
            run: submission.run.clone().map(|run| PublishedRun { keyless: self.keyless, ..run }),
            position_before: stamp.position_before.clone(),
            position_after: submission.position_after.clone(),
            bus: stamp.bus.into(),
            topic: stamp.places[0].topic.clone(),
            partition: stamp.places[0].partition,
            base_offset: stamp.places[0].base_offset,
            spread: stamp.spread(),
            partitions: stamp.partitions,
            pulled: self.pulled,
            accepted: stamp.accepted(),
            rejected: self.rejected.len() as u64,
            warned: self.warned,
            deletes: self.deletes,
            violations: self.tally(),
            idempotency: submission.idempotency.clone(),
            receipt: String::from_utf8(receipt.to_bytes()).expect("JSON is UTF-8"),
            digests: self.digests.clone(),
            origin: submission.origin.clone(),
            at_ms: submission.at_ms,
        };
        publication.to_bytes()
    }

    fn receipt(&self, stamp: &Stamp<'_>, submission: &Submission) -> Receipt {
        let entry = &stamp.line.entry;
        let mut receipt = Receipt::new(
            format!("line/{entry}/{}", stamp.line.number),
            submission.deed,
            submission.actor.clone(),
            submission.at_ms,
        );
        receipt.incarnation = stamp.incarnation.to_owned();
        receipt.number = stamp.batch;
        receipt.department = Some(entry.department().to_owned());
        receipt.entry = Some(format!("{entry}@{}", submission.version));
        let range = |place: &Placed| Range {
            bus: stamp.bus.into(),
            topic: place.topic.clone(),
            partition: place.partition,
            from: place.base_offset,
            to: place.base_offset + u64::from(place.count),
        };
        if stamp.accepted() > 0 {
            receipt.ranges = stamp.places.iter().map(range).collect();
            receipt.rows_root = Some(tree::root(&self.digests));
        }
        let counts = [
            ("pulled", self.pulled),
            ("accepted", stamp.accepted()),
            ("rejected", self.rejected.len() as u64),
            ("warned", self.warned),
            ("deletes", self.deletes),
        ];
        receipt.counts = counts.into_iter().map(|(name, n)| (name.to_owned(), n)).collect();
        receipt.note = submission.note.clone();
        receipt
    }
}

/// Records of the hub's own topics: no key, the line's batch as version, the bytes as body.
pub fn control(
    topic: &str,
    partition: u32,
    envelope: &Envelope,
    bodies: impl IntoIterator<Item = Vec<u8>>,
) -> Append {
    let version = yiku_core::row_version::RowVersion::new(Default::default());
    let mut records = Records::new();
    for body in bodies {
        records.push("", &version, yiku_core::operation::Operation::Upsert, &body);
    }
    Append { topic: topic.to_owned(), partition, envelope: envelope.clone(), records }
}
