//! `yiku delivery`: what receivers refused, and what is done about it.

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use yiku_connector::connector_file::Role;
use yiku_store::delivery::{self, Parked};

use super::{ExitCode, Session, table};
use crate::{arguments::Delivery, clock, connectors_folder, worker::deliver};

pub(super) async fn run(session: &mut Session<'_>, command: Delivery) -> anyhow::Result<ExitCode> {
    match command {
        Delivery::List { subscription, json } => {
            list(session, subscription.as_deref(), json.json).await?;
        }
        Delivery::Retry { subscription, ids } => {
            let file = connectors_folder::find(session.hub, &subscription)?;
            let Role::Sink(role) = &file.role else {
                anyhow::bail!("`{subscription}` is a source; only sinks have deliveries")
            };
            let left = deliver::release(session.hub, &subscription, role, &ids).await?;
            session.line(format!("{left} rows delivered in their newest state")).await?;
        }
        Delivery::Discard { subscription, ids } => {
            let mut tx = session.hub.store.begin().await?;
            let dropped = delivery::discard(&mut tx, &subscription, &ids).await?;
            tx.commit().await?;
            ensure!(dropped > 0, "none of these is parked for `{subscription}`");
            session.line(format!("{dropped} given up")).await?;
        }
    }
    Ok(0)
}

async fn list(
    session: &mut Session<'_>,
    subscription: Option<&str>,
    as_json: bool,
) -> anyhow::Result<()> {
    let mut db = session.hub.store.reader().await?;
    let all =
        delivery::parked(&mut db, subscription, LISTED_MAX).await.context("parked changes")?;
    drop(db);
    if as_json {
        let value = |one: &Parked| {
            json!({
                "id": one.id, "subscription": one.subscription, "change": one.number,
                "reason": one.reason, "at": clock::written(one.at),
            })
        };
        let values: Vec<Value> = all.iter().map(value).collect();
        return session.json(&values).await;
    }
    let row = |one: &Parked| {
        [
            one.id.to_string(),
            one.subscription.clone(),
            one.number.to_string(),
            clock::written(one.at),
            one.reason.clone(),
        ]
    };
    let headings = ["id", "subscription", "change", "parked", "reason"];
    let text = table::of(headings, all.iter().map(row).collect());
    session.console.print(&text).await
}

const LISTED_MAX: u32 = 500;
