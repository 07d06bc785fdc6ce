//! Connectors to topics of Apache Kafka: a source that reads an inbound topic of a department, a
//! sink that fills its delivery topic.
//!
//! # Source
//!
//! One message is one row. Values are JSON objects, or Avro or JSON in Confluent's wire format:
//! byte 0, the number of a published schema in four bytes, the body. The object's names are the
//! columns. A message that cannot be read becomes an unreadable row with its reason, and the next
//! one follows; a message without value deletes the row of its key where `tombstones` says how the
//! key is read.
//!
//! Only committed messages are read. Partitions are assigned, never subscribed to: the position is
//! the hub's. It holds the topic's id, and for each partition the offset to read next; a topic that
//! was made anew, or lost what the position points to, stops the source. A run ends where the
//! partitions ended when it began, and reads one partition after the other. Rows of one key keep
//! their order as long as they stand in one partition, as Kafka's own clients see to.
//!
//! # Sink
//!
//! A parcel is one transaction: one message per change, keyed by the row's key, the value a JSON
//! object, or null for a withdrawn row. The headers `yiku-parcel`, `yiku-subject` and `yiku-change`
//! name the parcel, what it is of, and the change's number.
//!
//! With the messages the transaction commits a mark: the offset metadata of the group
//! `yiku.sink.<topic>.<connector>` is the key of the last parcel. A parcel that is handed over
//! again is found there and not written twice. Kafka forgets the mark of a group seven days after
//! the last parcel (`offsets.retention.minutes`).

mod config;
mod far;
mod message;
mod position;
mod reader;
mod rows;
mod sink;
mod source;
mod topic;
mod value;
mod writer;

use yiku_connector::ConnectorKind;

/// The kind `kafka`.
pub static KIND: ConnectorKind = ConnectorKind {
    name: "kafka",
    source_schema: include_str!("../source.schema.json"),
    sink_schema: include_str!("../sink.schema.json"),
    runs_are_whole: false,
    // A transaction of a few megabytes: while it is open, readers of the topic wait.
    parcel_changes: 5_000,
    open_source: source::open,
    open_sink: sink::open,
};
