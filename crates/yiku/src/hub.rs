//! The opened hub: what every command and every worker works on.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write,
    path::Path,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::{Context, bail, ensure};
use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore, watch};
use yiku_bus::{
    Bus, BusError,
    publish::{CheckedBatch, LineState, Lines, Published as PublishedBatch, Publisher, Submission},
};
use yiku_connector::{
    Schemas,
    effort::{self, Step},
};
use yiku_core::{
    catalog::Catalog,
    code_list::CodeLists,
    contract::{CompileFault, Contract},
    digest::Digester,
    entry,
    entry::{EntryName, EntryVersion},
    library::{Entity, Merging},
    problem::Problem,
    published::Published,
    registry::{self, Format, Registry},
};
use yiku_store::{
    Store, Tx, bus_log, catalog::PublishedVersion, connector, quarantine, registered_schema,
};

use crate::{
    activity::Activity,
    bus,
    catalog_folder::{self, Fingerprint},
    clock,
    config::{Config, StoreConfig},
    folder::{self, FolderLock},
    store, together,
    worker::{materialise, merge::HeldMerger, relay::Relaying, topics::Topics},
};

/// One hub on one data folder, which it holds locked.
pub struct Hub {
    /// What the configuration file says.
    pub config: Config,
    /// The store.
    pub store: Store,
    /// The bus.
    pub bus: Arc<dyn Bus>,
    /// Puts checked batches on the bus.
    pub publisher: Publisher,
    /// Makes keyed digests.
    pub digester: Digester,
    /// What this process is doing now.
    pub activity: Activity,
    /// Entries with published rows that merge has not looked at yet; moves with each batch.
    pub published: watch::Sender<BTreeSet<EntryName>>,
    /// Moves when merge has written changes.
    pub merged: watch::Sender<u64>,
    /// Held while publications are carried into the store, so that one task does it at a time.
    pub materialising: Mutex<Option<Topics>>,
    /// Taken by subscriptions that catch up in large parcels, so that few hold much memory.
    pub large_parcels: Arc<Semaphore>,
    /// Held while rows are merged, so that one task does it at a time.
    pub merging: Mutex<Option<HeldMerger>>,
    /// The relay: held while it carries changes, so that one task does it at a time.
    pub relaying: Relaying,
    /// Which keys have rows in quarantine.
    pub watch: Mutex<quarantine::Watch>,
    lines: Lines,
    live: Arc<RwLock<Arc<Live>>>,
    _lock: FolderLock,
}

/// The catalog as it stands: the folder, and what was published of it.
pub struct Live {
    /// What the hub works by: the folder, or what was right of it last ([`Catalog::in_use`]).
    pub catalog: Arc<Catalog>,
    /// The folder as it stands, as far as it could be read: what may be published.
    pub folder: Arc<Catalog>,
    /// What is wrong with the folder.
    pub problems: Vec<Problem>,
    /// The published entry versions.
    pub published: Arc<Published>,
    /// Their schemas by number.
    pub registry: Arc<Registry>,
    /// Libraries and published versions, bound to each other.
    pub merging: Arc<Merging>,
    /// Rises with each reading in this process.
    pub number: u64,
    is_usable: bool,
    fingerprint: Fingerprint,
}

/// Subscriptions that catch up in large parcels at one time; others take small ones meanwhile.
const LARGE_PARCELS: usize = 4;

/// A line held for publishing. Nobody else publishes on it meanwhile.
pub struct HeldLine {
    guard: OwnedMutexGuard<Option<LineState>>,
}

impl HeldLine {
    /// Where the line stands.
    pub fn state(&self) -> &LineState {
        self.guard.as_ref().expect("a held line is loaded until an append fails")
    }
}

