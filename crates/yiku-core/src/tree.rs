//! The Merkle tree of a batch's rows, as RFC 6962 hashes it.
//!
//! The root stands in the batch's receipt. With the row's digest, its place, the number of rows
//! and the sibling hashes anybody can compute the root again: the row was in the batch.

use sha2::{Digest, Sha256};

/// A hash of the tree, or a leaf's data.
pub type Hash = [u8; 32];

/// The root over the rows' digests, in order. Without rows: the hash of nothing.
pub fn root(rows: &[Hash]) -> Hash {
    if rows.is_empty() {
        return Sha256::digest([]).into();
    }
    let mut level: Vec<Hash> = rows.iter().map(leaf).collect();
    while level.len() > 1 {
        let half = level.len().div_ceil(2);
        for index in 0..half {
            level[index] = match level.get(2 * index + 1) {
                Some(right) => node(&level[2 * index], right),
                None => level[2 * index],
            };
        }
        level.truncate(half);
    }
    level[0]
}

/// The sibling hashes from the row at `index` up to the root; `None` when there is no such row.
pub fn inclusion(rows: &[Hash], index: usize) -> Option<Vec<Hash>> {
    if index >= rows.len() {
        return None;
    }
    let mut path = Vec::new();
    let (mut index, mut level): (usize, Vec<Hash>) = (index, rows.iter().map(leaf).collect());
    while level.len() > 1 {
        if let Some(sibling) = level.get(index ^ 1) {
            path.push(*sibling);
        }
        level = level
            .chunks(2)
            .map(|pair| if let [left, right] = pair { node(left, right) } else { pair[0] })
            .collect();
        index /= 2;
    }
    Some(path)
}

/// Whether `path` leads from the row at `index` of `count` rows to `root`.
pub fn verify(row: &Hash, index: usize, count: usize, path: &[Hash], root: &Hash) -> bool {
    if index >= count {
        return false;
    }
    let mut hash = leaf(row);
    let mut siblings = path.iter();
    let (mut index, mut last) = (index, count - 1);
    while last > 0 {
        if index % 2 == 1 {
            let Some(sibling) = siblings.next() else { return false };
            hash = node(sibling, &hash);
        } else if index < last {
            let Some(sibling) = siblings.next() else { return false };
            hash = node(&hash, sibling);
        }
        index /= 2;
        last /= 2;
    }
    siblings.next().is_none() && hash == *root
}

fn leaf(data: &Hash) -> Hash {
    Sha256::new().chain_update([0]).chain_update(data).finalize().into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of RFC 6962 §2.1, word for word.
    fn by_definition(rows: &[Hash]) -> Hash {
        match rows {
            [] => Sha256::digest([]).into(),
            [row] => leaf(row),
            _ => {
                let split = rows.len().next_power_of_two() / 2;
                node(&by_definition(&rows[..split]), &by_definition(&rows[split..]))
            }
        }
    }

    #[test]
    fn every_row_of_every_size_is_proven_and_no_other() {
        let rows: Vec<Hash> = (0..33u8).map(|n| Sha256::digest([n]).into()).collect();
        for count in 0..=rows.len() {
            let rows = &rows[..count];
            let root = root(rows);
            assert_eq!(root, by_definition(rows), "{count} rows");
            for (index, row) in rows.iter().enumerate() {
                let path = inclusion(rows, index).expect("a row of the batch");
                assert!(verify(row, index, count, &path, &root), "row {index} of {count}");
                assert!(!verify(&[9; 32], index, count, &path, &root));
                assert!(!verify(row, count, count, &path, &root));
                let longer = [path.as_slice(), &[[0; 32]]].concat();
                assert!(!verify(row, index, count, &longer, &root));
                if let Some((_, shorter)) = path.split_last() {
                    assert!(!verify(row, index, count, shorter, &root));
                }
            }
            assert_eq!(inclusion(rows, count), None);
        }
    }

    #[test]
    fn the_empty_tree_is_the_hash_of_nothing() {
        let hex: String = root(&[]).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
