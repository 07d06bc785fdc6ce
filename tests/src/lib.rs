//! What end-to-end tests stand on: real servers, each a child process on loopback with a folder and
//! a free port of its own, gone when the test process is; and the demo.

mod demo;
mod mariadb;
mod port;
mod postgres;
mod server;

pub use demo::{Demo, Ended};
pub use mariadb::{MariaDb, mariadb};
pub use port::free_port;
pub use postgres::{Postgres, postgres};
pub use server::Server;
