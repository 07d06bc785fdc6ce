//! The workers' loops while the hub serves: work, then wait until there may be more.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use yiku_bus::BusError;
use yiku_connector::{
    ConnectorError,
    connector_file::{ConnectorFile, Role},
    effort::{self, Step},
};
use yiku_store::{StoreError, connector};

use crate::{
    clock,
    hub::Hub,
    worker::{deliver, materialise, merge, pull, redrive, relay, retain},
};

/// Pulls one source whenever it is due, until stopped.
pub async fn keep_pulling(hub: Arc<Hub>, file: ConnectorFile, mut stopping: watch::Receiver<bool>) {
    let Role::Source(role) = &file.role else { return };
    let mut failures = 0;
    while !*stopping.borrow() {
        let mut due = file.every;
        if works(&hub, &file.name).await {
            hub.activity.begins(&file.name);
            let outcome = tokio::select! {
                outcome = pull::look(&hub, &file.name, role, false) => outcome,
                _ = stopping.changed() => break,
            };
            note_outcome(&hub, &file.name, &outcome).await;
            failures = if outcome.is_ok() { 0 } else { failures + 1 };
            if outcome.as_ref().is_err_and(may_pass) {
                due = due.min(RETRY_FIRST * 2u32.pow(failures.min(8)));
            }
            hub.activity.ends(&file.name);
        }
        wait(&hub, due, &mut stopping).await;
    }
    hub.activity.forget(&file.name);
}

/// Delivers one subscription whenever something was merged or it is due, until stopped.
pub async fn keep_delivering(
    hub: Arc<Hub>,
    file: ConnectorFile,
    mut stopping: watch::Receiver<bool>,
) {
    let Role::Sink(role) = &file.role else { return };
    let mut merged = hub.merged.subscribe();
    let mut failures = 0;
    while !*stopping.borrow() {
        merged.mark_unchanged();
        let mut due = file.every.min(DELIVER_EVERY);
        if works(&hub, &file.name).await {
            let outcome = tokio::select! {
                outcome = effort::spending(
                    Step::Deliver,
                    deliver::catch_up(&hub, &file.name, role),
                ) => outcome,
                _ = stopping.changed() => break,
            };
            note_outcome(&hub, &file.name, &outcome).await;
            failures = if outcome.is_ok() { 0 } else { failures + 1 };
            if outcome.is_err() {
                due = RETRY_FIRST * 2u32.pow(failures.min(8));
            }
        }
        tokio::select! {
            _ = merged.changed(), if failures == 0 => {}
            () = tokio::time::sleep(due) => {}
            _ = stopping.changed() => {}
        }
    }
}

/// Carries publications over and redrives whenever something was published. It rests in between:
/// a push carries over what it published by itself.
pub async fn keep_carrying(hub: Arc<Hub>, mut stopping: watch::Receiver<bool>) {
    let mut appended = hub.bus.appended();
    while !*stopping.borrow() {
        tokio::time::sleep(CARRY_REST).await;
        appended.mark_unchanged();
        let outcome = async {
            effort::spending(Step::Carry, materialise::catch_up(&hub)).await?;
            redrive::catch_up(&hub).await.map(drop)
        };
        let outcome = outcome.await;
        wait_for_rows(&hub, "carrying", outcome, &mut appended, &mut stopping).await;
    }
}

/// Merges whenever something was published. It does not wait until receipts are carried over:
/// pushes stand in line for that.
pub async fn keep_merging(hub: Arc<Hub>, mut stopping: watch::Receiver<bool>) {
    let mut published = hub.published.subscribe();
    while !*stopping.borrow() {
        published.mark_unchanged();
        let outcome = effort::spending(Step::Merge, merge::catch_up(&hub)).await.map(drop);
        wait_for_rows(&hub, "merging", outcome, &mut published, &mut stopping).await;
    }
}

/// Relays changes whenever something was merged, after a rest: many small merges become one append.
/// Where nobody reads topics there is nothing to do.
pub async fn keep_relaying(hub: Arc<Hub>, mut stopping: watch::Receiver<bool>) {
    if !hub.bus.has_outside_readers() {
        return;
    }
    let mut merged = hub.merged.subscribe();
    while !*stopping.borrow() {
        merged.mark_unchanged();
        let outcome = effort::spending(Step::Relay, relay::catch_up(&hub)).await;
        if let Err(error) = outcome {
            tracing::error!(error = format!("{error:#}"), "relaying");
            break_down_if_unknown(&hub, &error);
            tokio::time::sleep(RETRY_FIRST).await;
        }
        tokio::time::sleep(RELAY_REST).await;
        tokio::select! {
            _ = merged.changed() => {}
            () = hub.activity.nudged() => {}
            () = tokio::time::sleep(RELAY_EVERY) => {}
            _ = stopping.changed() => {}
        }
    }
}

/// Notes how the work went, then waits until there may be more.
async fn wait_for_rows<T>(
    hub: &Hub,
    what: &str,
    outcome: anyhow::Result<()>,
    appended: &mut watch::Receiver<T>,
    stopping: &mut watch::Receiver<bool>,
) {
    if let Err(error) = outcome {
        tracing::error!(error = format!("{error:#}"), "{what}");
        break_down_if_unknown(hub, &error);
        tokio::time::sleep(RETRY_FIRST).await;
    }
    tokio::select! {
        changed = appended.changed() => if changed.is_err() {
            hub.activity.break_down("the bus's writer ended; start the hub again".into());
            let _ = stopping.changed().await;
        },
        () = hub.activity.nudged() => {}
        () = tokio::time::sleep(MERGE_EVERY) => {}
        _ = stopping.changed() => {}
    }
}

