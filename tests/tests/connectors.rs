//! `docs/connectors.md`: its examples are connectors, and its first page is the way of somebody who
//! has a file and five minutes.

use std::{fs, time::Duration};

use yiku_tests::{Hub, root};

fn guide() -> String {
    fs::read_to_string(root().join("docs/connectors.md")).expect("the guide is there")
}

/// The blocks of one language, as deep as they are indented.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim_start() != format!("```{language}") {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let inside = lines.by_ref().take_while(|line| line.trim_start() != "```");
        found.push(inside.map(|line| format!("{}\n", line.get(indent..).unwrap_or(""))).collect());
    }
    found
}

fn name_of(connector: &str) -> &str {
    let first = connector.lines().next().and_then(|line| line.strip_prefix("connector: "));
    first.expect("an example begins with its name")
}

#[test]
fn every_example_of_the_guide_can_be_registered() {
    let hub = Hub::new(&root().join("catalog"));
    hub.write("data/secrets/enterprise.url", "postgres://reader@127.0.0.1:1/register");
    hub.write("data/secrets/tax.url", "sqlite:tax.db");
    hub.write("data/secrets/case.token", "Bearer x");
    hub.write("data/secrets/credit.secret", "whsec");
    let examples = blocks(&guide(), "yaml");
    assert!(examples.len() > 5, "{examples:?}");
    for example in &examples {
        let name = name_of(example);
        hub.write(format!("{name}.yaml"), example);
        let ended = hub.yiku(&["connector", "add", &format!("{name}.yaml")]);
        assert!(ended.success, "{name}: {ended:?}");
    }
    let listed = hub.ask(&["connector", "list"]);
    assert_eq!(listed.as_array().map(Vec::len), Some(examples.len()), "{listed:#}");
}

#[test]
fn a_newcomer_with_a_file_is_led_from_preview_to_quarantine() {
    let hub = Hub::new(&root().join("catalog"));
    let text = blocks(&guide(), "csv").concat();
    let (gb18030, ..) = encoding_rs::GB18030.encode(&text);
    hub.write("in/户籍.csv", gb18030);
    let example = blocks(&guide(), "yaml").concat();
    let end = example[1..].find("connector: ").map_or(example.len(), |at| at + 1);
    let folder = hub.folder().join("in");
    let household =
        example[..end].replace("/srv/exchange/household", folder.to_str().expect("a plain path"));
    hub.write("household.yaml", &household);

    // A file is read once it was left alone for a while.
    let preview = hub.until("the file is there to read", || {
        let ended = hub.yiku(&["connector", "preview", "household.yaml"]);
        assert!(ended.success, "{ended:?}");
        (!ended.stdout.contains("no row to read")).then_some(ended)
    });
    assert!(preview.stdout.contains("2 rows looked at, 1 would be rejected"), "{preview:?}");
    assert!(preview.stdout.contains("check-digit citizen_id"), "{preview:?}");
    assert!(!preview.stdout.contains("431302197407073941"), "unmasked: {preview:?}");
    assert!(hub.yiku(&["connector", "list"]).stdout.contains('–'), "preview touches nothing");

    assert!(hub.yiku(&["connector", "add", "household.yaml"]).success);
    let run = hub.yiku(&["connector", "run", "household"]);
    assert!(run.stdout.contains("2 pulled, 1 accepted, 1 rejected"), "{run:?}");
    assert_eq!(hub.rejected("household").len(), 1);
    assert_eq!(hub.library_rows("population.person"), 1);
    hub.balances();
}

#[test]
fn what_does_not_fit_is_said_before_anything_is_registered() {
    let hub = Hub::new(&root().join("catalog"));
    let refused = |verb: &str, text: &str, expected: &str| {
        hub.write("one.yaml", format!("connector: one\n{text}"));
        let ended = hub.yiku(&["connector", verb, "one.yaml"]);
        assert!(!ended.success && ended.stderr.contains(expected), "{expected}: {ended:?}");
    };
    let source = "entry: public-security/household@1\nsource: { kind: files, folder: ../../in }\n";
    refused(
        "add",
        "grant: nobody\nsink: { kind: files, folder: o }\n",
        "there is no grant `nobody`",
    );
    let sink = "grant: housing-fund-population\nsink: { kind: files, foldr: o }\n";
    refused("add", sink, "unknown field `foldr`");
    refused("add", &source.replace("folder", "foldr"), "unknown field `foldr`");
    refused("add", &format!("{source}lod: full\n"), "line 4, column 1: `lod` is not known here");
    refused("run", source, "there is no connector `one.yaml`");
    hub.write("in/1.csv", "身份证号,姓名\n431302197407073941,李娜\n");
    let settled = source.replace("../../in", "../../in, settle: 0s");
    refused("check", &settled, "the columns there are: 身份证号, 姓名");
    assert!(hub.ask(&["connector", "list"]).as_array().is_some_and(Vec::is_empty));
}

#[test]
fn a_folder_without_a_file_is_said_to_have_none() {
    let hub = Hub::new(&root().join("catalog"));
    hub.write("in/readme.md", "");
    let text = "connector: one\nentry: public-security/household@1\n\
                source: { kind: files, folder: ../../in }\n";
    hub.write("one.yaml", text);
    for verb in ["check", "preview"] {
        let ended = hub.yiku(&["connector", verb, "one.yaml"]);
        assert!(ended.success && ended.stdout.contains("no row to read at present"), "{ended:?}");
    }
}

/// A change of its file ends a connector's task wherever it is, also while a batch is on its way.
#[test]
fn a_connector_that_is_changed_while_it_works_loses_and_doubles_nothing() {
    const ROWS: usize = 50_000;
    let (mut hub, _) = Hub::of_patients_on_their_way("");
    let rows = (0..ROWS).map(|row| format!("P{row},肖文{row},1,2026-03-05,12.50\n"));
    hub.write("in/1.csv", "no,name,sex,seen_on,fee\n".to_owned() + &rows.collect::<String>());
    hub.start();
    let (mut changes, mut accepted) = (0, 0);
    while accepted < ROWS as u64 && changes < 60 {
        changes += 1;
        let source = "source: { kind: files, folder: ../../in, settle: 0s }";
        let file = format!("entry: health/patient@1\nevery: 1s\n{source}\n# change {changes}\n");
        hub.connector("patients-in", &file);
        std::thread::sleep(Duration::from_secs(1));
        let status = hub.connector_status("patients-in");
        accepted = status.and_then(|one| one["accepted"].as_u64()).unwrap_or(0);
    }
    hub.connector_until("patients-in", |one| one["accepted"] == ROWS as u64);
    hub.settles();
    hub.balances();
    assert_eq!(hub.library_rows("population.patient"), ROWS as u64);
    assert!(hub.stop(), "{}", hub.log());
}
