//! The contract of the bus, as one text for both of its makes, and what only Kafka can do wrong.

mod contract;
mod engine;
mod foreign;
mod outage;
mod refusals;
mod transactions;
