//! What can be wrong with a row, as codes that never change their name.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Stable violation codes: add, never rename.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// A required item has no value.
    Required,
    /// A column that the entry does not know.
    UnknownItem,
    /// The value is not of the item's type.
    Type,
    /// The value is too short or too long.
    Length,
    /// The value does not match the item's pattern.
    Pattern,
    /// The value is not in the code list.
    CodeList,
    /// The check character is not that of the others.
    CheckDigit,
    /// Not a date of the calendar, or not in the declared form.
    Date,
    /// Below the least or above the greatest value.
    Range,
    /// More digits than the item holds.
    Precision,
    /// A cross-item rule is broken.
    Rule,
    /// Text that is not in the declared encoding.
    Encoding,
    /// A row that cannot be taken apart.
    Unreadable,
    /// A second row of one key within a file, full pull or push.
    DuplicateKey,
    /// The row has no readable key.
    KeyMissing,
    /// The source has no column for a required item.
    MissingColumn,
    /// A number whose last digits were lost before it reached the hub.
    PrecisionLost,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 17] = [
        Self::Required,
        Self::UnknownItem,
        Self::Type,
        Self::Length,
        Self::Pattern,
        Self::CodeList,
        Self::CheckDigit,
        Self::Date,
        Self::Range,
        Self::Precision,
        Self::Rule,
        Self::Encoding,
        Self::Unreadable,
        Self::DuplicateKey,
        Self::KeyMissing,
        Self::MissingColumn,
        Self::PrecisionLost,
    ];

    /// The code as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::UnknownItem => "unknown-item",
            Self::Type => "type",
            Self::Length => "length",
            Self::Pattern => "pattern",
            Self::CodeList => "code-list",
            Self::CheckDigit => "check-digit",
            Self::Date => "date",
            Self::Range => "range",
            Self::Precision => "precision",
            Self::Rule => "rule",
            Self::Encoding => "encoding",
            Self::Unreadable => "unreadable",
            Self::DuplicateKey => "duplicate-key",
            Self::KeyMissing => "key-missing",
            Self::MissingColumn => "missing-column",
            Self::PrecisionLost => "precision-lost",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Code {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|code| code.as_str() == text).ok_or(UnknownCode)
    }
}

/// The text is none of the violation codes.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("unknown violation code")]
pub struct UnknownCode;

/// Whether a violation keeps the row out.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The row goes to quarantine.
    Reject,
    /// The row is taken, and its department is told.
    Warn,
}

/// One broken rule, as people see it. Holds no unmasked value.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Violation {
    /// Which kind of rule.
    pub code: Code,
    /// Whether it keeps the row out.
    pub severity: Severity,
    /// The item, if one item is to blame.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub item: Option<String>,
    /// The rule's id, with `code: rule`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rule: Option<String>,
    /// The value with its middle hidden; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<String>,
    /// What is wrong and what to do, in Chinese.
    pub zh: String,
    /// What is wrong and what to do, in English.
    pub en: String,
}
