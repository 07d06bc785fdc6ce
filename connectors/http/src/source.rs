//! Asking for rows, page by page.

use async_trait::async_trait;
use reqwest::Url;
use serde_json::Value;
use sha2::{Digest, Sha256};
use yiku_connector::{
    Access, ConnectorError, Load, Position, Pull, PullLimit, Run, Source, Surroundings,
};
use yiku_core::batch::Batch;

use crate::{
    address::Address,
    answer,
    config::{Paging, SourceConfig},
    page::Page,
    position::{At, Mark},
};

/// Opens a source. Reads secrets and asks only when it is first asked something.
pub fn open(
    config: Value,
    access: &Access,
    position: &Position,
) -> Result<Box<dyn Source>, ConnectorError> {
    let config = SourceConfig::read(config)?;
    let at = At::read(position)?;
    let (load, surroundings) = (access.load, access.surroundings.clone());
    Ok(Box::new(HttpSource {
        config,
        load,
        surroundings,
        at,
        address: None,
        page: None,
        last: None,
        rests: false,
    }))
}

struct HttpSource {
    config: SourceConfig,
    load: Load,
    surroundings: Surroundings,
    at: At,
    /// Given up at the end of each run, with its connections.
    address: Option<Address>,
    /// The page being handed over.
    page: Option<Page>,
    /// Digest of the last answer, to notice one that repeats it.
    last: Option<[u8; 32]>,
    /// A run has ended: there is nothing more until the source is opened anew.
    rests: bool,
}

/// A run of more pages than this goes round in a circle.
const PAGES_MAX: u64 = 1_000_000;
/// What to do about a larger answer than allowed.
const REMEDY: &str = "ask for smaller pages";

#[async_trait]
impl Source for HttpSource {
    async fn check(&mut self) -> Result<(), ConnectorError> {
        let address = self.address()?;
        let since = self.config.since.as_ref().and_then(|since| since.start.clone());
        self.ask(&address, None, since.as_deref()).await.map(drop)
    }

    async fn pull(&mut self, limit: PullLimit) -> Result<Option<Pull>, ConnectorError> {
        if self.rests {
            return Ok(None);
        }
        let address = match self.address.take() {
            Some(address) => address,
            None => self.address()?,
        };
        let begins = self.at.ended || self.at.run == 0;
        let mut at = self.at.clone();
        if begins {
            self.begin(&mut at);
        }
        let batch = self.next(&address, &mut at, limit).await?;
        if at.ended {
            (self.page, self.last, self.rests) = (None, None, true);
        } else {
            self.address = Some(address);
        }
        if batch.is_empty() && begins && self.load == Load::Changes {
            self.rests = false;
            return Ok(None);
        }
        let run = Run { number: at.run, begins, ends: at.ended };
        let position = at.to_position();
        self.at = at;
        Ok(Some(Pull { batch, position, run }))
    }
}

impl HttpSource {
    fn address(&self) -> Result<Address, ConnectorError> {
        let SourceConfig { url, headers, insecure, .. } = &self.config;
        Address::read(url, headers, *insecure, self.config.timeout(), &self.surroundings)
    }

    fn begin(&mut self, at: &mut At) {
        at.run += 1;
        at.rows = 0;
        at.ended = false;
        (at.page, at.skip, at.newest) = (None, 0, None);
        if at.since.is_none() {
            at.since = self.config.since.as_ref().and_then(|since| since.start.clone());
        }
        (self.page, self.last) = (None, None);
    }

    /// The next rows of the run; none only when the run ends without more.
    async fn next(
        &mut self,
        address: &Address,
        at: &mut At,
        limit: PullLimit,
    ) -> Result<Batch, ConnectorError> {
        for _ in 0..PAGES_MAX {
            let page = match self.page.take() {
                Some(page) => page,
                None => self.ask_for_new(address, at).await?,
            };
            let batch = page.slice(at.skip, limit, at.run, at.rows);
            at.skip += batch.len();
            at.rows += batch.len() as u64;
            if let Some(since) = &self.config.since {
                at.newest = Page::greatest(&batch, &since.column, at.newest.take());
            }
            if at.skip < page.len() {
                self.page = Some(page);
            } else if let Some(next) = self.following(address, at, &page)? {
                (at.page, at.skip) = (Some(next), 0);
            } else {
                end(at);
            }
            if at.ended || !batch.is_empty() {
                return Ok(batch);
            }
        }
        Err(answer::unreadable(address, "it gives page after page without rows"))
    }

