//! `bench huge`: inputs of a size that nobody should bring, each to a hub of its own, and how much
//! memory it costs.
//!
//! What is right of them must be accepted, what is wrong must wait in quarantine with its place, a
//! neighbour's rows must come in meanwhile, and the books must balance; else the bench fails.

mod archive;
mod bomb;
mod book;
mod folder;
mod push;
mod text;
mod trial;

use std::path::Path;

use anyhow::Result;

use super::{Figure, Size};
use crate::hub;

/// Measures.
pub fn run(size: Size) -> Result<Vec<Figure>> {
    let program = hub::build()?;
    tokio::runtime::Runtime::new()?.block_on(measure(&program, Scale(size)))
}

async fn measure(program: &Path, scale: Scale) -> Result<Vec<Figure>> {
    Ok(vec![
        text::csv_line(program, scale).await?,
        text::json_line(program, scale).await?,
        text::csv_file(program, scale).await?,
        text::refused_file(program, scale).await?,
        book::plain(program, scale).await?,
        book::shared(program, scale).await?,
        book::cell(program, scale).await?,
        bomb::sheet(program, scale).await?,
        bomb::texts(program, scale).await?,
        bomb::push(program, scale).await?,
        bomb::answer(program, scale).await?,
        push::household(program, scale).await?,
        push::broken(program, scale).await?,
        push::narrow(program, scale).await?,
        folder::files(program, scale).await?,
    ])
}

/// How large the inputs are.
#[derive(Clone, Copy)]
struct Scale(Size);

impl Scale {
    /// Full size with `--long`, else a hundredth.
    fn of(self, full: u64) -> u64 {
        match self.0 {
            Size::Long => full,
            Size::Usual => full / 100,
        }
    }

    /// The hub's limits, as much smaller as the inputs.
    fn limits(self) -> String {
        match self.0 {
            Size::Long => String::new(),
            Size::Usual => format!(
                "[limits]\nfile_bytes_max = {}\nrecord_bytes_max = {}\nworkbook_bytes_max = {}\n",
                self.of(FILE_BYTES_MAX),
                self.of(RECORD_BYTES_MAX),
                self.of(WORKBOOK_BYTES_MAX),
            ),
        }
    }
}

/// The hub's own limits, as `deploy/yiku.example.toml` has them.
const FILE_BYTES_MAX: u64 = 64 << 30;
const RECORD_BYTES_MAX: u64 = 8 << 20;
const WORKBOOK_BYTES_MAX: u64 = 200 << 20;
const BODY_BYTES_MAX: u64 = 64 << 20;
/// What unpacks to this is a bomb.
const BOMB_BYTES: u64 = 10 << 30;
