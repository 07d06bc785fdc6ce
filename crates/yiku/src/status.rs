//! How everything stands, counted from the store: the same for the command line, the status page
//! and the demo.

use yiku_api::status::{
    ConnectorStatus, EntityStatus, RowTotals, StateTotal, Status, SubscriptionStatus, TopicWaiting,
    ViolationTotal,
};
use yiku_bus::{PUBLICATIONS, TopicState};
use yiku_store::{
    Connection, census, change,
    connector::{self, Connector, Role, State},
    cursor::{self, Cursor},
    delivery,
    publication::{self, Total},
    quarantine, subject, subscription,
};

use crate::{
    clock,
    hub::{Hub, LANE},
    worker::{relay, timekeep},
};

/// The status. Holds no personal data.
pub async fn read(hub: &Hub) -> anyhow::Result<Status> {
    // Before anything is counted: what a settled hub has done is then in the counts.
    let settled = settled(hub).await?;
    let backlogs = relay::backlogs(hub).await?;
    let mut db = hub.store.snapshot().await?;
    let registered = connector::list(&mut db).await?;
    let totals = publication::totals(&mut db).await?;
    let libraries = census::entities(&mut db).await?;
    let states = quarantine::states(&mut db, None).await?;
    let cursors = cursor::list(&mut db).await?;
    let subscriptions = subscriptions(&mut db).await?;
    let violations = violations(&mut db).await?;
    drop(db);
    let waiting = waiting(hub, &cursors).await?;
    Ok(Status {
        at: clock::written(clock::now_ms()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        clock_behind_s: timekeep::behind_s(hub).await?,
        settled,
        rows: sum(totals.iter()),
        connectors: connectors(&registered, &totals),
        libraries: libraries
            .into_iter()
            .map(|one| EntityStatus {
                backlog: backlogs.as_ref().map(|all| all.get(&one.entity).copied().unwrap_or(0)),
                entity: one.entity,
                rows: one.rows,
                history_rows: one.history_rows,
                conflicts: one.conflicts,
            })
            .collect(),
        subscriptions,
        violations,
        quarantine: states
            .into_iter()
            .map(|(state, count)| StateTotal { state: state.as_str().to_owned(), count })
            .collect(),
        waiting,
    })
}

fn sum<'a>(totals: impl Iterator<Item = &'a Total>) -> RowTotals {
    totals.fold(RowTotals::default(), |sum, total| RowTotals {
        pulled: sum.pulled + total.pulled,
        accepted: sum.accepted + total.accepted,
        rejected: sum.rejected + total.rejected,
    })
}

/// The registered connectors, then what the hub publishes by itself: pushes, redriven rows, sweeps.
fn connectors(registered: &[Connector], totals: &[Total]) -> Vec<ConnectorStatus> {
    let connectors = registered.iter().map(|one| {
        let own = || totals.iter().filter(|total| total.connector == one.name);
        ConnectorStatus {
            name: one.name.clone(),
            role: one.role.as_str().to_owned(),
            kind: Some(one.kind.clone()),
            entry: one.entry.clone(),
            grant: one.grant_name.clone(),
            state: one.state.as_str().to_owned(),
            rows: sum(own()),
            rows_per_s: (one.role == Role::Source).then(|| rows_per_s(own())),
            succeeded_at: one.succeeded_at.map(clock::written),
            error: one.error_en.clone(),
            error_zh: one.error_zh.clone(),
        }
    });
    let of_hub = totals
        .iter()
        .filter(|total| registered.iter().all(|connector| connector.name != total.connector));
    let of_hub = of_hub.map(|total| ConnectorStatus {
        name: total.connector.clone(),
        role: "hub".to_owned(),
        entry: Some(total.entry.clone()),
        state: State::Running.as_str().to_owned(),
        rows: sum([total].into_iter()),
        succeeded_at: Some(clock::written(total.last_at)),
        ..ConnectorStatus::default()
    });
    connectors.chain(of_hub).collect()
}

fn rows_per_s<'a>(totals: impl Iterator<Item = &'a Total>) -> u64 {
    let (rows, ms) = totals.fold((0, 1), |(rows, ms), total| {
        (rows + total.pulled, ms.max((total.last_at - total.first_at).max(1).cast_unsigned()))
    });
    rows * 1_000 / ms
}

