//! Keys on disk: sorted, with a filter and an index of their blocks in memory.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    os::unix::fs::FileExt,
    path::Path,
};

use super::KeyHash;

/// Sorted keys in a nameless file.
#[derive(Debug)]
pub(super) struct Spilled {
    file: File,
    len: usize,
    /// The first key of each block.
    blocks: Vec<u64>,
    filter: Filter,
}

impl Spilled {
    pub(super) fn write(folder: &Path, mut entries: Vec<(KeyHash, u64)>) -> io::Result<Self> {
        entries.sort_unstable();
        let mut filter = Filter::new(entries.len());
        let mut blocks = Vec::with_capacity(entries.len() / BLOCK + 1);
        let mut file = BufWriter::new(tempfile::tempfile_in(folder)?);
        for (index, (key, row)) in entries.iter().enumerate() {
            if index % BLOCK == 0 {
                blocks.push(key[0]);
            }
            filter.add(key);
            for number in [key[0], key[1], *row] {
                file.write_all(&number.to_be_bytes())?;
            }
        }
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(Self { file, len: entries.len(), blocks, filter })
    }

    /// The row of the key, if it is here.
    pub(super) fn find(&self, key: &KeyHash) -> io::Result<Option<u64>> {
        if !self.filter.may_have(key) {
            return Ok(None);
        }
        // Equal first halves may stand on both sides of a block's beginning.
        let last = self.blocks.partition_point(|first| *first <= key[0]);
        let first = self.blocks[..last].partition_point(|first| *first < key[0]);
        for block in first.saturating_sub(1)..last {
            if let Some(row) = self.find_in(block, key)? {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    fn find_in(&self, block: usize, key: &KeyHash) -> io::Result<Option<u64>> {
        let mut bytes = [0; BLOCK * ENTRY];
        let entries = (self.len - block * BLOCK).min(BLOCK);
        let bytes = &mut bytes[..entries * ENTRY];
        self.file.read_exact_at(bytes, (block * BLOCK * ENTRY) as u64)?;
        let number =
            |at: usize| u64::from_be_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        let found = (0..entries)
            .map(|index| index * ENTRY)
            .find(|at| number(*at) == key[0] && number(at + 8) == key[1]);
        Ok(found.map(|at| number(at + 16)))
    }
}

/// Says of most absent keys that they are absent: four bits of one word for each key.
#[derive(Debug)]
struct Filter {
    words: Vec<u64>,
}

impl Filter {
    fn new(keys: usize) -> Self {
        Self { words: vec![0; (keys / KEYS_OF_A_WORD).max(1)] }
    }

    fn add(&mut self, key: &KeyHash) {
        let (word, bits) = self.place(key);
        self.words[word] |= bits;
    }

    fn may_have(&self, key: &KeyHash) -> bool {
        let (word, bits) = self.place(key);
        self.words[word] & bits == bits
    }

    fn place(&self, key: &KeyHash) -> (usize, u64) {
        let word = (u128::from(key[1]) * self.words.len() as u128) >> 64;
        let bits =
            (0..4).map(|bit| 1 << (key[0] >> (6 * bit) & 63)).fold(0, |all, one: u64| all | one);
        (word as usize, bits)
    }
}

/// Keys that are read at once.
const BLOCK: usize = 128;
/// Bytes of a key and its row.
const ENTRY: usize = 24;
/// Sixteen bits a key: of a hundred absent keys, about two are looked for in vain.
const KEYS_OF_A_WORD: usize = 4;
