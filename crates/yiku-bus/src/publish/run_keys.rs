//! Keys seen in a run: a second row of one key in a file, a full pull or a push is a finding.
//!
//! About 32 bytes a row: keys and rows are held as hashes under a random key of this process. A run
//! that is gone on with after a restart is read again from its beginning to fill this.

use std::hash::{BuildHasher, Hasher};

use ahash::RandomState;
use hashbrown::{HashMap, hash_map::Entry};
use yiku_core::operation::Operation;

/// The keys of one run.
#[derive(Debug)]
pub struct RunKeys {
    rows: HashMap<u128, u64, RandomState>,
    hashers: [RandomState; 2],
}

/// What is known of a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Seen {
    /// It is the run's first row of the key.
    First,
    /// An earlier row of the run was the same.
    Same,
    /// An earlier row of the run was another.
    Other,
}

impl Default for RunKeys {
    fn default() -> Self {
        Self { rows: HashMap::default(), hashers: [RandomState::new(), RandomState::new()] }
    }
}

impl RunKeys {
    /// Notes a row of a key and says whether the key was there before.
    pub fn note(&mut self, key: &str, operation: Operation, body: &[u8]) -> Seen {
        let [first, second] = &self.hashers;
        let key = u128::from(first.hash_one(key)) << 64 | u128::from(second.hash_one(key));
        let mut hasher = first.build_hasher();
        hasher.write_u8(operation.as_byte());
        hasher.write(body);
        let row = hasher.finish();
        match self.rows.entry(key) {
            Entry::Vacant(vacant) => {
                vacant.insert(row);
                Seen::First
            }
            Entry::Occupied(kept) if *kept.get() == row => Seen::Same,
            Entry::Occupied(_) => Seen::Other,
        }
    }

    /// How many keys were seen.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no key was seen.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_row_of_a_key_is_noticed() {
        let mut keys = RunKeys::default();
        assert_eq!(keys.note("1", Operation::Upsert, b"a"), Seen::First);
        assert_eq!(keys.note("2", Operation::Upsert, b"a"), Seen::First);
        assert_eq!(keys.note("1", Operation::Upsert, b"a"), Seen::Same);
        assert_eq!(keys.note("1", Operation::Delete, b"a"), Seen::Other);
        assert_eq!(keys.note("2", Operation::Upsert, b"b"), Seen::Other);
        assert_eq!(keys.len(), 2);
    }
}
