//! Subjects and their versions.

use std::sync::Arc;

use axum::extract::{Path, State};
use serde::Serialize;
use yiku_core::registry::{Format, RegisteredSchema, Registry};

use super::{
    answer::Answer,
    error::RegistryError,
    query::{Query, VersionAsked, plain},
    reader::Reader,
};
use crate::Api;

/// A version of a subject.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownVersion<'a> {
    pub subject: &'a str,
    pub version: u32,
    pub id: u32,
    /// Left out for Avro, as Confluent does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_type: Option<&'static str>,
    pub schema: &'a str,
}

impl<'a> ShownVersion<'a> {
    /// A version under the name by which it was asked for.
    pub(super) fn new(one: &'a RegisteredSchema, subject: &'a str) -> Self {
        Self {
            subject,
            version: one.number,
            id: one.kept.id,
            schema_type: named_type(one.kept.format),
            schema: &one.kept.text,
        }
    }
}

/// The type as answers name it; Avro goes without saying.
pub(super) fn named_type(format: Format) -> Option<&'static str> {
    (format != Format::Avro).then(|| format.as_str())
}

/// The versions of a subject.
pub(super) fn versions_of<'a>(
    registry: &'a Registry,
    subject: &str,
) -> Result<&'a [Arc<RegisteredSchema>], RegistryError> {
    let versions = registry.versions(plain(subject));
    versions.ok_or_else(|| RegistryError::UnknownSubject(subject.to_owned()))
}

/// One version of a subject.
pub(super) fn version_of<'a>(
    registry: &'a Registry,
    subject: &str,
    version: &str,
) -> Result<&'a Arc<RegisteredSchema>, RegistryError> {
    let asked = VersionAsked::parse(version)?;
    let versions = versions_of(registry, subject)?;
    match asked {
        VersionAsked::Latest => Ok(versions.last().expect("a subject has a version")),
        VersionAsked::Number(number) => {
            let found = versions.get(number as usize - 1);
            found.ok_or(RegistryError::UnknownVersion(number))
        }
    }
}

/// `GET /subjects`
pub(super) async fn list(State(api): State<Api>, _: Reader, query: Query) -> Answer {
    let registry = api.exchange.registry();
    let all = registry.subjects().filter(|name| !query.deleted_only() && query.wants(name));
    Answer::of(&query.page(all))
}

/// `GET /subjects/{subject}/versions`
pub(super) async fn versions(
    State(api): State<Api>,
    _: Reader,
    Path(subject): Path<String>,
    query: Query,
) -> Result<Answer, RegistryError> {
    let registry = api.exchange.registry();
    let all = versions_of(&registry, &subject)?.iter().map(|one| one.number);
    Ok(Answer::of(&query.page(all.filter(|_| !query.deleted_only()))))
}

/// `GET /subjects/{subject}/versions/{version}`
pub(super) async fn version(
    State(api): State<Api>,
    _: Reader,
    Path((subject, version)): Path<(String, String)>,
) -> Result<Answer, RegistryError> {
    let registry = api.exchange.registry();
    let found = version_of(&registry, &subject, &version)?;
    Ok(Answer::of(&ShownVersion::new(found, &found.subject)))
}

/// `GET /subjects/{subject}/versions/{version}/schema`
pub(super) async fn schema(
    State(api): State<Api>,
    _: Reader,
    Path((subject, version)): Path<(String, String)>,
) -> Result<Answer, RegistryError> {
    let registry = api.exchange.registry();
    let found = version_of(&registry, &subject, &version)?;
    Ok(Answer::text(&found.kept.text))
}

/// `GET /subjects/{subject}/versions/{version}/referencedby`: each schema stands for itself.
pub(super) async fn referenced_by(
    State(api): State<Api>,
    _: Reader,
    Path((subject, version)): Path<(String, String)>,
) -> Result<Answer, RegistryError> {
    version_of(&api.exchange.registry(), &subject, &version)?;
    Ok(Answer::of(&[0_u32; 0]))
}
