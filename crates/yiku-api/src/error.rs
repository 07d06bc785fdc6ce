//! The one error of the interface: a status, a stable code, and what to do in both languages.
//!
//! Causes inside of the hub (a database, a disk) are logged where the answer is made and never
//! reach the caller. No text quotes a value of a row.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;
use yiku_bus::BusError;
use yiku_store::StoreError;

use crate::{exchange::ExchangeError, rows::body::BodyError};

/// Why a call was not answered as asked. Each variant names who must act.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The caller must send a token.
    #[error("no valid token")]
    Unauthenticated,
    /// The caller may not; its department or role decides.
    #[error("{en}")]
    Forbidden { zh: String, en: String },
    /// There is no such path.
    #[error("no such path")]
    UnknownPath,
    /// The path knows other methods only.
    #[error("method not allowed")]
    Method,
    /// The caller named an entry that is not published.
    #[error("no entry `{0}`")]
    UnknownEntry(String),
    /// The caller named a version that is not published.
    #[error("no version {version} of `{entry}`")]
    UnknownVersion { entry: String, version: String },
    /// A query parameter or header is not what it should be.
    #[error("{en}")]
    Parameter { zh: String, en: String },
    /// The body cannot be taken.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The key stands for another body.
    #[error("the key was used with another body")]
    KeyReused,
    /// What the call asks for may not be done as it is.
    #[error("{en}")]
    Refused { zh: String, en: String },
    /// Something that the call names is not there.
    #[error("{en}")]
    Missing { zh: String, en: String },
    /// Too much at once: the caller tries again.
    #[error("busy")]
    Busy,
    /// The operator must free space.
    #[error("disk full")]
    DiskFull,
    /// The bus does not answer: the caller tries again.
    #[error("the bus does not answer")]
    BusAway(#[source] BusError),
    /// The store's database server does not answer: the caller tries again.
    #[error("the store does not answer")]
    StoreAway(#[source] StoreError),
    /// The hub has a defect or its machine a fault.
    #[error("the hub failed")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// An error as it is answered.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    /// A stable word for programs: kebab-case, never renamed.
    #[schema(example = "forbidden")]
    pub code: String,
    /// What is wrong and what to do, in Chinese.
    pub zh: String,
    /// What is wrong and what to do, in English.
    pub en: String,
}

impl ApiError {
    /// A parameter that is not what it should be.
    pub(crate) fn parameter(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::Parameter { zh: zh.into(), en: en.into() }
    }

    /// The status that it is answered with.
    pub(crate) fn status(&self) -> StatusCode {
        self.status_and_code().0
    }

    /// What is wrong and what to do, in English.
    pub(crate) fn en(&self) -> String {
        self.texts().1
    }

    /// Logs what is wrong inside of the hub; whoever makes an answer of the error does so.
    pub(crate) fn log(&self) {
        match self {
            Self::Internal(cause) => {
                tracing::error!(error = chain(cause.as_ref()), "a call failed");
            }
            Self::BusAway(cause) => tracing::warn!(error = %cause, "a call was not taken"),
            _ => {}
        }
    }

    fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated"),
            Self::Forbidden { .. } => (StatusCode::FORBIDDEN, "forbidden"),
            Self::UnknownPath => (StatusCode::NOT_FOUND, "unknown-path"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed"),
            Self::UnknownEntry(_) => (StatusCode::NOT_FOUND, "unknown-entry"),
            Self::UnknownVersion { .. } => (StatusCode::NOT_FOUND, "unknown-version"),
            Self::Parameter { .. } => (StatusCode::BAD_REQUEST, "invalid-parameter"),
            Self::Body(error) => error.status_and_code(),
            Self::KeyReused => (StatusCode::CONFLICT, "idempotency-key-reused"),
            Self::Refused { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "refused"),
            Self::Missing { .. } => (StatusCode::NOT_FOUND, "not-found"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Self::DiskFull => (StatusCode::INSUFFICIENT_STORAGE, "disk-full"),
            Self::BusAway(_) => (StatusCode::SERVICE_UNAVAILABLE, "bus-away"),
            Self::StoreAway(_) => (StatusCode::SERVICE_UNAVAILABLE, "store-away"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    fn texts(&self) -> (String, String) {
        let both = |zh: &str, en: &str| (zh.to_owned(), en.to_owned());
        match self {
            Self::Unauthenticated => both(
                "缺少有效令牌；请在 Authorization 头中以 Bearer 方式提供，令牌由管理员用 yiku token add 签发",
                "there is no valid token; send `Authorization: Bearer <token>`, an administrator \
                 makes one by `yiku token add`",
            ),
            Self::Forbidden { zh, en }
            | Self::Parameter { zh, en }
            | Self::Refused { zh, en }
            | Self::Missing { zh, en } => both(zh, en),
            Self::UnknownPath => {
                both("没有此路径；接口说明见 /docs", "there is no such path; see /docs")
            }
            Self::Method => both(
                "此路径不支持该方法；接口说明见 /docs",
                "the path does not know this method; see /docs",
            ),
            Self::UnknownEntry(entry) => (
                format!("没有已发布的目录“{entry}”；GET /api/v1/entries 列出全部目录"),
                format!("no entry `{entry}` is published; GET /api/v1/entries lists all of them"),
            ),
            Self::UnknownVersion { entry, version } => (
                format!(
                    "目录“{entry}”没有已发布的版本 {version}；GET /api/v1/entries/{entry} 列出各版本"
                ),
                format!(
                    "version {version} of `{entry}` is not published; \
                     GET /api/v1/entries/{entry} lists its versions"
                ),
            ),
            Self::Body(error) => (error.zh(), error.to_string()),
            Self::KeyReused => both(
                "此 Idempotency-Key 已用于另一请求内容；新的内容请换一个键",
                "this Idempotency-Key was used with another body; send a new body under a new key",
            ),
            Self::Busy => both("系统正忙，请稍后重试", "the hub is busy; try again in a moment"),
            Self::DiskFull => both(
                "中心磁盘已满，本次请求未保存任何内容；请联系运维人员，腾出空间后重试",
                "the hub's disk is full and nothing of this request was kept; tell its operator, \
                 then send it again",
            ),
            Self::BusAway(_) => both(
                "中心的总线（Kafka）暂时没有应答；请稍后以同一 Idempotency-Key 重试，不会丢失或重复",
                "the hub's bus (Kafka) does not answer; try again in a moment under the same \
                 Idempotency-Key, nothing is lost or doubled",
            ),
            Self::StoreAway(_) => both(
                "中心的数据库暂时没有应答；请稍后以同一 Idempotency-Key 重试，不会丢失或重复",
                "the hub's database does not answer; try again in a moment under the same \
                 Idempotency-Key, nothing is lost or doubled",
            ),
            Self::Internal(_) => both(
                "中心内部错误，已记入日志；请稍后以同一 Idempotency-Key 重试，仍失败时联系运维人员",
                "the hub failed and has logged why; try again under the same Idempotency-Key, and \
                 tell its operator if it stays",
            ),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.log();
        let (status, code) = self.status_and_code();
        let (zh, en) = self.texts();
        let mut response =
            (status, Json(ErrorBody { code: code.to_owned(), zh, en })).into_response();
        let headers = response.headers_mut();
        match status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let zh = error.zh();
        match error {
            StoreError::Refused { zh, en } => Self::Refused { zh, en },
            StoreError::Missing { .. } => Self::Missing { zh, en: error.to_string() },
            StoreError::Busy(_) => Self::Busy,
            StoreError::Full(_) => Self::DiskFull,
            away @ StoreError::Unreachable(_) => Self::StoreAway(away),
            other => Self::Internal(other.into()),
        }
    }
}

impl From<BusError> for ApiError {
    fn from(error: BusError) -> Self {
        match error {
            BusError::DiskFull => Self::DiskFull,
            away if away.may_pass() => Self::BusAway(away),
            other => Self::Internal(other.into()),
        }
    }
}

impl From<ExchangeError> for ApiError {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Refused { zh, en } => Self::Refused { zh, en },
            ExchangeError::Store(error) => error.into(),
            ExchangeError::Bus(error) => error.into(),
            ExchangeError::Failed(cause) => Self::Internal(cause),
        }
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
