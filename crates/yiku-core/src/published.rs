//! The published entry versions, compiled: what rows are checked against and read by.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    contract::Contract,
    entry::{EntryName, Version},
};

/// Every published version of every entry. A published version never changes, so this only grows.
#[derive(Clone, Debug, Default)]
pub struct Published {
    contracts: BTreeMap<(EntryName, Version), Arc<Contract>>,
}

impl Published {
    /// Adds a version.
    pub fn insert(&mut self, contract: Arc<Contract>) {
        let entry = contract.entry();
        self.contracts.insert((entry.name.clone(), entry.version), contract);
    }

    /// This version, if it is published.
    pub fn exact(&self, name: &EntryName, version: Version) -> Option<&Arc<Contract>> {
        self.contracts.get(&(name.clone(), version))
    }

    /// The newest version of a major.
    pub fn newest_of(&self, name: &EntryName, major: u32) -> Option<&Arc<Contract>> {
        self.versions(name).rfind(|contract| contract.entry().version.major == major)
    }

    /// The newest version.
    pub fn newest(&self, name: &EntryName) -> Option<&Arc<Contract>> {
        self.versions(name).next_back()
    }

    /// All versions of an entry, oldest first.
    pub fn versions(&self, name: &EntryName) -> impl DoubleEndedIterator<Item = &Arc<Contract>> {
        let from = (name.clone(), Version::default());
        let all = self.contracts.range(from..);
        // Names come in order, so the entry's versions stand together.
        let own = all.map(|((own, _), contract)| (own == name, contract));
        let own: Vec<_> = own.take_while(|(own, _)| *own).map(|(_, contract)| contract).collect();
        own.into_iter()
    }

    /// The names of all entries.
    pub fn names(&self) -> impl Iterator<Item = &EntryName> {
        let mut last = None;
        self.contracts
            .keys()
            .map(|(name, _)| name)
            .filter(move |name| last.replace(*name) != Some(*name))
    }

    /// All versions of all entries.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Contract>> {
        self.contracts.values()
    }
}
