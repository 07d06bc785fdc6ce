//! Reads `catalog/libraries/<library>.yaml`.

use std::collections::BTreeMap;

use crate::{
    code_list::CodeLists,
    entry::{EntryName, EntryVersion, Feed, ItemType, SetValue, bilingual, item_type},
    mask::Mask,
    problem::Problem,
    yaml::{self, Content, Key, Node, Place, Reader},
};

use super::{End, Entity, EntityItem, Library};

/// Reads a library's file. `entries` are all entries of the catalog: types come from them, and
/// a source that does not feed what it is named for is a mistake.
pub fn parse(
    path: &str,
    text: &str,
    entries: &BTreeMap<EntryName, EntryVersion>,
    lists: &CodeLists,
) -> Result<Library, Vec<Problem>> {
    let root = yaml::parse(path, text)?;
    let mut reader = Reader::new(path);
    let library = read_library(&mut reader, &root, &Known { entries, lists });
    match library {
        Some(library) if reader.is_clean() => Ok(library),
        _ => Err(reader.into_problems()),
    }
}

fn read_library(reader: &mut Reader<'_>, root: &Node, known: &Known<'_>) -> Option<Library> {
    let mut fields = reader.map(root)?;
    let name = fields.need(reader, "library");
    let place = name.map_or(fields.place(), |node| node.place);
    let name = name.and_then(|node| reader.text(node)).unwrap_or_default().to_owned();
    let well_formed = crate::entry::is_name(&name) && !name.contains("--") && !name.ends_with('-');
    if !name.is_empty() && !well_formed {
        reader.note(
            place,
            format!("`{name}` 不能作库名；请用小写字母、数字和单个连字符"),
            format!("`{name}` cannot name a library: write a-z, 0-9 and single hyphens"),
        );
    }
    let title = fields.need(reader, "name").and_then(|node| reader.both(node));
    let entities = fields.need(reader, "entities").and_then(|node| reader.map(node));
    fields.end(reader);
    let mut read = Vec::new();
    for (key, node) in entities?.all() {
        check_word(reader, key);
        read.extend(read_entity(reader, &name, key, node, known));
    }
    Some(Library { name, title: title?, entities: read })
}

/// What else the catalog holds.
struct Known<'e> {
    entries: &'e BTreeMap<EntryName, EntryVersion>,
    lists: &'e CodeLists,
}

/// The sources of one entity while it is read.
struct Sources<'e> {
    entity: String,
    known: &'e Known<'e>,
    names: Vec<EntryName>,
}

fn read_entity(
    reader: &mut Reader<'_>,
    library: &str,
    key: &Key,
    node: &Node,
    known: &Known<'_>,
) -> Option<Entity> {
    let mut fields = reader.map(node)?;
    let title = fields.need(reader, "name").and_then(|node| reader.both(node));
    let key_node = fields.need(reader, "key");
    let items_node = fields.need(reader, "items");
    let ends_node = fields.find("ends");
    fields.end(reader);
    let mut sources =
        Sources { entity: format!("{library}.{}", key.text), known, names: Vec::new() };
    let mut entity = Entity {
        library: library.to_owned(),
        name: key.text.clone(),
        title: title.unwrap_or_default(),
        key: Vec::new(),
        items: Vec::new(),
        sources: Vec::new(),
        ends: Vec::new(),
    };
    for (name, node) in reader.map(items_node?)?.all() {
        check_word(reader, name);
        entity.items.extend(read_item(reader, &mut sources, name, node));
    }
    let width = sources.names.len();
    entity.sources = sources.names;
    entity.items.iter_mut().for_each(|item| item.ranks.resize(width, None));
    read_key(reader, &mut entity, key_node?);
    if let Some(node) = ends_node {
        read_ends(reader, &mut entity, node);
    }
    check_order(reader, &entity, known.entries, key.place);
    check_feeds(reader, &entity, known.entries, key.place);
    Some(entity)
}

/// `name: [a, [b, c]]`, or `name: { zh, en, type, …, from: [a, [b, c]] }`.
fn read_item(
    reader: &mut Reader<'_>,
    sources: &mut Sources<'_>,
    name: &Key,
    node: &Node,
) -> Option<EntityItem> {
    if let Content::List(_) = node.content {
        let ranks = read_ranks(reader, sources, name, node);
        let (zh, kind, mask) = borrowed(reader, sources, name, node.place, &ranks)?;
        return Some(EntityItem { name: name.text.clone(), zh, kind, mask, ranks });
    }
    let mut fields = reader.map(node)?;
    let (zh, _en) = bilingual(reader, &mut fields);
    let mask = fields.find("mask").and_then(|node| reader.parsed(node, "不是一种脱敏方式"));
    let from = fields.find("from");
    let ranks = from.map(|node| read_ranks(reader, sources, name, node)).unwrap_or_default();
    let kind = item_type(reader, &mut fields, sources.known.lists);
    fields.end(reader);
    let mask = mask.unwrap_or(match kind {
        Some(ItemType::CitizenId) => Mask::Keep { first: 6, last: 4 },
        _ => Mask::None,
    });
    Some(EntityItem { name: name.text.clone(), zh: zh?, kind: kind?, mask, ranks })
}

