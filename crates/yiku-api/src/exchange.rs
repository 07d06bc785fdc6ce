//! What the HTTP interface needs of the hub behind it.

use std::{error::Error, sync::Arc};

use async_trait::async_trait;
use yiku_bus::{
    BusError,
    publish::{CheckedBatch, LineState, Published as PublishedBatch, Submission},
};
use yiku_core::{
    catalog::Catalog, digest::Digester, entry::EntryName, published::Published, registry::Registry,
};
use yiku_store::{Store, StoreError};

use crate::status::Status;

/// The hub, as far as the HTTP interface needs it.
#[async_trait]
pub trait Exchange: Send + Sync {
    /// The hub's own state.
    fn store(&self) -> &Store;

    /// Makes keyed digests.
    fn digester(&self) -> &Digester;

    /// The catalog folder as it was read last.
    fn catalog(&self) -> Arc<Catalog>;

    /// The published entry versions.
    fn published(&self) -> Arc<Published>;

    /// Their schemas by number.
    fn registry(&self) -> Arc<Registry>;

    /// Milliseconds since 1970 in UTC.
    fn now_ms(&self) -> i64;

    /// Takes hold of the line on which pushed rows of an entry are published. Nobody else publishes
    /// on it until it is dropped.
    async fn push_line<'a>(
        &'a self,
        entry: &EntryName,
    ) -> Result<Box<dyn PushLine + 'a>, ExchangeError>;

    /// Carries what was published into the store. When this returns, everything that was published
    /// before the call is there.
    async fn carry(&self) -> Result<(), ExchangeError>;

    /// Whether the bus answers.
    async fn check_bus(&self) -> Result<(), ExchangeError>;

    /// How everything stands.
    async fn status(&self) -> Result<Status, ExchangeError>;

    /// Registers the connector that the YAML text describes and returns its name. The receipt of it
    /// names `actor`.
    async fn add_connector(&self, text: &str, actor: &str) -> Result<String, ExchangeError>;
}

/// A held line for pushes.
#[async_trait]
pub trait PushLine: Send + Sync {
    /// Where the line stands.
    fn state(&self) -> &LineState;

    /// Publishes a batch. When this returns, it is durable on the bus.
    async fn publish(
        &mut self,
        checked: CheckedBatch,
        submission: Submission,
    ) -> Result<PublishedBatch, ExchangeError>;
}

/// Why the hub could not do it.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The caller asked for what may not be done; the text says why and what to do.
    #[error("{en}")]
    Refused {
        /// In Chinese.
        zh: String,
        /// In English.
        en: String,
    },
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bus could not.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// Something else failed: a defect, or the machine.
    #[error("the hub failed")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}
