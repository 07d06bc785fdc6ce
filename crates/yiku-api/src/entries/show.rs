//! Shows one entry: what it says about itself, its items and rules.

use axum::{
    Json,
    extract::{Path, State},
};
use serde::Serialize;
use utoipa::ToSchema;
use yiku_core::{
    entry::{DataItem, EntryVersion, Rule},
    violation::Severity,
};

use super::{MajorQuery, Text, contract, list::ListedEntry};
use crate::{
    Api,
    error::{ApiError, ErrorBody},
    identity::Caller,
    parameters::Parameters,
};

/// One version of an entry.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShownEntry {
    /// What the list says of it.
    #[serde(flatten)]
    listed: ListedEntry,
    /// The day of publication.
    published_on: Option<String>,
    /// All published versions, oldest first.
    versions: Vec<String>,
    /// The system that holds the data.
    source_system: String,
    /// Ground on which the department collects the data.
    basis: String,
    /// 数据分类.
    category: String,
    /// 数据分级.
    grade: String,
    /// 使用条件 of shared data.
    conditions: Option<String>,
    /// 开放属性: `public`, `on-request` or `closed`.
    open: String,
    /// The items, in order.
    items: Vec<ShownItem>,
    /// Names of the key items.
    key: Vec<String>,
    /// The item that says which of two rows of one key is newer.
    order_by: Option<String>,
    /// Cross-item rules.
    rules: Vec<ShownRule>,
    /// Library entities that a row feeds.
    feeds: Vec<String>,
}

/// One data item.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShownItem {
    /// The column's name.
    name: String,
    /// Its Chinese name.
    zh: String,
    /// Its English name, if given.
    en: Option<String>,
    /// The standard's element id.
    std: Option<String>,
    /// Its type, such as `text`, `code`, `citizen-id`; the schema says more.
    #[serde(rename = "type")]
    kind: String,
    /// Whether each row must hold a value.
    required: bool,
    /// Sensitivity grade, where it is higher than the entry's.
    grade: Option<String>,
    /// How the value is hidden where it may not be seen whole.
    mask: String,
}

/// One cross-item rule.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShownRule {
    /// Its id, as violations name it.
    id: String,
    /// `reject` or `warn`.
    severity: String,
    /// What people read when it is broken.
    message: Text,
}

impl From<&DataItem> for ShownItem {
    fn from(item: &DataItem) -> Self {
        Self {
            name: item.name.clone(),
            zh: item.zh.clone(),
            en: item.en.clone(),
            std: item.std.clone(),
            kind: item.kind.as_str().to_owned(),
            required: item.required,
            grade: item.grade.clone(),
            mask: item.mask.to_text(),
        }
    }
}

impl From<&Rule> for ShownRule {
    fn from(rule: &Rule) -> Self {
        let severity = match rule.severity {
            Severity::Reject => "reject",
            Severity::Warn => "warn",
        };
        Self { id: rule.id.clone(), severity: severity.to_owned(), message: (&rule.message).into() }
    }
}

fn shown(entry: &EntryVersion, versions: Vec<String>) -> ShownEntry {
    let metadata = &entry.metadata;
    let item_name = |index: usize| entry.items[index].name.clone();
    ShownEntry {
        listed: entry.into(),
        published_on: entry.published_on.map(|day| day.to_string()),
        versions,
        source_system: metadata.source_system.clone(),
        basis: metadata.basis.clone(),
        category: metadata.category.clone(),
        grade: metadata.grade.clone(),
        conditions: metadata.share.conditions.clone(),
        open: metadata.open.clone(),
        items: entry.items.iter().map(ShownItem::from).collect(),
        key: entry.key.iter().map(|&index| item_name(index)).collect(),
        order_by: entry.order_by.map(item_name),
        rules: entry.rules.iter().map(ShownRule::from).collect(),
        feeds: entry.feeds.iter().map(|feed| feed.entity.clone()).collect(),
    }
}

/// Show one entry: metadata, items, rules.
#[utoipa::path(
    get,
    operation_id = "show_entry",
    path = "/api/v1/entries/{department}/{resource}",
    tag = "catalog",
    security(("token" = [])),
    params(
        ("department" = String, Path, description = "the department's name"),
        ("resource" = String, Path, description = "the resource's name"),
        MajorQuery,
    ),
    responses(
        (status = 200, description = "the entry", body = ShownEntry),
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
) -> Result<Json<ShownEntry>, ApiError> {
    let contract = contract(&api, &department, &resource, query.major)?;
    let published = api.exchange.published();
    let versions = published.versions(&contract.entry().name);
    let versions = versions.map(|contract| contract.entry().version.to_string()).collect();
    Ok(Json(shown(contract.entry(), versions)))
}
