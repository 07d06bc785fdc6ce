//! Whether a grant fits the catalog: subject, items, departments, approvals.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    entry::{EntryName, EntryVersion, SharingClass},
    library::Library,
    problem::Problem,
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
            let columns = entity.columns().into_iter().zip(&entity.items);
            let columns = columns
                .map(|(column, item)| ViewColumn { column, kind: item.kind.clone() })
                .collect();
            Some((columns, entity.key.clone()))
        }
        Subject::Entry(name) => {
            let entry = entries.get(name)?;
            Some((entry_columns(entry), entry.key.clone()))
        }
    }
}

/// The columns of an entry, as a grant sees them.
pub fn entry_columns(entry: &EntryVersion) -> Vec<ViewColumn> {
    let column = |item: &crate::entry::DataItem| ViewColumn {
        column: crate::derive::TableColumn {
            name: item.name.clone(),
            zh: item.zh.clone(),
            column_type: crate::library::column_type(&item.kind),
            required: item.required,
        },
        kind: item.kind.clone(),
    };
    entry.items.iter().map(column).collect()
}

/// Every way in which the grant does not fit the catalog. `departments` are the short names.
pub fn check(
    path: &str,
    grant: &Grant,
    departments: &BTreeSet<&str>,
    entries: &BTreeMap<EntryName, EntryVersion>,
    libraries: &BTreeMap<String, Library>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut note = |zh: String, en: String| problems.push(Problem::of_file(path, zh, en));
    for name in std::iter::once(&grant.to).chain(grant.approved.iter().map(|one| &one.department)) {
        if !departments.contains(name.as_str()) {
            note(
                format!("departments.yaml 中没有部门 `{name}`"),
                format!("departments.yaml has no department `{name}`"),
            );
        }
    }
    let of = &grant.of;
    match subject_columns(of, entries, libraries) {
        None => note(format!("目录中没有 `{of}`"), format!("the catalog has no `{of}`")),
        Some((columns, key)) => {
            if let Err(error) = GrantView::new(grant, &columns, &key, b"") {
                note(error.to_zh(), error.to_string());
            }
        }
    }
    let providers = providers(of, entries, libraries);
    for entry in providers.iter().filter_map(|name| entries.get(name)) {
        if entry.metadata.share.class == SharingClass::Withheld && matches!(of, Subject::Entry(_)) {
            let name = &entry.name;
            note(
                format!("`{name}` 不予共享，不能授权"),
                format!("`{name}` is withheld from sharing: no grant can be of it"),
            );
        }
    }
    let approves = |department: &str| grant.approved.iter().any(|one| one.department == department);
    if !approves(&grant.to) {
        note(
            format!("缺少申请方 `{}` 的审批（条例第二十条）", grant.to),
            format!("the approval of the receiving department `{}` is missing", grant.to),
        );
    }
    if !providers.is_empty() && !providers.iter().any(|name| approves(name.department())) {
        note(
            "缺少数据提供方的审批（条例第二十条）".into(),
            "the approval of a providing department is missing".into(),
        );
    }
    problems
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
