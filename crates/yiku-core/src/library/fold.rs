//! An entity as the fold of what its records say.
//!
//! For each item the value of the best rank that has one; within a rank the newest. *Newer* is the
//! `order_by` item alone; equal ones are decided by the resource's place in the library's file,
//! then by the record's key. Line, batch and row of a version say which of two rows of *one record*
//! is newer, and nothing between records: a row that is pulled again with equal values must not
//! change the library.

use crate::batch::Row;

use super::{Entity, KEY_SEPARATOR};

/// What one record says of one entity through one of its feeds.
#[derive(Clone, Copy, Debug)]
pub struct Contribution<'a> {
    /// The resource among the entity's sources.
    pub source: usize,
    /// The `order_by` part of the record's version.
    pub order_by: i64,
    /// The record's key.
    pub record: &'a str,
    /// The feed's place in the entry.
    pub feed: usize,
    /// One cell per item of the entity.
    pub values: Row<'a>,
}

/// An entity as its records make it. Reused from fold to fold.
#[derive(Clone, Debug, Default)]
pub struct Folded<'a> {
    /// One value per item; key items hold the parts of the key.
    pub values: Vec<Option<&'a str>>,
    /// Index of the contribution that gave each value.
    pub given_by: Vec<Option<usize>>,
    /// Where ranks disagree, by item, then by the other's rank.
    pub conflicts: Vec<Conflict>,
}

/// A value of a lower rank that differs from the one taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Conflict {
    /// The item.
    pub item: usize,
    /// Index of the contribution whose value was taken.
    pub taken: usize,
    /// Index of the contribution that would stand if it were not for the better rank.
    pub other: usize,
}

/// Folds what is said of the entity with this key. The order of the contributions does not matter.
pub fn fold<'a>(
    entity: &Entity,
    key: &'a str,
    contributions: &[Contribution<'a>],
    out: &mut Folded<'a>,
) {
    out.values.clear();
    out.values.resize(entity.items.len(), None);
    out.given_by.clear();
    out.given_by.resize(entity.items.len(), None);
    out.conflicts.clear();
    for item in 0..entity.items.len() {
        fold_item(entity, item, contributions, out);
    }
    for (&item, part) in entity.key.iter().zip(key.split(KEY_SEPARATOR)) {
        out.values[item] = Some(part);
    }
}

fn fold_item<'a>(
    entity: &Entity,
    item: usize,
    contributions: &[Contribution<'a>],
    out: &mut Folded<'a>,
) {
    let ranks = &entity.items[item].ranks;
    let rank_of = |index: usize| {
        contributions[index].values.get(item)?;
        *ranks.get(contributions[index].source)?
    };
    let mut best: Option<(u16, usize)> = None;
    for index in 0..contributions.len() {
        let Some(rank) = rank_of(index) else { continue };
        let wins = best.is_none_or(|(best_rank, best_index)| {
            rank < best_rank
                || rank == best_rank && newer(&contributions[index], &contributions[best_index])
        });
        if wins {
            best = Some((rank, index));
        }
    }
    let Some((best_rank, taken)) = best else { return };
    out.values[item] = contributions[taken].values.get(item);
    out.given_by[item] = Some(taken);
    if contributions.len() > 1 {
        note_conflicts(item, (best_rank, taken), contributions, rank_of, &mut out.conflicts);
    }
}

