//! A frozen parcel as bytes: what is repeated, byte for byte, until its receiver has answered.

use serde::{Deserialize, Serialize, Serializer};
use yiku_connector::{Change, ChangeKind, Parcel};
use yiku_core::{
    batch::{Cells, Row},
    derive::TableColumn,
};

/// The rows of one delivery as they leave, and what the hub needs to settle them.
#[derive(Debug, Default)]
pub(super) struct Frozen {
    /// What is delivered.
    pub(super) subject: String,
    /// The columns handed out.
    pub(super) columns: Vec<TableColumn>,
    /// Which of them are the key.
    pub(super) key: Vec<usize>,
    /// The rows.
    pub(super) rows: Vec<FrozenRow>,
    /// Their cells as they leave.
    pub(super) cells: Cells,
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
#[derive(Debug)]
pub(super) struct FrozenRow {
    /// What is asked of the receiver.
    pub(super) kind: ChangeKind,
    /// The change's number; 0 for a row of a backfill.
    pub(super) number: u64,
    /// Its place in the delivery's outcomes.
    pub(super) index: usize,
    /// The subject's key, unmasked: it does not leave.
    pub(super) own_key: String,
    /// Its place among the cells.
    pub(super) place: usize,
}

/// A parcel as it is kept.
#[derive(Serialize)]
struct Written<'a> {
    subject: &'a str,
    columns: &'a [TableColumn],
    key: &'a [usize],
    #[serde(serialize_with = "write_rows")]
    rows: &'a Frozen,
    waiting: &'a [Waiting],
}

#[derive(Serialize)]
struct WrittenRow<'a> {
    kind: ChangeKind,
    number: u64,
    index: usize,
    own_key: &'a str,
    #[serde(serialize_with = "write_cells")]
    cells: Row<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    subject: String,
    columns: Vec<TableColumn>,
    key: Vec<usize>,
    rows: Vec<ReadRow>,
    waiting: Vec<Waiting>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadRow {
    kind: ChangeKind,
    number: u64,
    index: usize,
    own_key: String,
    cells: Vec<Option<String>>,
}

fn write_rows<S: Serializer>(frozen: &Frozen, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(frozen.rows.iter().map(|row| WrittenRow {
        kind: row.kind,
        number: row.number,
        index: row.index,
        own_key: &row.own_key,
        cells: frozen.cells.row(row.place),
    }))
}

fn write_cells<S: Serializer>(row: &Row<'_>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(row.cells())
}

impl Frozen {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let Self { subject, columns, key, waiting, .. } = self;
        let written = Written { subject, columns, key, rows: self, waiting };
        let mut bytes = Vec::with_capacity(self.cells.bytes() + self.rows.len() * ROW_BYTES);
        serde_json::to_writer(&mut bytes, &written).expect("strings and numbers always serialise");
        bytes
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let read: Read = serde_json::from_slice(bytes)?;
        let mut cells = Cells::new(read.columns.len());
        let rows = read.rows.into_iter().enumerate().map(|(place, row)| {
            cells.push_row(row.cells.iter().map(Option::as_deref));
            let ReadRow { kind, number, index, own_key, .. } = row;
            FrozenRow { kind, number, index, own_key, place }
        });
        let rows = rows.collect();
        let (subject, columns, key) = (read.subject, read.columns, read.key);
        Ok(Self { subject, columns, key, rows, cells, waiting: read.waiting })
    }

    /// The parcel as a sink takes it, and the cells with it. Numbers rise within it, also in a
    /// backfill.
    pub(super) fn take_parcel(&mut self, idempotency_key: &str) -> Parcel {
        let mut cells = std::mem::take(&mut self.cells);
        if self.rows.iter().enumerate().any(|(index, row)| row.place != index) {
            let mut sorted = Cells::new(self.columns.len());
            for row in &self.rows {
                sorted.push_row(cells.row(row.place).cells());
            }
            cells = sorted;
        }
        let change = |row: &FrozenRow| Change { kind: row.kind, number: row.number };
        Parcel {
            idempotency_key: idempotency_key.into(),
            subject: self.subject.as_str().into(),
            columns: self.columns.clone().into(),
            key: self.key.clone().into(),
            changes: self.rows.iter().map(change).collect(),
            cells: cells.into(),
        }
    }
}

/// What a row of a kept parcel takes beside its cells, about: quotes, commas, its key.
const ROW_BYTES: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parcel_is_read_as_it_was_written() {
        let mut cells = Cells::new(2);
        cells.push_row([Some("a"), None]);
        cells.push_row([Some(""), Some("长")]);
        let row = |place, number| FrozenRow {
            kind: ChangeKind::Upsert,
            number,
            index: place,
            own_key: number.to_string(),
            place,
        };
        let column = |name: &str| TableColumn {
            name: name.into(),
            zh: String::new(),
            column_type: yiku_core::derive::ColumnType::Text { max_length: 5 },
            required: false,
        };
        let frozen = Frozen {
            subject: "s".into(),
            columns: vec![column("x"), column("y")],
            key: vec![0],
            rows: vec![row(1, 7), row(0, 9)],
            cells,
            waiting: vec![Waiting { index: 3, number: 4, own_key: "k".into() }],
        };
        let bytes = frozen.to_bytes();
        let mut read = Frozen::parse(&bytes).unwrap();
        assert_eq!(read.to_bytes(), bytes);
        let parcel = read.take_parcel("p");
        let rows: Vec<Vec<_>> = parcel.cells.rows().map(|row| row.cells().collect()).collect();
        assert_eq!(rows, [[Some(""), Some("长")], [Some("a"), None]]);
        assert_eq!(parcel.changes.iter().map(|one| one.number).collect::<Vec<_>>(), [7, 9]);
    }
}
