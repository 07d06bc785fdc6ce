//! The `http` connector against a small real HTTP server.

mod conformance;
mod fake;
mod sink;
mod source;
mod source_errors;
