//! The body of a push: NDJSON, a JSON array or CSV, perhaps packed with gzip, as one batch.

mod array;

use std::{
    collections::{HashMap, HashSet},
    io::Read,
    sync::Arc,
};

use axum::http::StatusCode;
use yiku_core::{
    batch::{Batch, Header, RowPlace},
    json_row::JsonRow,
    operation::Operation,
    violation::Code,
};

use array::Array;

/// The forms a body may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// One JSON object per line.
    Ndjson,
    /// A JSON array of objects.
    Json,
    /// Comma-separated, with a header.
    Csv,
}

/// A body that cannot be taken at all. Broken rows within a body are no such error.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BodyError {
    /// Rows do not come in this form.
    #[error("the content type is not one of application/x-ndjson, application/json, text/csv")]
    ContentType,
    /// Bodies are not packed so.
    #[error("the content encoding `{0}` is not known: send gzip or none")]
    Encoding(String),
    /// The body ended before its end.
    #[error("the body broke off before its end, nothing of it was taken; send it again")]
    CutOff,
    /// Nothing came for so many seconds.
    #[error(
        "nothing more of the body came for {0} seconds, nothing of it was taken; send it again"
    )]
    TooSlow(u64),
    /// It cannot be unpacked to its end.
    #[error("the body is not whole gzip: it was cut off or damaged on the way")]
    Gzip,
    /// It unpacks to more bytes than these.
    #[error("unpacked, the body is larger than {0} bytes: send it in parts")]
    TooLarge(usize),
    /// The byte, from 1, that fits no character.
    #[error("the body is not UTF-8: byte {0} fits no character")]
    Utf8(usize),
    /// Where it ceases to be an array of objects.
    #[error("the body is not a JSON array of objects: look at line {line}, character {column}")]
    Array {
        /// Its line, from 1.
        line: usize,
        /// The byte of the line.
        column: usize,
    },
    /// The header names no columns to tell cells apart by.
    #[error("the CSV header has {0}")]
    Header(HeaderProblem),
    /// More columns than a body may have.
    #[error("the body has more than {COLUMNS_MAX} columns")]
    Columns,
    /// More rows than a body may have.
    #[error("the body has more than {ROWS_MAX} rows: send it in parts")]
    Rows,
    /// More cells than a body may have.
    #[error("rows times columns are more than {CELLS_MAX}: send the body in parts")]
    Cells,
    /// Nothing to take.
    #[error("the body has no rows")]
    NoRows,
}

/// What is wrong with a CSV header.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum HeaderProblem {
    /// A column has no name.
    #[error("a column without a name")]
    Nameless,
    /// Two columns have one name.
    #[error("two columns of one name")]
    Doubled,
}

