//! Messages on the hub's topics that no hub put there: they are told and counted, and passed over.

use yiku_bus::Read;

/// Tells of those that a read came upon, without anything of their content.
pub fn tell(topic: &str, read: &Read) {
    if let Some(first) = read.foreign.first() {
        let (offset, reason, count) = (first.offset, &first.reason, read.foreign.len());
        tracing::warn!(
            topic,
            offset,
            reason,
            count,
            "messages that no hub wrote were passed over; the first is told"
        );
        metrics::counter!("yiku_bus_foreign_messages", "topic" => topic.to_owned())
            .increment(count as u64);
    }
}
