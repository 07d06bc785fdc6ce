use serde_json::json;
use yiku_core::{
    publication::{Idempotency, Publication, PublishedRun, RejectedRow},
    row_version::{RowVersion, VersionParts},
};
use yiku_store::{StoreError, connector, publication, quarantine, receipt};

use crate::support::{Fresh, NOW, batch, digester, fresh, household};

#[tokio::test]
async fn a_batch_brings_position_receipt_counts_and_rejected_rows() {
    let fresh = fresh().await;
    fresh.take(1, 3, &["431302197407073940", ""]).await;
    fresh.take(2, 2, &[]).await;
    let mut db = fresh.store.reader().await.expect("a reader");

    let lines = connector::lines(&mut db, Some("household")).await.expect("reads");
    assert_eq!(lines.len(), 1);
    assert_eq!((lines[0].next_batch, &lines[0].position), (3, &json!({ "batch": 2 })));

    let kept = receipt::show(&mut db, None, "line/public-security/household/1", 1)
        .await
        .expect("its receipt");
    assert_eq!(kept.receipt.count("accepted"), 3);
    assert_eq!(receipt::rows(&mut db, kept.id).await.expect("its rows").len(), 3);

    let totals = publication::totals(&mut db).await.expect("reads");
    let total = &totals[0];
    assert_eq!((total.batches, total.pulled, total.accepted, total.rejected), (2, 7, 5, 2));
    let violations = publication::violations(&mut db).await.expect("reads");
    assert_eq!((violations[0].code.as_str(), violations[0].count), ("check-digit", 2));

    let rows = quarantine::list(&mut db, &Default::default(), 0, 10).await.expect("reads");
    let keys: Vec<_> = rows.iter().map(|row| row.row.key.as_deref()).collect();
    assert_eq!(keys, [Some("431302197407073940"), None]);
}

async fn refusal(
    fresh: &Fresh,
    number: u64,
    change: impl FnOnce(&mut Publication, &mut Vec<RejectedRow>),
) -> String {
    let (mut publication, mut rows) = batch(&fresh.store, number, 1, &["k"]);
    change(&mut publication, &mut rows);
    let mut tx = fresh.begin().await;
    let error = publication::take(&mut tx, &digester(), &publication, &rows)
        .await
        .expect_err("it does not fit");
    assert!(matches!(error, StoreError::Disordered { .. }), "{error:?}");
    error.to_string()
}

#[tokio::test]
async fn what_does_not_follow_is_refused() {
    let fresh = fresh().await;
    let text = refusal(&fresh, 1, |_, _| {}).await;
    let head = "does not follow what the store holds:";
    assert_eq!(
        text,
        format!("batch 1 of line 1 of `public-security/household` {head} there is no such line")
    );
    fresh.take(1, 1, &[]).await;
    let text = refusal(&fresh, 1, |_, _| {}).await;
    assert!(text.ends_with("the next one is 2"), "{text}");
    let text = refusal(&fresh, 3, |_, _| {}).await;
    assert!(text.ends_with("the next one is 2"), "{text}");
    let text = refusal(&fresh, 2, |one, _| one.position_before = json!(7)).await;
    assert!(text.ends_with("it does not begin where the batch before it ended"), "{text}");
    let text = refusal(&fresh, 2, |one, _| one.pulled = 9).await;
    assert!(text.ends_with("9 pulled, 2 accounted for"), "{text}");
    let text = refusal(&fresh, 2, |_, rows| rows.clear()).await;
    assert!(text.ends_with("1 rejected, 0 found"), "{text}");
    let text = refusal(&fresh, 2, |one, _| one.digests.clear()).await;
    assert!(text.ends_with("1 accepted, 0 digests"), "{text}");
    let text = refusal(&fresh, 2, |_, rows| rows[0].batch = 1).await;
    assert!(text.ends_with("a rejected row belongs to another batch"), "{text}");
    let text = refusal(&fresh, 2, |one, _| {
        one.receipt = one.receipt.replace("\"number\":2", "\"number\":3");
    })
    .await;
    assert_eq!(
        text,
        format!(
            "receipt 3 of stream `line/public-security/household/1` {head} \
             the stream's last one is 1"
        )
    );
    fresh.take(2, 1, &[]).await;
}

