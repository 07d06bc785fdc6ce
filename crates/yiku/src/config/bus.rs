//! `[bus]`: where rows are kept on their way.

use std::path::{Path, PathBuf};

use anyhow::bail;
use serde::Deserialize;
use yiku_bus::Mechanism;
use yiku_connector::Secret;

/// The bus.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct BusConfig {
    /// What it is made of.
    pub kind: BusKind,
    /// Rows that were merged and delivered stay replayable for so many days.
    pub retain_days: u32,
    /// The cluster, with `kind = "kafka"`.
    pub kafka: Option<KafkaConfig>,
}

/// What a bus is made of.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum BusKind {
    /// One file in the data folder.
    #[default]
    Embedded,
    /// A cluster of brokers.
    Kafka,
}

/// A Kafka cluster.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct KafkaConfig {
    /// Addresses of some brokers.
    pub brokers: Vec<String>,
    /// What the names of topics and transactions begin with.
    #[serde(default)]
    pub prefix: String,
    /// What may be lost with a broker.
    #[serde(default)]
    pub durability: Durability,
    /// Replicas of the topics that the hub makes.
    #[serde(default = "three")]
    pub replication: u16,
    /// Partitions of the topics of rows that the hub makes; those that are there keep theirs.
    #[serde(default = "one")]
    pub partitions: u16,
    /// Encryption.
    pub tls: Option<KafkaTls>,
    /// Login.
    pub sasl: Option<KafkaSasl>,
}

/// What may be lost with a broker.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// Nothing.
    #[default]
    Replicated,
    /// All of it.
    Single,
}

/// Encryption towards the brokers.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct KafkaTls {
    /// PEM file with who signed the brokers' certificates; the system's list without it.
    pub ca: Option<PathBuf>,
    /// PEM file of the hub's own certificate.
    pub certificate: Option<PathBuf>,
    /// PEM file of its key.
    pub key: Option<PathBuf>,
}

/// A login by name and password.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct KafkaSasl {
    /// How the password is proven.
    pub mechanism: Mechanism,
    /// The name.
    pub user: String,
    /// Where the password is: `{ file = "…" }` in the secrets folder, or `{ env = "…" }`.
    pub password: Secret,
}

impl Default for BusConfig {
    fn default() -> Self {
        Self { kind: BusKind::Embedded, retain_days: 30, kafka: None }
    }
}

impl BusConfig {
    /// What fields cannot say one by one.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let kafka = match (self.kind, &self.kafka) {
            (BusKind::Embedded, None) => return Ok(()),
            (BusKind::Embedded, Some(_)) => {
                bail!("[bus.kafka] is there, but bus.kind is \"embedded\"; set kind = \"kafka\"")
            }
            (BusKind::Kafka, None) => {
                bail!("bus.kind is \"kafka\", but there is no [bus.kafka] with its brokers")
            }
            (BusKind::Kafka, Some(kafka)) => kafka,
        };
        if kafka.brokers.is_empty() {
            bail!("bus.kafka.brokers is empty; name at least one, such as \"kafka-1:9092\"");
        }
        if kafka.replication == 0 {
            bail!("bus.kafka.replication is 0; set 3, or 1 with durability = \"single\"");
        }
        if !(1..=PARTITIONS_MAX).contains(&kafka.partitions) {
            bail!(
                "bus.kafka.partitions is {}; set a number from 1 to {PARTITIONS_MAX}",
                kafka.partitions
            );
        }
        if let Some(sasl) = &kafka.sasl {
            if matches!(sasl.password, Secret::Plain(_)) {
                bail!(
                    "bus.kafka.sasl.password must only name the password: {{ file = \"…\" }} in the \
                     secrets folder, or {{ env = \"…\" }}"
                );
            }
            if sasl.mechanism == Mechanism::Plain && kafka.tls.is_none() {
                bail!(
                    "bus.kafka.sasl.mechanism = \"plain\" would send the password in the clear; add \
                     [bus.kafka.tls], or take scram-sha-256 or scram-sha-512"
                );
            }
        }
        Ok(())
    }

    pub(super) fn resolve(&mut self, base: &Path) {
        let Some(tls) = self.kafka.as_mut().and_then(|kafka| kafka.tls.as_mut()) else { return };
        for path in [&mut tls.ca, &mut tls.certificate, &mut tls.key].into_iter().flatten() {
            *path = base.join(&*path);
        }
    }
}

fn three() -> u16 {
    3
}

fn one() -> u16 {
    1
}

/// Of a topic: the merge asks for the end of each.
const PARTITIONS_MAX: u16 = 64;

#[cfg(test)]
mod tests {
    use super::super::Config;

    #[track_caller]
    fn refused(text: &str, told: &str) {
        let error = Config::parse(text).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }

    #[test]
    fn a_bus_that_cannot_be_meant_is_refused() {
        refused("[bus]\nkind = \"kafka\"", "no [bus.kafka]");
        refused("[bus.kafka]\nbrokers = [\"a:1\"]", "set kind = \"kafka\"");
        refused("[bus]\nkind = \"kafka\"\nkafka = { brokers = [] }", "brokers is empty");
        for partitions in ["0", "65"] {
            let kafka = format!("brokers = [\"a:1\"]\npartitions = {partitions}");
            let told = format!("bus.kafka.partitions is {partitions}; set a number from 1 to 64");
            refused(&format!("[bus]\nkind = \"kafka\"\n[bus.kafka]\n{kafka}"), &told);
        }
        let sasl = |mechanism, password| {
            format!(
                "[bus]\nkind = \"kafka\"\n[bus.kafka]\nbrokers = [\"a:1\"]\n[bus.kafka.sasl]\n\
                 mechanism = \"{mechanism}\"\nuser = \"u\"\npassword = {password}"
            )
        };
        refused(&sasl("plain", "{ env = \"P\" }"), "in the clear");
        refused(&sasl("scram-sha-256", "\"secret\""), "must only name the password");
        assert!(Config::parse(&sasl("scram-sha-512", "{ file = \"p\" }")).is_ok());
    }
}
