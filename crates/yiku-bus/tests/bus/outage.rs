//! A broker that dies and comes back.

use std::time::{Duration, Instant};

use yiku_bus::{Bus, BusError, Kafka};

use crate::engine::{TOPIC, append, keys, settings};

/// While the broker is killed and started again, each append is tried until it is known to be
/// there, as the hub does: after a doubt the bus is looked at before anything is sent again.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_over_a_killed_broker() {
    let mut server = yiku_tests::Kafka::start();
    let bus = Kafka::open(settings(&server.address())).await.unwrap();
    let lane = bus.lane("0").await.unwrap();
    append(&*lane, 0, &["first"]).await.unwrap();
    let appending = tokio::spawn(async move {
        let (mut doubts, mut failures) = (0, 0);
        let began = Instant::now();
        let mut number = 0;
        while number < 200 || (failures == 0 && began.elapsed() < Duration::from_secs(60)) {
            number += 1;
            let key = number.to_string();
            loop {
                match append(&*lane, number, &[&key]).await {
                    Ok(_) => break,
                    Err(error) if error.leaves_in_doubt() => {
                        doubts += 1;
                        while lane.settle().await.is_err() {
                            tokio::time::sleep(Duration::from_millis(200)).await;
                        }
                        if keys(&bus, TOPIC, 0).await.contains(&key) {
                            break;
                        }
                    }
                    Err(error) => {
                        assert!(error.may_pass(), "{error}");
                        failures += 1;
                        tokio::time::sleep(Duration::from_millis(200)).await;
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        (bus, number, doubts, failures)
    });
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let server = tokio::task::spawn_blocking(move || {
        server.kill();
        std::thread::sleep(Duration::from_secs(25));
        server.restart();
        server
    });
    let server = server.await.unwrap();
    let (bus, last, doubts, failures) = appending.await.unwrap();
    assert!(doubts + failures > 0, "the outage was not noticed");
    let expected: Vec<String> =
        std::iter::once("first".to_owned()).chain((1..=last).map(|n| n.to_string())).collect();
    assert_eq!(keys(&bus, TOPIC, 0).await, expected);
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_without_a_broker_says_so_and_keeps_nothing() {
    let mut server = yiku_tests::Kafka::start();
    let bus = Kafka::open(settings(&server.address())).await.unwrap();
    let lane = bus.lane("0").await.unwrap();
    append(&*lane, 1, &["1"]).await.unwrap();
    server.kill();
    let error = append(&*lane, 2, &["2"]).await.unwrap_err();
    assert!(matches!(error, BusError::Unreachable { .. }), "{error}");
    server.restart();
    lane.settle().await.unwrap();
    append(&*lane, 3, &["3"]).await.unwrap();
    assert_eq!(keys(&bus, TOPIC, 0).await, ["1", "3"]);
}
