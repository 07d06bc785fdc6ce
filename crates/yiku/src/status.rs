//! How everything stands, counted from the store: the same for the command line, the status page
//! and the demo.

use serde_json::{Value, json};
use yiku_bus::PUBLICATIONS;
use yiku_store::{
    Connection, census, change,
    connector::{self, Role, State},
    cursor, delivery, publication, subject, subscription,
};

use crate::{
    clock,
    hub::{Hub, LANE},
};

/// The status as JSON. Holds no personal data.
pub async fn read(hub: &Hub) -> anyhow::Result<Value> {
    let mut db = hub.store.snapshot().await?;
    let connectors = connector::list(&mut db).await?;
    let totals = publication::totals(&mut db).await?;
    let (mut pulled, mut accepted, mut rejected) = (0, 0, 0);
    for total in &totals {
        pulled += total.pulled;
        accepted += total.accepted;
        rejected += total.rejected;
    }
    let mut listed = Vec::new();
    for one in connectors.iter().filter(|one| one.role == Role::Source) {
        let own = totals.iter().filter(|total| total.connector == one.name);
        let own = own.fold((0, 0, 0, 0), |sum, total| {
            let ms = (total.last_at - total.first_at).max(1).cast_unsigned();
            let (pulled, accepted) = (sum.0 + total.pulled, sum.1 + total.accepted);
            (pulled, accepted, sum.2 + total.rejected, sum.3.max(ms))
        });
        listed.push(json!({
            "name": one.name, "entry": one.entry, "kind": one.kind, "state": one.state.as_str(),
            "pulled": own.0, "accepted": own.1, "rejected": own.2, "expected": null,
            "error": one.error_en, "error_zh": one.error_zh,
            "rows_per_s": own.0 * 1_000 / own.3.max(1),
        }));
    }
    let subscriptions = subscriptions(&mut db).await?;
    let violations = publication::violations(&mut db).await?;
    let mut counts: Vec<(String, u64)> = Vec::new();
    for one in violations {
        match counts.iter_mut().find(|(code, _)| *code == one.code) {
            Some((_, count)) => *count += one.count,
            None => counts.push((one.code, one.count)),
        }
    }
    let libraries = census::entities(&mut db).await?;
    drop(db);
    Ok(json!({
        "settled": settled(hub).await?,
        "at": clock::written(clock::now_ms()),
        "rows": { "pulled": pulled, "accepted": accepted, "rejected": rejected },
        "connectors": listed,
        "libraries": libraries.iter().map(|one| json!({
            "entity": one.entity, "rows": one.rows, "history_rows": one.history_rows,
            "conflicts": one.conflicts,
        })).collect::<Vec<_>>(),
        "subscriptions": subscriptions,
        "violations": counts.iter().map(|(code, count)| json!({ "code": code, "count": count }))
            .collect::<Vec<_>>(),
    }))
}

async fn subscriptions(db: &mut Connection) -> anyhow::Result<Vec<Value>> {
    let mut all = Vec::new();
    for one in subscription::list(db).await? {
        let totals = delivery::totals(db, &one.name).await?;
        all.push(json!({
            "name": one.name, "grant": one.grant_name, "subject": one.subject,
            "refused": one.refused,
            "offered": totals.backfilled + totals.changes - totals.covered,
            "delivered": totals.delivered, "withheld": totals.withheld, "parked": totals.parked,
            "folded": totals.folded, "dropped": totals.dropped,
        }));
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
        let read = cursors.iter().filter(|one| one.topic == topic.name);
        let read = read.filter(|one| one.unit.starts_with(unit)).map(|one| one.next).max();
        if read.unwrap_or(0) < topic.next {
            return Ok(false);
        }
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
