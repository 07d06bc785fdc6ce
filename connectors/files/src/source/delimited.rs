//! CSV and TSV: records of cells, read line by line, so that a byte offset is a place to go on.
//!
//! Quotes are read as RFC 4180 has them: they mean something only at the beginning of a cell, and
//! two of them inside stand for one. A record with something behind a closing quote, with more or
//! fewer cells than the header, with a NUL byte, with bytes outside its encoding, or without a
//! closing quote within 8 MiB is a defect. When such a record spans several lines, only its first
//! line is: a quote that was never closed must not swallow the rows behind it. So the reader goes
//! on with the next line.

use std::{io::Read, sync::Arc};

use yiku_connector::PullLimit;
use yiku_core::{
    batch::{Batch, Header, RowPlace},
    violation::Code,
};

use super::{
    encoding::Charset,
    fault::{Fault, RAW_BYTES_MAX, kept, size_text},
    header,
    lines::{Found, Line, Lines, ReadError},
    split::{Malformed, Splitter, ends_open},
};

/// Reads the records of one file.
pub(crate) struct Delimited<R> {
    lines: Lines<R>,
    header: Arc<Header>,
    charset: Charset,
    splitter: Splitter,
    scratch: String,
}

/// The bytes of a record that is not yet taken.
#[derive(Clone, Copy)]
struct Record {
    /// Bytes of the record's text.
    to: usize,
    /// Bytes up to the next record.
    next: usize,
    /// Lines it spans.
    lines: u64,
}

/// What stands at the reader's place.
enum Peeked {
    /// A record; the first of its lines stands beside it.
    Record(Record, Line),
    /// A quote opens in this line and is not closed.
    Unclosed(Line),
    TooLong,
    End,
}

/// The line of a header and the names in it.
type Names = (u64, Vec<String>);

/// What the rows of a delimited file need beside its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form<'a> {
    pub(crate) charset: Charset,
    pub(crate) delimiter: u8,
    pub(crate) skip: u32,
    pub(crate) header: u32,
    pub(crate) columns: Option<&'a [String]>,
    pub(crate) columns_max: usize,
}

impl<R: Read> Delimited<R> {
    /// Reads the header that stands at the beginning of `lines`.
    pub(crate) fn begin(lines: Lines<R>, form: Form<'_>) -> Result<Result<Self, Fault>, ReadError> {
        let splitter = Splitter::new(form.delimiter);
        let header = Arc::new(Header::default());
        let charset = form.charset;
        let mut reader = Self { lines, header, charset, splitter, scratch: String::new() };
        for _ in 0..form.skip {
            match reader.lines.find(0)? {
                Found::Line(line) => reader.lines.take(line.next, 1),
                Found::TooLong => drop(reader.lines.skip_line(0)?),
                Found::End => break,
            }
        }
        let mut named = None;
        for row in 0..form.header {
            reader.lines.take_empty_lines()?;
            let names = match reader.read_names()? {
                Ok(names) => names,
                Err(fault) => return Ok(Err(fault)),
            };
            if row == 0 {
                named = names;
            }
        }
        let names = match (form.columns, named) {
            (Some(columns), _) => columns.to_vec(),
            // Not one line: an empty file has no rows, and nothing is wrong with that.
            (None, None) => Vec::new(),
            (None, Some((place, names))) => match header::judge(place, names, form.columns_max) {
                Ok(names) => names,
                Err(fault) => return Ok(Err(fault)),
            },
        };
        reader.header = Arc::new(Header::new(names));
        Ok(Ok(reader))
    }

    /// Goes on in the middle of a file, with the header read before.
    pub(crate) fn resume(self, lines: Lines<R>) -> Self {
        Self { lines, ..self }
    }

    /// Line and byte of the record that is read next.
    pub(crate) fn place(&self) -> (u64, u64) {
        (self.lines.line(), self.lines.offset())
    }

