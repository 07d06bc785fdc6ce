//! The hub's one configuration file, `yiku.toml`. Unknown fields are refused.

mod bus;
mod store;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use serde::Deserialize;
use yiku_connector::{Limits, Surroundings};

pub use bus::{BusConfig, BusKind, Durability as KafkaDurability, KafkaConfig};
pub use store::StoreConfig;

/// Everything a hub is told. `deploy/yiku.example.toml` lists every field with its default.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folders.
    pub folders: Folders,
    /// The HTTP interface.
    pub http: Http,
    /// Logs.
    pub log: Log,
    /// The store.
    pub store: StoreConfig,
    /// The bus.
    pub bus: BusConfig,
    /// How much the far systems of connectors may bring.
    pub limits: Limits,
}

/// Where things are kept. Relative paths start at the configuration file's folder.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Folders {
    /// The hub's own state: databases, lock, socket.
    pub data: PathBuf,
    /// The catalog: entries, libraries, grants, code lists.
    pub catalog: PathBuf,
    /// Connector files; `connectors` within the data folder when left out.
    pub connectors: Option<PathBuf>,
    /// Secrets that connector files name; `secrets` within the data folder when left out.
    pub secrets: Option<PathBuf>,
}

/// The HTTP interface.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Address and port. Without `tls` only a loopback address is allowed.
    pub listen: SocketAddr,
    /// Certificate and key, as PEM files.
    pub tls: Option<Tls>,
    /// Bytes of a request's body at most, after unpacking.
    pub body_bytes_max: usize,
}

/// Certificate chain and private key.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM file of the chain.
    pub certificate: PathBuf,
    /// PEM file of the key.
    pub key: PathBuf,
}

/// Logs, to standard error.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug`, or a filter such as `yiku=debug,info`.
    pub level: String,
    /// `json` or `text`.
    pub format: LogFormat,
}

/// Form of a log line.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// One JSON object per line.
    #[default]
    Json,
    /// For people.
    Text,
}

impl Default for Folders {
    fn default() -> Self {
        Self { data: "data".into(), catalog: "catalog".into(), connectors: None, secrets: None }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8620)),
            tls: None,
            body_bytes_max: 64 << 20,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".into(), format: LogFormat::Json }
    }
}

impl Config {
    /// Reads the file and makes its paths absolute.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| {
            format!(
                "cannot read `{}`; name the hub's file by --config, or make a folder to start from \
                 by `yiku init FOLDER`",
                path.display()
            )
        })?;
        let mut config = Self::parse(&text).with_context(|| format!("in `{}`", path.display()))?;
        let base = std::path::absolute(path)?;
        let base = base.parent().unwrap_or(Path::new("/"));
        config.resolve(base);
        Ok(config)
    }

    /// What every connector is given.
    pub fn surroundings(&self) -> Surroundings {
        Surroundings {
            folder: self.folders.connectors(),
            secrets: self.folders.secrets(),
            limits: self.limits,
        }
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let config: Self = toml::from_str(text)?;
        if config.http.tls.is_none() && !config.http.listen.ip().is_loopback() {
            bail!(
                "http.listen = \"{}\" is not a loopback address: without [http.tls] tokens and \
                 personal data would cross the network in the clear; give a certificate and key, \
                 or listen on 127.0.0.1",
                config.http.listen
            );
        }
        config.store.check()?;
        config.bus.check()?;
        Ok(config)
    }

    fn resolve(&mut self, base: &Path) {
        let folders = &mut self.folders;
        for path in [&mut folders.data, &mut folders.catalog] {
            *path = base.join(&*path);
        }
        for path in [&mut folders.connectors, &mut folders.secrets].into_iter().flatten() {
            *path = base.join(&*path);
        }
        if let Some(tls) = &mut self.http.tls {
            tls.certificate = base.join(&tls.certificate);
            tls.key = base.join(&tls.key);
        }
        self.bus.resolve(base);
    }
}

impl Folders {
    /// Where connector files are.
    pub fn connectors(&self) -> PathBuf {
        self.connectors.clone().unwrap_or_else(|| self.data.join("connectors"))
    }

    /// Where secrets are.
    pub fn secrets(&self) -> PathBuf {
        self.secrets.clone().unwrap_or_else(|| self.data.join("secrets"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_holds_the_defaults() {
        let example = include_str!("../../../deploy/yiku.example.toml");
        assert_eq!(Config::parse(example).unwrap(), Config::default());
    }

    #[test]
    fn unknown_fields_are_refused() {
        let error = Config::parse("[http]\nlisten_on = \"x\"").unwrap_err().to_string();
        assert!(error.contains("unknown field `listen_on`"), "{error}");
    }

    #[test]
    fn without_tls_only_loopback() {
        let error = Config::parse("[http]\nlisten = \"0.0.0.0:80\"").unwrap_err().to_string();
        assert!(error.contains("not a loopback address"), "{error}");
    }
}
