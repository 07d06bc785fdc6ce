//! Workbooks of as many rows as a sheet can have.

use std::{fmt::Write, fs, path::Path};

use anyhow::Result;
use rust_xlsxwriter::Workbook;

use super::{
    Scale, WORKBOOK_BYTES_MAX,
    archive::{PIECE, check_sum, deflated},
    bomb,
    trial::Outcome,
};
use crate::{bench::Figure, dice::Dice, household};

/// A sheet of 1,048,576 rows, its texts within it.
pub async fn plain(program: &Path, scale: Scale) -> Result<Figure> {
    let catalog = household::catalog()?;
    let entry = household::entry(&catalog)?;
    let trial = scale.trial(program, "huge-xlsx-rows").await?;
    let rows = scale.of(SHEET_ROWS) as u32;
    let mut workbook = Workbook::new();
    workbook.set_tempdir(trial.ground.path())?;
    let sheet = workbook.add_worksheet_with_constant_memory()?;
    for (column, item) in entry.items.iter().enumerate() {
        sheet.write_string(0, column as u16, &item.name)?;
    }
    for row in 1..rows {
        for (column, cell) in household::row(entry, row.into()).iter().enumerate() {
            sheet.write_string(row, column as u16, cell)?;
        }
    }
    workbook.save(trial.input("a.xlsx"))?;
    drop(workbook);
    trial.judge(&Outcome { accepted: u64::from(rows) - 1, ..Outcome::default() }).await
}

/// A workbook with a table of texts, which is what Excel writes: as many of one letter as may be.
pub async fn shared(program: &Path, scale: Scale) -> Result<Figure> {
    let catalog = household::catalog()?;
    let entry = household::entry(&catalog)?;
    let trial = scale.trial(program, "huge-xlsx-texts").await?;
    // Each counts for its bytes and 40 more.
    let piece = ["<si><t>x</t></si>", "<si><t>y</t></si>", "<si><t>z</t></si>"].concat();
    let piece = piece.repeat(TEXTS_PIECE / piece.len());
    let room = piece.len() as u64 / 17 * (17 + 40);
    let times = scale.of(WORKBOOK_BYTES_MAX) / room - 1;
    let texts = deflated(b"<sst>", piece.as_bytes(), times, b"</sst>");
    let sum = check_sum(b"<sst>", piece.as_bytes(), times, b"</sst>");
    let mut sheet = String::from("<worksheet><sheetData>");
    let names = entry.items.iter().map(|item| item.name.clone()).collect();
    for (number, row) in [names, household::row(entry, 0)].into_iter().enumerate() {
        write!(sheet, "<row r=\"{}\">", number + 1)?;
        for cell in row {
            write!(sheet, "<c t=\"inlineStr\"><is><t>{cell}</t></is></c>")?;
        }
        sheet.push_str("</row>");
    }
    sheet.push_str("</sheetData></worksheet>");
    let zip = bomb::workbook(|zip| {
        zip.plain("xl/worksheets/sheet1.xml", &sheet);
        zip.packed("xl/sharedStrings.xml", &texts, sum, times * piece.len() as u64 + 11);
    });
    fs::write(trial.input("a.xlsx"), zip)?;
    trial.judge(&Outcome { accepted: 1, ..Outcome::default() }).await
}

/// A sheet with a cell of a gigabyte, packed as text is.
pub async fn cell(program: &Path, scale: Scale) -> Result<Figure> {
    let trial = scale.trial(program, "huge-xlsx-cell").await?;
    let mut dice = Dice::new(1, "cell", 0);
    let piece: Vec<u8> = (0..PIECE).map(|_| b'a' + dice.below(26) as u8).collect();
    let bytes = scale.of(CELL_BYTES);
    let stream = deflated(CELL, &piece, bytes / PIECE as u64, CELL_END);
    let zip = bomb::workbook(|zip| {
        zip.packed("xl/worksheets/sheet1.xml", &stream, 0, bytes);
    });
    fs::write(trial.input("a.xlsx"), zip)?;
    let rejected = Some(("a.xlsx".into(), 1));
    trial.judge(&Outcome { rejected, says: "mend the cell", ..Outcome::default() }).await
}

const CELL: &[u8] = b"<worksheet><sheetData><row r=\"1\"><c t=\"inlineStr\"><is><t>";
const CELL_END: &[u8] = b"</t></is></c></row></sheetData></worksheet>";
const CELL_BYTES: u64 = 1 << 30;
/// Bytes of texts that are packed at a time.
const TEXTS_PIECE: usize = 16 << 10;
/// Header included.
const SHEET_ROWS: u64 = 1_048_576;
