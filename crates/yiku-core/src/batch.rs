//! Rows in memory: one arena of text per batch, cells as spans into it.
//!
//! A row is never a map: a map per row costs more than all the checking. A batch
//! holds its cells in one string; a cell that is NULL is kept apart from a cell
//! that is empty. The header is shared by all batches of a run.

use std::sync::Arc;

use crate::violation::Code;

/// Names of the columns, in the order in which rows hold their cells.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Header {
    columns: Vec<String>,
}

impl Header {
    /// Makes a header of the names as the source gives them.
    pub fn new(columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { columns: columns.into_iter().map(Into::into).collect() }
    }

    /// The names in order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Number of columns.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether there is no column at all.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Where the column of this name stands, if there is one.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Span {
    start: u32,
    end: u32,
}

const NULL: Span = Span { start: u32::MAX, end: u32::MAX };

/// A table of text cells in one arena. At most 4 GiB of text.
#[derive(Clone, Debug, Default)]
pub struct Cells {
    width: usize,
    arena: String,
    spans: Vec<Span>,
}

impl Cells {
    /// An empty table whose rows have `width` cells.
    pub fn new(width: usize) -> Self {
        Self { width, arena: String::new(), spans: Vec::new() }
    }

    /// Cells per row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of whole rows.
    pub fn len(&self) -> usize {
        self.spans.len().checked_div(self.width).unwrap_or(0)
    }

    /// Whether there is no whole row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of text held.
    pub fn bytes(&self) -> usize {
        self.arena.len()
    }

    /// Forgets all rows and takes rows of `width` cells from now on; keeps the memory.
    pub fn clear(&mut self, width: usize) {
        self.width = width;
        self.arena.clear();
        self.spans.clear();
    }

    /// Appends one cell to the row being written; `None` is NULL.
    pub fn push(&mut self, cell: Option<&str>) {
        match cell {
            None => self.spans.push(NULL),
            Some(text) => {
                let start = self.arena.len() as u32;
                self.arena.push_str(text);
                self.spans.push(Span { start, end: self.arena.len() as u32 });
            }
        }
    }

    /// Appends one cell that `write` builds at the end of the arena.
    pub fn push_with(&mut self, write: impl FnOnce(&mut String)) {
        let start = self.arena.len() as u32;
        write(&mut self.arena);
        self.spans.push(Span { start, end: self.arena.len() as u32 });
    }

    /// Appends one cell that `write` builds at the end of the arena, from the given start on, or
    /// NULL where it says that there is none.
    pub fn push_if(&mut self, write: impl FnOnce(&mut String, usize) -> bool) {
        let start = self.arena.len();
        if write(&mut self.arena, start) {
            self.spans.push(Span { start: start as u32, end: self.arena.len() as u32 });
        } else {
            self.arena.truncate(start);
            self.spans.push(NULL);
        }
    }

    /// Appends cells that are parts of one text, given by their first byte and the byte after
    /// their last. The text is copied once, with all that stands between the cells.
    #[inline]
    pub fn push_parts(&mut self, text: &str, parts: impl IntoIterator<Item = Option<(u32, u32)>>) {
        let base = self.arena.len() as u32;
        self.arena.push_str(text);
        self.spans.extend(parts.into_iter().map(|part| match part {
            Some((start, end)) => Span { start: base + start, end: base + end },
            None => NULL,
        }));
    }

    /// Copies the text of another table's row, all its cells at once, for `push_copied`.
    #[inline]
    pub fn copy_text(&mut self, row: Row<'_>) -> CopiedText {
        let present = row.spans.iter().filter(|span| **span != NULL);
        let (from, to) = present
            .fold((u32::MAX, 0), |(from, to), span| (from.min(span.start), to.max(span.end)));
        let shift = (self.arena.len() as u32).wrapping_sub(from);
        if from < to {
            self.arena.push_str(&row.arena[from as usize..to as usize]);
        }
        CopiedText { shift }
    }

    /// Appends a cell of the row whose text was copied; an empty one as NULL.
    #[inline]
    pub fn push_copied(&mut self, row: Row<'_>, column: usize, text: CopiedText) {
        let Span { start, end } = row.spans[column];
        let copy =
            Span { start: start.wrapping_add(text.shift), end: end.wrapping_add(text.shift) };
        self.spans.push(if start == end { NULL } else { copy });
    }

    /// Appends a whole row.
    pub fn push_row<'a>(&mut self, cells: impl IntoIterator<Item = Option<&'a str>>) {
        for cell in cells {
            self.push(cell);
        }
        debug_assert_eq!(self.spans.len() % self.width.max(1), 0);
    }

    /// The row at `index`. Panics when there is none.
    pub fn row(&self, index: usize) -> Row<'_> {
        let from = index * self.width;
        Row { arena: &self.arena, spans: &self.spans[from..from + self.width] }
    }

    /// All rows in order.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.len()).map(|index| self.row(index))
    }
}

/// Where the text of a copied row stands.
#[derive(Clone, Copy, Debug)]
pub struct CopiedText {
    /// From the old place to the new one, modulo 2³².
    shift: u32,
}

/// One row: a view of its cells.
#[derive(Clone, Copy, Debug, Default)]
pub struct Row<'a> {
    arena: &'a str,
    spans: &'a [Span],
}