    /// Reads rows until a limit is met; says whether the file has ended.
    pub(crate) fn read(
        &mut self,
        origin: &Arc<str>,
        order: u64,
        limit: PullLimit,
    ) -> Result<(Batch, bool), ReadError> {
        let mut batch = Batch::new(self.header.clone(), origin.clone());
        loop {
            let found = self.lines.find(0)?;
            match found {
                Found::End => return Ok((batch, true)),
                Found::Line(line) if line.to == 0 => {
                    self.lines.take(line.next, 1);
                    continue;
                }
                _ if batch.len() >= limit.rows => return Ok((batch, false)),
                _ => {}
            }
            let place = RowPlace { place: self.lines.line(), order };
            let room = match batch.is_empty() {
                true => usize::MAX,
                false => limit.bytes.saturating_sub(batch.cells.bytes()),
            };
            let taken = match self.peek(found)? {
                Peeked::End => return Ok((batch, true)),
                Peeked::Record(record, first) => {
                    self.push_record(&mut batch, place, record, first, room)
                }
                Peeked::Unclosed(line) => {
                    self.push_fault(&mut batch, place, line, Broken::Unclosed, room)
                }
                Peeked::TooLong if RAW_BYTES_MAX > room => false,
                Peeked::TooLong => {
                    self.push_too_long(&mut batch, place)?;
                    true
                }
            };
            if !taken {
                return Ok((batch, false));
            }
        }
    }

    /// Takes one record and gives its cells as names with its line; `None` at the end.
    fn read_names(&mut self) -> Result<Result<Option<Names>, Fault>, ReadError> {
        let place = self.lines.line();
        let fault = |line: &[u8], charset: Charset| {
            let zh = "标题行无法读取：请检查引号、编码和分隔符";
            let en = "the header cannot be read: check quotes, encoding and delimiter";
            Ok(Err(Fault::unreadable(place, zh, en).with_raw(&charset.decode_lossy(line))))
        };
        let found = self.lines.find(0)?;
        match self.peek(found)? {
            Peeked::End => Ok(Ok(None)),
            Peeked::TooLong => fault(&[], self.charset),
            Peeked::Unclosed(line) => fault(self.lines.bytes(0, line.to), self.charset),
            Peeked::Record(record, _) => {
                let bytes = self.lines.bytes(0, record.to);
                let Some(text) = self.charset.decode(bytes, &mut self.scratch) else {
                    return fault(bytes, self.charset);
                };
                if self.splitter.split(text).is_err() || bytes.contains(&0) {
                    return fault(bytes, self.charset);
                }
                let mut cells = yiku_core::batch::Cells::new(self.splitter.len());
                self.splitter.push(text, &mut cells);
                let row = cells.row(0);
                let names = row.cells().map(|cell| cell.unwrap_or_default().to_owned()).collect();
                self.lines.take(record.next, record.lines);
                Ok(Ok(Some((place, names))))
            }
        }
    }

    /// Finds the record that begins here: one line, or more when a quote is open at its end.
    #[inline]
    fn peek(&mut self, found: Found) -> Result<Peeked, ReadError> {
        let first = match found {
            Found::Line(line) => line,
            Found::TooLong => return Ok(Peeked::TooLong),
            Found::End => return Ok(Peeked::End),
        };
        let mut open = self.opens(first, false);
        let mut record = Record { to: first.to, next: first.next, lines: 1 };
        while open {
            match self.lines.find(record.next)? {
                Found::Line(line) => {
                    open = self.opens(line, true);
                    record = Record { to: line.to, next: line.next, lines: record.lines + 1 };
                }
                Found::TooLong | Found::End => return Ok(Peeked::Unclosed(first)),
            }
        }
        Ok(Peeked::Record(record, first))
    }

    /// Whether a quote is open at the end of the line.
    #[inline]
    fn opens(&mut self, line: Line, open: bool) -> bool {
        let bytes = self.lines.bytes(line.from, line.to);
        if memchr::memchr(b'"', bytes).is_none() {
            return open;
        }
        // In GB18030 a delimiter such as `|` may be half of a character; quotes never are.
        let delimiter = self.splitter.delimiter();
        match self.charset {
            Charset::Gb18030 if delimiter >= 0x40 => {
                match self.charset.decode(bytes, &mut self.scratch) {
                    Some(text) => ends_open(text.as_bytes(), delimiter, open),
                    None => false,
                }
            }
            _ => ends_open(bytes, delimiter, open),
        }
    }

