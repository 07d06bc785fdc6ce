//! Pushed rows: checked and published like pulled ones, and answered row by row.
//!
//! A push is one batch on the line of the publisher [`PUSH`]. Its `Idempotency-Key`, the digest of
//! its body and its answer are published with the rows, in the same append: whatever breaks, either
//! all of it is there or nothing is. What happens after the body was read goes on even when the
//! caller hangs up, so that no append is left half-way.

use std::sync::Arc;

use axum::{
    Json,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::{IntoParams, ToSchema};
use yiku_bus::{
    BusError,
    publish::{CheckedBatch, Checking, LineState, RunKeys, Submission, check_batch},
};
use yiku_core::{
    batch::{Batch, Header},
    contract::Contract,
    entry::EntryName,
    mapping::{Mapping, MappingSpec, OperationMapping},
    operation::Operation,
    publication::{Idempotency, PublishedRun},
    receipt::Deed,
    row_version::{RowVersion, VersionParts},
    text_bytes::to_hex,
    violation::Violation,
};
use yiku_store::{StoreError, publication};

use super::{
    body::{self, Format, OPERATION, Packing},
    receive::Room,
};
use crate::{
    Api,
    entries::{self, FoundViolation},
    error::{ApiError, ErrorBody},
    exchange::ExchangeError,
    identity::{Caller, Refused},
};

/// Parameters of a push.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PushQuery {
    /// The entry's major version; the newest unless said. Its newest minor version is used.
    major: Option<u32>,
}

/// What became of a push.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PushAnswer {
    /// Rows that were taken.
    accepted: u64,
    /// Of these, rows with a warning.
    warned: u64,
    /// Rows that were not taken, in their order; at most 10,000 of them.
    rejected: Vec<RejectedPlace>,
    /// Rows that were not taken and are not listed above; GET /api/v1/quarantine has all.
    omitted: u64,
    /// Where it went.
    batch: PushedBatch,
}

/// A row that was not taken. It waits in quarantine.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RejectedPlace {
    /// Line of the body for NDJSON and CSV (the header is line 1), place in the array for JSON;
    /// from 1.
    place: u64,
    /// Everything that was found wrong.
    #[schema(value_type = Vec<FoundViolation>)]
    violations: Vec<Violation>,
}

/// The batch that a push became.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PushedBatch {
    /// The entry.
    #[schema(example = "public-security/household")]
    entry: String,
    /// The version that the rows were checked against.
    #[schema(example = "1.2.0")]
    version: String,
    /// The entry's line of pushes.
    line: u32,
    /// The batch's number on the line.
    number: u64,
}

