//! What entries feed, against the libraries: the entity exists, a code keeps its list on the way,
//! a constant is a value of its item. That ranks and feeds name each other is checked where a
//! library is read.

use crate::{
    entry::{EntryVersion, Feed, ItemType, SetValue},
    library::{Entity, EntityItem, Library},
    problem::{Problem, SourceFile},
};

use super::{Catalog, problem_at};

impl Catalog {
    /// Problems of what an entry feeds. A library that could not be read says nothing.
    pub(super) fn check_feeds(
        &self,
        file: &SourceFile,
        entry: &EntryVersion,
        unread: &[&str],
    ) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (feed, index) in entry.feeds.iter().zip(0..) {
            let index = usize::to_string(&index);
            let (library, entity) = feed.entity.split_once('.').unwrap_or_default();
            if unread.contains(&library) {
                continue;
            }
            let Some(entity) =
                self.libraries.get(library).and_then(|found| entity_of(found, entity))
            else {
                problems.push(problem_at(
                    file,
                    &["feeds", &index, "entity"],
                    format!("没有实体 `{}`；请见 libraries/{library}.yaml", feed.entity),
                    format!("there is no entity `{}`; see libraries/{library}.yaml", feed.entity),
                ));
                continue;
            };
            for (name, value) in &feed.set {
                let Some(at) = entity.item(name) else { continue };
                if let Some((zh, en)) = self.misfit(entry, feed, value, &entity.items[at]) {
                    problems.push(problem_at(file, &["feeds", &index, "set", name], zh, en));
                }
            }
        }
        problems
    }

    fn misfit(
        &self,
        entry: &EntryVersion,
        feed: &Feed,
        value: &SetValue,
        item: &EntityItem,
    ) -> Option<(String, String)> {
        let ItemType::Code { list } = &item.kind else { return None };
        let (entity, name) = (&feed.entity, &item.name);
        match value {
            SetValue::Item(index) => match &entry.items[*index].kind {
                ItemType::Code { list: own } if own != list => Some((
                    format!("{entity} 的 `{name}` 用代码表 `{list}`，此处是 `{own}`"),
                    format!("`{name}` of {entity} has the code list `{list}`, here it is `{own}`"),
                )),
                _ => None,
            },
            SetValue::Const(code) => {
                let known = self.lists.get(list).is_some_and(|list| list.find(code).is_some());
                (!known).then(|| {
                    (
                        format!("代码表 `{list}` 中没有 `{code}`"),
                        format!("code list `{list}` has no `{code}`"),
                    )
                })
            }
        }
    }
}

fn entity_of<'l>(library: &'l Library, name: &str) -> Option<&'l Entity> {
    library.entities.iter().find(|entity| entity.name == name)
}
