//! A kind of connector, as data.

use std::sync::Arc;

use serde_json::Value;
use yiku_core::derive::TableColumn;

use crate::{ConnectorError, Load, Position, Schemas, Sink, Source, Surroundings};

/// What the hub tells a connector about the rows it will carry.
#[derive(Clone, Debug)]
pub struct Access {
    /// The connector's name.
    pub connector: Arc<str>,
    /// Whether runs are changes or the whole.
    pub load: Load,
    /// Columns of the entry or of the grant, for templates and made tables.
    pub columns: Arc<[TableColumn]>,
    /// Which of them are the key.
    pub key: Arc<[usize]>,
    /// The published schemas, by number.
    pub schemas: Schemas,
    /// Where the connector lives: base folder, secrets, time zone.
    pub surroundings: Surroundings,
}

/// Makes a source of its configuration, to begin at a position.
pub type OpenSource = fn(Value, &Access, &Position) -> Result<Box<dyn Source>, ConnectorError>;

/// Makes a sink of its configuration.
pub type OpenSink = fn(Value, &Access) -> Result<Box<dyn Sink>, ConnectorError>;

/// One kind of connector. The binary's registry is a literal list of these.
pub struct ConnectorKind {
    /// The word after `kind:` in a connector file.
    pub name: &'static str,
    /// JSON Schema (2020-12) of what stands beside `kind:` in `source:`; empty when it cannot read.
    pub source_schema: &'static str,
    /// JSON Schema of what stands beside `kind:` in `sink:`; empty when it cannot write.
    pub sink_schema: &'static str,
    /// Whether a run is one whole thing, such as a file, in which no key may stand twice even when
    /// it only brings changes.
    pub runs_are_whole: bool,
    /// Changes that its sink takes at once when many wait.
    pub parcel_changes: u32,
    /// Opens a source at a position. Touches nothing outside yet.
    pub open_source: OpenSource,
    /// Opens a sink. Touches nothing outside yet.
    pub open_sink: OpenSink,
}
