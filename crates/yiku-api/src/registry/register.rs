//! What clients ask before they write: the number of their schema. One that is equal to a published
//! version has its number, under whatever subject; no other one can be registered here.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, State},
};
use serde_json::json;
use yiku_core::registry::{Candidate, RegisteredSchema, Registry};

use super::{
    answer::Answer,
    candidate::receive,
    error::{PUBLISHING, RegistryError},
    query::plain,
    reader::Reader,
    subjects::ShownVersion,
};
use crate::Api;

/// The published schema that is equal: the subject's own if it is one of ours, else anybody's.
fn equal<'a>(
    registry: &'a Registry,
    subject: &str,
    candidate: &Candidate,
) -> Option<&'a Arc<RegisteredSchema>> {
    let own = registry.versions(subject).map(|_| subject);
    registry.equal(candidate, own)
}

/// `POST /subjects/{subject}`: the version that is equal.
pub(super) async fn look_up(
    State(api): State<Api>,
    _: Reader,
    Path(subject): Path<String>,
    body: Body,
) -> Result<Answer, RegistryError> {
    let candidate = receive(&api, body).await?;
    let registry = api.exchange.registry();
    match equal(&registry, plain(&subject), &candidate) {
        Some(found) => Ok(Answer::of(&ShownVersion::new(found, &subject))),
        None if registry.versions(plain(&subject)).is_none() => {
            Err(RegistryError::UnknownSubject(subject))
        }
        None => Err(RegistryError::UnknownSchema(None)),
    }
}

/// `POST /subjects/{subject}/versions`: the number of the version that is equal, or a refusal.
pub(super) async fn register(
    State(api): State<Api>,
    reader: Reader,
    Path(subject): Path<String>,
    body: Body,
) -> Result<Answer, RegistryError> {
    let candidate = receive(&api, body).await?;
    let registry = api.exchange.registry();
    if let Some(found) = equal(&registry, plain(&subject), &candidate) {
        return Ok(Answer::of(&json!({ "id": found.kept.id })));
    }
    let latest = registry.versions(plain(&subject)).and_then(<[_]>::last);
    let entry = latest.and_then(|latest| latest.kept.of.entry());
    let obstacles = latest.map(|latest| latest.obstacles(&candidate)).unwrap_or_default();
    let why = match obstacles.is_empty() {
        true => RegistryError::NotPermitted(format!(
            "Subject {subject} is in read-only mode: the schema is equal to no published version. \
             {PUBLISHING}"
        )),
        false => RegistryError::Incompatible(subject, obstacles),
    };
    Err(reader.refuse(&api, entry, why).await)
}
