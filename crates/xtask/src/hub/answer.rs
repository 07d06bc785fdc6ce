//! What the hub answers to `yiku status --json` and `yiku reconcile --json`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How everything stands.
#[derive(Clone, Debug, Deserialize)]
pub struct Status {
    /// Whether every source is drained, and merge and deliveries are at rest.
    pub settled: bool,
    /// Sources and sinks.
    pub connectors: Vec<Connector>,
    /// Entities of the libraries.
    pub libraries: Vec<Library>,
    /// Standing orders.
    pub subscriptions: Vec<Subscription>,
    /// Violations by code.
    pub violations: Vec<Violations>,
    /// Totals.
    pub rows: Rows,
}

/// Rows of all sources.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Rows {
    pub pulled: u64,
    pub accepted: u64,
    pub rejected: u64,
}

/// One connector; sinks have no entry.
#[derive(Clone, Debug, Deserialize)]
pub struct Connector {
    pub name: String,
    pub entry: Option<String>,
    pub state: String,
    pub error: Option<String>,
    #[serde(default)]
    pub pulled: u64,
    #[serde(default)]
    pub accepted: u64,
    #[serde(default)]
    pub rejected: u64,
    pub rows_per_s: Option<f64>,
}

/// One entity of a library.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Library {
    pub entity: String,
    pub rows: u64,
    pub history_rows: u64,
    pub conflicts: u64,
}

/// One subscription.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Subscription {
    pub name: String,
    pub offered: u64,
    pub delivered: u64,
    pub withheld: u64,
    pub parked: u64,
    pub folded: u64,
}

/// How often a code was found.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Violations {
    pub code: String,
    pub count: u64,
}

/// The books.
#[derive(Clone, Debug, Deserialize)]
pub struct Books {
    pub balanced: bool,
    pub equations: Vec<Equation>,
}

/// One equation: two sums that must be equal.
#[derive(Clone, Debug, Deserialize)]
pub struct Equation {
    /// Which of the equations, or a name.
    pub number: Value,
    pub subject: String,
    pub left: Vec<Term>,
    pub right: Vec<Term>,
    pub holds: bool,
}

/// One term of a sum.
#[derive(Clone, Debug, Deserialize)]
pub struct Term {
    pub name: String,
    pub value: i64,
}
