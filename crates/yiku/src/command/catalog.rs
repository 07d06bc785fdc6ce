//! `yiku catalog`: check, publish, compare, show, export.

use std::{fs, sync::Arc};

use anyhow::{Context, bail, ensure};
use yiku_core::{
    catalog::Catalog,
    contract::Contract,
    derive::{self, Dialect},
    entry::{EntryName, EntryVersion, compatibility},
    grant::Subject,
};
use yiku_store::connector;

use super::{ExitCode, Session, table};
use crate::{arguments::Catalog as Verb, clock};

pub(super) async fn run(session: &mut Session<'_>, command: Verb) -> anyhow::Result<ExitCode> {
    session.hub.reload_if_changed().await?;
    match command {
        Verb::Check => check(session).await,
        Verb::Publish { entries, all } => publish(session, &entries, all).await,
        Verb::Diff { entry } => diff(session, &entry.parse()?).await,
        Verb::Show { entry: None } => list(session).await,
        Verb::Show { entry: Some(entry) } => show(session, &entry.parse()?).await,
        Verb::Export { entry, format, out } => {
            export(session, &entry.parse()?, &format, out.as_deref()).await
        }
    }
}

async fn check(session: &mut Session<'_>) -> anyhow::Result<ExitCode> {
    let live = session.hub.live();
    let mut problems: Vec<String> = live.problems.iter().map(ToString::to_string).collect();
    for entry in live.catalog.entries.values() {
        if let Err(error) = Contract::compile(Arc::new(entry.clone()), &live.catalog.lists) {
            problems.push(format!("entries/{}.yaml: {error}", entry.name));
        }
    }
    for problem in &problems {
        session.line(problem).await?;
    }
    let catalog = &live.catalog;
    session
        .line(format!(
            "{} departments, {} code lists, {} entries, {} libraries, {} grants, {} problems",
            catalog.departments.len(),
            catalog.lists.iter().count(),
            catalog.entries.len(),
            catalog.libraries.len(),
            catalog.grants.len(),
            problems.len()
        ))
        .await?;
    Ok(if problems.is_empty() { 0 } else { 2 })
}

async fn publish(
    session: &mut Session<'_>,
    named: &[String],
    all: bool,
) -> anyhow::Result<ExitCode> {
    ensure!(all || !named.is_empty(), "name the entries to publish, or --all");
    let live = session.hub.live();
    if !live.problems.is_empty() {
        for problem in &live.problems {
            session.console.warn(&problem.to_string()).await?;
        }
        bail!("nothing was published: the catalog folder has the problems above");
    }
    let names: Vec<EntryName> = match all {
        true => live.catalog.entries.keys().cloned().collect(),
        false => named.iter().map(|name| name.parse()).collect::<Result<_, _>>()?,
    };
    let mut published = 0;
    for name in names {
        let entry = live
            .catalog
            .entries
            .get(&name)
            .with_context(|| format!("there is no catalog/entries/{name}.yaml"))?;
        if all && live.published.exact(&name, entry.version).is_some() {
            continue;
        }
        publish_one(session, entry).await?;
        session.line(format!("{name}@{} published", entry.version)).await?;
        published += 1;
    }
    session.hub.reload().await?;
    session.line(format!("{published} published")).await?;
    session.hub.activity.nudge();
    Ok(0)
}

async fn publish_one(session: &Session<'_>, entry: &EntryVersion) -> anyhow::Result<()> {
    let live = session.hub.live();
    let name = &entry.name;
    Contract::compile(Arc::new(entry.clone()), &live.catalog.lists)
        .with_context(|| format!("entries/{name}.yaml"))?;
    if let Some(newest) = live.published.newest_of(name, entry.version.major)
        && let Err(fault) = compatibility::check_version(newest.entry(), entry)
    {
        bail!("{name}: {} / {}", fault.zh, fault.en);
    }
    let path = session.hub.config.folders.catalog.join(format!("entries/{name}.yaml"));
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let mut tx = session.hub.store.begin().await?;
    let version = entry.version;
    yiku_store::catalog::publish(&mut tx, name, version, &text, clock::now_ms()).await?;
    tx.commit().await?;
    Ok(())
}

async fn diff(session: &mut Session<'_>, name: &EntryName) -> anyhow::Result<ExitCode> {
    let live = session.hub.live();
    let draft = live
        .catalog
        .entries
        .get(name)
        .with_context(|| format!("there is no catalog/entries/{name}.yaml"))?;
    let Some(newest) = live.published.newest(name) else {
        session.line(format!("{name}: no version is published yet")).await?;
        return Ok(0);
    };
    let old = newest.entry();
    session.line(format!("{name}: {} → {}", old.version, draft.version)).await?;
    for difference in compatibility::compare(old, draft) {
        let level = difference.level.as_str();
        session.line(format!("{level}: {} / {}", difference.zh, difference.en)).await?;
    }
    let mut db = session.hub.store.reader().await?;
    for one in connector::list(&mut db).await? {
        let touched = one
            .entry
            .as_deref()
            .is_some_and(|entry| entry.split('@').next() == Some(name.as_str()));
        if touched {
            session.line(format!("touches connector {}", one.name)).await?;
        }
    }
    for grant in live.catalog.grants.values() {
        if touches(&live.catalog, &grant.of, name) {
            session.line(format!("touches grant {} and its subscriptions", grant.name)).await?;
        }
    }
    Ok(0)
}