/// Frees the bus of what nobody needs any more, now and then.
pub async fn keep_retaining(hub: Arc<Hub>, mut stopping: watch::Receiver<bool>) {
    while !*stopping.borrow() {
        if let Err(error) = retain::catch_up(&hub).await {
            tracing::error!(error = format!("{error:#}"), "retaining the bus");
        }
        tokio::select! {
            () = tokio::time::sleep(RETAIN_EVERY) => {}
            _ = stopping.changed() => {}
        }
    }
}

/// Measures how long transactions hold up readers of the bus.
pub async fn keep_measuring(hub: Arc<Hub>, mut stopping: watch::Receiver<bool>) {
    let age = metrics::gauge!("yiku_bus_held_up_seconds");
    while !*stopping.borrow() {
        if let Ok(held_up) = hub.bus.held_up_for().await {
            age.set(held_up.as_secs_f64());
        }
        tokio::select! {
            () = tokio::time::sleep(MEASURE_EVERY) => {}
            _ = stopping.changed() => {}
        }
    }
}

async fn wait(hub: &Hub, due: Duration, stopping: &mut watch::Receiver<bool>) {
    tokio::select! {
        () = tokio::time::sleep(due) => {}
        () = hub.activity.nudged() => {}
        _ = stopping.changed() => {}
    }
}

async fn works(hub: &Hub, name: &str) -> bool {
    let Ok(mut db) = hub.store.reader().await else { return false };
    let state = connector::get(&mut db, name).await;
    state.is_ok_and(|connector| connector.state == connector::State::Running)
}

/// Writes down how a look ended, and stops the connector when a person must act.
pub async fn note_outcome<T>(hub: &Hub, name: &str, outcome: &anyhow::Result<T>) {
    let error = outcome.as_ref().err();
    let words = error.map(words);
    let noted = async {
        let mut tx = hub.store.begin().await?;
        let at_ms = clock::now_ms();
        let pair = words.as_ref().map(|(zh, en)| (zh.as_str(), en.as_str()));
        connector::run_ended(&mut tx, name, pair, at_ms).await?;
        if error.is_some_and(needs_person) {
            connector::set_state(&mut tx, name, connector::State::Stopped, at_ms).await?;
        }
        tx.commit().await
    };
    if let Err(problem) = noted.await {
        tracing::error!(connector = name, %problem, "noting how a run ended");
    }
    if let (Some(error), Some((_, en))) = (error, words) {
        tracing::warn!(connector = name, error = en, "a connector's run failed");
        break_down_if_unknown(hub, error);
    }
}

fn words(error: &anyhow::Error) -> (String, String) {
    let en = format!("{error:#}");
    let zh = if let Some(over) = error.downcast_ref::<pull::OverLimit>() {
        over.zh.clone()
    } else if let Some(store) = error.downcast_ref::<StoreError>() {
        store.zh()
    } else if let Some(bus) = error.downcast_ref::<BusError>() {
        bus.zh()
    } else {
        format!("{}：{en}", error.downcast_ref().map_or("运行失败", who_acts))
    };
    (zh, en)
}

/// Whose turn it is; the far system's own words follow.
fn who_acts(error: &ConnectorError) -> &'static str {
    match error {
        ConnectorError::Config(_) => "连接器配置有误，请改正配置文件",
        ConnectorError::Unavailable { .. } => "对方系统暂时连接不上，稍后自动重试",
        ConnectorError::Unreadable { .. } => "对方系统的表、文件或应答有问题，请其维护人员处理",
        ConnectorError::Position(_) => "记录的读取位置与来源不符，请人工核对后重新设定",
    }
}

fn needs_person(error: &anyhow::Error) -> bool {
    error.is::<pull::OverLimit>()
        || matches!(error.downcast_ref(), Some(ConnectorError::Position(_)))
}

fn may_pass(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(ConnectorError::Unavailable { .. }))
        || error.downcast_ref::<BusError>().is_some_and(BusError::may_pass)
}

/// Ends the process when an error leaves unknown what was written.
pub fn break_down_if_unknown(hub: &Hub, error: &anyhow::Error) {
    let bus = error.downcast_ref::<BusError>().is_some_and(BusError::ends_process);
    let store = error.downcast_ref::<StoreError>().is_some_and(StoreError::ends_process);
    if bus || store {
        hub.activity.break_down(format!("{error:#}"));
    }
}

const RETRY_FIRST: Duration = Duration::from_millis(500);
const CARRY_REST: Duration = Duration::from_millis(20);
const DELIVER_EVERY: Duration = Duration::from_secs(60);
const MERGE_EVERY: Duration = Duration::from_secs(5);
const RELAY_REST: Duration = Duration::from_millis(100);
const RELAY_EVERY: Duration = Duration::from_secs(5);
const MEASURE_EVERY: Duration = Duration::from_secs(5);
const RETAIN_EVERY: Duration = Duration::from_secs(3_600);
