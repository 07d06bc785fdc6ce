//! Merging, step by step.

use yiku_store::merge::MergeOutcome;

use crate::library::{City, gone, row};

const HOUSEHOLD: &str = "ps/household";
const MARRIAGE: &str = "ca/marriage";
const DIVORCE: &str = "ca/divorce";
const DEATH: &str = "he/death";

const PERSONS: &str = "SELECT id, _ended, name, division, height, marital, death, _change
     FROM entity_population__person ORDER BY id";
const HISTORY: &str =
    "SELECT _key, _from, _to, _ended, name, marital FROM history_population__person
     ORDER BY _from";
const CONFLICTS: &str = "SELECT _key, item, taken_from, taken_value, other_source, other_value
     FROM conflict_population__person ORDER BY 1, 2";

#[tokio::test]
async fn a_first_load_writes_no_history() {
    let mut city = City::new().await;
    let outcome = city
        .say(
            HOUSEHOLD,
            0,
            &[
                row(HOUSEHOLD, (1, 1), &["a", "李娜", "431302", "165"]),
                row(HOUSEHOLD, (1, 2), &["b", "刘洋", "", ""]),
            ],
        )
        .await;
    assert_eq!(outcome, MergeOutcome { new: 2, ..Default::default() });
    assert_eq!(city.table(PERSONS).await, ["a - 李娜 431302 165 - - 1", "b - 刘洋 - - - - 2"]);
    assert!(city.table(HISTORY).await.is_empty());
    assert_eq!(city.table("SELECT first, last, created FROM change_log ORDER BY 1").await.len(), 2);
}

#[tokio::test]
async fn equal_values_only_advance_the_version() {
    let mut city = City::new().await;
    city.say(HOUSEHOLD, 0, &[row(HOUSEHOLD, (1, 1), &["a", "李娜", "431302", "165"])]).await;
    let mut again = row(HOUSEHOLD, (1, 1), &["a", "李娜", "431302", "165"]);
    again.version.order = 2;
    let outcome = city.say(HOUSEHOLD, 1, &[again]).await;
    assert_eq!(outcome, MergeOutcome { unchanged: 1, ..Default::default() });
    assert!(city.table(HISTORY).await.is_empty());
    let place = "SELECT place, change FROM record_r4";
    assert_eq!(city.table(place).await, ["1 1"]);
}

#[tokio::test]
async fn a_marriage_speaks_of_two_persons_and_a_divorce_later() {
    let mut city = City::new().await;
    city.say(HOUSEHOLD, 0, &[row(HOUSEHOLD, (1, 1), &["a", "李娜", "", ""])]).await;
    city.say(MARRIAGE, 0, &[row(MARRIAGE, (5, 1), &["m", "b", "a", "刘洋"])]).await;
    assert_eq!(city.table(PERSONS).await, ["a - 李娜 - - 20 - 3", "b - 刘洋 - - 20 - 2"]);
    city.say(DIVORCE, 0, &[row(DIVORCE, (4, 1), &["d", "b", "a"])]).await;
    assert_eq!(city.table(PERSONS).await[0], "a - 李娜 - - 20 - 3", "an older divorce");
    let outcome = city.say(DIVORCE, 1, &[row(DIVORCE, (6, 1), &["d", "b", "a"])]).await;
    assert_eq!(outcome, MergeOutcome { changed: 1, ..Default::default() });
    assert_eq!(city.table(PERSONS).await, ["a - 李娜 - - 40 - 5", "b - 刘洋 - - 40 - 4"]);
    assert_eq!(city.table(HISTORY).await, ["a 1 3 - 李娜 -", "b 2 4 - 刘洋 20", "a 3 5 - 李娜 20"]);
    city.say(DIVORCE, 2, &[gone(DIVORCE, (7, 1), "d")]).await;
    assert_eq!(city.table(PERSONS).await, ["a - 李娜 - - 20 - 7", "b - 刘洋 - - 20 - 6"]);
}

#[tokio::test]
async fn ranks_that_disagree_leave_a_conflict() {
    let mut city = City::new().await;
    city.say(MARRIAGE, 0, &[row(MARRIAGE, (5, 1), &["m", "b", "", "刘羊"])]).await;
    city.say(HOUSEHOLD, 0, &[row(HOUSEHOLD, (1, 1), &["b", "刘洋", "", ""])]).await;
    let conflict = ["b name ps/household 刘洋 ca/marriage 刘羊"];
    assert_eq!(city.table(CONFLICTS).await, conflict);
    city.say(HOUSEHOLD, 1, &[row(HOUSEHOLD, (2, 1), &["b", "", "", ""])]).await;
    assert!(city.table(CONFLICTS).await.is_empty());
    assert_eq!(city.table(PERSONS).await, ["b - 刘羊 - - 20 - 3"]);
}

#[tokio::test]
async fn a_record_that_moves_leaves_the_entity_it_spoke_of() {
    let mut city = City::new().await;
    city.say(MARRIAGE, 0, &[row(MARRIAGE, (5, 1), &["m", "a", "", "李"])]).await;
    city.say(MARRIAGE, 1, &[row(MARRIAGE, (6, 1), &["m", "b", "", "李"])]).await;
    assert_eq!(city.table(PERSONS).await, ["a deleted - - - - - 2", "b - 李 - - 20 - 3"]);
    let links = "SELECT entity_key, record_key FROM link_population__person";
    assert_eq!(city.table(links).await, ["b m"]);
}

