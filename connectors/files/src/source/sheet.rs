//! A sheet of an Excel workbook.
//!
//! The library that reads workbooks lends its reader from the workbook, and a sheet of a million
//! rows must not be held whole. So a thread owns both and hands rows over in small groups; it
//! ends when nobody takes them any more. A workbook that makes the library panic costs that
//! thread, and is reported as damaged.

use std::{
    collections::VecDeque,
    fs::File,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use yiku_connector::{Limits, PullLimit};
use yiku_core::batch::{Batch, Header, RowPlace};

use super::{
    fault::Fault,
    header,
    sheet_cell::{Cell, joined},
    sheet_rows,
};

/// Which rows of which sheet.
#[derive(Clone, Debug)]
pub(crate) struct SheetForm {
    pub(crate) sheet: Option<String>,
    pub(crate) skip: u32,
    pub(crate) header: u32,
    pub(crate) columns: Option<Vec<String>>,
    pub(crate) limits: Limits,
}

/// What the thread hands over.
pub(crate) enum Message {
    /// The header: row and names, and the column of the first.
    Header { row: u64, names: Vec<String>, first_column: usize },
    /// Some rows in order.
    Rows(Vec<SheetRow>),
    /// The workbook cannot be read from here on.
    Fault(Fault),
    /// The sheet has ended.
    End,
}

/// One row that holds at least one value, cells by column of the sheet.
pub(crate) struct SheetRow {
    /// From 1.
    pub(crate) row: u64,
    pub(crate) cells: Vec<(usize, Cell)>,
}

/// Reads the rows of one sheet.
pub(crate) struct Sheet {
    messages: Receiver<Message>,
    header: Arc<Header>,
    first_column: usize,
    waiting: VecDeque<SheetRow>,
    /// The row that is read next.
    next: u64,
    end: Option<Option<Fault>>,
}

impl Sheet {
    /// Opens the sheet and reads its header; rows before `from` are passed over.
    pub(crate) fn open(file: File, form: SheetForm, from: u64) -> Result<Self, Fault> {
        let (sender, messages) = sync_channel(GROUPS_WAITING_MAX);
        let (columns, columns_max) = (form.columns.clone(), form.limits.columns_max);
        let thread = thread::Builder::new().name("yiku-xlsx".into());
        let run = move || sheet_rows::send(file, &form, from, &sender);
        thread.spawn(run).map_err(|_| {
            let zh = "系统无法再创建线程，工作簿未能读取：请稍后重新放入该文件";
            let en = "the system has no thread left to read the workbook: put it in again later";
            Fault::unreadable(1, zh, en)
        })?;
        let mut sheet = Self {
            messages,
            header: Arc::new(Header::default()),
            first_column: 0,
            waiting: VecDeque::new(),
            next: from.max(1),
            end: None,
        };
        match sheet.messages.recv() {
            Ok(Message::Header { row, names, first_column }) => {
                let names = match columns {
                    Some(columns) => columns,
                    None => header::judge(row, names, columns_max)?,
                };
                sheet.header = Arc::new(Header::new(names));
                sheet.first_column = first_column;
                sheet.next = from.max(row + 1);
            }
            Ok(Message::Fault(fault)) => return Err(fault),
            Ok(Message::End) => sheet.end = Some(None),
            Ok(Message::Rows(_)) | Err(_) => return Err(damaged(1)),
        }
        Ok(sheet)
    }

    /// The row that is read next.
    pub(crate) fn place(&self) -> u64 {
        self.next
    }

    /// Reads rows until a limit is met; says whether the sheet has ended.
    pub(crate) fn read(
        &mut self,
        origin: &Arc<str>,
        order: u64,
        limit: PullLimit,
    ) -> (Batch, bool) {
        let mut batch = Batch::new(self.header.clone(), origin.clone());
        loop {
            self.receive();
            let Some(row) = self.waiting.front() else {
                let Some(fault) = self.end.as_mut().and_then(Option::take) else {
                    return (batch, true);
                };
                if batch.len() >= limit.rows {
                    self.end = Some(Some(fault));
                    return (batch, false);
                }
                fault.push(&mut batch, order);
                return (batch, true);
            };
            let bytes: usize = row.cells.iter().map(|(_, cell)| cell.bytes()).sum();
            let full = !batch.is_empty() && batch.cells.bytes() + bytes > limit.bytes;
            if batch.len() >= limit.rows || full {
                return (batch, false);
            }
            self.next = row.row + 1;
            let row = self.waiting.pop_front().expect("it stands in front");
            self.push(&mut batch, row, order);
        }
    }

    /// Makes sure that a row waits, if there is one.
    fn receive(&mut self) {
        while self.waiting.is_empty() && self.end.is_none() {
            match self.messages.recv() {
                Ok(Message::Rows(rows)) => self.waiting.extend(rows),
                Ok(Message::Header { .. }) => {}
                Ok(Message::Fault(fault)) => self.end = Some(Some(fault)),
                Ok(Message::End) => self.end = Some(None),
                Err(_) => self.end = Some(Some(damaged(self.next))),
            }
        }
    }

    fn push(&self, batch: &mut Batch, row: SheetRow, order: u64) {
        let width = self.header.len();
        let place = RowPlace { place: row.row, order };
        let columns = self.first_column..self.first_column + width;
        let outside = |cell: &&(usize, Cell)| !columns.contains(&cell.0) && !cell.1.is_empty();
        if let Some((column, _)) = row.cells.iter().find(outside) {
            let zh = format!("第 {} 列有值，但标题行没有该列：请补上列名或清空该列", column + 1);
            let en = format!(
                "column {} has a value but no name in the header: name the column or empty it",
                column + 1
            );
            return Fault::unreadable(row.row, zh, en)
                .with_raw(&joined(&row.cells))
                .push(batch, order);
        }
        let mut in_order: Vec<Option<&Cell>> = vec![None; width];
        for (column, cell) in &row.cells {
            if let Some(slot) = in_order.get_mut(column.wrapping_sub(self.first_column)) {
                *slot = Some(cell);
            }
        }
        batch.push_row(place, in_order.iter().map(|cell| cell.and_then(Cell::text)));
        for (column, cell) in in_order.iter().enumerate() {
            if let Some(defect) = cell.and_then(|cell| cell.defect.as_ref()) {
                batch.note_defect(column, defect.code, &defect.zh, &defect.en);
            }
        }
    }
}

/// Hands a message over; false when nobody takes it any more.
pub(crate) fn hand_over(sender: &SyncSender<Message>, message: Message) -> bool {
    sender.send(message).is_ok()
}

/// The workbook cannot be read.
pub(crate) fn damaged(row: u64) -> Fault {
    let zh = "工作簿已损坏，从此处起无法读取：请用 Excel 或 WPS 打开并另存为 .xlsx 后重新放入";
    let en = "the workbook is damaged from here on: open it in Excel or WPS, save it as .xlsx, and \
              put it in again";
    Fault::unreadable(row, zh, en)
}

/// Groups of rows that wait at most.
const GROUPS_WAITING_MAX: usize = 4;
