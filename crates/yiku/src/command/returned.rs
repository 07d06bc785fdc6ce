//! The report that returns rows to their department, and its corrected form coming in again.
//!
//! One row per rejected row, as it came: first the report's own columns (row number, report, where
//! it stood, what is wrong), then the department's columns. It alone shows values unmasked, to
//! their owner. In Excel the blamed cells are marked, with a note of what is wrong. Corrected and
//! unchanged in its own columns, the file goes in as it is by `yiku quarantine import`.

mod marks;

use std::{collections::HashMap, path::Path};

use anyhow::{Context, bail, ensure};
use rust_xlsxwriter::{Color, Format, Note, Workbook};
use yiku_core::{
    receipt::{Deed, Receipt},
    violation::Violation,
};
use yiku_store::{
    quarantine::{self, Quarantined},
    receipt,
};

use super::{Session, quarantine as command};
use crate::{clock, sheet, worker};
use marks::Marks;

/// Writes the report and marks its rows as returned.
pub(super) async fn write(
    session: &mut Session<'_>,
    rows: &[Quarantined],
    out: &Path,
) -> anyhow::Result<()> {
    let Some(first) = rows.first() else { bail!("no open row matches: nothing to return") };
    let entry = &first.row.entry;
    ensure!(
        rows.iter().all(|one| one.row.entry == *entry && one.row.columns == first.row.columns),
        "the rows are of several entries or sources: choose one with --connector or --entry"
    );
    let path = session.path(out);
    let at_ms = clock::now_ms();
    let report = format!("{}-{at_ms}", entry.as_str().replace('/', "-"));
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => write_csv(rows, &report, &path)?,
        Some("xlsx") => write_xlsx(rows, &Marks::new(session.hub, first), &report, &path)?,
        _ => bail!("name the report .csv or .xlsx"),
    }
    let ids: Vec<i64> = rows.iter().map(|one| one.id).collect();
    let mut tx = session.hub.store.begin().await?;
    let decided = quarantine::return_rows(&mut tx, &ids, &report, command::OPERATOR, at_ms).await?;
    let mut deed = Receipt::new("node/hub", Deed::QuarantineReturn, command::OPERATOR, at_ms);
    deed.department = Some(entry.department().to_owned());
    deed.entry = Some(entry.to_string());
    deed.counts = [("returned".to_owned(), decided.changed)].into();
    deed.note = report.clone();
    receipt::append(&mut tx, deed).await?;
    tx.commit().await?;
    session
        .line(format!(
            "{}: {} rows returned in report {report}; it holds values unmasked, hand it to {} only",
            path.display(),
            decided.changed,
            entry.department()
        ))
        .await
}

fn headings(row: &Quarantined) -> Vec<String> {
    let own = [ID, REPORT, PLACE, PROBLEM].map(str::to_owned);
    own.into_iter().chain(row.row.columns.iter().cloned()).collect()
}

fn own_cells(row: &Quarantined, report: &str) -> [String; 4] {
    let place = format!("{}:{}", row.row.origin, row.row.place);
    let problems: Vec<String> = row.row.violations.iter().map(problem).collect();
    [row.id.to_string(), report.to_owned(), place, problems.join("；")]
}

fn problem(violation: &Violation) -> String {
    match &violation.item {
        Some(item) => format!("{item}: {}", violation.zh),
        None => violation.zh.clone(),
    }
}

fn write_csv(rows: &[Quarantined], report: &str, path: &Path) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_path(path)
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    writer.write_record(headings(&rows[0]))?;
    for row in rows {
        let cells = row.cells().iter().map(|cell| cell.clone().unwrap_or_default());
        writer.write_record(own_cells(row, report).into_iter().chain(cells))?;
    }
    Ok(writer.flush()?)
}

fn write_xlsx(
    rows: &[Quarantined],
    marks: &Marks,
    report: &str,
    path: &Path,
) -> anyhow::Result<()> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    let (bold, marked) =
        (Format::new().set_bold(), Format::new().set_background_color(Color::Yellow));
    for (column, heading) in (0u16..).zip(headings(&rows[0])) {
        sheet.write_string_with_format(0, column, heading, &bold)?;
    }
    for (line, row) in (1u32..).zip(rows) {
        let own = own_cells(row, report);
        for (column, cell) in (0u16..).zip(&own) {
            sheet.write_string(line, column, cell)?;
        }
        let mut said = marks.of(row);
        for (index, cell) in row.cells().iter().enumerate() {
            let column = (own.len() + index) as u16;
            let text = cell.as_deref().unwrap_or_default();
            if let Some(said) = said.remove(&index) {
                sheet.write_string_with_format(line, column, text, &marked)?;
                sheet.insert_note(line, column, &Note::new(said).add_author_prefix(false))?;
            } else {
                sheet.write_string(line, column, text)?;
            }
        }
    }
    sheet.set_freeze_panes(1, 4)?;
    workbook.save(path).with_context(|| format!("cannot write `{}`", path.display()))
}

/// Takes a corrected report in: changed cells become fixes, then all its rows are sent through.
pub(super) async fn import(session: &mut Session<'_>, file: &Path) -> anyhow::Result<()> {
    let path = session.path(file);
    let table = sheet::read(&path)?;
    let column = |name: &str| {
        table.columns.iter().position(|own| own == name).with_context(|| {
            format!("`{}` lacks the column `{name}` of the report it came from", path.display())
        })
    };
    let (id_at, report_at) = (column(ID)?, column(REPORT)?);
    let mut rows = Vec::new();
    for (number, cells) in (2..).zip(&table.rows) {
        let id = cells[id_at].as_deref().and_then(|text| text.trim().parse::<i64>().ok());
        let id = id.with_context(|| format!("line {number}: `{ID}` is not a row's number"))?;
        let one = quarantine::show(&mut *session.hub.store.reader().await?, id).await?;
        ensure!(
            one.report.is_some() && one.report.as_deref() == cells[report_at].as_deref(),
            "line {number}: row {id} was not returned in report `{}`; leave the report's own \
             columns as they are",
            cells[report_at].as_deref().unwrap_or_default()
        );
        let by_name: HashMap<&str, &Option<String>> =
            table.columns.iter().map(String::as_str).zip(cells).collect();
        let corrected: Vec<Option<String>> = one
            .row
            .columns
            .iter()
            .zip(one.cells())
            .map(|(name, old)| by_name.get(name.as_str()).map_or(old, |cell| *cell).clone())
            .collect();
        if corrected != one.cells() {
            let mut tx = session.hub.store.begin().await?;
            quarantine::fix(&mut tx, id, &corrected, command::OPERATOR, clock::now_ms()).await?;
            tx.commit().await?;
        }
        rows.push(quarantine::show(&mut *session.hub.store.reader().await?, id).await?);
    }
    let decided = command::queue(session, &rows).await?;
    command::report(session, "queued", &decided).await?;
    for one in worker::redrive::catch_up(session.hub).await? {
        session
            .line(format!(
                "{} under version {}: {} accepted, {} rejected again",
                one.entry, one.version, one.accepted, one.rejected
            ))
            .await?;
    }
    worker::settle(session.hub).await
}

const ID: &str = "行号 id";
const REPORT: &str = "报告 report";
const PLACE: &str = "位置 place";
const PROBLEM: &str = "问题 problem";
