//! Data folders that are in use, newer or damaged.

use std::{fs, path::Path};

use yiku_tests::{Hub, sqlite};

use crate::{
    catalog,
    file_cases::{files_connector, neighbour_has},
    table::{Said, Table},
};

fn hub_with_rows() -> Hub {
    let mut hub = Hub::new(&catalog());
    hub.write("in/neighbour/1.csv", "no,name\nN1,肖文\n");
    files_connector(&hub, "neighbour", "", "");
    hub.start();
    neighbour_has(&hub, 1);
    hub.settles();
    hub
}

/// What `yiku serve` says when it does not start.
fn refused(hub: &Hub) -> Said {
    let ended = hub.yiku(&["serve", "--stop-with-stdin"]);
    assert!(!ended.success, "{ended:?}");
    let last = ended.stderr.trim().lines().last().unwrap_or_default().to_owned();
    let mut said = Said::by_command("serve", &last);
    said.hide(hub);
    said
}

#[test]
fn data_folders_that_cannot_be_used_are_told() {
    let mut table = Table::new("data");
    let mut hub = hub_with_rows();
    table.row("two hubs on one data folder", &refused(&hub));
    neighbour_has(&hub, 1);
    hub.balances();
    assert!(hub.stop(), "{}", hub.log());
    let data = hub.folder().join("data");
    sqlite(
        &data.join("store.db"),
        "INSERT INTO schema_migration (number, name) VALUES (999, 'later')",
    );
    table.row("a store from a newer version", &refused(&hub));
    sqlite(&data.join("store.db"), "DELETE FROM schema_migration WHERE number = 999");
    sqlite(&data.join("bus.db"), "PRAGMA user_version = 999");
    table.row("a bus from a newer version", &refused(&hub));
    sqlite(&data.join("bus.db"), "PRAGMA user_version = 1");
    let whole = fs::read(data.join("store.db")).unwrap();
    fs::write(data.join("store.db"), "no database at all, but some text").unwrap();
    table.row("a store that is another file", &refused(&hub));
    let mut damaged = whole.clone();
    let from = 8_192 * 3;
    damaged[8_192..from].fill(0xA5);
    fs::write(data.join("store.db"), damaged).unwrap();
    table.row("a store with a damaged page", &refused(&hub));
    fs::write(data.join("store.db"), whole).unwrap();
    let whole = fs::read(data.join("bus.db")).unwrap();
    fs::write(data.join("bus.db"), "no database at all, but some text").unwrap();
    table.row("a bus that is another file", &refused(&hub));
    let mut damaged = whole.clone();
    damaged[4_096..].fill(0xA5);
    fs::write(data.join("bus.db"), damaged).unwrap();
    table.row("a bus with damaged pages", &refused(&hub));
    fs::write(data.join("bus.db"), whole).unwrap();
    hub.start();
    hub.write("in/neighbour/2.csv", "no,name\nN2,肖文\n");
    neighbour_has(&hub, 2);
    hub.settles();
    hub.balances();
    table.compare();
}

/// Puts a database of one data folder into another, with what its journal holds.
fn copy_database(name: &str, from: &Path, to: &Path) {
    for name in [name.to_owned(), format!("{name}-wal"), format!("{name}-shm")] {
        let _ = fs::remove_file(to.join(&name));
        if from.join(&name).exists() {
            fs::copy(from.join(&name), to.join(&name)).unwrap();
        }
    }
}

fn copy_databases(from: &Path, to: &Path) {
    copy_database("bus.db", from, to);
    copy_database("store.db", from, to);
}

#[test]
fn copied_data_folders_are_told_apart() {
    let mut table = Table::new("copy");
    let mut hub = hub_with_rows();
    assert!(hub.stop(), "{}", hub.log());
    let (data, copy) = (hub.folder().join("data"), hub.folder().join("copy"));
    fs::create_dir(&copy).unwrap();
    copy_databases(&data, &copy);
    hub.start();
    hub.write("in/neighbour/2.csv", "no,name\nN2,肖文\n");
    neighbour_has(&hub, 2);
    hub.settles();
    assert!(hub.stop(), "{}", hub.log());

    // The newest of both files, to go back to.
    let newest = hub.folder().join("newest");
    fs::create_dir(&newest).unwrap();
    copy_databases(&data, &newest);
    copy_database("bus.db", &copy, &data);
    table.row("a bus older than the store", &refused(&hub));
    copy_databases(&newest, &data);
    let mut other = hub_with_rows();
    assert!(other.stop(), "{}", other.log());
    copy_database("bus.db", &other.folder().join("data"), &data);
    table.row("the bus of another hub", &refused(&hub));
    copy_databases(&newest, &data);
    copy_database("bus.db", &hub.folder().join("nothing"), &data);
    table.row("a bus that is gone", &refused(&hub));
    copy_databases(&newest, &data);
    copy_database("store.db", &copy, &data);
    // A store that is older: the bus tells it what it missed.
    hub.start();
    neighbour_has(&hub, 2);
    hub.settles();
    assert_eq!(hub.library_rows("population.patient"), 2);
    hub.balances();
    assert!(hub.stop(), "{}", hub.log());
    // Both from one moment: it goes on from there, and the file is read once more.
    copy_databases(&copy, &data);
    hub.start();
    neighbour_has(&hub, 2);
    hub.settles();
    assert_eq!(hub.library_rows("population.patient"), 2);
    hub.balances();
    table.compare();
}
