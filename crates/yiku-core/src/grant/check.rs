//! Whether a grant fits the catalog: subject, items, departments, approvals.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    entry::{EntryName, EntryVersion, SharingClass},
    library::{Entity, Library},
};

use super::{Grant, GrantView, Subject, ViewColumn};

/// The columns of a grant's subject and which of them are the key.
pub fn subject_columns(
    of: &Subject,
    entries: &BTreeMap<EntryName, EntryVersion>,
    libraries: &BTreeMap<String, Library>,
) -> Option<(Vec<ViewColumn>, Vec<usize>)> {
    match of {
        Subject::Entity { library, entity } => {
            let entity = libraries.get(library)?.entity(entity)?;
            Some((entity_columns(entity), entity.key.clone()))
        }
        Subject::Entry(name) => {
            let entry = entries.get(name)?;
            Some((entry_columns(entry), entry.key.clone()))
        }
    }
}

/// The columns of an entity, as a grant sees them.
pub fn entity_columns(entity: &Entity) -> Vec<ViewColumn> {
    let column = |(index, column): (usize, crate::derive::TableColumn)| ViewColumn {
        column,
        kind: entity.items[index].kind.clone(),
        ends: entity.ends.iter().any(|end| end.item == index),
    };
    entity.columns().into_iter().enumerate().map(column).collect()
}

/// The columns of an entry, as a grant sees them.
pub fn entry_columns(entry: &EntryVersion) -> Vec<ViewColumn> {
    let column = |item: &crate::entry::DataItem| ViewColumn {
        column: crate::derive::TableColumn {
            name: item.name.clone(),
            zh: item.zh.clone(),
            column_type: crate::derive::ColumnType::of(&item.kind),
            required: item.required,
        },
        kind: item.kind.clone(),
        ends: false,
    };
    entry.items.iter().map(column).collect()
}

/// One way in which a grant does not fit the catalog.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Misfit {
    /// The key of the grant's file that says it.
    pub key: &'static str,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// Every way in which the grant does not fit the catalog. `departments` are the short names.
pub fn check(
    grant: &Grant,
    departments: &BTreeSet<&str>,
    entries: &BTreeMap<EntryName, EntryVersion>,
    libraries: &BTreeMap<String, Library>,
) -> Vec<Misfit> {
    let mut misfits = check_approvals(grant, &providers(&grant.of, entries, libraries));
    let mut note = |key, zh: String, en: String| misfits.push(Misfit { key, zh, en });
    let names = grant.approved.iter().map(|one| ("approved", &one.department));
    for (key, name) in std::iter::once(("to", &grant.to)).chain(names) {
        if !departments.contains(name.as_str()) {
            note(
                key,
                format!("没有部门 `{name}`；请加入 departments.yaml"),
                format!("there is no department `{name}`; add it to departments.yaml"),
            );
        }
    }
    let of = &grant.of;
    match subject_columns(of, entries, libraries) {
        None => note("of", format!("目录中没有 `{of}`"), format!("the catalog has no `{of}`")),
        Some((columns, key)) => {
            if let Err(error) = GrantView::new(grant, &columns, &key, b"") {
                note(error.key(), error.to_zh(), error.to_string());
            }
        }
    }
    let withheld = |entry: &&EntryVersion| entry.metadata.share.class == SharingClass::Withheld;
    if let Subject::Entry(name) = of
        && entries.get(name).filter(withheld).is_some()
    {
        note(
            "of",
            format!("`{name}` 不予共享，不能授权"),
            format!("`{name}` is withheld from sharing: no grant can be of it"),
        );
    }
    misfits
}

/// Both sides must have approved (条例 art. 20).
fn check_approvals(grant: &Grant, providers: &[EntryName]) -> Vec<Misfit> {
    let approves = |department: &str| grant.approved.iter().any(|one| one.department == department);
    let mut misfits = Vec::new();
    if !approves(&grant.to) {
        misfits.push(Misfit {
            key: "approved",
            zh: format!("缺少申请方 `{}` 的审批（条例第二十条）", grant.to),
            en: format!("the receiving department `{}` has not approved", grant.to),
        });
    }
    if !providers.is_empty() && !providers.iter().any(|name| approves(name.department())) {
        misfits.push(Misfit {
            key: "approved",
            zh: "缺少数据提供方的审批（条例第二十条）".into(),
            en: "no providing department has approved".into(),
        });
    }
    misfits
}

fn providers(
    of: &Subject,
    entries: &BTreeMap<EntryName, EntryVersion>,
    libraries: &BTreeMap<String, Library>,
) -> Vec<EntryName> {
    match of {
        Subject::Entry(name) if entries.contains_key(name) => vec![name.clone()],
        Subject::Entry(_) => Vec::new(),
        Subject::Entity { library, entity } => libraries
            .get(library)
            .and_then(|library| library.entity(entity))
            .map(|entity| entity.sources.clone())
            .unwrap_or_default(),
    }
}
