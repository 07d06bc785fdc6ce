//! `yiku import`: an exported hub goes on here, on another store and another bus.

use std::{fs, path::Path};

use anyhow::{Context, bail, ensure};
use yiku_store::moving;

use super::export::{CONNECTORS, KEY, Manifest, SECRETS, STORE};
use crate::{
    bus,
    config::{BusKind, Config},
    folder::{self, FolderLock},
    store,
};

/// Takes it over. When it fails it may be run again: the files come first, and the store, which is
/// taken in one transaction, last, so that none stands beside another installation's key.
pub async fn run(config: Config, from: &Path) -> anyhow::Result<()> {
    let manifest = manifest(from)?;
    ensure!(
        config.bus.kind == BusKind::Kafka,
        "an installation moves to a bus in Kafka: set [bus] kind = \"kafka\"; to go on with the bus in \
         a file, copy the data folder\n请将 [bus] 的 kind 设为 \"kafka\"；若仍用文件总线，请直接复制数据目录"
    );
    let folders = &config.folders;
    let Some(_lock) = FolderLock::take(&folders.data)? else {
        bail!("a hub is running on the data folder; stop it\n该数据目录上有系统正在运行，请先停止")
    };
    let bus = bus::open(&config).await?;
    if let Some(topic) = bus.topics().await?.iter().find(|topic| topic.next > 0) {
        bail!(
            "the bus has been used: topic `{0}` has records; name another prefix or another \
             cluster\n总线已被使用：主题 `{0}` 中已有记录，请改用其他前缀或集群",
            topic.name
        );
    }
    folder::copy_file(&from.join(KEY), &folders.data)?;
    folder::copy_files(&from.join(CONNECTORS), &folders.connectors())?;
    folder::copy_files(&from.join(SECRETS), &folders.secrets())?;
    let store = store::open(&config).await?;
    let database = store::database(&config)?;
    let moved = moving::take_over(&store, database.as_ref(), &from.join(STORE)).await?;
    store.close().await;
    println!(
        "{} rows of {} tables are here, exported {}; start the hub by `yiku serve`\n\
         已导入 {1} 张表的 {0} 条记录；请执行 yiku serve 启动",
        moved.rows, moved.tables, manifest.exported_at
    );
    Ok(())
}

fn manifest(from: &Path) -> anyhow::Result<Manifest> {
    let path = from.join(Manifest::FILE);
    let shown = path.display();
    let text = fs::read_to_string(&path).with_context(|| {
        format!(
            "`{shown}` cannot be read: the folder is no export, or the export did not reach its \
             end; export again\n此目录不是完整的导出结果，请重新导出"
        )
    })?;
    let manifest: Manifest =
        serde_json::from_str(&text).with_context(|| format!("`{shown}` is damaged"))?;
    let own = env!("CARGO_PKG_VERSION");
    ensure!(
        manifest.yiku == own,
        "exported by version {0}, this is {own}; export with this version, or import with that \
         one\n由版本 {0} 导出，当前为 {own}，请使用同一版本",
        manifest.yiku
    );
    Ok(manifest)
}
