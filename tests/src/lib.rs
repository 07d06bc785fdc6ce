//! Starts the real servers that tests talk to: each a child process on loopback with a folder and a
//! free port of its own, gone when the test process is.

mod mariadb;
mod port;
mod postgres;
mod server;

pub use mariadb::{MariaDb, mariadb};
pub use port::free_port;
pub use postgres::{Postgres, postgres};
pub use server::Server;
