//! `bench contract`: checking a row and writing its Avro body, on one core.
//!
//! Ours: a batch of cells, mapped by name, checked and encoded by the entry's contract. Beside:
//! what one would write with the usual crates, `jsonschema` (`iter_errors`, all formats checked)
//! and one kept `GenericDatumWriter` of `apache-avro`, from parsed `serde_json` values. The second
//! pair begins at bytes in memory: CSV here, read as a pushed body is, JSON Lines there. The third
//! figure is what one CEL rule costs.

use std::{hint::black_box, mem, sync::Arc, time::Instant};

use anyhow::{Result, ensure};
use apache_avro::{Decimal, Schema, types::Value as Avro, writer::datum::GenericDatumWriter};
use jsonschema::Validator;
use serde_json::{Map, Value};
use yiku_core::{
    batch::{Batch, Header, RowPlace},
    catalog::Catalog,
    contract::{Checked, Contract, MappedRow, Verdict, number},
    derive,
    entry::{DataItem, EntryVersion, ItemType, Rule, RuleForm, Text},
    mapping::Mapping,
    violation::Severity,
};

use super::{Figure, alternate};
use crate::household;
use crate::process;

/// Rows in memory; each measurement goes over them until a second has passed.
const ROWS: usize = 2000;

/// Measures.
pub fn run() -> Result<Vec<Figure>> {
    let catalog = household::catalog()?;
    let entry = household::entry(&catalog)?;
    let contract = Contract::compile(Arc::new(entry.clone()), &catalog.lists)?;
    let rows: Vec<Vec<String>> =
        (0..ROWS as u64).map(|number| household::row(entry, number)).collect();
    let plain = Plain::new(entry, &catalog)?;
    let batch = to_batch(entry, &rows);
    let values: Vec<Value> = rows.iter().map(|row| to_json(entry, row)).collect();
    let csv = to_csv(entry, &rows)?;
    let json = to_json_lines(&values)?;
    eprintln!("{} items, {} bytes of CSV a row", entry.items.len(), csv.len() / ROWS);

    let mut ours = Ours::new(&contract)?;
    ensure!(ours.take(&batch) == ROWS, "every row of the bench is right");
    ensure!(plain.take(&values)? == ROWS, "every row of the bench is right for jsonschema too");
    let cells = alternate(
        || speed(|| ours.take(black_box(&batch))),
        || speed(|| plain.take(black_box(&values)).expect("taken before")),
    );
    ensure!(ours.take_csv(&csv) == ROWS, "every row of the file is right");
    let whole = alternate(
        || speed(|| ours.take_csv(black_box(&csv))),
        || speed(|| plain.take_json(black_box(&json)).expect("taken before")),
    );
    let cel = cel_price(entry, &catalog, &batch)?;
    Ok(vec![
        Figure::speed("contract-from-cells", "rows/s", cells, "jsonschema+apache-avro", 6.0),
        Figure::speed("contract-from-bytes", "rows/s", whole, "serde_json+jsonschema+avro", 6.0),
        Figure::within("contract-cel-rule", "ns/row", cel, CEL_NS_MAX),
    ])
}

/// Nanoseconds that one CEL rule may add to a row.
const CEL_NS_MAX: f64 = 1000.0;

/// Rows a second of one core, over a second of it or more: by the time that the process computed,
/// whatever else the machine does and however many threads share the work.
fn speed(mut pass: impl FnMut() -> usize) -> f64 {
    let start = Instant::now();
    let computed = || {
        process::computed_seconds(std::process::id())
            .unwrap_or_else(|| start.elapsed().as_secs_f64())
    };
    let before = computed();
    let mut rows = 0;
    while computed() - before < 1.0 {
        rows += pass();
    }
    rows as f64 / (computed() - before)
}

/// What one CEL rule adds to a row, in nanoseconds: with one more than the entry has, and without.
fn cel_price(entry: &EntryVersion, catalog: &Catalog, batch: &Batch) -> Result<f64> {
    let mut more = entry.clone();
    more.rules.push(Rule {
        id: "in-loudi-by-cel".into(),
        form: RuleForm::Cel(r#"division.startsWith("4313")"#.into()),
        severity: Severity::Warn,
        message: Text::default(),
    });
    let with = Contract::compile(Arc::new(more), &catalog.lists)?;
    let without = Contract::compile(Arc::new(entry.clone()), &catalog.lists)?;
    let (mut with, mut without) = (Ours::new(&with)?, Ours::new(&without)?);
    let (with, without) =
        alternate(|| speed(|| with.take(batch)), || speed(|| without.take(batch)));
    Ok((1e9 / with - 1e9 / without).max(1.0))
}

/// Our way.
struct Ours<'c> {
    contract: &'c Contract,
    mapping: Mapping,
    row: MappedRow,
    work: Checked,
    batch: Batch,
}

impl<'c> Ours<'c> {
    fn new(contract: &'c Contract) -> Result<Self> {
        let mapping = Mapping::compile(None, contract)
            .map_err(|problems| anyhow::anyhow!("{}", problems[0]))?;
        let (row, work, batch) = (MappedRow::default(), Checked::default(), empty_batch());
        Ok(Self { contract, mapping, row, work, batch })
    }

    /// Rows taken.
    fn take(&mut self, batch: &Batch) -> usize {
        let bound = self.mapping.bind(&batch.header);
        self.work.body.clear();
        let mut taken = 0;
        for index in 0..batch.len() {
            bound.apply(batch, index, &mut self.row);
            let verdict = self.contract.check(&self.row, &mut self.work);
            taken += usize::from(verdict == Verdict::Accepted);
        }
        black_box(&self.work.body);
        taken
    }

