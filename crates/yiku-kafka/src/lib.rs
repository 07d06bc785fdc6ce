//! Being a client of Kafka: what the bus and the connectors of kind `kafka` share.
//!
//! How a cluster is reached, what librdkafka is told, why nobody answered, where a key stands, and
//! the calls into librdkafka that its crate does not wrap. Nothing here knows of rows, positions or
//! topics' names. Calls wait for the cluster: they belong on a thread that may.

pub mod client;
mod cluster;
mod delivery;
pub mod native;
mod partition;
pub mod transaction;

pub use client::{Asking, NoAnswer, Told};
pub use cluster::{
    ANSWER_MAX, Cluster, DELIVERY_MAX, Mechanism, Password, Sasl, TRANSACTION_MAX, Tls,
};
pub use delivery::{Delivered, Deliveries};
pub use partition::partition_of;
