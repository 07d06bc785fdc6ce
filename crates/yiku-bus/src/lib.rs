//! The bus (总线): a durable, ordered, replayable log per resource.
//!
//! The only crate that knows what the bus is made of. Its few verbs: append atomically to several
//! topics, read from an offset, count, say what is there, retain. [`Embedded`] keeps everything in
//! one SQLite file, [`Kafka`] in a cluster of brokers. The publish step ([`publish`]) stands here,
//! too: it needs nothing but the contract and an append.

mod bus;
mod embedded;
mod error;
mod kafka;
pub mod publish;

mod record;

pub use bus::{
    Append, Bus, Envelope, Finish, Foreign, Lane, Placed, Read, ReadLimit, Stored, TopicState,
};
pub use embedded::Embedded;
pub use error::BusError;
pub use kafka::{Cluster, Durability, Kafka, KafkaSettings, Mechanism, Password, Sasl, Tls};
pub use record::{Record, Records};
pub use yiku_core::operation::Operation;

/// Topic with one record per published batch: position, counts, receipt, row digests.
pub const PUBLICATIONS: &str = "hub.publications";
/// Topic with one record per rejected row.
pub const REJECTS: &str = "hub.rejects";
/// Topic with one record per append of the relay: how far it came.
pub const RELAY: &str = "hub.relay";
