//! `[store]`: where the hub's own state is, libraries among it.

use anyhow::bail;
use serde::Deserialize;
use yiku_connector::Secret;

/// The store.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum StoreConfig {
    /// A file in the data folder.
    Sqlite {},
    /// A database of PostgreSQL 15 or later.
    Postgres {
        /// `postgres://host:port/database?sslmode=…`, without user and password.
        url: String,
        /// As whom the hub works.
        user: String,
        /// The user's password.
        password: Option<Secret>,
        /// Who owns the tables that every store has; the user where it is left out. Receipts are
        /// safe from the hub's own login only where another owns them.
        owner: Option<Owner>,
    },
}

/// Who owns the tables of the store.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    /// Its name.
    pub user: String,
    /// Its password.
    pub password: Option<Secret>,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self::Sqlite {}
    }
}

impl StoreConfig {
    /// Passwords are only named in the file.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let Self::Postgres { password, owner, .. } = self else { return Ok(()) };
        let of_owner = owner.as_ref().and_then(|owner| owner.password.as_ref());
        for (place, secret) in
            [("store.password", password.as_ref()), ("store.owner.password", of_owner)]
        {
            if matches!(secret, Some(Secret::Plain(_))) {
                bail!(
                    "{place} is a password itself; put it into a file in the secrets folder and \
                     write {{ file = \"NAME\" }}, or {{ env = \"NAME\" }}"
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Config, *};

    #[test]
    fn passwords_are_only_named() {
        let store = "[store]\nkind = \"postgres\"\nurl = \"postgres://db/yiku\"\nuser = \"yiku\"\n";
        let named = Config::parse(&format!("{store}password = {{ file = \"store.password\" }}"));
        let StoreConfig::Postgres { user, password, owner: None, .. } = named.unwrap().store else {
            panic!("it is PostgreSQL")
        };
        assert_eq!(user, "yiku");
        assert_eq!(password, Some(Secret::File { file: "store.password".into() }));
        let error = Config::parse(&format!("{store}password = \"tiger\"")).unwrap_err().to_string();
        assert!(error.starts_with("store.password is a password itself"), "{error}");
        assert!(!error.contains("tiger"), "{error}");
    }
}
