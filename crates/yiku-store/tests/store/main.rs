//! The store on real SQLite files.

mod engine;
mod publication;
mod quarantine;
mod receipt;
mod registry;
mod support;
