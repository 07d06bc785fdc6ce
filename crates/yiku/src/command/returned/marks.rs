//! Which cells of a returned row are to blame, and what is said beside each.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use yiku_connector::connector_file::Role;
use yiku_core::{contract::Contract, mapping::MappingSpec, violation::Violation};
use yiku_store::quarantine::Quarantined;

use crate::{connectors_folder, hub::Hub};

/// Finds the cells of rows that came from one place.
pub(super) struct Marks {
    contract: Option<Arc<Contract>>,
    /// The department's column of each item that has one.
    columns: HashMap<String, usize>,
}

impl Marks {
    pub(super) fn new(hub: &Hub, first: &Quarantined) -> Self {
        let row = &first.row;
        let contract = hub.live().published.exact(&row.entry, row.version).cloned();
        let map = match connectors_folder::find(hub, &row.connector).map(|file| file.role) {
            Ok(Role::Source(role)) => MappingSpec::read(role.mapping).ok(),
            _ => None,
        };
        let map = map.and_then(|spec| spec.map).unwrap_or_default();
        let items = contract.iter().flat_map(|one| &one.entry().items);
        let columns = items.filter_map(|item| {
            let from = map.get(&item.name).and_then(|item| item.from.as_deref());
            let column = from.unwrap_or(&item.name);
            Some((item.name.clone(), row.columns.iter().position(|own| own == column)?))
        });
        Self { columns: columns.collect(), contract }
    }

    /// What is said of each blamed cell, by its column, in Chinese.
    pub(super) fn of(&self, row: &Quarantined) -> BTreeMap<usize, String> {
        let mut marks: BTreeMap<usize, String> = BTreeMap::new();
        for violation in &row.row.violations {
            for column in self.items(violation).iter().filter_map(|item| self.columns.get(*item)) {
                let said = marks.entry(*column).or_default();
                if !said.is_empty() {
                    said.push('；');
                }
                said.push_str(&violation.zh);
            }
        }
        marks
    }

    /// The items that a violation is about: a broken rule may look at several.
    fn items<'a>(&'a self, violation: &'a Violation) -> Vec<&'a str> {
        if let Some(item) = &violation.item {
            return vec![item];
        }
        let (Some(id), Some(contract)) = (&violation.rule, &self.contract) else {
            return Vec::new();
        };
        let entry = contract.entry();
        let rule = entry.rules.iter().find(|rule| rule.id == *id);
        let items = rule.map(|rule| rule.form.items()).unwrap_or_default();
        items.into_iter().map(|item| entry.items[item].name.as_str()).collect()
    }
}
