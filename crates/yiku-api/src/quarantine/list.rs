//! Lists rejected rows: where they stand, what is wrong. Values appear masked, within the reasons.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use yiku_core::{
    entry::EntryName,
    receipt::Deed,
    violation::{Code, Violation},
};
use yiku_store::quarantine::{self, Filter, Quarantined};

use crate::{
    Api,
    entries::FoundViolation,
    error::{ApiError, ErrorBody},
    identity::{self, Caller, Refused, Who},
    parameters::{Parameters, page_size, written},
};

/// Which rejected rows.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct QuarantineQuery {
    /// Of this entry: `department/resource`.
    entry: Option<String>,
    /// That this connector brought; `push` for pushed rows.
    connector: Option<String>,
    /// That were rejected with this code.
    code: Option<String>,
    /// In this state: `open` unless said; `all` for any.
    state: Option<String>,
    /// After the row of this number: `next` of the page before.
    after: Option<i64>,
    /// Rows on the page: 50 unless said, at most 500.
    limit: Option<u32>,
}

/// A page of rejected rows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QuarantinePage {
    /// The rows by number.
    rows: Vec<ListedRow>,
    /// What to send as `after` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<i64>,
}

/// A rejected row.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListedRow {
    /// Its number.
    id: i64,
    /// `open`, `queued`, `redriven`, `returned`, `overtaken` or `dropped`.
    state: String,
    /// The entry.
    entry: String,
    /// The version that it was checked against.
    version: String,
    /// Who brought it.
    connector: String,
    /// Where it comes from: a file, a table, a caller.
    origin: String,
    /// Its place there: a line of the file, an index.
    place: u64,
    /// When it was rejected, RFC 3339.
    at: String,
    /// Everything that was found wrong.
    #[schema(value_type = Vec<FoundViolation>)]
    violations: Vec<Violation>,
}

impl From<Quarantined> for ListedRow {
    fn from(one: Quarantined) -> Self {
        Self {
            id: one.id,
            state: one.state.as_str().to_owned(),
            entry: one.row.entry.to_string(),
            version: one.row.version.to_string(),
            connector: one.row.connector,
            origin: one.row.origin,
            place: one.row.place,
            at: written(one.at_ms),
            violations: one.row.violations,
        }
    }
}

/// List rejected rows. A department sees those of its own entries.
#[utoipa::path(
    get,
    operation_id = "list_rejected_rows",
    path = "/api/v1/quarantine",
    tag = "rows",
    security(("token" = [])),
    params(QuarantineQuery),
    responses(
        (status = 200, description = "a page of rows; leaves a receipt", body = QuarantinePage),
        (status = 400, description = "`invalid-parameter`", body = ErrorBody),
        (status = 401, description = "`unauthenticated`", body = ErrorBody),
        (status = 403, description = "`forbidden`: another department's entry", body = ErrorBody),
    )
)]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Parameters(query): Parameters<QuarantineQuery>,
) -> Result<Json<QuarantinePage>, ApiError> {
    let limit = page_size(query.limit)?;
    let filter = filter(&query, &caller)?;
    if let (Some(entry), Who::Department(department)) = (&filter.entry, caller.who())
        && entry.department() != department
    {
        let refused = Refused {
            entry: Some(entry),
            note: "quarantine",
            zh: "部门令牌只能查看本部门目录的隔离数据",
            en: "a department's token sees rejected rows of its own entries only",
        };
        return Err(caller.refuse(&api, refused).await);
    }
    let mut db = api.exchange.store().reader().await?;
    let mut rows = quarantine::list(&mut db, &filter, query.after.unwrap_or(0), limit + 1).await?;
    drop(db);
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let mut receipt = caller.receipt(Deed::Query, api.exchange.now_ms());
    receipt.entry = filter.entry.as_ref().map(ToString::to_string);
    receipt.counts = [("rows".to_owned(), rows.len() as u64)].into();
    receipt.note = "quarantine".into();
    identity::keep(&api, receipt).await?;
    let next = rows.last().filter(|_| more).map(|row| row.id);
    Ok(Json(QuarantinePage { rows: rows.into_iter().map(ListedRow::from).collect(), next }))
}

fn filter(query: &QuarantineQuery, caller: &Caller) -> Result<Filter, ApiError> {
    let entry = query.entry.as_deref().map(str::parse::<EntryName>).transpose();
    let entry = entry.map_err(|_| {
        ApiError::parameter(
            "entry 须写成 部门/资源，例如 public-security/household",
            "entry must be department/resource, such as public-security/household",
        )
    })?;
    let code = query.code.as_deref().map(str::parse::<Code>).transpose();
    let code = code.map_err(|_| {
        let known = Code::ALL.map(Code::as_str).join(", ");
        ApiError::parameter(
            format!("code 不是问题代码；可用：{known}"),
            format!("code is none of {known}"),
        )
    })?;
    let states = match query.state.as_deref().unwrap_or("open") {
        "all" => Vec::new(),
        state => vec![state.parse().map_err(|_| {
            let known = quarantine::State::ALL.map(quarantine::State::as_str).join(", ");
            ApiError::parameter(
                format!("state 不是隔离状态；可用：all, {known}"),
                format!("state is none of all, {known}"),
            )
        })?],
    };
    Ok(Filter {
        department: caller.department().map(str::to_owned),
        entry,
        connector: query.connector.clone(),
        code,
        states,
    })
}
