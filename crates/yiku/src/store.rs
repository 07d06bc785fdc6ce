//! Opening the store that the configuration names.

use yiku_connector::{Secret, Surroundings};
use yiku_store::{Database, Login, Store};

use crate::{
    clock,
    config::{Config, StoreConfig},
};

/// Opens the store, or makes it. The caller holds the data folder's lock.
pub async fn open(config: &Config) -> anyhow::Result<Store> {
    let StoreConfig::Postgres { url, user, password, owner } = &config.store else {
        return Ok(Store::open(&config.folders.data, clock::now_ms()).await?);
    };
    let surroundings = config.surroundings();
    let owner = owner.as_ref().map(|owner| login(&owner.user, &owner.password, &surroundings));
    let database = Database {
        url: url.clone(),
        hub: login(user, password, &surroundings)?,
        owner: owner.transpose()?,
    };
    Ok(Store::connect(&database, clock::now_ms()).await?)
}

fn login(user: &str, secret: &Option<Secret>, place: &Surroundings) -> anyhow::Result<Login> {
    let password = secret.as_ref().map(|secret| secret.read(place)).transpose()?;
    Ok(Login { user: user.to_owned(), password })
}
