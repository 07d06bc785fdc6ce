//! Bodies and media types: what a client accepts is what its answer is called. It is JSON always.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::error::RegistryError;

/// The body of an answer.
pub(super) struct Answer(Vec<u8>);

impl Answer {
    /// A value as JSON.
    pub(super) fn of(value: &impl Serialize) -> Self {
        Self(serde_json::to_vec(value).expect("texts and numbers serialise"))
    }

    /// A text that is JSON.
    pub(super) fn text(json: &str) -> Self {
        Self(json.as_bytes().to_vec())
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, HeaderValue::from_static(TYPES[0]))], self.0).into_response()
    }
}

/// Refuses bodies that cannot be read and wishes that cannot be met; names the answer's type.
pub(super) async fn negotiate(request: Request, next: Next) -> Response {
    let Some(accepted) = accepted(request.headers()) else {
        return RegistryError::NotAcceptable.into_response();
    };
    if !is_readable(request.headers()) {
        return RegistryError::MediaType.into_response();
    }
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(accepted));
    response
}

/// The type that the client likes best; of several, the first of ours.
fn accepted(headers: &HeaderMap) -> Option<&'static str> {
    if !headers.contains_key(header::ACCEPT) {
        return Some(TYPES[0]);
    }
    let mut best = (0.0, None);
    for kind in TYPES {
        let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let ranges = values.flat_map(|value| value.split(','));
        let weights = ranges.filter_map(|range| weight(range, kind));
        let weight = weights.fold(0.0, f32::max);
        if weight > best.0 {
            best = (weight, Some(kind));
        }
    }
    best.1
}

/// How much a range of `Accept` likes a type; `None` when it does not speak of it.
fn weight(range: &str, kind: &str) -> Option<f32> {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let speaks = name == "*/*" || name == "application/*" || name.eq_ignore_ascii_case(kind);
    let weight = parts.find_map(|part| part.strip_prefix("q=")).map(|weight| weight.parse());
    speaks.then(|| weight.and_then(Result::ok).unwrap_or(1.0))
}

fn is_readable(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return true };
    let name = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let readable = TYPES.iter().chain(&["application/octet-stream"]);
    readable.into_iter().any(|kind| name.eq_ignore_ascii_case(kind))
}

const TYPES: [&str; 3] = [
    "application/vnd.schemaregistry.v1+json",
    "application/vnd.schemaregistry+json",
    "application/json",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accept: &str, expected: Option<&str>) {
        let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
        assert_eq!(accepted(&headers), expected);
    }

    #[test]
    fn what_clients_accept() {
        assert_eq!(accepted(&HeaderMap::new()), Some(TYPES[0]));
        check("*/*", Some(TYPES[0]));
        check("application/json", Some(TYPES[2]));
        check("application/json, application/vnd.schemaregistry.v1+json;q=0.5", Some(TYPES[2]));
        let python = "application/vnd.schemaregistry.v1+json, application/vnd.schemaregistry+json, \
                      application/json";
        check(python, Some(TYPES[0]));
        check("text/html, */*; q=0.1", Some(TYPES[0]));
        check("text/html", None);
        check("application/json;q=0", None);
    }
}
