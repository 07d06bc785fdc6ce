//! Connectors: how the hub reads from and writes to departments' systems.

pub(crate) mod add;
pub(crate) mod list;
