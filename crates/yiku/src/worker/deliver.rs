//! Deliver (step 6): for each subscription the grant is checked now, what follows is filtered,
//! masked and frozen, handed over, and settled.

mod ahead;
mod form;
mod frozen;

use std::sync::Arc;

use anyhow::Context;
use yiku_connector::{Access, Sink, connector_file::SinkRole};
use yiku_core::{
    derive::TableColumn,
    grant::{Grant, GrantView, Shown, Subject as GrantOf, subject_columns},
    receipt::{Deed, Outcome, Receipt},
    tree::Hash,
};
use yiku_store::{
    Tx, change,
    delivery::{self, Delivery, Freeze, Park},
    image::Reader,
    receipt,
    retraction::Retraction,
    subject::{self, Subject},
    subscription::{self, Beginning, Subscription},
};

use crate::{
    clock,
    hub::{Hub, Live},
    kinds,
};
use ahead::Ahead;
use form::Formed;
use frozen::Frozen;

/// The columns that a grant hands out, and which of them are the key.
pub fn columns_of(hub: &Hub, grant: &str) -> anyhow::Result<(Vec<TableColumn>, Vec<usize>)> {
    let live = hub.live();
    let grant = live.catalog.grants.get(grant).with_context(|| no_grant(grant))?;
    let view = view(&live, grant, &[])?;
    Ok((view.columns, view.key))
}

/// The grant bound to the columns of its subject.
pub fn view(live: &Live, grant: &Grant, mask_key: &[u8]) -> anyhow::Result<GrantView> {
    let entries = live.newest_entries();
    let (columns, key) = subject_columns(&grant.of, &entries, &live.catalog.libraries)
        .with_context(|| format!("grant `{}`: `{}` is not published", grant.name, grant.of))?;
    Ok(GrantView::new(grant, &columns, &key, mask_key)?)
}

/// Delivers everything there is; returns how many changes and rows left the house.
pub async fn catch_up(hub: &Arc<Hub>, name: &str, role: &SinkRole) -> anyhow::Result<u64> {
    let (mut delivered, mut sink, mut ahead) = (0, None, None);
    let large = Arc::clone(&hub.large_parcels).try_acquire_owned().ok();
    let most = kinds::kind(&role.kind)?.parcel_changes;
    let most = if large.is_some() { most } else { most.min(SMALL_PARCEL) };
    loop {
        // Read before each parcel: a removed or changed grant takes effect with the next one.
        hub.reload_if_changed().await?;
        let live = hub.live();
        live.usable()?;
        let Some(standing) = Standing::find(hub, &live, name, role, most).await? else {
            return Ok(delivered);
        };
        match Arc::new(standing).step(hub, role, &mut sink, &mut ahead).await? {
            Some(count) => delivered += count,
            None => return Ok(delivered),
        }
    }
}

/// Delivers the newest state of parked keys; with ids, of those only. Returns how many rows left.
///
/// Delivered, a key goes on with what follows; refused again, it stays parked.
pub async fn release(hub: &Hub, name: &str, role: &SinkRole, ids: &[i64]) -> anyhow::Result<u64> {
    let live = hub.live();
    live.usable()?;
    let standing = Standing::find(hub, &live, name, role, SMALL_PARCEL).await?;
    let standing =
        standing.with_context(|| format!("nothing may leave for `{name}` at present"))?;
    let parked =
        delivery::parked(&mut *hub.store.reader().await?, Some(name), RELEASED_MAX).await?;
    let mut keys: Vec<String> = parked
        .into_iter()
        .filter(|one| ids.is_empty() || ids.contains(&one.id))
        .map(|one| one.key)
        .collect();
    keys.sort_unstable();
    keys.dedup();
    standing.release(hub, role, keys).await
}

/// A parcel as it will be kept.
struct Sealed {
    formed: Formed,
    bytes: Vec<u8>,
    digest: Hash,
}

/// A subscription whose grant holds today.
struct Standing {
    live: Arc<Live>,
    grant: Grant,
    subscription: Subscription,
    subject: Subject,
    view: GrantView,
    /// Changes of a parcel, at most.
    most: u32,
}

