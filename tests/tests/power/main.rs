//! A power cut at any moment: the unchanged program under load is recorded ([`yiku_tests::power`]),
//! the files that a disk could hold after a cut are laid into a fresh folder, and a hub is started
//! on them.

mod check;
mod cuts;
mod load;
mod subscriber;
mod truth;

use std::path::PathBuf;

/// The catalog of these tests: patients, one library, one grant.
fn catalog() -> PathBuf {
    yiku_tests::root().join("tests/tests/bad/catalog")
}
