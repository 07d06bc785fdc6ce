//! Fuzz targets: one for each parser that sees bytes from outside.
//!
//! A target is a plain function over bytes. It goes through the parser's own door and panics when
//! something does not hold that must hold for all input: rows are lost, another batch size reads
//! other rows, what was accepted does not come back from its body, a message carries control
//! characters. The test of this crate runs every target over `fuzz/corpus` and seeded mutations of
//! it; `cargo xtask fuzz` runs the same functions under cargo-fuzz.

pub mod avro_body;
pub mod catalog_yaml;
pub mod connector_yaml;
pub mod contract;
pub mod delimited;
pub mod entry_yaml;
pub mod jsonl;
pub mod mapping;
pub mod push_body;
pub mod sheet;

mod checked_row;
mod folder;
mod message;
mod told;
mod workbook;

/// A target and what makes good mutations of its input.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, that of its corpus folder, and that of its program in `fuzz/`.
    pub name: &'static str,
    /// Panics when something does not hold.
    pub run: fn(&[u8]),
    /// Words that its parser looks for.
    pub words: &'static [&'static str],
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "avro_body", run: avro_body::run, words: avro_body::WORDS },
    Target { name: "catalog_yaml", run: catalog_yaml::run, words: catalog_yaml::WORDS },
    Target { name: "connector_yaml", run: connector_yaml::run, words: connector_yaml::WORDS },
    Target { name: "contract", run: contract::run, words: contract::WORDS },
    Target { name: "delimited", run: delimited::run, words: delimited::WORDS },
    Target { name: "entry_yaml", run: entry_yaml::run, words: entry_yaml::WORDS },
    Target { name: "jsonl", run: jsonl::run, words: jsonl::WORDS },
    Target { name: "mapping", run: mapping::run, words: mapping::WORDS },
    Target { name: "push_body", run: push_body::run, words: push_body::WORDS },
    Target { name: "sheet", run: sheet::run, words: sheet::WORDS },
];
