//! What every connector must do, as one suite that the tests of each kind call.
//!
//! [`check_source`]: reading everything at once, in any portions, and opened anew at any position
//! that was handed over all give the same rows in the same order, places and runs; limits are
//! kept; a drained source gives `None`; positions are JSON that people can read; a position that is
//! none is refused and not guessed at; acknowledging twice does no harm.
//!
//! [`check_sink`]: a parcel that is handed over again has the effect of one; withdrawn rows are
//! gone; what is not withdrawn stays; nasty texts arrive as they were sent; `check` and an empty
//! parcel change nothing.
//!
//! [`check_schema`]: the JSON Schema of a kind and the code agree on what a configuration may be.
//!
//! The suite panics with what was done and what differs, as tests do.

use std::{collections::BTreeMap, fmt::Debug, sync::Arc};

use serde_json::Value;
use yiku_core::{
    batch::{Batch, Cells},
    derive::{ColumnType, TableColumn},
};

use crate::{Change, ChangeKind, ConnectorError, Parcel, Position, Pull, PullLimit, Sink, Source};

/// A row as the suite compares it: cells joined by `|`, NULL as `∅`, and behind it what the source
/// found wrong: ` !code` for the row, ` !code@column` for a cell.
pub fn row_text(batch: &Batch, row: usize) -> String {
    let mut text = cells_text(batch.cells.row(row).cells());
    for defect in batch.defects.iter().filter(|defect| defect.row == row) {
        text.push_str(&format!(" !{}", defect.code));
        if let Some(column) = defect.column {
            text.push_str(&format!("@{}", batch.header.columns()[column]));
        }
    }
    text
}

/// Puts a source through everything that its contract asks.
///
/// `open` opens it at a position; `expected` are all its rows as [`row_text`] writes them.
pub async fn check_source(
    open: impl Fn(&Position) -> Result<Box<dyn Source>, ConnectorError>,
    expected: &[&str],
) {
    let start = Position::default();
    let at = |position: &Position| open(position).expect("opens at a position it handed over");
    let mut source = at(&start);
    source.check().await.expect("checks");
    let all = drain(&mut *source, PullLimit::default(), "everything at once").await;
    let told: Vec<&str> = all.rows.iter().map(|row| row.text.as_str()).collect();
    assert_eq!(told, expected, "everything at once");
    for _ in 0..2 {
        let more = source.pull(PullLimit::default()).await.expect("pulls when drained");
        assert!(more.is_none(), "a drained source gives None");
    }
    check_cuts(&at, &all).await;
    check_positions(&at, &all).await;
    check_last(&at, &all).await;
    check_nonsense(&open).await;
}

/// Reads in portions of several sizes, by the same source and opened anew for each portion.
async fn check_cuts(at: &impl Fn(&Position) -> Box<dyn Source>, all: &Drained) {
    let portions = [1, 2, 3, 7].map(|rows| PullLimit { rows, ..PullLimit::default() });
    let bytes = [1, 40, 300].map(|bytes| PullLimit { bytes, ..PullLimit::default() });
    for limit in portions.into_iter().chain(bytes) {
        let how = format!("with {limit:?}");
        let drained = drain(&mut *at(&Position::default()), limit, &how).await;
        same(&drained, all, &how);
        let how = format!("opened anew after every pull, with {limit:?}");
        let mut position = Position::default();
        let mut anew = Drained::default();
        // A source that reads all anew would begin once more behind the last run.
        while anew.open_run.is_some() || anew.runs.len() < all.runs.len() {
            let pull = at(&position).pull(limit).await.expect("pulls");
            let pull = pull.unwrap_or_else(|| panic!("{how}: it ended early"));
            position = written(&pull.position, &how);
            anew.add(pull, limit, &how);
        }
        same(&anew, all, &how);
    }
}

/// Opens at every position there is and reads the rest.
async fn check_positions(at: &impl Fn(&Position) -> Box<dyn Source>, all: &Drained) {
    let one = PullLimit { rows: 1, ..PullLimit::default() };
    let drained = drain(&mut *at(&Position::default()), one, "one by one").await;
    let (_, before_last) = drained.positions.split_last().unzip();
    for (position, read) in before_last.unwrap_or_default() {
        let how = format!("opened after row {read} at {}", position.0);
        let mut source = at(&written(position, &how));
        for _ in 0..2 {
            source.acknowledge(position).await.expect("acknowledges, also twice");
        }
        let rest = drain(&mut *source, PullLimit::default(), &how).await;
        assert_eq!(rest.rows, all.rows[*read..], "{how}");
    }
}

