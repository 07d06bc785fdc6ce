//! The rows of a file whose bytes are in memory: the readers of this crate with no folder, no
//! position and no hub around them.

use std::{fs::File, sync::Arc};

use yiku_connector::{Limits, PullLimit};
use yiku_core::batch::{Batch, Header};

use super::{
    RAW_COLUMN,
    delimited::{Delimited, Form},
    encoding::{Charset, Encoding, detect_in},
    fault::Fault,
    jsonl::JsonLines,
    lines::{Lines, ReadError},
    sheet::{Sheet, SheetForm},
};

/// The form of a text file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TextForm {
    /// Cells between these characters, which are ASCII; the first row names the columns.
    Delimited(u8),
    /// One JSON object a line.
    JsonLines,
}

/// A text file in memory that is read.
pub struct TextInMemory<'b> {
    bytes: &'b [u8],
    charset: Charset,
    mark: u64,
    limits: Limits,
    body: TextBody<'b>,
}

enum TextBody<'b> {
    Delimited(u8, Delimited<&'b [u8]>),
    JsonLines(JsonLines<&'b [u8]>),
}

impl<'b> TextInMemory<'b> {
    /// Opens the file at its start. The error is the one row that says what is wrong with it.
    pub fn open(bytes: &'b [u8], form: TextForm, limits: Limits) -> Result<Self, Box<Batch>> {
        let read_at = |buffer: &mut [u8], at: u64| {
            let rest = bytes.get(at as usize..).unwrap_or_default();
            let count = rest.len().min(buffer.len());
            buffer[..count].copy_from_slice(&rest[..count]);
            Ok(count)
        };
        let found = never(detect_in(read_at, Encoding::Auto)).map_err(told)?;
        let (charset, mark) = (found.charset, found.mark as u64);
        let lines = lines(bytes, mark, 1, limits);
        let body = match form {
            TextForm::Delimited(delimiter) => {
                let begun = Delimited::begin(lines, with_header(delimiter, charset, limits));
                TextBody::Delimited(delimiter, never(begun).map_err(told)?)
            }
            TextForm::JsonLines => {
                let columns = Vec::new();
                TextBody::JsonLines(JsonLines::new(lines, charset, columns, limits.columns_max))
            }
        };
        Ok(Self { bytes, charset, mark, limits, body })
    }

    /// Reads rows until a limit is met; says whether the file has ended.
    pub fn read(&mut self, limit: PullLimit) -> (Batch, bool) {
        let origin = Arc::from(ORIGIN);
        never(match &mut self.body {
            TextBody::Delimited(_, reader) => reader.read(&origin, 0, limit),
            TextBody::JsonLines(reader) => reader.read(&origin, 0, limit),
        })
    }

    /// Opens the file anew and goes on where this reader stands, as a source does that is started
    /// again.
    pub fn resume(self) -> Self {
        let Self { bytes, charset, mark, limits, body } = self;
        let body = match body {
            TextBody::Delimited(delimiter, reader) => {
                let (line, offset) = reader.place();
                let form = with_header(delimiter, charset, limits);
                let begun = never(Delimited::begin(lines(bytes, mark, 1, limits), form));
                let begun = begun.unwrap_or_else(|_| panic!("the header was read before"));
                TextBody::Delimited(delimiter, begun.resume(lines(bytes, offset, line, limits)))
            }
            TextBody::JsonLines(reader) => {
                let (line, offset) = reader.place();
                let columns = reader.columns().to_vec();
                let lines = lines(bytes, offset, line, limits);
                TextBody::JsonLines(JsonLines::new(lines, charset, columns, limits.columns_max))
            }
        };
        Self { bytes, charset, mark, limits, body }
    }
}

/// Reads all rows of the first sheet of a workbook, at most `limit` at a time.
pub fn read_workbook(file: File, limits: Limits, limit: PullLimit) -> Vec<Batch> {
    let form = SheetForm { sheet: None, skip: 0, header: 1, columns: None, limits };
    let mut sheet = match Sheet::open(file, form, 0) {
        Ok(sheet) => sheet,
        Err(fault) => return vec![*told(fault)],
    };
    let origin = Arc::from(ORIGIN);
    let mut batches = Vec::new();
    loop {
        let (batch, ended) = sheet.read(&origin, 0, limit);
        batches.push(batch);
        if ended {
            return batches;
        }
    }
}

fn lines(bytes: &[u8], offset: u64, line: u64, limits: Limits) -> Lines<&[u8]> {
    let rest = &bytes[offset as usize..];
    Lines::new(rest, offset, line, bytes.len() as u64, limits.record_bytes_max)
}

fn with_header(delimiter: u8, charset: Charset, limits: Limits) -> Form<'static> {
    let columns_max = limits.columns_max;
    Form { charset, delimiter, skip: 0, header: 1, columns: None, columns_max }
}

fn told(fault: Fault) -> Box<Batch> {
    let mut batch = Batch::new(Arc::new(Header::new([RAW_COLUMN])), ORIGIN);
    fault.push(&mut batch, 0);
    Box::new(batch)
}

/// Bytes in memory are always read.
fn never<T, E: Into<ReadError>>(result: Result<T, E>) -> T {
    match result.map_err(Into::into) {
        Ok(value) => value,
        Err(ReadError::Shrunk) => panic!("bytes in memory do not shrink"),
        Err(ReadError::Io(error)) => panic!("bytes in memory cannot be read: {error}"),
    }
}

const ORIGIN: &str = "memory";
