//! The far side as errors name it, and what its answers mean for who must act.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use yiku_connector::ConnectorError;
use yiku_kafka::{Cluster, NoAnswer, Told, client};

/// A topic of a cluster.
#[derive(Clone, Debug)]
pub struct Far {
    /// The cluster.
    pub cluster: Cluster,
    /// The topic.
    pub topic: String,
}

impl Far {
    /// `host:port/topic`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.cluster.brokers(), self.topic)
    }

    /// A cluster that did not answer, or refused us.
    pub fn no_answer(&self, error: NoAnswer) -> ConnectorError {
        match error {
            NoAnswer::Unreachable { problem, .. } => self.unavailable(problem),
            NoAnswer::Refused { problem, .. } => {
                ConnectorError::Config(format!("{}: {problem}", self.name()))
            }
        }
    }

    /// A client that cannot be made of the settings.
    pub fn unusable(&self, error: &KafkaError) -> ConnectorError {
        self.no_answer(client::unusable(&self.cluster, error))
    }

    /// What an answer about the topic means; `told` is what the client said meanwhile.
    pub fn failed(&self, told: &Told, error: &KafkaError) -> ConnectorError {
        use RDKafkaErrorCode::{
            GroupAuthorizationFailed, TopicAuthorizationFailed, TransactionalIdAuthorizationFailed,
            UnknownPartition, UnknownTopic, UnknownTopicId, UnknownTopicOrPartition,
        };
        match error.rdkafka_error_code() {
            Some(UnknownTopicOrPartition | UnknownTopic | UnknownTopicId | UnknownPartition) => {
                self.gone()
            }
            Some(
                code @ (TopicAuthorizationFailed
                | GroupAuthorizationFailed
                | TransactionalIdAuthorizationFailed),
            ) => ConnectorError::Config(format!(
                "{}: the user has not the rights that it needs ({code}); docs/connectors.md lists \
                 them",
                self.name()
            )),
            _ => self.no_answer(client::unanswered(&self.cluster, told, error)),
        }
    }

    /// No such topic.
    pub fn gone(&self) -> ConnectorError {
        self.unreadable(
            "there is no such topic, or the user may not see it: have it made, or correct `topic:`",
        )
    }

    /// It may answer later.
    pub fn unavailable(&self, problem: impl Into<String>) -> ConnectorError {
        ConnectorError::Unavailable { system: self.name(), problem: problem.into(), cause: None }
    }

    /// Its owner must act.
    pub fn unreadable(&self, problem: impl Into<String>) -> ConnectorError {
        ConnectorError::Unreadable { system: self.name(), problem: problem.into(), cause: None }
    }
}
