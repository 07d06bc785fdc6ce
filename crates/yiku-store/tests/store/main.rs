//! The store on real SQLite files.

mod engine;
mod library;
mod merge;
mod merge_model;
mod publication;
mod quarantine;
mod receipt;
mod reconcile;
mod registry;
mod subscription_books;
mod support;
mod sweep;
