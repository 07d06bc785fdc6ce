//! Query parameters, read strictly: an unknown name is an error, not a wish unheard.

use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// The query parameters of a call.
pub(crate) struct Parameters<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            // The rejection's own words quote what was sent.
            Err(_) => Err(ApiError::parameter(
                "查询参数有误：名称未知，或取值格式不符；各参数见 /docs",
                "a query parameter has an unknown name or a value of another form; /docs lists \
                 them",
            )),
        }
    }
}

/// How many rows a page has: what was asked, within bounds.
pub(crate) fn page_size(asked: Option<u32>) -> Result<u32, ApiError> {
    match asked.unwrap_or(PAGE) {
        size @ 1..=PAGE_MAX => Ok(size),
        _ => Err(ApiError::parameter(
            format!("limit 须在 1 到 {PAGE_MAX} 之间"),
            format!("limit must be from 1 to {PAGE_MAX}"),
        )),
    }
}

/// A moment as a parameter gives it.
pub(crate) fn moment(name: &str, text: &str) -> Result<i64, ApiError> {
    let read = chrono::DateTime::parse_from_rfc3339(text);
    read.map(|moment| moment.timestamp_millis()).map_err(|_| {
        ApiError::parameter(
            format!("{name} 不是时间；请写成 2026-12-01T08:00:00+08:00（+ 须编码为 %2B）"),
            format!("{name} is no moment; write 2026-12-01T08:00:00+08:00 (+ encoded as %2B)"),
        )
    })
}

/// A moment as answers give it: RFC 3339 in UTC.
pub(crate) fn written(at_ms: i64) -> String {
    let moment = chrono::DateTime::from_timestamp_millis(at_ms).unwrap_or_default();
    moment.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

const PAGE: u32 = 50;
const PAGE_MAX: u32 = 500;
