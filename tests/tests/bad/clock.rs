//! A clock that is set back, set back while the hub is stopped, and set forward and back again.

use serde_json::Value;
use yiku_tests::{Hub, faults::Faults};

use crate::{
    catalog,
    disk::{cards_in, log_line},
    file_cases::{files_connector, neighbour_has},
    push::{self, Push},
    table::{Said, Table},
};

const HOUR_S: i64 = 3_600;

/// A source, one whose files must have rested, a sink, and who pushes.
struct City {
    hub: Hub,
    faults: Faults,
    bearer: String,
    /// Changed so often.
    rounds: u64,
}

impl City {
    fn new() -> Self {
        let mut hub = Hub::new(&catalog());
        let bearer = push::bearer(&hub);
        let faults = Faults::of(&mut hub);
        std::fs::create_dir(hub.folder().join("out")).unwrap();
        for name in ["neighbour", "rested"] {
            std::fs::create_dir_all(hub.folder().join("in").join(name)).unwrap();
        }
        files_connector(&hub, "neighbour", "", "");
        hub.connector(
            "rested",
            "entry: health/patient@1\nevery: 1s\nsource: { kind: files, folder: ../../in/rested, \
             settle: 1s }\n",
        );
        hub.connector(
            "out",
            "grant: patients\nevery: 1s\nsink: { kind: files, folder: ../../out, format: csv }\n",
        );
        hub.start();
        Self { hub, faults, bearer, rounds: 0 }
    }

    /// One more of everything, and it arrives: new rows by each way, a newer row of the first.
    fn goes_on(&mut self) {
        self.rounds += 1;
        let round = self.rounds;
        let row =
            |way: &str| format!("no,name,fee\n{way}{round},肖文,1.00\n{way},肖文,{round}.00\n");
        for (name, way) in [("neighbour", "N"), ("rested", "R")] {
            self.hub.write(format!("in/{name}/{round}.csv"), row(way));
        }
        let body = format!("{{\"no\":\"P\",\"name\":\"x\",\"fee\":\"{round}.00\"}}\n");
        let key = format!("round-{round}");
        let push = Push { hub: &self.hub, bearer: self.bearer.clone() };
        let answer = push.send(&[("idempotency-key", &key)], body.as_bytes());
        assert_eq!(answer.0, 200, "{answer:?}");
        neighbour_has(&self.hub, 2 * round);
        self.hub.connector_until("rested", |one| one["accepted"] == 2 * round);
        self.hub.settles();
        assert_eq!(self.hub.library_rows("population.patient"), 2 * round + 3);
        let cards = cards_in(&self.hub.folder().join("out"));
        assert_eq!(cards.len() as u64, 2 * round + 3, "{cards:?}");
        for newest in ["N", "R", "P"] {
            assert_eq!(cards[newest], format!("{round}.00"), "the newer row wins: {cards:?}");
        }
        // The same once more brings the answer that there was, whatever the clock says.
        assert_eq!(push.send(&[("idempotency-key", &key)], body.as_bytes()), answer);
        self.hub.balances();
    }

    /// What the log says once, and what the status does.
    fn told(&self, from: usize, words: &str) -> Said {
        let line = log_line(&self.hub, from, words);
        let times = self.hub.log()[from..].matches(words).count();
        assert_eq!(times, 1, "said once a time:\n{}", self.hub.log());
        Said { place: "log".into(), zh: String::new(), en: rounded(&line) }
    }

    fn behind_s(&self) -> i64 {
        self.hub.ask(&["status"])["clock_behind_s"].as_i64().unwrap()
    }
}

/// A second more or less is nobody's fault.
fn rounded(line: &str) -> String {
    let near = |word: &str| {
        let seconds: i64 = word.parse().ok()?;
        [HOUR_S, 24 * HOUR_S].into_iter().find(|exact| (exact - seconds).abs() < 120)
    };
    let words = line.split(' ');
    let words = words.map(|word| near(word).map_or(word.to_owned(), |exact| exact.to_string()));
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_clock_that_is_set_stops_and_turns_round_nothing() {
    let mut table = Table::new("clock");
    let mut city = City::new();
    city.goes_on();
    assert_eq!(city.behind_s(), 0);

    let from = city.hub.log().len();
    city.faults.set_clock(-HOUR_S);
    table.row("it goes back an hour", &city.told(from, "the clock went back"));
    city.goes_on();
    let behind = city.behind_s();
    assert!((HOUR_S - 120..=HOUR_S).contains(&behind), "{behind}");
    let status = city.hub.yiku(&["status"]).stdout;
    let line = status.lines().find(|line| line.starts_with("the clock")).unwrap_or_default();
    let said = Said { place: "`status`".into(), zh: String::new(), en: rounded(line) };
    table.row("it is behind what was written", &said);

    let from = city.hub.log().len();
    city.faults.set_clock(0);
    city.told(from, "the clock went forward");
    city.goes_on();
    assert_eq!(city.behind_s(), 0);

    assert!(city.hub.stop(), "{}", city.hub.log());
    let from = city.hub.log().len();
    city.faults.set_clock(-HOUR_S);
    city.hub.start();
    table.row(
        "it goes back an hour while the hub is stopped",
        &city.told(from, "behind the newest receipt"),
    );
    city.goes_on();

    let from = city.hub.log().len();
    city.faults.set_clock(23 * HOUR_S);
    table.row("it goes forward a day", &city.told(from, "the clock went forward"));
    city.goes_on();
    let from = city.hub.log().len();
    city.faults.set_clock(-HOUR_S);
    table.row("it goes back that day", &city.told(from, "the clock went back"));
    city.goes_on();
    let began = history(&city.hub, "N");
    assert_eq!(began.len() as u64, city.rounds);
    assert!(began.is_sorted(), "the times of history never go back: {began:?}");
    assert!(city.hub.stop(), "{}", city.hub.log());
    assert!(!city.hub.log().contains("panicked"), "{}", city.hub.log());
    table.compare();
}

/// When each state of a key began, from the first to the last.
fn history(hub: &Hub, no: &str) -> Vec<String> {
    let trace = hub.yiku_with(&["trace", "population.patient", "--json"], &format!("{no}\n"));
    let story: Value =
        serde_json::from_str(&trace.stdout).unwrap_or_else(|e| panic!("{e} {trace:?}"));
    let mut states: Vec<(i64, String)> = story["states"]
        .as_array()
        .expect("a key has states")
        .iter()
        .map(|one| (one["from_change"].as_i64().unwrap(), one["from"].as_str().unwrap().into()))
        .collect();
    states.sort();
    states.into_iter().map(|(_, from)| from).collect()
}
