//! Disks that are full at each step, one by one and at seeded moments.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use yiku_tests::{
    Hub,
    faults::{Faults, beginning},
    power::Seed,
};

use crate::{
    catalog,
    file_cases::{files_connector, neighbour_has},
    push,
    table::{Said, Table},
};

/// The last line that the hub has logged since then with these words, without time and module.
#[track_caller]
pub fn log_line(hub: &Hub, from: usize, words: &str) -> String {
    let line = hub.until(words, || {
        let log = hub.log();
        log[from..].lines().rfind(|line| line.contains(words)).map(str::to_owned)
    });
    let (_, line) = line.split_once("yiku").unwrap_or(("", &line));
    line.split_once(": ").map_or(line, |(_, line)| line).to_owned()
}

/// The newest fee of each card in the files of a folder.
#[track_caller]
pub fn cards_in(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files: BTreeSet<PathBuf> = entries.collect();
    let mut cards = BTreeMap::new();
    for file in files {
        assert_eq!(file.extension().unwrap(), "csv", "{file:?}");
        let text = fs::read_to_string(&file).unwrap();
        let mut lines = text.lines();
        let header: Vec<&str> = lines.next().unwrap().split(',').collect();
        let place = |name| header.iter().position(|column| *column == name).unwrap();
        for line in lines {
            let cells: Vec<&str> = line.split(',').collect();
            cards.insert(cells[place("no")].to_owned(), cells[place("fee")].to_owned());
        }
    }
    cards
}

/// A hub with a source, a sink that writes files, and somebody who pushes.
struct City {
    hub: Hub,
    faults: Faults,
    bearer: String,
    data: PathBuf,
    out: PathBuf,
    /// Files that were laid into the source's folder: each with nine good rows and a bad one.
    files: u64,
    /// Pushes that were answered with 200: each with one row.
    pushes: u64,
}

impl City {
    fn new() -> Self {
        let mut hub = Hub::new(&catalog());
        let bearer = push::bearer(&hub);
        let mut faults = Faults::of(&mut hub);
        faults.room();
        let (data, out) = (hub.folder().join("data"), hub.folder().join("out"));
        fs::create_dir(&out).unwrap();
        fs::create_dir_all(hub.folder().join("in/neighbour")).unwrap();
        files_connector(&hub, "neighbour", "", "");
        hub.connector(
            "out",
            "grant: patients\nevery: 1s\nsink: { kind: files, folder: ../../out, format: csv }\n",
        );
        hub.start();
        let mut this = Self { hub, faults, bearer, data, out, files: 0, pushes: 0 };
        this.file();
        assert_eq!(this.push(0).expect("it answers").0, 200);
        this.pushes = 1;
        this.everything_arrived();
        this
    }

    fn file(&mut self) {
        let number = self.files;
        let row = |row| format!("F{number}-{row},肖文,1,{number}.00\n");
        let rows: String = (0..9).map(row).collect();
        let text = format!("no,name,sex,fee\n{rows}F{number}-x,肖文,7,1.00\n");
        self.hub.write(format!("unfinished/{number:04}.csv"), text);
        let name = format!("{number:04}.csv");
        let folder = self.hub.folder();
        fs::rename(folder.join("unfinished").join(&name), folder.join("in/neighbour").join(name))
            .unwrap();
        self.files += 1;
    }

    /// Push number `number`; `None` when the hub has ended.
    fn push(&self, number: u64) -> Option<(u16, String)> {
        let key = format!("push-{number}");
        let headers = [
            ("authorization", self.bearer.as_str()),
            ("content-type", "application/x-ndjson"),
            ("idempotency-key", key.as_str()),
        ];
        let body = format!("{{\"no\":\"P{number}\",\"name\":\"肖文\",\"fee\":\"{number}.00\"}}\n");
        self.hub.try_http("POST", push::ROWS, &headers, body.as_bytes())
    }

    /// What the one who pushes reads.
    fn refused_push(&self) -> Said {
        let (status, body) = self.push(self.pushes).expect("it answers");
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
        Said { place: format!("{status} {}", text("code")), zh: text("zh"), en: text("en") }
    }

