//! The bus that the configuration names.

use std::sync::Arc;

use anyhow::Context;
use yiku_bus::{Bus, Cluster, Durability, Embedded, Kafka, KafkaSettings, Password, Sasl, Tls};

use crate::config::{BusKind, Config, KafkaConfig, KafkaDurability};

/// Opens it. The caller holds the data folder's lock.
pub async fn open(config: &Config) -> anyhow::Result<Arc<dyn Bus>> {
    match (config.bus.kind, &config.bus.kafka) {
        (BusKind::Kafka, Some(kafka)) => Ok(Arc::new(Kafka::open(settings(config, kafka)?).await?)),
        _ => Ok(Arc::new(Embedded::open(&config.folders.data).await?)),
    }
}

fn settings(config: &Config, kafka: &KafkaConfig) -> anyhow::Result<KafkaSettings> {
    let sasl = match &kafka.sasl {
        None => None,
        Some(sasl) => {
            let password = sasl.password.read(&config.surroundings());
            Some(Sasl {
                mechanism: sasl.mechanism,
                user: sasl.user.clone(),
                password: Password(password.context("bus.kafka.sasl.password")?),
            })
        }
    };
    let tls =
        kafka.tls.clone().map(|tls| Tls { ca: tls.ca, certificate: tls.certificate, key: tls.key });
    Ok(KafkaSettings {
        cluster: Cluster { settings: "bus.kafka", brokers: kafka.brokers.clone(), tls, sasl },
        prefix: kafka.prefix.clone(),
        durability: match kafka.durability {
            KafkaDurability::Replicated => Durability::Replicated,
            KafkaDurability::Single => Durability::Single,
        },
        replication: kafka.replication,
        partitions: kafka.partitions,
    })
}