/// Push rows of an entry.
///
/// The token must be one of the entry's department. All rows of the body are checked; those that
/// pass are published in one step, the others wait in quarantine with every reason, which the
/// answer repeats. A body that is broken off or cannot be read as a whole publishes nothing.
///
/// Names of columns are the entry's item names. A column `_operation` with `upsert` or `delete`
/// says what a row does; without it, or where it is empty, a row is an upsert. A delete needs only
/// the key items, and the item that orders rows of one key where the entry names one (`order_by`).
/// Two different rows of one key in one body are a violation (`duplicate-key`).
///
/// With an `Idempotency-Key` the call can be repeated safely: the same key and body give the answer
/// of the first call (with the header `Idempotency-Replayed: true`) and publish nothing anew, for
/// as long as the hub's books are kept. Without one, a repeated call publishes the rows again,
/// which changes nothing in a library unless newer rows came between the two.
#[utoipa::path(
    post,
    operation_id = "push_rows",
    path = "/api/v1/entries/{department}/{resource}/rows",
    tag = "rows",
    security(("token" = [])),
    params(
        ("department" = String, Path, description = "the department's name"),
        ("resource" = String, Path, description = "the resource's name"),
        PushQuery,
        ("Idempotency-Key" = Option<String>, Header,
         description = "1 to 200 visible ASCII characters, such as a UUID; no personal data"),
        ("Content-Encoding" = Option<String>, Header, description = "`gzip`, or none"),
    ),
    request_body(
        description = "rows, in UTF-8; at most `http.body_bytes_max` bytes after unpacking \
                       (64 MiB unless configured), 20,000 rows, 1,000 columns, 524,288 cells",
        content(
            (String = "application/x-ndjson", example = "{\"citizen_id\":\"…\",\"name\":\"…\"}\n"),
            (Vec<Object> = "application/json"),
            (String = "text/csv", example = "citizen_id,name\n…,…\n"),
        )
    ),
    responses(
        (status = 200, description = "the rows were checked, and those that pass are published",
         body = PushAnswer,
         headers(("Idempotency-Replayed" = Option<String>,
                  description = "`true` when this is the answer of an earlier call"))),
        (status = 400, description = "`invalid-parameter`, `body-cut-off`, `body-gzip`, \
            `body-not-utf-8`, `body-not-an-array`, `body-header`, `body-without-rows`",
         body = ErrorBody),
        (status = 401, description = "`unauthenticated`", body = ErrorBody),
        (status = 403, description = "`forbidden`: not the entry's department", body = ErrorBody),
        (status = 404, description = "`unknown-entry`, `unknown-version`", body = ErrorBody),
        (status = 408, description = "`body-too-slow`", body = ErrorBody),
        (status = 409, description = "`idempotency-key-reused`: the key with another body",
         body = ErrorBody),
        (status = 413, description = "`body-too-large`", body = ErrorBody),
        (status = 415, description = "`content-type`, `content-encoding`", body = ErrorBody),
    )
)]
pub(crate) async fn push(
    State(api): State<Api>,
    caller: Caller,
    Path((department, resource)): Path<(String, String)>,
    crate::parameters::Parameters(query): crate::parameters::Parameters<PushQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let contract = entries::contract(&api, &department, &resource, query.major)?;
    let entry = contract.entry().name.clone();
    if caller.department() != Some(entry.department()) {
        let refused = Refused {
            entry: Some(&entry),
            note: "push",
            zh: "只有该目录所属部门的令牌可以推送数据",
            en: "only a token of the entry's department may push rows",
        };
        return Err(caller.refuse(&api, refused).await);
    }
    let key = idempotency_key(&headers)?;
    let format = Format::of(text(&headers, header::CONTENT_TYPE).unwrap_or_default())?;
    let packing = Packing::of(text(&headers, header::CONTENT_ENCODING))?;
    let (packed, received) = api.room.receive(body).await?;
    let unpacked_max = match packing {
        Packing::Plain => packed.len(),
        Packing::Gzip => api.room.bytes_max(),
    };
    let mut work = api.room.work(unpacked_max).await;
    let bytes = blocking(unpacked_max, {
        let bytes_max = api.room.bytes_max();
        move || body::unpack(packing, packed, bytes_max)
    })
    .await??;
    Room::shrink(&mut work, bytes.len());
    drop(received);
    let request = Push { contract, actor: caller.actor(), key, format, major: query.major, bytes };
    // A task of its own: it ends even when the caller hangs up.
    let done = tokio::spawn(take(api, request, work)).await;
    let (answer, replayed) = done.map_err(|error| ApiError::Internal(error.into()))??;
    let mut response = Json(answer).into_response();
    if replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

struct Push {
    contract: Arc<Contract>,
    actor: String,
    key: Option<String>,
    format: Format,
    major: Option<u32>,
    bytes: Vec<u8>,
}

/// Publishes the rows, or finds the answer of an earlier call; says whether it was that.
async fn take(
    api: Api,
    push: Push,
    _work: OwnedSemaphorePermit,
) -> Result<(Value, bool), ApiError> {
    let Push { contract, actor, key, format, major, bytes } = push;
    let entry = contract.entry().name.clone();
    let exchange = api.exchange.clone();
    let _turn = match &key {
        Some(key) => Some(api.turns.take(&entry, key).await),
        None => None,
    };
    let size = bytes.len();
    let bytes = Arc::new(bytes);
    let idempotency = match key {
        None => None,
        Some(key) => {
            let (digester, bytes) = (exchange.digester().clone(), bytes.clone());
            let scope = format!("push {} {}", format.as_str(), major.unwrap_or_default());
            let digest = move || to_hex(&digester.bytes(&scope, &bytes));
            let digest = blocking(size, digest).await?;
            if let Some(answer) = earlier(&api, &entry, &key, &digest).await? {
                return Ok((answer, true));
            }
            Some(Idempotency { key, digest, answer: None })
        }
    };
    Ok((publish(&api, contract, actor, idempotency, format, bytes).await?, false))
}

/// The answer of an earlier call with this key and body.
async fn earlier(
    api: &Api,
    entry: &EntryName,
    key: &str,
    digest: &str,
) -> Result<Option<Value>, ApiError> {
    api.turns.settle(api.exchange.as_ref()).await?;
    let mut db = api.exchange.store().reader().await?;
    match publication::pushed(&mut db, PUSH, entry, key, digest).await {
        Ok(found) => Ok(found.and_then(|pushed| pushed.answer)),
        Err(StoreError::Refused { .. }) => Err(ApiError::KeyReused),
        Err(error) => Err(error.into()),
    }
}

async fn publish(
    api: &Api,
    contract: Arc<Contract>,
    actor: String,
    mut idempotency: Option<Idempotency>,
    format: Format,
    bytes: Arc<Vec<u8>>,
) -> Result<Value, ApiError> {
    let entry = contract.entry().name.clone();
    let version = contract.entry().version;
    let origin = actor.clone();
    let size = bytes.len();
    let batch = blocking(size, move || body::read(format, &bytes, &origin)).await??;
    let mut line = api.exchange.push_line(&entry).await?;
    let state = line.state().clone();
    let number = state.next_batch;
    let checked = blocking(size, {
        let state = state.clone();
        move || check(&contract, &batch, &state)
    })
    .await?;
    let answer = answer(&checked, &state, version.to_string());
    count(&entry, &checked);
    if let Some(idempotency) = &mut idempotency {
        idempotency.answer = Some(answer.clone());
    }
    let parts = VersionParts { line: state.line.number, order: number, ..Default::default() };
    let submission = Submission {
        connector: PUSH.into(),
        actor: actor.clone(),
        deed: Deed::Publish,
        version,
        position_after: serde_json::json!({ "batch": number }),
        run: Some(PublishedRun {
            number,
            begins: true,
            ends: true,
            full: false,
            version: RowVersion::new(parts),
            keyless: 0,
        }),
        idempotency,
        origin: actor,
        at_ms: api.exchange.now_ms(),
        note: String::new(),
    };
    let doubt = api.turns.doubt();
    match line.publish(checked, submission).await {
        Ok(_) => {}
        Err(ExchangeError::Bus(BusError::DiskFull)) => {
            doubt.dispel();
            return Err(ApiError::DiskFull);
        }
        Err(error) => return Err(error.into()),
    }
    drop(line);
    match api.exchange.carry().await {
        Ok(()) => doubt.dispel(),
        // The rows are durable, so the answer stands; the doubt makes the next call carry first.
        Err(error) => tracing::warn!(%error, "a push was published and not yet carried over"),
    }
    Ok(answer)
}

fn check(contract: &Contract, batch: &Batch, state: &LineState) -> CheckedBatch {
    let mapping = mapping(contract, &batch.header);
    let bound = mapping.bind(&batch.header);
    let checking = Checking {
        contract,
        bound: &bound,
        connector: PUSH,
        line: &state.line,
        batch: state.next_batch,
        retried: &[],
    };
    let checked = check_batch(&checking, batch, Some(&mut RunKeys::default()));
    checked.expect("the keys of a push stay in memory")
}

/// How pushed rows become an entry's: columns are matched by name, and `_operation`, where there is
/// such a column, says what a row does.
pub fn mapping(contract: &Contract, header: &Header) -> Mapping {
    let operation = header.position(OPERATION).map(|_| OperationMapping {
        from: OPERATION.to_owned(),
        codes: [Operation::Upsert, Operation::Delete]
            .map(|operation| (operation.as_str().to_owned(), operation))
            .into(),
    });
    let spec = MappingSpec { operation, ..MappingSpec::default() };
    Mapping::compile(Some(&spec), contract).expect("columns matched by name always compile")
}

fn answer(checked: &CheckedBatch, state: &LineState, version: String) -> Value {
    let rejected = checked.rejected();
    let place = |row: &yiku_core::publication::RejectedRow| RejectedPlace {
        place: row.place,
        violations: row.violations.clone(),
    };
    let answer = PushAnswer {
        accepted: checked.accepted(),
        warned: checked.warned(),
        rejected: rejected.iter().take(LISTED_MAX).map(place).collect(),
        omitted: rejected.len().saturating_sub(LISTED_MAX) as u64,
        batch: PushedBatch {
            entry: state.line.entry.to_string(),
            version,
            line: state.line.number,
            number: state.next_batch,
        },
    };
    serde_json::to_value(answer).expect("strings and numbers always serialise")
}

fn count(entry: &EntryName, checked: &CheckedBatch) {
    let outcomes =
        [("accepted", checked.accepted()), ("rejected", checked.rejected().len() as u64)];
    for (outcome, rows) in outcomes {
        metrics::counter!("yiku_pushed_rows", "entry" => entry.to_string(), "outcome" => outcome)
            .increment(rows);
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(KEY) else { return Ok(None) };
    let key = value.to_str().ok().map(str::trim);
    match key.filter(|key| (1..=200).contains(&key.len())) {
        Some(key) if key.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(Some(key.to_owned())),
        _ => Err(ApiError::parameter(
            "Idempotency-Key 须为 1 到 200 个可见 ASCII 字符，例如 UUID",
            "Idempotency-Key must be 1 to 200 visible ASCII characters, such as a UUID",
        )),
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Runs what takes the processor for a while where it stops nobody. What looks at few `bytes` is
/// done at once: going to another thread and back would take longer.
async fn blocking<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    if bytes <= AT_ONCE_BYTES {
        return Ok(work());
    }
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| ApiError::Internal(error.into()))
}

/// The publisher of pushed rows.
pub const PUSH: &str = "push";
/// A few rows, which take some tens of microseconds.
const AT_ONCE_BYTES: usize = 4 << 10;
/// Rejected rows that an answer lists.
const LISTED_MAX: usize = 10_000;
const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