fn touches(catalog: &Catalog, of: &Subject, name: &EntryName) -> bool {
    match of {
        Subject::Entry(entry) => entry == name,
        Subject::Entity { library, entity } => catalog
            .libraries
            .get(library)
            .and_then(|library| library.entity(entity))
            .is_some_and(|entity| entity.source(name).is_some()),
    }
}

/// `CREATE TABLE` for each database that a department may have.
fn tables(entry: &EntryVersion) -> String {
    let (columns, name) = (derive::table(entry), entry.name.resource().replace('-', "_"));
    let one = |(title, dialect)| {
        let sql = derive::create_table_sql(dialect, &name, &columns, &entry.key);
        format!("-- {title}\n{sql}")
    };
    let dialects = [
        ("SQLite", Dialect::Sqlite),
        ("PostgreSQL", Dialect::Postgresql),
        ("MySQL, MariaDB", Dialect::Mysql),
    ];
    dialects.map(one).join("\n")
}

async fn list(session: &mut Session<'_>) -> anyhow::Result<ExitCode> {
    let live = session.hub.live();
    let row = |entry: &EntryVersion| {
        let newest = live.published.newest(&entry.name);
        [
            entry.name.to_string(),
            entry.metadata.name.zh.clone(),
            entry.version.to_string(),
            newest.map(|contract| contract.entry().version.to_string()).unwrap_or_default(),
            entry.items.len().to_string(),
        ]
    };
    let rows = live.catalog.entries.values().map(row).collect();
    let headings = ["entry", "名称", "folder", "published", "items"];
    session.console.print(&table::of(headings, rows)).await?;
    Ok(0)
}

async fn show(session: &mut Session<'_>, name: &EntryName) -> anyhow::Result<ExitCode> {
    let live = session.hub.live();
    let entry = newest_or_draft(&live, name)?;
    session
        .line(format!(
            "{name}@{}  {} / {}",
            entry.version, entry.metadata.name.zh, entry.metadata.name.en
        ))
        .await?;
    session.line(&entry.metadata.summary.zh).await?;
    let key: Vec<_> = entry.key.iter().map(|&index| entry.items[index].name.as_str()).collect();
    session.line(format!("key: {}", key.join(", "))).await?;
    let row = |item: &yiku_core::entry::DataItem| {
        [
            item.name.clone(),
            item.zh.clone(),
            item.kind.as_str().to_owned(),
            if item.required { "required".into() } else { String::new() },
            item.std.clone().unwrap_or_default(),
        ]
    };
    let rows = entry.items.iter().map(row).collect();
    session.console.print(&table::of(["item", "名称", "type", "", "std"], rows)).await?;
    for feed in &entry.feeds {
        session.line(format!("feeds {}", feed.entity)).await?;
    }
    Ok(0)
}

fn newest_or_draft(live: &crate::hub::Live, name: &EntryName) -> anyhow::Result<Arc<EntryVersion>> {
    if let Some(contract) = live.published.newest(name) {
        return Ok(contract.entry().clone());
    }
    let draft = live.catalog.entries.get(name);
    draft
        .cloned()
        .map(Arc::new)
        .with_context(|| format!("there is no entry `{name}`; `yiku catalog show` lists them"))
}

async fn export(
    session: &mut Session<'_>,
    name: &EntryName,
    format: &str,
    out: Option<&std::path::Path>,
) -> anyhow::Result<ExitCode> {
    let live = session.hub.live();
    let entry = newest_or_draft(&live, name)?;
    let lists = &live.catalog.lists;
    let bytes = match format {
        "json-schema" => serde_json::to_vec_pretty(&derive::json_schema(&entry, lists))?,
        "avro" => serde_json::to_vec_pretty(&derive::avro_schema(&entry))?,
        "sql" => tables(&entry).into_bytes(),
        "csv" => derive::csv_template(&entry).into_bytes(),
        "xlsx" => derive::excel_template(&entry, lists)?,
        other => bail!("`{other}` is none of json-schema, avro, sql, csv, xlsx"),
    };
    match out {
        Some(path) => {
            let path = session.path(path);
            fs::write(&path, bytes)
                .with_context(|| format!("cannot write `{}`", path.display()))?;
            session.line(format!("wrote {}", path.display())).await?;
        }
        None => match String::from_utf8(bytes) {
            Ok(text) => session.line(text.trim_end()).await?,
            Err(_) => bail!("a spreadsheet cannot go to the terminal: name a file with --out"),
        },
    }
    Ok(0)
}