impl BodyError {
    /// Status and stable code.
    pub(crate) fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::ContentType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type"),
            Self::Encoding(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-encoding"),
            Self::CutOff => (StatusCode::BAD_REQUEST, "body-cut-off"),
            Self::TooSlow(_) => (StatusCode::REQUEST_TIMEOUT, "body-too-slow"),
            Self::Gzip => (StatusCode::BAD_REQUEST, "body-gzip"),
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "body-too-large"),
            Self::Utf8(_) => (StatusCode::BAD_REQUEST, "body-not-utf-8"),
            Self::Array { .. } => (StatusCode::BAD_REQUEST, "body-not-an-array"),
            Self::Header(_) => (StatusCode::BAD_REQUEST, "body-header"),
            Self::Columns | Self::Rows | Self::Cells => {
                (StatusCode::PAYLOAD_TOO_LARGE, "body-too-large")
            }
            Self::NoRows => (StatusCode::BAD_REQUEST, "body-without-rows"),
        }
    }

    /// What is wrong and what to do, in Chinese.
    pub fn zh(&self) -> String {
        match self {
            Self::ContentType => {
                "Content-Type 须为 application/x-ndjson、application/json 或 text/csv".into()
            }
            Self::Encoding(name) => {
                format!("不支持的 Content-Encoding“{name}”；请用 gzip 或不压缩")
            }
            Self::CutOff => "请求内容未传完即中断，未接收任何一行；请重新发送".into(),
            Self::TooSlow(seconds) => {
                format!("请求内容中断超过 {seconds} 秒，未接收任何一行；请重新发送")
            }
            Self::Gzip => "请求内容不是完整的 gzip：传输中被截断或损坏".into(),
            Self::TooLarge(bytes) => format!("请求内容（解压后）超过 {bytes} 字节；请分批发送"),
            Self::Utf8(byte) => format!("请求内容不是 UTF-8：第 {byte} 个字节不成字符"),
            Self::Array { line, column } => {
                format!("请求内容不是 JSON 对象数组；请查看第 {line} 行第 {column} 个字符")
            }
            Self::Header(HeaderProblem::Nameless) => "CSV 表头中有未命名的列".into(),
            Self::Header(HeaderProblem::Doubled) => "CSV 表头中有重名的列".into(),
            Self::Columns => format!("请求内容超过 {COLUMNS_MAX} 列"),
            Self::Rows => format!("请求内容超过 {ROWS_MAX} 行；请分批发送"),
            Self::Cells => format!("行数乘以列数超过 {CELLS_MAX}；请分批发送"),
            Self::NoRows => "请求内容中没有任何一行".into(),
        }
    }
}

impl Format {
    /// The form that a `Content-Type` names.
    pub fn of(content_type: &str) -> Result<Self, BodyError> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "application/x-ndjson" | "application/jsonl" => Ok(Self::Ndjson),
            "application/json" => Ok(Self::Json),
            "text/csv" => Ok(Self::Csv),
            _ => Err(BodyError::ContentType),
        }
    }

    /// The word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }
}

/// How a body is packed, as `Content-Encoding` names it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Packing {
    /// Not at all.
    Plain,
    /// With gzip, in one part or several.
    Gzip,
}

impl Packing {
    /// Reads the header's value.
    pub fn of(encoding: Option<&str>) -> Result<Self, BodyError> {
        let encoding = encoding.unwrap_or_default().trim().to_ascii_lowercase();
        match encoding.as_str() {
            "" | "identity" => Ok(Self::Plain),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            other => Err(BodyError::Encoding(other.chars().take(40).collect())),
        }
    }
}

/// Unpacks a body, to at most `bytes_max` bytes.
pub fn unpack(packing: Packing, body: Vec<u8>, bytes_max: usize) -> Result<Vec<u8>, BodyError> {
    match packing {
        Packing::Plain => Ok(body),
        Packing::Gzip => {
            let mut plain = Vec::new();
            let unpacked = flate2::read::MultiGzDecoder::new(body.as_slice());
            let bound = bytes_max as u64 + 1;
            unpacked.take(bound).read_to_end(&mut plain).map_err(|_| BodyError::Gzip)?;
            if plain.len() > bytes_max { Err(BodyError::TooLarge(bytes_max)) } else { Ok(plain) }
        }
    }
}

/// Reads a body as a batch of at least one row. A row that cannot be read stands in it as
/// unreadable. A row without the column `_operation`, where others have it, is an upsert.
pub fn read(format: Format, body: &[u8], origin: &str) -> Result<Batch, BodyError> {
    let text = std::str::from_utf8(body);
    let text = text.map_err(|error| BodyError::Utf8(error.valid_up_to() + 1))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let batch = match format {
        Format::Csv => read_csv(text, origin),
        Format::Ndjson => {
            let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
            batch_of(lines.map(|(index, line)| (index as u64 + 1, line)), origin)
        }
        Format::Json => {
            let array: Array<'_> = serde_json::from_str(text).map_err(|error| {
                // The parser's own words may quote a value.
                BodyError::Array { line: error.line(), column: error.column() }
            })?;
            judge_size(array.count, 1)?;
            let rows = array.rows.iter().enumerate();
            batch_of(rows.map(|(index, row)| (index as u64 + 1, row.get())), origin)
        }
    }?;
    if batch.is_empty() { Err(BodyError::NoRows) } else { Ok(batch) }
}

