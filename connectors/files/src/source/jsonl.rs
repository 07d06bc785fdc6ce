//! JSON Lines: one object a line.
//!
//! The columns of a row are the keys seen from the beginning of the file up to that row, in the
//! order in which they appeared; the position keeps them. So a key that appears late begins a
//! batch with one column more, wherever the file is cut.

use std::{borrow::Cow, io::Read, sync::Arc};

use serde::{
    Deserializer as _,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use yiku_connector::PullLimit;
use yiku_core::{
    batch::{Batch, Header, RowPlace},
    violation::Code,
};

use super::{
    encoding::Charset,
    fault::{RAW_BYTES_MAX, kept, size_text},
    json_value::{self, Value},
    lines::{Found, Lines, ReadError},
};

/// Reads the objects of one file.
pub(crate) struct JsonLines<R> {
    lines: Lines<R>,
    charset: Charset,
    header: Arc<Header>,
    /// For rows that cannot be read before any key was seen.
    without_columns: Arc<Header>,
    /// Keys at most: nonsense must not grow without bound.
    columns_max: usize,
}

impl<R: Read> JsonLines<R> {
    /// Reads `lines`, in which the `columns` were seen before.
    pub(crate) fn new(
        lines: Lines<R>,
        charset: Charset,
        columns: Vec<String>,
        columns_max: usize,
    ) -> Self {
        let without_columns = Arc::new(Header::new([super::RAW_COLUMN]));
        let header = Arc::new(Header::new(columns));
        Self { lines, charset, header, without_columns, columns_max }
    }

    /// The keys seen so far.
    pub(crate) fn columns(&self) -> &[String] {
        self.header.columns()
    }

    /// Line and byte of the object that is read next.
    pub(crate) fn place(&self) -> (u64, u64) {
        (self.lines.line(), self.lines.offset())
    }

    /// Reads rows of one header until a limit is met; says whether the file has ended.
    pub(crate) fn read(
        &mut self,
        origin: &Arc<str>,
        order: u64,
        limit: PullLimit,
    ) -> Result<(Batch, bool), ReadError> {
        let mut batch = Batch::new(self.row_header(), origin.clone());
        let mut scratch = String::new();
        loop {
            let found = self.lines.find(0)?;
            let line = match found {
                Found::End => return Ok((batch, true)),
                Found::Line(line) if self.lines.bytes(0, line.to).trim_ascii().is_empty() => {
                    self.lines.take(line.next, 1);
                    continue;
                }
                _ if batch.len() >= limit.rows => return Ok((batch, false)),
                Found::TooLong if !batch.is_empty() => return Ok((batch, false)),
                Found::TooLong => {
                    let place = RowPlace { place: self.lines.line(), order };
                    Row::too_long(&mut self.lines, self.charset)?.push(&mut batch, place);
                    continue;
                }
                Found::Line(line) => line,
            };
            let place = RowPlace { place: self.lines.line(), order };
            let bytes = self.lines.bytes(0, line.to);
            let mut row = Row::read(bytes, self.charset, &mut scratch);
            let mut new = row.new_keys(&self.header);
            if self.header.len() + new.len() > self.columns_max {
                let text = self.charset.decode_lossy(bytes);
                row = Row::with_too_many_keys(&text, self.columns_max);
                new.clear();
            }
            if !new.is_empty() {
                if !batch.is_empty() {
                    return Ok((batch, false));
                }
                let columns = self.header.columns().iter().cloned().chain(new);
                self.header = Arc::new(Header::new(columns));
                batch = Batch::new(self.header.clone(), origin.clone());
            }
            if !batch.is_empty() && batch.cells.bytes() + row.bytes() > limit.bytes {
                return Ok((batch, false));
            }
            row.push(&mut batch, place);
            self.lines.take(line.next, 1);
        }
    }

    fn row_header(&self) -> Arc<Header> {
        if self.header.is_empty() { self.without_columns.clone() } else { self.header.clone() }
    }
}

/// One line taken apart.
enum Row<'a> {
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
    Broken { raw: String, code: Code, zh: String, en: String },
}

