//! Forming a parcel: which rows a grantee is owed next, as its grant shows them.

use std::collections::{HashMap, HashSet};

use yiku_connector::ChangeKind;
use yiku_core::{
    batch::{Cells, Row},
    grant::{GrantView, View},
    library::KEY_SEPARATOR,
};
use yiku_store::{
    Connection,
    change::{self, Change},
    delivery::{self, Span, outcome},
    image::{ImageRow, Reader},
    retraction::{self, Retraction},
    subscription::{self, Subscription},
};

use super::frozen::{Frozen, FrozenRow, Waiting};
use crate::hub::Hub;

/// A parcel that could be frozen.
pub(super) struct Formed {
    pub(super) span: Span,
    pub(super) frozen: Frozen,
    pub(super) outcomes: Vec<u8>,
}

/// What the subscription is owed next, at most so many rows or changes; `None` when it has
/// everything.
pub(super) async fn next(
    hub: &Hub,
    subscription: &Subscription,
    reader: &Reader<'_>,
    view: &GrantView,
    earlier: impl Fn(&Retraction) -> anyhow::Result<GrantView>,
    most: u32,
) -> anyhow::Result<Option<Formed>> {
    if let Some(retraction) =
        retraction::get(&mut *hub.store.reader().await?, &subscription.name).await?
    {
        return retract(hub, retraction, reader, earlier, most).await.map(Some);
    }
    match subscription.backfilled {
        true => changes(hub, subscription, reader, view, most).await,
        false => page(hub, subscription, reader, view, most).await.map(Some),
    }
}

/// The next rows that an earlier generation handed out, each to be given back under the key that it
/// was handed out with.
async fn retract(
    hub: &Hub,
    retraction: Retraction,
    reader: &Reader<'_>,
    earlier: impl Fn(&Retraction) -> anyhow::Result<GrantView>,
    most: u32,
) -> anyhow::Result<Formed> {
    let view = earlier(&retraction)?;
    let mut db = hub.store.snapshot().await?;
    let held = retraction::held(&mut db, &retraction).await?;
    let after = retraction.after_key.as_deref();
    let (rows, to) = reader.held_page(&mut db, after, most, &held).await?;
    drop(db);
    let mut forming = Forming::new(&view);
    for (key, image) in &rows {
        let image = image.as_ref().filter(|one| one.ended.is_none() || view.sees_ended);
        if image.is_some_and(|one| view.sees(&one.cells.row(0))) || held.is_uncertain(key) {
            let index = forming.outcomes.len();
            forming.outcomes.push(outcome::WITHHELD);
            forming.withdraw(index as u64 + 1, index, key);
        }
    }
    let Forming { mut frozen, outcomes, .. } = forming;
    frozen.columns = view.columns.clone();
    frozen.key = view.key.clone();
    Ok(Formed { span: Span::Retract { after: retraction.after_key, to }, frozen, outcomes })
}

/// The next page of what was there, by key.
async fn page(
    hub: &Hub,
    subscription: &Subscription,
    reader: &Reader<'_>,
    view: &GrantView,
    most: u32,
) -> anyhow::Result<Formed> {
    let mut db = hub.store.snapshot().await?;
    let page = reader.page(&mut db, subscription.page_key.as_deref(), most).await?;
    let last = change::last(&mut db, reader.subject().id).await?;
    drop(db);
    let mut forming = Forming::new(view);
    for (index, (key, row)) in page.keys.iter().zip(page.cells.rows()).enumerate() {
        forming.outcomes.push(outcome::WITHHELD);
        let hidden = page.ended[index].is_some() && !view.sees_ended;
        if !hidden && view.of(None, Some(&row)) == View::Upsert {
            forming.upsert(page.changes[index], index, key, &row);
        }
    }
    forming.frozen.rows.sort_by_key(|row| row.number);
    Ok(Formed {
        span: Span::Page { after: subscription.page_key.clone(), to: page.to.map(|to| (to, last)) },
        frozen: forming.frozen,
        outcomes: forming.outcomes,
    })
}

