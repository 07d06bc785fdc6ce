//! What follows from an entry and is never written twice: JSON Schema, Avro schema, SQL table,
//! CSV and Excel template.

mod table;

pub use table::{ColumnType, TableColumn};
