//! Merging against a plain model, and against itself in other orders, repetitions and cuts.

use std::collections::{BTreeMap, BTreeSet};

use yiku_core::row_version::RowVersion;
use yiku_store::{
    cursor,
    reconcile::{self, BusState, BusTopic, Depth},
};

use crate::library::{City, OnBus, Said, gone, row};

const HOUSEHOLD: &str = "ps/household";
const MARRIAGE: &str = "ca/marriage";
const DIVORCE: &str = "ca/divorce";
const DEATH: &str = "he/death";

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % sides
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.roll(words.len())]
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        for index in (1..all.len()).rev() {
            all.swap(index, self.roll(index + 1));
        }
    }
}

const PERSONS: [&str; 4] = ["a", "b", "c", "d"];

fn random_row(dice: &mut Dice) -> Said {
    let at = (dice.roll(5) as i64, dice.roll(3) as u32);
    let person = |dice: &mut Dice| dice.pick(&["", "a", "b", "c", "d"]);
    let mut said = match dice.roll(6) {
        0 | 1 => {
            let (key, name) = (dice.pick(&PERSONS), dice.pick(&["", "李", "王"]));
            row(HOUSEHOLD, at, &[key, name, dice.pick(&["", "43"]), dice.pick(&["", "170"])])
        }
        2 | 3 => {
            let key = dice.pick(&["m", "n"]);
            let (husband, wife) = (person(dice), person(dice));
            row(MARRIAGE, at, &[key, husband, wife, dice.pick(&["", "李", "张"])])
        }
        4 => {
            let key = dice.pick(&["m", "n"]);
            let (husband, wife) = (person(dice), person(dice));
            row(DIVORCE, at, &[key, husband, wife])
        }
        _ => row(DEATH, at, &[dice.pick(&PERSONS), dice.pick(&["", "2026-01-02"])]),
    };
    said.version.order = 1 + dice.roll(2) as u64;
    if dice.roll(5) == 0 {
        let version = said.version;
        said = gone(said.entry, at, &said.key);
        said.version = version;
    }
    said
}

/// Merges the rows in their order, `cut` deciding where a batch ends.
async fn merged(rows: &[Said], mut cut: impl FnMut() -> bool) -> City {
    let mut city = City::new().await;
    let mut offsets: BTreeMap<&str, u64> = BTreeMap::new();
    let mut batch: Vec<OnBus> = Vec::new();
    for (index, said) in rows.iter().enumerate() {
        batch.push(city.encode(said));
        let next = rows.get(index + 1).map(|next| next.entry);
        if next != Some(said.entry) || cut() {
            let from = offsets.entry(said.entry).or_default();
            city.merge(said.entry, *from, &batch).await.expect("merged");
            *from += batch.len() as u64;
            batch.clear();
        }
    }
    city
}

/// What must not depend on order, repetition or cutting.
async fn standing(city: &City) -> Vec<String> {
    let mut all = Vec::new();
    for number in 1..=4 {
        let sql = format!(
            "SELECT {number}, key, version, seen, body, doubled FROM record_r{number} ORDER BY key"
        );
        all.extend(city.table(&sql).await);
    }
    for sql in [
        "SELECT id, _ended, name, division, height, marital, death
         FROM entity_population__person
         WHERE _ended IS NULL OR _ended <> 'deleted'
         ORDER BY id",
        "SELECT * FROM conflict_population__person ORDER BY 1, 2, 3, 5",
        "SELECT entity_key, source, record_key FROM link_population__person ORDER BY 1, 2, 3",
    ] {
        all.extend(city.table(sql).await);
    }
    all
}

/// What must not depend on cutting.
async fn told(city: &City) -> Vec<String> {
    let mut all = standing(city).await;
    for sql in [
        "SELECT _key, _from, _to, _ended, name, division, height, marital, death
         FROM history_population__person ORDER BY _from",
        "SELECT _key, _change FROM entity_population__person ORDER BY 1",
        "SELECT subject_id, last FROM shard ORDER BY 1",
        "SELECT key, _from, _to, body FROM past_r1 ORDER BY _from",
        "SELECT key, change FROM record_r1 ORDER BY 1",
        "SELECT key, _from, _to, body FROM past_r3 ORDER BY _from",
        "SELECT subject_id, CAST(sum(created) AS BIGINT), CAST(sum(changed) AS BIGINT),
                CAST(sum(ended) AS BIGINT), CAST(sum(restored) AS BIGINT)
         FROM change_log GROUP BY subject_id ORDER BY 1",
    ] {
        all.extend(city.table(sql).await);
    }
    all
}

