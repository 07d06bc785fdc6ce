//! The thread that reads a workbook and hands its rows over.

use std::{fs::File, io::BufReader, os::unix::fs::FileExt, sync::mpsc::SyncSender};

use calamine::{Dimensions, Reader, SheetType, SheetVisible, Xlsx, XlsxCellReader, XlsxError};

use super::{
    fault::Fault,
    sheet::{Message, SheetForm, SheetRow, damaged, hand_over},
    sheet_cell::{Cell, joined},
    sheet_size,
};

type Workbook = Xlsx<BufReader<File>>;

/// Reads the sheet to its end, as long as somebody takes its rows.
pub(crate) fn send(file: File, form: &SheetForm, from: u64, sender: &SyncSender<Message>) {
    let message = match read(file, form, from, sender) {
        Ok(()) => Message::End,
        Err(fault) => Message::Fault(fault),
    };
    hand_over(sender, message);
}

fn read(
    file: File,
    form: &SheetForm,
    from: u64,
    sender: &SyncSender<Message>,
) -> Result<(), Fault> {
    let mut first = [0; 8];
    // The library reads from the file's beginning, wherever it stands.
    let old = file.read_at(&mut first, 0).is_ok() && first == COMPOUND_FILE;
    let size = file.metadata().map_err(|_| damaged(1))?.len();
    sheet_size::judge(&file, size, &form.limits)?;
    let opened = Workbook::new(BufReader::new(file));
    let mut workbook = opened.map_err(|error| match (refused(&error), old) {
        (fault, true) if !matches!(error, XlsxError::Password) => Fault::unreadable(
            fault.place,
            "不是 Excel 2007 及以后版本的工作簿（.xls 或加密文件）：请另存为 .xlsx 后重新放入",
            "not a workbook of Excel 2007 or later, but .xls or encrypted: save it as .xlsx and \
             put it in again",
        ),
        (fault, _) => fault,
    })?;
    let sheet = choose(&workbook, form.sheet.as_deref())?;
    let merged = workbook.merge_cells_by_sheet_name(&sheet).map_err(|error| refused(&error))?;
    let reader = workbook.worksheet_cells_reader(&sheet).map_err(|error| refused(&error))?;
    let mut rows = Rows { reader, merged: Merged::new(merged), row: None, ended: false };
    let Some(first_data) = send_header(&mut rows, form, sender)? else { return Ok(()) };
    let from = from.max(first_data);
    let mut group = Vec::new();
    while let Some(row) = rows.next()? {
        if row.row < from {
            continue;
        }
        group.push(row);
        if group.len() == GROUP_ROWS
            && !hand_over(sender, Message::Rows(std::mem::take(&mut group)))
        {
            return Ok(());
        }
    }
    if !group.is_empty() {
        hand_over(sender, Message::Rows(group));
    }
    Ok(())
}

/// Finds the header, hands it over, and gives the row at which the rows begin; `None` when the
/// sheet is empty.
fn send_header(
    rows: &mut Rows<'_>,
    form: &SheetForm,
    sender: &SyncSender<Message>,
) -> Result<Option<u64>, Fault> {
    let skip = u64::from(form.skip);
    if form.header == 0 {
        hand_over(sender, Message::Header { row: skip, names: Vec::new(), first_column: 0 });
        return Ok(Some(skip + 1));
    }
    let header = loop {
        match rows.next()? {
            Some(row) if row.row <= skip => {}
            Some(row) => break row,
            None => return Ok(None),
        }
    };
    let last_row = header.row + u64::from(form.header) - 1;
    let first_column = header.cells.first().map_or(0, |(column, _)| *column);
    let width = header.cells.last().map_or(0, |(column, _)| column + 1 - first_column);
    if width > COLUMNS_MAX {
        let zh = format!("标题行超过 {COLUMNS_MAX} 列");
        let en = format!("the header has more than {COLUMNS_MAX} columns");
        return Err(Fault::unreadable(header.row, zh, en).with_raw(&joined(&header.cells)));
    }
    let mut names = vec![String::new(); width];
    for (column, cell) in &header.cells {
        names[column - first_column] = cell.text().unwrap_or_default().to_owned();
    }
    hand_over(sender, Message::Header { row: last_row, names, first_column });
    Ok(Some(last_row + 1))
}

