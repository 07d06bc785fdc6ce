//! Connectors to SQL databases: SQLite, PostgreSQL, MySQL and MariaDB.
//!
//! # Source
//!
//! A source reads a table (a view, a SELECT) in pages. A *run* is one pass.
//!
//! - With a **watermark**, a run reads what is above the last row read, ordered by watermark and
//!   tie, so that rows with equal watermarks are neither lost nor read twice. `overlap` makes a run
//!   begin that much earlier, to see what committed late; rows read again are harmless. Rows
//!   without a watermark are read at the begin of every run while they are few, and stop the source
//!   when they are many: their changes could not be seen otherwise.
//! - **Without** one, each run reads the whole table in the order of its key.
//!
//! A run's number rises with each run. After the end of a run there is nothing more; a source
//! opened anew begins the next run. Every statement is bounded in rows and time; the session can
//! only read; no connection is held between runs.
//!
//! Values become text as the database itself writes them: exact decimals, `yyyy-MM-dd`,
//! `yyyy-MM-dd HH:mm:ss[.fff]` without a zone, `yyyy-MM-ddTHH:mm:ss[.fff]Z` with one. Numbers 0 and
//! 1 become `false` and `true` where the entry's item of that name is a boolean.
//!
//! # Sink
//!
//! A sink writes each parcel in one transaction, by upserts and deletes by key, which have the same
//! effect when they are repeated. With `create: true` it makes the table and adds columns that
//! come with a new version of the entry. A row that the database refuses is reported with the
//! reason and without values; all others are written. Moments are written in UTC.

mod config;
mod database;
mod describe;
mod dialect;
mod failure;
mod mark;
mod page;
mod position;
mod quick;
mod sink;
mod source;
mod statement;
mod target;
mod watermark;
mod write;

use yiku_connector::ConnectorKind;

/// The kind `sql`.
pub static KIND: ConnectorKind = ConnectorKind {
    name: "sql",
    source_schema: include_str!("../source.schema.json"),
    sink_schema: include_str!("../sink.schema.json"),
    runs_are_whole: false,
    // The larger a transaction, the fewer times a page of the table's index is written.
    parcel_changes: 10_000,
    open_source: source::open,
    open_sink: sink::open,
};