#[tokio::test]
async fn current_rows_and_conflicts_are_those_of_a_plain_model() {
    let mut disagreed = 0;
    for seed in 1..=40 {
        let mut dice = Dice(u64::wrapping_mul(seed, 0x9e37_79b9_7f4a_7c15));
        let rows: Vec<Said> = (0..10 + dice.roll(40)).map(|_| random_row(&mut dice)).collect();
        let city = merged(&rows, || dice.roll(3) == 0).await;
        let sql = "SELECT id, _ended, name, division, height, marital, death
                   FROM entity_population__person ORDER BY id";
        let expected = model(&city, &rows);
        assert_eq!(city.table(sql).await, expected.persons, "seed {seed}");
        let sql = "SELECT * FROM conflict_population__person ORDER BY 1, 2, 5";
        assert_eq!(city.table(sql).await, expected.conflicts, "seed {seed}");
        disagreed += expected.conflicts.len();
        assert_eq!(open_books(&city).await, Vec::<String>::new(), "seed {seed}");
    }
    assert!(disagreed > 10, "{disagreed} conflicts");
}

/// Equations 3 and 4 that do not hold. No row was published: all of them are early.
async fn open_books(city: &City) -> Vec<String> {
    let mut db = city.store.snapshot().await.expect("a snapshot");
    let cursors = cursor::list(&mut db).await.expect("cursors");
    let topics = cursors.into_iter().map(|one| BusTopic {
        topic: one.topic,
        log: one.partition,
        first: 0,
        rows: one.next,
        early: vec![(0, one.next)],
    });
    let bus = BusState { topics: topics.collect(), ..Default::default() };
    let equations = reconcile::recount(&mut db, &bus, Depth::Counts).await;
    let equations = equations.expect("recounted");
    assert!(equations.iter().any(|one| one.number == 3));
    assert!(equations.iter().filter(|one| one.number == 4).count() == 5 * 4);
    let open = equations.iter().filter(|one| matches!(one.number, 3 | 4) && !one.holds);
    open.map(|one| format!("{}: {one}", one.subject)).collect()
}

#[tokio::test]
async fn order_repetition_and_cutting_do_not_matter() {
    for seed in 1..=25 {
        let mut dice = Dice(u64::wrapping_mul(seed, 0x2545_f491_4f6c_dd1d));
        let mut rows: Vec<Said> = (0..10 + dice.roll(30)).map(|_| random_row(&mut dice)).collect();
        let expected = standing(&merged(&rows, || false).await).await;
        for _ in 0..dice.roll(10) {
            let again = rows[dice.roll(rows.len())].clone();
            rows.push(again);
        }
        dice.shuffle(&mut rows);
        let other = standing(&merged(&rows, || dice.roll(2) == 0).await).await;
        assert_eq!(other, expected, "seed {seed}");
    }
}

#[tokio::test]
async fn the_story_of_one_bus_does_not_depend_on_cutting() {
    for seed in 1..=25 {
        let mut dice = Dice(u64::wrapping_mul(seed, 0x94d0_49bb_1331_11eb));
        let mut rows: Vec<Said> = (0..20 + dice.roll(30)).map(|_| random_row(&mut dice)).collect();
        // Long runs of one resource, so that there is something to cut.
        rows.sort_by_key(|row| row.entry);
        let half = rows.len() / 2;
        rows.rotate_left(half);
        let whole = told(&merged(&rows, || false).await).await;
        let single = told(&merged(&rows, || true).await).await;
        assert_eq!(single, whole, "seed {seed}");
        let ragged = told(&merged(&rows, || dice.roll(3) == 0).await).await;
        assert_eq!(ragged, whole, "seed {seed}");
    }
}

/// Merges pairs of small batches, the second planned before the first is written; returns also how
/// many could be and how many had to be planned again.
async fn merged_ahead(rows: &[Said], dice: &mut Dice) -> (City, usize, usize) {
    let mut city = City::new().await;
    let (mut ahead, mut again) = (0, 0);
    for run in rows.chunk_by(|one, other| one.entry == other.entry) {
        let mut from = 0;
        let mut left: &[Said] = run;
        while !left.is_empty() {
            let mut next = || {
                let (batch, rest) = left.split_at((1 + dice.roll(2)).min(left.len()));
                left = rest;
                batch.iter().map(|said| city.encode(said)).collect::<Vec<_>>()
            };
            let (first, second) = (next(), next());
            match city.merge_both(run[0].entry, from, &first, &second).await.expect("merged") {
                true => ahead += 1,
                false => again += 1,
            }
            from += (first.len() + second.len()) as u64;
        }
    }
    (city, ahead, again)
}

#[tokio::test]
async fn a_batch_may_be_planned_while_the_one_before_is_written() {
    let (mut ahead, mut again) = (0, 0);
    for seed in 1..=25 {
        let mut dice = Dice(u64::wrapping_mul(seed, 0xd6e8_feb8_6659_fd93));
        let mut rows: Vec<Said> = (0..20 + dice.roll(30)).map(|_| random_row(&mut dice)).collect();
        // One run of each resource, whose rows speak of the same few persons.
        rows.sort_by_key(|row| row.entry);
        let whole = told(&merged(&rows, || false).await).await;
        let (city, could, could_not) = merged_ahead(&rows, &mut dice).await;
        assert_eq!(told(&city).await, whole, "seed {seed}");
        (ahead, again) = (ahead + could, again + could_not);
    }
    assert!(ahead > 50 && again > 50, "{ahead} planned ahead, {again} again");
}