/// Behind the last row there is nothing, or, for a source that reads all anew, a greater run.
async fn check_last(at: &impl Fn(&Position) -> Box<dyn Source>, all: &Drained) {
    let Some((last, _)) = all.positions.last() else { return };
    let mut source = at(&written(last, "the last position"));
    source.acknowledge(last).await.expect("acknowledges the last position");
    if let Some(pull) = source.pull(PullLimit::default()).await.expect("pulls at its end") {
        let greatest = all.runs.iter().map(|(number, _)| *number).max();
        assert!(
            pull.run.begins && Some(pull.run.number) > greatest,
            "opened behind the last row, it gave rows that are no new run: {:?}",
            pull.run
        );
    }
}

async fn check_nonsense(open: &impl Fn(&Position) -> Result<Box<dyn Source>, ConnectorError>) {
    for nonsense in [Value::from("nonsense"), serde_json::json!({ "nonsense": [1] })] {
        let position = Position(nonsense.clone());
        let error = match open(&position) {
            Err(error) => error,
            Ok(mut source) => match source.pull(PullLimit::default()).await {
                Err(error) => error,
                Ok(_) => panic!("the position {nonsense} was taken for one"),
            },
        };
        let told = error.to_string();
        assert!(matches!(error, ConnectorError::Position(_)), "position {nonsense}: {told}");
    }
}

/// One row as it was handed over.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Told {
    text: String,
    columns: Vec<String>,
    place: u64,
    order: u64,
    run: u64,
}

/// All that a source gave until it gave None.
#[derive(Debug, Default)]
struct Drained {
    rows: Vec<Told>,
    /// Runs in order with their rows.
    runs: Vec<(u64, usize)>,
    /// Positions in order, with the rows before them.
    positions: Vec<(Position, usize)>,
    open_run: Option<u64>,
}

impl Drained {
    fn add(&mut self, pull: Pull, limit: PullLimit, how: &str) {
        let (batch, run) = (&pull.batch, &pull.run);
        let width = batch.header.len();
        assert_eq!(batch.cells.width(), width, "{how}: cells and header differ in width");
        assert_eq!(batch.cells.len(), batch.len(), "{how}: each row has a place");
        assert!(batch.len() <= limit.rows, "{how}: {} rows", batch.len());
        let bytes = batch.cells.bytes();
        assert!(bytes <= limit.bytes || batch.len() == 1, "{how}: {bytes} bytes");
        assert!(batch.defects.is_sorted_by_key(|defect| defect.row), "{how}: defects by row");
        for defect in &batch.defects {
            assert!(defect.row < batch.len(), "{how}: defect of a row that is not there");
            assert!(defect.column.is_none_or(|column| column < width), "{how}: defect's column");
            assert!(!defect.zh.is_empty() && !defect.en.is_empty(), "{how}: a defect says why");
        }
        assert!(!pull.position.is_start(), "{how}: a position that says nothing");
        match self.open_run {
            Some(number) => {
                assert_eq!((run.number, run.begins), (number, false), "{how}: the run goes on");
            }
            None => {
                let before = self.runs.last().map(|(number, _)| *number);
                let first_seen = self.positions.is_empty();
                assert!(run.begins || first_seen, "{how}: run {} did not begin", run.number);
                assert!(before.is_none_or(|before| before < run.number), "{how}: runs rise");
                self.runs.push((run.number, 0));
            }
        }
        self.open_run = (!run.ends).then_some(run.number);
        self.runs.last_mut().expect("it was just pushed").1 += batch.len();
        for (row, place) in batch.places.iter().enumerate() {
            self.rows.push(Told {
                text: row_text(batch, row),
                columns: batch.header.columns().to_vec(),
                place: place.place,
                order: place.order,
                run: run.number,
            });
        }
        self.positions.push((pull.position, self.rows.len()));
    }
}

