//! What the HTTP interface needs of the hub. The rules of a push are the interface's; here its
//! batch is put on the bus and carried over, as every other one.

use std::sync::Arc;

use async_trait::async_trait;
use yiku_api::{Exchange, ExchangeError, PUSH, PushLine, status::Status};
use yiku_bus::{
    BusError,
    publish::{CheckedBatch, LineState, Published as PublishedBatch, Submission},
};
use yiku_connector::connector_file::ConnectorFile;
use yiku_core::{
    catalog::Catalog, digest::Digester, entry::EntryName, published::Published, registry::Registry,
};
use yiku_store::{Store, StoreError};

use crate::{
    clock, connectors_folder,
    hub::{HeldLine, Hub},
    status,
    worker::{break_down_if_unknown, materialise},
};

struct HubLine<'a> {
    hub: &'a Hub,
    line: HeldLine,
}

#[async_trait]
impl PushLine for HubLine<'_> {
    fn state(&self) -> &LineState {
        self.line.state()
    }

    async fn publish(
        &mut self,
        checked: CheckedBatch,
        submission: Submission,
    ) -> Result<PublishedBatch, ExchangeError> {
        let outcome = self.hub.publish(&mut self.line, checked, submission).await;
        outcome.map_err(|error| failed(self.hub, error.into()))
    }
}

#[async_trait]
impl Exchange for Hub {
    fn store(&self) -> &Store {
        &self.store
    }

    fn digester(&self) -> &Digester {
        &self.digester
    }

    fn catalog(&self) -> Arc<Catalog> {
        self.live().catalog.clone()
    }

    fn published(&self) -> Arc<Published> {
        self.live().published.clone()
    }

    fn registry(&self) -> Arc<Registry> {
        self.live().registry.clone()
    }

    fn now_ms(&self) -> i64 {
        clock::now_ms()
    }

    async fn push_line<'a>(
        &'a self,
        entry: &EntryName,
    ) -> Result<Box<dyn PushLine + 'a>, ExchangeError> {
        let line = self.hold_line(entry, PUSH).await.map_err(|error| failed(self, error))?;
        Ok(Box::new(HubLine { hub: self, line }))
    }

    async fn carry(&self) -> Result<(), ExchangeError> {
        materialise::catch_up(self).await.map(drop).map_err(|error| failed(self, error))
    }

    async fn check_bus(&self) -> Result<(), ExchangeError> {
        Ok(self.bus.topics().await.map(drop)?)
    }

    async fn status(&self) -> Result<Status, ExchangeError> {
        status::read(self).await.map_err(|error| failed(self, error))
    }

    async fn add_connector(&self, text: &str, actor: &str) -> Result<String, ExchangeError> {
        let file = ConnectorFile::parse(text).map_err(refused)?;
        connectors_folder::check(self, &file).map_err(refused)?;
        let added = connectors_folder::add(self, &file, actor).await;
        added.map_err(|error| failed(self, error))?;
        Ok(file.name)
    }
}

fn refused(error: anyhow::Error) -> ExchangeError {
    let en = format!("{error:#}");
    ExchangeError::Refused { zh: format!("连接器文件不能使用：{en}"), en }
}

/// Sorts an error by who must act, and ends the process when nobody knows what was written.
fn failed(hub: &Hub, error: anyhow::Error) -> ExchangeError {
    break_down_if_unknown(hub, &error);
    match error.downcast::<StoreError>() {
        Ok(error) => error.into(),
        Err(error) => match error.downcast::<BusError>() {
            Ok(error) => error.into(),
            Err(error) => ExchangeError::Failed(error.into()),
        },
    }
}
