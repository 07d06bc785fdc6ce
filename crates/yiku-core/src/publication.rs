//! What one publish writes beside its rows: a [`Publication`] for the batch, a [`RejectedRow`] for
//! each row that did not pass. Both travel on the bus in the append that carries the rows, and are
//! carried into the store from there.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::Value;

use crate::{
    entry::{EntryName, Version},
    operation::Operation,
    receipt::Receipt,
    row_version::RowVersion,
    text_bytes::{from_base64, from_hex, to_base64, to_hex},
    tree::Hash,
    violation::{Code, Severity, Violation},
};

/// One batch as it was published.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    /// Who published: a connector, `push`, `redrive`, `sweep`.
    pub connector: String,
    /// The resource.
    pub entry: EntryName,
    /// The entry version that the rows were checked against.
    pub version: Version,
    /// The resource's line that the connector publishes on.
    pub line: u32,
    /// The batch's number on its line, from 1 without gaps.
    pub batch: u64,
    /// The source's run that the rows belong to; absent where there is none (a position edit).
    pub run: Option<PublishedRun>,
    /// Where the source stood before the rows, as published by the batch before.
    pub position_before: Value,
    /// Where the source stands after the rows.
    pub position_after: Value,
    /// Id of the bus.
    pub bus: String,
    /// Topic of the accepted rows.
    pub topic: String,
    /// Its partition; that of the first range, when the rows stand on several.
    pub partition: u32,
    /// Offset of the first accepted row there; where it would be, when no row was accepted.
    pub base_offset: u64,
    /// Where the rows stand, when that is on several partitions, by partition. Empty otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub spread: Vec<RowRange>,
    /// How many partitions the topic has.
    #[serde(skip_serializing_if = "is_one", default = "one")]
    pub partitions: u32,
    /// Rows that the source handed over.
    pub pulled: u64,
    /// Rows on the bus.
    pub accepted: u64,
    /// Rows in quarantine.
    pub rejected: u64,
    /// Accepted rows with a warning.
    pub warned: u64,
    /// Accepted rows that are deletes.
    pub deletes: u64,
    /// How often each violation was found.
    pub violations: Vec<ViolationCount>,
    /// The push request that brought the rows.
    pub idempotency: Option<Idempotency>,
    /// The receipt's canonical bytes.
    pub receipt: String,
    /// Digests of the accepted rows: by partition, within each in the order of their offsets.
    #[serde(serialize_with = "write_digests", deserialize_with = "read_digests")]
    pub digests: Vec<Hash>,
    /// What people call the place the rows come from, without personal data.
    pub origin: String,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

/// Rows of one batch that stand on one partition, one after the other.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RowRange {
    /// The partition.
    pub partition: u32,
    /// Offset of the first row.
    pub base_offset: u64,
    /// How many rows.
    pub accepted: u64,
}

/// The run of a published batch.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedRun {
    /// Rises from run to run of the source.
    pub number: u64,
    /// Whether the run begins with this batch.
    pub begins: bool,
    /// Whether the run ends with this batch.
    pub ends: bool,
    /// Whether the run brings everything there is, so that what it lacks is gone.
    pub full: bool,
    /// The version that deletes of a full run's missing rows carry: newer than every row of a run
    /// before, not newer than the rows of this one.
    #[serde(serialize_with = "write_version", deserialize_with = "read_version")]
    pub version: RowVersion,
    /// Rejected rows of this batch without a readable key: with one of them nothing is swept.
    pub keyless: u64,
}

/// How often one violation was found in a batch.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ViolationCount {
    /// The code.
    pub code: Code,
    /// The item, if one is to blame.
    pub item: Option<String>,
    /// The rule's id, with `code: rule`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rule: Option<String>,
    /// Reject or warn.
    pub severity: Severity,
    /// Times found.
    pub count: u64,
}

