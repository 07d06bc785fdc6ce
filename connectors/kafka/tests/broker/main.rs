//! The kind `kafka` against a real broker.

mod bad_messages;
mod conformance;
mod lost;
mod refusals;
mod sink;
mod source;
mod support;
