//! CSV and TSV files, in the encodings that departments use.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use encoding_rs::GBK;

use super::{Damage, Place, Writer};
use crate::demo::system::{Encoding, Row, System};

/// How the files look.
pub struct Layout {
    /// `csv` or `tsv`.
    pub extension: &'static str,
    /// How text becomes bytes.
    pub encoding: Encoding,
    /// After how many rows a new file begins.
    pub rows_per_file: u64,
}

/// Writes files one after the other.
pub struct Delimited {
    system: &'static System,
    folder: PathBuf,
    layout: Layout,
    open: Option<Open>,
    files: u64,
}

struct Open {
    file: BufWriter<File>,
    part: PathBuf,
    name: String,
    lines: u64,
}

impl Delimited {
    /// Writes into a folder; the first file begins with the first row.
    pub fn new(system: &'static System, folder: &Path, layout: Layout) -> Self {
        Self { system, folder: folder.to_owned(), layout, open: None, files: 0 }
    }

    fn begin(&mut self) -> Result<Open> {
        self.files += 1;
        let name = format!("{}_{:03}.{}", self.system.connector, self.files, self.layout.extension);
        let part = self.folder.join(format!(".{name}.part"));
        let file =
            File::create(&part).with_context(|| format!("cannot write {}", part.display()))?;
        let mut file = BufWriter::new(file);
        if self.layout.encoding == Encoding::Utf8Bom {
            file.write_all(b"\xef\xbb\xbf")?;
        }
        let header = self.system.columns.iter().map(|column| Some(column.name));
        file.write_all(&self.encode(&self.line(header)))?;
        Ok(Open { file, part, name, lines: 1 })
    }

    fn end(&mut self) -> Result<()> {
        if let Some(mut open) = self.open.take() {
            open.file.flush()?;
            drop(open.file);
            fs::rename(&open.part, self.folder.join(&open.name))?;
        }
        Ok(())
    }

    fn line<'a>(&self, cells: impl Iterator<Item = Option<&'a str>>) -> String {
        let delimiter = if self.layout.extension == "tsv" { '\t' } else { ',' };
        let mut line = String::new();
        for (index, cell) in cells.enumerate() {
            if index > 0 {
                line.push(delimiter);
            }
            let cell = cell.unwrap_or_default();
            if cell.contains([delimiter, '"', '\n', '\r']) {
                line.push('"');
                line.push_str(&cell.replace('"', "\"\""));
                line.push('"');
            } else {
                line.push_str(cell);
            }
        }
        line.push_str("\r\n");
        line
    }

    fn encode(&self, line: &str) -> Vec<u8> {
        match self.layout.encoding {
            Encoding::Utf8 | Encoding::Utf8Bom => line.as_bytes().to_vec(),
            Encoding::Gbk => GBK.encode(line).0.into_owned(),
        }
    }

    fn damaged(&self, line: &str, damage: Damage) -> Vec<u8> {
        let mut bytes = self.encode(line);
        match damage {
            Damage::None | Damage::Number(_) => {}
            // No encoding that we read has this byte. It stands in the last cell, as a rule a
            // remark that was pasted from elsewhere.
            Damage::Garbage => {
                let at = bytes.len() - 2;
                bytes.splice(at..at, *b"\xff\xff");
            }
            Damage::Ragged => {
                let at = bytes.len() - 2;
                let more = if self.layout.extension == "tsv" { b"\t1" } else { b",1" };
                bytes.splice(at..at, *more);
            }
            Damage::CutOff => {
                let half = line.char_indices().nth(line.chars().count() / 3);
                bytes = self.encode(&line[..half.map_or(0, |(at, _)| at)]);
            }
        }
        bytes
    }
}

impl Writer for Delimited {
    fn row(&mut self, row: &Row, damage: Damage) -> Result<Place> {
        let full = self.open.as_ref().is_some_and(|open| open.lines > self.layout.rows_per_file);
        if full {
            self.end()?;
        }
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin()?,
        };
        let line = self.line(row.iter().map(Option::as_deref));
        open.file.write_all(&self.damaged(&line, damage))?;
        open.lines += 1;
        let place = Place { origin: open.name.clone(), place: open.lines };
        self.open = Some(open);
        Ok(place)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        if self.files == 0 {
            self.open = Some(self.begin()?);
        }
        self.end()
    }
}
