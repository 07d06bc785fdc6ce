//! A hub of a store and a bus in a folder of their own, with two entries of the catalog published.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{Request, Response, StatusCode, header},
};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tower::ServiceExt;
use yiku_api::{Api, Exchange, ExchangeError, Limits, PUSH, PushLine, router, status::Status};
use yiku_bus::{
    Bus, Embedded, PUBLICATIONS, REJECTS, ReadLimit,
    publish::{
        CheckedBatch, Line, LineState, Lines, Published as PublishedBatch, Publisher, Submission,
    },
};
use yiku_core::{
    catalog::{Catalog, SourceFile},
    contract::Contract,
    digest::Digester,
    entry::EntryName,
    publication::{Publication, RejectedRow},
    published::Published,
    receipt::{Deed, Receipt},
    registry::{self, Format, KeptSchema, Registry, SchemaOf},
};
use yiku_store::{
    Store, connector, cursor, publication, receipt,
    token::{self, Holder},
};

pub const NOW: i64 = 1_795_000_000_000;
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// The hub, and its interface.
pub struct TestHub {
    pub hub: Arc<TestExchange>,
    pub router: Router,
    _folder: TempDir,
}

/// Real store, real bus, real publish; carries over when asked.
pub struct TestExchange {
    pub store: Store,
    pub bus: Embedded,
    /// Makes the next carrying over fail.
    pub carry_fails: AtomicBool,
    publisher: Publisher,
    digester: Digester,
    lines: Lines,
    carrying: Mutex<()>,
    catalog: Arc<Catalog>,
    published: Arc<Published>,
    registry: Arc<Registry>,
}

/// An answer, read.
pub struct Answer {
    pub status: StatusCode,
    pub headers: axum::http::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    /// Status and stable code of an error.
    pub fn refusal(&self) -> String {
        let body = self.json();
        assert!(body["zh"].is_string() && body["en"].is_string(), "{body}");
        format!("{} {}", self.status.as_u16(), body["code"].as_str().unwrap_or("-"))
    }
}

/// A hub with tokens `police` and `civil` of two departments, `admin` and `audit` of the roles.
pub async fn hub() -> TestHub {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), NOW).await.unwrap();
    let bus = Embedded::open(folder.path()).await.unwrap();
    let digester = Digester::new(b"test key");
    let incarnation = store.incarnation().to_owned();
    let publisher = Publisher::on(&bus, 0, incarnation, digester.clone()).await.unwrap();
    let (catalog, published) = catalog();
    let registry = Arc::new(schemas(&catalog, &published));
    let mut tx = store.begin().await.unwrap();
    let holders = [
        ("police", Holder::Department("public-security".into())),
        ("civil", Holder::Department("civil-affairs".into())),
        ("admin", Holder::Role("administrator".into())),
        ("audit", Holder::Role("auditor".into())),
    ];
    for (name, holder) in holders {
        token::add(&mut tx, name, &holder, &format!("secret-{name}"), NOW).await.unwrap();
    }
    tx.commit().await.unwrap();
    let hub = Arc::new(TestExchange {
        store,
        bus,
        carry_fails: AtomicBool::new(false),
        publisher,
        digester,
        lines: Lines::default(),
        carrying: Mutex::default(),
        catalog,
        published,
        registry,
    });
    let limits = Limits { body_bytes_max: BODY_BYTES_MAX, body_idle: Duration::from_millis(200) };
    let metrics = PrometheusBuilder::new().build_recorder().handle();
    let router = router(Api::new(hub.clone(), limits, metrics));
    TestHub { hub, router, _folder: folder }
}

impl TestHub {
    /// Sends a request from another machine with a token (`""`: none).
    pub async fn send(&self, token: &str, request: Request<Body>) -> Answer {
        let peer: SocketAddr = "10.0.0.7:50000".parse().unwrap();
        self.send_from(peer, token, request).await
    }

