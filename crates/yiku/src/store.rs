//! Opening the store that the configuration names.

use yiku_connector::{Secret, Surroundings};
use yiku_store::{Database, Login, Store};

use crate::{
    clock,
    config::{Config, StoreConfig},
};

/// Opens the store, or makes it. The caller holds the data folder's lock.
pub async fn open(config: &Config) -> anyhow::Result<Store> {
    match database(config)? {
        None => Ok(Store::open(&config.folders.data, clock::now_ms()).await?),
        Some(database) => Ok(Store::connect(&database, clock::now_ms()).await?),
    }
}

/// Where the store is, if it is on a server.
pub fn database(config: &Config) -> anyhow::Result<Option<Database>> {
    let StoreConfig::Postgres { url, user, password, owner } = &config.store else {
        return Ok(None);
    };
    let surroundings = config.surroundings();
    let owner = owner.as_ref().map(|owner| login(&owner.user, &owner.password, &surroundings));
    let hub = login(user, password, &surroundings)?;
    Ok(Some(Database { url: url.clone(), hub, owner: owner.transpose()? }))
}

fn login(user: &str, secret: &Option<Secret>, place: &Surroundings) -> anyhow::Result<Login> {
    let password = secret.as_ref().map(|secret| secret.read(place)).transpose()?;
    Ok(Login { user: user.to_owned(), password })
}