/// The rows are read twice: all their objects at once take many times the room of the body.
fn batch_of<'a>(
    rows: impl Iterator<Item = (u64, &'a str)> + Clone,
    origin: &str,
) -> Result<Batch, BodyError> {
    let columns = columns_of(rows.clone().map(|(_, text)| text))?;
    let index: HashMap<&str, usize> =
        columns.iter().enumerate().map(|(column, name)| (name.as_str(), column)).collect();
    let operation = index.get(OPERATION).copied();
    let mut batch = Batch::new(Arc::new(Header::new(columns.iter().cloned())), origin);
    for (place, text) in rows {
        let place = RowPlace { place, order: 0 };
        match JsonRow::parse(text) {
            Ok(row) => {
                let mut cells: Vec<Option<&str>> = vec![None; columns.len()];
                for (name, cell) in &row.cells {
                    cells[index[name.as_str()]] = cell.as_deref();
                }
                if let Some(operation) = operation {
                    cells[operation].get_or_insert(Operation::Upsert.as_str());
                }
                batch.push_row(place, cells);
            }
            Err(error) => batch.push_unreadable(
                place,
                text,
                Code::Unreadable,
                &format!("不是每列一个值的 JSON 对象，问题在第 {} 个字节处", error.column),
                &format!("no JSON object with one value per column; look at byte {}", error.column),
            ),
        }
    }
    Ok(batch)
}

/// Every name of every row, in the order in which they come up; refused if rows, names or both
/// together are more than a body may have.
fn columns_of<'a>(rows: impl Iterator<Item = &'a str>) -> Result<Vec<String>, BodyError> {
    let mut columns: Vec<String> = Vec::new();
    let mut known: HashSet<String> = HashSet::new();
    for (index, text) in rows.enumerate() {
        for (name, _) in JsonRow::parse(text).unwrap_or_default().cells {
            if !known.contains(&name) {
                known.insert(name.clone());
                columns.push(name);
                if columns.len() > COLUMNS_MAX {
                    return Err(BodyError::Columns);
                }
            }
        }
        judge_size(index + 1, columns.len())?;
    }
    if columns.is_empty() {
        columns.push("row".into());
    }
    Ok(columns)
}

fn judge_size(rows: usize, columns: usize) -> Result<(), BodyError> {
    if rows > ROWS_MAX {
        return Err(BodyError::Rows);
    }
    if rows.saturating_mul(columns) > CELLS_MAX { Err(BodyError::Cells) } else { Ok(()) }
}

fn read_csv(text: &str, origin: &str) -> Result<Batch, BodyError> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|_| BodyError::NoRows)?.clone();
    let mut columns: Vec<String> = Vec::new();
    for name in header.iter().map(str::trim) {
        if name.is_empty() {
            return Err(BodyError::Header(HeaderProblem::Nameless));
        }
        if columns.iter().any(|column| column == name) {
            return Err(BodyError::Header(HeaderProblem::Doubled));
        }
        columns.push(name.to_owned());
        if columns.len() > COLUMNS_MAX {
            return Err(BodyError::Columns);
        }
    }
    if columns.is_empty() {
        return Err(BodyError::NoRows);
    }
    let operation = columns.iter().position(|name| name == OPERATION);
    let mut batch = Batch::new(Arc::new(Header::new(columns)), origin);
    let mut record = csv::StringRecord::new();
    let mut lines = LineCount::new(text);
    while let Ok(true) = reader.read_record(&mut record) {
        let line = lines.line_at(record.position().map_or(0, csv::Position::byte) as usize);
        let place = RowPlace { place: line, order: 0 };
        if record.len() == batch.header.len() {
            let cells = record.iter().enumerate().map(|(column, cell)| match cell {
                "" if Some(column) == operation => Some(Operation::Upsert.as_str()),
                "" => None,
                cell => Some(cell),
            });
            batch.push_row(place, cells);
        } else {
            let (has, wants) = (record.len(), batch.header.len());
            let raw = record.iter().collect::<Vec<_>>().join(",");
            batch.push_unreadable(
                place,
                &raw,
                Code::Unreadable,
                &format!("该行有 {has} 列，表头有 {wants} 列"),
                &format!("the row has {has} cells, the header {wants}"),
            );
        }
        judge_size(batch.len(), batch.header.len())?;
    }
    Ok(batch)
}