    /// Appends a record that was found, or the fault in it; `false` when there is no room.
    #[inline]
    fn push_record(
        &mut self,
        batch: &mut Batch,
        place: RowPlace,
        record: Record,
        first: Line,
        room: usize,
    ) -> bool {
        let bytes = self.lines.bytes(0, record.to);
        let broken = match self.charset.decode(bytes, &mut self.scratch) {
            None => Broken::Encoding,
            Some(_) if memchr::memchr(0, bytes).is_some() => Broken::Nul,
            Some(text) => match self.splitter.split(text) {
                Err(Malformed) => Broken::Quotes,
                Ok(()) if self.splitter.len() != self.header.len() => {
                    Broken::Ragged(self.splitter.len(), self.header.len())
                }
                Ok(()) => {
                    if text.len() > room {
                        return false;
                    }
                    self.splitter.push(text, &mut batch.cells);
                    batch.places.push(place);
                    self.lines.take(record.next, record.lines);
                    return true;
                }
            },
        };
        self.push_fault(batch, place, first, broken, room)
    }

    /// Appends a defect row for one line and goes on behind it.
    #[cold]
    fn push_fault(
        &mut self,
        batch: &mut Batch,
        place: RowPlace,
        line: Line,
        broken: Broken,
        room: usize,
    ) -> bool {
        let bytes = self.lines.bytes(0, line.to.min(RAW_BYTES_MAX));
        let raw = self.charset.decode_lossy(bytes);
        if kept(&raw).len() > room {
            return false;
        }
        let (code, zh, en) = broken.texts(self.charset);
        batch.push_unreadable(place, kept(&raw), code, &zh, &en);
        self.lines.take(line.next, 1);
        true
    }

    #[cold]
    fn push_too_long(&mut self, batch: &mut Batch, place: RowPlace) -> Result<(), ReadError> {
        let skipped = self.lines.skip_line(RAW_BYTES_MAX)?;
        let (bytes, digest) = (skipped.bytes, skipped.digest);
        let most = size_text(self.lines.record_bytes_max() as u64);
        let raw = self.charset.decode_lossy(&skipped.head);
        let zh = format!(
            "该行有 {bytes} 字节，超过 {most} 上限，只保留前 64 KiB（SHA-256 {digest}）：请检查换行符和引号"
        );
        let en = format!(
            "the line has {bytes} bytes, more than {most}; its first 64 KiB are kept (SHA-256 \
             {digest}): check line ends and quotes"
        );
        batch.push_unreadable(place, kept(&raw), Code::Unreadable, &zh, &en);
        Ok(())
    }
}

/// What is wrong with a record.
#[derive(Clone, Copy)]
enum Broken {
    Encoding,
    Nul,
    Quotes,
    Unclosed,
    Ragged(usize, usize),
}

impl Broken {
    fn texts(self, charset: Charset) -> (Code, String, String) {
        let name = charset.name();
        let (code, zh, en) = match self {
            Self::Encoding => (
                Code::Encoding,
                format!(
                    "含有不是 {name} 编码的字节：请按 {name} 重新导出，或在连接器中声明 encoding"
                ),
                format!(
                    "holds bytes that are not {name}: export it as {name}, or declare `encoding` \
                     in the connector"
                ),
            ),
            Self::Nul => (
                Code::Unreadable,
                "含有 NUL 字节：请重新导出该行".into(),
                "holds a NUL byte: export the row again".into(),
            ),
            Self::Quotes => (
                Code::Unreadable,
                "引号后面还有内容：单元格内的引号须写成两个".into(),
                "something stands behind a closing quote: a quote inside a cell is written twice"
                    .into(),
            ),
            Self::Unclosed => (
                Code::Unreadable,
                "引号没有结束：请补上引号，单元格内的引号须写成两个".into(),
                "a quote is never closed: close it; a quote inside a cell is written twice".into(),
            ),
            Self::Ragged(cells, columns) => (
                Code::Unreadable,
                format!("该行有 {cells} 个单元格，标题行有 {columns} 列：请检查分隔符和引号"),
                format!("{cells} cells for {columns} columns: check delimiters and quotes"),
            ),
        };
        (code, zh, en)
    }
}
