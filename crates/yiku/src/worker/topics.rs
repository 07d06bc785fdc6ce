//! The topics of the bus as they were at the last look. Asking for all of them costs a cluster more
//! than a merge does.

use std::time::{Duration, Instant};

use yiku_bus::{Bus, BusError, TopicState};

/// All topics, and when they were looked at.
pub struct Topics {
    all: Vec<TopicState>,
    at: Instant,
}

impl Topics {
    /// Looks at all of them.
    pub async fn look(bus: &dyn Bus) -> Result<Self, BusError> {
        Ok(Self { all: bus.topics().await?, at: Instant::now() })
    }

    /// The partitions of a topic.
    pub fn of(&self, name: &str) -> impl Iterator<Item = &TopicState> {
        self.all.iter().filter(move |one| one.name == name)
    }

    /// The id of a topic; empty where it is not there.
    pub fn id(&self, name: &str) -> &str {
        self.of(name).next().map_or("", |one| one.id.as_str())
    }

    /// Whether it is enough to have looked then: these topics were there, and it is not long ago.
    pub fn suffice_for(&self, mut names: impl Iterator<Item = impl AsRef<str>>) -> bool {
        self.at.elapsed() < LOOK_EVERY && names.all(|name| self.of(name.as_ref()).next().is_some())
    }
}

/// How often all topics are looked at, whatever was published.
const LOOK_EVERY: Duration = Duration::from_secs(4);
