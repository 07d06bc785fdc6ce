//! A parcel as an Excel workbook of one sheet. All items are written as text, so no spreadsheet
//! takes one for a formula or a number that loses its digits.

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook, XlsxError};
use yiku_connector::{ConnectorError, Parcel, Refused};

use super::{CHANGE, OPERATION, operation};

/// The workbook's bytes, the same for the same parcel, and the rows that no cell can hold.
pub(crate) fn write(parcel: &Parcel) -> Result<(Vec<u8>, Vec<Refused>), ConnectorError> {
    if parcel.changes.len() >= ROWS_MAX {
        return Err(ConnectorError::Config(format!(
            "a sheet has {ROWS_MAX} rows, the parcel {} more than one header; use `format: csv`",
            parcel.changes.len()
        )));
    }
    let refused: Vec<Refused> = (0..parcel.changes.len())
        .filter(|index| parcel.cells.row(*index).cells().flatten().any(is_too_long))
        .map(|index| Refused {
            index,
            reason: format!("a cell of a sheet holds at most {CELL_UNITS_MAX} characters"),
        })
        .collect();
    let bytes = workbook(parcel, &refused).map_err(|error| ConnectorError::Unreadable {
        system: "Excel workbook".into(),
        problem: "the parcel cannot be written as a sheet; use `format: csv`".into(),
        cause: Some(Box::new(error)),
    })?;
    Ok((bytes, refused))
}

fn workbook(parcel: &Parcel, refused: &[Refused]) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    // The time of writing would make each repetition another file.
    let created = ExcelDateTime::from_ymd(2000, 1, 1)?;
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&created));
    let sheet = workbook.add_worksheet();
    for (column, name) in [OPERATION, CHANGE].into_iter().enumerate() {
        sheet.write_string(0, column as u16, name)?;
    }
    for (column, described) in parcel.columns.iter().enumerate() {
        sheet.write_string(0, column as u16 + 2, &described.name)?;
    }
    let mut row = 0;
    for (index, change) in parcel.changes.iter().enumerate() {
        if refused.iter().any(|refused| refused.index == index) {
            continue;
        }
        row += 1;
        sheet.write_string(row, 0, operation(*change))?;
        sheet.write_string(row, 1, change.number.to_string())?;
        for (column, cell) in parcel.cells.row(index).cells().enumerate() {
            if let Some(text) = cell {
                sheet.write_string(row, column as u16 + 2, text)?;
            }
        }
    }
    workbook.save_to_buffer()
}

fn is_too_long(cell: &str) -> bool {
    cell.len() > CELL_UNITS_MAX && cell.encode_utf16().count() > CELL_UNITS_MAX
}

/// Rows of a sheet.
const ROWS_MAX: usize = 1_048_576;
/// UTF-16 units of a cell.
const CELL_UNITS_MAX: usize = 32_767;
