//! The HTTP interface over a real store and a real bus.

mod access;
mod pages;
mod push;
mod registry;
mod repeat;
mod support;
