//! The file that is being read, whatever its form.

use std::{
    fs::File,
    io::{self, Seek, SeekFrom},
    path::Path,
};

use yiku_connector::{ConnectorError, PullLimit};
use yiku_core::batch::Batch;

use super::{
    config::{Format, SourceConfig},
    delimited::{Delimited, Form},
    encoding::detect,
    fault::Fault,
    jsonl::JsonLines,
    lines::Lines,
    position::Progress,
    sheet::{Sheet, SheetForm},
    taken::{Stop, Taken},
};

/// A file and the reader of its rows.
pub(crate) struct Reading {
    taken: Taken,
    body: Body,
}

enum Body {
    Delimited(Delimited<File>),
    JsonLines(JsonLines<File>),
    Sheet(Sheet),
}

impl Reading {
    /// Opens a file at its start, or where `from` says.
    pub(crate) fn open(
        config: &SourceConfig,
        path: &Path,
        name: &str,
        from: Option<&Progress>,
    ) -> Result<Self, Stop> {
        let mut taken = Taken::open(path, name, from)?;
        taken.judge_size(config.limits.file_bytes_max).map_err(Stop::Fault)?;
        let body = open_body(config, &mut taken, from.is_some())?;
        let mut reading = Self { taken, body };
        reading.note_place().map_err(Stop::Error)?;
        Ok(reading)
    }

    /// How far the file was read.
    pub(crate) fn progress(&self) -> &Progress {
        &self.taken.progress
    }

    /// Reads rows until a limit is met; says whether the file has ended.
    pub(crate) fn read(
        &mut self,
        order: u64,
        limit: PullLimit,
    ) -> Result<(Batch, bool), ConnectorError> {
        // A workbook is always written anew, never appended to.
        self.taken.look_again(!matches!(self.body, Body::Sheet(_)))?;
        let origin = &self.taken.origin;
        let result = match &mut self.body {
            Body::Delimited(reader) => reader.read(origin, order, limit),
            Body::JsonLines(reader) => reader.read(origin, order, limit),
            Body::Sheet(reader) => Ok(reader.read(origin, order, limit)),
        };
        let (batch, ended) = result.map_err(|error| self.taken.lost(error))?;
        self.taken.progress.rows += batch.len() as u64;
        self.note_place()?;
        Ok((batch, ended))
    }

    fn note_place(&mut self) -> Result<(), ConnectorError> {
        let progress = &mut self.taken.progress;
        match &self.body {
            Body::Delimited(reader) => (progress.line, progress.offset) = reader.place(),
            Body::JsonLines(reader) => {
                (progress.line, progress.offset) = reader.place();
                if progress.columns.len() != reader.columns().len() {
                    progress.columns = reader.columns().to_vec();
                }
            }
            Body::Sheet(reader) => (progress.line, progress.offset) = (reader.place(), 0),
        }
        self.taken.note_print()
    }
}

fn open_body(config: &SourceConfig, taken: &mut Taken, resumed: bool) -> Result<Body, Stop> {
    match config.format_of(&taken.progress.file) {
        Some(Format::Xlsx) => open_sheet(config, taken, resumed).map(Body::Sheet),
        Some(format) => open_text(config, taken, format, resumed),
        None => {
            let zh =
                "从扩展名看不出格式：请用 .csv、.tsv、.jsonl 或 .xlsx，或在连接器中声明 format";
            let en = "its extension tells no format: use .csv, .tsv, .jsonl or .xlsx, or declare \
                      `format` in the connector";
            Err(Stop::Fault(Fault::unreadable(1, zh, en)))
        }
    }
}

fn open_sheet(config: &SourceConfig, taken: &Taken, resumed: bool) -> Result<Sheet, Stop> {
    let form = SheetForm {
        sheet: config.sheet.clone(),
        skip: config.skip,
        header: config.header,
        columns: config.columns.clone(),
        limits: config.limits,
    };
    let file = at(taken, 0)?;
    let from = if resumed { taken.progress.line } else { 0 };
    Sheet::open(file, form, from).map_err(Stop::Fault)
}

fn open_text(
    config: &SourceConfig,
    taken: &mut Taken,
    format: Format,
    resumed: bool,
) -> Result<Body, Stop> {
    let failed = |error| Stop::Error(taken.failed(error));
    let found = detect(&taken.file, config.encoding).map_err(failed)?.map_err(Stop::Fault)?;
    let mark = found.mark as u64;
    if !resumed {
        let progress = &mut taken.progress;
        (progress.encoding, progress.offset) = (found.charset, mark);
    }
    let (progress, limits) = (&taken.progress, config.limits);
    let lines = |offset: u64, line: u64| -> Result<Lines<File>, Stop> {
        Ok(Lines::new(
            at(taken, offset)?,
            offset,
            line,
            progress.stamp.size,
            limits.record_bytes_max,
        ))
    };
    let charset = progress.encoding;
    if format == Format::Jsonl {
        let lines = lines(progress.offset, progress.line)?;
        return Ok(Body::JsonLines(JsonLines::new(
            lines,
            charset,
            progress.columns.clone(),
            limits.columns_max,
        )));
    }
    let form = Form {
        charset,
        delimiter: config.delimiter.unwrap_or(if format == Format::Tsv { b'\t' } else { b',' }),
        skip: config.skip,
        header: config.header,
        columns: config.columns.as_deref(),
        columns_max: limits.columns_max,
    };
    let begun = Delimited::begin(lines(mark, 1)?, form)
        .map_err(|error| Stop::Error(taken.lost(error)))?
        .map_err(Stop::Fault)?;
    Ok(Body::Delimited(match resumed {
        true => begun.resume(lines(progress.offset, progress.line)?),
        false => begun,
    }))
}

/// The file for one more reader. All of them share one place, so only the last may read on.
fn at(taken: &Taken, offset: u64) -> Result<File, Stop> {
    let clone = || -> io::Result<File> {
        let mut file = taken.file.try_clone()?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(file)
    };
    clone().map_err(|error| Stop::Error(taken.failed(error)))
}
