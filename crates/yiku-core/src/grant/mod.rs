//! Grants (授权): who may have what of an entity or an entry, for what, until when.

mod check;
mod filter;
mod parse;
#[cfg(test)]
mod tests;
mod view;

pub use check::{Misfit, check, entity_columns, entry_columns, subject_columns};
pub use filter::{RowFilter, Test};
pub use parse::parse;
pub use view::{GrantView, View, ViewColumn, ViewError};

use std::{collections::BTreeMap, fmt};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{entry::EntryName, mask::Mask};

/// One grant, as its file in `catalog/grants/` says it.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// Its name, kebab-case; the file's name.
    pub name: String,
    /// The department that receives.
    pub to: String,
    /// What it is of.
    pub of: Subject,
    /// 使用依据.
    pub basis: String,
    /// 使用场景.
    pub scenario: String,
    /// 使用范围.
    pub scope: String,
    /// 共享方式: `service`, `batch`, `file`.
    pub modes: Vec<String>,
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub until: NaiveDate,
    /// The items handed out, in this order.
    pub items: Vec<String>,
    /// The rows handed out.
    pub rows: RowFilter,
    /// Item → mask. An item without one is shown whole.
    pub masks: BTreeMap<String, Mask>,
    /// Rows handed out per day at most.
    pub rows_per_day: Option<u64>,
    /// Who approved (条例 art. 20: both sides).
    pub approved: Vec<Approval>,
    /// What happens to the data when the purpose is done (条例 art. 27).
    pub at_end: AtEnd,
}

/// What a grant is of.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Subject {
    /// A library's entity: `population.person`.
    Entity {
        /// The library.
        library: String,
        /// The entity.
        entity: String,
    },
    /// A resource: `public-security/household`.
    Entry(EntryName),
}

/// What of a grant decides which cells its grantee holds. Kept with what was handed out, so that it
/// can be taken back when the grant has changed.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// The subject.
    pub of: String,
    /// The items, in order.
    pub items: Vec<String>,
    /// Item → mask, as written.
    pub masks: BTreeMap<String, String>,
    /// The rows.
    pub rows: RowFilter,
}

/// One side's approval.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Approval {
    /// The department.
    pub department: String,
    /// Its document.
    pub reference: String,
    /// The day.
    pub approved_on: NaiveDate,
}

/// What happens to the data when the purpose is done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AtEnd {
    /// They are destroyed.
    Destroy,
    /// They are given back.
    Return,
    /// They are kept as an archive.
    Archive,
}

impl AtEnd {
    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Destroy => "destroy",
            Self::Return => "return",
            Self::Archive => "archive",
        }
    }
}

/// Why nothing leaves under a grant.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotValid {
    /// There is no such grant (any more).
    #[error("there is no grant `{0}`")]
    Missing(String),
    /// Its first day has not come.
    #[error("grant `{name}` begins on {from}")]
    NotYet {
        /// The grant.
        name: String,
        /// Its first day.
        from: NaiveDate,
    },
    /// Its last day is over.
    #[error("grant `{name}` ended on {until}")]
    Expired {
        /// The grant.
        name: String,
        /// Its last day.
        until: NaiveDate,
    },
}

impl Grant {
    /// Whether something may leave on this day.
    pub fn valid_on(&self, day: NaiveDate) -> Result<(), NotValid> {
        let name = || self.name.clone();
        if day < self.from {
            return Err(NotValid::NotYet { name: name(), from: self.from });
        }
        if day > self.until {
            return Err(NotValid::Expired { name: name(), until: self.until });
        }
        Ok(())
    }

    /// What decides which cells the grantee holds.
    pub fn shown(&self) -> Shown {
        Shown {
            of: self.of.to_string(),
            items: self.items.clone(),
            masks: self.masks.iter().map(|(item, mask)| (item.clone(), mask.to_text())).collect(),
            rows: self.rows.clone(),
        }
    }

    /// Recognises what decides which cells the receiver holds: subject, items, filter, masks and
    /// the key of its pseudonyms. Another one is a new generation: what was handed out is
    /// withdrawn, then handed out anew. Dates, quota and words do not count.
    pub fn generation_digest(&self, mask_key: &[u8]) -> String {
        let mut hash = Sha256::new();
        let mut part = |text: &str| {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        };
        part(&self.of.to_string());
        for item in &self.items {
            part(item);
            part(&self.masks.get(item).copied().unwrap_or_default().to_text());
        }
        part("rows");
        part(&self.rows.to_text());
        if self.masks.values().any(|mask| *mask == Mask::Pseudonym) {
            let digest = Sha256::digest(mask_key);
            part(&crate::text_bytes::to_hex(&digest));
        }
        crate::text_bytes::to_hex(&hash.finalize()[..16])
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entity { library, entity } => write!(f, "{library}.{entity}"),
            Self::Entry(name) => write!(f, "{name}"),
        }
    }
}
