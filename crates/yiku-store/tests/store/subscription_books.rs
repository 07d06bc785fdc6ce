use yiku_core::receipt::{Deed, Receipt};
use yiku_store::{
    Store, Tx,
    delivery::{self, Freeze, Park, Span},
    reconcile::{self, BusState, Depth},
    sql,
    subscription::{self, Beginning, Subscription},
};

use crate::support::{Fresh, NOW, digester, fresh};

fn said(deed: Deed) -> Receipt {
    Receipt::new("subscription/tax", deed, "hub", NOW)
}

async fn present(tx: &mut Tx) -> Subscription {
    subscription::get(tx, "tax").await.expect("reads").expect("it was begun")
}

async fn deliver(tx: &mut Tx, span: Span, outcomes: &[u8], refused: &[usize]) {
    let subscription = present(tx).await;
    let receipt = said(Deed::Freeze);
    let digest = delivery::parcel_digest(&digester(), b"rows");
    let subscription = &subscription;
    let freeze = Freeze { subscription, span, parcel: b"rows", digest, outcomes, receipt };
    let frozen = delivery::freeze(tx, freeze, NOW).await.expect("freezes");
    let park = |&index: &usize| Park { index, number: index as u64, key: "k", reason: "no" };
    let parks: Vec<Park<'_>> = refused.iter().map(park).collect();
    delivery::settle(tx, &frozen, &parks, said(Deed::Settle), NOW).await.expect("settles");
}

/// A backfill of four rows and six changes, one of each outcome, then a new generation.
pub(crate) async fn subscribed() -> Fresh {
    let fresh = fresh().await;
    let mut tx = fresh.begin().await;
    let mut beginning = Beginning {
        name: "tax",
        grant: "tax-population",
        subject: "population.person",
        digest: "d1",
        mask_key: b"key",
        shown: "{}",
        start: 100,
        backfill: true,
    };
    subscription::begin(&mut tx, &beginning, NOW).await.expect("begins");
    let page = Span::Page { after: None, to: Some(("9".into(), 101)) };
    deliver(&mut tx, page, b"dddw", &[2]).await;
    let rest = Span::Page { after: Some("9".into()), to: None };
    deliver(&mut tx, rest, b"", &[]).await;
    deliver(&mut tx, Span::Changes { from: 100, to: 106 }, b"cddwfd", &[1, 5]).await;
    let parked = delivery::parked(&mut tx, Some("tax"), 10).await.expect("reads");
    assert_eq!(parked.len(), 3);
    delivery::discard(&mut tx, "tax", &[parked[0].id]).await.expect("drops");
    deliver(&mut tx, Span::Release, b"d", &[]).await;
    delivery::released(&mut tx, "tax", &["k".into()]).await.expect("releases");
    (beginning.digest, beginning.start, beginning.backfill) = ("d2", 110, false);
    subscription::begin(&mut tx, &beginning, NOW).await.expect("begins again");
    deliver(&mut tx, Span::Changes { from: 110, to: 111 }, b"d", &[]).await;
    tx.commit().await.expect("commits");
    fresh
}

async fn books(store: &Store, all: bool) -> Vec<String> {
    let mut db = store.snapshot().await.expect("a snapshot");
    let equations = reconcile::recount(&mut db, &BusState::default(), Depth::Counts).await;
    let equations = equations.expect("recounts");
    let wanted = equations.iter().filter(|one| one.number == 5 && (all || !one.holds));
    wanted.map(|one| format!("{}: {one}", one.subject)).collect()
}

#[tokio::test]
async fn each_offered_row_has_one_outcome() {
    let fresh = subscribed().await;
    assert_eq!(
        books(&fresh.store, true).await,
        [
            "tax: backfilled 4 + retracted 0 + changes 7 = covered 1 + delivered 5 + withheld 2 \
             + parked 0 + folded 2 + dropped 1",
            "tax: refused 3 = ever parked 3",
            "tax: deliveries 5 = counted so 5",
            "tax: cursor - start 1 = changes settled 1",
        ]
    );
}

#[tokio::test]
async fn a_lost_outcome_is_found() {
    let cases = [
        ("UPDATE delivery SET outcomes = 'cdwfd' WHERE from_number = 100", "changes 7 = covered 1"),
        ("DELETE FROM parked WHERE id = 2", "refused 3 = ever parked 2"),
        ("UPDATE delivery SET withheld = 3 WHERE from_number = 100", "deliveries 5 = counted so 4"),
        ("UPDATE subscription SET cursor = 112", "cursor - start 2 = changes settled 1"),
        ("DELETE FROM subscription", "tax (removed): "),
        ("DELETE FROM delivery WHERE from_number = 110", "cursor - start 1 = changes settled 0"),
    ];
    for (sql, expected) in cases {
        let fresh = subscribed().await;
        let mut tx = fresh.begin().await;
        sql::run(&mut tx, sql).await.expect("runs");
        tx.commit().await.expect("commits");
        let found = books(&fresh.store, expected.contains("removed")).await;
        assert!(found.iter().any(|text| text.contains(expected)), "no `{expected}` in {found:#?}");
    }
}
