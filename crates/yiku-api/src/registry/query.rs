//! Query parameters as Confluent's registry reads them: unknown ones are passed over, `True` and
//! `true` are one.

use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, Query as AxumQuery},
    http::request::Parts,
};

use super::error::RegistryError;

/// The parameters of a call.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Whether a parameter says so, under one of its names.
    pub(super) fn flag(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.get(name).is_some_and(|it| it.eq_ignore_ascii_case("true")))
    }

    /// A parameter's value.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The part of a list that `offset` and `limit` ask for.
    pub(super) fn page<T>(&self, list: impl IntoIterator<Item = T>) -> Vec<T> {
        let number = |name: &str| self.get(name).and_then(|text| text.parse::<i64>().ok());
        let offset = usize::try_from(number("offset").unwrap_or(0)).unwrap_or(0);
        // A negative limit is none.
        let limit = number("limit")
            .map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        list.into_iter().skip(offset).take(limit).collect()
    }

    /// Whether only deleted things are asked for: there never are any.
    pub(super) fn deleted_only(&self) -> bool {
        self.flag(&["deletedOnly", "deleted_only"])
    }

    /// Whether the client wants subjects with this name, by `subjectPrefix`.
    pub(super) fn wants(&self, subject: &str) -> bool {
        let prefix = self.get("subjectPrefix").unwrap_or_default();
        // `:*:` stands for all contexts; there is the default one only.
        subject.starts_with(plain(prefix.strip_prefix(":*:").unwrap_or(prefix)))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let read = AxumQuery::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        Ok(Self(read.map(|AxumQuery(all)| all).unwrap_or_default()))
    }
}

/// A subject without the name of the default context.
pub(super) fn plain(subject: &str) -> &str {
    subject.strip_prefix(":.:").unwrap_or(subject)
}

/// A version as paths name it: a number, or the latest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum VersionAsked {
    /// The one of this number.
    Number(u32),
    /// The last one.
    Latest,
}

impl VersionAsked {
    /// Reads a part of a path.
    pub(super) fn parse(text: &str) -> Result<Self, RegistryError> {
        match text {
            "latest" | "-1" => Ok(Self::Latest),
            _ => match text.parse::<i32>() {
                Ok(number @ 1..) => Ok(Self::Number(number.cast_unsigned())),
                _ => Err(RegistryError::InvalidVersion(text.to_owned())),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn page(asked: &[(&str, &str)], expected: &[u8]) {
        let asked = asked.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        assert_eq!(Query(asked.collect()).page([1, 2, 3]), expected);
    }

    #[test]
    fn parts_of_lists() {
        page(&[], &[1, 2, 3]);
        page(&[("offset", "0"), ("limit", "-1")], &[1, 2, 3]);
        page(&[("offset", "1"), ("limit", "1")], &[2]);
        page(&[("offset", "9")], &[]);
        page(&[("offset", "x"), ("limit", "0")], &[]);
    }

    #[test]
    fn versions() {
        assert_eq!(VersionAsked::parse("latest").unwrap(), VersionAsked::Latest);
        assert_eq!(VersionAsked::parse("-1").unwrap(), VersionAsked::Latest);
        assert_eq!(VersionAsked::parse("7").unwrap(), VersionAsked::Number(7));
        for wrong in ["0", "-2", "x", "2147483648", ""] {
            assert!(VersionAsked::parse(wrong).is_err(), "{wrong}");
        }
    }
}
