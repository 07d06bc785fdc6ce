//! Relay (step 5): what changed in the libraries is carried to the topics of their entities, for
//! others to read. Only where somebody can: in Kafka.
//!
//! The topic of an entity holds its rows by key, compacted: the row as the schema of the entity has
//! it, or null for one that has ended or was deleted. Each append holds the newest state of each
//! key of a range of changes, and how far the relay came, on a topic of its own: so a crash loses
//! and doubles nothing, and whoever takes the lane goes on exactly there.
//!
//! - `form`: changes as records;
//! - `position`: how far the relay came, read from the bus;
//! - `others`: what others wrote to the topics of entities is told, and put right.

mod form;
mod others;
mod position;

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use anyhow::Context;
use tokio::sync::Mutex;
use yiku_bus::{
    Append, BusError, Envelope, Finish, Lane, Placed, RELAY, Records, publish::control,
};
use yiku_core::{
    digest::Digester,
    library::{Entity, Unencodable},
    registry::Format,
    relay::RelayPosition,
};
use yiku_store::{change, reconcile::RelayedTopic};

use crate::{
    clock,
    hub::{Hub, Live},
};
use others::Gap;

/// The relay of a hub.
#[derive(Default)]
pub struct Relaying {
    turn: Mutex<Option<Relay>>,
    /// How far it came, for who only looks.
    reached: RwLock<Option<RelayPosition>>,
}

impl Relaying {
    fn note(&self, position: &RelayPosition) {
        let mut reached = self.reached.write().unwrap_or_else(PoisonError::into_inner);
        *reached = Some(position.clone());
    }

