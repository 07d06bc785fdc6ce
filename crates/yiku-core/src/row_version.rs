//! Which of two rows is newer.

/// A row's version: (order-by item; line; order; row; attempt), compared left to right.
///
/// Kept as 28 bytes whose order as bytes is the order of versions, so that any database can
/// compare two of them.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RowVersion([u8; Self::LEN]);

/// The parts of a version.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct VersionParts {
    /// The entry's `order_by` item as a number (days, milliseconds, the integer); 0 without one.
    pub order_by: i64,
    /// Rises per resource when a connector is made or its source is rebuilt.
    pub line: u32,
    /// The source's own order where a second pull repeats it, else the batch number.
    pub order: u64,
    /// Place within that order.
    pub row: u32,
    /// Lease epochs, then fixes. A redriven or retried row keeps all but this.
    pub attempt: u32,
}

impl RowVersion {
    /// Bytes of a version.
    pub const LEN: usize = 28;

    /// Joins the parts.
    pub fn new(parts: VersionParts) -> Self {
        let mut bytes = [0; Self::LEN];
        let ordered = (parts.order_by as u64) ^ (1 << 63);
        bytes[..8].copy_from_slice(&ordered.to_be_bytes());
        bytes[8..12].copy_from_slice(&parts.line.to_be_bytes());
        bytes[12..20].copy_from_slice(&parts.order.to_be_bytes());
        bytes[20..24].copy_from_slice(&parts.row.to_be_bytes());
        bytes[24..].copy_from_slice(&parts.attempt.to_be_bytes());
        Self(bytes)
    }

    /// Takes the version apart.
    pub fn parts(&self) -> VersionParts {
        let word = |from: usize| self.0[from..from + 4].try_into().expect("four bytes");
        let long = |from: usize| self.0[from..from + 8].try_into().expect("eight bytes");
        VersionParts {
            order_by: (u64::from_be_bytes(long(0)) ^ (1 << 63)) as i64,
            line: u32::from_be_bytes(word(8)),
            order: u64::from_be_bytes(long(12)),
            row: u32::from_be_bytes(word(20)),
            attempt: u32::from_be_bytes(word(24)),
        }
    }

    /// The bytes, as stored.
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Reads stored bytes; `None` when there are not 28.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_order_as_versions_do() {
        let parts = |order_by, line, order, row, attempt| VersionParts {
            order_by,
            line,
            order,
            row,
            attempt,
        };
        let ascending = [
            parts(i64::MIN, 0, 0, 0, 0),
            parts(-1, 9, 9, 9, 9),
            parts(0, 0, 0, 0, 0),
            parts(0, 0, 0, 0, 1),
            parts(0, 0, 0, 1, 0),
            parts(0, 0, 256, 0, 0),
            parts(0, 1, 0, 0, 0),
            parts(1, 0, 0, 0, 0),
        ];
        for pair in ascending.windows(2) {
            assert!(RowVersion::new(pair[0]) < RowVersion::new(pair[1]), "{pair:?}");
        }
        assert_eq!(RowVersion::new(ascending[1]).parts(), ascending[1]);
    }
}
