//! Full pulls that bring less than there is: nothing may be deleted by mistake.

use yiku_tests::Hub;

use crate::{
    catalog,
    file_cases::{files_connector, neighbour_has, of_row},
    table::{Said, Table},
};

fn rows(letter: char, count: u32) -> String {
    let row = |number| format!("{letter}{number},肖文\n");
    std::iter::once("no,name\n".to_owned()).chain((0..count).map(row)).collect()
}

#[test]
fn a_broken_full_load_deletes_nothing() {
    let mut hub = Hub::new(&catalog());
    let whole = rows('B', 200);
    let cut = &whole[..whole.len() - 7];
    let without_keys: String = rows('C', 200)
        .lines()
        .map(|line| format!("{}\n", line.replace("C", "")))
        .map(|line| line.split_once(',').map_or(String::new(), |(_, name)| format!(",{name}")))
        .skip(1)
        .fold("no,name\n".into(), |all, line| all + &line);
    let few = rows('D', 196) + ",x\nD197,肖文\nD198,肖文\nD199,肖文\n";
    let cases = [
        ("loses-half", "a full load loses half its rows", 'A', rows('A', 100)),
        ("cut-short", "a full load is cut short in its last row", 'B', cut.to_owned()),
        ("without-keys", "a full load's key column is empty", 'C', without_keys),
        ("one-keyless", "a row of a full load has no key, and some are gone", 'D', few),
        ("empty", "a full load is an empty file", 'E', String::new()),
        ("header-only", "a full load is a header only", 'F', "no,name\n".into()),
        ("one-gone", "a full load lacks one row of 200", 'G', rows('G', 199)),
    ];
    for (name, _, letter, _) in &cases {
        hub.write(format!("in/{name}/1.csv"), rows(*letter, 200));
        files_connector(&hub, name, "", "load: full\n");
    }
    hub.write("in/neighbour/1.csv", "no,name\nN1,肖文\n");
    files_connector(&hub, "neighbour", "", "");
    hub.start();
    hub.settles();
    assert_eq!(hub.library_rows("population.patient"), 200 * 7 + 1, "{:#}", hub.ask(&["status"]));
    for (name, .., broken) in &cases {
        hub.write(format!("in/{name}/2.csv"), broken);
    }
    hub.write("in/neighbour/2.csv", "no,name\nN2,肖文\n");
    let mut table = Table::new("full");
    for (name, case, ..) in &cases {
        // The second file has an end: a stop, rows, or a note that it is done.
        hub.until(case, || {
            let status = hub.connector_status(name)?;
            let position = hub.yiku(&["connector", "position", name]).stdout;
            (status["error"].is_string() || position.contains("2.csv")).then_some(())
        });
        hub.until(case, || (hub.ask(&["status"])["settled"] == true).then_some(()));
        let status = hub.connector_status(name).unwrap();
        let held =
            hub.yiku(&["receipt", "list", "--actor", &format!("connector:{name}"), "--json"]);
        let said = match hub.rejected(name).first() {
            _ if status["error"].is_string() => Said::by_status(&status),
            Some(_) if *name == "one-keyless" => {
                let en = note(&held.stdout, "sweep-hold");
                Said { place: "receipt".into(), zh: String::new(), en }
            }
            Some(row) => of_row(row),
            None => {
                Said { place: "running".into(), zh: String::new(), en: note(&held.stdout, "sweep") }
            }
        };
        table.row(case, &said);
    }
    neighbour_has(&hub, 2);
    hub.settles();
    // All but the one row that is really gone.
    assert_eq!(hub.library_rows("population.patient"), 200 * 7 + 2 - 1);
    hub.balances();
    table.compare();
}

/// What the newest receipt of a deed says.
fn note(receipts: &str, deed: &str) -> String {
    let all: Vec<serde_json::Value> = serde_json::from_str(receipts).expect("a list");
    let last = all.iter().find(|one| one["deed"] == deed);
    let last = last.unwrap_or_else(|| panic!("no {deed} in {receipts}"));
    format!("{deed}: {}", last["note"].as_str().unwrap_or("1 row deleted"))
}
