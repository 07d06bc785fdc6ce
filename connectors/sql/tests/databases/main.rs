//! The `sql` connector against real databases: SQLite files, PostgreSQL and MariaDB servers.

mod far;
mod source;
mod source_errors;
mod source_values;
