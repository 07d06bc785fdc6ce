//! `bench idle`: what 500 connectors cost that have nothing to bring.

use std::{fs, net::Ipv4Addr, path::Path, time::Duration};

use anyhow::Result;
use axum::{Router, routing::get};
use rusqlite::Connection;
use yiku_core::derive::{self, Dialect};

use super::{Figure, Size};
use crate::{
    ground::{Ground, until_count},
    household, hub,
};

/// Measures.
pub fn run(size: Size) -> Result<Vec<Figure>> {
    let program = hub::build()?;
    let seconds = if size == Size::Long { 600 } else { 120 };
    tokio::runtime::Runtime::new()?.block_on(measure(&program, seconds))
}

async fn measure(program: &Path, seconds: u64) -> Result<Vec<Figure>> {
    let ground = Ground::new(program).await?;
    let service = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = service.local_addr()?;
    let router = Router::new().route("/", get(async || axum::Json::<[u8; 0]>([])));
    tokio::spawn(async move { axum::serve(service, router).await });

    let path = ground.path().join("register.db").display().to_string();
    let catalog = household::catalog()?;
    let entry = household::entry(&catalog)?;
    let table =
        derive::create_table_sql(Dialect::Sqlite, "register", &derive::table(entry), &entry.key);
    Connection::open(&path)?.execute_batch(&table)?;
    ground.write("data/secrets/register.url", &format!("sqlite:{path}"))?;
    for number in 0..CONNECTORS {
        let source = match number {
            0..20 => format!("{{ kind: http, url: \"http://{address}/\" }}"),
            20..100 => SQL.to_owned(),
            _ => {
                let folder = ground.path().join(format!("in/{number}"));
                fs::create_dir_all(&folder)?;
                format!("{{ kind: files, folder: {} }}", folder.display())
            }
        };
        let yaml = format!("entry: {}@1\nsource: {source}\nevery: 60s\n", household::ENTRY);
        ground.connector(&format!("idle-{number}"), &yaml)?;
    }
    let mut hub = ground.start().await?;
    let looked = "SELECT count(*) FROM connector WHERE succeeded_at IS NOT NULL";
    until_count(&ground.store()?, &mut hub, looked, CONNECTORS).await?;
    let before = hub.computed_seconds();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let share = (hub.computed_seconds() - before) / seconds as f64 * 100.0;
    let memory = hub.peak_rss_mb();
    hub.stop().await?;
    Ok(vec![
        Figure::within("idle-memory", "MB", memory, 200.0),
        Figure::within("idle-cpu", "% of a core", share.max(0.01), 2.0),
    ])
}

/// 20 http, 80 sql, 400 files.
const CONNECTORS: u64 = 500;
const SQL: &str = "{ kind: sql, url: { file: register.url }, table: register,
  watermark: { column: updated_at, tie: citizen_id } }";
