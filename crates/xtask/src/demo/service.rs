//! The HTTP service of the demo's departments: pages of rows for the hub to pull, and a webhook
//! that takes what the hub delivers.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{BufRead, BufReader, Read, Seek, SeekFrom},
    net::TcpListener,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path as UrlPath, Query, State},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;

use super::{
    folder::{Folder, Keys},
    system::{Form, SYSTEMS},
};

/// What the handlers know.
struct Service {
    tables: HashMap<&'static str, Table>,
    credit: PathBuf,
    keys: Keys,
}

/// Rows of one table, as lines of a file.
struct Table {
    path: PathBuf,
    /// Where each line begins, and where the file ends.
    offsets: Vec<u64>,
}

/// Serves until the program ends.
pub fn start(listener: TcpListener, folder: &Folder, keys: Keys) -> Result<()> {
    let mut tables = HashMap::new();
    for system in SYSTEMS.iter().filter(|system| matches!(system.form, Form::Http)) {
        let path = folder.system(system).join(format!("{}_001.jsonl", system.connector));
        tables.insert(system.connector, Table::open(path)?);
    }
    let credit = folder.out().join("credit");
    fs::create_dir_all(&credit)?;
    let service = Arc::new(Service { tables, credit, keys });
    let router = Router::new()
        .route("/credit", post(take).layer(DefaultBodyLimit::max(BODY_BYTES_MAX)))
        .route("/{table}", get(page))
        .with_state(service);
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(())
}

const BODY_BYTES_MAX: usize = 64 << 20;
/// Rows of one page at most, whatever is asked.
const PAGE_ROWS_MAX: u64 = 5_000;

impl Table {
    fn open(path: PathBuf) -> Result<Self> {
        let place = || format!("cannot read {}", path.display());
        let mut reader = BufReader::new(File::open(&path).with_context(place)?);
        let mut offsets = vec![0];
        let (mut line, mut at) = (Vec::new(), 0);
        loop {
            line.clear();
            match reader.read_until(b'\n', &mut line).with_context(place)? {
                0 => break,
                bytes => at += bytes as u64,
            }
            offsets.push(at);
        }
        Ok(Self { path, offsets })
    }

    /// The rows from one number to another, as elements of a JSON array.
    fn rows(&self, from: u64, to: u64) -> Result<Vec<u8>> {
        let last = self.offsets.len() as u64 - 1;
        let (from, to) = (from.min(last) as usize, to.min(last) as usize);
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.offsets[from]))?;
        let mut bytes = vec![0; (self.offsets[to] - self.offsets[from]) as usize];
        file.read_exact(&mut bytes)?;
        bytes.pop();
        bytes.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b',');
        Ok(bytes)
    }
}

/// What is asked for: rows with numbers above `after`, in pages counted from 1.
#[derive(Deserialize)]
struct PageQuery {
    #[serde(default)]
    after: u64,
    page: u64,
    size: u64,
}

async fn page(
    State(service): State<Arc<Service>>,
    UrlPath(table): UrlPath<String>,
    Query(query): Query<PageQuery>,
    headers: HeaderMap,
) -> Response {
    let key = headers.get("x-service-key").and_then(|value| value.to_str().ok());
    if key != Some(service.keys.service.as_str()) {
        return (StatusCode::UNAUTHORIZED, r#"{"code":"E-106"}"#).into_response();
    }
    let Some(table) = service.tables.get(table.as_str()) else {
        return (StatusCode::NOT_FOUND, r#"{"code":"-1"}"#).into_response();
    };
    let size = query.size.min(PAGE_ROWS_MAX);
    let from = query.after.saturating_add(query.page.saturating_sub(1).saturating_mul(size));
    match table.rows(from, from.saturating_add(size)) {
        Ok(rows) => {
            let body = [br#"{"code":"0","data":["#.as_slice(), &rows, b"]}"].concat();
            ([(CONTENT_TYPE, "application/json")], body).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Takes a parcel once: its idempotency key is the name of the file that it becomes.
async fn take(State(service): State<Arc<Service>>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(key), Some(signature)) = (header("idempotency-key"), header("yiku-signature")) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    if !is_signed(&service.keys.webhook, signature, &body) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let name: String = key.chars().map(safe).collect();
    match keep(&service.credit, &name, &body) {
        Ok(true) => r#"{"refused":[]}"#.into_response(),
        Ok(false) => StatusCode::CONFLICT.into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Whether the parcel is new.
fn keep(folder: &Path, name: &str, body: &[u8]) -> std::io::Result<bool> {
    let target = folder.join(format!("{name}.json"));
    if target.exists() {
        return Ok(false);
    }
    let part = folder.join(format!(".{name}.part"));
    fs::write(&part, body)?;
    fs::rename(part, target)?;
    Ok(true)
}

/// `t=<seconds>,v1=<hex>`: HMAC-SHA256 of the seconds, a point and the body.
fn is_signed(secret: &str, signature: &str, body: &[u8]) -> bool {
    let parts = signature.strip_prefix("t=").and_then(|rest| rest.split_once(",v1="));
    let Some((seconds, hex)) = parts else { return false };
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes any key");
    mac.update(seconds.as_bytes());
    mac.update(b".");
    mac.update(body);
    let bytes: Option<Vec<u8>> = (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok())
        .collect();
    bytes.is_some_and(|bytes| mac.verify_slice(&bytes).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_cut_at_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.jsonl");
        fs::write(&path, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n").unwrap();
        let table = Table::open(path).unwrap();
        let rows = |from, to| String::from_utf8(table.rows(from, to).unwrap()).unwrap();
        assert_eq!(rows(0, 2), "{\"n\":1},{\"n\":2}");
        assert_eq!(rows(2, 9), "{\"n\":3}");
        assert_eq!(rows(3, 9), "");
    }

    /// Checked with `printf '1700000000.{}' | openssl dgst -sha256 -hmac whsec`.
    #[test]
    fn signatures() {
        let good =
            "t=1700000000,v1=7d44587dddbaf4c7f70fef20f48cd594834ffea1641e3ac227b84408298738af";
        assert!(is_signed("whsec", good, b"{}"));
        assert!(!is_signed("whsec", good, b"{ }"));
        assert!(!is_signed("other", good, b"{}"));
        assert!(!is_signed("whsec", "t=1,v1=zz", b"{}"));
    }
}
