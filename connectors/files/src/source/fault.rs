//! What is wrong with a file, a row or a cell, in both languages and without the value.

use std::borrow::Cow;

use yiku_core::{
    batch::{Batch, RowPlace},
    violation::Code,
};

/// Text of a row that is kept for the quarantine, at most.
pub(crate) const RAW_BYTES_MAX: usize = 64 << 10;

/// Something wrong with a whole file or a whole row: place, kind and texts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Fault {
    /// Line or row of the file.
    pub(crate) place: u64,
    /// `unreadable` or `encoding`.
    pub(crate) code: Code,
    /// What stands there.
    pub(crate) raw: String,
    pub(crate) zh: Cow<'static, str>,
    pub(crate) en: Cow<'static, str>,
}

impl Fault {
    /// A fault of code `unreadable` without text.
    pub(crate) fn unreadable(
        place: u64,
        zh: impl Into<Cow<'static, str>>,
        en: impl Into<Cow<'static, str>>,
    ) -> Self {
        let (zh, en) = (zh.into(), en.into());
        Self { place, code: Code::Unreadable, raw: String::new(), zh, en }
    }

    /// The same with the text that stands there.
    pub(crate) fn with_raw(self, raw: &str) -> Self {
        Self { raw: kept(raw).to_owned(), ..self }
    }

    /// Appends the row that stands for this fault.
    pub(crate) fn push(&self, batch: &mut Batch, order: u64) {
        let place = RowPlace { place: self.place, order };
        batch.push_unreadable(place, &self.raw, self.code, &self.zh, &self.en);
    }
}

/// A number of bytes as people read it.
pub(crate) fn size_text(bytes: u64) -> String {
    match bytes {
        0..10_240 => format!("{bytes} B"),
        10_240..0x10_0000 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

/// The part of a text that is kept: whole characters of its first 64 KiB.
pub(crate) fn kept(text: &str) -> &str {
    &text[..text.floor_char_boundary(RAW_BYTES_MAX)]
}
