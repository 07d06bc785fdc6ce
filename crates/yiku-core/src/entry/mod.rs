//! A catalog entry (目录条目): one published resource, and the contract its rows keep.

pub mod compatibility;
mod item;
mod metadata;
mod name;
mod parse;
mod rule;
mod version;

pub use item::{Bounds, DataItem, ItemType};
pub use metadata::{Examples, InvalidExample, Metadata, Share, SharingClass, Text};
pub use name::{EntryName, InvalidEntryName, is_name};
pub use parse::parse;
pub(crate) use parse::{bilingual, item_type};
pub use rule::{Feed, Operand, OrderOperator, Prefix, Rule, RuleForm, SetValue};
pub use version::{InvalidVersion, Version};

use chrono::NaiveDate;

/// One version of an entry. Immutable once published; a change is a new version.
#[derive(Clone, Debug)]
pub struct EntryVersion {
    /// Department and resource: `public-security/household`.
    pub name: EntryName,
    /// Major: a row good before may fail now; minor: items added; patch: words.
    pub version: Version,
    /// The day of publication; absent in a draft.
    pub published_on: Option<NaiveDate>,
    /// What 条例 art. 13 and the guide of 2017 ask an entry to say.
    pub metadata: Metadata,
    /// The items, in the order of the file: the order of cells, columns and Avro fields.
    pub items: Vec<DataItem>,
    /// Indexes of the key items, in the order of `key:`.
    pub key: Vec<usize>,
    /// The item that says which of two rows of one key is newer.
    pub order_by: Option<usize>,
    /// Cross-item rules.
    pub rules: Vec<Rule>,
    /// The library entities that a row feeds.
    pub feeds: Vec<Feed>,
    /// Rows that must pass and rows that must not.
    pub examples: Examples,
}

impl EntryVersion {
    /// Where the item of this name stands.
    pub fn item(&self, name: &str) -> Option<usize> {
        self.items.iter().position(|item| item.name == name)
    }

    /// The bus topic of the resource: `entry.<department>.<resource>`.
    pub fn topic(&self) -> String {
        self.name.topic()
    }
}