type Cells = Vec<Option<String>>;

/// What a library holds.
#[derive(Default)]
struct Library {
    persons: Vec<String>,
    conflicts: Vec<String>,
}

/// The library as a reader of correctness.md would work it out by hand.
fn model(city: &City, rows: &[Said]) -> Library {
    type Kept<'s> = (RowVersion, bool, Vec<u8>, &'s Said);
    let mut records: BTreeMap<(&str, &str), Kept<'_>> = BTreeMap::new();
    for said in rows {
        let on_bus = city.encode(said);
        let new = (on_bus.version, said.cells.is_none(), on_bus.body, said);
        let kept = records.entry((said.entry, &said.key)).or_insert_with(|| new.clone());
        if (&new.0, new.1, &new.2) > (&kept.0, kept.1, &kept.2) {
            *kept = new;
        }
    }
    // What each record says of each person: rank of its resource by item is in `person`.
    let mut spoken: BTreeMap<String, Vec<(&str, i64, &str, &Cells)>> = BTreeMap::new();
    let mut keys: BTreeSet<String> = BTreeSet::new();
    for said in rows.iter().filter(|said| said.cells.is_some()) {
        keys.extend(persons(said));
    }
    for ((entry, key), (version, _, _, said)) in &records {
        let Some(cells) = &said.cells else { continue };
        for person in persons(said) {
            let order_by = version.parts().order_by;
            spoken.entry(person).or_default().push((entry, order_by, key, cells));
        }
    }
    let mut library = Library::default();
    for key in keys {
        if !ever_spoken(rows, city, &key) {
            continue;
        }
        let Some(said) = spoken.get(&key) else {
            library.persons.push(format!("{key} deleted - - - - -"));
            continue;
        };
        library.persons.push(person(&key, said));
        // The name is the only item of which two ranks speak.
        if let [Some(taken), Some(other)] = names(&key, said)
            && taken != other
        {
            let conflict = format!("{key} name {HOUSEHOLD} {taken} {MARRIAGE} {other}");
            library.conflicts.push(conflict);
        }
    }
    library
}

/// Whether any row that spoke of the person was its record's newest when it came.
fn ever_spoken(rows: &[Said], city: &City, person: &str) -> bool {
    let mut newest: BTreeMap<(&str, &str), (RowVersion, bool, Vec<u8>)> = BTreeMap::new();
    for said in rows {
        let on_bus = city.encode(said);
        let new = (on_bus.version, said.cells.is_none(), on_bus.body);
        let kept = newest.get(&(said.entry, said.key.as_str()));
        if kept.is_none_or(|kept| new >= *kept) {
            newest.insert((said.entry, &said.key), new);
            if said.cells.is_some() && persons(said).iter().any(|one| one == person) {
                return true;
            }
        }
    }
    false
}

fn persons(said: &Said) -> Vec<String> {
    let Some(cells) = &said.cells else { return Vec::new() };
    match said.entry {
        MARRIAGE | DIVORCE => cells[1..3].iter().flatten().cloned().collect(),
        _ => vec![said.key.clone()],
    }
}

fn person(key: &str, said: &[(&str, i64, &str, &Cells)]) -> String {
    let of = |entry: &'static str| said.iter().filter(move |one| one.0 == entry);
    let cell = |entry: &'static str, index: usize| {
        of(entry).find_map(|one| one.3[index].clone()).filter(|text| !text.is_empty())
    };
    let [name, married_name] = names(key, said);
    // Equal times: the first source of the library's file, the greatest certificate.
    let marital = said
        .iter()
        .filter(|one| one.0 == MARRIAGE || one.0 == DIVORCE)
        .max_by_key(|one| (one.1, one.0 == MARRIAGE, one.2))
        .map(|one| if one.0 == MARRIAGE { "20" } else { "40" }.to_owned());
    let death = cell(DEATH, 1);
    let columns = [
        death.as_ref().map(|_| "dead".to_owned()),
        name.or(married_name),
        cell(HOUSEHOLD, 2),
        cell(HOUSEHOLD, 3),
        marital,
        death,
    ];
    let texts: Vec<String> =
        columns.into_iter().map(|cell| cell.unwrap_or_else(|| "-".into())).collect();
    format!("{key} {}", texts.join(" "))
}

/// The names that the household register and the marriages give a person.
fn names(key: &str, said: &[(&str, i64, &str, &Cells)]) -> [Option<String>; 2] {
    let of = |entry: &'static str| said.iter().filter(move |one| one.0 == entry);
    // Several marriages may name a husband: the newest certificate's name is taken.
    let married = of(MARRIAGE)
        .filter(|one| one.3[1].as_deref() == Some(key) && one.3[3].is_some())
        .max_by_key(|one| (one.1, one.2));
    [of(HOUSEHOLD).find_map(|one| one.3[1].clone()), married.and_then(|one| one.3[3].clone())]
}
