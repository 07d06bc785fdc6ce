//! Ports nobody listens on.

use std::net::TcpListener;

/// A port of the loopback address that is free now. Another process may take it before its
/// receiver does; the servers of this crate are therefore tried again on another one.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
    listener.local_addr().expect("a bound listener has an address").port()
}