    fn reached(&self) -> Option<RelayPosition> {
        self.reached.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A relay that holds its lane.
struct Relay {
    lane: Arc<dyn Lane>,
    position: RelayPosition,
    /// By entity: behind what its topic is known to hold of the relay's own rows and nothing else.
    known: BTreeMap<String, u64>,
    /// What stands between the relay's own rows and was not looked at yet.
    gaps: Vec<Gap>,
    /// Where the topic of positions ended, and how many were written since.
    positions: (u64, u64),
    looked: Option<Instant>,
}

/// Relays everything there is; returns how many changes that were.
pub async fn catch_up(hub: &Hub) -> anyhow::Result<u64> {
    if !hub.bus.has_outside_readers() {
        return Ok(0);
    }
    let live = hub.live();
    live.usable()?;
    let mut turn = hub.relaying.turn.lock().await;
    // Given up with this call, the lane is taken anew: nobody knows what became of an append.
    let mut relay = match turn.take() {
        Some(relay) => relay,
        None => Relay::take(hub).await?,
    };
    let outcome = relay.carry(hub, &live).await;
    hub.relaying.note(&relay.position);
    let in_doubt = |error: &anyhow::Error| {
        error.downcast_ref::<BusError>().is_some_and(BusError::leaves_in_doubt)
    };
    if !outcome.as_ref().is_err_and(in_doubt) {
        *turn = Some(relay);
    }
    outcome
}

/// Changes of each entity that its topic does not tell of yet; `None` where nothing is relayed.
pub async fn backlogs(hub: &Hub) -> anyhow::Result<Option<BTreeMap<String, u64>>> {
    if !hub.bus.has_outside_readers() {
        return Ok(None);
    }
    let reached = match hub.relaying.reached() {
        Some(reached) => reached,
        None => position::newest_quietly(hub).await?,
    };
    let last = change::last_of_entities(&mut *hub.store.reader().await?).await?;
    let live = hub.live();
    // An entity that the catalog has no more is not relayed.
    let known = last.into_iter().filter(|(name, _)| entity(&live, name).is_some());
    let backlog = |(name, last): (String, u64)| {
        let change = reached.entities.get(&name).map_or(0, |one| one.change);
        (name, last.saturating_sub(change))
    };
    Ok(Some(known.map(backlog).collect()))
}

/// What the topics of entities hold, recounted from the bus; `None` where nothing is relayed.
pub async fn account(hub: &Hub) -> anyhow::Result<Option<Vec<RelayedTopic>>> {
    if !hub.bus.has_outside_readers() {
        return Ok(None);
    }
    // Nothing is relayed meanwhile.
    let turn = hub.relaying.turn.lock().await;
    if let Some(relay) = &*turn {
        relay.lane.settle().await?;
    }
    let position = position::newest_quietly(hub).await?;
    let mut topics = Vec::new();
    for (entity, relayed) in position.entities {
        let rows = others::rows(hub, &entity).await?;
        topics.push(RelayedTopic { entity, change: relayed.change, rows });
    }
    Ok(Some(topics))
}

impl Relay {
    /// Takes the lane, and only then reads how far the relay came.
    async fn take(hub: &Hub) -> anyhow::Result<Self> {
        let lane = hub.bus.lane(LANE).await?;
        let found = position::newest(hub).await?;
        position::trim(hub, &found).await;
        let mut relay = Self {
            lane,
            position: found.position,
            known: BTreeMap::new(),
            gaps: Vec::new(),
            positions: (found.end, 0),
            looked: None,
        };
        relay.check_incarnation(hub.store.incarnation());
        relay.check_topics(&hub.bus.topics().await?);
        Ok(relay)
    }

    async fn carry(&mut self, hub: &Hub, live: &Live) -> anyhow::Result<u64> {
        if self.looked.is_none_or(|looked| looked.elapsed() > LOOK_EVERY) {
            self.look(hub).await.context("looking at the topics of entities")?;
            self.looked = Some(Instant::now());
        }
        let (mut carried, mut refused) = (0, None);
        loop {
            while let Some(gap) = self.gaps.first().cloned() {
                self.put_right(hub, live, &gap).await?;
                self.gaps.remove(0);
            }
            let last = change::last_of_entities(&mut *hub.store.reader().await?).await?;
            let before = carried;
            for (name, last) in last {
                let Some(entity) = entity(live, &name) else { continue };
                match self.step(hub, live, entity, last).await {
                    Ok(changes) => carried += changes,
                    // One row that has no form does not hold up other entities.
                    Err(error) if error.is::<Unencodable>() => refused = Some(error),
                    Err(error) => return Err(error.context(format!("relaying `{name}`"))),
                }
            }
            if carried == before {
                self.save_topics(hub).await?;
                return refused.map_or(Ok(carried), Err);
            }
        }
    }

    /// Relays the next changes of an entity, of which the last one is given; returns how many.
    async fn step(
        &mut self,
        hub: &Hub,
        live: &Live,
        entity: &Entity,
        last: u64,
    ) -> anyhow::Result<u64> {
        let name = entity.full_name();
        let relayed = self.position.entities.entry(name.clone()).or_default();
        if relayed.change > last {
            tracing::warn!(
                entity = name,
                relayed = relayed.change,
                last,
                "the store was put back to an earlier state: the entity's topic is filled anew"
            );
            relayed.change = 0;
        }
        let from = relayed.change;
        if from == last {
            return Ok(0);
        }
        let mut db = hub.store.snapshot().await?;
        let Some(subject) = form::subject_of(&mut db, entity).await? else { return Ok(0) };
        let formed = form::next(&mut db, entity, &subject, from).await?;
        drop(db);
        let Some((records, to)) = formed else { return Ok(0) };
        self.append(hub, live, entity, records, to).await?;
        Ok(to - from)
    }

    /// Appends rows of an entity, after which its topic tells of the changes up to `change`.
    async fn append(
        &mut self,
        hub: &Hub,
        live: &Live,
        entity: &Entity,
        records: Records,
        change: u64,
    ) -> anyhow::Result<()> {
        let name = entity.full_name();
        let schema = live.registry.newest_of(&name, Format::Avro);
        let schema = schema.with_context(|| format!("`{name}` has no registered schema"))?;
        let mut position = self.position.clone();
        position.number += 1;
        position.entities.entry(name.clone()).or_default().change = change;
        let envelope = Envelope {
            entry: format!("{name}@{}", schema.number),
            schema: Some(schema.kept.id),
            ..envelope(position.number)
        };
        let rows = vec![Append { topic: entity.topic(), partition: 0, envelope, records }];
        let finish = finish(position.clone(), Some(name.clone()), hub.digester.clone());
        let placed = self.lane.append(rows, finish).await?.remove(0);
        let end = end_of(&placed);
        position.entities.entry(name.clone()).or_default().end = end;
        self.position = position;
        hub.relaying.note(&self.position);
        let known = self.known.entry(name.clone()).or_insert(placed.base_offset);
        if placed.base_offset > *known {
            self.gaps.push(Gap { entity: name, from: *known, to: placed.base_offset });
        }
        // The end of a transaction takes an offset.
        *known = end + 1;
        self.wrote_position(hub).await
    }

    /// Writes how far the relay came without any rows.
    async fn save(&mut self, hub: &Hub) -> anyhow::Result<()> {
        let mut position = self.position.clone();
        position.number += 1;
        let finish = finish(position.clone(), None, hub.digester.clone());
        self.lane.append(Vec::new(), finish).await?;
        self.position = position;
        self.wrote_position(hub).await
    }

    async fn wrote_position(&mut self, hub: &Hub) -> anyhow::Result<()> {
        self.positions.1 += 1;
        if self.positions.1 < POSITIONS_MAX {
            return Ok(());
        }
        self.look_at_positions(hub).await
    }
}

/// What is said of an append of the relay.
fn envelope(number: u64) -> Envelope {
    Envelope {
        entry: CONNECTOR.into(),
        connector: CONNECTOR.into(),
        line: 0,
        batch: number,
        at_ms: clock::now_ms(),
        schema: None,
    }
}

/// The position that goes in with the rows of an entity.
fn finish(position: RelayPosition, entity: Option<String>, digester: Digester) -> Finish {
    let envelope = envelope(position.number);
    Box::new(move |placed| {
        let mut position = position.clone();
        if let (Some(entity), Some(placed)) = (&entity, placed.first()) {
            position.entities.entry(entity.clone()).or_default().end = end_of(placed);
        }
        vec![control(RELAY, 0, &envelope, [position.to_bytes(&digester)])]
    })
}

fn end_of(placed: &Placed) -> u64 {
    placed.base_offset + u64::from(placed.count)
}

fn entity<'a>(live: &'a Live, name: &str) -> Option<&'a Arc<Entity>> {
    live.merging.entities.iter().find(|entity| entity.full_name() == name)
}

/// The lane of the relay.
const LANE: &str = "relay";
/// Who published rows of entities.
const CONNECTOR: &str = "relay";
/// How often the topics are looked at for what others wrote.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Positions that are kept at most, about.
const POSITIONS_MAX: u64 = 1_000;
