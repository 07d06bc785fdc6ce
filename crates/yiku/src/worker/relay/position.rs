//! How far the relay came, as the bus has it. Only what the installation's key has sealed counts,
//! and of that the record with the greatest number: whoever writes an old one again moves nothing.

use anyhow::Result;
use yiku_bus::{BusError, Foreign, RELAY, Read, ReadLimit};
use yiku_core::{
    digest::Digester,
    relay::{RelayPosition, Relayed},
};

use super::Relay;
use crate::{foreign, hub::Hub};

/// The newest position.
#[derive(Default)]
pub(super) struct Found {
    /// The default one when there is none.
    pub(super) position: RelayPosition,
    /// Where it stands.
    offset: u64,
    /// Where the topic ends.
    pub(super) end: u64,
    /// What others wrote to it.
    foreign: Vec<Foreign>,
}

/// Reads it, and tells of whatever others wrote to its topic.
pub(super) async fn newest(hub: &Hub) -> Result<Found> {
    read(hub, |read| foreign::tell(RELAY, read)).await
}

/// Reads it beside who relays, who tells of others.
pub(super) async fn newest_quietly(hub: &Hub) -> Result<RelayPosition> {
    Ok(read(hub, |_| ()).await?.position)
}

async fn read(hub: &Hub, tell: impl Fn(&Read)) -> Result<Found> {
    let topics = hub.bus.topics().await?;
    let Some(topic) = topics.iter().find(|one| one.name == RELAY) else {
        return Ok(Found::default());
    };
    let mut found = Found { end: topic.first, ..Found::default() };
    loop {
        let mut read = match hub.bus.read(RELAY, 0, found.end, ReadLimit::default()).await {
            // Old ones were deleted since.
            Err(BusError::OutOfRange { first, .. }) if first > found.end => {
                found.end = first;
                continue;
            }
            read => read?,
        };
        if read.next == found.end {
            return Ok(found);
        }
        take(&mut found, &mut read, &hub.digester);
        tell(&read);
        found.foreign.append(&mut read.foreign);
        found.end = read.next;
    }
}

fn take(found: &mut Found, read: &mut Read, digester: &Digester) {
    let Read { batches, foreign, .. } = read;
    for batch in batches {
        for (offset, record) in (batch.base_offset..).zip(batch.records.iter()) {
            let position = record.and_then(|one| RelayPosition::parse(one.body, digester));
            let (zh, en) = match position {
                Some(position) if position.number > found.position.number => {
                    (found.position, found.offset) = (position, offset);
                    continue;
                }
                Some(_) => {
                    ("不是最新的转发位点", "a position of the relay that is not its newest one")
                }
                None => (
                    "未经本系统签封的转发位点",
                    "a position of the relay that is not sealed by this installation",
                ),
            };
            foreign.push(Foreign { offset, zh: zh.into(), en: en.into(), key: None });
        }
    }
}

/// Keeps in mind what others wrote, and deletes what stands before the newest position. That is
/// only there to be short: an error is told.
pub(super) async fn trim(hub: &Hub, found: &Found) {
    if let Err(error) = foreign::keep(hub, RELAY, 0, &found.foreign).await {
        tracing::warn!(error = format!("{error:#}"), "foreign messages were not kept in mind");
    }
    if found.position.number == 0 {
        return;
    }
    if let Err(error) = hub.bus.retain(RELAY, 0, found.offset).await {
        tracing::warn!(%error, "old positions of the relay could not be deleted");
    }
}

impl Relay {
    /// In another life of the installation everything is relayed anew.
    pub(super) fn check_incarnation(&mut self, present: &str) {
        if self.position.incarnation != present {
            self.position.entities.values_mut().for_each(|one| one.change = 0);
            present.clone_into(&mut self.position.incarnation);
        }
    }

    /// Reads the positions again and deletes the old ones.
    pub(super) async fn look_at_positions(&mut self, hub: &Hub) -> Result<()> {
        let found = newest(hub).await?;
        trim(hub, &found).await;
        self.positions = (found.end, 0);
        Ok(())
    }

    /// Notes the ids of topics that were made since, so that one that is made anew is noticed.
    pub(super) async fn save_topics(&mut self, hub: &Hub) -> Result<()> {
        let unknown = |one: &Relayed| one.topic_id.is_empty() && one.end > 0;
        if !self.position.entities.values().any(unknown) {
            return Ok(());
        }
        let mut is_new = false;
        for topic in hub.bus.topics().await? {
            let entity = topic.name.strip_prefix("library.").unwrap_or_default();
            if let Some(own) = self.position.entities.get_mut(entity).filter(|one| unknown(one)) {
                own.topic_id = topic.id;
                is_new = true;
            }
        }
        if is_new { self.save(hub).await } else { Ok(()) }
    }
}
