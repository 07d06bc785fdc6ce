//! `yiku export`: an embedded hub becomes a folder from which another installation goes on.

use std::{fs, path::Path};

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use yiku_store::{moving, reconcile::Equation};

use super::{init, reconcile};
use crate::{
    clock,
    config::{BusKind, Config, StoreConfig},
    folder,
    hub::Hub,
    worker::{materialise, merge},
};

/// What is said of an export; the file is written last.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of the program that wrote it.
    pub yiku: String,
    /// When (RFC 3339).
    pub exported_at: String,
    /// The installation's present life.
    pub incarnation: String,
}

impl Manifest {
    /// The file's name.
    pub const FILE: &str = "export.json";
}

/// The store in an export.
pub const STORE: &str = "store.db";
/// The key of the digests in receipts.
pub const KEY: &str = "digest.key";
/// The connectors' files.
pub const CONNECTORS: &str = "connectors";
/// The passwords that they name.
pub const SECRETS: &str = "secrets";

/// Writes the folder, and lets the data folder serve no hub any more.
pub async fn run(config: Config, to: &Path) -> anyhow::Result<()> {
    let embedded = config.store == StoreConfig::default() && config.bus.kind == BusKind::Embedded;
    ensure!(
        embedded,
        "only a hub on the embedded engine is exported; of a cluster, back up its database and its \
         topics\n只能导出嵌入式引擎上的系统；集群请备份其数据库与主题"
    );
    init::check_empty(to)?;
    let Some(hub) = Hub::open(config).await? else {
        bail!("the hub is running; stop it, then export again\n系统正在运行，请先停止再导出")
    };
    materialise::catch_up(&hub).await?;
    merge::catch_up(&hub).await?;
    check(&reconcile::recount(&hub).await?)?;
    let manifest = Manifest {
        yiku: env!("CARGO_PKG_VERSION").into(),
        exported_at: clock::written(clock::now_ms()),
        incarnation: hub.store.incarnation().to_owned(),
    };
    hub.store.close().await;
    folder::make_private(to)?;
    folder::close_to_others(to)?;
    let folders = &hub.config.folders;
    let (data, copy) = (folders.data.clone(), to.join(STORE));
    tokio::task::spawn_blocking(move || moving::copy(&data, &copy)).await??;
    folder::copy_file(&folders.data.join(KEY), to)?;
    folder::copy_files(&folders.connectors(), &to.join(CONNECTORS))?;
    folder::copy_files(&folders.secrets(), &to.join(SECRETS))?;
    folder::mark_as_moved(&folders.data)?;
    let text = serde_json::to_string_pretty(&manifest)?;
    let path = to.join(Manifest::FILE);
    let written = fs::write(&path, text).and_then(|()| fs::File::open(to)?.sync_all());
    written.with_context(|| format!("cannot write `{}`", path.display()))?;
    println!(
        "exported to `{0}`; on the new installation run `yiku import`. This data folder serves no \
         hub any more\n已导出到 `{0}`；请在新环境执行 yiku import。此数据目录不再提供服务",
        to.display()
    );
    Ok(())
}

/// The books balance, and nothing stands on the bus that the store has not taken.
fn check(books: &[Equation]) -> anyhow::Result<()> {
    if let Some(one) = books.iter().find(|one| !one.holds) {
        bail!(
            "the books do not balance ({}: {one}); run `yiku reconcile` and settle it first\n\
             账目不平，请先用 yiku reconcile 核对",
            one.subject
        );
    }
    let left = |one: &&Equation| {
        let mut terms = one.left.iter().chain(&one.right);
        terms.any(|term| LEFT_ON_BUS.contains(&term.name) && term.value > 0)
    };
    if let Some(one) = books.iter().find(left) {
        bail!(
            "rows still wait on the bus ({}: {one}); mend the catalog so that they can be merged, \
             then export again\n总线上仍有未归并的记录，请修正目录后重新导出",
            one.subject
        );
    }
    Ok(())
}

/// Terms of the books for rows that the store does not have.
const LEFT_ON_BUS: &[&str] = &["waiting", "early", "not yet carried over"];
