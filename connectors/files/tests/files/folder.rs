//! The watched folder: which files are read, when, and what happens when they change.

use std::{
    fs::{self, File},
    os::unix::{ffi::OsStrExt, fs::symlink},
    time::{Duration, SystemTime},
};

use serde_json::json;
use yiku_connector::{ConnectorError, Position, PullLimit};

use crate::support::{Folder, block_on, lines, pull, pull_all, pull_rows};

#[test]
fn files_that_arrive_later_are_read_whatever_their_name() {
    let folder = Folder::new().file("b.csv", "a\n1\n");
    let mut source = folder.open(&Position::default()).unwrap();
    assert_eq!(pull_all(&mut *source).len(), 1);
    folder.put("a.csv", "a\n2\n");
    folder.put("c.csv", "a\n3\n");
    let pulls = pull_all(&mut *source);
    let told: Vec<String> = pulls.iter().flat_map(lines).collect();
    assert_eq!(told, ["a.csv:2 2", "c.csv:2 3"]);
    assert_eq!(pulls.iter().map(|pull| pull.run.number).collect::<Vec<_>>(), [2, 3]);
    let mut again = folder.open(&pulls[1].position).unwrap();
    assert!(pull_all(&mut *again).is_empty());
}

#[test]
fn a_file_that_is_written_anew_is_read_anew() {
    let folder = Folder::new().file("a.csv", "a\n1\n");
    let mut source = folder.open(&Position::default()).unwrap();
    assert_eq!(pull_all(&mut *source).len(), 1);
    folder.put("a.csv", "a\n1\n2\n");
    let pulls = pull_all(&mut *source);
    assert_eq!(pulls.iter().flat_map(lines).collect::<Vec<_>>(), ["a.csv:2 1", "a.csv:3 2"]);
    assert_eq!(pulls[0].run.number, 2);
}

#[test]
fn unfinished_and_hidden_names_are_not_read() {
    let mut folder = Folder::new().with("pattern", "*").with("format", "csv");
    for name in [".a.csv", "~$a.csv", "a.csv.tmp", "b.PART", "c.csv.filepart", "d~"] {
        folder = folder.file(name, "a\n1\n");
    }
    fs::create_dir(folder.dir.path().join("dir.csv")).unwrap();
    assert_eq!(folder.told(), [""; 0]);
}

#[test]
fn a_file_still_being_written_waits() {
    let folder = Folder::new().file("a.csv", "a\n1\n").with("settle", "1h");
    assert_eq!(folder.told(), [""; 0]);
    // A program that sets the time back does not make it older than it is.
    let file = File::options().write(true).open(folder.dir.path().join("a.csv")).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(90_000)).unwrap();
    assert_eq!(folder.told(), [""; 0]);
}

#[test]
fn a_marker_says_that_a_file_is_complete() {
    let folder = Folder::new().file("a.csv", "a\n1\n").file("b.csv", "a\n2\n");
    let folder = folder.with("settle", "1h").with("ready", "{name}.ok").file("b.csv.ok", "");
    assert_eq!(folder.told(), ["b.csv:2 2"]);
    let folder = folder.with("ready", "{stem}.done").file("a.done", "");
    assert_eq!(folder.told(), ["a.csv:2 1"]);
}

#[test]
fn links_are_reported_and_not_followed() {
    let outside = Folder::new().file("secret.csv", "a\n1\n");
    let folder = Folder::new().file("b.csv", "a\n2\n");
    symlink(outside.dir.path().join("secret.csv"), folder.dir.path().join("a.csv")).unwrap();
    symlink("/nowhere", folder.dir.path().join("c.csv")).unwrap();
    let told = folder.told();
    assert!(told[0].starts_with("a.csv:1  !unreadable (a link or special file"), "{told:?}");
    assert_eq!(told[1], "b.csv:2 2");
    assert!(told[2].starts_with("c.csv:1  !unreadable (a link or special file"), "{told:?}");
}

#[test]
fn strange_names_are_names() {
    let folder = Folder::new()
        .file("户籍 信息.csv", "a\n1\n")
        .file("two\nlines\u{1b}.csv", "a\n2\n")
        .file("it's \"a\" {b}.csv", "a\n3\n");
    let foreign = std::ffi::OsStr::from_bytes(b"\xBB\xA7\xBC\xAE.csv");
    fs::write(folder.dir.path().join(foreign), "a\n4\n").unwrap();
    folder.conforms(&["4", "3", "2", "1"]);
    let told = folder.told();
    assert_eq!(told[0], "\\xBB\\xA7\\xBC\\xAE.csv:2 4");
    assert_eq!(told[2], "two\\nlines\\u{1b}.csv:2 2");
}

/// Reads one row of three, does something to the file, and tells what comes next, from the same
/// source and from one that is opened anew.
#[track_caller]
fn check_change(change: impl Fn(&Folder), expected: &str) {
    for anew in [false, true] {
        let folder = Folder::new().file("a.csv", "a\n11\n22\n33\n");
        let mut source = folder.open(&Position::default()).unwrap();
        let first = pull_rows(&mut *source, 1).unwrap();
        change(&folder);
        if anew {
            source = folder.open(&first.position).unwrap();
        }
        let mut told = String::new();
        loop {
            match pull(&mut *source, PullLimit::default()) {
                Ok(None) => break,
                Ok(Some(pull)) => told.push_str(&format!("{} ", lines(&pull).join(" "))),
                Err(error) => {
                    assert!(matches!(error, ConnectorError::Position(_)));
                    told = error.to_string();
                    break;
                }
            }
        }
        assert!(told.contains(expected), "anew {anew}: {told}");
    }
}

