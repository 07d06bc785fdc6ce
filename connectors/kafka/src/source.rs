//! Reading an inbound topic: what waits for the cluster runs on a thread that may.

use async_trait::async_trait;
use serde_json::Value;
use yiku_connector::{
    Access, ConnectorError, Load, Position, Pull, PullLimit, Source,
    effort::{self, Step},
};

use crate::{
    config::SourceConfig,
    far::Far,
    position::At,
    reader::{Portion, Reader},
    topic::Topic,
    value::Decoder,
};

/// Opens a source. Reads secrets and connects only when it is first asked something.
pub fn open(
    config: Value,
    access: &Access,
    position: &Position,
) -> Result<Box<dyn Source>, ConnectorError> {
    let config = SourceConfig::read(config)?;
    if access.load == Load::Full {
        let problem = "a topic brings changes and is never read whole: leave out `load: full`";
        return Err(ConnectorError::Config(format!("source of kind kafka: {problem}")));
    }
    let at = At::read(position)?;
    Ok(Box::new(KafkaSource { config, access: access.clone(), at, reader: None }))
}

struct KafkaSource {
    config: SourceConfig,
    access: Access,
    at: At,
    reader: Option<Reader>,
}

#[async_trait]
impl Source for KafkaSource {
    async fn check(&mut self) -> Result<(), ConnectorError> {
        let far = self.far()?;
        waiting(Step::Read, move || Topic::connect(far)?.look().map(drop)).await
    }

    async fn pull(&mut self, limit: PullLimit) -> Result<Option<Pull>, ConnectorError> {
        let open = match self.reader.take() {
            Some(reader) => Opened::Reader(Box::new(reader)),
            None => Opened::Not(Box::new(self.opening()?)),
        };
        let at = self.at.clone();
        let pulling = move || {
            let mut reader = match open {
                Opened::Reader(reader) => *reader,
                Opened::Not(opening) => opening.open(&at)?,
            };
            let portion = reader.pull(at, limit)?;
            Ok((reader, portion))
        };
        let (reader, portion) = waiting(Step::Read, pulling).await?;
        self.reader = Some(reader);
        let Some(Portion { batch, at, run }) = portion else { return Ok(None) };
        self.at = at;
        Ok(Some(Pull { batch, position: self.at.to_position(), run }))
    }
}

impl Drop for KafkaSource {
    fn drop(&mut self) {
        leave(self.reader.take());
    }
}

/// A reader, or what makes one.
enum Opened {
    Reader(Box<Reader>),
    Not(Box<Opening>),
}

struct Opening {
    far: Far,
    group: String,
    decoder: Decoder,
    columns_max: usize,
}

impl Opening {
    fn open(self, at: &At) -> Result<Reader, ConnectorError> {
        Reader::open(self.far, &self.group, self.decoder, self.columns_max, at)
    }
}

impl KafkaSource {
    fn far(&self) -> Result<Far, ConnectorError> {
        let cluster = self.config.cluster(&self.access.surroundings)?;
        Ok(Far { cluster, topic: self.config.topic.clone() })
    }

    fn opening(&self) -> Result<Opening, ConnectorError> {
        let SourceConfig { format, tombstones, .. } = &self.config;
        let limits = &self.access.surroundings.limits;
        let schemas = self.access.schemas.clone();
        let decoder = Decoder::new(*format, tombstones.clone(), schemas, limits.record_bytes_max);
        let group = format!("yiku.source.{}", self.access.connector);
        Ok(Opening { far: self.far()?, group, decoder, columns_max: limits.columns_max })
    }
}

/// Gives up clients where waiting is allowed: closing one waits for the cluster.
pub fn leave<T: Send + 'static>(held: Option<T>) {
    if let (Some(held), Ok(runtime)) = (held, tokio::runtime::Handle::try_current()) {
        drop(runtime.spawn_blocking(move || drop(held)));
    }
}

/// Runs what waits for the cluster on a thread that may, and counts its processor time as the
/// step's.
pub async fn waiting<T: Send + 'static>(
    step: Step,
    work: impl FnOnce() -> Result<T, ConnectorError> + Send + 'static,
) -> Result<T, ConnectorError> {
    match tokio::task::spawn_blocking(move || effort::spend(step, work)).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
