//! Writing to a delivery topic: what waits for the cluster runs on a thread that may.

use async_trait::async_trait;
use serde_json::Value;
use yiku_connector::{Access, ConnectorError, Parcel, Settled, Sink, effort::Step};

use crate::{
    config::SinkConfig,
    far::Far,
    source::{leave, waiting},
    topic::Topic,
    writer::Writer,
};

/// Opens a sink. Reads secrets and connects only when it is first asked something.
pub fn open(config: Value, access: &Access) -> Result<Box<dyn Sink>, ConnectorError> {
    let config = SinkConfig::read(config)?;
    Ok(Box::new(KafkaSink { config, access: access.clone(), writer: None }))
}

struct KafkaSink {
    config: SinkConfig,
    access: Access,
    /// Given up with every error: a new one learns what became of the last parcel.
    writer: Option<Writer>,
}

#[async_trait]
impl Sink for KafkaSink {
    async fn check(&mut self) -> Result<(), ConnectorError> {
        let far = self.far()?;
        waiting(Step::Deliver, move || Topic::connect(far)?.describe().map(drop)).await
    }

    async fn deliver(&mut self, parcel: &Parcel) -> Result<Settled, ConnectorError> {
        let (far, writer, parcel) = (self.far()?, self.writer.take(), parcel.clone());
        let (connector, most) = (self.access.connector.clone(), self.config.message_bytes_max);
        let delivering = move || {
            let mut writer = match writer {
                Some(writer) => writer,
                None => Writer::open(far, &connector, most)?,
            };
            let settled = writer.deliver(&parcel)?;
            Ok((writer, settled))
        };
        let (writer, settled) = waiting(Step::Deliver, delivering).await?;
        self.writer = Some(writer);
        Ok(settled)
    }
}

impl Drop for KafkaSink {
    fn drop(&mut self) {
        leave(self.writer.take());
    }
}

impl KafkaSink {
    fn far(&self) -> Result<Far, ConnectorError> {
        let cluster = self.config.cluster(&self.access.surroundings)?;
        Ok(Far { cluster, topic: self.config.topic.clone() })
    }
}