#[tokio::test]
async fn a_rollback_leaves_no_trace() {
    let fresh = fresh().await;
    fresh.take(1, 1, &["a"]).await;
    let (publication, rows) = batch(&fresh.store, 2, 1, &["b", "c"]);
    let mut tx = fresh.begin().await;
    publication::take(&mut tx, &digester(), &publication, &rows).await.expect("taken");
    tx.rollback().await.expect("rolls back");
    fresh.take(2, 1, &["b", "c"]).await;
    let mut db = fresh.store.reader().await.expect("a reader");
    let rows = quarantine::list(&mut db, &Default::default(), 0, 10).await.expect("reads");
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [1, 2, 3]);
}

#[tokio::test]
async fn lines_rise_per_resource_and_belong_to_their_connector() {
    let fresh = fresh().await;
    let mut tx = fresh.begin().await;
    let first = connector::line(&mut tx, &household(), "a", NOW).await.expect("a line");
    let again = connector::line(&mut tx, &household(), "a", NOW).await.expect("the same");
    let other = connector::line(&mut tx, &household(), "push", NOW).await.expect("a line");
    let rebuilt = connector::new_line(&mut tx, &household(), "a", NOW).await.expect("a line");
    let elsewhere = "health/birth".parse().expect("a name");
    let birth = connector::line(&mut tx, &elsewhere, "push", NOW).await.expect("a line");
    assert_eq!([first.line, again.line, other.line, rebuilt.line, birth.line], [1, 1, 2, 3, 1]);
    let now = connector::line(&mut tx, &household(), "a", NOW).await.expect("the newest");
    assert_eq!((now.line, now.next_batch, now.position.is_null()), (3, 1, true));
}

#[tokio::test]
async fn a_push_is_known_by_its_key() {
    let fresh = fresh().await;
    fresh.take(1, 1, &[]).await;
    let push = |number, answer| {
        let (mut one, _) = batch(&fresh.store, number, 1, &[]);
        let (key, digest) = ("k1".into(), "d1".into());
        one.idempotency = Some(Idempotency { key, digest, answer });
        one
    };
    let mut tx = fresh.begin().await;
    let find = async |tx: &mut yiku_store::Tx, digest| {
        publication::pushed(tx, "household", &household(), "k1", digest).await
    };
    assert_eq!(find(&mut tx, "d1").await.expect("reads"), None);
    publication::take(&mut tx, &digester(), &push(2, None), &[]).await.expect("taken");
    let begun = find(&mut tx, "d1").await.expect("reads").expect("begun");
    assert_eq!((begun.line, begun.batch, begun.answer), (1, 2, None));
    let answer = json!({ "accepted": 2 });
    publication::take(&mut tx, &digester(), &push(3, Some(answer.clone())), &[])
        .await
        .expect("taken");
    let whole = find(&mut tx, "d1").await.expect("reads").expect("whole");
    assert_eq!((whole.batch, whole.answer), (3, Some(answer)));
    let error = find(&mut tx, "d2").await.expect_err("another body");
    assert_eq!(
        error.to_string(),
        "this Idempotency-Key was used with another body; send a new body under a new key"
    );
    let error = publication::take(&mut tx, &digester(), &push(4, None), &[]).await;
    let text = error.expect_err("taken twice").to_string();
    assert!(text.ends_with("its push request was taken before"), "{text}");
}

#[tokio::test]
async fn full_runs_that_ended_whole_can_be_swept() {
    let fresh = fresh().await;
    fresh.take(1, 1, &[]).await;
    let mut tx = fresh.begin().await;
    let cases =
        [(2, 7, true, false), (3, 7, false, true), (4, 8, true, false), (5, 9, false, true)];
    for (batch_number, run, begins, ends) in cases {
        let (mut one, rows) = batch(&fresh.store, batch_number, 2, &[""]);
        let parts = VersionParts { line: 1, order: run, ..Default::default() };
        let version = RowVersion::new(parts);
        one.base_offset = batch_number * 2;
        one.run = Some(PublishedRun { number: run, begins, ends, full: true, version, keyless: 1 });
        publication::take(&mut tx, &digester(), &one, &rows).await.expect("taken");
    }
    let runs = publication::full_runs(&mut tx, &household(), 1, None).await.expect("reads");
    assert_eq!(runs.len(), 1, "run 8 has no end, run 9 no beginning");
    let whole = &runs[0];
    assert_eq!((whole.number, whole.pulled, whole.rejected, whole.keyless), (7, 6, 2, 2));
    assert_eq!(publication::full_runs(&mut tx, &household(), 1, Some(7)).await.expect("reads"), []);
    let part = publication::run(&mut tx, &household(), 1, 8).await.expect("reads").expect("begun");
    assert!(part.begun && !part.ended);
    assert_eq!(publication::run(&mut tx, &household(), 1, 99).await.expect("reads"), None);
}
