//! The store on real SQLite files.

mod engine;
mod publication;
mod quarantine;
mod receipt;
mod reconcile;
mod registry;
mod subscription_books;
mod support;