impl Standing {
    /// `None` when nothing may leave; that is noted with a receipt once.
    async fn find(
        hub: &Hub,
        live: &Arc<Live>,
        name: &str,
        role: &SinkRole,
        most: u32,
    ) -> anyhow::Result<Option<Self>> {
        let known = subscription::get(&mut *hub.store.reader().await?, name).await?;
        let Some(grant) = live.catalog.grants.get(&role.grant) else {
            refuse(hub, name, role, known.is_some(), &no_grant(&role.grant)).await?;
            return Ok(None);
        };
        if let Err(reason) = grant.valid_on(clock::today()) {
            refuse(hub, name, role, known.is_some(), &reason.to_string()).await?;
            return Ok(None);
        }
        let mask_key = hub.digester.bytes("mask-key", grant.to.as_bytes());
        let view = view(live, grant, &mask_key)?;
        let of = grant.of.to_string();
        let subject = subject::get(&mut *hub.store.reader().await?, &of).await?;
        let Some(subject) = subject else { return Ok(None) }; // no row was ever merged
        let digest = grant.generation_digest(&mask_key);
        let subscription = match known {
            Some(known) if known.digest == digest && known.grant_name == grant.name => known,
            Some(known) if gives_back(hub, name).await? => known,
            _ => begin(hub, name, role, grant, &subject, &digest, &mask_key).await?,
        };
        if !subscription.refused.is_empty() {
            let mut tx = hub.store.begin().await?;
            subscription::refuse(&mut tx, name, "").await?;
            tx.commit().await?;
        }
        let (live, grant) = (Arc::clone(live), grant.clone());
        Ok(Some(Self { live, grant, subscription, subject, view, most }))
    }

    /// Freezes, hands over and settles one parcel; `None` when there is nothing to do. The sink
    /// stays open from parcel to parcel, and meanwhile the next parcel is formed.
    async fn step(
        self: Arc<Self>,
        hub: &Arc<Hub>,
        role: &SinkRole,
        sink: &mut Option<Box<dyn Sink>>,
        ahead: &mut Option<Ahead>,
    ) -> anyhow::Result<Option<u64>> {
        let name = &self.subscription.name;
        let unsettled = delivery::unsettled(&mut *hub.store.reader().await?, name).await?;
        let (frozen, mut parcel) = match unsettled {
            Some(frozen) => {
                let parcel = frozen.parcel.as_deref();
                let parcel = parcel.context("an unsettled delivery has its parcel")?;
                let parcel = Frozen::parse(parcel)?;
                (frozen, parcel)
            }
            None => {
                let ready = match ahead.take() {
                    Some(ahead) => ahead.sealed(&self).await?,
                    None => None,
                };
                let sealed = match ready {
                    Some(sealed) => Some(sealed),
                    None => self.form(hub, &self.subscription).await?,
                };
                let Some(sealed) = sealed else { return Ok(None) };
                *ahead = Ahead::begin(hub, &self, &sealed.formed);
                self.freeze(hub, sealed).await?
            }
        };
        let waits =
            |one: &frozen::Waiting| (one.index, one.number, one.own_key.clone(), WAITS.to_owned());
        let mut parks: Vec<_> = parcel.waiting.iter().map(waits).collect();
        let waiting = parks.len();
        let handed_over = parcel.take_parcel(&frozen.idempotency);
        if !parcel.rows.is_empty() {
            let mut open = match sink.take() {
                Some(open) => open,
                None => self.open_sink(hub, role)?,
            };
            let settled = open.deliver(&handed_over).await?;
            *sink = Some(open);
            for refused in settled.refused {
                let row = parcel.rows.get(refused.index).context("a refused row of the parcel")?;
                parks.push((row.index, row.number, row.own_key.clone(), refused.reason));
            }
        }
        if !parks.is_empty() {
            // What was formed meanwhile does not know that these keys wait.
            *ahead = None;
        }
        let left = (parcel.rows.len() + waiting - parks.len()) as u64;
        self.settle(hub, &frozen, parks).await?;
        Ok(Some(left))
    }

    /// What an earlier generation showed, bound to the subject as it is now.
    fn earlier(&self, retraction: &Retraction) -> anyhow::Result<GrantView> {
        let shown: Shown = serde_json::from_str(&retraction.shown)
            .context("what an earlier generation showed cannot be read")?;
        let entries = self.live.newest_entries();
        let (columns, key) =
            subject_columns(&self.grant.of, &entries, &self.live.catalog.libraries)
                .context("the grant's subject is not published")?;
        GrantView::of_shown(&shown, &columns, &key, &retraction.mask_key)
            .context("what an earlier generation showed cannot be taken back")
    }

