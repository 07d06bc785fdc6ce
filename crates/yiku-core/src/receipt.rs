//! Receipts: what was done, by whom, to which rows. Written once, hashed and signed later.
//!
//! The bytes are JSON without whitespace, fields in the order of [`Receipt`], absent ones left
//! out, whole numbers and strings only. They are canonical: what [`Receipt::parse`] takes gives the
//! same bytes again, so that a hash over the bytes is a hash over what they say. A receipt holds no
//! personal data: rows are named by offsets and by the root over their keyed digests.

use std::{collections::BTreeMap, fmt, str::FromStr};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    text_bytes::{from_hex, to_hex},
    tree::Hash,
};

/// One receipt. `number` and `incarnation` are given by who writes it, in the deed's transaction.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Version of this form: [`Receipt::VERSION`].
    pub v: u32,
    /// Which life of the installation: a restore starts another.
    pub incarnation: String,
    /// Who counts: `line/household/1`, `merge/population`, `subscription/…`, `node/api`.
    pub stream: String,
    /// Place in the stream, from 1 without gaps.
    pub number: u64,
    /// When, in milliseconds since 1970; written as RFC 3339 in UTC.
    #[serde(with = "moment")]
    pub at: i64,
    /// What was done.
    pub deed: Deed,
    /// Who did it: `token:<name>`, `operator`, `hub`.
    pub actor: String,
    /// The department on whose behalf or about whose data.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub department: Option<String>,
    /// The resource with its version, `public-security/household@1.2.0`, or the library's entity,
    /// `population.person`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub entry: Option<String>,
    /// The grant under which data was handed out or refused.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub grant: Option<String>,
    /// What for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub purpose: Option<String>,
    /// The offsets taken or written.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub ranges: Vec<Range>,
    /// Counts by name, such as `pulled`, `accepted`, `rejected`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub counts: BTreeMap<String, u64>,
    /// Merkle root over the rows' digests (see [`crate::tree`]).
    #[serde(with = "hash", skip_serializing_if = "Option::is_none", default)]
    pub rows_root: Option<Hash>,
    /// How it ended.
    pub result: Outcome,
    /// Anything else worth knowing, without personal data.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub note: String,
}

impl Receipt {
    /// The form written today.
    pub const VERSION: u32 = 1;

    /// A receipt of a deed that went well. Number and incarnation are still to be given.
    pub fn new(
        stream: impl Into<String>,
        deed: Deed,
        actor: impl Into<String>,
        at_ms: i64,
    ) -> Self {
        Self {
            v: Self::VERSION,
            incarnation: String::new(),
            stream: stream.into(),
            number: 0,
            at: at_ms,
            deed,
            actor: actor.into(),
            department: None,
            entry: None,
            grant: None,
            purpose: None,
            ranges: Vec::new(),
            counts: BTreeMap::new(),
            rows_root: None,
            result: Outcome::Ok,
            note: String::new(),
        }
    }

    /// The canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and numbers always serialise")
    }

    /// Reads canonical bytes. Refuses another version, unknown fields and any other form of the
    /// same content.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidReceipt> {
        let receipt: Self =
            serde_json::from_slice(bytes).map_err(|_| InvalidReceipt::Unreadable)?;
        if receipt.v != Self::VERSION {
            return Err(InvalidReceipt::Version(receipt.v));
        }
        if receipt.to_bytes() != bytes {
            return Err(InvalidReceipt::Form);
        }
        Ok(receipt)
    }

    /// A count by name; 0 when it is not there.
    pub fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }
}

/// Bytes that are no receipt.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidReceipt {
    /// Not JSON with the fields of a receipt.
    #[error("not a receipt: unreadable, or a field is missing, unknown or of another type")]
    Unreadable,
    /// A receipt of a newer hub.
    #[error("receipt of form {0}: this hub reads form 1")]
    Version(u32),
    /// The content of a receipt in other bytes.
    #[error("not the receipt's canonical bytes: whitespace, order or escapes differ")]
    Form,
}

/// Offsets `from` up to, not including, `to`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The bus, by its id.
    pub bus: String,
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// First offset.
    pub from: u64,
    /// The offset after the last one.
    pub to: u64,
}

