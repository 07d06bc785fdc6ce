//! What a full pull did not bring.

use yiku_core::{
    library::SweepNumbers,
    row_version::{RowVersion, VersionParts},
};
use yiku_store::{publication::RunSoFar, sweep};

use crate::library::{City, gone, row};

const HOUSEHOLD: &str = "ps/household";

fn run(number: u64) -> RunSoFar {
    let version = VersionParts { line: 1, order: number, ..Default::default() };
    RunSoFar {
        number,
        begun: true,
        ended: true,
        full: true,
        version: RowVersion::new(version),
        pulled: 0,
        rejected: 0,
        keyless: 0,
    }
}

#[tokio::test]
async fn what_a_full_run_did_not_bring_is_gone() {
    let mut city = City::new().await;
    let said = |key: &str, order_by: i64, line: u32, order: u64| {
        let mut said = row(HOUSEHOLD, (order_by, 1), &[key, "x", "", ""]);
        (said.version.line, said.version.order) = (line, order);
        said
    };
    city.say(
        HOUSEHOLD,
        0,
        &[
            said("gone", 7, 1, 1),
            said("unchanged", 7, 1, 1),
            said("late", 7, 1, 1),
            said("other-line", 7, 2, 1),
            said("deleted", 7, 1, 1),
            gone(HOUSEHOLD, (8, 1), "deleted"),
        ],
    )
    .await;
    city.say(HOUSEHOLD, 6, &[said("unchanged", 7, 1, 2), said("late", 6, 1, 2)]).await;
    let resource = HOUSEHOLD.parse().expect("a name");
    let mut db = city.store.reader().await.expect("a reader");
    let numbers = sweep::numbers(&mut db, &resource, 1, &run(2)).await.expect("counted");
    assert_eq!(numbers, SweepNumbers { live: 3, vanished: 1, keyless: 0 });
    let page = sweep::page(&mut db, &resource, 1, &run(2), 0, 10).await.expect("a page");
    let keys: Vec<_> = page.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(keys, ["gone"]);
    let expected = VersionParts { order_by: 7, line: 1, order: 2, row: 0, attempt: 0 };
    assert_eq!(page[0].version.parts(), expected);
    let next = sweep::page(&mut db, &resource, 1, &run(2), page[0].id, 10).await.expect("a page");
    assert!(next.is_empty());
}
