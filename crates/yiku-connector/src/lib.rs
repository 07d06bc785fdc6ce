//! How the hub reads from and writes to one outside system.
//!
//! A connector never learns what the hub does with a row. Each kind is a crate in
//! `connectors/` with one [`ConnectorKind`] value; the binary lists them literally.

mod error;
mod kind;
mod limits;
mod position;
mod schemas;
mod secret;
mod sink;
mod source;

pub mod conformance;
pub mod connector_file;
pub mod effort;
pub mod json_members;

pub use error::{Cause, ConnectorError};
pub use kind::{Access, ConnectorKind, OpenSink, OpenSource};
pub use limits::Limits;
pub use position::Position;
pub use schemas::Schemas;
pub use secret::{Secret, Surroundings};
pub use sink::{Change, ChangeKind, Parcel, Refused, Settled, Sink};
pub use source::{Load, Pull, PullLimit, Run, Source};
