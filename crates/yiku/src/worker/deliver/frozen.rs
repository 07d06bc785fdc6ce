//! A frozen parcel as bytes: what is repeated, byte for byte, until its receiver has answered.

use serde::{Deserialize, Serialize};
use yiku_connector::{Change, ChangeKind, Parcel};
use yiku_core::{batch::Cells, derive::TableColumn};

/// The rows of one delivery as they leave, and what the hub needs to settle them.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Frozen {
    /// What is delivered.
    pub(super) subject: String,
    /// The columns handed out.
    pub(super) columns: Vec<TableColumn>,
    /// Which of them are the key.
    pub(super) key: Vec<usize>,
    /// The rows.
    pub(super) rows: Vec<FrozenRow>,
    /// Changes whose key waits behind a parked one: they do not leave.
    pub(super) waiting: Vec<Waiting>,
}

/// A change that waits.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Waiting {
    /// Its place in the delivery's outcomes.
    pub(super) index: usize,
    /// Its number.
    pub(super) number: u64,
    /// The subject's key.
    pub(super) own_key: String,
}

/// One change of the parcel.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FrozenRow {
    /// What is asked of the receiver.
    pub(super) kind: ChangeKind,
    /// The change's number; 0 for a row of a backfill.
    pub(super) number: u64,
    /// Its place in the delivery's outcomes.
    pub(super) index: usize,
    /// The subject's key, unmasked: it does not leave.
    pub(super) own_key: String,
    /// The cells as they leave.
    pub(super) cells: Vec<Option<String>>,
}

impl Frozen {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and numbers always serialise")
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// The parcel as a sink takes it. Numbers rise within it, also in a backfill.
    pub(super) fn to_parcel(&self, idempotency_key: &str) -> Parcel {
        let mut cells = Cells::new(self.columns.len());
        for row in &self.rows {
            cells.push_row(row.cells.iter().map(Option::as_deref));
        }
        let change = |row: &FrozenRow| Change { kind: row.kind, number: row.number };
        Parcel {
            idempotency_key: idempotency_key.into(),
            subject: self.subject.as_str().into(),
            columns: self.columns.clone().into(),
            key: self.key.clone().into(),
            changes: self.rows.iter().map(change).collect(),
            cells,
        }
    }
}