/// What makes a repeated push recognisable.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Idempotency {
    /// The caller's key.
    pub key: String,
    /// Hexadecimal keyed digest of the body: another body under one key is refused.
    pub digest: String,
    /// The answer to give again. On the batch that ends the request.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub answer: Option<Value>,
}

impl Publication {
    /// The bytes on the bus.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and numbers always serialise")
    }

    /// Reads bytes from the bus.
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// Where the accepted rows stand, by partition; one range where no row was accepted.
    pub fn ranges(&self) -> Vec<RowRange> {
        match self.spread.is_empty() {
            false => self.spread.clone(),
            true => vec![RowRange {
                partition: self.partition,
                base_offset: self.base_offset,
                accepted: self.accepted,
            }],
        }
    }

    /// The receipt of the batch.
    pub fn receipt(&self) -> Result<Receipt, crate::receipt::InvalidReceipt> {
        Receipt::parse(self.receipt.as_bytes())
    }
}

/// A row that did not pass, as its source gave it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RejectedRow {
    /// Who published.
    pub connector: String,
    /// The resource.
    pub entry: EntryName,
    /// The entry version that the row was checked against.
    pub version: Version,
    /// Line and batch that it came with.
    pub line: u32,
    /// The batch.
    pub batch: u64,
    /// What people call the place it comes from.
    pub origin: String,
    /// Line of the file, counted from 1, header included; index in an answer.
    pub place: u64,
    /// The row's version: a redriven row keeps all of it but the attempt.
    #[serde(serialize_with = "write_version", deserialize_with = "read_version")]
    pub row_version: RowVersion,
    /// Upsert or delete.
    pub operation: Operation,
    /// The columns as the source names them.
    pub columns: Vec<String>,
    /// The cells as the source gave them; `None` is NULL.
    pub cells: Vec<Option<String>>,
    /// The record's key, when it could be read.
    pub key: Option<String>,
    /// What is wrong, warnings included.
    pub violations: Vec<Violation>,
    /// Hexadecimal digest of all cells, when they were longer than [`RejectedRow::BYTES_MAX`] and
    /// only their beginning is kept. Such a row cannot go in again as it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cut: Option<String>,
    /// The quarantine's number of the row, when this is another try of one that is there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retried: Option<i64>,
}

impl RejectedRow {
    /// Bytes of cells kept of one row.
    pub const BYTES_MAX: usize = 64 << 10;

    /// The bytes on the bus.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and numbers always serialise")
    }

    /// Reads bytes from the bus.
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// Keeps the first 64 KiB of an overlong row, and the digest of all of it.
    pub fn shorten(&mut self, digester: &crate::digest::Digester) {
        let whole: usize = self.cells.iter().flatten().map(String::len).sum();
        if whole <= Self::BYTES_MAX {
            return;
        }
        let bytes = serde_json::to_vec(&self.cells).expect("strings always serialise");
        self.cut = Some(to_hex(&digester.bytes("rejected-row", &bytes)));
        let mut left = Self::BYTES_MAX;
        for cell in self.cells.iter_mut().flatten() {
            cell.truncate(cell.floor_char_boundary(left));
            left -= cell.len();
        }
    }
}

fn one() -> u32 {
    1
}

fn is_one(number: &u32) -> bool {
    *number == 1
}

fn write_version<S: Serializer>(version: &RowVersion, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&to_hex(version.as_bytes()))
}

fn read_version<'de, D: Deserializer<'de>>(from: D) -> Result<RowVersion, D::Error> {
    let text = String::deserialize(from)?;
    let version = from_hex(&text).and_then(|bytes| RowVersion::from_bytes(&bytes));
    version.ok_or_else(|| D::Error::custom("a row version is 28 bytes in hexadecimal"))
}

fn write_digests<S: Serializer>(digests: &[Hash], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&to_base64(digests.as_flattened()))
}