/// Chinese name, type and mask as the first source's item has them.
fn borrowed(
    reader: &mut Reader<'_>,
    sources: &Sources<'_>,
    name: &Key,
    at: Place,
    ranks: &[Option<u16>],
) -> Option<(String, ItemType, Mask)> {
    let mut ranked: Vec<(u16, usize)> = ranks
        .iter()
        .enumerate()
        .filter_map(|(source, rank)| rank.map(|rank| (rank, source)))
        .collect();
    ranked.sort_unstable();
    let item = ranked.iter().find_map(|&(_, source)| {
        let entry = sources.known.entries.get(&sources.names[source])?;
        let set = entry
            .feeds
            .iter()
            .filter(|feed| feed.entity == sources.entity)
            .flat_map(|feed| &feed.set)
            .find_map(|(item, value)| match value {
                SetValue::Item(from) if *item == name.text => Some(*from),
                _ => None,
            })?;
        Some(&entry.items[set])
    });
    if item.is_none() {
        reader.note(
            at,
            format!("没有数源以自己的数据项提供 `{0}`；请写 {{ zh, type, from }}", name.text),
            format!(
                "no source sets `{0}` from an item of its own: write {{ zh, type, from }}",
                name.text
            ),
        );
    }
    item.map(|item| (item.zh.clone(), item.kind.clone(), item.mask))
}

fn read_ranks(
    reader: &mut Reader<'_>,
    sources: &mut Sources<'_>,
    name: &Key,
    node: &Node,
) -> Vec<Option<u16>> {
    let mut ranks = vec![None; sources.names.len()];
    for (rank, member) in reader.list(node).unwrap_or_default().iter().enumerate() {
        let equals = match &member.content {
            Content::List(list) => list.as_slice(),
            _ => std::slice::from_ref(member),
        };
        for node in equals {
            let Some(source) = read_source(reader, sources, name, node) else { continue };
            ranks.resize(sources.names.len(), None);
            if ranks[source].replace(rank as u16).is_some() {
                let twice = &sources.names[source];
                reader.note(
                    node.place,
                    format!("`{twice}` 在此项中写了两次；请删去一处"),
                    format!("`{twice}` stands twice in this item; remove one"),
                );
            }
        }
    }
    ranks
}

/// A source of an item: an entry that feeds this entity and sets this item.
fn read_source(
    reader: &mut Reader<'_>,
    sources: &mut Sources<'_>,
    name: &Key,
    node: &Node,
) -> Option<usize> {
    let entry_name: EntryName = reader.parsed(node, "不是目录条目名；请写 <部门>/<资源>")?;
    let Some(entry) = sources.known.entries.get(&entry_name) else {
        reader.note(
            node.place,
            format!("目录中没有条目 `{entry_name}`"),
            format!("the catalog has no entry `{entry_name}`"),
        );
        return None;
    };
    let sets = |feed: &&Feed| {
        feed.entity == sources.entity && feed.set.iter().any(|(item, _)| *item == name.text)
    };
    if !entry.feeds.iter().any(|feed| sets(&feed)) {
        let (entity, item) = (&sources.entity, &name.text);
        reader.note(
            node.place,
            format!("`{entry_name}` 并未向 {entity} 提供 `{item}`；请在其 feeds 中加上或在此删去"),
            format!(
                "`{entry_name}` does not set `{item}` of {entity}: add it to its feeds or \
                 remove it here"
            ),
        );
    }
    let known = sources.names.iter().position(|one| *one == entry_name);
    Some(known.unwrap_or_else(|| {
        sources.names.push(entry_name);
        sources.names.len() - 1
    }))
}

fn read_key(reader: &mut Reader<'_>, entity: &mut Entity, node: &Node) {
    let parts = match &node.content {
        Content::List(list) => list.as_slice(),
        _ => std::slice::from_ref(node),
    };
    for part in parts {
        let Some(name) = reader.text(part) else { continue };
        match entity.item(name) {
            Some(item) if entity.key.contains(&item) => {
                reader.note(part.place, "主键项重复", "a key item stands here twice");
            }
            Some(item) if entity.items[item].ranks.iter().any(Option::is_some) => reader.note(
                part.place,
                format!("主键项 `{name}` 由数源的 feeds.key 给出，不能再有 from"),
                format!("key item `{name}` comes from the feeds' key and can have no sources"),
            ),
            Some(item) => entity.key.push(item),
            None => unknown_item(reader, part.place, entity, name),
        }
    }
    if entity.key.is_empty() && reader.is_clean() {
        reader.note(node.place, "主键为空", "the key is empty");
    }
}

