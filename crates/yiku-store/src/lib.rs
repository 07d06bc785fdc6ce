//! All SQL of the hub's own state. One noun, one file, its SQL inside.
//!
//! Functions take a [`Tx`] when they write and any connection when they read; who writes several
//! things that must agree calls several functions in one [`Tx`]. Nothing here reads the clock:
//! times come from the caller, in milliseconds since 1970.

pub mod bi_reader;
pub mod bus_log;
pub mod catalog;
pub mod census;
pub mod change;
mod connection;
pub mod connector;
pub mod cursor;
pub mod delivery;
mod engine;
mod error;
pub mod foreign_message;
pub mod image;
pub mod merge;
mod migration;
pub mod moving;
pub mod publication;
pub mod quarantine;
pub mod receipt;
pub mod reconcile;
pub mod registered_schema;
pub mod retraction;
mod rows;
pub mod run;
pub mod sql;
pub mod subject;
pub mod subscription;
pub mod sweep;
pub mod token;
pub mod trace;

pub use connection::Connection;
pub use engine::{Database, Login, Reader, Snapshot, Store, Tx};
pub use error::StoreError;
