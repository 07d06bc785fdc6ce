//! Writing: the contract of a sink.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use yiku_core::{batch::Cells, derive::TableColumn};

use crate::ConnectorError;

/// What a change asks of the receiver.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// The row is new or has new values.
    Upsert,
    /// The row is no longer the receiver's to hold: deleted, ended, or outside the grant's filter.
    Withdraw,
}

/// One change of a parcel.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// What is asked.
    pub kind: ChangeKind,
    /// The change's number in its stream; rises within a parcel.
    pub number: u64,
}

/// A frozen group of changes under one idempotency key: repeated byte for byte after a crash.
/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// The same for every repetition of the parcel and for no other.
    pub idempotency_key: Arc<str>,
    /// What is delivered: `population.person` or `public-security/household`.
    pub subject: Arc<str>,
    /// The columns of `cells`, with their types.
    pub columns: Arc<[TableColumn]>,
    /// Which columns are the key.
    pub key: Arc<[usize]>,
    /// One entry per row of `cells`. At most one change per key.
    pub changes: Arc<[Change]>,
    /// The rows. A withdrawn row has only its key; the other cells are NULL.
    pub cells: Arc<Cells>,
}

/// A change that the receiver would not take.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refused {
    /// Index of the change in its parcel.
    pub index: usize,
    /// The receiver's reason, without values.
    pub reason: String,
}

/// How a parcel was taken.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Settled {
    /// Changes refused one by one; all others were taken.
    pub refused: Vec<Refused>,
}

/// One outside system that changes are written to.
#[async_trait]
pub trait Sink: Send {
    /// Reaches the far system and looks whether the configuration fits, changing nothing.
    async fn check(&mut self) -> Result<(), ConnectorError>;

    /// Hands the parcel over. Called again with the same parcel after a failure or a crash, it
    /// must have the effect of one call.
    async fn deliver(&mut self, parcel: &Parcel) -> Result<Settled, ConnectorError>;
}
