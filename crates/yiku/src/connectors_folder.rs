//! The connectors folder: each YAML file is one connector, registered as it is found.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context, bail};
use sha2::{Digest, Sha256};
use yiku_connector::{
    Access, Load, Position, Sink,
    connector_file::{ConnectorFile, Role, SinkRole},
};
use yiku_core::receipt::{Deed, Receipt};
use yiku_store::{
    StoreError,
    connector::{self, Registration},
    receipt,
};

use crate::{
    clock,
    hub::Hub,
    kinds,
    worker::{deliver, pull},
};

/// What tells one state of the folder from another.
pub type Fingerprint = Vec<(PathBuf, u64, SystemTime)>;

/// The connectors of the folder, and the files that are none.
#[derive(Default)]
pub struct Registered {
    /// By name.
    pub files: BTreeMap<String, ConnectorFile>,
    /// Path and problem.
    pub refused: Vec<(String, String)>,
}

/// How the folder stands; empty when it cannot be read.
pub fn fingerprint(folder: &Path) -> Fingerprint {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Fingerprint = entries
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "yaml"))
        .filter_map(|entry| {
            let metadata = entry.metadata().ok()?;
            Some((entry.path(), metadata.len(), metadata.modified().ok()?))
        })
        .collect();
    found.sort();
    found
}

/// Reads every file of the folder; one that cannot be used stops no other.
pub fn read(folder: &Path) -> Registered {
    let mut all = Registered::default();
    for (path, ..) in fingerprint(folder) {
        match ConnectorFile::read(&path) {
            Ok(file) => {
                all.files.insert(file.name.clone(), file);
            }
            Err(error) => all.refused.push((path.display().to_string(), format!("{error:#}"))),
        }
    }
    all
}

/// Reads every file and registers what is new or changed. An error when the store cannot be written
/// now: no file is to blame for that.
pub async fn register_all(hub: &Hub) -> anyhow::Result<Registered> {
    let mut all = read(&hub.config.folders.connectors());
    for (name, file) in std::mem::take(&mut all.files) {
        match register(hub, &file, OPERATOR).await {
            Ok(()) => {
                all.files.insert(name, file);
            }
            Err(error) if is_of_the_store(&error) => return Err(error),
            Err(error) => all.refused.push((format!("{name}.yaml"), format!("{error:#}"))),
        }
    }
    Ok(all)
}

fn is_of_the_store(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<StoreError>();
    error.is_some_and(|error| error.may_pass() || error.ends_process())
}

/// Looks whether what the file names exists and the mapping fits, touching nothing outside.
pub fn check(hub: &Hub, file: &ConnectorFile) -> anyhow::Result<()> {
    match &file.role {
        Role::Source(role) => {
            let puller = pull::Puller::new(hub, &file.name, role)?;
            puller.open(&Position::default()).map(drop).context("source")
        }
        Role::Sink(role) => open_sink(hub, &file.name, role).map(drop),
    }
}

/// Opens the sink of a connector for what its grant shows.
pub fn open_sink(hub: &Hub, name: &str, role: &SinkRole) -> anyhow::Result<Box<dyn Sink>> {
    let (columns, key) = deliver::columns_of(hub, &role.grant)?;
    let access = Access {
        connector: name.into(),
        load: Load::default(),
        columns: columns.into(),
        key: key.into(),
        schemas: hub.schemas(),
        surroundings: hub.config.surroundings(),
    };
    let kind = kinds::kind(&role.kind)?;
    (kind.open_sink)(role.config.clone(), &access).context("sink")
}

/// Registers a connector and puts its file into the folder.
pub async fn add(hub: &Hub, file: &ConnectorFile, actor: &str) -> anyhow::Result<()> {
    register(hub, file, actor).await?;
    let folder = hub.config.folders.connectors();
    let target = folder.join(format!("{}.yaml", file.name));
    let unfinished = folder.join(format!(".{}.new", file.name));
    std::fs::write(&unfinished, &file.text)
        .and_then(|()| std::fs::rename(&unfinished, &target))
        .with_context(|| format!("cannot write `{}`", target.display()))
}

/// Registers one connector after looking whether what it names exists; a new or changed one leaves
/// a receipt.
pub async fn register(hub: &Hub, file: &ConnectorFile, actor: &str) -> anyhow::Result<()> {
    let live = hub.live();
    let (role, kind, entry, grant, department) = match &file.role {
        Role::Source(source) => {
            kinds::kind(&source.kind)?;
            let entry = format!("{}@{}", source.entry, source.major);
            let department = source.entry.department().to_owned();
            (connector::Role::Source, &source.kind, Some(entry), None, department)
        }
        Role::Sink(sink) => {
            kinds::kind(&sink.kind)?;
            let grant = live.catalog.grants.get(&sink.grant);
            let department = grant.map(|grant| grant.to.clone()).unwrap_or_default();
            (connector::Role::Sink, &sink.kind, None, Some(&sink.grant), department)
        }
    };
    let registration = Registration {
        name: &file.name,
        role,
        kind,
        entry: entry.as_deref(),
        grant: grant.map(String::as_str),
        department: &department,
        file: &file.text,
        file_digest: Sha256::digest(file.text.as_bytes()).into(),
    };
    let mut tx = hub.store.begin().await?;
    let at_ms = clock::now_ms();
    if connector::register(&mut tx, &registration, at_ms).await? == connector::Registered::Same {
        return Ok(());
    }
    let mut said = Receipt::new("node/hub", Deed::ConnectorAdd, actor, at_ms);
    said.department = (!department.is_empty()).then_some(department);
    said.entry = entry.map(|entry| entry.split('@').next().unwrap_or_default().to_owned());
    said.grant = grant.cloned();
    said.note = file.name.clone();
    receipt::append(&mut tx, said).await?;
    Ok(tx.commit().await?)
}

/// The file of a registered connector, by its name.
pub fn find(hub: &Hub, name: &str) -> anyhow::Result<ConnectorFile> {
    let path = hub.config.folders.connectors().join(format!("{name}.yaml"));
    if !path.exists() {
        bail!(
            "there is no connector `{name}`; `yiku connector list` shows those there are, \
             `yiku connector add FILE` registers one"
        );
    }
    ConnectorFile::read(&path)
}

/// Who put a file into the folder: whoever may write there.
const OPERATOR: &str = "operator";
