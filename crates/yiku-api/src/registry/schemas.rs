//! Schemas by number.

use std::sync::Arc;

use axum::extract::{Path, State};
use serde::Serialize;
use serde_json::json;
use yiku_core::registry::{Format, RegisteredSchema, Registry};

use super::{
    answer::Answer,
    error::RegistryError,
    query::Query,
    reader::Reader,
    subjects::{ShownVersion, named_type},
};
use crate::Api;

/// A schema.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownSchema<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    schema_type: Option<&'static str>,
    schema: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_id: Option<u32>,
}

fn schema_of<'a>(
    registry: &'a Registry,
    id: &str,
) -> Result<&'a Arc<RegisteredSchema>, RegistryError> {
    let id: u32 = id.parse().map_err(|_| RegistryError::UnknownPath)?;
    registry.schema(id).ok_or(RegistryError::UnknownSchema(Some(id)))
}

/// `GET /schemas/ids/{id}`
pub(super) async fn show(
    State(api): State<Api>,
    _: Reader,
    Path(id): Path<String>,
    query: Query,
) -> Result<Answer, RegistryError> {
    let registry = api.exchange.registry();
    let found = schema_of(&registry, &id)?;
    let max_id = query.flag(&["fetchMaxId"]).then(|| registry.schemas().last());
    Ok(Answer::of(&ShownSchema {
        schema_type: named_type(found.kept.format),
        schema: &found.kept.text,
        max_id: max_id.flatten().map(|last| last.kept.id),
    }))
}

/// `GET /schemas/ids/{id}/schema`
pub(super) async fn text(
    State(api): State<Api>,
    _: Reader,
    Path(id): Path<String>,
) -> Result<Answer, RegistryError> {
    let registry = api.exchange.registry();
    Ok(Answer::text(&schema_of(&registry, &id)?.kept.text))
}

/// `GET /schemas/ids/{id}/subjects`
pub(super) async fn subjects(
    State(api): State<Api>,
    _: Reader,
    Path(id): Path<String>,
) -> Result<Answer, RegistryError> {
    let registry = api.exchange.registry();
    Ok(Answer::of(&[&schema_of(&registry, &id)?.subject]))
}

/// `GET /schemas/ids/{id}/versions`
pub(super) async fn versions(
    State(api): State<Api>,
    _: Reader,
    Path(id): Path<String>,
) -> Result<Answer, RegistryError> {
    let registry = api.exchange.registry();
    let found = schema_of(&registry, &id)?;
    Ok(Answer::of(&json!([{ "subject": found.subject, "version": found.number }])))
}

/// `GET /schemas`
pub(super) async fn list(State(api): State<Api>, _: Reader, query: Query) -> Answer {
    let registry = api.exchange.registry();
    let is_latest = |one: &RegisteredSchema| {
        let versions = registry.versions(&one.subject).unwrap_or_default();
        one.number as usize == versions.len()
    };
    let wanted = registry.schemas().filter(|one| {
        query.wants(&one.subject) && (!query.flag(&["latestOnly"]) || is_latest(one))
    });
    Answer::of(&query.page(wanted.map(|one| ShownVersion::new(one, &one.subject))))
}

/// `GET /schemas/types`
pub(super) async fn types(_: Reader) -> Answer {
    Answer::of(&Format::ALL.map(Format::as_str))
}
