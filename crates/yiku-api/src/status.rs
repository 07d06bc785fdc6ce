//! How everything stands: counts and names, no personal data.

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Serialize;
use tokio::{sync::Mutex, time::Instant};
use utoipa::ToSchema;

use crate::{
    Api,
    error::{ApiError, ErrorBody},
    identity::Onlooker,
};

/// How a hub stands. Counts are totals of the installation, not of a process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Status {
    /// When this was counted, RFC 3339.
    pub at: String,
    /// The hub's version.
    pub version: String,
    /// How far the machine's clock is behind the newest receipt, in seconds: it was set back.
    pub clock_behind_s: u64,
    /// Whether every running source was looked at to its end, and all that follows is done.
    pub settled: bool,
    /// Rows of all connectors.
    pub rows: RowTotals,
    /// Sources, sinks, and for each entry what was pushed or sent through again.
    pub connectors: Vec<ConnectorStatus>,
    /// Entities of the base libraries.
    pub libraries: Vec<EntityStatus>,
    /// What departments receive.
    pub subscriptions: Vec<SubscriptionStatus>,
    /// How often each violation was found, most frequent first.
    pub violations: Vec<ViolationTotal>,
    /// Rejected rows by what was decided about them.
    pub quarantine: Vec<StateTotal>,
    /// Rows published and not yet merged, by topic.
    pub waiting: Vec<TopicWaiting>,
}

/// Rows by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct RowTotals {
    /// Rows that sources handed over.
    pub pulled: u64,
    /// Rows on the bus.
    pub accepted: u64,
    /// Rows in quarantine.
    pub rejected: u64,
}

/// How a connector stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct ConnectorStatus {
    /// Its name; `push` for rows that were pushed, `redrive` for rows out of quarantine.
    pub name: String,
    /// `source`, `sink`, or `hub` for what the hub publishes by itself.
    pub role: String,
    /// Its kind, such as `files`, `sql`, `http`.
    pub kind: Option<String>,
    /// The entry of a source.
    pub entry: Option<String>,
    /// The grant of a sink.
    pub grant: Option<String>,
    /// `running`, `paused` (by a person) or `stopped` (by the hub: see the error).
    pub state: String,
    /// Its rows.
    #[serde(flatten)]
    pub rows: RowTotals,
    /// Rows a second between its first batch and its last.
    pub rows_per_s: Option<u64>,
    /// When a run last went well, RFC 3339.
    pub succeeded_at: Option<String>,
    /// Why the last run did not, in English.
    pub error: Option<String>,
    /// Why the last run did not, in Chinese.
    pub error_zh: Option<String>,
}

/// How an entity of a library stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct EntityStatus {
    /// Library and entity, such as `population.person`.
    pub entity: String,
    /// Current rows.
    pub rows: u64,
    /// Replaced rows that are kept.
    pub history_rows: u64,
    /// Conflicts between sources.
    pub conflicts: u64,
    /// Changes that the entity's topic does not tell of yet; absent where the bus has no such
    /// topics.
    pub backlog: Option<u64>,
}

/// How a subscription stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct SubscriptionStatus {
    /// Its name: that of its sink.
    pub name: String,
    /// The grant that it rests on.
    pub grant: String,
    /// The entity or entry whose changes it gets.
    pub subject: String,
    /// Why nothing is delivered now; empty when it is.
    pub refused: String,
    /// Changes offered to it.
    pub offered: u64,
    /// Changes delivered.
    pub delivered: u64,
    /// Changes that the grant keeps back.
    pub withheld: u64,
    /// Changes that its sink did not take.
    pub parked: u64,
    /// Changes folded into a later one of the same key.
    pub folded: u64,
    /// Changes that a person gave up.
    pub dropped: u64,
}

/// How often a violation was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct ViolationTotal {
    /// The code.
    pub code: String,
    /// Times found.
    pub count: u64,
}

/// Rejected rows in one state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct StateTotal {
    /// `open`, `queued`, `redriven`, `returned`, `overtaken` or `dropped`.
    pub state: String,
    /// Rows.
    pub count: u64,
}

/// Rows of a topic that wait.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct TopicWaiting {
    /// The entry.
    pub entry: String,
    /// Rows that are published and not yet merged.
    pub rows: u64,
}

/// The last status and until when it is good, so that many viewers cost one count.
#[derive(Default)]
pub(crate) struct Remembered(Mutex<Option<(Instant, Arc<Status>)>>);

/// A status that was counted lately: within a second, or as long as keeps counting under a tenth of
/// a processor.
pub(crate) async fn recent(api: &Api) -> Result<Arc<Status>, ApiError> {
    let mut last = api.status.0.lock().await;
    let began = Instant::now();
    if let Some((until, status)) = last.as_ref()
        && began < *until
    {
        return Ok(status.clone());
    }
    let status = Arc::new(api.exchange.status().await?);
    let good_for = (began.elapsed() * 10).max(FRESH);
    *last = Some((Instant::now() + good_for, status.clone()));
    Ok(status)
}

/// How everything stands.
///
/// Counts and names only: a program on the hub's own machine needs no token. A department's token
/// sees errors of its own connectors only: they may name systems of others.
#[utoipa::path(
    get,
    operation_id = "show_status",
    path = "/api/v1/status",
    tag = "hub",
    security((), ("token" = [])),
    responses(
        (status = 200, description = "how everything stands, counted lately", body = Status),
        (status = 401, description = "`unauthenticated`", body = ErrorBody),
    )
)]
pub(crate) async fn show(
    State(api): State<Api>,
    onlooker: Onlooker,
) -> Result<Json<Arc<Status>>, ApiError> {
    let mut status = recent(&api).await?;
    if let Onlooker::Caller(caller) = onlooker
        && let Some(department) = caller.department()
    {
        hide_errors(Arc::make_mut(&mut status), department);
    }
    Ok(Json(status))
}

fn hide_errors(status: &mut Status, department: &str) {
    let is_own = |one: &ConnectorStatus| {
        let entry = one.entry.as_deref().and_then(|entry| entry.split('/').next());
        entry == Some(department)
    };
    for one in status.connectors.iter_mut().filter(|one| one.error.is_some() && !is_own(one)) {
        one.error = Some("not shown to other departments".to_owned());
        one.error_zh = Some("不向其他部门显示".to_owned());
    }
}

const FRESH: std::time::Duration = std::time::Duration::from_secs(1);
