//! The topic on its cluster: whether it is there, which one it is, and where its partitions end.

use rdkafka::{Offset, TopicPartitionList, consumer::Consumer};
use yiku_connector::ConnectorError;
use yiku_kafka::{ANSWER_MAX, Asking, client, native};

use crate::far::Far;

/// A topic, and the client that asks about it. Calls wait for the cluster.
pub struct Topic {
    /// Where it is.
    pub far: Far,
    /// The client.
    pub asking: Asking,
}

/// The topic as it stands.
#[derive(Debug)]
pub struct Standing {
    /// Its id.
    pub id: String,
    /// Of each partition, the first offset that is kept.
    pub first: Vec<u64>,
    /// Of each partition, the offset behind its last committed message.
    pub next: Vec<u64>,
}

impl Topic {
    /// Connects.
    pub fn connect(far: Far) -> Result<Self, ConnectorError> {
        let asking = client::connect(&far.cluster).map_err(|error| far.no_answer(error))?;
        Ok(Self { far, asking })
    }

    /// The topic's id and number of partitions.
    pub fn describe(&self) -> Result<(String, usize), ConnectorError> {
        let names = [self.far.topic.clone()];
        let described = native::describe(self.asking.client(), &names, ANSWER_MAX)
            .map_err(|error| self.far.failed(self.asking.context(), &error))?;
        let one = described.into_iter().next().ok_or_else(|| self.far.gone())?;
        if one.id.is_empty() || one.id == NO_ID {
            return Err(self.far.no_answer(client::too_old(&self.far.cluster)));
        }
        Ok((one.id, one.replicas.len()))
    }

    /// The topic as it stands.
    pub fn look(&self) -> Result<Standing, ConnectorError> {
        let (id, partitions) = self.describe()?;
        let first = self.offsets(partitions, Offset::Beginning)?;
        let next = self.offsets(partitions, Offset::End)?;
        Ok(Standing { id, first, next })
    }

    fn offsets(&self, partitions: usize, place: Offset) -> Result<Vec<u64>, ConnectorError> {
        let failed = |error| self.far.failed(self.asking.context(), &error);
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition_offset(&self.far.topic, partition as i32, place).map_err(failed)?;
        }
        let found = self.asking.offsets_for_times(list, ANSWER_MAX).map_err(failed)?;
        (0..partitions)
            .map(|partition| {
                let one = found.find_partition(&self.far.topic, partition as i32);
                let one = one.ok_or_else(|| self.far.unavailable("a partition has no leader"))?;
                one.error().map_err(failed)?;
                match one.offset() {
                    Offset::Offset(offset) => Ok(offset.cast_unsigned()),
                    _ => Err(self
                        .far
                        .unavailable(format!("partition {partition} does not say where it ends"))),
                }
            })
            .collect()
    }
}

/// The id that a cluster without ids gives.
const NO_ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";
