//! The hub under load, recorded.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use yiku_tests::{
    Hub,
    power::{self, Disk, Loss, Record, Seed},
};

use crate::{
    catalog,
    subscriber::{Parcel, Subscriber},
    truth::{Export, Push, file, push},
};

/// What happened, with the length of the recording by which it had.
pub struct Recorded {
    /// Every call, with the place where its record ends.
    pub records: Vec<(u64, Record)>,
    /// When the catalog was published and the token made.
    pub ready_at: u64,
    /// Each request in its system's order, with the moment of its answer.
    pub pushes: Vec<(Push, u64)>,
    /// The files that arrived.
    pub files: Vec<Export>,
    /// Where they lie.
    pub source: PathBuf,
    /// What the subscriber got.
    pub parcels: Vec<Parcel>,
    /// The token of those who push.
    pub token: String,
    _folder: TempDir,
}

/// How a stretch of load ends.
#[derive(Clone, Copy, Eq, PartialEq)]
enum End {
    Stopped,
    Killed,
}

/// A sending system: its number, and what it sends next.
struct Sender {
    system: usize,
    next: u64,
    pushed: Vec<(Push, u64)>,
}

/// Runs the hub three times: until it is stopped, killed, stopped.
pub fn record() -> Recorded {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (recording, source) = (folder.path().join("recording"), folder.path().join("in"));
    let kill = folder.path().join("recording.kill");
    fs::create_dir(&source).expect("the folder can be written");
    let mut hub = Hub::unpublished(&catalog(), "");
    let data = fs::canonicalize(hub.folder().join("data")).expect("it was laid out");
    hub.set("LD_PRELOAD", power::recorder().to_str().expect("our own path"));
    hub.set(power::RECORDING, recording.to_str().expect("our own path"));
    hub.set(power::FOLDER, data.to_str().expect("our own path"));
    let length = &|| fs::metadata(&recording).map_or(0, |file| file.len());

    let ended = hub.yiku(&["catalog", "publish", "--all"]);
    assert!(ended.success, "{ended:?}");
    let token = hub.token("health");
    let ready_at = length();
    let subscriber = Subscriber::new(Vec::new(), &recording);
    lay_connectors(&hub, &source, &subscriber);
    let mut senders: Vec<Sender> =
        (0..SENDERS).map(|system| Sender { system, next: 0, pushed: Vec::new() }).collect();
    let mut files = Vec::new();
    for (end, stretch) in STRETCHES {
        hub.start();
        let until = Instant::now() + stretch;
        let stopping = AtomicBool::new(false);
        thread::scope(|scope| {
            for sender in &mut senders {
                let (hub, stopping, token) = (&hub, &stopping, &token);
                scope.spawn(move || sender.send(hub, token, stopping, length));
            }
            while Instant::now() < until {
                let export = file(files.len() as u64);
                hub.write(source.join("unfinished"), &export.text);
                fs::rename(source.join("unfinished"), source.join(&export.name))
                    .expect("within one folder");
                files.push(export);
                thread::sleep(FILE_EVERY);
            }
            match end {
                End::Stopped => stopping.store(true, Ordering::Relaxed),
                End::Killed => fs::write(&kill, "").expect("the folder can be written"),
            }
        });
        match end {
            End::Stopped => assert!(hub.stop(), "{}", hub.log()),
            End::Killed => {
                assert!(!hub.ends(), "it was killed");
                fs::remove_file(&kill).expect("it was written");
            }
        }
    }
    let records = power::read(&fs::read(&recording).expect("it was written"));
    is_whole(&records, &data);
    let pushes = senders.into_iter().flat_map(|sender| sender.pushed).collect();
    let parcels = subscriber.got();
    Recorded { records, ready_at, pushes, files, source, parcels, token, _folder: folder }
}

impl Sender {
    /// Sends until told to stop or nobody answers; what was not answered is sent again next time.
    fn send(
        &mut self,
        hub: &Hub,
        token: &str,
        stopping: &AtomicBool,
        length: &(dyn Fn() -> u64 + Sync),
    ) {
        while !stopping.load(Ordering::Relaxed) {
            let push = push(self.system, self.next);
            match send(hub, token, &push) {
                Some((200, _)) => self.pushed.push((push, length())),
                Some(other) => panic!("{}: {other:?}", push.key),
                None => return,
            }
            self.next += 1;
        }
    }
}

/// One request; `None` when no answer came.
pub fn send(hub: &Hub, token: &str, push: &Push) -> Option<(u16, String)> {
    let headers = [
        ("authorization", format!("Bearer {token}")),
        ("content-type", "application/x-ndjson".to_owned()),
        ("idempotency-key", push.key.clone()),
    ];
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    hub.try_http("POST", "/api/v1/entries/health/patient/rows", &headers, push.body.as_bytes())
}

/// A source that reads the folder, and a sink that leads to the subscriber.
pub fn lay_connectors(hub: &Hub, source: &Path, subscriber: &Subscriber) {
    hub.write("data/secrets/hook.secret", "a secret of thirty-two characters\n");
    let feed = format!(
        "entry: health/patient@1\nevery: 1s\nsource: {{ kind: files, folder: {}, \
         pattern: \"*.csv\", settle: 0s }}\n",
        source.display()
    );
    hub.connector("feed", &feed);
    hub.connector("out", &subscriber.connector());
}

/// The recorder has missed nothing: what it wrote down gives the folder's very bytes.
fn is_whole(records: &[(u64, Record)], data: &Path) {
    let mut disk = Disk::default();
    records.iter().for_each(|(_, record)| disk.take(record));
    let files = disk.cut(Loss::Nothing, &mut Seed(1));
    assert!(files.len() >= 4, "{:?}", files.keys());
    for (name, bytes) in files {
        let found = fs::read(data.join(&name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(found == bytes, "{name}: the recording gives another file");
    }
}

/// Systems that push at a time.
const SENDERS: usize = 4;
const FILE_EVERY: Duration = Duration::from_millis(150);
const STRETCHES: [(End, Duration); 3] = [
    (End::Stopped, Duration::from_millis(1500)),
    (End::Killed, Duration::from_millis(2500)),
    (End::Stopped, Duration::from_millis(1500)),
];
