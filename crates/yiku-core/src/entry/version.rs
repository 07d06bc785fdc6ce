//! Versions of entries.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// `major.minor.patch`. Major: a row good before may fail now; minor: items added; patch: words.
#[derive(
    Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    /// A row good before may fail now.
    pub major: u32,
    /// Items were added.
    pub minor: u32,
    /// Words changed.
    pub patch: u32,
}

impl FromStr for Version {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidVersion(text.to_owned());
        let mut parts = text.split('.').map(|part| match part.as_bytes() {
            [b'0', _, ..] | [] | [b'+', ..] => Err(invalid()),
            _ => part.parse::<u32>().map_err(|_| invalid()),
        });
        let mut next = || parts.next().unwrap_or_else(|| Err(invalid()));
        let version = Self { major: next()?, minor: next()?, patch: next()? };
        match parts.next() {
            None if version.major > 0 => Ok(version),
            _ => Err(invalid()),
        }
    }
}

impl TryFrom<String> for Version {
    type Error = InvalidVersion;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// The text is not `major.minor.patch` with a major of 1 or more.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not a version: write \"1.0.0\", the first number at least 1")]
pub struct InvalidVersion(String);
