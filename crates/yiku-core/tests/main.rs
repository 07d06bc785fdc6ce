//! The core on the repository's own catalog, and what must hold between its parts.

mod agreement;
mod bodies;
mod catalog;
mod derived;
mod rows;
mod schemas;
mod strange;
