//! The kinds of connectors this hub has. To add one: its folder, a dependency, a line here.

use anyhow::Context;
use yiku_connector::ConnectorKind;

/// Every kind.
pub static KINDS: [&ConnectorKind; 4] =
    [&connector_files::KIND, &connector_http::KIND, &connector_kafka::KIND, &connector_sql::KIND];

/// The kind of this name.
pub fn kind(name: &str) -> anyhow::Result<&'static ConnectorKind> {
    KINDS.into_iter().find(|kind| kind.name == name).with_context(|| {
        let names: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
        format!("`kind: {name}` is none of {}", names.join(", "))
    })
}