impl<'a> Row<'a> {
    fn read(bytes: &'a [u8], charset: Charset, scratch: &'a mut String) -> Self {
        let Some(text) = charset.decode(bytes, scratch) else {
            let raw = charset.decode_lossy(&bytes[..bytes.len().min(RAW_BYTES_MAX)]);
            let name = charset.name();
            let zh = format!("含有不是 {name} 编码的字节：请按 {name} 重新导出");
            let en = format!("holds bytes that are not {name}: export it as {name}");
            return Self::Broken { raw, code: Code::Encoding, zh, en };
        };
        let entries = match parse(text) {
            Ok(entries) => entries,
            Err((zh, en)) => return Self::broken(text, zh, en),
        };
        let mut keys: Vec<&str> = entries.iter().map(|(key, _)| &**key).collect();
        keys.sort_unstable();
        if let Some(pair) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
            let key: String = pair[0].chars().take(60).collect();
            let zh = format!("键“{key}”出现两次，无法判断取哪个值：请只保留一个");
            let en =
                format!("the key `{key}` stands there twice, so its value is unknown: keep one");
            return Self::broken(text, zh, en);
        }
        Self::Object(entries.into_iter().map(|(key, raw)| (key, json_value::read(raw))).collect())
    }

    fn broken(text: &str, zh: String, en: String) -> Self {
        Self::Broken { raw: kept(text).to_owned(), code: Code::Unreadable, zh, en }
    }

    fn with_too_many_keys(text: &str, most: usize) -> Self {
        let zh = format!("加上该行，文件的键超过 {most} 个：键应是固定的列名，不应是数据");
        let en = format!(
            "with this row the file has more than {most} keys: a key is a column's name, \
             not data"
        );
        Self::broken(text, zh, en)
    }

    fn too_long<R: Read>(lines: &mut Lines<R>, charset: Charset) -> Result<Self, ReadError> {
        let skipped = lines.skip_line(RAW_BYTES_MAX)?;
        let (bytes, digest) = (skipped.bytes, skipped.digest);
        let most = size_text(lines.record_bytes_max() as u64);
        let raw = charset.decode_lossy(&skipped.head);
        let zh = format!(
            "该行有 {bytes} 字节，超过 {most} 上限，只保留前 64 KiB（SHA-256 {digest}）：每行一个对象"
        );
        let en = format!(
            "the line has {bytes} bytes, more than {most}; its first 64 KiB are kept (SHA-256 \
             {digest}): write one object a line"
        );
        Ok(Self::broken(&raw, zh, en))
    }

    /// Keys that the header does not have.
    fn new_keys(&self, header: &Header) -> Vec<String> {
        let Self::Object(entries) = self else { return Vec::new() };
        let mut at = 0;
        let mut new = Vec::new();
        for (key, _) in entries {
            // Objects mostly have their keys in one order.
            if header.columns().get(at).is_some_and(|column| column == key) {
                at += 1;
            } else if let Some(found) = header.position(key) {
                at = found + 1;
            } else {
                new.push(key.clone().into_owned());
            }
        }
        new
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Object(entries) => entries.iter().map(|(_, value)| value.bytes()).sum(),
            Self::Broken { raw, .. } => kept(raw).len(),
        }
    }

    fn push(&self, batch: &mut Batch, place: RowPlace) {
        let entries = match self {
            Self::Object(entries) => entries,
            Self::Broken { raw, code, zh, en } => {
                return batch.push_unreadable(place, kept(raw), *code, zh, en);
            }
        };
        let header = batch.header.clone();
        let mut in_order: Vec<Option<&Value<'_>>> = vec![None; header.len()];
        for (key, value) in entries {
            let at = header.position(key).expect("the header was widened by the row's keys");
            in_order[at] = Some(value);
        }
        batch.push_row(place, in_order.iter().map(|value| value.and_then(Value::text)));
        for (column, value) in in_order.iter().enumerate() {
            if let Some(Value::Broken { code, zh, en, .. }) = value {
                batch.note_defect(column, *code, zh, en);
            }
        }
    }
}

type Entries<'a> = Vec<(Cow<'a, str>, &'a RawValue)>;

/// The entries of an object in order, or what the line is instead.
fn parse(text: &str) -> Result<Entries<'_>, (String, String)> {
    let mut parser = serde_json::Deserializer::from_str(text);
    let result = parser.deserialize_any(EntriesVisitor).and_then(|entries| {
        parser.end()?;
        Ok(entries)
    });
    match (result, text.trim_start().as_bytes().first()) {
        (Ok(entries), _) => Ok(entries),
        (Err(error), Some(b'{')) => {
            // The parser's own words may quote the value.
            let column = error.column();
            Err((
                format!("第 {column} 个字节处不是合法的 JSON：请重新导出该行"),
                format!("no valid JSON at byte {column} of the line: export the row again"),
            ))
        }
        (Err(_), Some(b'[')) => Err((
            "该行是 JSON 数组：每行须是一个对象，不要外层的 [ ]".into(),
            "the line is a JSON array: write one object a line, without [ ] around them".into(),
        )),
        (Err(_), _) => Err((
            "该行不是 JSON 对象：每行须是一个 { } 对象".into(),
            "the line is no JSON object: write one { } object a line".into(),
        )),
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries<'de>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Key<'de>>()? {
            entries.push((key.0, map.next_value()?));
        }
        Ok(entries)
    }
}

/// A key, borrowed where it holds no escape.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);
