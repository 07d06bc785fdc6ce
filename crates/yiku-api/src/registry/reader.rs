//! Who reads: somebody with a token of the hub, as `Bearer`, or as the password of `Basic` under
//! any name.
//!
//! Who was found is remembered for a second, so that reads ask no database; so long a revoked token
//! may still read schemas.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use yiku_core::{digest::sha256, entry::EntryName, text_bytes::from_base64, tree::Hash};

use super::error::RegistryError;
use crate::{
    Api,
    error::ApiError,
    identity::{Caller, Refused, bearer},
};

/// Who calls the registry.
pub(super) struct Reader(Arc<Caller>);

/// Who was found lately, by their token's digest.
#[derive(Default)]
pub(crate) struct Readers(RwLock<HashMap<Hash, (Arc<Caller>, Instant)>>);

impl Readers {
    fn get(&self, secret: &Hash) -> Option<Arc<Caller>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (caller, found_at) = known.get(secret)?;
        (found_at.elapsed() < REMEMBERED).then(|| caller.clone())
    }

    fn keep(&self, secret: Hash, caller: &Arc<Caller>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= READERS_MAX {
            known.clear();
        }
        known.insert(secret, (caller.clone(), Instant::now()));
    }
}

impl Reader {
    /// Leaves a receipt of a refusal; returns what is answered.
    pub(super) async fn refuse(
        &self,
        api: &Api,
        entry: Option<&EntryName>,
        why: RegistryError,
    ) -> RegistryError {
        let refused = Refused { entry, note: "registry", zh: "", en: "" };
        match self.0.refuse(api, refused).await {
            ApiError::Forbidden { .. } => why,
            error => error.into(),
        }
    }
}

impl FromRequestParts<Api> for Reader {
    type Rejection = RegistryError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, RegistryError> {
        let secret = bearer(&parts.headers).map(str::to_owned).or_else(|| basic(&parts.headers));
        let secret = secret.ok_or(ApiError::Unauthenticated)?;
        let digest = sha256(secret.as_bytes());
        if let Some(caller) = api.readers.get(&digest) {
            return Ok(Self(caller));
        }
        let caller = Arc::new(Caller::with_secret(api, &secret).await?);
        api.readers.keep(digest, &caller);
        Ok(Self(caller))
    }
}

/// The password of `Authorization: Basic`.
fn basic(headers: &HeaderMap) -> Option<String> {
    let (scheme, both) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let both = String::from_utf8(from_base64(both.trim())?).ok()?;
    let (_, password) = both.split_once(':')?;
    (scheme.eq_ignore_ascii_case("basic") && !password.is_empty()).then(|| password.to_owned())
}

const REMEMBERED: Duration = Duration::from_secs(1);
const READERS_MAX: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, expected: Option<&str>) {
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
        assert_eq!(basic(&headers).as_deref(), expected);
    }

    #[test]
    fn passwords() {
        check("Basic dXNlcjpzZWNyZXQ=", Some("secret"));
        check("basic dXNlcjphOmI=", Some("a:b"));
        check("Basic dXNlcjo=", None);
        check("Basic dXNlcg==", None);
        check("Basic ?", None);
        check("Bearer dXNlcjpzZWNyZXQ=", None);
    }
}
