//! Keys seen in a run: a second row of one key in a file, a full pull or a push is a finding.
//!
//! Keys and rows are held as hashes under a random key of this process: the newest in memory, older
//! ones in sorted files, so that a run of ten million rows holds little more than one of a hundred
//! thousand. A run that is gone on with after a restart is read again from its beginning to fill
//! this.

mod spilled;

use std::{
    hash::{BuildHasher, Hasher},
    io,
    path::PathBuf,
};

use ahash::RandomState;
use hashbrown::HashMap;
use yiku_core::operation::Operation;

use spilled::Spilled;

/// The keys of one run.
#[derive(Debug)]
pub struct RunKeys {
    recent: HashMap<KeyHash, u64, RandomState>,
    spilled: Vec<Spilled>,
    /// Where files go; `None`: everything stays in memory.
    folder: Option<PathBuf>,
    recent_max: usize,
    hashers: [RandomState; 2],
}

/// A key, as 128 bits of hash.
type KeyHash = [u64; 2];

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
    /// All in memory, about 40 bytes a key: for runs that are in memory themselves.
    fn default() -> Self {
        Self {
            recent: HashMap::default(),
            spilled: Vec::new(),
            folder: None,
            recent_max: RECENT_MAX,
            hashers: [RandomState::new(), RandomState::new()],
        }
    }
}

impl RunKeys {
    /// Older keys go to nameless files in `folder`, 24 bytes a key, which are gone with this.
    pub fn spilling_into(folder: impl Into<PathBuf>) -> Self {
        Self { folder: Some(folder.into()), ..Self::default() }
    }

    /// Notes a row of a key and says whether the key was there before. Fails only where keys are
    /// spilled: when the files cannot be written or read.
    pub fn note(&mut self, key: &str, operation: Operation, body: &[u8]) -> io::Result<Seen> {
        let mut hasher = self.hashers[0].build_hasher();
        hasher.write_u8(operation.as_byte());
        hasher.write(body);
        let row = hasher.finish();
        let key = self.hash(key);
        match self.find(&key)? {
            Some(kept) if kept == row => Ok(Seen::Same),
            Some(_) => Ok(Seen::Other),
            None => {
                self.recent.insert(key, row);
                self.spill_if_many()?;
                Ok(Seen::First)
            }
        }
    }

    /// Whether a row of the key was noted.
    pub fn contains(&self, key: &str) -> io::Result<bool> {
        Ok(self.find(&self.hash(key))?.is_some())
    }

    fn hash(&self, key: &str) -> KeyHash {
        self.hashers.each_ref().map(|hasher| hasher.hash_one(key))
    }

    fn find(&self, key: &KeyHash) -> io::Result<Option<u64>> {
        if let Some(row) = self.recent.get(key) {
            return Ok(Some(*row));
        }
        for spilled in self.spilled.iter().rev() {
            if let Some(row) = spilled.find(key)? {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    fn spill_if_many(&mut self) -> io::Result<()> {
        let Some(folder) = self.folder.as_ref().filter(|_| self.recent.len() >= self.recent_max)
        else {
            return Ok(());
        };
        let entries = self.recent.iter().map(|(key, row)| (*key, *row)).collect();
        self.spilled.push(Spilled::write(folder, entries)?);
        self.recent.clear();
        Ok(())
    }
}

/// Keys in memory before they are spilled: about 13 MB.
const RECENT_MAX: usize = 400_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(mut keys: RunKeys) {
        let mut note = |key: &str, operation, body: &[u8]| keys.note(key, operation, body).unwrap();
        assert_eq!(note("1", Operation::Upsert, b"a"), Seen::First);
        assert_eq!(note("2", Operation::Upsert, b"a"), Seen::First);
        assert_eq!(note("1", Operation::Upsert, b"a"), Seen::Same);
        assert_eq!(note("1", Operation::Delete, b"a"), Seen::Other);
        assert_eq!(note("2", Operation::Upsert, b"b"), Seen::Other);
        for number in 3..5_000 {
            assert_eq!(note(&number.to_string(), Operation::Upsert, b"a"), Seen::First);
        }
        for number in 1..5_000 {
            let (body, seen): (&[u8], _) =
                if number % 2 == 0 { (b"a", Seen::Same) } else { (b"b", Seen::Other) };
            assert_eq!(note(&number.to_string(), Operation::Upsert, body), seen, "{number}");
        }
        assert!(keys.contains("4999").unwrap() && !keys.contains("5000").unwrap());
    }

    #[test]
    fn a_second_row_of_a_key_is_noticed() {
        check(RunKeys::default());
    }

    #[test]
    fn spilled_keys_are_noticed_too() {
        let folder = tempfile::tempdir().unwrap();
        for recent_max in [1, 7, 1_000, 4_999] {
            let keys = RunKeys::spilling_into(folder.path());
            check(RunKeys { recent_max, ..keys });
        }
        assert_eq!(folder.path().read_dir().unwrap().count(), 0, "the files have no name");
    }

    #[test]
    fn a_folder_that_is_gone_is_an_error() {
        let mut keys = RunKeys { recent_max: 1, ..RunKeys::spilling_into("/no/such/folder") };
        assert!(keys.note("1", Operation::Upsert, b"a").is_err());
    }
}
