//! What the hub knows without touching anything: identifiers, code lists, catalog entries, the
//! contract that checks and encodes rows, libraries and the rule by which they are merged, grants,
//! masks, receipts. Values in, values out: no input or output, and never a look at the clock.

pub mod avro_row;
pub mod batch;
pub mod calendar;
pub mod catalog;
pub mod code_list;
pub mod contract;
pub mod department;
pub mod derive;
pub mod digest;
pub mod entry;
pub mod grant;
pub mod identifier;
pub mod json_row;
pub mod library;
pub mod mapping;
pub mod mask;
pub mod operation;
pub mod printable;
pub mod problem;
pub mod publication;
pub mod published;
pub mod receipt;
pub mod registry;
pub mod relay;
pub mod row_version;
pub mod text_bytes;
pub mod tree;
pub mod violation;
pub mod yaml;
