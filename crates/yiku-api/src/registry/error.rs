//! Errors as Confluent's registry says them: a status, a number, a message.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use yiku_core::registry::InvalidSchema;

use super::answer::Answer;
use crate::error::ApiError;

/// Why a call was not answered as asked.
#[derive(Debug)]
pub(super) enum RegistryError {
    UnknownPath,
    Method,
    NotAcceptable,
    MediaType,
    BadBody(String),
    UnknownSubject(String),
    UnknownVersion(u32),
    UnknownSchema(Option<u32>),
    /// The subject has no setting of its own; the word says which.
    NoSetting(String, Setting),
    InvalidSchema(String),
    InvalidVersion(String),
    InvalidLevel,
    InvalidMode,
    /// What is written is published through the catalog.
    NotPermitted(String),
    /// The subject, and what is in the way.
    Incompatible(String, Vec<String>),
    /// What any call of the hub may end with.
    Other(ApiError),
}

/// What a subject may have of its own in Confluent's registry.
#[derive(Clone, Copy, Debug)]
pub(super) enum Setting {
    Level,
    Mode,
}

impl RegistryError {
    fn status_and_code(&self) -> (StatusCode, u32) {
        let code = match self {
            Self::UnknownPath => 404,
            Self::Method => 405,
            Self::NotAcceptable => 406,
            Self::MediaType => 415,
            Self::BadBody(_) => 400,
            Self::UnknownSubject(_) => 40401,
            Self::UnknownVersion(_) => 40402,
            Self::UnknownSchema(_) => 40403,
            Self::NoSetting(_, Setting::Level) => 40408,
            Self::NoSetting(_, Setting::Mode) => 40409,
            Self::InvalidSchema(_) => 42201,
            Self::InvalidVersion(_) => 42202,
            Self::InvalidLevel => 42203,
            Self::InvalidMode => 42204,
            Self::NotPermitted(_) => 42205,
            Self::Incompatible(..) => 409,
            Self::Other(error) => match error.status() {
                status if status.is_server_error() => return (status, 50001),
                status => return (status, status.as_u16().into()),
            },
        };
        let status = if code > 1000 { code / 100 } else { code };
        let status = u16::try_from(status).ok().and_then(|code| StatusCode::from_u16(code).ok());
        (status.expect("a status begins each code"), code)
    }

    fn message(&self) -> String {
        match self {
            Self::UnknownPath => "HTTP 404 Not Found".into(),
            Self::Method => "HTTP 405 Method Not Allowed".into(),
            Self::NotAcceptable => "HTTP 406 Not Acceptable".into(),
            Self::MediaType => "HTTP 415 Unsupported Media Type".into(),
            Self::BadBody(problem) => format!("the body is no request of this call: {problem}"),
            Self::UnknownSubject(subject) => format!("Subject '{subject}' not found."),
            Self::UnknownVersion(version) => format!("Version {version} not found."),
            Self::UnknownSchema(Some(id)) => format!("Schema {id} not found"),
            Self::UnknownSchema(None) => "Schema not found".into(),
            Self::NoSetting(subject, Setting::Level) => {
                format!("Subject '{subject}' does not have subject-level compatibility configured")
            }
            Self::NoSetting(subject, Setting::Mode) => {
                format!("Subject '{subject}' does not have subject-level mode configured")
            }
            Self::InvalidSchema(problem) => format!(
                "Either the input schema or one its references is invalid. Details: {problem}"
            ),
            Self::InvalidVersion(version) => format!(
                "The specified version '{version}' is not a valid version id. Allowed values are \
                 between [1, 2^31-1] and the string \"latest\""
            ),
            Self::InvalidLevel => "Invalid compatibility level. Valid values are none, backward, \
                                   forward, full, backward_transitive, forward_transitive, and \
                                   full_transitive"
                .into(),
            Self::InvalidMode => {
                "Invalid mode. Valid values are READWRITE, READONLY, READONLY_OVERRIDE, IMPORT, \
                 and FORWARD."
                    .into()
            }
            Self::NotPermitted(what) => what.clone(),
            Self::Incompatible(subject, obstacles) => format!(
                "Schema being registered is incompatible with an earlier schema for subject \
                 \"{subject}\", details: [{}]. {PUBLISHING}",
                obstacles.join("; ")
            ),
            Self::Other(error) => error.en(),
        }
    }
}

impl IntoResponse for RegistryError {
    fn into_response(self) -> Response {
        if let Self::Other(error) = &self {
            error.log();
        }
        let (status, code) = self.status_and_code();
        let body = Answer::of(&json!({ "error_code": code, "message": self.message() }));
        let mut response = (status, body).into_response();
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"Yiku\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl From<ApiError> for RegistryError {
    fn from(error: ApiError) -> Self {
        Self::Other(error)
    }
}

impl From<InvalidSchema> for RegistryError {
    fn from(error: InvalidSchema) -> Self {
        Self::InvalidSchema(error.to_string())
    }
}

/// What to do instead of registering.
pub(super) const PUBLISHING: &str = "A schema follows from its catalog entry: change the entry's \
                                     file and publish it by `yiku catalog publish` \
                                     / 模式由目录条目生成：请修改条目文件并用 yiku catalog publish 发布";
