//! Files of a Maven repository.

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use regex::Regex;
use sha2::{Digest, Sha256};
use yiku_core::text_bytes::to_hex;

/// Fetches the file at `path` below a repository, unless `file` is that one already.
pub async fn fetch(path: &str, sha256: &str, file: &Path) -> Result<()> {
    let is_right = |bytes: &[u8]| to_hex(&Sha256::digest(bytes)) == sha256;
    if fs::read(file).is_ok_and(|bytes| is_right(&bytes)) {
        return Ok(());
    }
    let url = format!("{}/{path}", repository());
    let mut tries = 0;
    let bytes = loop {
        tries += 1;
        match get(&url).await {
            Ok(bytes) => break bytes,
            Err(_) if tries < TRIES => tokio::time::sleep(WAIT).await,
            Err(error) => {
                return Err(error).with_context(|| {
                    format!("cannot fetch `{path}`; YIKU_MAVEN may name a Maven repository")
                });
            }
        }
    };
    ensure!(is_right(&bytes), "what was fetched as `{path}` has not the checksum {sha256}");
    let unfinished = file.with_extension("new");
    fs::write(&unfinished, bytes)?;
    Ok(fs::rename(unfinished, file)?)
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

const CENTRAL: &str = "https://repo.maven.apache.org/maven2";
const TRIES: u32 = 3;
const WAIT: Duration = Duration::from_secs(2);

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
