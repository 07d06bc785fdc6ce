//! Base libraries (基础库): one typed table per entity, and who may set what in it.
//!
//! An entity is a fold over its records ([`fold()`]): each item takes the value of the best ranked
//! resource that has one, and the newest of equals. The fold does not depend on the order in which
//! records came, so an entity can always be folded again from what is kept.

mod encode;
mod feed;
mod fold;
mod parse;
mod record;
mod sweep;
#[cfg(test)]
mod tests;

pub use encode::Unencodable;
pub use feed::{Bound, FeedPlan, Merging};

pub use fold::{Conflict, Contribution, Folded, fold};
pub use parse::parse;
pub use record::{Content, Taken, decide};
pub use sweep::{SweepHold, SweepNumbers, may_sweep};

use crate::{
    derive::{ColumnType, TableColumn},
    entry::{EntryName, ItemType, Text},
    mask::Mask,
};

/// The separator between the parts of a key of several items.
pub const KEY_SEPARATOR: char = '\u{1f}';

/// The state of an entity or record that nobody vouches for any more.
pub const DELETED: &str = "deleted";

/// A base library.
#[derive(Clone, Debug, PartialEq)]
pub struct Library {
    /// Its name, kebab-case: `population`, `legal-person`.
    pub name: String,
    /// What people call it.
    pub title: Text,
    /// Its entities, in the order of the file.
    pub entities: Vec<Entity>,
}

/// One kind of thing that a library holds, such as a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Entity {
    /// The library.
    pub library: String,
    /// Its own name, snake_case.
    pub name: String,
    /// What people call it.
    pub title: Text,
    /// Indexes of the key items.
    pub key: Vec<usize>,
    /// The items, in the order of the file.
    pub items: Vec<EntityItem>,
    /// Every resource that may set an item, each once; ranks name them by index.
    pub sources: Vec<EntryName>,
    /// States in which an entity has ended, such as `dead`; the first that holds counts.
    pub ends: Vec<End>,
}

/// One item of an entity.
#[derive(Clone, Debug, PartialEq)]
pub struct EntityItem {
    /// Its name, snake_case.
    pub name: String,
    /// Its Chinese name.
    pub zh: String,
    /// What its values are.
    pub kind: ItemType,
    /// How previews hide the value.
    pub mask: Mask,
    /// Who may set it: `ranks[source]` is the rank of the entity's source, 0 the best; `None` for
    /// a source that may not. Key items have no ranks at all.
    pub ranks: Vec<Option<u16>>,
}

/// A state in which an entity has ended. It stays, marked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct End {
    /// The state's name, such as `dead` or `cancelled`.
    pub state: String,
    /// The item looked at.
    pub item: usize,
    /// Values that end the entity; empty: any value.
    pub values: Vec<String>,
}

impl Library {
    /// The entity of this name.
    pub fn entity(&self, name: &str) -> Option<&Entity> {
        self.entities.iter().find(|entity| entity.name == name)
    }
}

impl Entity {
    /// `population.person`.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.library, self.name)
    }

    /// The topic of its rows: `library.<library>.<entity>`.
    pub fn topic(&self) -> String {
        topic_of(&self.full_name())
    }

    /// What stands after `entity_`, `history_` and so on in the names of its tables.
    pub fn table_name(&self) -> String {
        format!("{}__{}", self.library.replace('-', "_"), self.name)
    }

    /// Where the item of this name stands.
    pub fn item(&self, name: &str) -> Option<usize> {
        self.items.iter().position(|item| item.name == name)
    }

    /// Where the resource stands among the sources.
    pub fn source(&self, resource: &EntryName) -> Option<usize> {
        self.sources.iter().position(|source| source == resource)
    }

    /// The state in which an entity with these values has ended, if it has.
    pub fn ended(&self, values: &[Option<&str>]) -> Option<&str> {
        let holds = |end: &&End| {
            values[end.item].is_some_and(|value| {
                end.values.is_empty() || end.values.iter().any(|one| one == value)
            })
        };
        self.ends.iter().find(holds).map(|end| end.state.as_str())
    }

    /// The columns of the entity's table.
    pub fn columns(&self) -> Vec<TableColumn> {
        let column = |(index, item): (usize, &EntityItem)| TableColumn {
            name: item.name.clone(),
            zh: item.zh.clone(),
            column_type: ColumnType::of(&item.kind),
            required: self.key.contains(&index),
        };
        self.items.iter().enumerate().map(column).collect()
    }
}

/// The topic of the rows of an entity, `population.person`.
pub fn topic_of(entity: &str) -> String {
    format!("library.{entity}")
}

/// Joins the parts of a key; `None` when one has no value.
pub fn join_key<'a>(parts: impl IntoIterator<Item = Option<&'a str>>) -> Option<String> {
    let mut key = String::new();
    for (index, part) in parts.into_iter().enumerate() {
        if index > 0 {
            key.push(KEY_SEPARATOR);
        }
        key.push_str(part.filter(|part| !part.is_empty())?);
    }
    Some(key)
}
