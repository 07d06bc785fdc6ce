//! The `http` connector against a small real HTTP server.

mod fake;
mod schemas;
mod sink;
mod source;
mod source_errors;
