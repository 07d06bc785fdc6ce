//! Lists the published entries.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;
use yiku_core::entry::{EntryVersion, SharingClass};

use super::Text;
use crate::{
    Api,
    error::{ApiError, ErrorBody},
    identity::Caller,
};

/// The published entries.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntryList {
    /// By name.
    entries: Vec<ListedEntry>,
}

/// One entry.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListedEntry {
    /// Department and resource.
    #[schema(example = "public-security/household")]
    pub entry: String,
    /// The newest published version.
    #[schema(example = "1.2.0")]
    pub version: String,
    /// 信息资源代码.
    pub code: String,
    /// 信息资源名称.
    pub name: Text,
    /// 信息资源摘要.
    pub summary: Text,
    /// 更新周期.
    pub update: String,
    /// 共享属性: `unconditional`, `conditional` or `withheld`.
    pub share: String,
}

impl From<&EntryVersion> for ListedEntry {
    fn from(entry: &EntryVersion) -> Self {
        let metadata = &entry.metadata;
        Self {
            entry: entry.name.to_string(),
            version: entry.version.to_string(),
            code: metadata.code.clone(),
            name: (&metadata.name).into(),
            summary: (&metadata.summary).into(),
            update: metadata.update.clone(),
            share: match metadata.share.class {
                SharingClass::Unconditional => "unconditional",
                SharingClass::Conditional => "conditional",
                SharingClass::Withheld => "withheld",
            }
            .to_owned(),
        }
    }
}

/// List the published entries, each in its newest version.
#[utoipa::path(
    get,
    operation_id = "list_entries",
    path = "/api/v1/entries",
    tag = "catalog",
    security(("token" = [])),
    responses(
        (status = 200, description = "the entries by name", body = EntryList),
        (status = 401, description = "`unauthenticated`", body = ErrorBody),
    )
)]
pub(crate) async fn list(State(api): State<Api>, _: Caller) -> Result<Json<EntryList>, ApiError> {
    let published = api.exchange.published();
    let newest = published.names().filter_map(|name| published.newest(name));
    let entries = newest.map(|contract| ListedEntry::from(contract.entry().as_ref())).collect();
    Ok(Json(EntryList { entries }))
}