impl Live {
    /// An error while the folder has been wrong since this process began: without all libraries,
    /// merged rows would be lost.
    pub fn usable(&self) -> anyhow::Result<()> {
        ensure!(
            self.is_usable,
            "the catalog folder has problems, `yiku catalog check` names them; until they are \
             mended nothing is merged or delivered"
        );
        Ok(())
    }

    /// The newest published version of each entry.
    pub fn newest_entries(&self) -> BTreeMap<EntryName, EntryVersion> {
        let newest = self.published.names().filter_map(|name| self.published.newest(name));
        newest.map(|one| (one.entry().name.clone(), EntryVersion::clone(one.entry()))).collect()
    }
}

impl Hub {
    /// Opens the data folder, making it when there is none; `None` when another process has it.
    pub async fn open(config: Config) -> anyhow::Result<Option<Self>> {
        let data = config.folders.data.clone();
        let Some(lock) = FolderLock::take(&data)? else { return Ok(None) };
        if config.store == StoreConfig::default() {
            folder::check_not_moved(&data)?;
        }
        for folder in [config.folders.connectors(), config.folders.secrets()] {
            folder::make_private(&folder)?;
        }
        let digester = Digester::new(&digest_key(&data)?);
        let store = store::open(&config).await?;
        let bus = bus::open(&config).await?;
        let read = yiku_store::cursor::list(&mut *store.reader().await?).await?;
        together::check(&*bus, &read, &bus.topics().await?)?;
        let incarnation = store.incarnation().to_owned();
        let publisher = Publisher::on(&*bus, LANE, incarnation, digester.clone()).await?;
        let live = read_live(&config, &store, None).await?;
        let hub = Self {
            config,
            store,
            bus,
            publisher,
            digester,
            activity: Activity::default(),
            published: watch::Sender::default(),
            merged: watch::Sender::new(0),
            materialising: Mutex::default(),
            large_parcels: Arc::new(Semaphore::new(LARGE_PARCELS)),
            merging: Mutex::new(None),
            relaying: Relaying::default(),
            watch: Mutex::new(quarantine::Watch::new()),
            lines: Lines::default(),
            live: Arc::new(RwLock::new(Arc::new(live))),
            _lock: lock,
        };
        materialise::catch_up(&hub).await?;
        // Only now the store knows of every row that is there.
        let had = bus_log::partitions(&mut *hub.store.reader().await?, hub.bus.id()).await?;
        together::check_partitions(&had, &hub.bus.topics().await?)?;
        Ok(Some(hub))
    }

