//! `bench registry`: how many schemas a second clients read of the registry, and how long one takes
//! at that load.
//!
//! Sixteen connections ask as deserializers do, `GET /schemas/ids/{id}`, each the next schema as
//! soon as it has the one before. They write and read bytes by themselves: an HTTP library would
//! take more of the machine than the hub does.

use std::{
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use reqwest::Client;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Figure, Size};
use crate::{ground::Ground, hub};

/// Measures.
pub fn run(size: Size) -> Result<Vec<Figure>> {
    let program = hub::build()?;
    let seconds = if size == Size::Long { 60 } else { 10 };
    tokio::runtime::Runtime::new()?.block_on(measure(&program, seconds))
}

async fn measure(program: &Path, seconds: u64) -> Result<Vec<Figure>> {
    let ground = Ground::new(program).await?;
    let hub = ground.start().await?;
    let token = hub.tell(&["token", "add", "bench", "--department", "public-security"]).await?;
    let url = format!("http://{}/registry/schemas", ground.address());
    let answer = Client::new().get(url).bearer_auth(token.trim()).send().await?;
    let schemas: Vec<Value> = serde_json::from_slice(&answer.bytes().await?)?;
    let ids: Vec<u64> = schemas.iter().filter_map(|one| one["id"].as_u64()).collect();
    ensure!(!ids.is_empty(), "the registry has no schema");

    let requests: Vec<_> = ids.iter().map(|id| request(*id, token.trim())).collect();
    let begun = Instant::now();
    let until = begun + Duration::from_secs(seconds);
    let readers = (0..CONNECTIONS).map(|first| {
        let requests = requests.clone();
        tokio::spawn(keep_reading(ground.address(), requests, first, until))
    });
    let mut took = Vec::new();
    for reader in readers.collect::<Vec<_>>() {
        took.extend(reader.await??);
    }
    let reads_per_s = took.len() as f64 / begun.elapsed().as_secs_f64();
    hub.stop().await?;
    took.sort_unstable();
    let p99 = took[(took.len() - 1) * 99 / 100].as_secs_f64() * 1e3;
    Ok(vec![
        Figure::speed("registry-reads", "reads/s", (reads_per_s, READS_PER_S), "limit", 1.0),
        Figure::within("registry-p99", "ms", p99, P99_MS),
    ])
}

fn request(id: u64, token: &str) -> Vec<u8> {
    format!(
        "GET /registry/schemas/ids/{id} HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {token}\r\n\
         Accept: application/vnd.schemaregistry.v1+json\r\n\r\n"
    )
    .into_bytes()
}

/// Asks until the time is up; returns how long each answer took.
async fn keep_reading(
    address: SocketAddr,
    requests: Vec<Vec<u8>>,
    first: usize,
    until: Instant,
) -> Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut took = Vec::new();
    let mut buffer = vec![0; 256 << 10];
    for request in requests.iter().cycle().skip(first) {
        let asked = Instant::now();
        if asked > until {
            break;
        }
        stream.write_all(request).await?;
        read_answer(&mut stream, &mut buffer).await?;
        took.push(asked.elapsed());
    }
    Ok(took)
}

/// Reads one answer to its end; anything but 200 is an error.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<()> {
    let (mut filled, mut whole) = (0, None);
    loop {
        ensure!(filled < buffer.len(), "an answer is larger than expected");
        let read = stream.read(&mut buffer[filled..]).await?;
        ensure!(read > 0, "the hub closed the connection");
        filled += read;
        if whole.is_none() {
            whole = length(&buffer[..filled])?;
        }
        match whole {
            Some(whole) if filled == whole => return Ok(()),
            Some(whole) if filled > whole => bail!("more was answered than asked for"),
            _ => {}
        }
    }
}

/// Bytes of head and body, once the head is there.
fn length(answer: &[u8]) -> Result<Option<usize>> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&answer[..end])?;
    ensure!(head.starts_with("HTTP/1.1 200 "), "a read was answered: {head}");
    let line = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let body: usize = line.context("an answer says how long it is")?.parse()?;
    Ok(Some(end + 4 + body))
}

const CONNECTIONS: usize = 16;
const READS_PER_S: f64 = 20_000.0;
const P99_MS: f64 = 5.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_an_answer_ends() {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(length(answer).unwrap(), Some(answer.len()));
        assert_eq!(length(&answer[..20]).unwrap(), None);
        assert!(length(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n").is_err());
    }
}
