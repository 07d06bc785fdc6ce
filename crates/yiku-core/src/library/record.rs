//! What a row does to the record of its key.

use std::cmp::Ordering;

use crate::{entry::Version, row_version::RowVersion};

/// What a record says: its version, and its body under an entry version. No body: it is gone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Content<'a> {
    /// Which of two rows is newer.
    pub version: RowVersion,
    /// The entry version that the body was written under.
    pub entry: Version,
    /// Avro; `None` for a delete.
    pub body: Option<&'a [u8]>,
}

/// What a row does to the record of its key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Taken {
    /// The record was not there, or was gone, and is there now.
    New,
    /// The record's values may have changed. With another entry version the cells decide.
    Changed,
    /// The same values under a newer version, or the same row again.
    Unchanged,
    /// The record is gone now.
    Removed,
    /// An older row: kept apart, changes nothing.
    Superseded,
}

/// Decides by version, and among equal versions by content. The second value says whether two
/// rows of one version were seen with different content: a conflict, as long as no newer row
/// comes.
///
/// For any order and repetition of a record's rows the last `Content` taken is the same.
pub fn decide(stored: Option<&Content<'_>>, row: &Content<'_>) -> (Taken, bool) {
    let Some(stored) = stored else {
        return (if row.body.is_some() { Taken::New } else { Taken::Unchanged }, false);
    };
    let same_version = match row.version.cmp(&stored.version) {
        Ordering::Less => return (Taken::Superseded, false),
        Ordering::Equal => true,
        Ordering::Greater => false,
    };
    let content = |one: &Content<'_>| (one.body.is_none(), one.entry);
    let order = content(row).cmp(&content(stored)).then_with(|| row.body.cmp(&stored.body));
    let doubled = same_version && order != Ordering::Equal;
    if doubled && order == Ordering::Less {
        return (Taken::Superseded, true);
    }
    let taken = match (stored.body, row.body) {
        (None, None) => Taken::Unchanged,
        (None, Some(_)) => Taken::New,
        (Some(_), None) => Taken::Removed,
        (Some(_), Some(_)) if order == Ordering::Equal => Taken::Unchanged,
        (Some(_), Some(_)) => Taken::Changed,
    };
    (taken, doubled)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::row_version::VersionParts;

    fn content(order: u64, body: Option<&'static [u8]>) -> Content<'static> {
        let version = RowVersion::new(VersionParts { order, ..Default::default() });
        Content { version, entry: Version { major: 1, minor: 0, patch: 0 }, body }
    }

    #[track_caller]
    fn check(stored: Option<Content<'_>>, row: Content<'_>, expected: (Taken, bool)) {
        assert_eq!(decide(stored.as_ref(), &row), expected);
    }

    #[test]
    fn the_newer_row_is_taken() {
        let (a, b) = (Some(b"a".as_slice()), Some(b"b".as_slice()));
        check(None, content(1, a), (Taken::New, false));
        check(None, content(1, None), (Taken::Unchanged, false));
        check(Some(content(1, a)), content(2, a), (Taken::Unchanged, false));
        check(Some(content(1, a)), content(2, b), (Taken::Changed, false));
        check(Some(content(1, a)), content(2, None), (Taken::Removed, false));
        check(Some(content(1, None)), content(2, a), (Taken::New, false));
        check(Some(content(2, a)), content(1, b), (Taken::Superseded, false));
        check(Some(content(1, a)), content(1, a), (Taken::Unchanged, false));
        check(Some(content(1, a)), content(1, b), (Taken::Changed, true));
        check(Some(content(1, b)), content(1, a), (Taken::Superseded, true));
        check(Some(content(1, a)), content(1, None), (Taken::Removed, true));
    }

    proptest! {
        #[test]
        fn the_order_of_rows_does_not_matter(
            rows in prop::collection::vec((0..3u64, 0..3usize), 1..8),
            seed in any::<u64>(),
        ) {
            let bodies = [None, Some(b"a".as_slice()), Some(b"b".as_slice())];
            let mut rows: Vec<_> =
                rows.into_iter().map(|(order, body)| content(order, bodies[body])).collect();
            let run = |rows: &[Content<'static>]| {
                let mut kept: Option<(Content<'static>, bool)> = None;
                for row in rows {
                    let (taken, doubled) = decide(kept.as_ref().map(|(one, _)| one), row);
                    let before = kept.as_ref().is_some_and(|(one, doubled)| {
                        *doubled && one.version == row.version
                    });
                    match taken {
                        Taken::Superseded => {
                            if let Some((_, flag)) = &mut kept {
                                *flag |= doubled;
                            }
                        }
                        _ => kept = Some((*row, doubled || before)),
                    }
                }
                kept
            };
            let expected = run(&rows);
            let mut state = seed | 1;
            for index in (1..rows.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                rows.swap(index, (state >> 33) as usize % (index + 1));
            }
            prop_assert_eq!(run(&rows), expected);
        }
    }
}
