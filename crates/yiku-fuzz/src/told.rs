//! Rows in a form in which two readings can be compared.

use yiku_core::{batch::Batch, violation::Code};

use crate::message;

/// A row as its reader told it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Told {
    /// Line of the file.
    pub place: u64,
    /// The cells that hold something, by column and name.
    pub cells: Vec<(usize, String, String)>,
    /// What is wrong with it.
    pub defects: Vec<(Option<usize>, Code, String)>,
}

/// Every row of the batches. Their form is checked: cells for all columns, places that rise,
/// defects in order and of rows that are there, messages that can be shown.
pub fn told<'b>(batches: impl IntoIterator<Item = &'b Batch>) -> Vec<Told> {
    let mut rows: Vec<Told> = Vec::new();
    for batch in batches {
        let width = batch.header.len();
        assert_eq!((batch.cells.width(), batch.cells.len()), (width, batch.len()));
        let mut defects = batch.defects.iter().peekable();
        for (index, place) in batch.places.iter().enumerate() {
            let cells = batch.cells.row(index);
            let names = batch.header.columns().iter().enumerate();
            let cells = names.filter_map(|(column, name)| {
                Some((column, name.clone(), cells.get(column)?.to_owned()))
            });
            let mut row = Told { place: place.place, cells: cells.collect(), defects: Vec::new() };
            while let Some(defect) = defects.next_if(|defect| defect.row == index) {
                message::check(&defect.zh);
                message::check(&defect.en);
                assert!(defect.column.is_none_or(|column| column < width));
                row.defects.push((defect.column, defect.code, defect.en.clone()));
            }
            if let Some(before) = rows.last() {
                let rises = before.place < row.place;
                assert!(rises, "place {} comes after {}", row.place, before.place);
            }
            rows.push(row);
        }
        assert!(defects.next().is_none(), "a defect of no row, or out of order");
    }
    rows
}

impl Told {
    /// Whether its reader found nothing wrong with it.
    pub fn is_right(&self) -> bool {
        self.defects.is_empty()
    }
}
