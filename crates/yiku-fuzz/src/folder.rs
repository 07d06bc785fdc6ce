//! The repository's catalog and its contracts: what outside bytes are judged by.

use std::{
    fs,
    path::Path,
    sync::{Arc, LazyLock},
};

use yiku_core::{
    catalog::{Catalog, SourceFile},
    contract::Contract,
    entry::EntryName,
};

/// The catalog of this repository.
pub static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalog");
    let mut files = Vec::new();
    collect(&root, &root, &mut files);
    let (catalog, problems) = Catalog::read(&files);
    assert!(problems.is_empty(), "the catalog has a problem: {}", problems[0]);
    catalog
});

/// The contract of each of its entries.
pub static CONTRACTS: LazyLock<Vec<Contract>> = LazyLock::new(|| {
    let entries = CATALOG.entries.values().cloned().map(Arc::new);
    let compiled = entries.map(|entry| Contract::compile(entry, &CATALOG.lists));
    compiled.map(|contract| contract.expect("an entry of the catalog")).collect()
});

/// The contract of an entry of this name, or that of the household register.
pub fn contract(name: &str) -> &'static Contract {
    find(name).or_else(|| find("public-security/household")).expect("it is in the catalog")
}

fn find(name: &str) -> Option<&'static Contract> {
    let name: EntryName = name.parse().ok()?;
    CONTRACTS.iter().find(|contract| contract.entry().name == name)
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<SourceFile>) {
    for entry in fs::read_dir(folder).expect("the folder of the catalog") {
        let path = entry.expect("a file of the catalog").path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).expect("it is inside").to_string_lossy();
            let text = fs::read_to_string(&path).expect("a text file of the catalog");
            files.push(SourceFile { path: name.into_owned(), text });
        }
    }
}
