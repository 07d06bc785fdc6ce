//! `yiku grant`: what grants allow, and rows as their grantees would see them.

use anyhow::Context;
use yiku_core::{
    batch::Cells,
    grant::{Grant as OneGrant, Subject as GrantOf},
    receipt::{Deed, Receipt},
};
use yiku_store::{image::Reader, receipt, subject};

use super::{ExitCode, Session, quarantine::OPERATOR, table};
use crate::{arguments::Grant, clock, worker::deliver};

pub(super) async fn run(session: &mut Session<'_>, command: Grant) -> anyhow::Result<ExitCode> {
    session.hub.reload_if_changed().await?;
    match command {
        Grant::List => list(session).await?,
        Grant::Show { grant } => show(session, &grant).await?,
        Grant::Try { grant, rows } => try_rows(session, &grant, rows).await?,
    }
    Ok(0)
}

async fn list(session: &mut Session<'_>) -> anyhow::Result<()> {
    let live = session.hub.live();
    let today = clock::today();
    let row = |grant: &OneGrant| {
        [
            grant.name.clone(),
            grant.to.clone(),
            grant.of.to_string(),
            format!("{} – {}", grant.from, grant.until),
            grant.valid_on(today).map_or_else(|reason| reason.to_string(), |()| "holds".into()),
        ]
    };
    let rows = live.catalog.grants.values().map(row).collect();
    let text = table::of(["grant", "to", "of", "period", "today"], rows);
    session.console.print(&text).await
}

async fn show(session: &mut Session<'_>, name: &str) -> anyhow::Result<()> {
    let live = session.hub.live();
    let grant = find(&live.catalog.grants, name)?;
    let masks: Vec<_> =
        grant.masks.iter().map(|(item, mask)| format!("{item}: {}", mask.to_text())).collect();
    for (heading, text) in [
        ("grant", grant.name.clone()),
        ("to", grant.to.clone()),
        ("of", grant.of.to_string()),
        ("basis 使用依据", grant.basis.clone()),
        ("scenario 使用场景", grant.scenario.clone()),
        ("scope 使用范围", grant.scope.clone()),
        ("modes 共享方式", grant.modes.join(", ")),
        ("period 使用时限", format!("{} – {}", grant.from, grant.until)),
        ("items", grant.items.join(", ")),
        ("masks", masks.join(", ")),
    ] {
        session.line(format!("{heading}: {text}")).await?;
    }
    for approval in &grant.approved {
        session
            .line(format!(
                "approved: {} {} {}",
                approval.department, approval.reference, approval.approved_on
            ))
            .await?;
    }
    Ok(())
}

/// Rows as the grantee would see them, masked as they would leave. Looking leaves a receipt.
async fn try_rows(session: &mut Session<'_>, name: &str, rows: u32) -> anyhow::Result<()> {
    let hub = session.hub;
    let live = hub.live();
    let grant = find(&live.catalog.grants, name)?;
    let mask_key = hub.digester.bytes("mask-key", grant.to.as_bytes());
    let view = deliver::view(&live, grant, &mask_key)?;
    let of = grant.of.to_string();
    let subject = subject::get(&mut *hub.store.reader().await?, &of).await?;
    let subject = subject.with_context(|| format!("`{of}` has no rows yet"))?;
    let reader = match &grant.of {
        GrantOf::Entity { .. } => Reader::entity(&subject),
        GrantOf::Entry(entry) => {
            Reader::resource(&subject, live.published.versions(entry).map(AsRef::as_ref))
        }
    };
    let mut seen = Cells::new(view.columns.len());
    let mut after: Option<String> = None;
    while seen.len() < rows as usize {
        let mut db = hub.store.reader().await?;
        let page = reader.page(&mut db, after.as_deref(), PAGE).await?;
        drop(db);
        for (row, ended) in page.cells.rows().zip(&page.ended) {
            let hidden = ended.is_some() && !view.sees_ended;
            if !hidden && view.sees(&row) && seen.len() < rows as usize {
                view.push_row(&row, &mut seen);
            }
        }
        match page.to {
            Some(to) => after = Some(to),
            None => break,
        }
    }
    let mut said = Receipt::new("node/hub", Deed::Query, OPERATOR, clock::now_ms());
    said.department = Some(grant.to.clone());
    said.entry = Some(of);
    said.grant = Some(grant.name.clone());
    said.purpose = Some("grant try".into());
    said.counts = [("rows".to_owned(), seen.len() as u64)].into();
    let mut tx = hub.store.begin().await?;
    receipt::append(&mut tx, said).await?;
    tx.commit().await?;
    let headings: Vec<_> = view.columns.iter().map(|column| column.name.as_str()).collect();
    session.line(headings.join("\t")).await?;
    for row in seen.rows() {
        let cells: Vec<_> = row.cells().map(|cell| cell.unwrap_or("–")).collect();
        session.line(cells.join("\t")).await?;
    }
    session.line(format!("{} rows as {} would see them", seen.len(), grant.to)).await
}

fn find<'a>(
    grants: &'a std::collections::BTreeMap<String, OneGrant>,
    name: &str,
) -> anyhow::Result<&'a OneGrant> {
    grants.get(name).with_context(|| {
        format!("there is no grant `{name}`; `yiku grant list` shows those there are")
    })
}

const PAGE: u32 = 500;
