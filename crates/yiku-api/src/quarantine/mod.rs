//! Rejected rows, with their reasons and without their values.

pub(crate) mod list;
