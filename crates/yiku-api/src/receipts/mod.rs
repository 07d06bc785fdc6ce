//! Receipts: who did what with whose data, when, on what ground.

pub(crate) mod list;