    pub async fn send_from(
        &self,
        peer: SocketAddr,
        token: &str,
        mut request: Request<Body>,
    ) -> Answer {
        request.extensions_mut().insert(ConnectInfo(peer));
        if !token.is_empty() {
            let value = format!("Bearer secret-{token}").parse().unwrap();
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        let response: Response<Body> = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    pub async fn get(&self, token: &str, path: &str) -> Answer {
        self.send(token, Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Pushes rows of the household register.
    pub async fn push(&self, token: &str, kind: &str, body: impl Into<Body>) -> Answer {
        self.send(token, push_request(kind).body(body.into()).unwrap()).await
    }

    pub async fn push_with_key(&self, key: &str, body: impl Into<Body>) -> Answer {
        let request = push_request(NDJSON).header("idempotency-key", key);
        self.send("police", request.body(body.into()).unwrap()).await
    }

    /// Records on the household topic: key and operation.
    pub async fn records(&self) -> Vec<String> {
        let topic = "entry.public-security.household";
        let limit = ReadLimit { batches: 1_000, bytes: usize::MAX };
        let read = self.hub.bus.read(topic, 0, 0, limit).await.unwrap();
        let records =
            read.batches.iter().flat_map(|batch| batch.records.iter()).map(Option::unwrap);
        records.map(|record| format!("{} {}", record.key, record.operation.as_str())).collect()
    }

    /// The receipts on the interface's own stream: deed, actor, result.
    pub async fn receipts(&self) -> Vec<String> {
        let mut db = self.hub.store.reader().await.unwrap();
        let all = receipt::export(&mut db, &Default::default(), None, 1_000).await.unwrap();
        let own = all.into_iter().filter(|kept| kept.receipt.stream == "node/api");
        own.map(|kept| {
            let one = kept.receipt;
            format!("{} {} {} {}", one.deed, one.actor, one.result, one.note)
        })
        .collect()
    }
}

pub const NDJSON: &str = "application/x-ndjson";
pub const PUSH_PATH: &str = "/api/v1/entries/public-security/household/rows";

pub fn push_request(kind: &str) -> axum::http::request::Builder {
    Request::post(PUSH_PATH).header("content-type", kind)
}

/// The valid examples of the household register, as JSON objects.
pub fn rows(hub: &TestHub) -> Vec<Value> {
    let entry = &hub.hub.catalog.entries[&household()];
    entry.examples.valid.iter().map(|row| serde_json::to_value(row).unwrap()).collect()
}

/// The same, one per line.
pub fn ndjson(rows: &[Value]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

pub fn household() -> EntryName {
    "public-security/household".parse().unwrap()
}

fn catalog() -> (Arc<Catalog>, Arc<Published>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalog");
    let mut files = Vec::new();
    let wanted = ["entries/public-security/household.yaml", "entries/civil-affairs/marriage.yaml"];
    let mut paths: Vec<PathBuf> = wanted.iter().map(|path| root.join(path)).collect();
    paths.push(root.join("departments.yaml"));
    paths.extend(fs::read_dir(root.join("codelists")).unwrap().map(|file| file.unwrap().path()));
    for path in paths {
        let relative = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        files.push(SourceFile { path: relative, text: fs::read_to_string(&path).unwrap() });
    }
    let (catalog, _) = Catalog::read(&files);
    let mut published = Published::default();
    for entry in catalog.entries.values() {
        let contract = Contract::compile(Arc::new(entry.clone()), &catalog.lists).unwrap();
        published.insert(Arc::new(contract));
    }
    assert_eq!(published.all().count(), wanted.len());
    (Arc::new(catalog), Arc::new(published))
}

/// The schemas of the entries by name, from number 1.
fn schemas(catalog: &Catalog, published: &Published) -> Registry {
    let both = published.all().flat_map(|contract| Format::ALL.map(|format| (contract, format)));
    Registry::new(both.zip(1..).map(|((contract, format), id)| {
        let entry = contract.entry();
        let text = registry::text(entry, &catalog.lists, format);
        let of = SchemaOf::Entry(entry.name.clone(), entry.version);
        KeptSchema { id, of, format, text }
    }))
}

struct TestLine<'a> {
    hub: &'a TestExchange,
    guard: OwnedMutexGuard<Option<LineState>>,
}

#[async_trait]
impl PushLine for TestLine<'_> {
    fn state(&self) -> &LineState {
        self.guard.as_ref().unwrap()
    }

    async fn publish(
        &mut self,
        checked: CheckedBatch,
        submission: Submission,
    ) -> Result<PublishedBatch, ExchangeError> {
        let line = self.guard.as_mut().unwrap();
        Ok(self.hub.publisher.publish(line, checked, submission, None).await?)
    }
}

#[async_trait]
impl Exchange for TestExchange {
    fn store(&self) -> &Store {
        &self.store
    }

    fn digester(&self) -> &Digester {
        &self.digester
    }

    fn catalog(&self) -> Arc<Catalog> {
        self.catalog.clone()
    }

    fn published(&self) -> Arc<Published> {
        self.published.clone()
    }

    fn registry(&self) -> Arc<Registry> {
        self.registry.clone()
    }

    fn now_ms(&self) -> i64 {
        NOW
    }

    async fn push_line<'a>(
        &'a self,
        entry: &EntryName,
    ) -> Result<Box<dyn PushLine + 'a>, ExchangeError> {
        let mut guard = self.lines.of(entry, PUSH).lock_owned().await;
        if guard.is_none() {
            let mut tx = self.store.begin().await?;
            let line = connector::line(&mut tx, entry, PUSH, NOW).await?;
            tx.commit().await?;
            *guard = Some(LineState {
                line: Line { entry: entry.clone(), number: line.line },
                next_batch: line.next_batch,
                position: line.position,
            });
        }
        Ok(Box::new(TestLine { hub: self, guard }))
    }

    async fn carry(&self) -> Result<(), ExchangeError> {
        if self.carry_fails.swap(false, Ordering::SeqCst) {
            return Err(ExchangeError::Failed("asked to fail".into()));
        }
        let _turn = self.carrying.lock().await;
        let mut db = self.store.reader().await?;
        let mut place = async |topic: &str| {
            let cursor = cursor::get(&mut db, "materialise/0", topic, 0).await?;
            Ok::<_, ExchangeError>(cursor.map_or(0, |cursor| cursor.next))
        };
        let (from, mut rejects_at) = (place(PUBLICATIONS).await?, place(REJECTS).await?);
        drop(db);
        for stored in self.bus.read(PUBLICATIONS, 0, from, ReadLimit::default()).await?.batches {
            let body = stored.records.iter().next().unwrap().unwrap().body.to_vec();
            let one = Publication::parse(&body).unwrap();
            let mut tx = self.store.begin().await?;
            self.advance(&mut tx, PUBLICATIONS, stored.base_offset, stored.next_offset()).await?;
            let mut rejected = Vec::new();
            if one.rejected > 0 {
                let limit = ReadLimit { batches: 1, bytes: 1 };
                let batch = self.bus.read(REJECTS, 0, rejects_at, limit).await?.batches.remove(0);
                let records = batch.records.iter().map(Option::unwrap);
                rejected.extend(records.map(|one| RejectedRow::parse(one.body).unwrap()));
                self.advance(&mut tx, REJECTS, rejects_at, batch.next_offset()).await?;
                rejects_at = batch.next_offset();
            }
            publication::take(&mut tx, &self.digester, &one, &rejected).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    async fn check_bus(&self) -> Result<(), ExchangeError> {
        Ok(self.bus.topics().await.map(drop)?)
    }

    async fn status(&self) -> Result<Status, ExchangeError> {
        Ok(Status { version: "test".into(), ..Status::default() })
    }

    async fn add_connector(&self, text: &str, actor: &str) -> Result<String, ExchangeError> {
        let Some(name) = text.strip_prefix("connector: ") else {
            return Err(ExchangeError::Refused { zh: "不是连接器".into(), en: "none".into() });
        };
        let mut tx = self.store.begin().await?;
        let added = Receipt::new("node/api", Deed::ConnectorAdd, actor, NOW);
        receipt::append(&mut tx, added).await?;
        tx.commit().await?;
        Ok(name.trim().to_owned())
    }
}

impl TestExchange {
    async fn advance(
        &self,
        tx: &mut yiku_store::Tx,
        topic: &str,
        from: u64,
        to: u64,
    ) -> Result<(), ExchangeError> {
        let topics = self.bus.topics().await?;
        let topic_id = topics.into_iter().find(|one| one.name == topic).unwrap().id;
        let unit = "materialise/0";
        let read = cursor::Read { unit, topic, topic_id: &topic_id, partition: 0, from, to };
        Ok(cursor::advance(tx, read).await?)
    }
}
