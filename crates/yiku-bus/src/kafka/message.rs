//! One row as one message, and messages as batches again.
//!
//! | part | content |
//! |---|---|
//! | key | the record's key; null on the hub's own topics |
//! | value | byte 0, the schema's number in four bytes, the Avro body; null for a delete without body. On `hub.` topics the body alone, JSON |
//! | `yiku-entry` | entry and version: `public-security/household@1.2.0` |
//! | `yiku-connector`, `yiku-line`, `yiku-batch` | who published, and the batch by its line |
//! | `yiku-at` | when, milliseconds since 1970 |
//! | `yiku-operation` | `upsert` or `delete` |
//! | `yiku-version` | the row's version, 28 bytes; of an entity's row its order is the change's number |
//! | `yiku-receipt` | the receipt of the row, as `yiku receipt show` takes it: `line/health/birth/1 7` |
//! | `yiku-trace` | of an entity's row instead: the entity, as `yiku trace` takes it, and the number of the change: `population.person 12` |
//!
//! The last two say in words what the others say to programs; nothing reads them back.

use rdkafka::message::{Header, OwnedHeaders};
use yiku_core::{operation::Operation, row_version::RowVersion};
use yiku_kafka::native::Message;

use super::broken::Broken;
use crate::{Envelope, Foreign, RELAY, Read, Record, Records, Stored};

const ENTRY: &str = "yiku-entry";
const CONNECTOR: &str = "yiku-connector";
const LINE: &str = "yiku-line";
const BATCH: &str = "yiku-batch";
const AT: &str = "yiku-at";
const OPERATION: &str = "yiku-operation";
const VERSION: &str = "yiku-version";
const RECEIPT: &str = "yiku-receipt";
const TRACE: &str = "yiku-trace";

/// Whether a topic carries rows, which have keys and schemas.
pub(super) fn carries_rows(topic: &str) -> bool {
    !topic.starts_with("hub.")
}

/// The headers of a batch's rows.
pub(super) struct Headers<'a> {
    shared: OwnedHeaders,
    /// The entity, where the rows are of one.
    entity: Option<&'a str>,
}

impl<'a> Headers<'a> {
    /// What all rows of the batch share.
    pub(super) fn of_batch(topic: &str, envelope: &'a Envelope) -> Self {
        let name = envelope.entry.rsplit_once('@').map_or(&*envelope.entry, |(name, _)| name);
        let entity = topic.starts_with("library.").then_some(name);
        let receipt = format!("line/{name}/{} {}", envelope.line, envelope.batch);
        let texts = [
            (ENTRY, envelope.entry.clone()),
            (CONNECTOR, envelope.connector.clone()),
            (LINE, envelope.line.to_string()),
            (BATCH, envelope.batch.to_string()),
            (AT, envelope.at_ms.to_string()),
            (RECEIPT, receipt),
        ];
        let has_receipt = entity.is_none() && topic != RELAY;
        let shared = texts
            .iter()
            .filter(|(key, _)| has_receipt || *key != RECEIPT)
            .fold(OwnedHeaders::new_with_capacity(8), |shared, (key, text)| {
                shared.insert(header(key, text.as_bytes()))
            });
        Self { shared, entity }
    }

    /// Those of one row.
    pub(super) fn of_row(&self, record: &Record<'_>) -> OwnedHeaders {
        let operation = record.operation.as_str().as_bytes();
        let own = self
            .shared
            .clone()
            .insert(header(OPERATION, operation))
            .insert(header(VERSION, record.version.as_bytes()));
        match self.entity {
            None => own,
            Some(entity) => {
                let trace = format!("{entity} {}", record.version.parts().order);
                own.insert(header(TRACE, trace.as_bytes()))
            }
        }
    }
}

fn header<'h>(key: &'h str, value: &'h [u8]) -> Header<'h, &'h [u8]> {
    Header { key, value: Some(value) }
}

/// Writes the value into `bytes`; false for null.
pub(super) fn write_value(schema: Option<u32>, record: &Record<'_>, bytes: &mut Vec<u8>) -> bool {
    bytes.clear();
    if record.operation == Operation::Delete && record.body.is_empty() {
        return false;
    }
    if let Some(schema) = schema {
        bytes.push(MAGIC);
        bytes.extend_from_slice(&schema.to_be_bytes());
    }
    bytes.extend_from_slice(record.body);
    true
}

/// Messages of one partition, put together to batches again.
pub(super) struct Batches {
    read: Read,
    has_rows: bool,
    bytes: usize,
    /// The headers of the batch that is being put together.
    of_batch: Vec<u8>,
    scratch: Vec<u8>,
}

impl Batches {
    /// Nothing yet, from here on.
    pub(super) fn new(topic: &str, from: u64) -> Self {
        let read = Read { next: from, ..Read::default() };
        let has_rows = carries_rows(topic);
        Self { read, has_rows, bytes: 0, of_batch: Vec::new(), scratch: Vec::new() }
    }

    /// Where to go on.
    pub(super) fn next(&self) -> u64 {
        self.read.next
    }

