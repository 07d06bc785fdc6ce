//! One record of CSV into cells, without copying.

use yiku_core::batch::Cells;

/// Something stands behind a closing quote, or a quote is not closed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Malformed;

/// Finds the cells of records; keeps its memory from record to record.
#[derive(Debug)]
pub(crate) struct Splitter {
    delimiter: u8,
    spans: Vec<Span>,
    /// Whether any cell holds doubled quotes.
    doubled: bool,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    from: u32,
    to: u32,
    /// Whether two quotes inside stand for one.
    doubled: bool,
}

impl Splitter {
    /// Splits at this ASCII character.
    pub(crate) fn new(delimiter: u8) -> Self {
        Self { delimiter, spans: Vec::new(), doubled: false }
    }

    /// What stands between cells.
    pub(crate) fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// Cells of the record split last.
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// Finds the cells of a record of less than 4 GiB.
    #[inline]
    pub(crate) fn split(&mut self, record: &str) -> Result<(), Malformed> {
        self.spans.clear();
        self.doubled = false;
        let bytes = record.as_bytes();
        if memchr::memchr(b'"', bytes).is_none() {
            self.split_plain(bytes);
            return Ok(());
        }
        let mut at = 0;
        loop {
            if bytes.get(at) == Some(&b'"') {
                let (to, doubled) = closing_quote(bytes, at + 1)?;
                self.doubled |= doubled;
                self.spans.push(Span { from: at as u32 + 1, to: to as u32, doubled });
                match bytes.get(to + 1) {
                    None => return Ok(()),
                    Some(byte) if *byte == self.delimiter => at = to + 2,
                    Some(_) => return Err(Malformed),
                }
            } else {
                let end = memchr::memchr(self.delimiter, &bytes[at..]);
                let to = end.map_or(bytes.len(), |length| at + length);
                self.spans.push(Span { from: at as u32, to: to as u32, doubled: false });
                match end {
                    None => return Ok(()),
                    Some(_) => at = to + 1,
                }
            }
        }
    }

    /// Nearly all records have no quote at all.
    #[inline]
    fn split_plain(&mut self, bytes: &[u8]) {
        let mut from = 0;
        for to in memchr::memchr_iter(self.delimiter, bytes) {
            self.spans.push(Span { from, to: to as u32, doubled: false });
            from = to as u32 + 1;
        }
        self.spans.push(Span { from, to: bytes.len() as u32, doubled: false });
    }

    /// Appends the cells of the record split last; an empty cell is NULL.
    #[inline]
    pub(crate) fn push(&self, record: &str, cells: &mut Cells) {
        if !self.doubled {
            let part = |span: &Span| (span.from < span.to).then_some((span.from, span.to));
            return cells.push_parts(record, self.spans.iter().map(part));
        }
        for span in &self.spans {
            let text = &record[span.from as usize..span.to as usize];
            if text.is_empty() {
                cells.push(None);
            } else if span.doubled {
                cells.push_with(|out| unquote(text, out));
            } else {
                cells.push(Some(text));
            }
        }
    }
}

/// Where the quote closes that opened before `at`, and whether doubled ones stand between.
fn closing_quote(bytes: &[u8], mut at: usize) -> Result<(usize, bool), Malformed> {
    let mut doubled = false;
    loop {
        at += memchr::memchr(b'"', bytes.get(at..).ok_or(Malformed)?).ok_or(Malformed)?;
        if bytes.get(at + 1) != Some(&b'"') {
            return Ok((at, doubled));
        }
        doubled = true;
        at += 2;
    }
}

fn unquote(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find("\"\"") {
        out.push_str(&rest[..=at]);
        rest = &rest[at + 2..];
    }
    out.push_str(rest);
}

/// Whether a quote is open at the end of a line, that began with one open or not. A malformed
/// line counts as closed: it ends its record.
pub(crate) fn ends_open(line: &[u8], delimiter: u8, open: bool) -> bool {
    let mut at = 0;
    let mut open = open;
    loop {
        if open {
            match closing_quote(line, at) {
                Err(Malformed) => return true,
                Ok((to, _)) => match line.get(to + 1) {
                    Some(byte) if *byte == delimiter => at = to + 2,
                    _ => return false,
                },
            }
        } else if line.get(at) == Some(&b'"') {
            at += 1;
        } else {
            match memchr::memchr(delimiter, line.get(at..).unwrap_or_default()) {
                Some(length) => {
                    at += length + 1;
                    continue;
                }
                None => return false,
            }
        }
        open = !open;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(record: &str, expected: &str) {
        let mut splitter = Splitter::new(b',');
        let told = match splitter.split(record) {
            Err(Malformed) => "malformed".to_owned(),
            Ok(()) => {
                let mut cells = Cells::new(splitter.len());
                splitter.push(record, &mut cells);
                let row = cells.row(0);
                row.cells().map(|cell| cell.unwrap_or("∅")).collect::<Vec<_>>().join("|")
            }
        };
        assert_eq!(told, expected, "{record}");
    }

    #[test]
    fn records_are_split() {
        check("a,b", "a|b");
        check("a,", "a|∅");
        check(",", "∅|∅");
        check("a", "a");
        check("\"a,b\",c", "a,b|c");
        check("\"a\"\"b\"", "a\"b");
        check("\"\"\"\"", "\"");
        check("\"\",x", "∅|x");
        check("a\"b,c", "a\"b|c");
        check("\"a\nb\",c", "a\nb|c");
        check("\"a\"b,c", "malformed");
        check("\"a", "malformed");
        check("\"a\"\"", "malformed");
        check("李,\"刘\"", "李|刘");
    }

    #[track_caller]
    fn check_open(line: &str, open: bool, expected: bool) {
        assert_eq!(ends_open(line.as_bytes(), b',', open), expected, "{line}");
    }

    #[test]
    fn open_quotes_are_seen() {
        check_open("a,\"b", false, true);
        check_open("a,\"b\"", false, false);
        check_open("a,b\"", false, false);
        check_open("a\",b", true, false);
        check_open("a\",\"b", true, true);
        check_open("a\"\"", true, true);
        check_open("\"\"\"", false, true);
        check_open("\"\"", false, false);
        check_open("", true, true);
        check_open("\"a\"b,\"", false, false);
        check_open("a,", false, false);
        check_open("\"a\",", false, false);
    }
}