    /// Sends until it is taken: what was refused left nothing behind, what was taken counts once.
    fn push_again(&mut self) {
        let number = self.pushes;
        self.hub.until("a push is taken", || {
            self.push(number).filter(|answer| answer.0 == 200).map(drop)
        });
        self.pushes += 1;
    }

    fn log(&self, from: usize, words: &str) -> Said {
        let en = log_line(&self.hub, from, words);
        let mut said = Said { place: "log".into(), zh: String::new(), en };
        said.hide(&self.hub);
        said
    }

    /// What a command says that cannot do it.
    #[track_caller]
    fn refused(&self, words: &[&str]) -> Said {
        let ended = self.hub.yiku(words);
        assert!(!ended.success, "{ended:?}");
        let mut said = Said::by_command(&words.join(" "), &ended.stderr);
        said.hide(&self.hub);
        said
    }

    /// There is room again: it goes on by itself.
    fn has_room(&mut self) {
        self.faults.room();
        self.push_again();
        self.everything_arrived();
    }

    fn everything_arrived(&self) {
        let good = self.files * 9 + self.pushes;
        let all_there = || {
            let one = self.hub.connector_status("neighbour")?;
            let rows = (one["accepted"].as_u64()?, one["rejected"].as_u64()?);
            (rows == (self.files * 9, self.files) && one["error"].is_null()).then_some(())
        };
        self.hub.until("the files are read", all_there);
        self.hub.settles();
        assert_eq!(self.hub.library_rows("population.patient"), good);
        let cards = cards_in(&self.out);
        assert_eq!(cards.len() as u64, good, "{cards:?}");
        assert_eq!(self.hub.rejected("neighbour").len() as u64, self.files);
        self.hub.balances();
    }
}

#[test]
fn each_step_on_a_full_disk_is_told_and_gone_on_with() {
    let mut table = Table::new("disk");
    let mut city = City::new();
    both_databases(&mut city, &mut table);
    bus_only(&mut city, &mut table);
    store_only(&mut city, &mut table);
    receiver_only(&mut city, &mut table);
    stop(&mut city);
    starts(&mut city, &mut table);
    assert!(!city.hub.log().contains("panicked"), "{}", city.hub.log());
    for (case, said) in first_starts() {
        table.row(case, &said);
    }
    table.compare();
}

fn both_databases(city: &mut City, table: &mut Table) {
    city.faults.full(&[beginning(&city.data, "")]);
    let from = city.hub.log().len();
    city.file();
    table.row("the data folder: a file is read", &city.log(from, "run failed"));
    table.row("the data folder: a push", &city.refused_push());
    let resume = city.refused(&["connector", "resume", "neighbour"]);
    table.row("the data folder: a command that writes", &resume);
    assert!(city.hub.yiku(&["status"]).success, "what only reads goes on");
    city.has_room();
}

fn bus_only(city: &mut City, table: &mut Table) {
    city.faults.full(&[beginning(&city.data, "bus.db")]);
    city.file();
    let one = city.hub.connector_until("neighbour", |one| one["error"].is_string());
    table.row("`bus.db` only: a file is read", &Said::by_status(&one));
    table.row("`bus.db` only: a push", &city.refused_push());
    city.has_room();
}

fn store_only(city: &mut City, table: &mut Table) {
    city.faults.full(&[beginning(&city.data, "store.db")]);
    let from = city.hub.log().len();
    city.file();
    table.row("`store.db` only: carrying over", &city.log(from, "carrying"));
    table.row("`store.db` only: merging", &city.log(from, "merging"));
    // On the bus it is safe, so it counts; what is known of it cannot be looked up just now. (Once
    // a minute the use of a token is noted, too.)
    let first = city.push(city.pushes).expect("it answers");
    assert!([200, 507].contains(&first.0), "{first:?}");
    table.row("`store.db` only: a push sent again", &city.refused_push());
    let redrive = city.refused(&["quarantine", "redrive", "--connector", "neighbour"]);
    table.row("`store.db` only: rows are sent through again", &redrive);
    city.has_room();
}

