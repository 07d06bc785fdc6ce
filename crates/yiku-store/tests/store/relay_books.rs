//! What the topics of entities tell of, held against the log of changes.

use yiku_store::{
    change,
    reconcile::{self, BusState, Depth, RelayedTopic},
};

use crate::library::{City, row};

/// Two persons, of whom one dies.
async fn city() -> City {
    let mut city = City::new().await;
    let rows = [
        row("ps/household", (1, 1), &["a", "甲", "", ""]),
        row("ps/household", (1, 2), &["b", "乙", "", ""]),
    ];
    city.say("ps/household", 0, &rows).await;
    city.say("he/death", 0, &[row("he/death", (1, 1), &["a", "2026-01-02"])]).await;
    city
}

/// The equations about the topic when it tells of changes up to `change` and has so many rows.
async fn books(city: &City, change: u64, rows: u64) -> Vec<String> {
    let relayed = RelayedTopic { entity: "population.person".into(), change, rows };
    let bus = BusState { relayed: Some(vec![relayed]), ..BusState::default() };
    let mut db = city.store.snapshot().await.expect("a snapshot");
    let equations = reconcile::recount(&mut db, &bus, Depth::Counts).await.expect("recounts");
    let own = equations.iter().filter(|one| one.subject == "population.person");
    let shown = own.map(ToString::to_string);
    shown.filter(|text| text.contains("relayed") || text.contains("topic")).collect()
}

#[tokio::test]
async fn every_change_is_on_the_topic_or_waits() {
    let city = city().await;
    assert_eq!(
        books(&city, 2, 2).await,
        [
            "changes 3 = relayed 2 + backlog 1",
            "rows on the topic 2 + ended 0 = created 2 + restored 0",
        ]
    );
    assert_eq!(
        books(&city, 3, 1).await,
        [
            "changes 3 = relayed 3 + backlog 0",
            "rows on the topic 1 + ended 1 = created 2 + restored 0",
        ]
    );
    let found = books(&city, 3, 2).await;
    assert!(found[1].ends_with("(does not hold)"), "a row that is gone is still there: {found:?}");
    let found = books(&city, 4, 1).await;
    assert!(found[0].ends_with("(does not hold)"), "a change that never was: {found:?}");
    let mut db = city.store.snapshot().await.expect("a snapshot");
    let last = change::last_of_entities(&mut db).await.expect("reads");
    assert_eq!(last, [("population.person".to_owned(), 3)]);
}

#[tokio::test]
async fn nothing_is_said_of_topics_where_nothing_is_relayed() {
    let city = city().await;
    let mut db = city.store.snapshot().await.expect("a snapshot");
    let bus = BusState::default();
    let equations = reconcile::recount(&mut db, &bus, Depth::Counts).await.expect("recounts");
    assert!(equations.iter().all(|one| !one.to_string().contains("relayed")));
    // Where it is, an entity without a topic has everything before it.
    let bus = BusState { relayed: Some(Vec::new()), ..BusState::default() };
    let equations = reconcile::recount(&mut db, &bus, Depth::Counts).await.expect("recounts");
    let shown: Vec<String> = equations.iter().map(ToString::to_string).collect();
    assert!(shown.iter().any(|one| one == "changes 3 = relayed 0 + backlog 3"), "{shown:#?}");
}