/// `ends: { dead: death_date }`, or `ends: { cancelled: { state: ["3", "4"] } }`.
fn read_ends(reader: &mut Reader<'_>, entity: &mut Entity, node: &Node) {
    let Some(mut fields) = reader.map(node) else { return };
    for (state, node) in fields.all() {
        check_word(reader, state);
        let (name, place, values) = match &node.content {
            Content::Map(pairs) if pairs.len() == 1 => {
                let (item, list) = &pairs[0];
                let Some(values) = reader.texts(list).filter(|values| !values.is_empty()) else {
                    continue;
                };
                (item.text.as_str(), item.place, values)
            }
            _ => match reader.text(node) {
                Some(item) => (item, node.place, Vec::new()),
                None => continue,
            },
        };
        match entity.item(name) {
            Some(item) => {
                entity.ends.push(End { state: state.text.clone(), item, values });
            }
            None => unknown_item(reader, place, entity, name),
        }
    }
}

fn unknown_item(reader: &mut Reader<'_>, at: Place, entity: &Entity, name: &str) {
    let known: Vec<&str> = entity.items.iter().map(|item| item.name.as_str()).collect();
    reader.unknown(at, name, &known);
}

/// Sources that share a rank are decided by their `order_by`, so they must name one.
fn check_order(
    reader: &mut Reader<'_>,
    entity: &Entity,
    entries: &BTreeMap<EntryName, EntryVersion>,
    at: Place,
) {
    for (source, name) in entity.sources.iter().enumerate() {
        let shares = |item: &&EntityItem| {
            item.ranks[source].is_some()
                && item.ranks.iter().filter(|rank| **rank == item.ranks[source]).count() > 1
        };
        let shared = entity.items.iter().find(shares);
        if let Some(item) = shared
            && entries.get(name).is_some_and(|entry| entry.order_by.is_none())
        {
            let item = &item.name;
            reader.note(
                at,
                format!("`{name}` 在 `{item}` 上与别的数源同级，须在条目中写明 order_by"),
                format!("`{name}` shares a rank for `{item}`: its entry must name `order_by`"),
            );
        }
    }
}

/// Every feed sets items that name it as a source, has the entity's key, and fitting types.
fn check_feeds(
    reader: &mut Reader<'_>,
    entity: &Entity,
    entries: &BTreeMap<EntryName, EntryVersion>,
    at: Place,
) {
    let full_name = entity.full_name();
    for entry in entries.values() {
        for feed in entry.feeds.iter().filter(|feed| feed.entity == full_name) {
            let name = &entry.name;
            if !entity.key.is_empty() && feed.key.len() != entity.key.len() {
                reader.note(
                    at,
                    format!("`{name}` 向 {full_name} 提供的主键项数不符"),
                    format!("`{name}` feeds {full_name} with another number of key items"),
                );
            }
            for (item, value) in &feed.set {
                check_set(reader, entity, entry, (item, value), at);
            }
        }
    }
}

fn check_set(
    reader: &mut Reader<'_>,
    entity: &Entity,
    entry: &EntryVersion,
    (item, value): (&str, &SetValue),
    at: Place,
) {
    let (name, full_name) = (&entry.name, entity.full_name());
    let source = entity.source(name);
    let known = entity.item(item).map(|index| &entity.items[index]);
    let Some(known) = known.filter(|known| source.is_some_and(|at| known.ranks[at].is_some()))
    else {
        reader.note(
            at,
            format!("`{name}` 向 {full_name} 提供 `{item}`，此处未列为其数源"),
            format!("`{name}` sets `{item}` of {full_name}, but is no source of it here"),
        );
        return;
    };
    if let SetValue::Item(from) = value {
        let (theirs, ours) = (entry.items[*from].kind.as_str(), known.kind.as_str());
        if theirs != ours {
            reader.note(
                at,
                format!("{full_name} 的 `{item}` 是 {ours}，`{name}` 提供的是 {theirs}"),
                format!("`{item}` of {full_name} is {ours}, `{name}` sets {theirs}"),
            );
        }
    }
}

/// Names of entities, items and states become names of tables, columns and words in them.
fn check_word(reader: &mut Reader<'_>, key: &Key) {
    let word = key.text.as_str();
    let letters = word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let well_formed = letters
        && word.starts_with(|first: char| first.is_ascii_lowercase())
        && !word.contains("__")
        && word.len() <= 48;
    if !well_formed {
        reader.note(
            key.place,
            format!("`{word}` 不能作名称；请用小写字母开头，小写字母、数字和单个下划线"),
            format!("`{word}` cannot be a name: write a-z first, then a-z, 0-9, single _"),
        );
    }
}
