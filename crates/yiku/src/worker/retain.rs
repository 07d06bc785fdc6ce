//! Retention: whole batches leave the bus once they are old enough and nobody still needs them.

use yiku_bus::ReadLimit;
use yiku_store::cursor;

use crate::{clock, hub::Hub};

/// Frees every topic of batches older than `bus.retain_days` that every reader has passed.
///
/// A topic that nobody has read yet is kept whole, and so is that of an entity: its readers are not
/// ours, and its records leave it by their keys.
pub async fn catch_up(hub: &Hub) -> anyhow::Result<()> {
    let days = i64::from(hub.config.bus.retain_days);
    let kept_from_ms = clock::now_ms() - days * MS_PER_DAY;
    let cursors = cursor::list(&mut *hub.store.reader().await?).await?;
    for topic in hub.bus.topics().await? {
        let readers = cursors.iter().filter(|cursor| {
            cursor.topic == topic.name
                && cursor.partition == topic.partition
                && cursor.topic_id == topic.id
        });
        let Some(passed) = readers.map(|cursor| cursor.next).min() else { continue };
        let mut before = topic.first;
        while before < passed {
            let read = hub.bus.read(&topic.name, topic.partition, before, LIMIT).await?;
            let kept = read
                .batches
                .iter()
                .find(|batch| batch.envelope.at_ms >= kept_from_ms || batch.next_offset() > passed);
            match kept {
                Some(kept) => {
                    before = before.max(kept.base_offset);
                    break;
                }
                None if read.next > before => before = read.next.min(passed),
                None => break,
            }
        }
        if before > topic.first {
            hub.bus.retain(&topic.name, topic.partition, before).await?;
            tracing::info!(topic = topic.name, before, "old batches left the bus");
        }
    }
    Ok(())
}

const MS_PER_DAY: i64 = 86_400_000;
const LIMIT: ReadLimit = ReadLimit { batches: 64, bytes: 8 << 20 };
