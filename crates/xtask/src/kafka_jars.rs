//! Apache Kafka for the tests: its jars from a Maven repository, once, into the cache.

use std::{env, fs, path::Path};

use crate::{maven, workspace};
use anyhow::{Context, Result, ensure};

/// Fetches the jars that are missing. `YIKU_KAFKA_JARS` names a folder that has them already.
pub fn fetch() -> Result<()> {
    if env::var_os("YIKU_KAFKA_JARS").is_some() {
        return Ok(());
    }
    let list = fs::read_to_string(workspace::root().join(LIST))?;
    let folder = workspace::cache()?.join("kafka");
    let whole = folder.join("whole.txt");
    if fs::read_to_string(&whole).is_ok_and(|there| there == list) {
        return Ok(());
    }
    fs::create_dir_all(&folder)?;
    eprintln!("fetching Apache Kafka for the tests into {}", folder.display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let jars: Vec<Jar<'_>> = list.lines().filter_map(Jar::read).collect();
    ensure!(!jars.is_empty(), "`{LIST}` names no jar");
    for file in fs::read_dir(&folder)?.flatten() {
        if jars.iter().all(|jar| file.file_name() != jar.name()) {
            fs::remove_file(file.path())?;
        }
    }
    runtime.block_on(async {
        for jar in &jars {
            jar.fetch(&folder).await?;
        }
        anyhow::Ok(())
    })?;
    Ok(fs::write(whole, list)?)
}

/// One line of the list.
struct Jar<'a> {
    sha256: &'a str,
    path: &'a str,
}

impl<'a> Jar<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let (sha256, path) = line.split_once("  ")?;
        (!line.starts_with('#')).then_some(Self { sha256, path })
    }

    fn name(&self) -> &'a str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }

    async fn fetch(&self, folder: &Path) -> Result<()> {
        let file = folder.join(self.name());
        maven::fetch(self.path, self.sha256, &file).await.with_context(|| {
            format!(
                "Apache Kafka is missing; YIKU_KAFKA_JARS may name a folder with the jars of {LIST}"
            )
        })
    }
}

const LIST: &str = "tests/servers/kafka-jars.txt";
