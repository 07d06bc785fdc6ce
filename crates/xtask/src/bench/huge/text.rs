//! Lines and files of text.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use anyhow::Result;

use super::{
    FILE_BYTES_MAX, Scale,
    trial::{Outcome, rows},
};
use crate::{bench::Figure, household};

/// A CSV file with a line of 100 MB in its middle.
pub async fn csv_line(program: &Path, scale: Scale) -> Result<Figure> {
    let catalog = household::catalog()?;
    let entry = household::entry(&catalog)?;
    let trial = scale.trial(program, "huge-csv-line").await?;
    let mut file = BufWriter::new(File::create(trial.input("a.csv"))?);
    let mut writer = csv::Writer::from_writer(&mut file);
    writer.write_record(entry.items.iter().map(|item| &item.name))?;
    rows(entry, 0, AROUND, |row| Ok(writer.write_record(row)?))?;
    writer.flush()?;
    drop(writer);
    fill(&mut file, scale.of(LINE_BYTES))?;
    file.write_all(b"\n")?;
    let mut writer = csv::Writer::from_writer(&mut file);
    rows(entry, AROUND, AROUND, |row| Ok(writer.write_record(row)?))?;
    writer.flush()?;
    drop(writer);
    file.flush()?;
    let rejected = Some(("a.csv".into(), AROUND + 2));
    let says = "its first 64 KiB are kept";
    trial.judge(&Outcome { accepted: 2 * AROUND, rejected, says, ..Outcome::default() }).await
}

/// A JSON Lines file with a line of 100 MB in its middle.
pub async fn json_line(program: &Path, scale: Scale) -> Result<Figure> {
    let catalog = household::catalog()?;
    let entry = household::entry(&catalog)?;
    let trial = scale.trial(program, "huge-json-line").await?;
    let mut file = BufWriter::new(File::create(trial.input("a.jsonl"))?);
    for (from, last) in [(0, false), (AROUND, true)] {
        rows(entry, from, AROUND, |row| Ok(writeln!(file, "{}", household::json(entry, row))?))?;
        if !last {
            file.write_all(b"{\"name\":\"")?;
            fill(&mut file, scale.of(LINE_BYTES))?;
            file.write_all(b"\"}\n")?;
        }
    }
    file.flush()?;
    let rejected = Some(("a.jsonl".into(), AROUND + 1));
    let says = "its first 64 KiB are kept";
    trial.judge(&Outcome { accepted: 2 * AROUND, rejected, says, ..Outcome::default() }).await
}

/// A CSV file of 2 GB: a million persons, again and again with the same values, so that the hub's
/// own files stay small.
pub async fn csv_file(program: &Path, scale: Scale) -> Result<Figure> {
    let catalog = household::catalog()?;
    let entry = household::entry(&catalog)?;
    let trial = scale.trial(program, "huge-csv-file").await?;
    let (bytes, persons) = (scale.of(2 << 30), scale.of(1_000_000));
    let path = trial.input("a.csv");
    let mut writer =
        csv::WriterBuilder::new().buffer_capacity(1 << 20).from_writer(File::create(&path)?);
    writer.write_record(entry.items.iter().map(|item| &item.name))?;
    let mut written = 0;
    while path.metadata()?.len() < bytes {
        rows(entry, 0, persons, |row| Ok(writer.write_record(row)?))?;
        written += persons;
        writer.flush()?;
    }
    drop(writer);
    let outcome = Outcome { accepted: written, persons: Some(persons), ..Outcome::default() };
    trial.judge(&outcome).await
}

/// A file that is one byte larger than any may be; it holds nothing and takes no room.
pub async fn refused_file(program: &Path, scale: Scale) -> Result<Figure> {
    let trial = scale.trial(program, "huge-refused-file").await?;
    File::create(trial.input("a.csv"))?.set_len(scale.of(FILE_BYTES_MAX) + 1)?;
    let rejected = Some(("a.csv".into(), 1));
    let says = "let the operator raise limits.file_bytes_max";
    trial.judge(&Outcome { rejected, says, ..Outcome::default() }).await
}

/// Writes so many letters.
fn fill(to: &mut impl Write, bytes: u64) -> Result<()> {
    let piece = [b'x'; 4096];
    for _ in 0..bytes / 4096 {
        to.write_all(&piece)?;
    }
    Ok(())
}

/// Rows before and behind a line.
const AROUND: u64 = 1_000;
const LINE_BYTES: u64 = 100 << 20;