/// The sheet of this name, or the first that people see.
fn choose(workbook: &Workbook, named: Option<&str>) -> Result<String, Fault> {
    let sheets = workbook.sheets_metadata();
    let chosen = match named {
        Some(name) => sheets.iter().find(|sheet| sheet.name == name),
        None => sheets.iter().find(|sheet| {
            sheet.visible == SheetVisible::Visible && sheet.typ == SheetType::WorkSheet
        }),
    };
    if let Some(sheet) = chosen {
        return Ok(sheet.name.clone());
    }
    let (zh, en) = match named {
        Some(name) => (
            format!("工作簿中没有名为“{name}”的工作表：请改正表名或连接器的 sheet"),
            format!("the workbook has no sheet `{name}`: rename the sheet or change `sheet`"),
        ),
        None => (
            "工作簿中没有可见的工作表：请取消隐藏，或在连接器中用 sheet 指明".into(),
            "the workbook has no visible sheet: unhide it, or name it by `sheet`".into(),
        ),
    };
    Err(Fault::unreadable(1, zh, en))
}

fn refused(error: &XlsxError) -> Fault {
    match error {
        XlsxError::Password => Fault::unreadable(
            1,
            "工作簿有密码保护，无法读取：请取消密码后重新放入",
            "the workbook is protected by a password: remove the password and put it in again",
        ),
        // The library's own words may quote a cell.
        _ => damaged(1),
    }
}

/// Cells grouped by row.
struct Rows<'a> {
    reader: XlsxCellReader<'a, BufReader<File>>,
    merged: Merged,
    /// The row whose first cell was read already.
    row: Option<SheetRow>,
    ended: bool,
}

impl Rows<'_> {
    /// The next row that holds something.
    fn next(&mut self) -> Result<Option<SheetRow>, Fault> {
        loop {
            if self.ended {
                return Ok(self.row.take().map(|row| self.merged.mark(row)));
            }
            let place = self.row.as_ref().map_or(1, |row| row.row);
            let Some(cell) = self.reader.next_cell().map_err(|_| damaged(place))? else {
                self.ended = true;
                continue;
            };
            let (row, column) = cell.get_position();
            let (row, column) = (u64::from(row) + 1, column as usize);
            let value = Cell::from(cell.get_value());
            if value.is_empty() {
                continue;
            }
            match &mut self.row {
                Some(current) if current.row == row => {
                    let in_order = current.cells.last().is_none_or(|(last, _)| *last < column);
                    if !in_order {
                        return Err(damaged(row));
                    }
                    current.cells.push((column, value));
                }
                Some(current) if current.row > row => return Err(damaged(current.row)),
                waiting => {
                    let next = SheetRow { row, cells: vec![(column, value)] };
                    if let Some(whole) = waiting.replace(next) {
                        return Ok(Some(self.merged.mark(whole)));
                    }
                }
            }
        }
    }
}

/// Merged areas in order of their first rows.
struct Merged {
    areas: Vec<Dimensions>,
    begun: usize,
    open: Vec<Dimensions>,
}

impl Merged {
    fn new(mut areas: Vec<Dimensions>) -> Self {
        areas.sort_unstable_by_key(|area| area.start);
        Self { areas, begun: 0, open: Vec::new() }
    }

    /// Marks the cells of a row that are covered by a merged area. Rows come in rising order.
    fn mark(&mut self, mut row: SheetRow) -> SheetRow {
        let at = u32::try_from(row.row - 1).unwrap_or(u32::MAX);
        while let Some(area) = self.areas.get(self.begun).filter(|area| area.start.0 <= at) {
            self.open.push(*area);
            self.begun += 1;
        }
        self.open.retain(|area| area.end.0 >= at);
        for area in &self.open {
            for column in area.start.1..=area.end.1.min(area.start.1 + COLUMNS_MAX as u32) {
                let column_at = column as usize;
                let covered = (at, column) != area.start;
                let place = row.cells.binary_search_by_key(&column_at, |(column, _)| *column);
                if let (true, Err(place)) = (covered, place) {
                    row.cells.insert(place, (column_at, Cell::merged()));
                }
            }
        }
        row
    }
}

/// How old and encrypted workbooks begin.
const COMPOUND_FILE: [u8; 8] = [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];
/// Rows handed over at once.
const GROUP_ROWS: usize = 256;
/// Columns that a sheet can have.
const COLUMNS_MAX: usize = 16_384;
