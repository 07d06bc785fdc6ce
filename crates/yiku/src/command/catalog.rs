//! `yiku catalog`: check, publish, compare, show, export.

mod diff;
mod show;

use std::{fs, sync::Arc};

use anyhow::{Context, bail, ensure};
use yiku_core::{
    catalog::Problem,
    contract::Contract,
    derive::{self, Dialect},
    entry::{EntryName, EntryVersion, compatibility},
    printable::printable,
};
use yiku_store::catalog::Outcome;

use super::{ExitCode, Session, table};
use crate::{arguments::Catalog as Verb, clock, hub::register_schemas};

pub(super) async fn run(session: &mut Session<'_>, command: Verb) -> anyhow::Result<ExitCode> {
    session.hub.reload_if_changed().await?;
    match command {
        Verb::Check => check(session).await,
        Verb::Publish { entries, all } => publish(session, &entries, all).await,
        Verb::Diff { entry } => diff::run(session, &entry.parse()?).await,
        Verb::Show { entry: None } => show::list(session).await,
        Verb::Show { entry: Some(entry) } => show::one(session, &entry.parse()?).await,
        Verb::Export { entry, format, out } => {
            export(session, &entry.parse()?, &format, out.as_deref()).await
        }
    }
}

async fn check(session: &mut Session<'_>) -> anyhow::Result<ExitCode> {
    let live = session.hub.live();
    for problem in &live.problems {
        session.line(written(problem)).await?;
    }
    let catalog = &live.folder;
    session
        .line(format!(
            "{} departments, {} code lists, {} entries, {} libraries, {} grants, {} problems",
            catalog.departments.len(),
            catalog.lists.iter().count(),
            catalog.entries.len(),
            catalog.libraries.len(),
            catalog.grants.len(),
            live.problems.len()
        ))
        .await?;
    Ok(if live.problems.is_empty() { 0 } else { 2 })
}

/// In both languages.
fn written(problem: &Problem) -> String {
    format!("{} / {}", problem.to_zh(), printable(&problem.en))
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
            session.console.warn(&written(problem)).await?;
        }
        bail!("nothing was published: the catalog folder has the problems above");
    }
    let names: Vec<EntryName> = match all {
        true => live.folder.entries.keys().cloned().collect(),
        false => named.iter().map(|name| name.parse()).collect::<Result<_, _>>()?,
    };
    let mut published = 0;
    for name in names {
        let entry = live
            .folder
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
    Contract::compile(Arc::new(entry.clone()), &live.folder.lists)
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
    let outcome =
        yiku_store::catalog::publish(&mut tx, name, version, &text, clock::now_ms()).await?;
    let (Outcome::New(id) | Outcome::Same(id)) = outcome;
    register_schemas(&mut tx, id, entry, &live.folder.lists).await?;
    tx.commit().await?;
    Ok(())
}

fn table_sql(entry: &EntryVersion, dialect: Dialect) -> String {
    let name = entry.name.resource().replace('-', "_");
    derive::create_table_sql(dialect, &name, &derive::table(entry), &entry.key)
}

/// `CREATE TABLE` for each database that a department may have.
fn every_table_sql(entry: &EntryVersion) -> String {
    let dialects = [
        ("SQLite", Dialect::Sqlite),
        ("PostgreSQL", Dialect::Postgresql),
        ("MySQL, MariaDB", Dialect::Mysql),
    ];
    let one = |(title, dialect)| format!("-- {title}\n{}", table_sql(entry, dialect));
    dialects.map(one).join("\n")
}

fn newest_or_draft(live: &crate::hub::Live, name: &EntryName) -> anyhow::Result<Arc<EntryVersion>> {
    if let Some(contract) = live.published.newest(name) {
        return Ok(contract.entry().clone());
    }
    let draft = live.folder.entries.get(name);
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
    let lists = &live.folder.lists;
    let bytes = match format {
        "json-schema" => serde_json::to_vec_pretty(&derive::json_schema(&entry, lists))?,
        "avro" => serde_json::to_vec_pretty(&derive::avro_schema(&entry))?,
        "sql" => every_table_sql(&entry).into_bytes(),
        "sqlite" => table_sql(&entry, Dialect::Sqlite).into_bytes(),
        "postgresql" => table_sql(&entry, Dialect::Postgresql).into_bytes(),
        "mysql" => table_sql(&entry, Dialect::Mysql).into_bytes(),
        "csv" => derive::csv_template(&entry).into_bytes(),
        "xlsx" => derive::excel_template(&entry, lists)?,
        other => bail!(
            "`{other}` is none of json-schema, avro, sql, sqlite, postgresql, mysql, csv, xlsx"
        ),
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
