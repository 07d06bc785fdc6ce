//! Apache Kafka for the tests: its jars from a Maven repository, once, into the cache.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use regex::Regex;
use sha2::{Digest, Sha256};
use yiku_core::text_bytes::to_hex;

use crate::workspace;

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
    let base = repository();
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
            jar.fetch(&base, &folder).await?;
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

    async fn fetch(&self, base: &str, folder: &Path) -> Result<()> {
        let file = folder.join(self.name());
        if fs::read(&file).is_ok_and(|bytes| self.is_right(&bytes)) {
            return Ok(());
        }
        let url = format!("{base}/{}", self.path);
        let mut tries = 0;
        let bytes = loop {
            tries += 1;
            match get(&url).await {
                Ok(bytes) => break bytes,
                Err(_) if tries < TRIES => tokio::time::sleep(WAIT).await,
                Err(error) => {
                    return Err(error).with_context(|| {
                        format!(
                            "cannot fetch `{}` of Apache Kafka; name a Maven repository by \
                             YIKU_MAVEN, or a folder with the jars of {LIST} by YIKU_KAFKA_JARS",
                            self.path
                        )
                    });
                }
            }
        };
        ensure!(self.is_right(&bytes), "`{}` is not the file that {LIST} names", self.path);
        let unfinished = file.with_extension("new");
        fs::write(&unfinished, bytes)?;
        Ok(fs::rename(unfinished, file)?)
    }

    fn is_right(&self, bytes: &[u8]) -> bool {
        to_hex(&Sha256::digest(bytes)) == self.sha256
    }
}

async fn get(url: &str) -> reqwest::Result<Vec<u8>> {
    let answer = reqwest::get(url).await?.error_for_status()?;
    Ok(answer.bytes().await?.to_vec())
}

/// The Maven repository, as this machine is set up for it: the variable, a mirror in Maven's own
/// settings, or Maven Central.
fn repository() -> String {
    let home = env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let settings = fs::read_to_string(home.join(".m2/settings.xml")).unwrap_or_default();
    let named = env::var("YIKU_MAVEN").ok().or_else(|| mirror(&settings));
    named.unwrap_or_else(|| CENTRAL.to_owned()).trim_end_matches('/').to_owned()
}

/// The address of the mirror of Maven Central that the settings name.
fn mirror(settings: &str) -> Option<String> {
    let pattern = |text| Regex::new(text).expect("a pattern of ours");
    let settings = pattern("(?s)<!--.*?-->").replace_all(settings, "");
    let of = pattern(r"<mirrorOf>\s*([^<]*?)\s*</mirrorOf>");
    let url = pattern(r"<url>\s*([^<]*?)\s*</url>");
    let mirrors = pattern("(?s)<mirror>.*?</mirror>");
    mirrors.find_iter(&settings).find_map(|one| {
        let names = of.captures(one.as_str())?;
        let central =
            names[1].split(',').any(|name| ["*", "central", "external:*"].contains(&name.trim()));
        let address = url.captures(one.as_str())?[1].to_owned();
        central.then_some(address)
    })
}

const LIST: &str = "tests/servers/kafka-jars.txt";
const CENTRAL: &str = "https://repo.maven.apache.org/maven2";
const TRIES: u32 = 3;
const WAIT: std::time::Duration = std::time::Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_of_central_is_found() {
        let settings =
            "<settings><mirrors><!-- <mirror><mirrorOf>*</mirrorOf><url>no</url></mirror> -->
            <mirror><id>a</id><mirrorOf>other</mirrorOf><url>http://a</url></mirror>
            <mirror><id>b</id><url> http://b/maven </url><mirrorOf>x, central</mirrorOf></mirror>
            </mirrors></settings>";
        assert_eq!(mirror(settings).as_deref(), Some("http://b/maven"));
        assert_eq!(mirror("<settings/>"), None);
    }
}
