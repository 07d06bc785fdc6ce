//! Registers a connector by call, as `yiku connector add` does by file.
//!
//! For administrators only: a connector's file names folders and secrets of the hub's machine, so
//! who may add one may read what the hub's process may read.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Api,
    error::{ApiError, ErrorBody},
    identity::{Caller, Refused, Who},
};

/// A connector that was registered.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AddedConnector {
    /// Its name.
    name: String,
}

/// Register a connector, or change one of the same name. Needs the role `administrator`.
#[utoipa::path(
    post,
    operation_id = "add_connector",
    path = "/api/v1/connectors",
    tag = "connectors",
    security(("token" = [])),
    request_body(content = String, content_type = "application/yaml",
        description = "the connector's file; secrets are only named in it"),
    responses(
        (status = 201, description = "it is registered; leaves a receipt", body = AddedConnector),
        (status = 401, description = "`unauthenticated`", body = ErrorBody),
        (status = 403, description = "`forbidden`: not an administrator", body = ErrorBody),
        (status = 413, description = "`body-too-large`: more than 256 KiB", body = ErrorBody),
        (status = 422, description = "`refused`: the text says what and why", body = ErrorBody),
    )
)]
pub(crate) async fn add(
    State(api): State<Api>,
    caller: Caller,
    body: axum::body::Body,
) -> Result<Response, ApiError> {
    if *caller.who() != Who::Administrator {
        let refused = Refused {
            entry: None,
            note: "connector-add",
            zh: "登记连接器需要管理员令牌",
            en: "registering a connector needs an administrator's token",
        };
        return Err(caller.refuse(&api, refused).await);
    }
    let (bytes, _) = api.room.receive_at_most(body, FILE_BYTES_MAX).await?;
    let text = String::from_utf8(bytes).map_err(|error| {
        crate::rows::body::BodyError::Utf8(error.utf8_error().valid_up_to() + 1)
    })?;
    let exchange = api.exchange.clone();
    // A task of its own: it ends even when the caller hangs up.
    let adding = tokio::spawn(async move { exchange.add_connector(&text, &caller.actor()).await });
    let name = adding.await.map_err(|error| ApiError::Internal(error.into()))??;
    Ok((StatusCode::CREATED, Json(AddedConnector { name })).into_response())
}

const FILE_BYTES_MAX: usize = 256 << 10;