fn read_digests<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Hash>, D::Error> {
    let text = String::deserialize(from)?;
    let bytes = from_base64(&text).ok_or_else(|| D::Error::custom("digests are base64"))?;
    let (digests, rest) = bytes.as_chunks::<32>();
    match rest {
        [] => Ok(digests.to_vec()),
        _ => Err(D::Error::custom("a digest is 32 bytes")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{digest::Digester, row_version::VersionParts};

    fn rejected(cells: Vec<Option<String>>) -> RejectedRow {
        RejectedRow {
            connector: "household".into(),
            entry: "public-security/household".parse().expect("a name"),
            version: "1.2.0".parse().expect("a version"),
            line: 1,
            batch: 2,
            origin: "0101.csv".into(),
            place: 9,
            row_version: RowVersion::new(VersionParts { line: 1, row: 9, ..Default::default() }),
            operation: Operation::Upsert,
            columns: vec!["a".into(), "b".into(), "c".into()],
            cells,
            key: None,
            violations: Vec::new(),
            cut: None,
            retried: None,
        }
    }

    #[test]
    fn a_publication_comes_back() {
        let mut publication = Publication {
            connector: "household".into(),
            entry: "public-security/household".parse().expect("a name"),
            version: "1.2.0".parse().expect("a version"),
            line: 1,
            batch: 1,
            run: Some(PublishedRun {
                number: 3,
                begins: true,
                ends: false,
                full: true,
                version: RowVersion::new(VersionParts { line: 1, order: 3, ..Default::default() }),
                keyless: 0,
            }),
            position_before: Value::Null,
            position_after: json!({ "file": "a.csv", "byte": 12 }),
            bus: "b".into(),
            topic: "entry.public-security.household".into(),
            partition: 0,
            base_offset: 4,
            spread: Vec::new(),
            partitions: 1,
            pulled: 3,
            accepted: 2,
            rejected: 1,
            warned: 0,
            deletes: 0,
            violations: vec![ViolationCount {
                code: Code::CheckDigit,
                item: Some("citizen_id".into()),
                rule: None,
                severity: Severity::Reject,
                count: 1,
            }],
            idempotency: None,
            receipt: "{}".into(),
            digests: vec![[1; 32], [2; 32]],
            origin: "a.csv".into(),
            at_ms: 5,
        };
        assert_eq!(Publication::parse(&publication.to_bytes()).expect("its own"), publication);
        let text = String::from_utf8(publication.to_bytes()).expect("JSON");
        assert!(!text.contains("spread") && !text.contains("partitions"), "as it always was");
        assert!(Publication::parse(text.replace("AQEB", "AQ").as_bytes()).is_err());

        let range = |partition, base_offset| RowRange { partition, base_offset, accepted: 1 };
        assert_eq!(publication.ranges(), [RowRange { accepted: 2, ..range(0, 4) }]);
        publication.spread = vec![range(0, 4), range(3, 9)];
        publication.partitions = 4;
        assert_eq!(Publication::parse(&publication.to_bytes()).expect("its own"), publication);
        assert_eq!(publication.ranges(), publication.spread);
    }

    #[test]
    fn a_rejected_row_comes_back() {
        let row = rejected(vec![Some("1".into()), None, Some(String::new())]);
        assert_eq!(RejectedRow::parse(&row.to_bytes()).expect("its own"), row);
    }

    #[test]
    fn an_overlong_row_keeps_its_beginning_and_digest() {
        let digester = Digester::new(b"key");
        let mut short = rejected(vec![Some("x".repeat(RejectedRow::BYTES_MAX)), None, None]);
        short.shorten(&digester);
        assert_eq!(short.cut, None);

        let mut long =
            rejected(vec![Some("x".into()), Some("甲".repeat(40_000)), Some("y".into())]);
        long.shorten(&digester);
        let kept: usize = long.cells.iter().flatten().map(String::len).sum();
        assert!(kept <= RejectedRow::BYTES_MAX && kept > RejectedRow::BYTES_MAX - 4, "{kept}");
        assert_eq!(long.cut.as_ref().map(String::len), Some(64));
        assert_eq!(long.cells[0].as_deref(), Some("x"));
    }
}
