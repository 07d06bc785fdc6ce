//! Pushes of the greatest body that is allowed.

use std::{fmt::Write, path::Path};

use anyhow::{Result, ensure};
use reqwest::{
    Client,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};

use super::{
    BODY_BYTES_MAX, Scale,
    trial::{Outcome, Running, Trial, rows},
};
use crate::{bench::Figure, household};

/// Pushes to a hub.
pub struct Pusher {
    client: Client,
    url: String,
    token: String,
}

impl Pusher {
    /// With a token of the department.
    pub async fn new(running: &Running) -> Result<Self> {
        let words = ["token", "add", "bench", "--department", "public-security"];
        let token = running.hub.tell(&words).await?.trim().to_owned();
        let address = running.ground().address();
        let url = format!("http://{address}/api/v1/entries/{}/rows", household::ENTRY);
        Ok(Self { client: Client::new(), url, token })
    }

    /// Status and text of the answer.
    pub async fn push(&self, body: Vec<u8>, packed: bool) -> Result<(u16, String)> {
        let mut request = self.client.post(&self.url).bearer_auth(&self.token);
        request = request.header(CONTENT_TYPE, "application/x-ndjson");
        if packed {
            request = request.header(CONTENT_ENCODING, "gzip");
        }
        let answer = request.body(body).send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }
}

/// A trial whose bodies are bounded in this scale.
async fn trial(program: &Path, scale: Scale, name: &'static str) -> Result<Trial> {
    // It stands in the same table as the address, which is written before it.
    let bound = format!("body_bytes_max = {}\n", scale.of(BODY_BYTES_MAX));
    Trial::new(program, name, &(bound + &scale.limits())).await
}

/// As many rows as a body may have, in the greatest body, then one that is a byte too large.
pub async fn household(program: &Path, scale: Scale) -> Result<Figure> {
    let running = trial(program, scale, "huge-push").await?.start().await?;
    let (body, rows) = body(scale, |_| {})?;
    let pusher = Pusher::new(&running).await?;
    let too_large = format!("{body} ").into_bytes();
    let (status, said) = pusher.push(body.into_bytes(), false).await?;
    ensure!(status == 200, "{status}: {}", said.chars().take(500).collect::<String>());
    let (status, said) = pusher.push(too_large, false).await?;
    ensure!(status == 413 && said.contains("larger than"), "{status}: {said}");
    running.judge(&Outcome { accepted: rows, ..Outcome::default() }).await
}

/// The same with a mistake in each row.
pub async fn broken(program: &Path, scale: Scale) -> Result<Figure> {
    let running = trial(program, scale, "huge-push-broken").await?.start().await?;
    let (body, rows) = body(scale, |row| row[2] = "7".into())?;
    let (status, said) = Pusher::new(&running).await?.push(body.into_bytes(), false).await?;
    ensure!(status == 200, "{status}: {}", said.chars().take(500).collect::<String>());
    running.judge(&Outcome { many_rejected: rows, ..Outcome::default() }).await
}

/// The greatest body, and how many rows it has.
fn body(scale: Scale, touch: impl Fn(&mut [String])) -> Result<(String, u64)> {
    let catalog = household::catalog()?;
    let entry = household::entry(&catalog)?;
    let bytes_max = scale.of(BODY_BYTES_MAX) as usize;
    let (mut body, mut count) = (String::with_capacity(bytes_max), 0);
    while body.len() + 2_000 < bytes_max && count < ROWS_MAX {
        rows(entry, count, 1, |mut row| {
            touch(&mut row);
            Ok(writeln!(body, "{}", household::json(entry, row))?)
        })?;
        count += 1;
    }
    let room = bytes_max - body.len();
    body.push_str(&" ".repeat(room));
    Ok((body, count))
}

/// As many of the shortest objects as the greatest body holds: they are too many to be taken.
pub async fn narrow(program: &Path, scale: Scale) -> Result<Figure> {
    let running = trial(program, scale, "huge-push-narrow").await?.start().await?;
    let pusher = Pusher::new(&running).await?;
    let body = b"{\"a\":1}\n".repeat(scale.of(BODY_BYTES_MAX) as usize / 8);
    let (status, said) = pusher.push(body, false).await?;
    ensure!(status == 413, "{status}: {}", said.chars().take(500).collect::<String>());
    running.judge(&Outcome::default()).await
}

/// Rows of one body at most.
const ROWS_MAX: u64 = 20_000;
