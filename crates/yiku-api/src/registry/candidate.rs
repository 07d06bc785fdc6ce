//! Schemas that clients send.

use axum::body::Body;
use serde::{Deserialize, de::IgnoredAny};
use yiku_core::registry::{Candidate, Format, Registry};

use super::{error::RegistryError, subjects::version_of};
use crate::Api;

/// What a client sends.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    schema: Option<String>,
    schema_type: Option<String>,
    references: Option<Vec<Reference>>,
    metadata: Option<IgnoredAny>,
    rule_set: Option<IgnoredAny>,
}

/// A schema whose names another one uses.
#[derive(Deserialize)]
struct Reference {
    subject: String,
    version: i64,
}

/// Reads the schema of a body.
pub(super) async fn receive(api: &Api, body: Body) -> Result<Candidate, RegistryError> {
    let (bytes, _) = api.room.receive_at_most(body, BYTES_MAX).await?;
    let sent: Sent = serde_json::from_slice(&bytes)
        .map_err(|error| RegistryError::BadBody(error.to_string()))?;
    if sent.metadata.is_some() || sent.rule_set.is_some() {
        let problem = "rules and metadata are those of the catalog entry; send the schema alone";
        return Err(RegistryError::InvalidSchema(problem.to_owned()));
    }
    let format = match sent.schema_type.as_deref() {
        None | Some("") => Format::Avro,
        Some(name) => Format::parse(name).ok_or_else(|| {
            RegistryError::InvalidSchema(format!("Invalid schema type {name}; AVRO and JSON exist"))
        })?,
    };
    let text = sent.schema.filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| RegistryError::InvalidSchema("Empty schema".to_owned()))?;
    let registry = api.exchange.registry();
    let referenced = references(&registry, format, &sent.references.unwrap_or_default())?;
    Ok(Candidate::read(format, &text, &referenced)?)
}

/// The texts of what is referenced: published schemas.
fn references<'a>(
    registry: &'a Registry,
    format: Format,
    references: &[Reference],
) -> Result<Vec<&'a str>, RegistryError> {
    let text = |one: &Reference| {
        let found = version_of(registry, &one.subject, &one.version.to_string());
        let found = found.ok().filter(|found| found.kept.format == format);
        found.map(|found| found.kept.text.as_str()).ok_or_else(|| {
            let problem = format!(
                "No schema reference found for subject {:?} version {}",
                one.subject, one.version
            );
            RegistryError::InvalidSchema(problem)
        })
    };
    references.iter().map(text).collect()
}

const BYTES_MAX: usize = 1 << 20;
