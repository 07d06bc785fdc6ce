//! Every target over its corpus and over mutations of it, as many and the same each time.
//!
//! Longer runs that look for new paths are `cargo xtask fuzz`; what they find is kept in the
//! corpus and is run here ever after.

mod mutation;

use std::{
    any::Any,
    collections::BTreeSet,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use yiku_fuzz::{TARGETS, Target};

use mutation::mutate;

#[test]
fn avro_body() {
    check("avro_body");
}

#[test]
fn catalog_yaml() {
    check("catalog_yaml");
}

#[test]
fn connector_yaml() {
    check("connector_yaml");
}

#[test]
fn contract() {
    check("contract");
}

#[test]
fn delimited() {
    check("delimited");
}

#[test]
fn entry_yaml() {
    check("entry_yaml");
}

#[test]
fn jsonl() {
    check("jsonl");
}

#[test]
fn mapping() {
    check("mapping");
}

#[test]
fn push_body() {
    check("push_body");
}

#[test]
fn sheet() {
    check("sheet");
}

#[test]
fn every_target_has_a_test_a_corpus_and_a_program() {
    let names: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    let here =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/main.rs"));
    let here = here.unwrap();
    let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
    for name in &names {
        assert!(here.contains(&format!("fn {name}()")), "{name} has no test");
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} has no program");
        let program = root().join(format!("fuzz/fuzz_targets/{name}.rs"));
        let program = fs::read_to_string(program).unwrap();
        assert!(program.contains(&format!("yiku_fuzz::{name}::run")), "{program}");
        assert!(corpus(name).len() >= 3, "{name} has too few seeds");
    }
    let folders = fs::read_dir(root().join("fuzz/corpus")).unwrap();
    let folders = folders.map(|folder| folder.unwrap().file_name().into_string().unwrap());
    assert_eq!(folders.collect::<BTreeSet<_>>(), names);
}

#[track_caller]
fn check(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target");
    let corpus = corpus(name);
    for (file, input) in &corpus {
        run(target, input, &format!("fuzz/corpus/{name}/{file}"));
    }
    let seeds: Vec<Vec<u8>> = corpus.into_iter().map(|(_, input)| input).collect();
    for number in 0..MUTATIONS {
        let input = mutate(&seeds, target.words, number);
        run(target, &input, &format!("mutation {number}"));
    }
}

#[track_caller]
fn run(target: &Target, input: &[u8], which: &str) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (target.run)(input))) {
        let name = target.name;
        let folder = tempfile::Builder::new().prefix("yiku-fuzz-").tempdir().unwrap().keep();
        let kept = folder.join("input");
        fs::write(&kept, input).unwrap();
        panic!(
            "{name}, {which}: {}\nthe input is kept: cp {} fuzz/corpus/{name}/<what it shows>",
            text(&*panic),
            kept.display()
        );
    }
}

fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words")
}

/// Names and contents of a target's corpus, in order.
fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = root().join("fuzz/corpus").join(name);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    let named = |path: PathBuf| {
        let content = fs::read(&path).unwrap();
        (path.file_name().unwrap().to_string_lossy().into_owned(), content)
    };
    files.into_iter().map(named).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Of each target.
const MUTATIONS: u64 = 10_000;
