//! Clusters that are not there, topics that are not there, logins that are refused.

use serde_json::{Value, json};
use yiku_connector::{Access, ConnectorError, Load, Position};

use crate::support::{Topic, access};

/// What both sides say when they are checked.
async fn both(config: Value) -> [ConnectorError; 2] {
    let mut source = config.clone();
    source["format"] = "json".into();
    let (kind, access) = (&connector_kafka::KIND, access("in"));
    let source = (kind.open_source)(source, &access, &Position::default()).unwrap().check().await;
    let sink = (kind.open_sink)(config, &access).unwrap().check().await;
    [source.unwrap_err(), sink.unwrap_err()]
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_told_with_the_address() {
    let address = format!("127.0.0.1:{}", yiku_tests::free_port());
    for error in both(json!({ "brokers": [address], "topic": "t" })).await {
        assert!(matches!(error, ConnectorError::Unavailable { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(&format!("{address}/t: ")), "{text}");
        assert!(text.contains("Connection refused"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_not_there_is_told_and_not_made() {
    let brokers = [yiku_tests::kafka().address()];
    for error in both(json!({ "brokers": brokers, "topic": "no.such.topic" })).await {
        assert!(matches!(error, ConnectorError::Unreadable { .. }), "{error}");
        assert!(error.to_string().contains("there is no such topic"), "{error}");
    }
    assert!(!yiku_tests::kafka().kcat(&["-L"]).contains("no.such.topic"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_not_there_is_told() {
    let sasl = json!({ "mechanism": "scram-sha-256", "user": "u", "password": { "file": "p" } });
    for error in both(json!({ "brokers": ["a:1"], "topic": "t", "sasl": sasl })).await {
        assert!(error.to_string().contains("secret file `/nowhere/p`"), "{error}");
    }
}

/// Whatever a full pull does not bring is deleted.
#[test]
fn a_topic_is_not_read_as_a_whole() {
    let config = json!({ "brokers": ["a:1"], "topic": "t", "format": "json" });
    let access = Access { load: Load::Full, ..access("in") };
    let opened = (connector_kafka::KIND.open_source)(config, &access, &Position::default());
    let refused = opened.map(drop).unwrap_err().to_string();
    assert!(refused.contains("leave out `load: full`"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_there_passes() {
    let topic = Topic::new(1).await;
    topic.source(&json!({}), &Position::default()).unwrap().check().await.unwrap();
    topic.sink("out", &json!({})).unwrap().check().await.unwrap();
    assert!(topic.seen().is_empty());
}

#[cfg(feature = "kafka-tls")]
mod login {
    use yiku_tests::Kafka;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_wrong_login_is_told_at_once_with_the_setting() {
        let brokers = [yiku_tests::kafka().login_address()];
        // A variable of this process's environment that cargo always sets.
        let wrong = json!({ "env": "CARGO_PKG_NAME" });
        let sasl = json!({ "mechanism": "scram-sha-256", "user": Kafka::USER, "password": wrong });
        let errors = both(json!({ "brokers": brokers, "topic": "t", "sasl": sasl })).await;
        for (error, side) in errors.into_iter().zip(["source", "sink"]) {
            assert!(matches!(error, ConnectorError::Config(_)), "{error}");
            let text = error.to_string();
            assert!(
                text.contains("user `yiku`") && text.contains(&format!("{side}.sasl")),
                "{text}"
            );
            assert!(!text.contains("connector-kafka"), "{text}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_certificate_of_a_stranger_is_told() {
        let server = yiku_tests::kafka();
        let tls = json!({ "ca": server.certificate("stranger.crt") });
        let config = json!({ "brokers": [server.tls_address()], "topic": "t", "tls": tls });
        for error in both(config).await {
            assert!(matches!(error, ConnectorError::Config(_)), "{error}");
            assert!(error.to_string().contains("certificate"), "{error}");
        }
    }
}
