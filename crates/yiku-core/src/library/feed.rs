//! What a resource's rows give to entities, worked out once per entry version.

use std::sync::Arc;

use crate::{
    batch::{Cells, Row},
    entry::{EntryName, EntryVersion, SetValue},
};

use super::{Entity, Library, join_key};

/// What the rows of one entry version give to entities.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The entry version.
    pub entry: Arc<EntryVersion>,
    /// One per feed that the libraries know, in the order of the entry's file.
    pub feeds: Vec<FeedPlan>,
}

/// One feed, bound to its entity.
#[derive(Clone, Debug)]
pub struct FeedPlan {
    /// Place of the feed in the entry: tells the two spouses of a marriage apart.
    pub number: usize,
    /// The entity.
    pub entity: Arc<Entity>,
    /// The resource among the entity's sources.
    pub source: usize,
    /// Whether the entity's key is the record's key, so that no link must be kept.
    pub direct: bool,
    key: Vec<usize>,
    /// For each entity item where its value comes from.
    set: Vec<Option<SetValue>>,
}

impl Plan {
    /// Binds an entry version's feeds to the entities of the libraries. A feed whose entity the
    /// libraries do not know (any more), or that names the resource as no source, gives nothing.
    pub fn new<'a>(
        entry: Arc<EntryVersion>,
        libraries: impl IntoIterator<Item = &'a Library>,
    ) -> Self {
        let entities: Vec<&Entity> =
            libraries.into_iter().flat_map(|library| &library.entities).collect();
        let bind = |(number, feed): (usize, &crate::entry::Feed)| {
            let found = entities.iter().find(|entity| entity.full_name() == feed.entity)?;
            let entity = Arc::new((*found).clone());
            let source = entity.source(&entry.name)?;
            let mut set = vec![None; entity.items.len()];
            for (name, value) in &feed.set {
                if let Some(item) = entity.item(name) {
                    set[item] = Some(value.clone());
                }
            }
            let direct = feed.key == entry.key;
            Some(FeedPlan { number, entity, source, direct, key: feed.key.clone(), set })
        };
        let feeds = entry.feeds.iter().enumerate().filter_map(bind).collect();
        Self { entry, feeds }
    }

    /// The resource.
    pub fn resource(&self) -> &EntryName {
        &self.entry.name
    }
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
