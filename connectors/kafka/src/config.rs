//! What stands beside `kind: kafka` in a connector file.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;
use yiku_connector::{ConnectorError, Secret, Surroundings};
use yiku_kafka::{Cluster, Mechanism, Password, Sasl, Tls};

/// Where rows are read. `source.schema.json` says the same for editors and people.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// Addresses of some brokers.
    pub brokers: Vec<String>,
    /// The topic.
    pub topic: String,
    /// How values are written.
    pub format: Format,
    /// How a message without value is read; such messages are unreadable when left out.
    pub tombstones: Option<Tombstones>,
    /// Encryption; in the clear when left out.
    pub tls: Option<TlsConfig>,
    /// Login; by certificate or not at all when left out.
    pub sasl: Option<SaslConfig>,
}

/// How values are written.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Avro in Confluent's wire format.
    Avro,
    /// JSON in Confluent's wire format.
    JsonSchema,
    /// A JSON object and nothing else.
    Json,
}

/// How a message without value is read.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tombstones {
    /// The columns of the message's key. Of one column, the key is its text; of several, a JSON
    /// object with them.
    pub key: Columns,
    /// The column that says `true` for a message without value and `false` for all others.
    #[serde(default = "deleted")]
    pub column: String,
}

/// One column or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Columns {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

/// Where parcels are written. `sink.schema.json` says the same for editors and people.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SinkConfig {
    /// Addresses of some brokers.
    pub brokers: Vec<String>,
    /// The topic.
    pub topic: String,
    /// Bytes of one message at most, as the topic's `max.message.bytes` says.
    #[serde(default = "message_bytes_max")]
    pub message_bytes_max: usize,
    /// Encryption; in the clear when left out.
    pub tls: Option<TlsConfig>,
    /// Login; by certificate or not at all when left out.
    pub sasl: Option<SaslConfig>,
}

/// Encryption. Relative paths start at the folder of the connector files.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// PEM file with who signed the brokers' certificates; the system's list without it.
    pub ca: Option<PathBuf>,
    /// PEM file of our own certificate.
    pub certificate: Option<PathBuf>,
    /// PEM file of its key.
    pub key: Option<PathBuf>,
}

/// A login by name and password.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SaslConfig {
    /// How the password is proven.
    pub mechanism: Mechanism,
    /// The name.
    pub user: String,
    /// Where the password is.
    pub password: Secret,
}

impl SourceConfig {
    /// Reads and checks the configuration.
    pub fn read(value: Value) -> Result<Self, ConnectorError> {
        let wrong = |problem| ConnectorError::Config(format!("source of kind kafka: {problem}"));
        let config: Self =
            serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?;
        check(&config.brokers, &config.topic, config.tls.as_ref(), config.sasl.as_ref())
            .and_then(|()| config.tombstones.as_ref().map_or(Ok(()), Tombstones::check))
            .map_err(wrong)?;
        Ok(config)
    }

    /// The cluster; reads the password.
    pub fn cluster(&self, surroundings: &Surroundings) -> Result<Cluster, ConnectorError> {
        cluster("source", &self.brokers, self.tls.as_ref(), self.sasl.as_ref(), surroundings)
    }
}

impl SinkConfig {
    /// Reads and checks the configuration.
    pub fn read(value: Value) -> Result<Self, ConnectorError> {
        let wrong = |problem| ConnectorError::Config(format!("sink of kind kafka: {problem}"));
        let config: Self =
            serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?;
        check(&config.brokers, &config.topic, config.tls.as_ref(), config.sasl.as_ref())
            .map_err(wrong)?;
        if !(MESSAGE_BYTES_LEAST..=MESSAGE_BYTES_MOST).contains(&config.message_bytes_max) {
            return Err(wrong(format!(
                "`message_bytes_max` is from {MESSAGE_BYTES_LEAST} to {MESSAGE_BYTES_MOST}"
            )));
        }
        Ok(config)
    }

    /// The cluster; reads the password.
    pub fn cluster(&self, surroundings: &Surroundings) -> Result<Cluster, ConnectorError> {
        cluster("sink", &self.brokers, self.tls.as_ref(), self.sasl.as_ref(), surroundings)
    }
}

impl Tombstones {
    /// The columns of the key.
    pub fn key(&self) -> &[String] {
        match &self.key {
            Columns::One(column) => std::slice::from_ref(column),
            Columns::Several(columns) => columns,
        }
    }

    fn check(&self) -> Result<(), String> {
        let key = self.key();
        let names = key.iter().chain([&self.column]);
        let doubled = names
            .clone()
            .enumerate()
            .any(|(at, name)| names.clone().skip(at + 1).any(|other| other == name));
        match key.is_empty() || doubled || names.clone().any(String::is_empty) {
            true => Err("`tombstones` names one or more columns of the key and another one".into()),
            false => Ok(()),
        }
    }
}

fn check(
    brokers: &[String],
    topic: &str,
    tls: Option<&TlsConfig>,
    sasl: Option<&SaslConfig>,
) -> Result<(), String> {
    if brokers.is_empty() || brokers.iter().any(|one| one.is_empty() || one.contains(',')) {
        return Err("`brokers` is a list of addresses such as [\"kafka-1:9092\"]".into());
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if !(1..=TOPIC_LENGTH_MAX).contains(&topic.len()) || !topic.bytes().all(plain) {
        return Err(format!(
            "`topic` is 1 to {TOPIC_LENGTH_MAX} letters, digits and signs of . _ -"
        ));
    }
    let Some(sasl) = sasl else { return Ok(()) };
    if matches!(sasl.password, Secret::Plain(_)) {
        return Err("`sasl.password` only names the password: { file: … } or { env: … }".to_owned());
    }
    if sasl.mechanism == Mechanism::Plain && tls.is_none() {
        return Err("`sasl.mechanism: plain` would send the password in the clear; add `tls`, or \
                    take scram-sha-256 or scram-sha-512"
            .to_owned());
    }
    Ok(())
}

fn cluster(
    settings: &'static str,
    brokers: &[String],
    tls: Option<&TlsConfig>,
    sasl: Option<&SaslConfig>,
    surroundings: &Surroundings,
) -> Result<Cluster, ConnectorError> {
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| surroundings.folder.join(path));
    let tls = tls.map(|tls| Tls {
        ca: path(&tls.ca),
        certificate: path(&tls.certificate),
        key: path(&tls.key),
    });
    let sasl = match sasl {
        None => None,
        Some(sasl) => Some(Sasl {
            mechanism: sasl.mechanism,
            user: sasl.user.clone(),
            password: Password(sasl.password.read(surroundings)?),
        }),
    };
    Ok(Cluster { settings, brokers: brokers.to_vec(), tls, sasl })
}

fn deleted() -> String {
    "deleted".to_owned()
}

fn message_bytes_max() -> usize {
    1_000_000
}

/// Of a topic's name, by Kafka's own rule.
const TOPIC_LENGTH_MAX: usize = 249;
/// What librdkafka takes as its largest message.
const MESSAGE_BYTES_LEAST: usize = 1_000;
const MESSAGE_BYTES_MOST: usize = 64 << 20;
