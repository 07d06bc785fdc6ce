//! Workbooks, as small offices keep their lists.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use rust_xlsxwriter::Workbook;

use super::{Damage, Place, Writer};
use crate::demo::system::{Row, System};

/// Writes one workbook with one sheet. Rows go to a temporary file while they are written.
pub struct Xlsx {
    workbook: Workbook,
    part: PathBuf,
    target: PathBuf,
    rows: u32,
}

impl Xlsx {
    /// Begins the workbook with its header.
    pub fn new(system: &'static System, folder: &Path) -> Result<Self> {
        let name = format!("{}_001.xlsx", system.connector);
        let mut workbook = Workbook::new();
        let sheet = workbook.add_worksheet_with_constant_memory()?;
        for (index, column) in system.columns.iter().enumerate() {
            sheet.write_string(0, index as u16, column.name)?;
        }
        let part = folder.join(format!(".{name}.part"));
        Ok(Self { workbook, part, target: folder.join(name), rows: 1 })
    }
}

impl Writer for Xlsx {
    fn row(&mut self, row: &Row, damage: Damage) -> Result<Place> {
        let sheet = self.workbook.worksheet_from_index(0)?;
        for (index, cell) in row.iter().enumerate() {
            let Some(text) = cell.as_deref().filter(|text| !text.is_empty()) else { continue };
            if damage == Damage::Number(index) {
                let number: f64 = text.parse().context("only digits become a number")?;
                sheet.write_number(self.rows, index as u16, number)?;
            } else {
                sheet.write_string(self.rows, index as u16, text)?;
            }
        }
        self.rows += 1;
        let origin = self.target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Place { origin, place: u64::from(self.rows) })
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.workbook
            .save(&self.part)
            .with_context(|| format!("cannot write {}", self.part.display()))?;
        Ok(fs::rename(&self.part, &self.target)?)
    }
}