    /// How much there is: batches, bytes of records.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.read.batches.len(), self.bytes)
    }

    /// Nothing stands between what was taken and this offset.
    pub(super) fn skip_to(&mut self, offset: u64) {
        self.read.next = self.read.next.max(offset);
    }

    /// What was taken.
    pub(super) fn into_read(self) -> Read {
        self.read
    }

    /// Takes a message; one that breaks the rules is noted.
    pub(super) fn take(&mut self, message: &Message<'_>) {
        let offset = message.offset();
        if let Err(broken) = self.try_take(message) {
            let (zh, en) = broken.words();
            let key = message.key().and_then(|key| std::str::from_utf8(key).ok());
            let (zh, en, key) = (zh.to_owned(), en.to_owned(), key.map(str::to_owned));
            self.read.foreign.push(Foreign { offset, zh, en, key });
        }
        self.read.next = offset + 1;
    }

    fn try_take(&mut self, message: &Message<'_>) -> Result<(), Broken> {
        let parts = Parts::of(message);
        let (schema, body) = self.body_of(message)?;
        let version = parts.version.and_then(RowVersion::from_bytes);
        let version = version.ok_or(Broken::Version)?;
        let operation = parts.operation.and_then(operation).ok_or(Broken::Operation)?;
        if body.is_none() && operation != Operation::Delete {
            return Err(Broken::NoValue);
        }
        let key = match message.key() {
            Some(key) => std::str::from_utf8(key).map_err(|_| Broken::Key)?,
            None if self.has_rows => return Err(Broken::NoKey),
            None => "",
        };
        let record = Record { key, version, operation, body: body.unwrap_or_default() };
        self.push(message.offset(), &parts, schema, &record)
    }

    fn body_of<'b>(
        &self,
        message: &'b Message<'_>,
    ) -> Result<(Option<u32>, Option<&'b [u8]>), Broken> {
        let Some(value) = message.value() else { return Ok((None, None)) };
        if !self.has_rows {
            return Ok((None, Some(value)));
        }
        match value.split_first_chunk::<5>() {
            Some(([MAGIC, number @ ..], body)) => {
                Ok((Some(u32::from_be_bytes(*number)), Some(body)))
            }
            Some(_) => Err(Broken::Form),
            None => Err(Broken::Short),
        }
    }

    fn push(
        &mut self,
        offset: u64,
        parts: &Parts<'_>,
        schema: Option<u32>,
        record: &Record<'_>,
    ) -> Result<(), Broken> {
        self.scratch.clear();
        parts.write(&mut self.scratch);
        let goes_on = self.read.batches.last().is_some_and(|last| {
            last.next_offset() == offset
                && self.scratch == self.of_batch
                && (schema.is_none() || schema == last.envelope.schema)
        });
        if !goes_on {
            let envelope = Envelope { schema, ..parts.envelope()? };
            let records = Records::new();
            self.read.batches.push(Stored { base_offset: offset, envelope, records });
            std::mem::swap(&mut self.of_batch, &mut self.scratch);
        }
        let last = self.read.batches.last_mut().expect("one was just pushed");
        let before = last.records.as_bytes().len();
        last.records.push(record.key, &record.version, record.operation, record.body);
        self.bytes += last.records.as_bytes().len() - before;
        Ok(())
    }
}

/// A message's headers, as they are.
#[derive(Default)]
struct Parts<'a> {
    entry: Option<&'a str>,
    connector: Option<&'a str>,
    line: Option<&'a str>,
    batch: Option<&'a str>,
    at: Option<&'a str>,
    operation: Option<&'a str>,
    version: Option<&'a [u8]>,
}

impl<'a> Parts<'a> {
    fn of(message: &'a Message<'_>) -> Self {
        let mut parts = Self::default();
        message.headers(|name, value| {
            if name == VERSION.as_bytes() {
                parts.version = Some(value);
                return;
            }
            let (Ok(name), Ok(value)) = (std::str::from_utf8(name), std::str::from_utf8(value))
            else {
                return;
            };
            match name {
                ENTRY => parts.entry = Some(value),
                CONNECTOR => parts.connector = Some(value),
                LINE => parts.line = Some(value),
                BATCH => parts.batch = Some(value),
                AT => parts.at = Some(value),
                OPERATION => parts.operation = Some(value),
                _ => {}
            }
        });
        parts
    }

    /// What all rows of a batch share, to be compared.
    fn write(&self, bytes: &mut Vec<u8>) {
        for part in [self.entry, self.connector, self.line, self.batch, self.at] {
            bytes.extend_from_slice(part.unwrap_or_default().as_bytes());
            bytes.push(0);
        }
    }

    fn envelope(&self) -> Result<Envelope, Broken> {
        let number = |text: Option<&str>| text.and_then(|text| text.parse::<u64>().ok());
        Ok(Envelope {
            entry: self.entry.ok_or(Broken::Entry)?.to_owned(),
            connector: self.connector.ok_or(Broken::Connector)?.to_owned(),
            line: number(self.line)
                .and_then(|line| u32::try_from(line).ok())
                .ok_or(Broken::Line)?,
            batch: number(self.batch).ok_or(Broken::Batch)?,
            at_ms: self.at.and_then(|text| text.parse().ok()).ok_or(Broken::At)?,
            schema: None,
        })
    }
}

fn operation(name: &str) -> Option<Operation> {
    [Operation::Upsert, Operation::Delete].into_iter().find(|one| one.as_str() == name)
}

/// What a value of the registry's form begins with.
const MAGIC: u8 = 0;
