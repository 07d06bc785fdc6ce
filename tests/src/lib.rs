//! What end-to-end tests stand on: real servers, each a child process on loopback with a folder and
//! a free port of its own, gone when the test process is; the demo; a hub on a small catalog; the
//! power cut and other faults of the machine; real clients.

mod certificates;
mod client;
mod demo;
pub mod faults;
mod hub;
mod kafka;
mod mariadb;
mod port;
mod postgres;
pub mod power;
pub mod preload;
mod program;
mod server;
mod sqlite;
mod workbook;

pub use client::{node_client, python_client};
pub use demo::Demo;
pub use hub::{Hub, http};
pub use kafka::{Kafka, kafka};
pub use mariadb::{MariaDb, mariadb};
pub use port::free_port;
pub use postgres::{Postgres, postgres};
pub use program::{Ended, root, xtask, yiku, yiku_path};
pub use server::Server;
pub use sqlite::{sqlite, sqlite_value};
pub use workbook::workbook_with_password;
