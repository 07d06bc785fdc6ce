//! The `sql` connector against real databases: SQLite files, PostgreSQL and MariaDB servers.

mod conformance;
mod far;
mod sink;
mod source;
mod source_errors;
mod source_values;
