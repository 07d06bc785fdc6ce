//! The rows of a batch, put on the partitions that their keys belong to.

use std::collections::BTreeMap;

use yiku_core::tree::Hash;

use crate::Records;

/// The rows by partition, in their order within each; the digests are put into the same order. One
/// partition without rows when there are none.
pub(super) fn by_partition(
    records: Records,
    digests: &mut Vec<Hash>,
    partitions: u32,
) -> Vec<(u32, Records)> {
    if partitions <= 1 || records.is_empty() {
        return vec![(0, records)];
    }
    let mut spread: BTreeMap<u32, (Records, Vec<Hash>)> = BTreeMap::new();
    for (record, digest) in records.iter().flatten().zip(digests.iter()) {
        let partition = yiku_kafka::partition_of(record.key.as_bytes(), partitions);
        let (own, of_own) = spread.entry(partition).or_default();
        own.push(record.key, &record.version, record.operation, record.body);
        of_own.push(*digest);
    }
    digests.clear();
    let rows = |(partition, (records, of_own))| {
        digests.extend::<Vec<Hash>>(of_own);
        (partition, records)
    };
    spread.into_iter().map(rows).collect()
}

#[cfg(test)]
mod tests {
    use yiku_core::{
        operation::Operation,
        row_version::{RowVersion, VersionParts},
    };

    use super::*;

    fn rows(keys: &[&str]) -> (Records, Vec<Hash>) {
        let mut records = Records::new();
        for (row, key) in (1..).zip(keys) {
            let version = RowVersion::new(VersionParts { row, ..Default::default() });
            records.push(key, &version, Operation::Upsert, b"body");
        }
        let digest = |key: &&str| [key.as_bytes()[0]; 32];
        (records, keys.iter().map(digest).collect())
    }

    fn keys(records: &Records) -> Vec<&str> {
        records.iter().map(|record| record.expect("whole").key).collect()
    }

    #[test]
    fn rows_and_their_digests_are_put_into_one_order() {
        let all: Vec<String> = (0..26u8).map(|n| char::from(b'a' + n).to_string()).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let (records, mut digests) = rows(&all);
        let spread = by_partition(records, &mut digests, 4);
        let partitions: Vec<u32> = spread.iter().map(|(partition, _)| *partition).collect();
        assert_eq!(partitions, [0, 1, 2, 3]);
        let mut digests = digests.iter();
        let mut seen = 0;
        for (partition, records) in &spread {
            let own = keys(records);
            assert!(own.is_sorted(), "the order of the batch: {own:?}");
            for key in own {
                assert_eq!(yiku_kafka::partition_of(key.as_bytes(), 4), *partition);
                assert_eq!(digests.next().expect("one a row")[0], key.as_bytes()[0]);
                seen += 1;
            }
        }
        assert_eq!((seen, digests.next()), (26, None));
    }

    #[test]
    fn one_partition_has_the_batch_as_it_is() {
        let (records, mut digests) = rows(&["b", "a"]);
        let before = digests.clone();
        let spread = by_partition(records.clone(), &mut digests, 1);
        assert_eq!((spread, digests), (vec![(0, records)], before));
        let none = by_partition(Records::new(), &mut Vec::new(), 4);
        assert_eq!(none, [(0, Records::new())]);
    }
}
