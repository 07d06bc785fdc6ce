//! Writes each parcel as one file.
//!
//! The file appears whole: it is written under a temporary name, made durable, and renamed. Its
//! name tells subject, first change and idempotency key, so a parcel that is delivered again is the
//! same file with the same bytes, and names in order are parcels in order. Each row says what is
//! asked (`_operation`: `upsert` or `withdraw`) and under which number (`_change`), then come the
//! items; a withdrawn row has only its key.

mod config;
mod delimited;
mod jsonl;
mod name;
mod xlsx;

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
    sync::Arc,
};

use async_trait::async_trait;
use serde_json::Value;
use yiku_connector::{
    Access, Change, ChangeKind, ConnectorError, Parcel, Refused, Settled, Sink, effort::Step,
};

use crate::folder;
use config::{Encoding, Format, SinkConfig};

/// Opens the sink; touches nothing.
pub(crate) fn open(config: Value, access: &Access) -> Result<Box<dyn Sink>, ConnectorError> {
    Ok(Box::new(FilesSink { config: Arc::new(SinkConfig::read(config, access)?) }))
}

/// A folder that is written to.
struct FilesSink {
    config: Arc<SinkConfig>,
}

#[async_trait]
impl Sink for FilesSink {
    async fn check(&mut self) -> Result<(), ConnectorError> {
        let config = self.config.clone();
        // A file without a name: it is never seen, and gone when it is closed.
        crate::blocking(Step::Deliver, move || match tempfile::tempfile_in(&config.folder) {
            Ok(_) => Ok(()),
            Err(error) => Err(folder::refused(&config.folder, "write files into it", error)),
        })
        .await
    }

    async fn deliver(&mut self, parcel: &Parcel) -> Result<Settled, ConnectorError> {
        let (config, parcel) = (self.config.clone(), parcel.clone());
        crate::blocking(Step::Deliver, move || deliver(&config, &parcel)).await
    }
}

fn deliver(config: &SinkConfig, parcel: &Parcel) -> Result<Settled, ConnectorError> {
    let (bytes, refused) = match config.format {
        Format::Csv => {
            text(config, parcel, |text, index| delimited::write(b',', parcel, index, text))
        }
        Format::Tsv => {
            text(config, parcel, |text, index| delimited::write(b'\t', parcel, index, text))
        }
        Format::Jsonl => text(config, parcel, |text, index| jsonl::write(parcel, index, text)),
        Format::Xlsx => xlsx::write(parcel)?,
    };
    let name = name::of(config, parcel);
    put(&config.folder, &name, &bytes)
        .map_err(|error| folder::refused(&config.folder, "write files into it", error))?;
    Ok(Settled { refused })
}

/// The bytes of a text file: `write` adds the row of an index, or the header for `None`.
fn text(
    config: &SinkConfig,
    parcel: &Parcel,
    write: impl Fn(&mut String, Option<usize>),
) -> (Vec<u8>, Vec<Refused>) {
    let mut text = String::with_capacity(parcel.cells.bytes() + parcel.changes.len() * 64);
    let mut refused = Vec::new();
    if config.encoding == Encoding::Utf8Bom {
        text.push('\u{FEFF}');
    }
    write(&mut text, None);
    for index in 0..parcel.changes.len() {
        if config.encoding == Encoding::Gb18030 && holds_unmapped(parcel, index) {
            let reason = "it holds the character U+E5E5, which GB18030 does not have".into();
            refused.push(Refused { index, reason });
            continue;
        }
        write(&mut text, Some(index));
    }
    let bytes = match config.encoding {
        Encoding::Gb18030 => encoding_rs::GB18030.encode(&text).0.into_owned(),
        Encoding::Utf8 | Encoding::Utf8Bom => text.into_bytes(),
    };
    (bytes, refused)
}

/// The one character that the encoding's tables leave out.
fn holds_unmapped(parcel: &Parcel, index: usize) -> bool {
    parcel.cells.row(index).cells().flatten().any(|cell| cell.contains('\u{E5E5}'))
}

/// The word for what a change asks.
fn operation(change: Change) -> &'static str {
    match change.kind {
        ChangeKind::Upsert => "upsert",
        ChangeKind::Withdraw => "withdraw",
    }
}

/// Makes a whole and durable file appear under its name.
fn put(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = folder.join(format!(".{name}.tmp"));
    let write = || {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, folder.join(name))?;
        // The name itself is durable only when the folder is.
        File::open(folder)?.sync_all()
    };
    write().inspect_err(|_| drop(fs::remove_file(&temporary)))
}

/// The first two columns of every file.
const OPERATION: &str = "_operation";
const CHANGE: &str = "_change";
