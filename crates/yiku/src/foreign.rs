//! Messages on the hub's topics that no hub put there: they are told and counted, and passed over.

use std::collections::BTreeMap;

use yiku_bus::Read;

/// Tells of those that a read came upon, each reason once, without anything of their content.
pub fn tell(topic: &str, read: &Read) {
    let mut by_reason: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for one in &read.foreign {
        by_reason.entry(&one.reason).or_insert((one.offset, 0)).1 += 1;
    }
    for (reason, (offset, count)) in by_reason {
        tracing::warn!(topic, offset, reason, count, "passed over messages that no hub wrote");
        metrics::counter!("yiku_bus_foreign_messages", "topic" => topic.to_owned())
            .increment(count);
    }
}