/// Counts the lines of a text up to its records. The reader of CSV takes the line ends before a
/// record for a part of it, and knows LF alone.
struct LineCount<'t> {
    text: &'t [u8],
    at: usize,
    line: u64,
}

impl<'t> LineCount<'t> {
    fn new(text: &'t str) -> Self {
        Self { text: text.as_bytes(), at: 0, line: 1 }
    }

    /// The line, from 1, of the record that begins at a byte behind those asked for before, or
    /// behind line ends there. A line ends with LF, CR LF or CR.
    fn line_at(&mut self, byte: usize) -> u64 {
        let is_end = |byte: &&u8| matches!(byte, b'\n' | b'\r');
        let to = byte + self.text[byte..].iter().take_while(is_end).count();
        for at in self.at..to {
            let ends = match self.text[at] {
                b'\n' => true,
                b'\r' => self.text.get(at + 1) != Some(&b'\n'),
                _ => false,
            };
            self.line += u64::from(ends);
        }
        self.at = to;
        self.line
    }
}

/// The column that says whether a row is there (`upsert`) or gone (`delete`).
pub(crate) const OPERATION: &str = "_operation";
/// Columns at most: what one row of many may add must not cost all the others.
const COLUMNS_MAX: usize = 1_000;
/// Rows at most: a rejected one, with all that is to be said about it, takes some KB.
const ROWS_MAX: usize = 20_000;
/// Rows times columns at most.
const CELLS_MAX: usize = 1 << 19;

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn shown(batch: &Batch) -> String {
        let rows = batch.cells.rows().map(|row| {
            row.cells().map(|cell| cell.unwrap_or("NULL")).collect::<Vec<_>>().join(",")
        });
        format!("{} | {}", batch.header.columns().join(","), rows.collect::<Vec<_>>().join(" | "))
    }

    #[track_caller]
    fn check(format: Format, body: &str, expected: &str) {
        let actual = match read(format, body.as_bytes(), "push") {
            Ok(batch) => shown(&batch),
            Err(error) => error.to_string(),
        };
        assert_eq!(actual, expected);
    }

    #[test]
    fn rows_of_each_form() {
        check(Format::Ndjson, "{\"a\":1}\n\n{\"b\":\"x\"}\n", "a,b | 1,NULL | NULL,x");
        check(Format::Json, r#"[{"a":"1","b":null},{"a":true}]"#, "a,b | 1,NULL | true,NULL");
        check(Format::Csv, "a,b\n1,\n\"x\ny\",2\n", "a,b | 1,NULL | x\ny,2");
        check(Format::Json, "[{},{\"a\":1}]", "a | NULL | 1");
        check(Format::Ndjson, "{}", "row | NULL");
    }

    #[test]
    fn rows_are_upserts_unless_they_say_otherwise() {
        let body = "{\"a\":1}\n{\"a\":2,\"_operation\":\"delete\"}";
        check(Format::Ndjson, body, "a,_operation | 1,upsert | 2,delete");
        check(Format::Csv, "a,_operation\n1,\n2,delete\n", "a,_operation | 1,upsert | 2,delete");
    }

    #[test]
    fn broken_rows_stay_in_their_place() {
        let batch = read(Format::Ndjson, b"{\"a\":1}\n{oops\n{\"a\":2}", "push").unwrap();
        assert_eq!(shown(&batch), "a | 1 | {oops | 2");
        assert_eq!((batch.defects[0].row, batch.defects[0].code), (1, Code::Unreadable));
        let batch = read(Format::Csv, b"a,b\n1\n2,3\n", "push").unwrap();
        assert_eq!((batch.defects.len(), batch.places[0].place), (1, 2));
        let batch = read(Format::Csv, b"a,b\r\n1\r\n\r\n\"x\r\ny\",2\r\n3\r4", "push").unwrap();
        let places: Vec<u64> = batch.places.iter().map(|place| place.place).collect();
        assert_eq!(places, [2, 4, 6, 7]);
        let batch = read(Format::Json, b"[1, {\"a\":1}]", "push").unwrap();
        assert_eq!(batch.defects[0].row, 0);
    }

    #[test]
    fn broken_bodies_are_refused() {
        let array = "the body is not a JSON array of objects: look at line 1, character ";
        check(Format::Json, "{\"a\":1}", &format!("{array}0"));
        check(Format::Json, "\"431302199003070014\"", &format!("{array}20"));
        check(Format::Csv, "a,a\n", "the CSV header has two columns of one name");
        check(Format::Csv, "a,\n", "the CSV header has a column without a name");
        for (format, body) in
            [(Format::Csv, ""), (Format::Csv, "a\n"), (Format::Json, "[]"), (Format::Ndjson, "\n")]
        {
            check(format, body, "the body has no rows");
        }
        let error = read(Format::Ndjson, b"{\"a\":\"\xff\"}", "p").unwrap_err();
        assert_eq!(error, BodyError::Utf8(7));
        assert_eq!(Format::of("text/xml"), Err(BodyError::ContentType));
        assert_eq!(Format::of("Text/CSV; charset=utf-8"), Ok(Format::Csv));
    }

    #[test]
    fn a_few_bytes_never_become_a_great_table() {
        let wide: Vec<_> = (0..=COLUMNS_MAX).map(|n| format!("\"c{n}\":1")).collect();
        let (left, right) = wide.split_at(COLUMNS_MAX / 2);
        let body = format!("[{{{}}},{{{}}}]", left.join(","), right.join(","));
        check(Format::Json, &body, "the body has more than 1000 columns");
        let row = format!("{{{}}}\n", wide[1..].join(","));
        let body = row + &"{}\n".repeat(CELLS_MAX / COLUMNS_MAX);
        check(
            Format::Ndjson,
            &body,
            "rows times columns are more than 524288: send the body in parts",
        );
        let (few, many) = ("{}\n".repeat(ROWS_MAX), "{}\n".repeat(ROWS_MAX + 1));
        assert_eq!(
            read(Format::Ndjson, few.as_bytes(), "p").map(|batch| batch.len()),
            Ok(ROWS_MAX)
        );
        let refusal = "the body has more than 20000 rows: send it in parts";
        check(Format::Ndjson, &many, refusal);
        check(Format::Json, &format!("[{}1]", "1,".repeat(ROWS_MAX)), refusal);
        check(Format::Csv, &format!("a\n{}", "1\n".repeat(ROWS_MAX + 1)), refusal);
    }

    #[test]
    fn packed_bodies_are_bounded() {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), Default::default());
        packed.write_all(&vec![b'a'; 100_000]).unwrap();
        let packed = packed.finish().unwrap();
        let unpack = |body: &[u8], bytes_max| unpack(Packing::Gzip, body.to_vec(), bytes_max);
        assert_eq!(unpack(&packed, 100_000).unwrap().len(), 100_000);
        assert_eq!(unpack(&packed, 99_999), Err(BodyError::TooLarge(99_999)));
        assert_eq!(unpack(&packed[..packed.len() / 2], 100_000), Err(BodyError::Gzip));
        assert_eq!(Packing::of(Some("GZIP")), Ok(Packing::Gzip));
        assert_eq!(Packing::of(Some("br")), Err(BodyError::Encoding("br".into())));
    }
}
