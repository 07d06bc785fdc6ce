//! The `sql` connector against real databases: SQLite files, PostgreSQL and MariaDB servers.

mod far;
mod schemas;
mod sink;
mod source;
mod source_errors;
mod source_values;
