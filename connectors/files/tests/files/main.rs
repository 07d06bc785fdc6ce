//! The kind `files` with real files in real folders.

mod bad_csv;
mod folder;
mod formats;
mod jsonl;
mod nasty;
mod schema;
mod sink;
mod support;
mod xlsx;
