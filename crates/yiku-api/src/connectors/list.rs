//! Lists connectors. Their files are not shown: a department sees its own on the hub's machine.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use yiku_store::connector::{self, Connector};

use crate::{
    Api,
    error::{ApiError, ErrorBody},
    identity::Caller,
    parameters::written,
};

/// The connectors that a caller may see.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConnectorList {
    /// By name.
    connectors: Vec<ListedConnector>,
}

/// A connector.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListedConnector {
    /// Its name.
    name: String,
    /// `source` or `sink`.
    role: String,
    /// Its kind: `files`, `sql`, `http`.
    kind: String,
    /// The entry of a source, with the major version.
    entry: Option<String>,
    /// The grant of a sink.
    grant: Option<String>,
    /// The department whose system it is.
    department: String,
    /// `running`, `paused` (by a person) or `stopped` (by the hub: see the error).
    state: String,
    /// Since when, RFC 3339.
    state_at: String,
    /// When a run last went well.
    succeeded_at: Option<String>,
    /// Why the last run did not, in Chinese.
    error_zh: Option<String>,
    /// Why the last run did not, in English.
    error_en: Option<String>,
}

impl From<Connector> for ListedConnector {
    fn from(one: Connector) -> Self {
        Self {
            name: one.name,
            role: one.role.as_str().to_owned(),
            kind: one.kind,
            entry: one.entry,
            grant: one.grant_name,
            department: one.department,
            state: one.state.as_str().to_owned(),
            state_at: written(one.state_at),
            succeeded_at: one.succeeded_at.map(written),
            error_zh: one.error_zh,
            error_en: one.error_en,
        }
    }
}

/// List connectors. A department sees its own.
#[utoipa::path(
    get,
    operation_id = "list_connectors",
    path = "/api/v1/connectors",
    tag = "connectors",
    security(("token" = [])),
    responses(
        (status = 200, description = "the connectors by name", body = ConnectorList),
        (status = 401, description = "`unauthenticated`", body = ErrorBody),
    )
)]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
) -> Result<Json<ConnectorList>, ApiError> {
    let all = connector::list(&mut *api.exchange.store().reader().await?).await?;
    let own = |one: &Connector| caller.department().is_none_or(|own| own == one.department);
    let connectors = all.into_iter().filter(own).map(ListedConnector::from).collect();
    Ok(Json(ConnectorList { connectors }))
}
