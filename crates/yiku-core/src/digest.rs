//! Keyed digests: a row or a key can be recognised by who holds the installation's key, and by
//! nobody else. Personal data appears in receipts and indexes only in this form.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::{operation::Operation, row_version::RowVersion, tree::Hash};

/// Makes digests under the installation's key. Cheap to clone; keeps the prepared key.
#[derive(Clone)]
pub struct Digester {
    mac: Hmac<Sha256>,
}

impl Digester {
    /// Prepares a key. Any length is taken; 32 random bytes are right.
    pub fn new(key: &[u8]) -> Self {
        Self { mac: Hmac::new_from_slice(key).expect("HMAC takes any key") }
    }

    /// The digest of one row as it stands on the bus.
    ///
    /// Every part of unknown length has its length before it, so that no two rows read alike.
    pub fn row(&self, key: &str, version: &RowVersion, operation: Operation, body: &[u8]) -> Hash {
        let mut mac = self.mac.clone();
        let mut head = [0; 1 + 4];
        head[0] = ROW;
        head[1..].copy_from_slice(&length(key.len()));
        mac.update(&head);
        mac.update(key.as_bytes());
        let mut middle = [0; RowVersion::LEN + 1 + 4];
        middle[..RowVersion::LEN].copy_from_slice(version.as_bytes());
        middle[RowVersion::LEN] = operation.as_byte();
        middle[RowVersion::LEN + 1..].copy_from_slice(&length(body.len()));
        mac.update(&middle);
        mac.update(body);
        mac.finalize().into_bytes().into()
    }

    /// The digest of a record's or an entity's key within `scope` (an entry's or entity's name).
    pub fn key(&self, scope: &str, key: &str) -> Hash {
        self.joined(KEY, scope, key.as_bytes())
    }

    /// The digest of any other bytes within `scope`: a request's body, a frozen parcel.
    pub fn bytes(&self, scope: &str, bytes: &[u8]) -> Hash {
        self.joined(BYTES, scope, bytes)
    }

    fn joined(&self, kind: u8, scope: &str, bytes: &[u8]) -> Hash {
        let mut mac = self.mac.clone();
        mac.update(&[kind]);
        mac.update(&length(scope.len()));
        mac.update(scope.as_bytes());
        mac.update(bytes);
        mac.finalize().into_bytes().into()
    }
}

/// The plain digest of bytes that are no personal data: a file, a published version, a random
/// token.
pub fn sha256(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).expect("a batch's arena is at most 4 GiB").to_be_bytes()
}

const ROW: u8 = 1;
const KEY: u8 = 2;
const BYTES: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row_version::VersionParts;

    #[test]
    fn every_part_changes_the_digest() {
        let digester = Digester::new(b"key");
        let first = RowVersion::new(VersionParts::default());
        let second = RowVersion::new(VersionParts { attempt: 1, ..Default::default() });
        let digests = [
            digester.row("ab", &first, Operation::Upsert, b"c"),
            digester.row("a", &first, Operation::Upsert, b"bc"),
            digester.row("ab", &second, Operation::Upsert, b"c"),
            digester.row("ab", &first, Operation::Delete, b"c"),
            digester.row("ab", &first, Operation::Upsert, b"d"),
            Digester::new(b"other").row("ab", &first, Operation::Upsert, b"c"),
            digester.key("ab", "c"),
            digester.key("a", "bc"),
            digester.bytes("ab", b"c"),
        ];
        for (index, digest) in digests.iter().enumerate() {
            assert!(!digests[..index].contains(digest), "digest {index}");
        }
        assert_eq!(digests[0], digester.row("ab", &first, Operation::Upsert, b"c"));
    }
}
