//! Rows: pushed to the hub.

pub mod body;
pub(crate) mod push;
pub(crate) mod receive;
pub(crate) mod turn;
