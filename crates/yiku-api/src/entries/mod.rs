//! Entries: the published catalog. Reading it needs a token and leaves no receipt; it is counted.

pub(crate) mod list;
pub(crate) mod schema;
pub(crate) mod show;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use yiku_core::{contract::Contract, entry::EntryName};

use crate::{Api, error::ApiError};

/// One broken rule.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Violation)]
#[allow(dead_code, reason = "only describes `yiku_core::violation::Violation`, which is answered")]
pub(crate) struct FoundViolation {
    /// A stable word, such as `required`, `check-digit`, `rule`.
    pub code: String,
    /// `reject` keeps the row out, `warn` does not.
    pub severity: String,
    /// The item, if one is to blame.
    pub item: Option<String>,
    /// The rule's id, with `code: rule`.
    pub rule: Option<String>,
    /// The value with its middle hidden; absent when there is none.
    pub value: Option<String>,
    /// What is wrong and what to do, in Chinese.
    pub zh: String,
    /// What is wrong and what to do, in English.
    pub en: String,
}

/// A text in both languages.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Text {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl From<&yiku_core::entry::Text> for Text {
    fn from(text: &yiku_core::entry::Text) -> Self {
        Self { zh: text.zh.clone(), en: text.en.clone() }
    }
}

/// Which version of an entry is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct MajorQuery {
    /// The major version; the newest unless said. Its newest minor version is shown.
    pub major: Option<u32>,
}

/// The newest published version of an entry, or of a major of it.
pub(crate) fn contract(
    api: &Api,
    department: &str,
    resource: &str,
    major: Option<u32>,
) -> Result<Arc<Contract>, ApiError> {
    let published = api.exchange.published();
    let name = format!("{department}/{resource}");
    // What is no name is not repeated: it may hold anything.
    let entry: EntryName = name.parse().map_err(|_| ApiError::UnknownEntry("?".to_owned()))?;
    let newest = published.newest(&entry);
    let newest = newest.ok_or_else(|| ApiError::UnknownEntry(entry.to_string()))?;
    match major {
        None => Ok(newest.clone()),
        Some(major) => {
            let found = published.newest_of(&entry, major).cloned();
            found.ok_or(ApiError::UnknownVersion { entry: name, version: major.to_string() })
        }
    }
}
