//! Messages on the hub's topics that no hub put there: they are told, counted and kept in mind, and
//! passed over.

use std::collections::BTreeMap;

use yiku_bus::{Foreign, Read};
use yiku_store::foreign_message::{self, ForeignMessage};

use crate::{clock, hub::Hub};

/// Tells of those that a read came upon, each reason once, without anything of their content.
pub fn tell(topic: &str, read: &Read) {
    let mut by_reason: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for one in &read.foreign {
        by_reason.entry(&one.en).or_insert((one.offset, 0)).1 += 1;
    }
    for (reason, (offset, count)) in by_reason {
        tracing::warn!(topic, offset, reason, count, "passed over messages that no hub wrote");
        metrics::counter!("yiku_bus_foreign_messages", "topic" => topic.to_owned())
            .increment(count);
    }
}

/// Keeps them in mind in a transaction of their own.
pub async fn keep(hub: &Hub, topic: &str, partition: u32, found: &[Foreign]) -> anyhow::Result<()> {
    if found.is_empty() {
        return Ok(());
    }
    let mut tx = hub.store.begin().await?;
    foreign_message::keep(&mut tx, &to_keep(hub, topic, partition, found)).await?;
    Ok(tx.commit().await?)
}

/// As the store has them.
pub fn to_keep(hub: &Hub, topic: &str, partition: u32, found: &[Foreign]) -> Vec<ForeignMessage> {
    let at = clock::now_ms();
    let one = |found: &Foreign| ForeignMessage {
        bus: hub.bus.id().to_owned(),
        topic: topic.to_owned(),
        partition,
        offset: found.offset,
        zh: found.zh.clone(),
        en: found.en.clone(),
        at,
    };
    found.iter().map(one).collect()
}