/// What was done.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// Rows were checked and put on the bus.
    Publish,
    /// Rows were merged into a library.
    Merge,
    /// Changes of a library were put on its topic.
    Relay,
    /// A delivery was formed and is being sent.
    Freeze,
    /// The outcome of a delivery is known.
    Settle,
    /// Parked changes of a delivery go out again.
    Retry,
    /// Parked changes of a delivery will not go out.
    Discard,
    /// Data was read.
    Query,
    /// A request was refused.
    Refuse,
    /// Something was approved.
    Approve,
    /// An entry version was published.
    CatalogPublish,
    /// A connector was registered or changed.
    ConnectorAdd,
    /// A connector was removed.
    ConnectorRemove,
    /// A connector was paused.
    ConnectorPause,
    /// A connector was resumed.
    ConnectorResume,
    /// A source was set to another position.
    PositionEdit,
    /// Cells of a rejected row were edited.
    QuarantineFix,
    /// Rejected rows were returned to their department.
    QuarantineReturn,
    /// Returned rows came back corrected.
    QuarantineImport,
    /// Rejected rows were dropped.
    QuarantineDrop,
    /// Rejected rows were queued to go in again.
    Redrive,
    /// Rows gone from a full pull were deleted.
    Sweep,
    /// A sweep waits for a person.
    SweepHold,
    /// A token was made.
    TokenAdd,
    /// A token was revoked.
    TokenRevoke,
    /// Old records were removed from the bus.
    Retain,
}

impl Deed {
    /// All of them.
    pub const ALL: [Self; 26] = [
        Self::Publish,
        Self::Merge,
        Self::Relay,
        Self::Freeze,
        Self::Settle,
        Self::Retry,
        Self::Discard,
        Self::Query,
        Self::Refuse,
        Self::Approve,
        Self::CatalogPublish,
        Self::ConnectorAdd,
        Self::ConnectorRemove,
        Self::ConnectorPause,
        Self::ConnectorResume,
        Self::PositionEdit,
        Self::QuarantineFix,
        Self::QuarantineReturn,
        Self::QuarantineImport,
        Self::QuarantineDrop,
        Self::Redrive,
        Self::Sweep,
        Self::SweepHold,
        Self::TokenAdd,
        Self::TokenRevoke,
        Self::Retain,
    ];

    /// The word as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Merge => "merge",
            Self::Relay => "relay",
            Self::Freeze => "freeze",
            Self::Settle => "settle",
            Self::Retry => "retry",
            Self::Discard => "discard",
            Self::Query => "query",
            Self::Refuse => "refuse",
            Self::Approve => "approve",
            Self::CatalogPublish => "catalog-publish",
            Self::ConnectorAdd => "connector-add",
            Self::ConnectorRemove => "connector-remove",
            Self::ConnectorPause => "connector-pause",
            Self::ConnectorResume => "connector-resume",
            Self::PositionEdit => "position-edit",
            Self::QuarantineFix => "quarantine-fix",
            Self::QuarantineReturn => "quarantine-return",
            Self::QuarantineImport => "quarantine-import",
            Self::QuarantineDrop => "quarantine-drop",
            Self::Redrive => "redrive",
            Self::Sweep => "sweep",
            Self::SweepHold => "sweep-hold",
            Self::TokenAdd => "token-add",
            Self::TokenRevoke => "token-revoke",
            Self::Retain => "retain",
        }
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Deed {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|word| word.as_str() == text);
        found.ok_or_else(|| UnknownWord {
            word: text.to_owned(),
            known: Self::ALL.map(Self::as_str).join(", "),
        })
    }
}

/// How a deed ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was done.
    Ok,
    /// It was not allowed.
    Refused,
    /// It was tried and did not work.
    Failed,
    /// Sent, and no answer came.
    Unknown,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Refused, Self::Failed, Self::Unknown];

    /// The word as it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Outcome {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|word| word.as_str() == text);
        found.ok_or_else(|| UnknownWord {
            word: text.to_owned(),
            known: Self::ALL.map(Self::as_str).join(", "),
        })
    }
}

/// A word that stands for nothing here.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{word}` is none of: {known}")]
pub struct UnknownWord {
    word: String,
    known: String,
}

/// Milliseconds since 1970 as RFC 3339 in UTC.
pub fn moment_text(at_ms: i64) -> String {
    let at = DateTime::<Utc>::from_timestamp_millis(at_ms).unwrap_or_default();
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

mod moment {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::{DateTime, moment_text};

    pub(super) fn serialize<S: Serializer>(at: &i64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&moment_text(*at))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
        let text = String::deserialize(from)?;
        let at = DateTime::parse_from_rfc3339(&text).map_err(|_| D::Error::custom("no time"))?;
        Ok(at.timestamp_millis())
    }
}

