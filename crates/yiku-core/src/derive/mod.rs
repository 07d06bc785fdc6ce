//! What follows from an entry and is never written twice: JSON Schema, Avro schema, SQL table,
//! CSV and Excel template; and the schemas of a library's entity.

mod avro_schema;
mod entity;
mod files;
mod json_schema;
mod judge;
mod table;
mod template;
#[cfg(test)]
pub(crate) mod test_entry;
mod workbook;

pub use avro_schema::avro_schema;
pub use entity::{entity_avro_schema, entity_json_schema};
pub use files::generated_files;
pub use json_schema::json_schema;
pub use judge::{InvalidSchema, check_schema, validator};
pub use table::{ColumnType, Dialect, TableColumn, add_column_sql, create_table_sql, table};
pub use template::csv_template;
pub use workbook::{WorkbookError, excel_template};
