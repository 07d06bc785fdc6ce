//! `yiku receipt`: who did what with whose data, when, on what ground.

use std::{fs::File, io::Write};

use anyhow::Context;
use serde_json::{Value, json};
use yiku_core::receipt::Outcome;
use yiku_store::receipt::{self, Filter, Kept};

use super::{ExitCode, Session, table};
use crate::{
    arguments::{Receipt, ReceiptFilter},
    clock,
};

pub(super) async fn run(session: &mut Session<'_>, command: Receipt) -> anyhow::Result<ExitCode> {
    match command {
        Receipt::List { filter, limit, json } => {
            list(session, &filter_of(&filter)?, limit, json.json).await?;
        }
        Receipt::Show { stream, number } => {
            let mut db = session.hub.store.reader().await?;
            let kept = receipt::show(&mut db, None, &stream, number).await?;
            drop(db);
            session.line(&kept.bytes).await?;
        }
        Receipt::Export { filter, out } => export(session, &filter_of(&filter)?, &out).await?,
    }
    Ok(0)
}

fn filter_of(typed: &ReceiptFilter) -> anyhow::Result<Filter> {
    let moment = |text: &str| {
        clock::parse(text)
            .with_context(|| format!("`{text}` is not a moment: write it as RFC 3339"))
    };
    Ok(Filter {
        department: typed.department.clone(),
        resource: typed.resource.clone(),
        grant: typed.grant.clone(),
        actor: typed.actor.clone(),
        deed: None,
        result: typed.result.as_deref().map(str::parse::<Outcome>).transpose()?,
        from_ms: typed.from.as_deref().map(moment).transpose()?,
        until_ms: typed.until.as_deref().map(moment).transpose()?,
    })
}

async fn list(
    session: &mut Session<'_>,
    filter: &Filter,
    limit: u32,
    as_json: bool,
) -> anyhow::Result<()> {
    let mut db = session.hub.store.reader().await?;
    let all = receipt::list(&mut db, filter, None, limit).await?;
    drop(db);
    if as_json {
        let values: Vec<Value> = all.iter().map(|kept| json!(kept.receipt)).collect();
        return session.json(&values).await;
    }
    let headings =
        ["at", "stream", "number", "deed", "actor", "resource", "grant", "counts", "result"];
    let text = table::of(headings, all.iter().map(row).collect());
    session.console.print(&text).await
}

fn row(kept: &Kept) -> [String; 9] {
    let one = &kept.receipt;
    let counts: Vec<_> = one.counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    [
        clock::written(one.at),
        one.stream.clone(),
        one.number.to_string(),
        one.deed.as_str().to_owned(),
        one.actor.clone(),
        one.entry.clone().unwrap_or_default(),
        one.grant.clone().unwrap_or_default(),
        counts.join(", "),
        one.result.as_str().to_owned(),
    ]
}

/// One receipt per line, byte for byte as it was written, oldest first.
async fn export(
    session: &mut Session<'_>,
    filter: &Filter,
    out: &std::path::Path,
) -> anyhow::Result<()> {
    let path = session.path(out);
    let mut file =
        File::create(&path).with_context(|| format!("cannot write `{}`", path.display()))?;
    let (mut after, mut written) = (None, 0u64);
    loop {
        let mut db = session.hub.store.reader().await?;
        let page = receipt::export(&mut db, filter, after, PAGE).await?;
        drop(db);
        let Some(last) = page.last() else { break };
        after = Some(last.mark());
        for kept in &page {
            writeln!(file, "{}", kept.bytes)?;
        }
        written += page.len() as u64;
    }
    file.sync_all()?;
    session.line(format!("{}: {written} receipts", path.display())).await
}

const PAGE: u32 = 1_000;
