//! Code lists (代码表): the values that an item of type `code` may have.

use std::collections::BTreeMap;

use crate::entry::Text;

mod parse;
mod set;

pub use parse::parse;
pub use set::CodeSet;

/// One code.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ListedCode {
    /// The code as it stands in rows.
    pub code: String,
    /// What it means.
    pub name: Text,
    /// Whether it is in use now; codes of the past stay valid in rows.
    pub current: bool,
    /// First and last year in which the code is known to have been in use, where known.
    pub years: (Option<u16>, Option<u16>),
    /// The code above it, for divisions.
    pub parent: Option<String>,
    /// What kind of division it is: `province`, `city`, `county`, `town`, `village`.
    pub level: Option<String>,
    /// The code that took its place.
    pub successor: Option<String>,
}

/// One list of codes. Divisions are a code list too, named [`DIVISIONS`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CodeList {
    /// Its name in `catalog/codelists/`.
    pub name: String,
    /// What it lists.
    pub title: Text,
    /// The standard's number, such as `GB/T 2261.1-2003`.
    pub standard: Option<String>,
    /// Where the codes were taken from.
    pub source: String,
    /// Whether they were compared with the standard's own text.
    pub verified: bool,
    /// Whether an unknown code only warns.
    pub warn_unknown: bool,
    /// The codes in the order of the standard.
    pub codes: Vec<ListedCode>,
}

/// All lists by name.
#[derive(Clone, Debug, Default)]
pub struct CodeLists {
    lists: BTreeMap<String, CodeList>,
}

/// The list of the divisions that exist or existed: items of type `division` and the addresses in
/// citizen ids are looked up in it.
pub const DIVISIONS: &str = "division";

impl CodeList {
    /// The code, if the list has it.
    pub fn find(&self, code: &str) -> Option<&ListedCode> {
        self.codes.iter().find(|listed| listed.code == code)
    }

    /// All codes in a form that is fast to look up.
    pub fn to_set(&self) -> CodeSet {
        CodeSet::new(self.codes.iter().map(|listed| listed.code.as_str()))
    }
}

impl CodeLists {
    /// The list of this name.
    pub fn get(&self, name: &str) -> Option<&CodeList> {
        self.lists.get(name)
    }

    /// Adds a list; gives back the one of the same name that was there.
    pub fn insert(&mut self, list: CodeList) -> Option<CodeList> {
        self.lists.insert(list.name.clone(), list)
    }

    /// All lists in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &CodeList> {
        self.lists.values()
    }
}
