use std::sync::atomic::Ordering;

use crate::support::{NDJSON, hub, ndjson, push_request, rows};

#[tokio::test]
async fn a_repeated_call_gets_the_first_answer() {
    let hub = hub().await;
    let body = format!("{}{{oops\n", ndjson(&rows(&hub)[..1]));
    let first = hub.push_with_key("k-1", body.clone()).await;
    assert_eq!(first.status, 200, "{}", first.text);
    assert!(!first.headers.contains_key("idempotency-replayed"));
    let second = hub.push_with_key("k-1", body.clone()).await;
    assert_eq!(second.text, first.text);
    assert_eq!(second.headers["idempotency-replayed"], "true");
    assert_eq!(hub.push_with_key("k-1", "{}").await.refusal(), "409 idempotency-key-reused");
    assert_eq!(hub.records().await.len(), 1);
    assert_eq!(hub.push_with_key("k-2", body).await.json()["batch"]["number"], 2);
    let request = push_request(NDJSON).header("idempotency-key", "a b").body("{}".into()).unwrap();
    assert_eq!(hub.send("police", request).await.refusal(), "400 invalid-parameter");
}

#[tokio::test]
async fn of_two_at_once_one_publishes() {
    let hub = hub().await;
    let body = ndjson(&rows(&hub));
    let calls = (0..8).map(|_| hub.push_with_key("k-1", body.clone()));
    let answers = futures::future::join_all(calls).await;
    let new =
        |answer: &&crate::support::Answer| !answer.headers.contains_key("idempotency-replayed");
    assert_eq!(answers.iter().filter(new).count(), 1);
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.text == answers[0].text));
    assert_eq!(hub.records().await.len(), rows(&hub).len());
}

/// The rows are on the bus, but the store does not know of the call yet: asked too early it would
/// let the rows in a second time.
#[tokio::test]
async fn a_call_that_was_not_carried_over_is_still_recognised() {
    let hub = hub().await;
    let body = ndjson(&rows(&hub)[..1]);
    hub.hub.carry_fails.store(true, Ordering::SeqCst);
    let first = hub.push_with_key("k-1", body.clone()).await;
    assert_eq!(first.status, 200, "{}", first.text);
    hub.hub.carry_fails.store(true, Ordering::SeqCst);
    assert_eq!(hub.push_with_key("k-1", body.clone()).await.refusal(), "500 internal");
    let third = hub.push_with_key("k-1", body).await;
    assert_eq!(third.text, first.text);
    assert_eq!(third.headers["idempotency-replayed"], "true");
    assert_eq!(hub.records().await.len(), 1);
}
