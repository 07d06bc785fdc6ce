//! What happens to files and their names while a folder is watched.

use std::{
    fs,
    io::Write,
    os::unix::{ffi::OsStrExt, fs::symlink},
    path::Path,
};

use yiku_tests::Hub;

use crate::{
    catalog,
    file_cases::{files_connector, neighbour_has, of_row},
    table::{Said, Table},
};

const TABLE: &[u8] = b"no,name\nP1,x\n";

#[test]
fn strange_names_links_and_folders_are_told() {
    let mut hub = Hub::new(&catalog());
    let mut table = Table::new("folder");
    for name in ["names", "link", "pipe", "folder", "neighbour"] {
        fs::create_dir_all(hub.folder().join("in").join(name)).unwrap();
        files_connector(&hub, name, "", "");
    }
    files_connector(&hub, "missing", "", "");
    // A row without a name in each, so that its file is told.
    for (number, name) in ["a b.csv", "户籍 六月.csv", "a\nb\u{7}.csv"].into_iter().enumerate()
    {
        hub.write(format!("in/names/{name}"), format!("no,name\nP{number},\n"));
    }
    let bytes = std::ffi::OsStr::from_bytes(b"\xC0\xEE.csv");
    hub.write(Path::new("in/names").join(bytes), "no,name\nP9,\n");
    hub.write("secret.csv", TABLE);
    symlink(hub.folder().join("secret.csv"), hub.folder().join("in/link/a.csv")).unwrap();
    let pipe = hub.folder().join("in/pipe/a.csv");
    assert!(std::process::Command::new("mkfifo").arg(pipe).status().unwrap().success());
    fs::create_dir(hub.folder().join("in/folder/a.csv")).unwrap();
    hub.write("in/neighbour/1.csv", TABLE);
    hub.start();
    hub.settles();
    let mut names = hub.rejected("names");
    names.sort_by_key(|row| row["origin"].to_string());
    assert_eq!(names.len(), 4, "{names:#?}");
    let cases = ["a name of other bytes", "a name with a space", "a name with a control character"];
    for (case, row) in cases.into_iter().chain(["a Chinese name"]).zip(&names) {
        table.row(case, &of_row(row));
    }
    for (case, name) in [("a link out of the folder", "link"), ("a pipe instead of a file", "pipe")]
    {
        let rows = hub.rejected(name);
        assert_eq!(rows.len(), 1, "{name}");
        table.row(case, &of_row(&rows[0]));
    }
    assert_eq!(hub.connector_status("folder").unwrap()["pulled"], 0);
    let status = hub.connector_status("missing").unwrap();
    let mut said = Said::by_status(&status);
    said.hide(&hub);
    table.row("a folder that does not exist", &said);
    neighbour_has(&hub, 1);
    hub.balances();
    table.compare();
}

fn big(rows: u32, letter: char) -> String {
    let row = |number| format!("{letter}{number},肖文\n");
    std::iter::once("no,name\n".to_owned()).chain((0..rows).map(row)).collect()
}

/// Rows of each file; a pull takes 5,000 at a time.
const ROWS: u32 = 100_000;

/// Kills a hub while it reads a file, changes the file, and starts the hub again.
fn changed_while_read(change: impl FnOnce(&Path)) -> Hub {
    let mut hub = Hub::new(&catalog());
    hub.write("in/reader/a.csv", big(ROWS, 'A'));
    files_connector(&hub, "reader", "", "");
    let log = hub.folder().join("data/bus.db-wal");
    let size = || fs::metadata(&log).map_or(0, |metadata| metadata.len());
    // Rows on the bus: it takes 20 pulls, and the first of them are enough.
    let mut position = "null".to_owned();
    while position.trim() == "null" {
        hub.start();
        let before = size();
        hub.quickly_until(|| size() > before + 600_000);
        hub.kill();
        position = hub.yiku(&["connector", "position", "reader"]).stdout;
    }
    assert!(position.contains("reading"), "it was read to its end: {position}");
    change(&hub.folder().join("in/reader/a.csv"));
    hub.write("in/neighbour/1.csv", "no,name\nN2,x\n");
    files_connector(&hub, "neighbour", "", "");
    hub.start();
    hub
}

/// What the hub says about a file that it cannot go on with.
fn stopped(hub: &Hub) -> Said {
    let status = hub.connector_until("reader", |one| one["error"].is_string());
    neighbour_has(hub, 1);
    hub.settles();
    let pulled = hub.connector_status("reader").unwrap()["pulled"].as_u64().unwrap();
    assert_eq!(hub.library_rows("population.patient"), pulled + 1);
    hub.balances();
    let mut said = Said::by_status(&status);
    said.hide_counts();
    said
}

#[test]
fn a_file_that_changes_while_it_is_read_is_told() {
    let mut table = Table::new("changing");
    let hub = changed_while_read(|path| {
        let mut file = fs::File::options().append(true).open(path).unwrap();
        file.write_all("A-new,曾凡\n".as_bytes()).unwrap();
    });
    let twice = 2 * u64::from(ROWS) + 1;
    let grew = hub.connector_until("reader", |one| one["pulled"].as_u64() >= Some(twice));
    assert_eq!((&grew["pulled"], &grew["rejected"]), (&twice.into(), &0.into()), "{grew}");
    hub.settles();
    hub.balances();
    drop(hub);
    let said = Said {
        place: "running".into(),
        zh: "按取走时的大小读完，再作为新文件从头读一遍".into(),
        en: "read to the size it had, then once more from its start, as a new file".into(),
    };
    table.row("a file grows", &said);
    let hub = changed_while_read(|path| {
        fs::File::options().write(true).open(path).unwrap().set_len(5_000).unwrap();
    });
    table.row("a file shrinks", &stopped(&hub));
    let hub = changed_while_read(|path| {
        let other = path.with_extension("other");
        fs::write(&other, big(ROWS + 1, 'X')).unwrap();
        fs::rename(other, path).unwrap();
    });
    table.row("a file is replaced", &stopped(&hub));
    let hub = changed_while_read(|path| fs::remove_file(path).unwrap());
    table.row("a file vanishes", &stopped(&hub));
    table.compare();
}
