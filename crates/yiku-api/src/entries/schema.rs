//! The JSON Schema of an entry's rows, derived from the entry.

use axum::{
    extract::{Path, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use yiku_core::derive;

use super::{MajorQuery, contract};
use crate::{
    Api,
    error::{ApiError, ErrorBody},
    identity::Caller,
    parameters::Parameters,
};

/// Show the JSON Schema (2020-12) of an entry's rows.
///
/// It says what the hub checks, except for what JSON Schema cannot say (check digits, cross-item
/// rules): that is listed in it as formats of ours and `x-` keywords.
#[utoipa::path(
    get,
    operation_id = "show_entry_schema",
    path = "/api/v1/entries/{department}/{resource}/schema",
    tag = "catalog",
    security(("token" = [])),
    params(
        ("department" = String, Path, description = "the department's name"),
        ("resource" = String, Path, description = "the resource's name"),
        MajorQuery,
    ),
    responses(
        (status = 200, description = "the schema", body = Object,
         content_type = "application/schema+json"),
        (status = 400, description = "`invalid-parameter`", body = ErrorBody),
        (status = 401, description = "`unauthenticated`", body = ErrorBody),
        (status = 404, description = "`unknown-entry`, `unknown-version`", body = ErrorBody),
    )
)]
pub(crate) async fn show(
    State(api): State<Api>,
    _: Caller,
    Path((department, resource)): Path<(String, String)>,
    Parameters(query): Parameters<MajorQuery>,
) -> Result<Response, ApiError> {
    let contract = contract(&api, &department, &resource, query.major)?;
    let schema = derive::json_schema(contract.entry(), &api.exchange.catalog().lists);
    let kind = HeaderValue::from_static("application/schema+json");
    Ok(([(header::CONTENT_TYPE, kind)], schema.to_string()).into_response())
}