    fn reader(&self) -> Reader<'_> {
        match &self.grant.of {
            GrantOf::Entity { .. } => Reader::entity(&self.subject),
            GrantOf::Entry(name) => {
                let versions = self.live.published.versions(name);
                Reader::resource(&self.subject, versions.map(AsRef::as_ref))
            }
        }
    }

    /// The parcel that follows where `subscription` stands, as it will be kept.
    async fn form(&self, hub: &Hub, subscription: &Subscription) -> anyhow::Result<Option<Sealed>> {
        let earlier = |retraction: &Retraction| self.earlier(retraction);
        let (reader, most) = (self.reader(), self.most);
        let formed = form::next(hub, subscription, &reader, &self.view, earlier, most).await?;
        Ok(formed.map(|formed| self.seal(hub, formed)))
    }

    /// Says what the parcel is of, and makes bytes of it.
    fn seal(&self, hub: &Hub, mut formed: Formed) -> Sealed {
        let frozen = &mut formed.frozen;
        frozen.subject = self.subscription.subject.clone();
        if frozen.columns.is_empty() {
            frozen.columns = self.view.columns.clone();
            frozen.key = self.view.key.clone();
        }
        let bytes = frozen.to_bytes();
        let digest = delivery::parcel_digest(&hub.digester, &bytes);
        Sealed { formed, bytes, digest }
    }

    async fn freeze(&self, hub: &Hub, sealed: Sealed) -> anyhow::Result<(Delivery, Frozen)> {
        let Sealed { formed: Formed { span, frozen, outcomes }, bytes, digest } = sealed;
        let mut tx = hub.store.begin().await?;
        let freeze = Freeze {
            subscription: &self.subscription,
            span,
            parcel: &bytes,
            digest,
            outcomes: &outcomes,
            receipt: self.receipt(Deed::Freeze, frozen.rows.len() as u64),
        };
        let delivery = delivery::freeze(&mut tx, freeze, clock::now_ms()).await?;
        tx.commit().await?;
        Ok((delivery, frozen))
    }

    async fn settle(
        &self,
        hub: &Hub,
        frozen: &Delivery,
        parks: Vec<(usize, u64, String, String)>,
    ) -> anyhow::Result<()> {
        let parks: Vec<Park<'_>> = parks
            .iter()
            .map(|(index, number, key, reason)| Park {
                index: *index,
                number: *number,
                key,
                reason,
            })
            .collect();
        let mut tx = hub.store.begin().await?;
        let said = self.receipt(Deed::Settle, 0);
        delivery::settle(&mut tx, frozen, &parks, said, clock::now_ms()).await?;
        Ok(tx.commit().await?)
    }

    async fn release(&self, hub: &Hub, role: &SinkRole, keys: Vec<String>) -> anyhow::Result<u64> {
        let formed = form::newest(hub, &self.reader(), &self.view, &keys).await?;
        let (kept, mut frozen) = self.freeze(hub, self.seal(hub, formed)).await?;
        let parcel = frozen.take_parcel(&kept.idempotency);
        let settled = match frozen.rows.is_empty() {
            true => Default::default(),
            false => self.open_sink(hub, role)?.deliver(&parcel).await?,
        };
        let refused: Vec<&str> = settled
            .refused
            .iter()
            .filter_map(|one| frozen.rows.get(one.index))
            .map(|row| row.own_key.as_str())
            .collect();
        let taken: Vec<String> =
            keys.into_iter().filter(|key| !refused.contains(&key.as_str())).collect();
        let mut tx = hub.store.begin().await?;
        let said = self.receipt(Deed::Settle, taken.len() as u64);
        delivery::settle(&mut tx, &kept, &[], said, clock::now_ms()).await?;
        delivery::released(&mut tx, &self.subscription.name, &taken).await?;
        tx.commit().await?;
        Ok(taken.len() as u64)
    }

    fn receipt(&self, deed: Deed, rows: u64) -> Receipt {
        let subscription = &self.subscription;
        let stream = format!("subscription/{}/{}", subscription.name, subscription.generation);
        let mut said = Receipt::new(stream, deed, "hub", clock::now_ms());
        said.department = Some(self.grant.to.clone());
        said.entry = Some(subscription.subject.clone());
        said.grant = Some(self.grant.name.clone());
        said.purpose = Some(self.grant.scenario.clone());
        said.counts = [("rows".to_owned(), rows)].into();
        said
    }

    fn open_sink(&self, hub: &Hub, role: &SinkRole) -> anyhow::Result<Box<dyn Sink>> {
        let access = Access {
            connector: self.subscription.name.as_str().into(),
            load: Default::default(),
            columns: self.view.columns.clone().into(),
            key: self.view.key.clone().into(),
            schemas: hub.schemas(),
            surroundings: hub.config.surroundings(),
        };
        Ok((kinds::kind(&role.kind)?.open_sink)(role.config.clone(), &access)?)
    }
}

