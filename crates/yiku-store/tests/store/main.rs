//! The store on real SQLite files.

mod engine;
mod support;
