//! Whether a row is there or is gone.

use serde::{Deserialize, Serialize};

/// What a row asks of the record of its key.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// The record with these values.
    #[default]
    Upsert,
    /// The record is gone. Only the key items are needed; the body is empty.
    Delete,
}

impl Operation {
    /// The operation as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upsert => "upsert",
            Self::Delete => "delete",
        }
    }

    /// The byte in stored records and in digests.
    pub fn as_byte(self) -> u8 {
        match self {
            Self::Upsert => 0,
            Self::Delete => 1,
        }
    }

    /// Reads a stored byte.
    pub fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Upsert),
            1 => Some(Self::Delete),
            _ => None,
        }
    }
}
