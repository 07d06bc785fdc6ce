//! Whether a reader with the sent schema reads what is written by a version.

use axum::{
    body::Body,
    extract::{Path, State},
};
use serde_json::json;

use super::{
    answer::Answer, candidate::receive, error::RegistryError, query::Query, reader::Reader,
    subjects::version_of,
};
use crate::Api;

/// `POST /compatibility/subjects/{subject}/versions`: the level speaks of the latest version.
pub(super) async fn with_latest(
    api: State<Api>,
    reader: Reader,
    Path(subject): Path<String>,
    query: Query,
    body: Body,
) -> Result<Answer, RegistryError> {
    with_version(api, reader, Path((subject, "latest".to_owned())), query, body).await
}

/// `POST /compatibility/subjects/{subject}/versions/{version}`
pub(super) async fn with_version(
    State(api): State<Api>,
    _: Reader,
    Path((subject, version)): Path<(String, String)>,
    query: Query,
    body: Body,
) -> Result<Answer, RegistryError> {
    let candidate = receive(&api, body).await?;
    let registry = api.exchange.registry();
    let obstacles = version_of(&registry, &subject, &version)?.obstacles(&candidate);
    let mut answer = json!({ "is_compatible": obstacles.is_empty() });
    if query.flag(&["verbose"]) {
        answer["messages"] = obstacles.into();
    }
    Ok(Answer::of(&answer))
}
