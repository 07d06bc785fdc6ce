//! `yiku init` makes a folder whose README a newcomer can follow word by word.

mod follow;

use std::fs;

use yiku_tests::yiku;

use crate::follow::Guide;

#[test]
fn the_english_readme_of_a_new_folder_is_true() {
    Guide::new("README.md").follow();
}

#[test]
fn the_chinese_readme_of_a_new_folder_is_true() {
    Guide::new("README.zh-CN.md").follow();
}

#[test]
fn both_readmes_hold_the_same_commands() {
    let [english, chinese] = ["README.md", "README.zh-CN.md"].map(|name| Guide::new(name).steps());
    assert!(english.len() >= 5, "{english:#?}");
    assert_eq!(english, chinese);
}

#[test]
fn a_folder_with_something_in_it_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mine.txt"), "mine").unwrap();
    for path in [folder.path().to_owned(), folder.path().join("mine.txt")] {
        let ended = yiku(&["init", path.to_str().unwrap()]);
        assert!(!ended.success);
        assert!(ended.stderr.contains("was left as it is"), "{ended:?}");
        assert!(ended.stderr.contains(path.to_str().unwrap()), "{ended:?}");
    }
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(fs::read_to_string(folder.path().join("mine.txt")).unwrap(), "mine");
}

#[test]
fn without_a_configuration_it_is_told_how_to_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("yiku.toml");
    let ended = yiku(&["--config", path.to_str().unwrap(), "status"]);
    assert!(!ended.success);
    assert!(ended.stderr.contains("yiku init FOLDER"), "{ended:?}");
}