fn receiver_only(city: &mut City, table: &mut Table) {
    city.faults.full(&[beginning(&city.out, "")]);
    city.file();
    let one = city.hub.connector_until("out", |one| one["error"].is_string());
    let mut said = Said::by_status(&one);
    said.hide(&city.hub);
    table.row("the receiver's folder: a delivery", &said);
    city.push_again();
    neighbour_has(&city.hub, city.files * 9);
    city.has_room();
}

/// A stop carries the logs into the databases: what has no room there stays in the logs.
fn stop(city: &mut City) {
    city.file();
    neighbour_has(&city.hub, city.files * 9);
    let exact = |name: &str| fs::canonicalize(city.data.join(name)).unwrap();
    let both = [exact("bus.db"), exact("store.db")];
    city.faults.full(&both);
    assert!(city.hub.stop(), "{}", city.hub.log());
    // The bus's writer may not come to it before the process ends.
    let refused = city.faults.refused();
    assert!(refused.iter().any(|(_, file)| file == "store.db"), "{refused:?}");
    for name in ["bus.db-wal", "store.db-wal"] {
        assert!(fs::metadata(city.data.join(name)).unwrap().len() > 0, "{name}");
    }
    city.faults.room();
    city.hub.start();
    city.everything_arrived();
    assert!(city.hub.stop(), "{}", city.hub.log());
}

fn starts(city: &mut City, table: &mut Table) {
    for (case, name) in [
        ("the data folder: the hub starts", ""),
        ("`bus.db` only: the hub starts", "bus.db"),
        ("`store.db` only: the hub starts", "store.db"),
    ] {
        city.faults.full(&[beginning(&city.data, name)]);
        let ended = city.hub.yiku(&["serve", "--stop-with-stdin"]);
        assert!(!ended.success, "{case}: {ended:?}");
        let last = ended.stderr.trim().lines().last().unwrap_or_default().to_owned();
        let mut said = Said::by_command("serve", &last);
        said.hide(&city.hub);
        // It depends on whether the bus's writer closed its files before the process ended.
        for words in ["(code: 4874) disk I/O error", "(code: 14) unable to open database file"] {
            said.replace(words, "(code: …)");
        }
        table.row(case, &said);
    }
    city.faults.room();
    city.hub.start();
    city.file();
    city.has_room();
}

/// A hub that finds no room for its own files, and what comes of it once there is.
fn first_starts() -> Vec<(&'static str, Said)> {
    let mut hub = Hub::unpublished(&catalog(), "");
    let mut faults = Faults::of(&mut hub);
    let data = hub.folder().join("data");
    let cases = [
        ("the data folder: the first start", ""),
        ("the data folder: the first start, once its lock is there", "digest.key"),
        ("the data folder: the first start, once its key is there", "store.db"),
        ("the data folder: the first start, once its store is there", "bus.db"),
    ];
    let said = cases.map(|(case, name)| {
        faults.full(&[beginning(&data, name)]);
        let ended = hub.yiku(&["catalog", "publish", "--all"]);
        assert!(!ended.success, "{case}: {ended:?}");
        let mut said = Said::by_command("catalog publish --all", &ended.stderr);
        said.hide(&hub);
        (case, said)
    });
    faults.room();
    assert!(hub.yiku(&["catalog", "publish", "--all"]).success);
    hub.start();
    hub.balances();
    said.into()
}

