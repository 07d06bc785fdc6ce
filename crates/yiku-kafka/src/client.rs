//! The client that asks, and what librdkafka tells beside its answers.
//!
//! Kafka tells a producer of a refused login or certificate only by time-outs; the reason stands in
//! librdkafka's log lines. So the last line of each client is kept, and told with the time-out.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext,
    config::{FromClientConfigAndContext, RDKafkaLogLevel},
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError, RDKafkaErrorCode},
    metadata::Metadata,
};

use crate::{ANSWER_MAX, Cluster};

/// Why a cluster gave no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NoAnswer {
    /// It does not answer; it may later.
    #[error("Kafka at {brokers} does not answer: {problem}")]
    Unreachable {
        /// The addresses of the settings.
        brokers: String,
        /// What was noticed, and what to look at.
        problem: String,
    },
    /// It does not let us in, or we do not trust it.
    #[error("Kafka at {brokers} cannot be used: {problem}")]
    Refused {
        /// The addresses of the settings.
        brokers: String,
        /// What is wrong, and what to do.
        problem: String,
    },
}

/// What a client last said of its troubles. Cheap to clone.
#[derive(Clone, Default)]
pub struct Told(Arc<Mutex<Option<String>>>);

impl Told {
    fn note(&self, line: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(line.to_owned());
    }

    fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn last(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether trying again is of no use: a person must act.
    fn is_final(&self) -> bool {
        self.last().is_some_and(|line| is_refusal(&line))
    }
}

impl ClientContext for Told {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        if level as i32 <= RDKafkaLogLevel::Warning as i32 {
            // The thread's name comes first: `[thrd:127.0.0.1:9092/bootstrap]: `.
            self.note(line.split_once("]: ").map_or(line, |(_, rest)| rest));
        }
        tracing::debug!(target: "librdkafka", facility, "{line}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", %error, "{reason}");
    }
}

impl ConsumerContext for Told {}

/// A client that asks and neither reads nor writes.
pub type Asking = BaseConsumer<Told>;

/// Makes the client and waits until the cluster answers it.
pub fn connect(cluster: &Cluster) -> Result<Asking, NoAnswer> {
    if let Some(problem) = cluster.unreadable_file() {
        return Err(NoAnswer::Refused { brokers: cluster.brokers(), problem });
    }
    let told = Told::default();
    let client = BaseConsumer::from_config_and_context(&cluster.asking(), told)
        .map_err(|error| unusable(cluster, &error))?;
    metadata(cluster, &client).map(|_| client)
}

/// All topics and brokers.
pub fn metadata(cluster: &Cluster, client: &Asking) -> Result<Metadata, NoAnswer> {
    let until = Instant::now() + ANSWER_MAX;
    loop {
        match client.fetch_metadata(None, PATIENCE) {
            Ok(metadata) => {
                client.context().forget();
                return Ok(metadata);
            }
            Err(error) => {
                let _ = client.poll(Duration::ZERO);
                let told = client.context();
                if told.is_final() || Instant::now() > until {
                    return Err(unanswered(cluster, told, &error));
                }
            }
        }
    }
}

/// Why a question was not answered, by what the client told meanwhile.
pub fn unanswered(cluster: &Cluster, told: &Told, error: &KafkaError) -> NoAnswer {
    let brokers = cluster.brokers();
    if error.rdkafka_error_code().is_some_and(is_too_old) {
        return too_old(cluster);
    }
    match told.last() {
        Some(line) if is_refusal(&line) => {
            NoAnswer::Refused { brokers, problem: advised(&line, cluster) }
        }
        Some(line) => NoAnswer::Unreachable { brokers, problem: line },
        None => NoAnswer::Unreachable { brokers, problem: error.to_string() },
    }
}

/// A client that cannot even be made: a setting, a file.
pub fn unusable(cluster: &Cluster, error: &KafkaError) -> NoAnswer {
    let mut problem = match error {
        KafkaError::ClientConfig(_, said, name, _) => format!("{name}: {said}"),
        other => other.to_string(),
    };
    if !cfg!(feature = "kafka-tls") && (cluster.tls.is_some() || cluster.sasl.is_some()) {
        problem += "; this program was built without `kafka-tls`, which TLS and SCRAM need: take \
                    the released program";
    }
    NoAnswer::Refused { brokers: cluster.brokers(), problem }
}

/// A cluster that lacks what the hub needs.
pub fn too_old(cluster: &Cluster) -> NoAnswer {
    let problem = "its version is too old: the hub needs transactions and topic ids, Kafka 2.8 or \
                   newer";
    NoAnswer::Refused { brokers: cluster.brokers(), problem: problem.into() }
}

fn is_too_old(code: RDKafkaErrorCode) -> bool {
    matches!(code, RDKafkaErrorCode::UnsupportedFeature | RDKafkaErrorCode::UnsupportedVersion)
}

fn is_refusal(line: &str) -> bool {
    let line = line.to_lowercase();
    ["authentication", "sasl ", "ssl handshake", "certificate"].iter().any(|one| line.contains(one))
}

/// The line, and which settings it is about.
fn advised(line: &str, cluster: &Cluster) -> String {
    let lower = line.to_lowercase();
    let about = match &cluster.sasl {
        Some(sasl) if lower.contains("authentication") || lower.contains("sasl ") => {
            format!("look at user `{}` and its password in {}.sasl", sasl.user, cluster.settings)
        }
        _ => {
            format!("look at {}.tls and at the brokers' certificates", cluster.settings)
        }
    };
    format!("{line}; {about}")
}

const PATIENCE: Duration = Duration::from_millis(500);