#[test]
fn files_that_change_while_they_are_read() {
    let path = |folder: &Folder| folder.dir.path().join("a.csv");
    check_change(
        |folder| fs::remove_file(path(folder)).unwrap(),
        "it vanished after 1 of its rows",
    );
    check_change(|folder| folder.put("a.csv", "a\n11\n"), "it became shorter");
    check_change(|folder| folder.put("a.csv", "a\n99\n88\n77\n66\n"), "its content was replaced");
    let rename_over = |folder: &Folder, content: &str| {
        folder.put("new", content);
        fs::rename(folder.dir.path().join("new"), path(folder)).unwrap();
    };
    check_change(|folder| rename_over(folder, "a\n9\n88\n77\n66\n"), "its content was replaced");
    check_change(|folder| rename_over(folder, "a\n11\n"), "it became shorter");
    check_change(
        |folder| rename_over(folder, "a\n11\n22\n33\n44\n"),
        "a.csv:3 22 a.csv:4 33 a.csv:2 11 a.csv:3 22 a.csv:4 33 a.csv:5 44",
    );
    check_change(
        |folder| {
            fs::remove_file(path(folder)).unwrap();
            symlink("/etc/passwd", path(folder)).unwrap();
        },
        "it was replaced by a link",
    );
    // What was appended is read with the whole file once more.
    check_change(
        |folder| {
            let mut file = File::options().append(true).open(path(folder)).unwrap();
            std::io::Write::write_all(&mut file, b"44\n").unwrap();
        },
        "a.csv:3 22 a.csv:4 33 a.csv:2 11 a.csv:3 22 a.csv:4 33 a.csv:5 44",
    );
}

#[test]
fn a_position_without_its_file_can_be_mended() {
    let folder = Folder::new().file("a.csv", "a\n1\n2\n");
    let mut source = folder.open(&Position::default()).unwrap();
    let mut position = pull_rows(&mut *source, 1).unwrap().position;
    folder.put("a.csv", "b\n7\n8\n9\n");
    position.0.as_object_mut().unwrap().remove("reading");
    let mut source = folder.open(&position).unwrap();
    let pulls = pull_all(&mut *source);
    assert_eq!(pulls.iter().flat_map(lines).count(), 3);
    assert_eq!(pulls[0].run.number, 2);
}

#[test]
fn many_files_keep_the_position_small() {
    let folder = Folder::new();
    (0..250).for_each(|at| folder.put(&format!("f{at:03}.csv"), format!("a\n{at}\n")));
    let mut source = folder.open(&Position::default()).unwrap();
    let pulls = pull_all(&mut *source);
    assert_eq!(pulls.len(), 250);
    let last = &pulls[249].position;
    assert!(last.0.to_string().len() < 16 << 10);
    assert!(pull_all(&mut *folder.open(last).unwrap()).is_empty());
    folder.put("f000a.csv", "a\nlate\n");
    folder.put("f007.csv", "a\nrewritten\n");
    let late = pull_all(&mut *folder.open(last).unwrap());
    let told: Vec<String> = late.iter().flat_map(lines).collect();
    assert_eq!(told, ["f000a.csv:2 late", "f007.csv:2 rewritten"]);
}

#[test]
fn a_file_that_was_not_settled_when_the_folder_was_listed_is_read_later() {
    let folder = Folder::new().with("settle", "1s");
    (0..250).for_each(|at| folder.put(&format!("f{at:03}.csv"), format!("a\n{at}\n")));
    std::thread::sleep(Duration::from_millis(1_100));
    // Moved in a moment ago, as the time of its rights says, with the old time of its content.
    folder.put("f000x.csv", "a\nmoved in\n");
    let long_ago = SystemTime::now() - Duration::from_secs(3_600);
    let set_back = |name: &str| {
        File::open(folder.dir.path().join(name)).unwrap().set_modified(long_ago).unwrap();
    };
    set_back("f000x.csv");
    // Nothing comes or goes any more, so the folder is not listed again while its files are read.
    set_back("");
    let mut source = folder.open(&Position::default()).unwrap();
    let pulls = pull_all(&mut *source);
    assert_eq!(pulls.len(), 250);
    std::thread::sleep(Duration::from_millis(1_100));
    let late = pull_all(&mut *folder.open(&pulls[249].position).unwrap());
    let told: Vec<String> = late.iter().flat_map(lines).collect();
    assert_eq!(told, ["f000x.csv:2 moved in"]);
}

#[test]
fn check_names_folder_and_remedy() {
    let folder = Folder::new().with("folder", "missing");
    let mut source = folder.open(&Position::default()).unwrap();
    let error = block_on(source.check()).unwrap_err();
    assert!(matches!(error, ConnectorError::Unavailable { .. }));
    let told = error.to_string();
    assert!(
        told.contains("/missing: cannot list its files: it does not exist; create it"),
        "{told}"
    );
    let folder = Folder::new();
    block_on(folder.open(&Position::default()).unwrap().check()).unwrap();
}

#[test]
fn a_wrong_configuration_is_told() {
    for (key, value, expected) in [
        ("patern", json!("*.csv"), "unknown field `patern`"),
        ("pattern", json!("a/*.csv"), "without `/`"),
        ("settle", json!("2"), "a number with its unit"),
        ("delimiter", json!("ab"), "one character"),
        ("header", json!(0), "the columns must be named"),
        ("columns", json!(["a", "a"]), "names `a` twice"),
        ("ready", json!("done"), "made of `{name}`"),
    ] {
        let error = Folder::new().with(key, value).open(&Position::default()).err().unwrap();
        assert!(matches!(error, ConnectorError::Config(_)));
        assert!(error.to_string().contains(expected), "{error}");
    }
}
