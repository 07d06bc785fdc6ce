//! How a cluster is reached, and what librdkafka is told.

use std::{path::PathBuf, time::Duration};

use rdkafka::{ClientConfig, config::RDKafkaLogLevel};
use serde::Deserialize;

/// A cluster, and how to reach it.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// Where these settings stand, as errors name them: `bus.kafka`, `source`.
    pub settings: &'static str,
    /// Addresses of some brokers, `host:port`.
    pub brokers: Vec<String>,
    /// Encryption; none in the clear.
    pub tls: Option<Tls>,
    /// Login; none by certificate or not at all.
    pub sasl: Option<Sasl>,
}

/// Encryption.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// PEM file with who signed the brokers' certificates; the system's list without it.
    pub ca: Option<PathBuf>,
    /// PEM file of our own certificate.
    pub certificate: Option<PathBuf>,
    /// PEM file of its key.
    pub key: Option<PathBuf>,
}

/// A login by name and password.
#[derive(Clone, Debug)]
pub struct Sasl {
    /// How the password is proven.
    pub mechanism: Mechanism,
    /// The name.
    pub user: String,
    /// The password.
    pub password: Password,
}

/// How a password is proven.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Mechanism {
    /// It is sent: only with TLS.
    Plain,
    /// SCRAM-SHA-256.
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    /// SCRAM-SHA-512.
    #[serde(rename = "scram-sha-512")]
    ScramSha512,
}

/// A password, which no debug output shows.
#[derive(Clone)]
pub struct Password(pub String);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

impl Cluster {
    /// The addresses as errors name them.
    pub fn brokers(&self) -> String {
        self.brokers.join(",")
    }

    /// Which file of the encryption cannot be read, and why: librdkafka does not name it.
    pub(crate) fn unreadable_file(&self) -> Option<String> {
        let tls = self.tls.as_ref()?;
        let files = [&tls.ca, &tls.certificate, &tls.key].into_iter().flatten();
        files.into_iter().find_map(|path| {
            let error = std::fs::File::open(path).err()?;
            let (path, settings) = (path.display(), self.settings);
            Some(format!("`{path}` of {settings}.tls cannot be read: {error}"))
        })
    }

    /// What every client is told.
    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", self.brokers())
            .set("client.id", "yiku")
            .set("reconnect.backoff.max.ms", "2000")
            .set("topic.metadata.refresh.interval.ms", "30000")
            .set_log_level(RDKafkaLogLevel::Info);
        let protocol = match (&self.tls, &self.sasl) {
            (None, None) => "plaintext",
            (Some(_), None) => "ssl",
            (None, Some(_)) => "sasl_plaintext",
            (Some(_), Some(_)) => "sasl_ssl",
        };
        config.set("security.protocol", protocol);
        if let Some(tls) = &self.tls {
            let files = [
                ("ssl.ca.location", &tls.ca),
                ("ssl.certificate.location", &tls.certificate),
                ("ssl.key.location", &tls.key),
            ];
            for (name, path) in files {
                if let Some(path) = path {
                    config.set(name, path.display().to_string());
                }
            }
        }
        if let Some(sasl) = &self.sasl {
            let mechanism = match sasl.mechanism {
                Mechanism::Plain => "PLAIN",
                Mechanism::ScramSha256 => "SCRAM-SHA-256",
                Mechanism::ScramSha512 => "SCRAM-SHA-512",
            };
            config
                .set("sasl.mechanism", mechanism)
                .set("sasl.username", &sasl.user)
                .set("sasl.password", &sasl.password.0);
        }
        config
    }

    /// For questions: metadata, ends of topics, making topics.
    pub fn asking(&self) -> ClientConfig {
        let mut config = self.client();
        config.set("isolation.level", "read_committed");
        config
    }

    /// For committed messages of one partition at a time, from a given offset. The group only names
    /// the reader: partitions are assigned by hand, it has no members and commits nothing.
    pub fn reading(&self, group: &str) -> ClientConfig {
        let mut config = self.client();
        config
            .set("isolation.level", "read_committed")
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", "100")
            .set("fetch.error.backoff.ms", "50")
            .set("fetch.queue.backoff.ms", "10")
            .set("queued.max.messages.kbytes", "16384")
            .set("max.partition.fetch.bytes", "4194304")
            .set("check.crcs", "true")
            // Lines of a client that is polled by hand would go to standard error.
            .set_log_level(RDKafkaLogLevel::Emerg);
        config
    }

    /// For transactions under this id, with messages of at most so many bytes.
    pub fn appending(&self, transactional_id: &str, message_bytes_max: usize) -> ClientConfig {
        let mut config = self.client();
        config
            .set("transactional.id", transactional_id)
            .set("transaction.timeout.ms", TRANSACTION_MAX.as_millis().to_string())
            .set("message.timeout.ms", DELIVERY_MAX.as_millis().to_string())
            .set("acks", "all")
            .set("linger.ms", "1")
            .set("compression.type", "lz4")
            .set("message.max.bytes", message_bytes_max.to_string())
            .set("queue.buffering.max.kbytes", "65536")
            .set("queue.buffering.max.messages", "1000000");
        config
    }
}

/// After so long the cluster itself ends a transaction: until then it holds up every reader.
pub const TRANSACTION_MAX: Duration = Duration::from_secs(10);
/// A message that is not there after so long ends its transaction.
pub const DELIVERY_MAX: Duration = Duration::from_secs(9);
/// How long one question to the cluster may take.
pub const ANSWER_MAX: Duration = Duration::from_secs(10);
