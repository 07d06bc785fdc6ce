//! A change as a message.

use yiku_connector::{ChangeKind, Parcel, json_members::push_members};

/// The header with the parcel's idempotency key.
pub const PARCEL: &str = "yiku-parcel";
/// The header with what the parcel is of.
pub const SUBJECT: &str = "yiku-subject";
/// The header with the change's number.
pub const CHANGE: &str = "yiku-change";

/// What a message holds beside its headers.
#[derive(Debug, Eq, PartialEq)]
pub struct Body {
    /// Of one key column its text; of several a JSON object with them.
    pub key: String,
    /// A JSON object with all columns; null for a withdrawn row.
    pub value: Option<String>,
}

impl Body {
    /// The message of a change: always the same bytes for the same parcel.
    pub fn of(parcel: &Parcel, index: usize) -> Self {
        let row = parcel.cells.row(index);
        let object = |columns: &mut dyn Iterator<Item = usize>| {
            let mut text = String::from("{");
            let members = columns.map(|column| (&parcel.columns[column], row.get(column)));
            push_members(members, &mut text);
            text.push('}');
            text
        };
        let key = match *parcel.key {
            [column] => row.get(column).unwrap_or_default().to_owned(),
            _ => object(&mut parcel.key.iter().copied()),
        };
        let value = match parcel.changes[index].kind {
            ChangeKind::Upsert => Some(object(&mut (0..parcel.columns.len()))),
            ChangeKind::Withdraw => None,
        };
        Self { key, value }
    }

    /// Bytes of the message, with room for its headers.
    pub fn bytes(&self, parcel: &Parcel) -> usize {
        let value = self.value.as_ref().map_or(0, String::len);
        self.key.len() + value + parcel.idempotency_key.len() + parcel.subject.len() + OVERHEAD
    }
}

/// Names of headers, the change's number, and what Kafka itself writes around a message.
const OVERHEAD: usize = 256;
