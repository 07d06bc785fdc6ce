//! Connectors over HTTP: a source that asks a service for rows, a sink that calls a webhook.
//!
//! # Source
//!
//! A run asks for the rows, page by page until the last one. Pages are told apart by a number, or
//! by a cursor or link that each answer holds. With `since`, the greatest value of a column is kept
//! and sent with the next run's first request, so that only newer rows come. Rows are a JSON array
//! (somewhere in the answer), JSON lines, or CSV in UTF-8. A row that cannot be read is handed over
//! as such; an answer that cannot be read is an error.
//!
//! # Sink
//!
//! A parcel is one POST of JSON:
//!
//! ```json
//! { "idempotency_key": "…", "subject": "population.person",
//!   "changes": [
//!     { "operation": "upsert", "number": 7, "key": { "citizen_id": "…" }, "items": { "…": "…" } },
//!     { "operation": "withdraw", "number": 8, "key": { "citizen_id": "…" } } ] }
//! ```
//!
//! Texts, dates, moments and decimals are JSON strings, whole numbers and booleans are JSON's own.
//! `Idempotency-Key` is that of the body; a repeated call has the same one and the same body.
//! `Yiku-Signature: t=<seconds since 1970>,v1=<hex>` signs it: the HMAC-SHA256 of `<t>.<body>`
//! under the shared secret. The receiver answers 2xx when it has taken the parcel; with a body
//! `{"refused":[{"index":0,"reason":"…"}]}` when it has taken all changes but those; 409 when it had taken
//! it before.
//!
//! # Both
//!
//! Only `https://` unless the far side is this machine or the file says `insecure: true`; no
//! redirect is followed; every wait and every answer is bounded.

mod address;
mod answer;
mod config;
mod page;
mod pointer;
mod position;
mod sign;
mod sink;
mod source;

use yiku_connector::ConnectorKind;

/// The kind `http`.
pub static KIND: ConnectorKind = ConnectorKind {
    name: "http",
    source_schema: include_str!("../source.schema.json"),
    sink_schema: include_str!("../sink.schema.json"),
    runs_are_whole: false,
    // About 1 MB of JSON: what web servers take unless they are told otherwise.
    parcel_changes: 2_000,
    open_source: source::open,
    open_sink: sink::open,
};
