use yiku_core::receipt::{Deed, Outcome, Receipt};
use yiku_store::{
    receipt::{self, Filter},
    sql,
};

use crate::support::{NOW, fresh};

fn deed(stream: &str, at: i64) -> Receipt {
    Receipt::new(stream, Deed::Query, "token:tax", at)
}

#[tokio::test]
async fn streams_have_no_gaps_and_a_rollback_leaves_none() {
    let fresh = fresh().await;
    let mut numbers = Vec::new();
    for committed in [true, false, true] {
        let mut tx = fresh.begin().await;
        let kept = receipt::append(&mut tx, deed("node/api", NOW)).await.expect("appends");
        assert_eq!(kept.incarnation, fresh.store.incarnation());
        match committed {
            true => tx.commit().await.expect("commits"),
            false => drop(tx),
        }
        numbers.push(kept.number);
    }
    assert_eq!(numbers, [1, 2, 2]);
    let mut db = fresh.store.reader().await.expect("a reader");
    let last = receipt::last_number(&mut db, fresh.store.incarnation(), "node/api").await;
    assert_eq!(last.expect("reads"), 2);
    let other = receipt::last_number(&mut db, fresh.store.incarnation(), "none").await;
    assert_eq!(other.expect("reads"), 0);
}

#[tokio::test]
async fn a_receipt_is_for_ever() {
    let fresh = fresh().await;
    let mut tx = fresh.begin().await;
    let kept = receipt::append(&mut tx, deed("node/api", NOW)).await.expect("appends");
    receipt::keep_rows(&mut tx, &kept, &[[1; 32], [2; 32]]).await.expect("keeps");
    tx.commit().await.expect("commits");
    for (sql, text) in [
        ("UPDATE receipt SET actor = 'nobody'", "a receipt is never changed"),
        ("DELETE FROM receipt", "a receipt is never deleted"),
        ("UPDATE receipt_rows SET digests = ''", "the digests of a receipt are never changed"),
        ("DELETE FROM receipt_rows", "the digests of a receipt are never deleted"),
    ] {
        let mut tx = fresh.begin().await;
        let error = sql::run(&mut tx, sql).await.expect_err("refused");
        assert!(error.to_string().contains(text), "{error}");
    }
    let mut db = fresh.store.reader().await.expect("a reader");
    let found = receipt::show(&mut db, Some(&kept.incarnation), "node/api", 1).await;
    let found = found.expect("it is there");
    assert_eq!(found.bytes.as_bytes(), kept.to_bytes());
    assert_eq!(receipt::rows(&mut db, found.id).await.expect("reads"), [[1; 32], [2; 32]]);
    let error = receipt::show(&mut db, None, "node/api", 2).await.expect_err("no such number");
    assert_eq!(error.to_string(), "receipt `node/api 2` does not exist");
}

#[tokio::test]
async fn receipts_are_found_and_paged() {
    let fresh = fresh().await;
    let mut tx = fresh.begin().await;
    for n in 0..10 {
        let mut one = deed("node/api", NOW + n / 2);
        one.department = Some(if n % 2 == 0 { "tax" } else { "health" }.into());
        one.entry = Some("tax/payer@1.0.0".into());
        one.grant = (n == 3).then(|| "g".into());
        one.result = if n == 4 { Outcome::Refused } else { Outcome::Ok };
        one.deed = if n == 5 { Deed::Refuse } else { Deed::Query };
        receipt::append(&mut tx, one).await.expect("appends");
    }
    let mut check = async |filter: Filter, expected: &[u64]| {
        let found = receipt::list(&mut tx, &filter, None, 20).await.expect("reads");
        let numbers: Vec<u64> = found.iter().map(|kept| kept.receipt.number).collect();
        assert_eq!(numbers, expected, "{filter:?}");
    };
    let some = |text: &str| Some(text.to_owned());
    check(Filter { department: some("tax"), ..Default::default() }, &[9, 7, 5, 3, 1]).await;
    check(Filter { grant: some("g"), ..Default::default() }, &[4]).await;
    check(Filter { result: Some(Outcome::Refused), ..Default::default() }, &[5]).await;
    check(Filter { deed: Some(Deed::Refuse), ..Default::default() }, &[6]).await;
    check(Filter { actor: some("token:x"), ..Default::default() }, &[]).await;
    let time = Filter { from_ms: Some(NOW + 1), until_ms: Some(NOW + 3), ..Default::default() };
    check(time, &[6, 5, 4, 3]).await;
    let resource = Filter { resource: some("tax/payer"), ..Default::default() };
    check(resource.clone(), &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]).await;

    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let page = receipt::list(&mut tx, &resource, after, 3).await.expect("reads");
        let Some(last) = page.last() else { break };
        after = Some(last.mark());
        paged.extend(page.iter().map(|kept| kept.receipt.number));
    }
    assert_eq!(paged, [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    let (mut exported, mut after) = (Vec::new(), None);
    loop {
        let page = receipt::export(&mut tx, &resource, after, 4).await.expect("reads");
        let Some(last) = page.last() else { break };
        after = Some(last.mark());
        exported.extend(page.iter().map(|kept| kept.receipt.number));
    }
    assert_eq!(exported, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
}