#[tokio::test]
async fn the_dead_stay_and_come_back_to_life_when_it_was_a_mistake() {
    let mut city = City::new().await;
    city.say(DEATH, 0, &[row(DEATH, (1, 1), &["a", "2026-01-02"])]).await;
    assert_eq!(city.table(PERSONS).await, ["a dead - - - - 2026-01-02 2"]);
    city.say(HOUSEHOLD, 0, &[row(HOUSEHOLD, (1, 1), &["a", "李娜", "", ""])]).await;
    city.say(DEATH, 1, &[gone(DEATH, (2, 1), "a")]).await;
    assert_eq!(city.table(PERSONS).await, ["a - 李娜 - - - - 4"]);
    let log = "SELECT CAST(sum(created) AS BIGINT), CAST(sum(changed) AS BIGINT),
                      CAST(sum(ended) AS BIGINT), CAST(sum(restored) AS BIGINT)
               FROM change_log
               WHERE subject_id = (SELECT id FROM subject WHERE kind = 'entity')";
    assert_eq!(city.table(log).await, ["1 1 1 1"]);
    assert_eq!(city.table(HISTORY).await, ["a 1 2 - - -", "a 2 3 dead - -", "a 3 4 dead 李娜 -"]);
}

#[tokio::test]
async fn a_late_row_is_kept_and_changes_nothing() {
    let mut city = City::new().await;
    city.say(HOUSEHOLD, 0, &[row(HOUSEHOLD, (5, 1), &["a", "李娜", "", ""])]).await;
    let mut late = row(HOUSEHOLD, (4, 1), &["a", "李那", "", ""]);
    late.version.order = 9;
    let outcome = city.say(HOUSEHOLD, 1, &[late]).await;
    assert_eq!(outcome, MergeOutcome { superseded: 1, ..Default::default() });
    assert_eq!(city.table(PERSONS).await, ["a - 李娜 - - - - 1"]);
    assert_eq!(city.table("SELECT key, place FROM late_r4").await, ["a 1"]);
    // The full pull that brought it has seen the key.
    assert_eq!(city.table("SELECT seen FROM record_r4").await, ["000000010000000000000009"]);
}

#[tokio::test]
async fn two_rows_of_one_version_are_a_conflict_of_the_record() {
    let mut city = City::new().await;
    for (from, name) in [(0, "乙"), (1, "甲")] {
        city.say(HOUSEHOLD, from, &[row(HOUSEHOLD, (5, 1), &["a", name, "", ""])]).await;
    }
    assert_eq!(city.table("SELECT doubled FROM record_r4").await, ["1"]);
    city.say(HOUSEHOLD, 2, &[row(HOUSEHOLD, (6, 1), &["a", "丙", "", ""])]).await;
    assert_eq!(city.table("SELECT doubled FROM record_r4").await, ["0"]);
}

#[tokio::test]
async fn rows_that_make_no_sense_are_refused_and_the_rest_goes_on() {
    let mut city = City::new().await;
    let mut foreign = city.encode(&row(HOUSEHOLD, (1, 1), &["a", "x", "", ""]));
    foreign.version_of_entry = "9.0.0".parse().expect("a version");
    let mut broken = city.encode(&row(HOUSEHOLD, (1, 1), &["b", "x", "", ""]));
    broken.body.truncate(2);
    let good = city.encode(&row(HOUSEHOLD, (1, 1), &["c", "x", "", ""]));
    let outcome = city.merge(HOUSEHOLD, 0, &[foreign, broken, good]).await.expect("merged");
    assert_eq!(outcome, MergeOutcome { new: 1, refused: 2, ..Default::default() });
    let refused = "SELECT row_offset, reason FROM refused_row ORDER BY 1";
    assert_eq!(
        city.table(refused).await,
        ["0 entry version 9.0.0 is not known", "1 the body ends within item `id`",]
    );
    let again = city.merge(HOUSEHOLD, 0, &[]).await;
    assert!(matches!(again, Err(yiku_store::StoreError::Fenced { .. })), "{again:?}");
}

#[tokio::test]
async fn a_large_batch_is_merged_as_a_small_one() {
    let keys: Vec<String> = (0..500).map(|number| format!("p{number:03}")).collect();
    let said = |at: (i64, u32), height: &str| -> Vec<_> {
        keys.iter().map(|key| row("ps/household", at, &[key, "李", "43", height])).collect()
    };
    let mut whole = City::new().await;
    let mut cut = City::new().await;
    for (at, height) in [((1, 1), "170"), ((2, 2), "171")] {
        let rows = said(at, height);
        let from = (at.0 as u64 - 1) * 500;
        let outcome = whole.say("ps/household", from, &rows).await;
        assert_eq!(outcome.new + outcome.changed, 500);
        for (part, offset) in rows.chunks(20).zip((from..).step_by(20)) {
            cut.say("ps/household", offset, part).await;
        }
    }
    for sql in [
        "SELECT key, version, seen, entry, body, part, place, change, doubled FROM record_r4
         ORDER BY key",
        "SELECT key, _from, _to, entry, body, part, place FROM past_r4 ORDER BY _from",
        "SELECT id, _key, _ended, _change, name, division, height, marital, death
         FROM entity_population__person ORDER BY id",
        "SELECT _key, _from, _to, _ended, name, division, height
         FROM history_population__person ORDER BY _from",
    ] {
        let found = whole.table(sql).await;
        assert_eq!(found.len(), 500);
        assert_eq!(found, cut.table(sql).await);
    }
}
