//! Lists receipts, newest first. Looking at them leaves one, too.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use yiku_core::receipt::{Deed, Outcome};
use yiku_store::receipt::{self, Filter, Mark};

use crate::{
    Api,
    error::{ApiError, ErrorBody},
    identity::{self, Caller, Refused, Who},
    parameters::{Parameters, moment, page_size},
};

/// Which receipts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReceiptQuery {
    /// Of this department. A department's token sees its own only.
    department: Option<String>,
    /// Of this entry (`public-security/household`) or entity (`population.person`).
    resource: Option<String>,
    /// Under this grant.
    grant: Option<String>,
    /// By this actor: `token:<name>`, `connector:<name>`, `operator`, `hub`.
    actor: Option<String>,
    /// Of this deed, such as `publish`, `query`, `refuse`.
    deed: Option<String>,
    /// With this result: `ok`, `refused`, `failed`, `unknown`.
    result: Option<String>,
    /// Not before this moment, RFC 3339.
    from: Option<String>,
    /// Before this moment, RFC 3339.
    until: Option<String>,
    /// After the receipt that ends the page before: its `next`.
    after: Option<String>,
    /// Receipts on the page: 50 unless said, at most 500.
    limit: Option<u32>,
}

/// A page of receipts.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReceiptPage {
    /// The receipts as they are kept, byte for byte (they are hashed as they stand).
    #[schema(value_type = Vec<WrittenReceipt>)]
    receipts: Vec<Box<RawValue>>,
    /// What to send as `after` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A receipt.
#[derive(Serialize, ToSchema)]
#[schema(as = Receipt)]
#[allow(dead_code, reason = "only describes `yiku_core::receipt::Receipt`, which is answered")]
pub(crate) struct WrittenReceipt {
    /// Version of the form.
    v: u32,
    /// Which life of the installation: a restore starts another.
    incarnation: String,
    /// Who counts, such as `line/public-security/household/1`, `node/api`.
    stream: String,
    /// Place in the stream, from 1 without gaps.
    number: u64,
    /// When, RFC 3339 in UTC.
    at: String,
    /// What was done.
    deed: String,
    /// Who did it.
    actor: String,
    /// The department on whose behalf or about whose data.
    department: Option<String>,
    /// The entry with its version, or the library's entity.
    entry: Option<String>,
    /// The grant under which data was handed out or refused.
    grant: Option<String>,
    /// What for.
    purpose: Option<String>,
    /// The offsets taken or written.
    ranges: Option<Vec<WrittenRange>>,
    /// Counts by name.
    counts: Option<std::collections::BTreeMap<String, u64>>,
    /// Merkle root over the rows' keyed digests, hexadecimal.
    rows_root: Option<String>,
    /// How it ended: `ok`, `refused`, `failed`, `unknown`.
    result: String,
    /// Anything else worth knowing.
    note: Option<String>,
}

/// Offsets `from` up to, not including, `to`.
#[derive(Serialize, ToSchema)]
#[schema(as = Range)]
#[allow(dead_code, reason = "only describes `yiku_core::receipt::Range`, which is answered")]
pub(crate) struct WrittenRange {
    /// The bus.
    bus: String,
    /// The topic.
    topic: String,
    /// The partition.
    partition: u32,
    /// First offset.
    from: u64,
    /// The offset after the last one.
    to: u64,
}

/// List receipts, newest first. A department sees its own.
#[utoipa::path(
    get,
    operation_id = "list_receipts",
    path = "/api/v1/receipts",
    tag = "receipts",
    security(("token" = [])),
    params(ReceiptQuery),
    responses(
        (status = 200, description = "a page of receipts; leaves a receipt", body = ReceiptPage),
        (status = 400, description = "`invalid-parameter`", body = ErrorBody),
        (status = 401, description = "`unauthenticated`", body = ErrorBody),
        (status = 403, description = "`forbidden`: another department's", body = ErrorBody),
    )
)]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Parameters(query): Parameters<ReceiptQuery>,
) -> Result<Json<ReceiptPage>, ApiError> {
    let limit = page_size(query.limit)?;
    let mut filter = filter(&query)?;
    if let Who::Department(own) = caller.who() {
        if filter.department.as_ref().is_some_and(|asked| asked != own) {
            let refused = Refused {
                entry: None,
                note: "receipts",
                zh: "部门令牌只能查看本部门的存证；全部存证由审计人员查看",
                en: "a department's token sees its own receipts only; auditors see all",
            };
            return Err(caller.refuse(&api, refused).await);
        }
        filter.department = Some(own.clone());
    }
    let after = query.after.as_deref().map(mark).transpose()?;
    let mut db = api.exchange.store().reader().await?;
    let mut kept = receipt::list(&mut db, &filter, after, limit + 1).await?;
    drop(db);
    let more = kept.len() > limit as usize;
    kept.truncate(limit as usize);
    let mut receipt = caller.receipt(Deed::Query, api.exchange.now_ms());
    receipt.counts = [("receipts".to_owned(), kept.len() as u64)].into();
    receipt.note = "receipts".into();
    identity::keep(&api, receipt).await?;
    let next = kept.last().filter(|_| more).map(|last| {
        let (at, id) = last.mark();
        format!("{at}-{id}")
    });
    let raw = |text: String| RawValue::from_string(text).expect("a kept receipt is JSON");
    let receipts = kept.into_iter().map(|one| raw(one.bytes)).collect();
    Ok(Json(ReceiptPage { receipts, next }))
}

fn filter(query: &ReceiptQuery) -> Result<Filter, ApiError> {
    let unknown = |name: &str, known: &[&str]| {
        let known = known.join(", ");
        let zh = format!("{name} 取值有误；可用：{known}");
        ApiError::parameter(zh, format!("{name} is none of {known}"))
    };
    let deed = query.deed.as_deref().map(str::parse::<Deed>).transpose();
    let deed = deed.map_err(|_| unknown("deed", &Deed::ALL.map(Deed::as_str)))?;
    let result = query.result.as_deref().map(str::parse::<Outcome>).transpose();
    let result = result.map_err(|_| unknown("result", &Outcome::ALL.map(Outcome::as_str)))?;
    let limit_of = |name: &str, text: &Option<String>| {
        text.as_deref().map(|text| moment(name, text)).transpose()
    };
    Ok(Filter {
        department: query.department.clone(),
        resource: query.resource.clone(),
        grant: query.grant.clone(),
        actor: query.actor.clone(),
        deed,
        result,
        from_ms: limit_of("from", &query.from)?,
        until_ms: limit_of("until", &query.until)?,
    })
}

fn mark(text: &str) -> Result<Mark, ApiError> {
    let parts =
        text.split_once('-').and_then(|(at, id)| Some((at.parse().ok()?, id.parse().ok()?)));
    parts.ok_or_else(|| {
        ApiError::parameter("after 须为上一页的 next", "after must be `next` of a page")
    })
}