impl<'a> Row<'a> {
    /// The cell of a column; `None` is NULL. Panics when the column does not exist.
    pub fn get(&self, column: usize) -> Option<&'a str> {
        let span = self.spans[column];
        (span != NULL).then(|| &self.arena[span.start as usize..span.end as usize])
    }

    /// Number of cells.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether the row has no cells.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The cells in order.
    pub fn cells(&self) -> impl Iterator<Item = Option<&'a str>> + use<'a, '_> {
        (0..self.spans.len()).map(|column| self.get(column))
    }
}

/// Where a row stands in its source, and how its source orders it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct RowPlace {
    /// Line of a file (counted from 1, header included), index in an answer or a result set.
    pub place: u64,
    /// The source's own order, which a second pull repeats: a file's number, a watermark,
    /// a run's number. 0 when the source has none: the batch number stands in for it.
    pub order: u64,
}

/// Something the source itself found wrong with a row or a cell.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Defect {
    /// Index of the row in the batch.
    pub row: usize,
    /// The column, or `None` for the whole row.
    pub column: Option<usize>,
    /// `unreadable`, `encoding` or `precision-lost`.
    pub code: Code,
    /// What is wrong, in Chinese, without the value.
    pub zh: String,
    /// What is wrong, in English, without the value.
    pub en: String,
}

/// A bounded group of rows of one origin.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Names of the columns.
    pub header: Arc<Header>,
    /// What people call the place the rows come from: a file's name, a table, a request id.
    pub origin: Arc<str>,
    /// The rows' cells.
    pub cells: Cells,
    /// One place per row.
    pub places: Vec<RowPlace>,
    /// What the source found wrong, ordered by row. A row with a defect for the whole row has
    /// its raw text in the first cell.
    pub defects: Vec<Defect>,
}

impl Batch {
    /// An empty batch.
    pub fn new(header: Arc<Header>, origin: impl Into<Arc<str>>) -> Self {
        let cells = Cells::new(header.len());
        Self { header, origin: origin.into(), cells, places: Vec::new(), defects: Vec::new() }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Appends a readable row.
    pub fn push_row<'a>(
        &mut self,
        place: RowPlace,
        cells: impl IntoIterator<Item = Option<&'a str>>,
    ) {
        self.cells.push_row(cells);
        self.places.push(place);
    }

    /// Appends a row that could not be read: `raw` is kept in the first cell, the rest is NULL.
    pub fn push_unreadable(&mut self, place: RowPlace, raw: &str, code: Code, zh: &str, en: &str) {
        let row = self.places.len();
        if self.cells.width() > 0 {
            self.cells.push(Some(raw));
            (1..self.cells.width()).for_each(|_| self.cells.push(None));
        }
        self.places.push(place);
        self.defects.push(Defect { row, column: None, code, zh: zh.into(), en: en.into() });
    }

    /// Notes a defect of one cell of the row pushed last.
    pub fn note_defect(&mut self, column: usize, code: Code, zh: &str, en: &str) {
        let row = self.places.len() - 1;
        self.defects.push(Defect { row, column: Some(column), code, zh: zh.into(), en: en.into() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_not_empty() {
        let mut cells = Cells::new(3);
        cells.push_row([Some("a"), None, Some("")]);
        let row = cells.row(0);
        assert_eq!((row.get(0), row.get(1), row.get(2)), (Some("a"), None, Some("")));
        assert_eq!(cells.len(), 1);
    }

    #[test]
    fn parts_of_a_text_are_cells() {
        let mut cells = Cells::new(3);
        cells.push_row([Some("x"), None, None]);
        cells.push_parts("李,,b", [Some((0, 3)), None, Some((5, 6))]);
        let row = cells.row(1);
        assert_eq!((row.get(0), row.get(1), row.get(2)), (Some("李"), None, Some("b")));
    }

    #[test]
    fn a_row_is_copied_in_any_order() {
        let mut cells = Cells::new(4);
        cells.push_row([Some("x"), Some("y"), Some("z"), None]);
        cells.push_row([None, Some("一"), Some(""), Some("三")]);
        let mut copy = Cells::new(3);
        let (row, whole) = (cells.row(1), copy.copy_text(cells.row(1)));
        copy.push_copied(row, 3, whole);
        copy.push_copied(row, 0, whole);
        copy.push_copied(row, 2, whole);
        assert!(copy.row(0).cells().eq([Some("三"), None, None]));
        let mut nulls = Cells::new(2);
        nulls.push_row([None, None]);
        copy.clear(1);
        let whole = copy.copy_text(nulls.row(0));
        copy.push_copied(nulls.row(0), 1, whole);
        assert_eq!(copy.row(0).get(0), None);
    }

    #[test]
    fn an_unreadable_row_keeps_its_text() {
        let header = Arc::new(Header::new(["a", "b"]));
        let mut batch = Batch::new(header, "f.csv");
        batch.push_unreadable(
            RowPlace { place: 7, order: 1 },
            "x,y,z",
            Code::Unreadable,
            "列数不符",
            "three cells for two columns",
        );
        assert_eq!(batch.cells.row(0).get(0), Some("x,y,z"));
        assert_eq!(batch.defects[0].row, 0);
        assert_eq!(batch.len(), 1);
    }
}
