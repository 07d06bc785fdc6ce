//! Settings of the registry: what they are, and that nobody changes them here.

use axum::{
    body::Body,
    extract::{Path, State},
};
use serde_json::{Value, json};

use super::{
    answer::Answer,
    error::{PUBLISHING, RegistryError, Setting},
    query::{Query, plain},
    reader::Reader,
};
use crate::Api;

/// `GET /`
pub(super) async fn root(_: Reader) -> Answer {
    Answer::of(&json!({}))
}

/// `GET /contexts`: the default one.
pub(super) async fn contexts(_: Reader) -> Answer {
    Answer::of(&["."])
}

/// `GET /config`
pub(super) async fn level(_: Reader) -> Answer {
    Answer::of(&json!({ "compatibilityLevel": LEVEL }))
}

/// `GET /config/{subject}`
pub(super) async fn subject_level(
    State(api): State<Api>,
    reader: Reader,
    Path(subject): Path<String>,
    query: Query,
) -> Result<Answer, RegistryError> {
    check_subject(&api, subject, &query, Setting::Level)?;
    Ok(level(reader).await)
}

/// `GET /mode`
pub(super) async fn mode(_: Reader) -> Answer {
    Answer::of(&json!({ "mode": MODE }))
}

/// `GET /mode/{subject}`
pub(super) async fn subject_mode(
    State(api): State<Api>,
    reader: Reader,
    Path(subject): Path<String>,
    query: Query,
) -> Result<Answer, RegistryError> {
    check_subject(&api, subject, &query, Setting::Mode)?;
    Ok(mode(reader).await)
}

fn check_subject(
    api: &Api,
    subject: String,
    query: &Query,
    setting: Setting,
) -> Result<(), RegistryError> {
    let is_known = api.exchange.registry().versions(plain(&subject)).is_some();
    match is_known || query.flag(&["defaultToGlobal"]) {
        true => Ok(()),
        false => Err(RegistryError::NoSetting(subject, setting)),
    }
}

/// `PUT /config`, `PUT /config/{subject}`
pub(super) async fn set_level(
    State(api): State<Api>,
    reader: Reader,
    body: Body,
) -> Result<Answer, RegistryError> {
    match word(&api, body, "compatibility").await? {
        Some(level) if LEVELS.iter().any(|known| known.eq_ignore_ascii_case(&level)) => {
            refuse_change(State(api), reader).await
        }
        _ => Err(RegistryError::InvalidLevel),
    }
}

/// `PUT /mode`, `PUT /mode/{subject}`
pub(super) async fn set_mode(
    State(api): State<Api>,
    reader: Reader,
    body: Body,
) -> Result<Answer, RegistryError> {
    match word(&api, body, "mode").await? {
        Some(mode) if MODES.iter().any(|known| known.eq_ignore_ascii_case(&mode)) => {
            refuse_change(State(api), reader).await
        }
        _ => Err(RegistryError::InvalidMode),
    }
}

/// Whatever would change or delete something.
pub(super) async fn refuse_change(
    State(api): State<Api>,
    reader: Reader,
) -> Result<Answer, RegistryError> {
    let why = format!(
        "The registry is in read-only mode: subjects, versions and settings are never changed or \
         deleted by clients. {PUBLISHING}"
    );
    Err(reader.refuse(&api, None, RegistryError::NotPermitted(why)).await)
}

/// A text of a body that is an object.
async fn word(api: &Api, body: Body, name: &str) -> Result<Option<String>, RegistryError> {
    let (bytes, _) = api.room.receive_at_most(body, BYTES_MAX).await?;
    let value: Value = serde_json::from_slice(&bytes)
        .map_err(|error| RegistryError::BadBody(error.to_string()))?;
    Ok(value[name].as_str().map(str::to_owned))
}

/// A version's readers read what was written by the one before, within a major version.
const LEVEL: &str = "BACKWARD";
const MODE: &str = "READONLY";
const LEVELS: [&str; 7] = [
    "NONE",
    "BACKWARD",
    "BACKWARD_TRANSITIVE",
    "FORWARD",
    "FORWARD_TRANSITIVE",
    "FULL",
    "FULL_TRANSITIVE",
];
const MODES: [&str; 6] =
    ["READWRITE", "READONLY", "READONLY_OVERRIDE", "IMPORT", "FORWARD", "WRITEONLY"];
const BYTES_MAX: usize = 64 << 10;
