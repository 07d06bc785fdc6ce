//! Names of entries.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// `<department>/<resource>`, each of `[a-z0-9-]`, at most 64 characters, such as
/// `public-security/household`.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct EntryName {
    text: String,
    slash: usize,
}

impl EntryName {
    /// The department's short name.
    pub fn department(&self) -> &str {
        &self.text[..self.slash]
    }

    /// The resource's short name.
    pub fn resource(&self) -> &str {
        &self.text[self.slash + 1..]
    }

    /// The bus topic of the resource: `entry.<department>.<resource>`.
    pub fn topic(&self) -> String {
        format!("entry.{}.{}", self.department(), self.resource())
    }

    /// Both, with the slash.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Whether `word` may be part of a name: `[a-z][a-z0-9-]*`, at most 64 characters.
pub fn is_name(word: &str) -> bool {
    word.len() <= 64
        && word.starts_with(|first: char| first.is_ascii_lowercase())
        && word
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

impl FromStr for EntryName {
    type Err = InvalidEntryName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('/') {
            Some((department, resource)) if is_name(department) && is_name(resource) => {
                Ok(Self { text: text.to_owned(), slash: department.len() })
            }
            _ => Err(InvalidEntryName(text.to_owned())),
        }
    }
}

impl TryFrom<String> for EntryName {
    type Error = InvalidEntryName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<EntryName> for String {
    fn from(name: EntryName) -> Self {
        name.text
    }
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The text is not `<department>/<resource>` in small letters, digits and hyphens.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not an entry name: write <department>/<resource> in a-z, 0-9 and -")]
pub struct InvalidEntryName(String);