    /// The catalog as it was read last.
    pub fn live(&self) -> Arc<Live> {
        self.live.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The published schemas as they stand whenever they are asked for.
    pub fn schemas(&self) -> Schemas {
        let live = self.live.clone();
        Schemas::new(move || live.read().unwrap_or_else(PoisonError::into_inner).registry.clone())
    }

    /// Reads the catalog folder and the published versions anew.
    pub async fn reload(&self) -> anyhow::Result<()> {
        let live = read_live(&self.config, &self.store, Some(&self.live())).await?;
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(live);
        Ok(())
    }

    /// Reads the catalog anew if a file of the folder changed; true when it did.
    pub async fn reload_if_changed(&self) -> anyhow::Result<bool> {
        let changed =
            catalog_folder::fingerprint(&self.config.folders.catalog)? != self.live().fingerprint;
        if changed {
            self.reload().await?;
        }
        Ok(changed)
    }

    /// Takes hold of a publisher's line for a resource, making it when there is none.
    pub async fn hold_line(&self, entry: &EntryName, publisher: &str) -> anyhow::Result<HeldLine> {
        let mut guard = self.lines.of(entry, publisher).lock_owned().await;
        if guard.is_none() {
            self.publisher.settle().await?;
            materialise::catch_up(self).await?;
            let mut tx = self.store.begin().await?;
            let line = connector::line(&mut tx, entry, publisher, clock::now_ms()).await?;
            tx.commit().await?;
            *guard = Some(LineState {
                line: yiku_bus::publish::Line { entry: entry.clone(), number: line.line },
                next_batch: line.next_batch,
                position: line.position,
            });
        }
        Ok(HeldLine { guard })
    }

    /// Whether a grant is there and holds today.
    pub fn grant_holds(&self, grant: &str) -> bool {
        let live = self.live();
        live.catalog.grants.get(grant).is_some_and(|grant| grant.valid_on(clock::today()).is_ok())
    }

    /// Publishes a batch on a held line.
    pub async fn publish(
        &self,
        line: &mut HeldLine,
        checked: CheckedBatch,
        submission: Submission,
    ) -> Result<PublishedBatch, BusError> {
        // Given up meanwhile, the line is read anew: the batch may be there.
        let mut state = line.guard.take().expect("a held line is loaded until an append fails");
        let live = self.live();
        let entry = &state.line.entry;
        let name = entry.clone();
        let schema = live.registry.number_of(entry, submission.version, Format::Avro);
        let publishing = self.publisher.publish(&mut state, checked, submission, schema);
        let outcome = effort::spending(Step::Publish, publishing).await;
        // After an error, too: it may be that they are there.
        self.published.send_modify(|entries| {
            entries.insert(name);
        });
        if !outcome.as_ref().is_err_and(BusError::leaves_in_doubt) {
            *line.guard = Some(state);
        }
        outcome
    }
}

async fn read_live(config: &Config, store: &Store, before: Option<&Live>) -> anyhow::Result<Live> {
    let fingerprint = catalog_folder::fingerprint(&config.folders.catalog)?;
    let (files, mut problems) = catalog_folder::read(&config.folders.catalog)?;
    let (folder, found) = Catalog::read(&files);
    problems.extend(found);
    let before = before.filter(|before| before.is_usable);
    let in_use = folder.in_use(&problems, before.map(|before| &*before.catalog));
    let is_usable = in_use.is_some();
    let folder = Arc::new(folder);
    let catalog = in_use.map_or_else(|| folder.clone(), Arc::new);
    let mut published = Published::default();
    let versions = yiku_store::catalog::list(&mut *store.reader().await?).await?;
    for version in &versions {
        match compiled(version, &catalog.lists) {
            Ok(contract) => published.insert(Arc::new(contract)),
            Err(own) => {
                let kept = before
                    .and_then(|before| before.published.exact(&version.entry, version.version));
                published.insert(kept.with_context(|| unfit(version, &problems, &own))?.clone());
                problems.extend(own);
            }
        }
    }
    problems.sort();
    problems.dedup();
    let merging = Merging::new(catalog.libraries.values(), published.all().cloned());
    let entities = if is_usable { merging.entities.as_slice() } else { &[] };
    let registry = schemas(store, &versions, &published, &catalog.lists).await?;
    let registry = with_entities(store, registry, entities).await?;
    let number = READINGS.fetch_add(1, Ordering::Relaxed);
    Ok(Live {
        catalog,
        folder,
        problems,
        published: Arc::new(published),
        registry: Arc::new(registry),
        merging: Arc::new(merging),
        number,
        is_usable,
        fingerprint,
    })
}

fn compiled(version: &PublishedVersion, lists: &CodeLists) -> Result<Contract, Vec<Problem>> {
    let path = format!("entries/{}.yaml", version.entry);
    let entry = entry::parse(&path, &version.content, lists)?;
    Contract::compile(Arc::new(entry), lists).map_err(|error| {
        let problem = |fault: &CompileFault| Problem::of_file(&path, &fault.zh, &fault.en);
        error.faults.iter().map(problem).collect()
    })
}

/// The schemas that are kept. A store of an earlier hub has none of its published versions: they
/// are registered in the order of publication.
async fn schemas(
    store: &Store,
    versions: &[PublishedVersion],
    published: &Published,
    lists: &CodeLists,
) -> anyhow::Result<Registry> {
    let kept = registered_schema::list(&mut *store.reader().await?).await?;
    let of_versions = kept.iter().filter(|one| one.of.entry().is_some()).count();
    if of_versions == versions.len() * Format::ALL.len() {
        return Ok(Registry::new(kept));
    }
    let mut tx = store.begin().await?;
    for version in versions {
        if let Some(contract) = published.exact(&version.entry, version.version) {
            register_schemas(&mut tx, version.id, contract.entry(), lists).await?;
        }
    }
    tx.commit().await?;
    Ok(Registry::new(registered_schema::list(&mut *store.reader().await?).await?))
}

/// The registry with the schemas of the entities as the catalog has them now: one that is other
/// than its subject's newest becomes the next version.
async fn with_entities(
    store: &Store,
    registry: Registry,
    entities: &[Arc<Entity>],
) -> anyhow::Result<Registry> {
    let mut changed = Vec::new();
    for entity in entities {
        let name = entity.full_name();
        for format in Format::ALL {
            let text = registry::entity_text(entity, format);
            if registry.newest_of(&name, format).is_none_or(|newest| newest.kept.text != text) {
                changed.push((name.clone(), format, text));
            }
        }
    }
    if changed.is_empty() {
        return Ok(registry);
    }
    let mut tx = store.begin().await?;
    for (name, format, text) in changed {
        registered_schema::register_entity(&mut tx, &name, format, &text).await?;
    }
    tx.commit().await?;
    Ok(Registry::new(registered_schema::list(&mut *store.reader().await?).await?))
}

/// Gives the schemas of a published version their numbers, once.
pub async fn register_schemas(
    tx: &mut Tx,
    version_id: u32,
    entry: &EntryVersion,
    lists: &CodeLists,
) -> anyhow::Result<()> {
    for format in Format::ALL {
        let text = registry::text(entry, lists, format);
        registered_schema::register(tx, version_id, format, &text).await?;
    }
    Ok(())
}

/// Why a published version cannot be used: its code lists are not as they were. Going on without
/// it would be guessing, so what is wrong in the folder is told instead.
fn unfit(version: &PublishedVersion, folder: &[Problem], own: &[Problem]) -> String {
    let lists = folder.iter().filter(|problem| problem.path.starts_with("codelists/"));
    let told: Vec<_> = lists.chain(own).map(ToString::to_string).collect();
    format!(
        "entries/{}.yaml is published and needs the code lists as they were; mend the catalog \
         folder, nothing was changed:\n{}",
        version.entry,
        told.join("\n")
    )
}

/// The installation's key for digests, made once.
fn digest_key(data: &Path) -> anyhow::Result<Vec<u8>> {
    let path = data.join("digest.key");
    match fs::read(&path) {
        Ok(key) if key.len() == DIGEST_KEY_BYTES => Ok(key),
        Ok(_) => bail!(
            "`{}` is not a key of {DIGEST_KEY_BYTES} bytes; restore it from the backup: without it \
             no digest of a receipt can be recomputed",
            path.display()
        ),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut key = vec![0; DIGEST_KEY_BYTES];
            rand::fill(&mut key[..]);
            let unfinished = data.join("digest.key.new");
            let write = || {
                let mut file = owner_only().open(&unfinished)?;
                file.write_all(&key)?;
                file.sync_all()?;
                fs::rename(&unfinished, &path)?;
                fs::File::open(data)?.sync_all()
            };
            write().with_context(|| format!("cannot write `{}`", path.display()))?;
            Ok(key)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    }
}

fn owner_only() -> fs::OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = fs::File::options();
    options.write(true).create(true).truncate(true).mode(0o600);
    options
}

/// The one lane of a hub that is one process.
pub const LANE: u32 = 0;
/// How often the catalog was read in this process.
static READINGS: AtomicU64 = AtomicU64::new(0);
const DIGEST_KEY_BYTES: usize = 32;
