//! What a resource's rows give to entities, worked out once per entry version.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    batch::{Cells, Row},
    contract::Contract,
    entry::{EntryName, EntryVersion, Feed, SetValue, Version},
};

use super::{Entity, Library, join_key};

/// Every entity and every entry version that merging needs, bound to each other.
///
/// Made anew when the catalog changes. Holds all published versions of an entry: records keep the
/// version they came with.
#[derive(Debug, Default)]
pub struct Merging {
    /// All entities of all libraries.
    pub entities: Vec<Arc<Entity>>,
    /// Resource → version → what its rows are.
    pub resources: BTreeMap<EntryName, BTreeMap<Version, Arc<Bound>>>,
}

/// An entry version bound to the entities that it feeds.
#[derive(Debug)]
pub struct Bound {
    /// Reads bodies.
    pub contract: Arc<Contract>,
    /// One per feed that the libraries know, in the order of the entry's file.
    pub feeds: Vec<FeedPlan>,
}

/// One feed, bound to its entity.
#[derive(Clone, Debug)]
pub struct FeedPlan {
    /// Place of the feed in the entry: tells the two spouses of a marriage apart.
    pub number: usize,
    /// Index of the entity in [`Merging::entities`].
    pub entity: usize,
    /// The resource among the entity's sources.
    pub source: usize,
    /// Whether the entity's key is the record's key, so that no link must be kept.
    pub direct: bool,
    key: Vec<usize>,
    /// For each entity item where its value comes from.
    set: Vec<Option<SetValue>>,
}

impl Merging {
    /// Binds libraries and contracts to each other. A feed whose entity the libraries do not know
    /// (any more), or in which the resource is no source, gives nothing.
    pub fn new<'a>(
        libraries: impl IntoIterator<Item = &'a Library>,
        contracts: impl IntoIterator<Item = Arc<Contract>>,
    ) -> Self {
        let entities: Vec<Arc<Entity>> = libraries
            .into_iter()
            .flat_map(|library| &library.entities)
            .map(|entity| Arc::new(entity.clone()))
            .collect();
        let mut resources: BTreeMap<EntryName, BTreeMap<Version, Arc<Bound>>> = BTreeMap::new();
        for contract in contracts {
            let entry = Arc::clone(contract.entry());
            let feeds = bind(&entry, &entities);
            let bound = Arc::new(Bound { contract, feeds });
            resources.entry(entry.name.clone()).or_default().insert(entry.version, bound);
        }
        Self { entities, resources }
    }

    /// What the rows of this version of a resource are.
    pub fn bound(&self, resource: &EntryName, version: Version) -> Option<&Arc<Bound>> {
        self.resources.get(resource)?.get(&version)
    }

    /// The newest version known of a resource.
    pub fn newest(&self, resource: &EntryName) -> Option<&Arc<Bound>> {
        self.resources.get(resource)?.last_key_value().map(|(_, bound)| bound)
    }
}

fn bind(entry: &EntryVersion, entities: &[Arc<Entity>]) -> Vec<FeedPlan> {
    let bind = |(number, feed): (usize, &Feed)| {
        let entity = entities.iter().position(|one| one.full_name() == feed.entity)?;
        let source = entities[entity].source(&entry.name)?;
        let mut set = vec![None; entities[entity].items.len()];
        for (name, value) in &feed.set {
            if let Some(item) = entities[entity].item(name) {
                set[item] = Some(value.clone());
            }
        }
        let direct = feed.key == entry.key;
        Some(FeedPlan { number, entity, source, direct, key: feed.key.clone(), set })
    };
    entry.feeds.iter().enumerate().filter_map(bind).collect()
}

impl FeedPlan {
    /// The key of the entity that the row speaks of; `None` when a part of it has no value: then
    /// the row gives nothing here.
    pub fn entity_key(&self, row: &Row<'_>) -> Option<String> {
        join_key(self.key.iter().map(|&item| row.get(item)))
    }

    /// Appends what the row says of the entity's items, as one row of the entity's width.
    pub fn push_values(&self, row: &Row<'_>, out: &mut Cells) {
        for value in &self.set {
            out.push(match value {
                None => None,
                Some(SetValue::Item(item)) => row.get(*item),
                Some(SetValue::Const(text)) => Some(text),
            });
        }
    }
}