async fn begin(
    hub: &Hub,
    name: &str,
    role: &SinkRole,
    grant: &Grant,
    subject: &Subject,
    digest: &str,
    mask_key: &[u8],
) -> anyhow::Result<Subscription> {
    let shown = serde_json::to_string(&grant.shown()).context("a grant always serialises")?;
    let mut tx = hub.store.begin().await?;
    close_unsettled(&mut tx, name, grant).await?;
    let beginning = Beginning {
        name,
        shown: &shown,
        grant: &grant.name,
        subject: &grant.of.to_string(),
        digest,
        mask_key,
        start: change::last(&mut tx, subject.id).await?,
        backfill: role.backfill,
    };
    let begun = subscription::begin(&mut tx, &beginning, clock::now_ms()).await?;
    tx.commit().await?;
    tracing::info!(subscription = name, generation = begun.generation, "a generation begins");
    Ok(begun)
}

/// Whether a page of withdrawals is under way: it holds keys only and ends before anything new
/// begins.
async fn gives_back(hub: &Hub, name: &str) -> anyhow::Result<bool> {
    let unsettled = delivery::unsettled(&mut *hub.store.reader().await?, name).await?;
    Ok(unsettled.is_some_and(|delivery| delivery.kind == "retract"))
}

/// A parcel that was under way when the grant changed is not sent again: whether it arrived is
/// unknown, and its keys are taken back with the rest.
async fn close_unsettled(tx: &mut Tx, name: &str, grant: &Grant) -> anyhow::Result<()> {
    let Some(frozen) = delivery::unsettled(tx, name).await? else { return Ok(()) };
    let parcel = Frozen::parse(frozen.parcel.as_deref().context("an unsettled parcel")?)?;
    let mut parks: Vec<Park<'_>> = Vec::new();
    if frozen.kind != "release" {
        let row = |index, number, key| Park { index, number, key, reason: UNKNOWN };
        parks.extend(parcel.rows.iter().map(|one| row(one.index, one.number, &one.own_key)));
        parks.extend(parcel.waiting.iter().map(|one| row(one.index, one.number, &one.own_key)));
    }
    let stream = format!("subscription/{name}/{}", frozen.generation);
    let mut said = Receipt::new(stream, Deed::Settle, "hub", clock::now_ms());
    said.department = Some(grant.to.clone());
    said.grant = Some(grant.name.clone());
    said.result = Outcome::Unknown;
    delivery::settle(tx, &frozen, &parks, said, clock::now_ms()).await?;
    Ok(())
}

/// Notes, with a receipt when it is news, why nothing may leave.
async fn refuse(
    hub: &Hub,
    name: &str,
    role: &SinkRole,
    known: bool,
    reason: &str,
) -> anyhow::Result<()> {
    let mut tx = hub.store.begin().await?;
    let news = known && subscription::refuse(&mut tx, name, reason).await?;
    if news {
        let stream = format!("subscription/{name}/refused");
        let mut said = Receipt::new(stream, Deed::Refuse, "hub", clock::now_ms());
        said.grant = Some(role.grant.clone());
        said.result = Outcome::Refused;
        said.note = reason.to_owned();
        receipt::append(&mut tx, said).await?;
    }
    tx.commit().await?;
    anyhow::ensure!(known, "{reason}");
    Ok(())
}

fn no_grant(grant: &str) -> String {
    format!("there is no grant `{grant}` in the catalog's grants folder: nothing is delivered")
}

/// Changes of a parcel while others catch up in large ones.
const SMALL_PARCEL: u32 = 2_000;
/// Parked changes looked at by one release.
const RELEASED_MAX: u32 = 2_000;
const UNKNOWN: &str = "the grant changed while it was under way: whether it arrived is unknown";
const WAITS: &str = "an earlier change of its key is parked";
