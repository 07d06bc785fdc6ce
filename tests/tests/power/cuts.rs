//! Two hundred cuts.

use std::{
    collections::BTreeMap,
    sync::{Mutex, OnceLock, mpsc},
    thread,
    time::Instant,
};

use yiku_tests::power::{Deed, Disk, Files, Loss, Seed};

use crate::{
    check,
    load::{self, Recorded},
};

/// A cut, and how its hub is looked at.
struct Cut {
    /// Records before it.
    records: usize,
    loss: Loss,
    serves: bool,
}

fn recorded() -> &'static Recorded {
    static RECORDED: OnceLock<Recorded> = OnceLock::new();
    RECORDED.get_or_init(load::record)
}

#[test]
fn two_hundred_cuts_lose_and_double_nothing() {
    let seed = std::env::var("YIKU_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(47);
    let recorded = recorded();
    let began = Instant::now();
    let cuts = cuts(recorded, &mut Seed(seed));
    let count = |deed: fn(&Deed) -> bool| {
        recorded.records.iter().filter(|(_, record)| deed(&record.deed)).count()
    };
    eprintln!(
        "cuts by YIKU_SEED={seed}: {} calls recorded, {} of them writes, {} syncs; {} pushes \
         answered, {} files, {} parcels delivered",
        recorded.records.len(),
        count(|deed| matches!(deed, Deed::Write(..))),
        count(|deed| matches!(deed, Deed::Sync)),
        recorded.pushes.len(),
        recorded.files.len(),
        recorded.parcels.len(),
    );
    // A load that does not reach these is no load.
    assert!(recorded.pushes.len() > 50 && recorded.parcels.len() > 10);
    for file in ["bus.db", "store.db", "bus.db-wal", "store.db-wal"] {
        let deeds = recorded.records.iter().filter(|(_, record)| record.file == file);
        let deeds: Vec<_> = deeds.map(|(_, record)| &record.deed).collect();
        assert!(deeds.contains(&&Deed::Sync), "{file} was never synced");
        assert!(deeds.iter().any(|deed| matches!(deed, Deed::Write(..))), "nothing in {file}");
    }
    let wrong = checked(recorded, cuts, seed);
    eprintln!("{CUTS} cuts, each tenth served: {:.0} s", began.elapsed().as_secs_f64());
    assert!(wrong.is_empty(), "{} of {CUTS}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Where to cut: half of them anywhere, half just before or after a sync.
fn cuts(recorded: &Recorded, seed: &mut Seed) -> BTreeMap<usize, Cut> {
    let all = recorded.records.len();
    let is_sync = |at: usize| recorded.records[at].1.deed == Deed::Sync;
    let syncs: Vec<usize> = (0..all).filter(|at| is_sync(*at)).collect();
    let mut cuts = BTreeMap::new();
    while cuts.len() < CUTS {
        let number = cuts.len();
        let records = match number % 4 {
            0 | 1 => 1 + seed.below(all),
            2 => syncs[seed.below(syncs.len())],
            _ => syncs[seed.below(syncs.len())] + 1,
        };
        let loss = [Loss::Torn, Loss::All, Loss::Torn, Loss::Nothing][number / 4 % 4];
        cuts.entry(records).or_insert(Cut { records, loss, serves: number % 10 == 0 });
    }
    cuts
}

/// Lays the files of each cut and looks at them; what is wrong, in words.
fn checked(recorded: &Recorded, cuts: BTreeMap<usize, Cut>, seed: u64) -> Vec<String> {
    let (give, take) = mpsc::sync_channel::<(Cut, u64, Files)>(2);
    let (take, wrong) = (Mutex::new(take), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..CHECKERS {
            scope.spawn(|| {
                loop {
                    let next = take.lock().expect("no checker panics with it").recv();
                    let Ok((cut, at, files)) = next else { return };
                    let look = if cut.serves { check::served } else { check::opened };
                    if let Err(problem) = look(recorded, at, &files) {
                        let Cut { records, loss, .. } = cut;
                        let problem = format!("after {records} records, lost {loss:?}: {problem}");
                        wrong.lock().expect("no checker panics with it").push(problem);
                    }
                }
            });
        }
        let (mut disk, mut taken) = (Disk::default(), 0);
        for (records, cut) in cuts {
            recorded.records[taken..records].iter().for_each(|(_, record)| disk.take(record));
            taken = records;
            let files = disk.cut(cut.loss, &mut Seed(seed ^ records as u64));
            let at = recorded.records[records - 1].0;
            give.send((cut, at, files)).expect("the checkers wait for it");
        }
        drop(give);
    });
    wrong.into_inner().expect("no checker panics with it")
}

/// The checks can fail: a disk that answers a sync and has not done it loses what was promised.
#[test]
fn a_disk_that_lies_is_noticed() {
    let recorded = recorded();
    let all = recorded.records.len();
    let mut noticed = 0;
    for part in 1..=LIES {
        // It lies for the last tenth before the cut.
        let records = all * part / LIES;
        let mut disk = Disk::default();
        for (number, (_, record)) in recorded.records[..records].iter().enumerate() {
            if number == records - all / 10 {
                disk.lies();
            }
            disk.take(record);
        }
        let files = disk.cut(Loss::All, &mut Seed(1));
        match check::opened(recorded, recorded.records[records - 1].0, &files) {
            Ok(()) => eprintln!("a lie before record {records} is not seen"),
            Err(problem) => {
                assert!(problem.contains("lost") || problem.contains("forgot"), "{problem}");
                noticed += 1;
            }
        }
    }
    assert_eq!(noticed, LIES);
}

const CUTS: usize = 200;
/// Hubs that are looked at side by side.
const CHECKERS: usize = 3;
const LIES: usize = 5;