/// The next changes: several of one key fold into the newest.
async fn changes(
    hub: &Hub,
    subscription: &Subscription,
    reader: &Reader<'_>,
    view: &GrantView,
    most: u32,
) -> anyhow::Result<Option<Formed>> {
    let mut db = hub.store.snapshot().await?;
    let subject = reader.subject().id;
    let changes = change::read(&mut db, subject, subscription.cursor, most as usize).await?;
    let Some(last) = changes.last() else { return Ok(None) };
    let to = last.number;
    let parked: HashSet<String> = delivery::parked_keys(&mut db, &subscription.name).await?;
    let covered = covered(&mut db, subscription, &changes).await?;
    let mut newest: HashMap<&str, usize> = HashMap::new();
    // What the grantee holds is the row before the first change that the backfill does not cover.
    let mut oldest: HashMap<&str, usize> = HashMap::new();
    for (index, change) in changes.iter().enumerate().filter(|(index, _)| !covered[*index]) {
        newest.insert(&change.key, index);
        oldest.entry(&change.key).or_insert(index);
    }
    let images = reader.images(&mut db, &changes).await?;
    let mut forming = Forming::new(view);
    for (index, change) in changes.iter().enumerate() {
        forming.outcomes.push(outcome::WITHHELD);
        if covered[index] {
            forming.outcomes[index] = outcome::COVERED;
        } else if parked.contains(&change.key) {
            forming.outcomes[index] = outcome::PARKED;
            forming.wait(change.number, index, &change.key);
        } else if newest[change.key.as_str()] != index {
            forming.outcomes[index] = outcome::FOLDED;
        } else {
            let before = seen(view, images.before(oldest[change.key.as_str()]));
            let after = seen(view, images.after(index));
            match view.of(before.as_ref(), after.as_ref()) {
                View::Upsert => {
                    let row = after.expect("an upsert has a row");
                    forming.upsert(change.number, index, &change.key, &row);
                }
                View::Withdraw => forming.withdraw(change.number, index, &change.key),
                View::Hidden | View::Outside => {}
            }
        }
    }
    Ok(Some(Formed {
        span: Span::Changes { from: subscription.cursor, to },
        frozen: forming.frozen,
        outcomes: forming.outcomes,
    }))
}

/// A row, unless it has ended and the grant does not show those.
fn seen<'i>(view: &GrantView, image: Option<ImageRow<'i>>) -> Option<Row<'i>> {
    image.filter(|one| one.ended.is_none() || view.sees_ended).map(|one| one.row)
}

/// Which of the changes the backfill's pages hold already.
async fn covered(
    db: &mut Connection,
    subscription: &Subscription,
    changes: &[Change],
) -> anyhow::Result<Vec<bool>> {
    let last = subscription::covered_max(db, subscription).await?;
    let mut covered = Vec::with_capacity(changes.len());
    for change in changes {
        covered.push(
            change.number <= last
                && change.number <= subscription::covered_to(db, subscription, &change.key).await?,
        );
    }
    Ok(covered)
}

/// The newest state of these keys: what the grant shows, or their withdrawal.
pub(super) async fn newest(
    hub: &Hub,
    reader: &Reader<'_>,
    view: &GrantView,
    keys: &[String],
) -> anyhow::Result<Formed> {
    let mut db = hub.store.snapshot().await?;
    let mut forming = Forming::new(view);
    for (index, key) in keys.iter().enumerate() {
        forming.outcomes.push(outcome::DELIVERED);
        let image = reader.current_row(&mut db, key).await?;
        let image = image.filter(|one| one.ended.is_none() || view.sees_ended);
        match image.as_ref().map(|one| one.cells.row(0)).filter(|row| view.sees(row)) {
            Some(row) => forming.upsert(0, index, key, &row),
            None => forming.withdraw(0, index, key),
        }
    }
    let Forming { frozen, outcomes, .. } = forming;
    Ok(Formed { span: Span::Release, frozen, outcomes })
}

struct Forming<'a> {
    view: &'a GrantView,
    frozen: Frozen,
    outcomes: Vec<u8>,
}

impl<'a> Forming<'a> {
    fn new(view: &'a GrantView) -> Self {
        let cells = Cells::new(view.columns.len());
        Self { view, frozen: Frozen { cells, ..Frozen::default() }, outcomes: Vec::new() }
    }

    fn upsert(&mut self, number: u64, index: usize, key: &str, row: &Row<'_>) {
        self.view.push_row(row, &mut self.frozen.cells);
        self.push(ChangeKind::Upsert, number, index, key);
    }

    fn withdraw(&mut self, number: u64, index: usize, key: &str) {
        self.view.push_withdrawal(key.split(KEY_SEPARATOR), &mut self.frozen.cells);
        self.push(ChangeKind::Withdraw, number, index, key);
    }

    fn wait(&mut self, number: u64, index: usize, key: &str) {
        self.frozen.waiting.push(Waiting { index, number, own_key: key.to_owned() });
    }

    fn push(&mut self, kind: ChangeKind, number: u64, index: usize, key: &str) {
        self.outcomes[index] = outcome::DELIVERED;
        let (own_key, place) = (key.to_owned(), self.frozen.rows.len());
        self.frozen.rows.push(FrozenRow { kind, number, index, own_key, place });
    }
}

impl Formed {
    /// Whether it is as large as parcels get, so that more is likely to follow.
    pub(super) fn is_full(&self, most: u32) -> bool {
        self.outcomes.len() >= most as usize
    }
}
