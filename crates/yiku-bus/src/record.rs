//! A batch of records as bytes: what one append writes and one read returns, as one blob.

use yiku_core::{operation::Operation, row_version::RowVersion};

/// One record of a batch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Record<'a> {
    /// The record's key: key items joined by U+001F.
    pub key: &'a str,
    /// Which of two rows of the key is newer.
    pub version: RowVersion,
    /// Upsert or delete.
    pub operation: Operation,
    /// Avro, without any prefix.
    pub body: &'a [u8],
}

/// Records in the order of their offsets, as one run of bytes.
///
/// Each record: length of key (varint), key, 28 bytes version, one byte operation, length of body
/// (varint), body.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Records {
    count: u32,
    bytes: Vec<u8>,
}

impl Records {
    /// No records yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes stored bytes as they are; [`Records::iter`] finds damage.
    pub fn from_bytes(count: u32, bytes: Vec<u8>) -> Self {
        Self { count, bytes }
    }

    /// Appends a record.
    pub fn push(&mut self, key: &str, version: &RowVersion, operation: Operation, body: &[u8]) {
        self.bytes.reserve(key.len() + body.len() + RowVersion::LEN + 8);
        push_length(&mut self.bytes, key.len());
        self.bytes.extend_from_slice(key.as_bytes());
        self.bytes.extend_from_slice(version.as_bytes());
        self.bytes.push(operation.as_byte());
        push_length(&mut self.bytes, body.len());
        self.bytes.extend_from_slice(body);
        self.count += 1;
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The bytes, as stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The records in order. An item is `None` once the bytes make no sense, and nothing follows.
    pub fn iter(&self) -> impl Iterator<Item = Option<Record<'_>>> {
        let mut rest = self.bytes.as_slice();
        let mut broken = false;
        (0..self.count).map_while(move |_| {
            if broken {
                return None;
            }
            let record = take_record(&mut rest);
            broken = record.is_none();
            Some(record)
        })
    }
}

fn push_length(bytes: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
}

fn take_record<'a>(rest: &mut &'a [u8]) -> Option<Record<'a>> {
    let key_length = take_length(rest)?;
    let key = std::str::from_utf8(take(rest, key_length)?).ok()?;
    let version = RowVersion::from_bytes(take(rest, RowVersion::LEN)?)?;
    let operation = Operation::from_byte(take(rest, 1)?[0])?;
    let body_length = take_length(rest)?;
    let body = take(rest, body_length)?;
    Some(Record { key, version, operation, body })
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

fn take_length(rest: &mut &[u8]) -> Option<usize> {
    let mut length = 0usize;
    for shift in (0..32).step_by(7) {
        let byte = take(rest, 1)?[0];
        length |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(length);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use yiku_core::row_version::VersionParts;

    use super::*;

    #[test]
    fn records_come_back_as_they_were() {
        let version = RowVersion::new(VersionParts { line: 1, row: 7, ..Default::default() });
        let long = vec![5u8; 300];
        let mut records = Records::new();
        records.push("甲", &version, Operation::Upsert, &long);
        records.push("b", &version, Operation::Delete, &[]);
        let stored = Records::from_bytes(records.count, records.as_bytes().to_vec());
        let all: Vec<_> = stored.iter().map(|record| record.expect("whole")).collect();
        assert_eq!(
            all[0],
            Record { key: "甲", version, operation: Operation::Upsert, body: &long }
        );
        assert_eq!((all[1].key, all[1].operation), ("b", Operation::Delete));
        assert_eq!(all.len(), 2);
    }

    #[test]
    fn damaged_bytes_end_the_records() {
        let version = RowVersion::new(VersionParts::default());
        let mut records = Records::new();
        records.push("a", &version, Operation::Upsert, b"body");
        for cut in 0..records.as_bytes().len() {
            let damaged = Records::from_bytes(3, records.as_bytes()[..cut].to_vec());
            assert_eq!(damaged.iter().collect::<Vec<_>>(), [None], "cut at {cut}");
        }
    }
}
