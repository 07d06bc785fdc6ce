//! The core on the repository's own catalog.

mod catalog;
mod derived;
