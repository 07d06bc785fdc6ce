//! Secrets are only named in files: `{ file: household.url }` or `{ env: HOUSEHOLD_URL }`.

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{ConnectorError, Limits};

/// Where a connector lives, and what it must keep to.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Relative paths of a connector file start here.
    pub folder: PathBuf,
    /// Where `{ file: … }` of a secret is looked for.
    pub secrets: PathBuf,
    /// How much the far system may bring.
    pub limits: Limits,
}

/// A reference to a secret, or the text itself where it is none (a URL without a password).
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Secret {
    /// The text itself.
    Plain(String),
    /// The first line of a file in the secrets folder.
    File {
        /// Name of the file.
        file: String,
    },
    /// An environment variable of the hub.
    Env {
        /// Name of the variable.
        env: String,
    },
}

impl Secret {
    /// Reads the secret. The error names where it was looked for, never what it is.
    pub fn read(&self, surroundings: &Surroundings) -> Result<String, ConnectorError> {
        match self {
            Self::Plain(text) => Ok(text.clone()),
            Self::Env { env } => std::env::var(env).map_err(|_| {
                ConnectorError::Config(format!("environment variable `{env}` is not set"))
            }),
            Self::File { file } => {
                let path = surroundings.secrets.join(file);
                let text = std::fs::read_to_string(&path).map_err(|error| {
                    ConnectorError::Config(format!("secret file `{}`: {error}", path.display()))
                })?;
                Ok(text.lines().next().unwrap_or_default().trim().to_owned())
            }
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(_) => f.write_str("Secret(…)"),
            Self::File { file } => write!(f, "Secret(file {file})"),
            Self::Env { env } => write!(f, "Secret(env {env})"),
        }
    }
}