    async fn ask_for_new(&mut self, address: &Address, at: &At) -> Result<Page, ConnectorError> {
        let (page, digest) = self.ask(address, at.page.as_ref(), at.since.as_deref()).await?;
        if self.last == Some(digest) && page.len() > 0 {
            return Err(answer::unreadable(
                address,
                "a page repeats the one before it: the paging parameter may be another one",
            ));
        }
        self.last = Some(digest);
        Ok(page)
    }

    async fn ask(
        &self,
        address: &Address,
        page: Option<&Mark>,
        since: Option<&str>,
    ) -> Result<(Page, [u8; 32]), ConnectorError> {
        let url = self.url(address, page, since)?;
        let response = answer::send(address, address.client.get(url)).await?;
        if !response.status().is_success() {
            return Err(answer::failure(address, &response));
        }
        let body = answer::body(address, response, self.config.answer_bytes_max(), REMEDY).await?;
        let page = Page::read(&self.config, &body, address.name.as_str().into())
            .map_err(|problem| answer::unreadable(address, problem))?;
        Ok((page, Sha256::digest(&body).into()))
    }

    fn url(
        &self,
        address: &Address,
        page: Option<&Mark>,
        since: Option<&str>,
    ) -> Result<Url, ConnectorError> {
        let mut url = address.url.clone();
        let paging = self.config.paging.as_ref();
        if let (Some(Mark::Next(next)), Some(Paging { cursor_parameter: None, .. })) =
            (page, paging)
        {
            return link(address, next);
        }
        let mut query = Vec::new();
        if let Some(paging) = paging {
            if let Some(parameter) = &paging.page_parameter {
                let number = match page {
                    Some(Mark::Number(number)) => *number,
                    _ => paging.first_page.unwrap_or(1),
                };
                query.push((parameter, number.to_string()));
            }
            if let (Some(parameter), Some(size)) = (&paging.size_parameter, paging.size) {
                query.push((parameter, size.to_string()));
            }
            if let (Some(parameter), Some(Mark::Next(cursor))) = (&paging.cursor_parameter, page) {
                query.push((parameter, cursor.clone()));
            }
        }
        if let (Some(config), Some(since)) = (&self.config.since, since) {
            query.push((&config.parameter, since.to_owned()));
        }
        if !query.is_empty() {
            let mut pairs = url.query_pairs_mut();
            for (name, value) in query {
                pairs.append_pair(name, &value);
            }
        }
        Ok(url)
    }

    /// The page after this one, if there is one.
    fn following(
        &self,
        address: &Address,
        at: &At,
        page: &Page,
    ) -> Result<Option<Mark>, ConnectorError> {
        let Some(paging) = &self.config.paging else { return Ok(None) };
        if paging.page_parameter.is_none() {
            let next = page.next.clone().map(Mark::Next);
            if next.is_some() && next == at.page {
                return Err(answer::unreadable(address, "a page names itself as the next one"));
            }
            return Ok(next);
        }
        if page.len() == 0 || paging.size.is_some_and(|size| (page.len() as u64) < size) {
            return Ok(None);
        }
        let number = match at.page {
            Some(Mark::Number(number)) => number,
            _ => paging.first_page.unwrap_or(1),
        };
        Ok(Some(Mark::Number(number + 1)))
    }
}

fn end(at: &mut At) {
    at.ended = true;
    (at.page, at.skip) = (None, 0);
    if let Some(newest) = at.newest.take() {
        at.since = Some(newest);
    }
}

/// The next page's address. It may not lead elsewhere: the headers would go along.
fn link(address: &Address, next: &str) -> Result<Url, ConnectorError> {
    let url = address.url.join(next).ok();
    match url {
        Some(url) if url.origin() == address.url.origin() => Ok(url),
        Some(_) => Err(answer::unreadable(address, "the next page's link leads to another host")),
        None => Err(answer::unreadable(address, "the next page's link is no address")),
    }
}