/// Violations by code, most frequent first.
async fn violations(db: &mut Connection) -> anyhow::Result<Vec<ViolationTotal>> {
    let mut counts: Vec<ViolationTotal> = Vec::new();
    for one in publication::violations(db).await? {
        match counts.iter_mut().find(|known| known.code == one.code) {
            Some(known) => known.count += one.count,
            None => counts.push(ViolationTotal { code: one.code, count: one.count }),
        }
    }
    counts.sort_by_key(|one| std::cmp::Reverse(one.count));
    Ok(counts)
}

/// Rows of each entry that merge has not reached. Of very many the offsets are told, which may be a
/// few more.
async fn waiting(hub: &Hub, cursors: &[Cursor]) -> anyhow::Result<Vec<TopicWaiting>> {
    let mut waiting: Vec<TopicWaiting> = Vec::new();
    for topic in hub.bus.topics().await? {
        let Some(entry) = topic.name.strip_prefix("entry.") else { continue };
        let from = reached(cursors, &topic, "merge/").max(topic.first);
        let rows = match topic.next.saturating_sub(from) {
            offsets @ COUNTED_MAX.. => offsets,
            0 => 0,
            _ => hub.bus.count(&topic.name, topic.partition, from, topic.next).await?,
        };
        let entry = entry.replacen('.', "/", 1);
        match waiting.last_mut() {
            _ if rows == 0 => {}
            // Another partition of its topic.
            Some(last) if last.entry == entry => last.rows += rows,
            _ => waiting.push(TopicWaiting { entry, rows }),
        }
    }
    Ok(waiting)
}

fn reached(cursors: &[Cursor], topic: &TopicState, unit: &str) -> u64 {
    let own = |one: &&Cursor| one.topic == topic.name && one.partition == topic.partition;
    let read = cursors.iter().filter(own).filter(|one| one.unit.starts_with(unit));
    read.map(|one| one.next).max().unwrap_or(0)
}

async fn subscriptions(db: &mut Connection) -> anyhow::Result<Vec<SubscriptionStatus>> {
    let mut all = Vec::new();
    for one in subscription::list(db).await? {
        let totals = delivery::totals(db, &one.name).await?;
        all.push(SubscriptionStatus {
            name: one.name,
            grant: one.grant_name,
            subject: one.subject,
            refused: one.refused,
            offered: totals.backfilled + totals.changes - totals.covered,
            delivered: totals.delivered,
            withheld: totals.withheld,
            parked: totals.parked,
            folded: totals.folded,
            dropped: totals.dropped,
        });
    }
    Ok(all)
}

/// Whether every running source was looked at to its end, and everything that follows is done.
async fn settled(hub: &Hub) -> anyhow::Result<bool> {
    let mut db = hub.store.reader().await?;
    let connectors = connector::list(&mut db).await?;
    let sources =
        connectors.iter().filter(|one| one.role == Role::Source && one.state == State::Running);
    if !hub.activity.at_rest(sources.map(|one| one.name.as_str())) {
        return Ok(false);
    }
    let cursors = cursor::list(&mut db).await?;
    for topic in hub.bus.topics().await? {
        let unit = match topic.name.strip_prefix("entry.") {
            Some(_) => "merge/",
            None if topic.name == PUBLICATIONS && topic.partition == LANE => "materialise/",
            None => continue,
        };
        if reached(&cursors, &topic, unit) < topic.next {
            return Ok(false);
        }
    }
    let backlogs = relay::backlogs(hub).await?;
    if backlogs.is_some_and(|all| all.values().any(|changes| *changes > 0)) {
        return Ok(false);
    }
    let running_sinks =
        connectors.iter().filter(|one| one.role == Role::Sink && one.state == State::Running);
    for sink in running_sinks {
        let Some(one) = subscription::get(&mut db, &sink.name).await? else {
            let grant = sink.grant_name.as_deref().unwrap_or_default();
            if hub.grant_holds(grant) {
                return Ok(false);
            }
            continue;
        };
        let Some(subject) = subject::get(&mut db, &one.subject).await? else { continue };
        let last = change::last(&mut db, subject.id).await?;
        if one.refused.is_empty() && (!one.backfilled || one.cursor < last) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Rows that a look at the status counts one by one.
const COUNTED_MAX: u64 = 20_000;
