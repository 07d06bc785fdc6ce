//! Names of the files.

use sha2::{Digest, Sha256};
use yiku_connector::Parcel;

use super::config::SinkConfig;

/// The name of a parcel's file: the same for the same parcel and for no other.
pub(crate) fn of(config: &SinkConfig, parcel: &Parcel) -> String {
    let key = &parcel.idempotency_key;
    let mut shown = plain(key);
    if shown != **key || shown.len() > KEY_BYTES_MAX {
        // Two keys may look alike once they are plain; their digests do not.
        let digest = Sha256::digest(key.as_bytes());
        shown.truncate(KEY_BYTES_MAX);
        shown.push('-');
        digest[..8].iter().for_each(|byte| shown.push_str(&format!("{byte:02x}")));
    }
    let first = parcel.changes.first().map_or(0, |change| change.number);
    let mut subject = plain(&parcel.subject);
    subject.truncate(KEY_BYTES_MAX);
    let name = config
        .name
        .replace("{subject}", &subject)
        .replace("{first}", &format!("{first:012}"))
        .replace("{key}", &shown);
    format!("{name}.{}", config.format.extension())
}

/// Only what every file system takes: ASCII letters, digits, `.`, `_`, `-`.
fn plain(text: &str) -> String {
    let sign = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    text.chars().map(sign).collect()
}

/// Bytes of a key or a subject in a name.
const KEY_BYTES_MAX: usize = 80;

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use yiku_core::batch::Cells;

    use super::*;
    use crate::sink::config::{Encoding, Format};

    #[track_caller]
    fn check(key: &str, subject: &str, expected: &str) {
        let name = "{subject}-{first}-{key}".into();
        let (folder, format) = (PathBuf::new(), Format::Csv);
        let config = SinkConfig { folder, format, encoding: Encoding::Utf8, name };
        let parcel = Parcel {
            idempotency_key: key.into(),
            subject: subject.into(),
            columns: [].into(),
            key: [].into(),
            changes: [].into(),
            cells: Cells::new(0).into(),
        };
        assert_eq!(of(&config, &parcel), expected);
    }

    #[test]
    fn names_are_plain_and_differ() {
        check("k-1", "population.person", "population.person-000000000000-k-1.csv");
        check("a:1", "a/b", "a-b-000000000000-a-1-2b2c40a6706d9e5f.csv");
        check("a/1", "a/b", "a-b-000000000000-a-1-773232abe9343f0e.csv");
    }
}