mod hash {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::{Hash, from_hex, to_hex};

    pub(super) fn serialize<S: Serializer>(hash: &Option<Hash>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&to_hex(hash.as_ref().expect("absent hashes are left out")))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Hash>, D::Error> {
        let text = String::deserialize(from)?;
        let bytes = from_hex(&text).and_then(|bytes| bytes.try_into().ok());
        bytes.map(Some).ok_or_else(|| D::Error::custom("no hash"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Receipt {
        let mut receipt = Receipt::new("line/household/1", Deed::Publish, "hub", 1_795_000_000_123);
        receipt.incarnation = "i1".into();
        receipt.number = 7;
        receipt.entry = Some("public-security/household@1.2.0".into());
        receipt.ranges.push(Range {
            bus: "b1".into(),
            topic: "entry.public-security.household".into(),
            partition: 0,
            from: 10,
            to: 12,
        });
        receipt.counts = [("rejected".into(), 1), ("accepted".into(), 2)].into();
        receipt.rows_root = Some([0xab; 32]);
        receipt.note = "甲 \"乙\"".into();
        receipt
    }

    #[test]
    fn the_bytes_are_fixed() {
        let text = String::from_utf8(sample().to_bytes()).expect("JSON is UTF-8");
        let expected = concat!(
            r#"{"v":1,"incarnation":"i1","stream":"line/household/1","number":7,"#,
            r#""at":"2026-11-18T11:06:40.123Z","deed":"publish","actor":"hub","#,
            r#""entry":"public-security/household@1.2.0","#,
            r#""ranges":[{"bus":"b1","topic":"entry.public-security.household","#,
            r#""partition":0,"from":10,"to":12}],"counts":{"accepted":2,"rejected":1},"#,
            r#""rows_root":"abababababababababababababababababababababababababababababababab","#,
            r#""result":"ok","note":"甲 \"乙\""}"#,
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn canonical_bytes_come_back() {
        let mut bare = Receipt::new("s", Deed::Refuse, "token:x", 0);
        bare.result = Outcome::Refused;
        for receipt in [sample(), bare] {
            assert_eq!(Receipt::parse(&receipt.to_bytes()), Ok(receipt));
        }
    }

    #[track_caller]
    fn check_refused(change: impl Fn(String) -> String, expected: &str) {
        let text = String::from_utf8(sample().to_bytes()).expect("JSON is UTF-8");
        let changed = change(text.clone());
        assert_ne!(text, changed, "the test must change something");
        let error = Receipt::parse(changed.as_bytes()).expect_err("not canonical");
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn anything_else_is_refused() {
        let form = "not the receipt's canonical bytes: whitespace, order or escapes differ";
        let unreadable =
            "not a receipt: unreadable, or a field is missing, unknown or of another type";
        check_refused(|text| text.replace("\"v\":1,", "\"v\": 1,"), form);
        check_refused(|text| text.replace(".123Z", ".123+00:00"), form);
        check_refused(
            |text| text.replace(r#""accepted":2,"rejected":1"#, r#""rejected":1,"accepted":2"#),
            form,
        );
        check_refused(|text| text.replace("甲", "\\u7532"), form);
        check_refused(|text| text.replace("\"ok\"", "\"fine\""), unreadable);
        check_refused(|text| text.replace("\"v\":1", "\"x\":1,\"v\":1"), unreadable);
        check_refused(|text| text.replace("abab", "ABAB"), unreadable);
        check_refused(
            |text| text.replace("\"v\":1", "\"v\":2"),
            "receipt of form 2: this hub reads form 1",
        );
    }

    #[test]
    fn words_come_back() {
        for deed in Deed::ALL {
            assert_eq!(deed.as_str().parse(), Ok(deed));
            assert_eq!(serde_json::to_value(deed).expect("a word"), deed.as_str());
        }
        for result in Outcome::ALL {
            assert_eq!(result.as_str().parse(), Ok(result));
            assert_eq!(serde_json::to_value(result).expect("a word"), result.as_str());
        }
        let error = "done".parse::<Outcome>().expect_err("no such word");
        assert_eq!(error.to_string(), "`done` is none of: ok, refused, failed, unknown");
    }
}
