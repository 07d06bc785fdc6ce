//! Whether the process lives and can work. Says nothing else, so it needs no token.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Api,
    error::{ApiError, ErrorBody},
};

/// It is so.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Well {
    /// Always `true`.
    ok: bool,
}

/// Whether the process lives.
#[utoipa::path(
    get,
    operation_id = "show_alive",
    path = "/healthz",
    tag = "hub",
    responses((status = 200, description = "it lives", body = Well)),
)]
pub(crate) async fn alive() -> Json<Well> {
    Json(Well { ok: true })
}

/// Whether store and bus answer.
#[utoipa::path(
    get,
    operation_id = "show_ready",
    path = "/readyz",
    tag = "hub",
    responses(
        (status = 200, description = "both answer", body = Well),
        (status = 500, description = "`internal`: one does not", body = ErrorBody),
        (status = 503, description = "`busy`", body = ErrorBody),
    )
)]
pub(crate) async fn ready(State(api): State<Api>) -> Result<Json<Well>, ApiError> {
    let answers = async {
        let mut db = api.exchange.store().reader().await?;
        yiku_store::token::find(&mut db, "").await?;
        Ok::<_, ApiError>(api.exchange.check_bus().await?)
    };
    match tokio::time::timeout(READY_WITHIN, answers).await {
        Ok(answer) => answer.map(|()| Json(Well { ok: true })),
        Err(_) => Err(ApiError::Busy),
    }
}

const READY_WITHIN: std::time::Duration = std::time::Duration::from_secs(5);