async fn drain(source: &mut dyn Source, limit: PullLimit, how: &str) -> Drained {
    let mut drained = Drained::default();
    while let Some(pull) = source.pull(limit).await.unwrap_or_else(|e| panic!("{how}: {e}")) {
        drained.add(pull, limit, how);
        assert!(drained.positions.len() < PULLS_MAX, "{how}: it never ends");
    }
    assert_eq!(drained.open_run, None, "{how}: the last run did not end");
    drained
}

#[track_caller]
fn same(drained: &Drained, all: &Drained, how: &str) {
    assert_eq!(drained.rows, all.rows, "{how}");
    assert_eq!(drained.runs, all.runs, "{how}");
}

/// The position after it was stored and read back, as people would see it.
#[track_caller]
fn written(position: &Position, how: &str) -> Position {
    let text = serde_json::to_string(position).expect("a position is JSON");
    assert!(text.len() <= POSITION_BYTES_MAX, "{how}: a position of {} bytes", text.len());
    let back: Position = serde_json::from_str(&text).expect("a position is read back");
    assert_eq!(back, *position, "{how}: a position that JSON changes");
    back
}

fn cells_text<'a>(cells: impl Iterator<Item = Option<&'a str>>) -> String {
    cells.map(|cell| cell.unwrap_or("∅")).collect::<Vec<_>>().join("|")
}

/// What a receiver holds: rows by key, both as text with `|` between cells and `∅` for NULL.
pub type Received = BTreeMap<String, String>;

/// The columns of the suite's parcels, for [`crate::Access`]. The first two are the key.
pub fn sink_columns() -> Arc<[TableColumn]> {
    let column = |name: &str, zh: &str, column_type, required| TableColumn {
        name: name.into(),
        zh: zh.into(),
        column_type,
        required,
    };
    Arc::new([
        column("region", "地区", ColumnType::Text { max_length: 12 }, true),
        column("number", "序号", ColumnType::Integer, true),
        column("name", "名称", ColumnType::Text { max_length: 200 }, false),
        column("amount", "金额", ColumnType::Decimal { precision: 12, scale: 2 }, false),
        column("active", "有效", ColumnType::Boolean, false),
        column("born", "日期", ColumnType::Date, false),
        column("seen", "时间", ColumnType::DateTime, false),
    ])
}

/// The key of the suite's parcels, for [`crate::Access`].
pub fn sink_key() -> Arc<[usize]> {
    Arc::new([0, 1])
}

/// Puts a sink through everything that its contract asks.
///
/// `open` opens it; `received` tells what a receiver holds who took everything that arrived so
/// far, in order. Its texts are those of the parcel: canonical cells.
pub async fn check_sink(
    open: impl Fn() -> Result<Box<dyn Sink>, ConnectorError>,
    received: impl AsyncFn() -> Received,
) {
    let mut sink = open().expect("opens");
    sink.check().await.expect("checks");
    same_received(&received().await, &Received::new(), "after check");
    let mut held = Received::new();
    for (index, rows) in parcels().iter().enumerate() {
        let parcel = parcel(index, rows);
        apply(&mut held, &parcel);
        for how in ["at first", "repeated", "repeated by a sink opened anew"] {
            if how.ends_with("anew") {
                sink = open().expect("opens anew");
            }
            let how = format!("parcel {index} {how}");
            let settled = sink.deliver(&parcel).await.unwrap_or_else(|e| panic!("{how}: {e}"));
            assert_eq!(settled.refused, [], "{how}: refused");
            same_received(&received().await, &held, &how);
        }
    }
    sink.check().await.expect("checks after delivering");
    same_received(&received().await, &held, "after a second check");
}

