//! Messages of one partition as the rows of one batch.
//!
//! The columns are all names that stood in the run's rows so far, in the order in which they came.
//! They depend on what was read and never on how it is cut: a row with a new name begins a batch.

use std::{collections::HashMap, sync::Arc};

use yiku_connector::PullLimit;
use yiku_core::{
    batch::{Batch, Header, RowPlace},
    text_bytes::to_hex,
};

use crate::value::{Fields, Problem, Taken};

/// Rows that are put together to a batch.
pub struct Rows {
    batch: Batch,
    places: HashMap<String, usize>,
}

impl Rows {
    /// No row yet.
    pub fn new(columns: Vec<String>, origin: Arc<str>) -> Self {
        let places = columns.iter().cloned().enumerate().map(|(at, name)| (name, at)).collect();
        Self { batch: Batch::new(Arc::new(Header::new(columns)), origin), places }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// The columns.
    pub fn columns(&self) -> &[String] {
        self.batch.header.columns()
    }

    /// The batch.
    pub fn into_batch(self) -> Batch {
        self.batch
    }

    /// Takes a message in; false when it belongs into the next batch.
    pub fn take(
        &mut self,
        message: &Taken,
        read: Result<Fields<'_>, Problem>,
        limit: PullLimit,
        columns_max: usize,
    ) -> bool {
        let raw = read.as_ref().err().map(|_| raw(message));
        let bytes = match (&read, &raw) {
            (Ok(fields), _) => fields.iter().filter_map(|(_, cell)| *cell).map(str::len).sum(),
            (Err(_), raw) => raw.as_ref().map_or(0, String::len),
        };
        let full = self.batch.len() >= limit.rows || self.batch.cells.bytes() + bytes > limit.bytes;
        if full && !self.is_empty() {
            return false;
        }
        let lacking = self.lacking(read.as_deref().unwrap_or_default());
        if self.places.len() + lacking.len() > columns_max {
            return self.take(message, Err(too_many(columns_max)), limit, columns_max);
        }
        if !lacking.is_empty() {
            if !self.is_empty() {
                return false;
            }
            let columns = self.columns().iter().cloned().chain(lacking).collect();
            *self = Self::new(columns, self.batch.origin.clone());
        }
        let place = RowPlace { place: message.offset, order: message.offset + 1 };
        match read {
            Ok(fields) => {
                let mut cells = vec![None; self.places.len()];
                fields.into_iter().for_each(|(name, cell)| cells[self.places[name]] = cell);
                self.batch.push_row(place, cells);
            }
            Err(Problem { code, zh, en }) => {
                self.batch.push_unreadable(place, &raw.unwrap_or_default(), code, &zh, &en);
            }
        }
        true
    }

    /// Names that are no columns yet. A row needs a cell to stand in.
    fn lacking(&self, fields: &[(&str, Option<&str>)]) -> Vec<String> {
        let names = fields.iter().map(|(name, _)| *name);
        let lacking = names.filter(|name| !self.places.contains_key(*name));
        let mut lacking: Vec<String> = lacking.map(str::to_owned).collect();
        if lacking.is_empty() && self.places.is_empty() {
            lacking.push(STAND_IN.to_owned());
        }
        lacking
    }
}

/// What is kept of a message that is no row: its text or, where it is none, its bytes in hex.
fn raw(message: &Taken) -> String {
    let value = message.value.as_deref().or(message.key.as_deref()).unwrap_or_default();
    let is_plain = |text: &&str| !text.chars().any(|one| one.is_control() && !one.is_whitespace());
    let text = match std::str::from_utf8(value) {
        Ok(text) => Some(text),
        // One that is cut off may end within a character.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&value[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    };
    match text.filter(is_plain) {
        Some(text) => kept(text).to_owned(),
        None => format!("hex:{}", to_hex(&value[..value.len().min(RAW_BYTES_MAX / 2 - 2)])),
    }
}

fn kept(text: &str) -> &str {
    &text[..text.floor_char_boundary(RAW_BYTES_MAX)]
}

fn too_many(columns_max: usize) -> Problem {
    Problem {
        code: yiku_core::violation::Code::Unreadable,
        zh: format!("本次读取的消息中列名超过 {columns_max} 个"),
        en: format!(
            "with it, the messages of this run would have more than limits.columns_max of \
             {columns_max} names"
        ),
    }
}

/// A message that cannot be read is kept up to this many bytes.
pub const RAW_BYTES_MAX: usize = 64 << 10;
/// The column of messages that cannot be read, where there is no other.
const STAND_IN: &str = "message";
