//! A demo killed at random moments, each time run again, ends with the same libraries as an
//! unbroken one.

use std::time::{Duration, Instant};

use serde_json::Value;
use yiku_tests::{Demo, kafka};

use crate::content;

const ROWS: u64 = 5_000;

/// A small generator, so that a failing run can be had again by its seed.
struct Moments(u64);

impl Moments {
    fn next(&mut self, below: Duration) -> Duration {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        below.mul_f64((self.0 >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

/// The counts that a rerun must agree on. Speed, time and memory are those of one run, and a
/// delivery that was folded in one run may have been made in another.
fn counts(report: &Value) -> Value {
    let part = |name: &str, fields: &[&str]| -> Vec<Value> {
        let all = report[name].as_array().unwrap().iter();
        all.map(|one| fields.iter().map(|field| one[*field].clone()).collect()).collect()
    };
    serde_json::json!({
        "rows": report["rows"],
        "connectors": part("connectors", &["name", "pulled", "accepted", "rejected"]),
        "libraries": part("libraries", &["entity", "rows", "conflicts"]),
        "violations": report["violations"],
        "balanced": report["balanced"],
    })
}

/// Runs the demo to its end, which must be that of the unbroken one.
async fn check_end(broken: &Demo, unbroken: &Demo, expected: &Value) {
    assert_eq!(counts(&broken.run()), counts(expected));
    let (expected, found) =
        (content::libraries(&unbroken.folder()).await, content::libraries(&broken.folder()).await);
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (table, lines) in &expected {
        let differs = lines.iter().zip(&found[table]).find(|(expected, found)| expected != found);
        assert!(differs.is_none() && lines.len() == found[table].len(), "{table}: {differs:?}");
    }
}

#[tokio::test]
async fn twenty_kills_change_nothing() {
    kills_change_nothing(20, || Demo::new(ROWS)).await;
}

#[tokio::test]
async fn kills_change_nothing_on_kafka_either() {
    kills_change_nothing(6, || Demo::with_settings(ROWS, &kafka().hub_settings())).await;
}

async fn kills_change_nothing(wanted: u32, demo: impl Fn() -> Demo) {
    let seed = std::env::var("YIKU_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(43);
    eprintln!("moments by YIKU_SEED={seed}");
    let unbroken = demo();
    let started = Instant::now();
    let expected = unbroken.run();
    let whole = started.elapsed();

    let mut moments = Moments(seed);
    let mut broken = demo();
    let mut kills = 0;
    for _ in 0..20 * wanted {
        if kills == wanted {
            break;
        }
        if broken.kill_after(moments.next(whole)) {
            kills += 1;
        } else {
            // It came to its end in spite of the kills before: the next ones hit another city.
            check_end(&broken, &unbroken, &expected).await;
            broken = demo();
        }
    }
    assert_eq!(kills, wanted, "a demo of {whole:?} ended before almost every kill");
    check_end(&broken, &unbroken, &expected).await;
}