type SentRow = (ChangeKind, [Option<&'static str>; 7]);

/// Parcels in the order in which they are sent.
fn parcels() -> Vec<Vec<SentRow>> {
    use ChangeKind::{Upsert, Withdraw};
    const SEEN: Option<&str> = Some("2026-11-02T08:00:00.120Z");
    let full = |region, number, name| {
        let born = Some("1974-07-07");
        (Upsert, [Some(region), Some(number), Some(name), Some("12.25"), Some("true"), born, SEEN])
    };
    let bare =
        |kind, region, number| (kind, [Some(region), Some(number), None, None, None, None, None]);
    vec![
        vec![full("431302", "1", "李娜"), full("431302", "2", "刘洋"), full("431381", "1", "王芳")],
        // A new value, a value that became NULL, a withdrawal, and one of a row never sent.
        vec![
            full("431302", "1", "李娜娜"),
            bare(Upsert, "431302", "2"),
            bare(Withdraw, "431381", "1"),
            bare(Withdraw, "431382", "99"),
        ],
        vec![],
        // What came back, and texts that break careless writers.
        vec![
            full("431381", "1", "back again"),
            full("=1+1", "-5", "=1+1"),
            full("n", "3", "a,b;c|d\te"),
            full("n", "4", "\"quoted\" 'single' \\N \\"),
            full("n", "5", "two\nlines\r\nand more"),
            full("n", "6", "𠮷㐀€ ½"),
            full("n", "7", " space around "),
            full("n", "8", "'=1+1"),
            full("n", "9", "@x"),
            full("n", "10", "+8613800000000"),
            full("n", "11", "-"),
            full("n", "12", "NULL"),
            full("n", "13", "%s $1 ? :x {}"),
        ],
        // Rows that share one half of the key stay.
        vec![bare(Withdraw, "431302", "1"), bare(Withdraw, "n", "3")],
    ]
}

fn parcel(index: usize, rows: &[SentRow]) -> Parcel {
    let columns = sink_columns();
    let mut cells = Cells::new(columns.len());
    let mut changes = Vec::new();
    for (at, (kind, row)) in rows.iter().enumerate() {
        changes.push(Change { kind: *kind, number: (index * 100 + at + 1) as u64 });
        cells.push_row(row.iter().copied());
    }
    Parcel {
        idempotency_key: format!("conformance:1:{index:04}").into(),
        subject: "population.person".into(),
        columns,
        key: sink_key(),
        changes: changes.into(),
        cells: cells.into(),
    }
}

fn apply(held: &mut Received, parcel: &Parcel) {
    for (change, row) in parcel.changes.iter().zip(parcel.cells.rows()) {
        let key = cells_text(parcel.key.iter().map(|column| row.get(*column)));
        match change.kind {
            ChangeKind::Upsert => drop(held.insert(key, cells_text(row.cells()))),
            ChangeKind::Withdraw => drop(held.remove(&key)),
        }
    }
}

#[track_caller]
fn same_received(received: &Received, held: &Received, how: &str) {
    assert_eq!(received, held, "what the receiver holds, {how}");
}

/// Holds a kind's JSON Schema and its code to one opinion: both take every configuration of
/// `good` and refuse every one of `bad`. `read` is what the kind does with its configuration.
pub fn check_schema<T, E: Debug>(
    schema: &str,
    read: impl Fn(Value) -> Result<T, E>,
    good: &[Value],
    bad: &[Value],
) {
    let schema: Value = serde_json::from_str(schema).expect("the schema is JSON");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["additionalProperties"], false, "unknown keys are refused");
    let properties = schema["properties"].as_object().expect("the schema has properties");
    // `kind` stands for the choice of this schema; the kind's own code never sees it.
    for (name, property) in properties.iter().filter(|(name, _)| *name != "kind") {
        let described = property["description"].as_str().is_some_and(|text| !text.is_empty());
        assert!(described, "`{name}` has a description, which the console and the docs show");
        let shown = good.iter().any(|config| config.get(name).is_some());
        assert!(shown, "`{name}` occurs in a good configuration");
    }
    let validator = jsonschema::validator_for(&schema).expect("the schema is a schema");
    let unknown = good.iter().map(|config| {
        let mut config = config.clone();
        config["nonsense"] = true.into();
        config
    });
    for config in good {
        if let Err(error) = validator.validate(config) {
            panic!("the schema refuses {config}: {error}");
        }
        if let Err(error) = read(config.clone()) {
            panic!("the code refuses {config}: {error:?}");
        }
    }
    for config in bad.iter().cloned().chain(unknown) {
        assert!(!validator.is_valid(&config), "the schema takes {config}");
        assert!(read(config.clone()).is_err(), "the code takes {config}");
    }
}

/// More pulls than any test source needs.
const PULLS_MAX: usize = 100_000;
/// A position is stored with every batch.
const POSITION_BYTES_MAX: usize = 64 << 10;