/// Notes the newest value of each lower rank, where it differs from the one taken.
fn note_conflicts(
    item: usize,
    (best_rank, taken): (u16, usize),
    contributions: &[Contribution<'_>],
    rank_of: impl Fn(usize) -> Option<u16>,
    conflicts: &mut Vec<Conflict>,
) {
    let newest_of_rank = |rank: u16| {
        (0..contributions.len())
            .filter(|&index| rank_of(index) == Some(rank))
            .reduce(|a, b| if newer(&contributions[b], &contributions[a]) { b } else { a })
    };
    let mut rank = best_rank;
    while let Some(next) =
        (0..contributions.len()).filter_map(&rank_of).filter(|&other| other > rank).min()
    {
        rank = next;
        let other = newest_of_rank(rank).expect("a contribution of this rank was just found");
        if contributions[other].values.get(item) != contributions[taken].values.get(item) {
            conflicts.push(Conflict { item, taken, other });
        }
    }
}

fn newer(one: &Contribution<'_>, other: &Contribution<'_>) -> bool {
    let order = |c: &Contribution<'_>| (c.order_by, std::cmp::Reverse(c.source));
    (order(one), one.record, one.feed) > (order(other), other.record, other.feed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        batch::Cells,
        entry::{ItemType, Text},
        library::{End, EntityItem},
        mask::Mask,
    };

    /// Sources: household 0, marriage 1, divorce 2. `name`: household before marriage;
    /// `marital`: marriage and divorce share a rank, before household.
    fn person() -> Entity {
        let item = |name: &str, ranks: [Option<u16>; 3]| EntityItem {
            name: name.into(),
            zh: name.into(),
            kind: ItemType::CitizenId,
            mask: Mask::None,
            ranks: ranks.into(),
        };
        Entity {
            library: "population".into(),
            name: "person".into(),
            title: Text::default(),
            key: vec![0],
            items: vec![
                item("citizen_id", [None, None, None]),
                item("name", [Some(0), Some(1), None]),
                item("marital", [Some(1), Some(0), Some(0)]),
                item("death_date", [Some(0), None, None]),
            ],
            sources: ["ps/household", "ca/marriage", "ca/divorce"]
                .map(|name| name.parse().expect("a name"))
                .into(),
            ends: vec![End { state: "dead".into(), item: 3, values: vec![] }],
        }
    }

    type Said = (usize, i64, &'static str, [Option<&'static str>; 3]);

    /// Name, marital and death date as folded, then the conflicts as `item:taken/other`.
    fn folded(said: &[Said]) -> String {
        let entity = person();
        let mut cells = Cells::new(4);
        for (_, _, _, [name, marital, death]) in said {
            cells.push_row([None, *name, *marital, *death]);
        }
        let contributions: Vec<_> = said
            .iter()
            .enumerate()
            .map(|(index, &(source, order_by, record, _))| Contribution {
                source,
                order_by,
                record,
                feed: 0,
                values: cells.row(index),
            })
            .collect();
        let mut out = Folded::default();
        fold(&entity, "k", &contributions, &mut out);
        let show = |value: Option<&str>| value.unwrap_or("-").to_owned();
        let mut text = format!(
            "{} {}",
            out.values[0].unwrap_or("?"),
            show(out.values[1]) + " " + &show(out.values[2])
        );
        for conflict in &out.conflicts {
            let value = |index: usize| show(contributions[index].values.get(conflict.item));
            text += &format!(
                " {}:{}/{}",
                entity.items[conflict.item].name,
                value(conflict.taken),
                value(conflict.other)
            );
        }
        text + entity.ended(&out.values).map(|state| format!(" ({state})")).as_deref().unwrap_or("")
    }

    #[track_caller]
    fn check(said: &[Said], expected: &str) {
        assert_eq!(folded(said), expected);
    }

    #[test]
    fn the_best_rank_that_has_a_value_is_taken() {
        check(&[], "k - -");
        check(&[(0, 1, "a", [Some("李娜"), None, None])], "k 李娜 -");
        check(
            &[
                (1, 9, "m", [Some("李那"), Some("20"), None]),
                (0, 1, "a", [Some("李娜"), None, None]),
            ],
            "k 李娜 20 name:李娜/李那",
        );
        check(
            &[(1, 9, "m", [Some("李那"), Some("20"), None]), (0, 1, "a", [None, None, None])],
            "k 李那 20",
        );
    }

    #[test]
    fn within_a_rank_the_newer_is_taken_and_nothing_conflicts() {
        let marriage = (1, 5, "m", [None, Some("20"), None]);
        let divorce = |at| (2, at, "d", [None, Some("40"), None]);
        check(&[marriage, divorce(6)], "k - 40");
        check(&[marriage, divorce(4)], "k - 20");
        check(&[marriage, divorce(5)], "k - 20"); // equal times: the library's file decides
        check(&[marriage, (1, 7, "n", [None, Some("21"), None])], "k - 21");
    }

    #[test]
    fn an_end_is_seen() {
        check(&[(0, 1, "a", [None, None, Some("2026-01-02")])], "k - - (dead)");
    }

    proptest! {
        #[test]
        fn the_order_of_contributions_does_not_matter(
            said in prop::collection::vec(
                (0..3usize, 0..3i64, 0..3usize, prop::array::uniform3(0..3usize)), 0..7),
            seed in any::<u64>(),
        ) {
            let word = |index: usize| [None, Some("x"), Some("y")][index];
            let mut one: Vec<Said> = said
                .iter()
                .map(|&(source, order_by, record, values)| {
                    (source, order_by, ["a", "b", "c"][record], values.map(word))
                })
                .collect();
            // A record says one thing through one feed.
            let mut seen = std::collections::HashSet::new();
            one.retain(|&(source, _, record, _)| seen.insert((source, record)));
            let mut other = one.clone();
            let mut state = seed | 1;
            for index in (1..other.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                other.swap(index, (state >> 33) as usize % (index + 1));
            }
            prop_assert_eq!(folded(&one), folded(&other));
        }
    }
}
