//! `yiku catalog diff`: what publishing the folder's entry would change, and whom that touches.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use yiku_connector::connector_file::Role;
use yiku_core::{
    catalog::Catalog,
    entry::{EntryName, EntryVersion, compatibility},
    grant::Subject,
};
use yiku_store::connector::{self, Role as StoredRole};

use super::{super::ExitCode, Session};
use crate::{
    connectors_folder,
    hub::{Hub, Live},
};

pub(super) async fn run(session: &mut Session<'_>, name: &EntryName) -> anyhow::Result<ExitCode> {
    let live = session.hub.live();
    let draft = live
        .folder
        .entries
        .get(name)
        .with_context(|| format!("there is no entry in catalog/entries/{name}.yaml"))?;
    match live.published.newest(name) {
        None => {
            session.line(format!("{name}@{}: no version is published yet", draft.version)).await?
        }
        Some(newest) => compare(session, newest.entry(), draft).await?,
    }
    let touched = touched(session.hub, &live, name, draft).await?;
    for line in touched {
        session.line(line).await?;
    }
    Ok(0)
}

async fn compare(
    session: &mut Session<'_>,
    old: &EntryVersion,
    draft: &EntryVersion,
) -> anyhow::Result<()> {
    session.line(format!("{}: {} → {}", draft.name, old.version, draft.version)).await?;
    let differences = compatibility::compare(old, draft);
    for difference in &differences {
        let level = difference.level.as_str();
        session.line(format!("{level}: {} / {}", difference.zh, difference.en)).await?;
    }
    if differences.is_empty() {
        return session.line("nothing differs").await;
    }
    let verdict = match compatibility::check_version(old, draft) {
        Err(fault) => format!("cannot be published as it is: {} / {}", fault.zh, fault.en),
        Ok(()) if draft.version.major == old.version.major => {
            "compatible: takes over at the next batch once published".to_owned()
        }
        Ok(()) => format!(
            "a new major version: connectors stay on theirs until their file says `entry: {}@{}`",
            draft.name, draft.version.major
        ),
    };
    session.line(verdict).await
}

/// Connectors that bring the entry's rows, grants that show something of it, and the subscriptions
/// under these.
async fn touched(
    hub: &Hub,
    live: &Live,
    name: &EntryName,
    draft: &EntryVersion,
) -> anyhow::Result<Vec<String>> {
    let (sources, sinks) = connectors(hub).await?;
    let major = format!("{name}@{}", draft.version.major);
    let mut lines = Vec::new();
    for (connector, entry) in &sources {
        if entry.split('@').next() == Some(name.as_str()) {
            let stays = if *entry == major { "" } else { ", which it stays on" };
            lines.push(format!("touches connector {connector} ({entry}{stays})"));
        }
    }
    let entities: BTreeSet<&str> = draft.feeds.iter().map(|feed| feed.entity.as_str()).collect();
    for grant in live.folder.grants.values() {
        if !touches(&live.folder, &grant.of, name, &entities) {
            continue;
        }
        lines.push(format!("touches grant {} (to {})", grant.name, grant.to));
        let own = sinks.iter().filter(|(_, of)| **of == grant.name);
        lines.extend(own.map(|(sink, of)| format!("touches subscription {sink} (grant {of})")));
    }
    if lines.is_empty() {
        lines.push("touches no connector, grant or subscription".to_owned());
    }
    Ok(lines)
}

/// Sources with their entry, sinks with their grant: registered ones, and files of the folder that
/// no hub has registered yet.
async fn connectors(
    hub: &Hub,
) -> anyhow::Result<(BTreeMap<String, String>, BTreeMap<String, String>)> {
    let (mut sources, mut sinks) = (BTreeMap::new(), BTreeMap::new());
    let mut db = hub.store.reader().await?;
    for one in connector::list(&mut db).await? {
        match one.role {
            StoredRole::Source => sources.insert(one.name, one.entry.unwrap_or_default()),
            StoredRole::Sink => sinks.insert(one.name, one.grant_name.unwrap_or_default()),
        };
    }
    for (name, file) in connectors_folder::read(&hub.config.folders.connectors()).files {
        match file.role {
            Role::Source(role) => sources.insert(name, format!("{}@{}", role.entry, role.major)),
            Role::Sink(role) => sinks.insert(name, role.grant),
        };
    }
    Ok((sources, sinks))
}

fn touches(catalog: &Catalog, of: &Subject, name: &EntryName, entities: &BTreeSet<&str>) -> bool {
    match of {
        Subject::Entry(entry) => entry == name,
        Subject::Entity { library, entity } => {
            let known = catalog.libraries.get(library).and_then(|known| known.entity(entity));
            entities.contains(format!("{library}.{entity}").as_str())
                || known.is_some_and(|entity| entity.source(name).is_some())
        }
    }
}