    /// Rows taken from the bytes of a CSV file.
    fn take_csv(&mut self, csv: &[u8]) -> usize {
        let mut reader = csv::Reader::from_reader(csv);
        let header = Header::new(reader.headers().expect("a header"));
        self.batch.header = Arc::new(header);
        self.batch.cells.clear(self.batch.header.len());
        self.batch.places.clear();
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record).expect("a record") {
            let parts = (0..record.len()).map(|index| {
                let part = record.range(index).expect("a cell");
                (!part.is_empty()).then_some((part.start as u32, part.end as u32))
            });
            self.batch.cells.push_parts(record.as_slice(), parts);
            self.batch.places.push(RowPlace::default());
        }
        let batch = mem::replace(&mut self.batch, empty_batch());
        let taken = self.take(&batch);
        self.batch = batch;
        taken
    }
}

fn empty_batch() -> Batch {
    Batch::new(Arc::default(), "bench.csv")
}

/// The usual way.
struct Plain<'e> {
    entry: &'e EntryVersion,
    validator: Validator,
    schema: &'static Schema,
}

impl<'e> Plain<'e> {
    fn new(entry: &'e EntryVersion, catalog: &Catalog) -> Result<Self> {
        let schema = derive::json_schema(entry, &catalog.lists);
        let validator = derive::validator(&schema, &catalog.lists)?;
        // The writer borrows the schema, and the bench lives as long as the process.
        let schema = Box::leak(Box::new(Schema::parse(&derive::avro_schema(entry))?));
        Ok(Self { entry, validator, schema })
    }

    fn take(&self, values: &[Value]) -> Result<usize> {
        let writer = GenericDatumWriter::builder(self.schema).build()?;
        let mut body = Vec::new();
        let mut taken = 0;
        for value in values {
            if self.validator.iter_errors(value).next().is_none() {
                writer.write_value(&mut body, self.to_avro(value))?;
                taken += 1;
            }
        }
        black_box(&body);
        Ok(taken)
    }

    fn take_json(&self, lines: &[u8]) -> Result<usize> {
        let writer = GenericDatumWriter::builder(self.schema).build()?;
        let mut body = Vec::new();
        let mut taken = 0;
        for line in lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            let value: Value = serde_json::from_slice(line)?;
            if self.validator.iter_errors(&value).next().is_none() {
                writer.write_value(&mut body, self.to_avro(&value))?;
                taken += 1;
            }
        }
        black_box(&body);
        Ok(taken)
    }

    fn to_avro(&self, row: &Value) -> Avro {
        let fields = self.entry.items.iter().map(|item| {
            let field = match row.get(&item.name) {
                None | Some(Value::Null) => Avro::Union(0, Box::new(Avro::Null)),
                Some(value) if item.required => to_avro_value(item, value),
                Some(value) => Avro::Union(1, Box::new(to_avro_value(item, value))),
            };
            (item.name.clone(), field)
        });
        Avro::Record(fields.collect())
    }
}

fn to_avro_value(item: &DataItem, value: &Value) -> Avro {
    let text = value.as_str().unwrap_or_default();
    match item.kind {
        ItemType::Integer(_) => Avro::Long(value.as_i64().unwrap_or_default()),
        ItemType::Boolean => Avro::Boolean(value.as_bool().unwrap_or_default()),
        ItemType::Date(_) => {
            let date = text.parse::<chrono::NaiveDate>().unwrap_or_default();
            Avro::Date(date.to_epoch_days())
        }
        ItemType::DateTime => {
            let moment = chrono::DateTime::parse_from_rfc3339(text).unwrap_or_default();
            Avro::TimestampMillis(moment.timestamp_millis())
        }
        ItemType::Decimal { precision, scale, .. } => {
            let unscaled = number::decimal(text.as_bytes(), precision, scale).unwrap_or_default();
            Avro::Decimal(Decimal::from(unscaled.to_be_bytes()))
        }
        _ => Avro::String(text.to_owned()),
    }
}

fn to_batch(entry: &EntryVersion, rows: &[Vec<String>]) -> Batch {
    let header = Header::new(entry.items.iter().map(|item| item.name.as_str()));
    let mut batch = Batch::new(Arc::new(header), "bench");
    for row in rows {
        let cells = row.iter().map(|cell| (!cell.is_empty()).then_some(cell.as_str()));
        batch.push_row(RowPlace::default(), cells);
    }
    batch
}

fn to_json(entry: &EntryVersion, row: &[String]) -> Value {
    let mut object = Map::new();
    for (item, cell) in entry.items.iter().zip(row) {
        let value = match item.kind {
            _ if cell.is_empty() => continue,
            ItemType::Integer(_) => cell.parse::<i64>().map_or(Value::Null, Value::from),
            _ => Value::from(cell.as_str()),
        };
        object.insert(item.name.clone(), value);
    }
    Value::Object(object)
}

fn to_csv(entry: &EntryVersion, rows: &[Vec<String>]) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(entry.items.iter().map(|item| &item.name))?;
    rows.iter().try_for_each(|row| writer.write_record(row))?;
    Ok(writer.into_inner()?)
}

fn to_json_lines(values: &[Value]) -> Result<Vec<u8>> {
    let mut lines = Vec::new();
    for value in values {
        serde_json::to_writer(&mut lines, value)?;
        lines.push(b'\n');
    }
    Ok(lines)
}
