//! How far the relay came: what it writes on the bus in the append that carries its rows.
//!
//! A record holds all positions, so that the newest one is enough, and is sealed by the
//! installation's key: who may write to the topic and has not the key cannot move the relay. An
//! earlier record that is written again has an earlier number.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    digest::Digester,
    text_bytes::{from_hex, to_hex},
};

/// How far the relay came in every entity's changes.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RelayPosition {
    /// Rises by one from append to append.
    pub number: u64,
    /// The installation's life: in another one change numbers tell another story.
    pub incarnation: String,
    /// By entity, `population.person`.
    pub entities: BTreeMap<String, Relayed>,
}

/// How far one entity is relayed.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Relayed {
    /// The number of the last change that its topic tells of.
    pub change: u64,
    /// The id of its topic on the bus; empty until it is known.
    pub topic_id: String,
    /// The offset behind the relay's last row there.
    pub end: u64,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    position: RelayPosition,
    seal: String,
}

impl RelayPosition {
    /// The bytes, as the bus holds them.
    pub fn to_bytes(&self, digester: &Digester) -> Vec<u8> {
        let sealed = Sealed { position: self.clone(), seal: to_hex(&self.seal(digester)) };
        serde_json::to_vec(&sealed).expect("strings and numbers always serialise")
    }

    /// Reads bytes from the bus; `None` when who wrote them had not the installation's key.
    pub fn parse(bytes: &[u8], digester: &Digester) -> Option<Self> {
        let Sealed { position, seal } = serde_json::from_slice(bytes).ok()?;
        let seal = from_hex(&seal)?;
        (seal == position.seal(digester)).then_some(position)
    }

    fn seal(&self, digester: &Digester) -> crate::tree::Hash {
        let bytes = serde_json::to_vec(self).expect("strings and numbers always serialise");
        digester.bytes("relay-position", &bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_moves_a_position() {
        let (own, other) = (Digester::new(b"own"), Digester::new(b"other"));
        let relayed = Relayed { change: 7, topic_id: "t".into(), end: 9 };
        let entities = [("population.person".to_owned(), relayed)].into();
        let position = RelayPosition { number: 3, incarnation: "i".into(), entities };
        let bytes = position.to_bytes(&own);
        assert_eq!(RelayPosition::parse(&bytes, &own), Some(position.clone()));
        assert_eq!(RelayPosition::parse(&bytes, &other), None);
        let moved = String::from_utf8(bytes).unwrap().replace("\"change\":7", "\"change\":8");
        assert_eq!(RelayPosition::parse(moved.as_bytes(), &own), None);
        assert_eq!(RelayPosition::parse(b"{}", &own), None);
    }
}
