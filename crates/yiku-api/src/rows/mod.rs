//! Rows: pushed to the hub.

pub(crate) mod body;
pub(crate) mod push;
pub(crate) mod receive;
pub(crate) mod turn;
