//! All HTTP of the hub: the only crate with status codes.
//!
//! Handlers stand by noun and verb; [`router`](fn@router) names every route once, with what it
//! leaves behind. A handler checks who calls (`identity`), does its one thing, writes its receipt,
//! answers. What it needs of the hub is [`Exchange`]; this crate knows neither configuration nor
//! workers.
//!
//! A call without a token is answered only where nothing is said of anybody: health checks, the
//! pages and the document everywhere; status and metrics to a program on the hub's own machine.

mod connectors;
mod entries;
mod error;
mod exchange;
mod health;
mod identity;
mod metrics;
mod openapi;
mod page;
mod parameters;
mod quarantine;
mod receipts;
mod registry;
mod router;
mod rows;
pub mod status;

use std::{sync::Arc, time::Duration};

use metrics_exporter_prometheus::PrometheusHandle;

pub use exchange::{Exchange, ExchangeError, PushLine};
pub use router::router;
pub use rows::{
    body as push_body,
    push::{PUSH, mapping as push_mapping},
};

use rows::{receive::Room, turn::Turns};

/// What every handler works on. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    exchange: Arc<dyn Exchange>,
    room: Room,
    turns: Arc<Turns>,
    status: Arc<status::Remembered>,
    readers: Arc<registry::Readers>,
    metrics: PrometheusHandle,
}

/// Bounds of calls.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a body at most, after unpacking.
    pub body_bytes_max: usize,
    /// How long a body may stand still before its call is given up.
    pub body_idle: Duration,
}

impl Api {
    /// The interface of a hub. `metrics` renders the counters of this process.
    pub fn new(exchange: Arc<dyn Exchange>, limits: Limits, metrics: PrometheusHandle) -> Self {
        Self {
            exchange,
            room: Room::new(limits.body_bytes_max, limits.body_idle),
            turns: Arc::default(),
            status: Arc::default(),
            readers: Arc::default(),
            metrics,
        }
    }
}
