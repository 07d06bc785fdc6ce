//! JSON Lines: a file that is dropped in a folder, or the answers of an HTTP service.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use super::{Damage, Place, Writer};
use crate::demo::system::{Form, ROW_NUMBER, Row, System};

/// Writes one file.
pub struct JsonLines {
    system: &'static System,
    file: BufWriter<File>,
    part: PathBuf,
    target: PathBuf,
    rows: u64,
}

impl JsonLines {
    /// Begins the file.
    pub fn new(system: &'static System, folder: &Path) -> Result<Self> {
        let name = format!("{}_001.jsonl", system.connector);
        let part = folder.join(format!(".{name}.part"));
        let file =
            File::create(&part).with_context(|| format!("cannot write {}", part.display()))?;
        let target = folder.join(name);
        Ok(Self { system, file: BufWriter::new(file), part, target, rows: 0 })
    }
}

impl Writer for JsonLines {
    fn row(&mut self, row: &Row, damage: Damage) -> Result<Place> {
        let mut object = Map::new();
        self.rows += 1;
        if matches!(self.system.form, Form::Http) {
            object.insert(ROW_NUMBER.to_owned(), self.rows.into());
        }
        for (column, cell) in self.system.columns.iter().zip(row) {
            object.insert(column.name.to_owned(), cell.clone().map_or(Value::Null, Value::from));
        }
        let mut line = serde_json::to_vec(&object)?;
        match damage {
            Damage::None | Damage::Number(_) => {}
            Damage::Garbage => {
                let at = line.len() - 2;
                line.splice(at..at, *b"\xff\xff");
            }
            Damage::Ragged => line.extend_from_slice(b",{"),
            Damage::CutOff => line.truncate(line.len() / 3),
        }
        self.file.write_all(&line)?;
        if damage != Damage::CutOff {
            self.file.write_all(b"\n")?;
        }
        let file = self.target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Lines are counted from 1, rows of an answer from 0; the address of a service is not
        // known.
        Ok(match self.system.form {
            Form::Http => Place { origin: String::new(), place: self.rows - 1 },
            _ => Place { origin: file, place: self.rows },
        })
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.file.flush()?;
        Ok(fs::rename(&self.part, &self.target)?)
    }
}
