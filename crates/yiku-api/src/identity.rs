//! Who calls, and what that allows: a token stands for one department or one role.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, header, request::Parts},
};
use yiku_core::{
    entry::EntryName,
    receipt::{Deed, Outcome, Receipt},
};
use yiku_store::{
    receipt,
    token::{self, Holder},
};

use crate::{Api, error::ApiError};

/// Who calls, as its token says. Without a valid token there is none.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    name: String,
    who: Who,
}

/// For whom a caller speaks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Who {
    /// A department: its own data only.
    Department(String),
    /// The role `administrator`: everything but rows.
    Administrator,
    /// The role `auditor`: reads everything that is no row.
    Auditor,
}

/// A caller with a token, or a program on this machine that sees only what names nobody.
pub(crate) enum Onlooker {
    /// A program on this machine.
    Local,
    /// Somebody with a token.
    Caller(Caller),
}

impl Caller {
    /// Who holds the token with this secret.
    pub(crate) async fn with_secret(api: &Api, secret: &str) -> Result<Self, ApiError> {
        let store = api.exchange.store();
        let found = token::find(&mut *store.reader().await?, secret).await?;
        let token = found.ok_or(ApiError::Unauthenticated)?;
        let now_ms = api.exchange.now_ms();
        if token.used_at.is_none_or(|used_at| used_at + MINUTE_MS < now_ms) {
            let mut tx = store.begin().await?;
            token::used(&mut tx, &token.name, now_ms).await?;
            tx.commit().await?;
        }
        let who = match token.holder() {
            Holder::Department(department) => Who::Department(department),
            Holder::Role(role) if role == "administrator" => Who::Administrator,
            Holder::Role(role) if role == "auditor" => Who::Auditor,
            Holder::Role(_) => return Err(ApiError::Unauthenticated),
        };
        Ok(Self { name: token.name, who })
    }

    /// For whom it speaks.
    pub(crate) fn who(&self) -> &Who {
        &self.who
    }

    /// The actor that receipts name.
    pub(crate) fn actor(&self) -> String {
        format!("token:{}", self.name)
    }

    /// The department it speaks for, if it is one.
    pub(crate) fn department(&self) -> Option<&str> {
        match &self.who {
            Who::Department(department) => Some(department),
            _ => None,
        }
    }

    /// A receipt of something that this caller did, on the stream of the interface.
    pub(crate) fn receipt(&self, deed: Deed, at_ms: i64) -> Receipt {
        let mut receipt = Receipt::new(STREAM, deed, self.actor(), at_ms);
        receipt.department = self.department().map(str::to_owned);
        receipt
    }

    /// Refuses, and leaves a receipt of the refusal before it is answered.
    pub(crate) async fn refuse(&self, api: &Api, what: Refused<'_>) -> ApiError {
        let mut receipt = self.receipt(Deed::Refuse, api.exchange.now_ms());
        receipt.entry = what.entry.map(ToString::to_string);
        receipt.result = Outcome::Refused;
        receipt.note = what.note.to_owned();
        match keep(api, receipt).await {
            Ok(()) => ApiError::Forbidden { zh: what.zh.to_owned(), en: what.en.to_owned() },
            Err(error) => error,
        }
    }
}

/// A refusal: what was asked, and what the caller reads.
pub(crate) struct Refused<'a> {
    /// The entry that the caller asked for.
    pub entry: Option<&'a EntryName>,
    /// What was asked, for the receipt.
    pub note: &'a str,
    /// In Chinese.
    pub zh: &'a str,
    /// In English.
    pub en: &'a str,
}

/// Writes a receipt in a transaction of its own: data that cannot be accounted for is not sent.
pub(crate) async fn keep(api: &Api, receipt: Receipt) -> Result<(), ApiError> {
    let mut tx = api.exchange.store().begin().await?;
    receipt::append(&mut tx, receipt).await?;
    Ok(tx.commit().await?)
}

impl FromRequestParts<Api> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let secret = bearer(&parts.headers).ok_or(ApiError::Unauthenticated)?;
        Self::with_secret(api, secret).await
    }
}

impl FromRequestParts<Api> for Onlooker {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        if is_local(parts) {
            return Ok(Self::Local);
        }
        Caller::from_request_parts(parts, api).await.map(Self::Caller)
    }
}

/// The secret of `Authorization: Bearer <token>`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, secret) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let secret = secret.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty()).then_some(secret)
}

/// Whether a program on this machine asks for itself: not through a proxy, and not a web page that
/// a browser was tricked to send here under a name of its own.
fn is_local(parts: &Parts) -> bool {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let names_local = |host: &str| {
        let name = host.rsplit_once(':').map_or(host, |(name, port)| {
            if port.bytes().all(|digit| digit.is_ascii_digit()) { name } else { host }
        });
        let name = name.trim_start_matches('[').trim_end_matches(']');
        name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    };
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or(parts.uri.authority().map(|authority| authority.as_str()));
    peer.is_some_and(|ConnectInfo(address)| address.ip().is_loopback())
        && host.is_some_and(names_local)
        && FORWARDED.iter().all(|name| !parts.headers.contains_key(*name))
}

/// The stream of receipts that this interface writes.
pub(crate) const STREAM: &str = "node/api";
/// Headers by which a proxy says that it asks for somebody else.
const FORWARDED: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
const MINUTE_MS: i64 = 60_000;

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[track_caller]
    fn check(peer: &str, host: &str, header: Option<&str>, expected: bool) {
        let mut request = Request::get("/").header("host", host);
        if let Some(name) = header {
            request = request.header(name, "x");
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let peer: SocketAddr = peer.parse().unwrap();
        parts.extensions.insert(ConnectInfo(peer));
        assert_eq!(is_local(&parts), expected);
    }

    #[test]
    fn who_asks_from_this_machine() {
        check("127.0.0.1:5000", "127.0.0.1:8620", None, true);
        check("127.0.0.1:5000", "localhost", None, true);
        check("[::1]:5000", "[::1]:8620", None, true);
        check("10.0.0.7:5000", "localhost:8620", None, false);
        check("127.0.0.1:5000", "evil.example:8620", None, false);
        check("127.0.0.1:5000", "localhost:8620", Some("x-forwarded-for"), false);
    }

    #[test]
    fn bearer_tokens() {
        let headers =
            |value: &str| HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
        assert_eq!(bearer(&headers("Bearer abc")), Some("abc"));
        assert_eq!(bearer(&headers("bearer  abc ")), Some("abc"));
        assert_eq!(bearer(&headers("Basic abc")), None);
        assert_eq!(bearer(&headers("Bearer ")), None);
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
