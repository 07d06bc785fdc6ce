//! Bad input through the whole hub: the real program, connector files, a bad thing in, and what
//! the user reads. `docs/bad-input.md` is written from these tests: with `YIKU_BLESS=1` they write
//! it, else they fail where it differs.

mod catalog_files;
mod clock;
mod data_folder;
mod database;
mod delimited;
mod disk;
mod encoding;
mod file_cases;
mod folder;
mod full;
mod json;
mod push;
mod receiver;
mod sheet;
mod sink;
mod table;
mod topic;

use std::path::PathBuf;

/// The catalog of these tests: patients, one library, one grant.
fn catalog() -> PathBuf {
    yiku_tests::root().join("tests/tests/bad/catalog")
}
