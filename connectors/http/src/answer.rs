//! One request and its answer, bounded in time and bytes, and what its status means.

use std::error::Error;

use reqwest::{RequestBuilder, Response, StatusCode, header::LOCATION};
use yiku_connector::ConnectorError;

use crate::address::{Address, shown};

/// Sends a request. The error tells what kept the far side from answering.
pub async fn send(address: &Address, request: RequestBuilder) -> Result<Response, ConnectorError> {
    let request = request.headers(address.headers.clone());
    request.send().await.map_err(|error| unavailable(address, error))
}

/// Reads the body, of `bytes_max` bytes at most, unpacked. `remedy` says what to do about a larger
/// one.
pub async fn body(
    address: &Address,
    mut response: Response,
    bytes_max: usize,
    remedy: &str,
) -> Result<Vec<u8>, ConnectorError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unavailable(address, error))? {
        if body.len() + chunk.len() > bytes_max {
            return Err(unreadable(
                address,
                format!("the answer has more than {bytes_max} bytes: {remedy}"),
            ));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What a status that is no success means: who must act.
pub fn failure(address: &Address, response: &Response) -> ConnectorError {
    let status = response.status();
    let code = status.as_u16();
    let config = |problem: &str| {
        ConnectorError::Config(format!("{}: it answered {code}: {problem}", address.name))
    };
    match status {
        _ if status.is_redirection() => {
            let to = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let to = to.and_then(|to| response.url().join(to).ok());
            let to = to.map(|url| format!(" ({})", shown(&url))).unwrap_or_default();
            config(&format!("it points elsewhere{to}, which is not followed: give that address"))
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            config("it refuses the credentials: check `headers:`, or ask for access")
        }
        StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::METHOD_NOT_ALLOWED => {
            config("there is no such service: check the url")
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            later(address, code)
        }
        _ if status.is_server_error() => later(address, code),
        StatusCode::PAYLOAD_TOO_LARGE => unreadable(
            address,
            format!(
                "it answered {code}: the body is too large for it; its owner must raise the limit"
            ),
        ),
        _ => unreadable(
            address,
            format!(
                "it answered {code}: it does not understand the request; its owner must say why"
            ),
        ),
    }
}

/// The far side's answer is not what it should be.
pub fn unreadable(address: &Address, problem: impl Into<String>) -> ConnectorError {
    ConnectorError::Unreadable {
        system: address.name.clone(),
        problem: problem.into(),
        cause: None,
    }
}

fn later(address: &Address, code: u16) -> ConnectorError {
    ConnectorError::Unavailable {
        system: address.name.clone(),
        problem: format!("it answered {code}: it cannot serve just now"),
        cause: None,
    }
}

/// An answer that ends too early is an error of its decoding, too.
fn broke_off(error: &reqwest::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<reqwest::Error>());
    cause.is_some_and(reqwest::Error::is_body)
}

fn unavailable(address: &Address, error: reqwest::Error) -> ConnectorError {
    let problem = match () {
        () if error.is_timeout() && error.is_connect() => "it could not be reached in time",
        () if error.is_timeout() => "no answer in time",
        () if error.is_connect() => "it cannot be reached",
        () if error.is_decode() && !broke_off(&error) => {
            "its answer is packed in a way that cannot be unpacked"
        }
        () => "the connection broke off",
    };
    ConnectorError::Unavailable {
        system: address.name.clone(),
        problem: problem.into(),
        // The address may hold a secret in its query.
        cause: Some(Box::new(error.without_url())),
    }
}
