//! Catalog files with mistakes: what `yiku catalog` says, while a hub serves the version before.

use std::fs;

use yiku_tests::Hub;

use crate::{
    catalog,
    file_cases::{files_connector, neighbour_has},
    table::{Said, Table},
};

const ENTRY: &str = "catalog/entries/health/patient.yaml";

/// An edit of the entry: what is replaced, by what.
struct Edit {
    case: &'static str,
    from: &'static str,
    to: &'static str,
    command: &'static [&'static str],
}

const CHECK: &[&str] = &["catalog", "check"];
const PUBLISH: &[&str] = &["catalog", "publish", "health/patient"];

const EDITS: &[Edit] = &[
    Edit { case: "a field with a typo", from: "summary:", to: "sumary:", command: CHECK },
    Edit { case: "an unknown type", from: "type: date,", to: "type: dat,", command: CHECK },
    Edit { case: "an unknown code list", from: "list: sex,", to: "list: gender,", command: CHECK },
    Edit { case: "a key that is no item", from: "key: [no]", to: "key: [nr]", command: CHECK },
    Edit { case: "YAML that is none", from: "key: [no]", to: "key: [no", command: CHECK },
    Edit {
        case: "a rule that does not compile",
        from: "feeds:",
        to: "rules:\n  r: { cel: 'name ==', zh: 错, en: wrong }\nfeeds:",
        command: CHECK,
    },
    Edit {
        case: "a rule of an unknown item",
        from: "feeds:",
        to: "rules:\n  r: { cel: 'nome != \"x\"', zh: 错, en: wrong }\nfeeds:",
        command: CHECK,
    },
    Edit {
        case: "a rule that loops",
        from: "feeds:",
        to: "rules:\n  r: { cel: '[1,2].all(x, [1,2].all(y, x == y))', zh: 错, en: wrong }\nfeeds:",
        command: CHECK,
    },
    Edit {
        case: "a rule that is too costly",
        from: "feeds:",
        to: "rules:\n  r: { cel: '(REPEATED)', zh: 错, en: wrong }\nfeeds:",
        command: CHECK,
    },
    Edit {
        case: "a published version is changed",
        from: "length: 50",
        to: "length: 60",
        command: PUBLISH,
    },
    Edit {
        case: "a lossy change under a compatible version",
        from: "length: 50",
        to: "length: 5",
        command: PUBLISH,
    },
    Edit {
        case: "an item becomes required under a compatible version",
        from: "type: date, optional: true",
        to: "type: date",
        command: PUBLISH,
    },
];

#[test]
fn mistakes_in_the_catalog_are_told_with_place_and_remedy() {
    let mut hub = Hub::new(&catalog());
    hub.write("in/neighbour/1.csv", "no,name\nN1,肖文\n");
    files_connector(&hub, "neighbour", "", "");
    hub.start();
    let good = fs::read_to_string(hub.folder().join(ENTRY)).unwrap();
    let mut table = Table::new("catalog");
    for edit in EDITS {
        assert!(good.contains(edit.from), "{}", edit.case);
        let costly = vec!["name != \"x\""; 3_000].join(" && ");
        let mut text = good.replace(edit.from, &edit.to.replace("REPEATED", &costly));
        if edit.case.contains("compatible") {
            text = text.replace("version: \"1.0.0\"", "version: \"1.1.0\"");
        }
        hub.write(ENTRY, text);
        let ended = hub.yiku(edit.command);
        assert!(!ended.success, "{}: {ended:?}", edit.case);
        let said = [ended.stdout, ended.stderr].concat();
        table.row(edit.case, &Said::by_command(&edit.command.join(" "), &first(&said)));
    }
    hub.write(ENTRY, &good);
    let sex = fs::read_to_string(hub.folder().join("catalog/codelists/sex.yaml")).unwrap();
    hub.write("catalog/codelists/sex.yaml", sex.replace("unknown:", "include: [grade]\nunknown:"));
    let ended = hub.yiku(CHECK);
    assert!(!ended.success, "{ended:?}");
    let said = [ended.stdout, ended.stderr].concat();
    table.row(
        "code lists that include each other",
        &Said::by_command("catalog check", &first(&said)),
    );
    // The hub goes on with what was published.
    hub.write("in/neighbour/2.csv", "no,name\nN2,肖文\n");
    neighbour_has(&hub, 2);
    hub.settles();
    hub.balances();
    // A library that cannot be read must not lose what was merged, nor what comes meanwhile.
    hub.write("catalog/codelists/sex.yaml", &sex);
    let library = "catalog/libraries/population.yaml";
    let whole = fs::read_to_string(hub.folder().join(library)).unwrap();
    hub.write(library, whole.replace("key:", "kee:"));
    let ended = hub.yiku(CHECK);
    assert!(!ended.success, "{ended:?}");
    let said = [ended.stdout, ended.stderr].concat();
    table.row("a library that cannot be read", &Said::by_command("catalog check", &first(&said)));
    hub.write("in/neighbour/3.csv", "no,name\nN3,肖文\n");
    neighbour_has(&hub, 3);
    hub.write(library, whole);
    assert!(hub.yiku(CHECK).success);
    hub.until("every row is in the library", || {
        (hub.library_rows("population.patient") == 3).then_some(())
    });
    hub.write("catalog/codelists/sex.yaml", sex.replace("unknown:", "include: [grade]\nunknown:"));
    // Started anew it must not guess what the lists were.
    assert!(hub.stop(), "{}", hub.log());
    let refused = hub.yiku(&["serve"]);
    assert!(!refused.success, "{refused:?}");
    let mut said = Said::by_command("serve", &first(&refused.stderr));
    said.hide(&hub);
    table.row("the hub starts with a code list that cannot be read", &said);
    hub.write("catalog/codelists/sex.yaml", sex);
    hub.start();
    assert!(hub.yiku(CHECK).success);
    table.compare();
}

/// The first problems of a list; the last line counts them.
fn first(text: &str) -> String {
    let lines: Vec<&str> = text.trim().lines().filter(|line| line.contains(':')).collect();
    lines[..lines.len().min(3)].join("\n")
}
