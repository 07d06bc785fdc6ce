//! Writers of departments' systems. Each writes beside its target and renames at the end, so a
//! file is either whole or not there.

mod delimited;
mod json_lines;
mod sqlite;
mod xlsx;

use std::path::Path;

use anyhow::Result;

use super::system::{Form, Row, System};

/// What happens to a row on its way into the file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Damage {
    /// Nothing.
    None,
    /// Bytes of another encoding get in.
    Garbage,
    /// A cell too many.
    Ragged,
    /// The file ends in the middle of the row.
    CutOff,
    /// The cell of this column becomes a floating number.
    Number(usize),
}

/// Where a row was written.
pub struct Place {
    /// The file's name, or the table's.
    pub origin: String,
    /// Line of the file, counted from 1 with the header; number of the row in a table or an
    /// answer, counted from 0.
    pub place: u64,
}

/// Takes rows in order.
pub trait Writer {
    /// Writes one row.
    fn row(&mut self, row: &Row, damage: Damage) -> Result<Place>;
    /// Ends the files and gives them their names.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// Opens the writer of a system in its folder.
pub fn open(system: &'static System, folder: &Path) -> Result<Box<dyn Writer>> {
    Ok(match system.form {
        Form::Delimited { extension, encoding, rows_per_file } => {
            let layout = delimited::Layout { extension, encoding, rows_per_file };
            Box::new(delimited::Delimited::new(system, folder, layout))
        }
        Form::JsonLines => Box::new(json_lines::JsonLines::new(system, folder)?),
        Form::Http => Box::new(json_lines::JsonLines::new(system, folder)?),
        Form::Xlsx => Box::new(xlsx::Xlsx::new(system, folder)?),
        Form::Sqlite { table, .. } => Box::new(sqlite::Sqlite::new(system, folder, table)?),
    })
}
