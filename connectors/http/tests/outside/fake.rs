//! A server on loopback that answers as the test says and remembers what it was asked.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, Uri},
    response::{IntoResponse, Response},
};
use yiku_connector::{Access, Limits, Load, Schemas, Surroundings};
use yiku_core::derive::TableColumn;

/// What the server was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: Method,
    pub uri: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

type Answer = Arc<dyn Fn(&Asked) -> Response + Send + Sync>;

#[derive(Clone)]
struct Inside {
    answer: Answer,
    asked: Arc<Mutex<Vec<Asked>>>,
}

pub struct Fake {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Fake {
    /// Starts a server for the running test.
    pub async fn start<R: IntoResponse>(
        answer: impl Fn(&Asked) -> R + Send + Sync + 'static,
    ) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answer: Answer = Arc::new(move |asked| answer(asked).into_response());
        let inside = Inside { answer, asked: asked.clone() };
        let router = Router::new().fallback(handle).with_state(inside);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/rows", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, asked }
    }

    /// An address where no server of ours is.
    pub fn at(url: &str) -> Self {
        Self { url: url.to_owned(), asked: Arc::default() }
    }

    /// What it was asked since the last call.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// Paths and queries it was asked for since the last call.
    pub fn uris(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.uri).collect()
    }
}

async fn handle(
    State(inside): State<Inside>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let asked = Asked { method, uri: uri.to_string(), headers, body };
    inside.asked.lock().unwrap().push(asked.clone());
    (inside.answer)(&asked)
}

pub fn access(load: Load, columns: Vec<TableColumn>) -> Access {
    Access {
        connector: "outside".into(),
        load,
        columns: columns.into(),
        key: Arc::new([0]),
        schemas: Schemas::default(),
        surroundings: Surroundings {
            folder: "/".into(),
            secrets: "/nowhere".into(),
            limits: Limits::default(),
        },
    }
}

/// A parameter of a query.
pub fn parameter(asked: &Asked, name: &str) -> Option<String> {
    let (_, query) = asked.uri.split_once('?')?;
    let pair = query.split('&').filter_map(|pair| pair.split_once('='));
    pair.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}