#[test]
fn disks_that_are_full_at_any_moment_lose_and_double_nothing() {
    let seed = std::env::var("YIKU_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(47);
    let mut dice = Seed(seed);
    let mut city = City::new();
    let disks = [
        beginning(&city.data, ""),
        beginning(&city.data, "bus.db"),
        beginning(&city.data, "store.db"),
        beginning(&city.out, ""),
    ];
    let (mut restarts, mut answers) = (0, BTreeMap::<u16, u32>::new());
    for moment in 0..MOMENTS {
        // From the first write on, or in the midst of a transaction, of a parcel, of a file.
        let room = [0, 700, 9_000, 60_000][moment / disks.len() % 4];
        let room = dice.below(room + 1) as u64;
        city.faults.room_for(&[(room, disks[moment % disks.len()].clone())]);
        let before = city.faults.refused().len();
        city.file();
        let until = Instant::now() + PATIENCE;
        while city.faults.refused().len() == before && Instant::now() < until {
            match city.push(city.pushes) {
                Some((200, _)) => city.pushes += 1,
                Some((status @ (500 | 503 | 507), _)) => *answers.entry(status).or_default() += 1,
                Some(other) => panic!("{other:?}"),
                None => break,
            }
            thread::sleep(Duration::from_millis(10));
        }
        thread::sleep(Duration::from_millis(50 * (moment as u64 % 5)));
        // Sometimes it is stopped while the disk is full.
        let stops = moment % 8 == 0 && !city.hub.has_ended();
        if stops {
            assert!(city.hub.stop(), "{}", city.hub.log());
        }
        city.faults.room();
        if stops {
            city.hub.start();
        } else if city.hub.has_ended() {
            restarts += 1;
            let log = city.hub.log();
            let last = log.trim().lines().last().unwrap_or_default();
            assert!(last.contains("then start the hub again"), "{log}");
            city.hub.start();
        }
        city.push_again();
    }
    city.everything_arrived();
    let refused = city.faults.refused();
    let kinds: BTreeSet<String> = refused
        .iter()
        .map(|(call, file)| match file.ends_with(".tmp") {
            true => format!("{call} parcel"),
            false => format!("{call} {file}"),
        })
        .collect();
    eprintln!(
        "{MOMENTS} moments by YIKU_SEED={seed}: {} calls refused ({kinds:?}), {restarts} restarts, \
         {} pushes taken, others answered {answers:?}",
        refused.len(),
        city.pushes
    );
    let expected = ["bus.db-wal", "store.db-wal", "store.db"].map(|file| format!("pwrite {file}"));
    for kind in expected.iter().map(String::as_str).chain(["create parcel", "write parcel"]) {
        assert!(kinds.contains(kind), "never refused: {kind}; {kinds:?}");
    }
    let log = city.hub.log();
    for step in [" carrying error", " merging error", "\"neighbour\" error", "\"out\" error"] {
        assert!(log.contains(step), "never told:{step}\n{log}");
    }
    assert!(!city.hub.log().contains("panicked"), "{}", city.hub.log());
    assert!(city.hub.stop(), "{}", city.hub.log());
}

/// A small file system of its own; none where mounting is not allowed.
struct Small<'a>(&'a Path);

impl<'a> Small<'a> {
    fn mount(at: &'a Path, size: &str) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let options = format!("size={size}");
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at);
        command.status().is_ok_and(|status| status.success()).then_some(Self(at))
    }

    fn grow(&self, size: &str) {
        let options = format!("remount,size={size}");
        let done = Command::new("mount").args(["-o", &options]).arg(self.0).status();
        assert!(done.is_ok_and(|status| status.success()));
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[test]
fn a_full_disk_loses_nothing_and_goes_on_once_there_is_room() {
    let mut hub = Hub::unpublished(&catalog(), "");
    let data = hub.folder().join("data");
    let Some(small) = Small::mount(&data, "6m") else {
        eprintln!("mounting is not allowed here: the full disk was not tested");
        return;
    };
    fs::create_dir_all(data.join("connectors")).unwrap();
    fs::create_dir_all(data.join("secrets")).unwrap();
    assert!(hub.yiku(&["catalog", "publish", "--all"]).success);
    let rows: String = (0..30_000).map(|row| format!("F{row},肖文肖文肖文肖文\n")).collect();
    hub.write("in/neighbour/1.csv", "no,name\n".to_owned() + &rows);
    files_connector(&hub, "neighbour", "", "");
    hub.start();
    // Bus or store, whichever comes first.
    hub.until("the full disk is told", || hub.log().contains(FULL).then_some(()));
    small.grow("200m");
    neighbour_has(&hub, 30_000);
    hub.settles();
    assert_eq!(hub.library_rows("population.patient"), 30_000);
    hub.balances();
    assert!(hub.stop(), "{}", hub.log());
    drop(small);
}

/// What the hub says of a full disk, after its name.
const FULL: &str = "is full; free space, nothing was lost";

const MOMENTS: usize = 32;
/// How long a moment waits for the first refusal.
const PATIENCE: Duration = Duration::from_secs(2);
