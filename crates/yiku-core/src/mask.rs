//! Masks: what is left of a value where it may not be seen whole.

use std::str::FromStr;

/// How a value is hidden.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Mask {
    /// Shown as it is.
    #[default]
    None,
    /// The first and the last characters stay, the middle becomes `*`: `keep-6-4`.
    Keep {
        /// Characters kept at the front.
        first: u8,
        /// Characters kept at the end.
        last: u8,
    },
    /// Only the first character stays: 李**. For names.
    FirstOnly,
    /// Only the year of a date stays, as `yyyy-01-01`.
    YearOnly,
    /// The county of a division code or address stays.
    County,
    /// A keyed digest: equal values stay equal, under a key of the grantee's own.
    Pseudonym,
    /// Nothing stays: the receiver sees NULL.
    Blank,
}

impl Mask {
    /// The mask as it is written: `keep-6-4`, `first-only`.
    pub fn to_text(self) -> String {
        match self {
            Self::None => "none".into(),
            Self::Keep { first, last } => format!("keep-{first}-{last}"),
            Self::FirstOnly => "first-only".into(),
            Self::YearOnly => "year-only".into(),
            Self::County => "county".into(),
            Self::Pseudonym => "pseudonym".into(),
            Self::Blank => "blank".into(),
        }
    }

    /// The mask for lists that people read: a date of which only the year stays must not look like
    /// a day.
    pub fn for_people(self) -> Self {
        match self {
            Self::YearOnly => Self::Keep { first: 4, last: 0 },
            mask => mask,
        }
    }

    /// Writes the masked value at the end of `out` and returns true, or returns false for NULL.
    /// `key` is the grantee's, for pseudonyms.
    pub fn apply(self, value: &str, key: &[u8], out: &mut String) -> bool {
        let count = value.chars().count();
        match self {
            Self::None => out.push_str(value),
            Self::Blank => return false,
            Self::FirstOnly => keep(value, count, 1, 0, out),
            Self::Keep { first, last } => keep(value, count, first.into(), last.into(), out),
            Self::YearOnly => {
                out.push_str(value.get(..4).unwrap_or("0001"));
                out.push_str("-01-01");
            }
            Self::County => out.extend(value.chars().take(6)),
            Self::Pseudonym => pseudonym(value, key, out),
        }
        true
    }
}

/// Keeps `first` and `last` characters; a value too short for both keeps only its first
/// character, so that no short value is shown whole.
fn keep(value: &str, count: usize, first: usize, last: usize, out: &mut String) {
    let (first, last) = if count > first + last { (first, last) } else { (count.min(2) / 2, 0) };
    for (index, character) in value.chars().enumerate() {
        out.push(if index < first || index >= count - last { character } else { '*' });
    }
}

fn pseudonym(value: &str, key: &[u8], out: &mut String) {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).expect("HMAC takes any key");
    mac.update(value.as_bytes());
    for byte in &mac.finalize().into_bytes()[..16] {
        out.push_str(&format!("{byte:02x}"));
    }
}

impl FromStr for Mask {
    type Err = InvalidMask;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "none" => Self::None,
            "first-only" => Self::FirstOnly,
            "year-only" => Self::YearOnly,
            "county" => Self::County,
            "pseudonym" => Self::Pseudonym,
            "blank" => Self::Blank,
            _ => text
                .strip_prefix("keep-")
                .and_then(|rest| rest.split_once('-'))
                .and_then(|(first, last)| {
                    Some(Self::Keep { first: first.parse().ok()?, last: last.parse().ok()? })
                })
                .ok_or_else(|| InvalidMask(text.to_owned()))?,
        })
    }
}

/// The text is no mask.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not a mask: none, first-only, keep-N-M, year-only, county, pseudonym, blank")]
pub struct InvalidMask(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(mask: &str, value: &str, expected: &str) {
        let mut out = String::new();
        let shown = mask.parse::<Mask>().unwrap().apply(value, b"key", &mut out);
        assert_eq!(if shown { out.as_str() } else { "NULL" }, expected);
    }

    #[test]
    fn masks() {
        check("keep-6-4", "431302197407073941", "431302********3941");
        check("keep-6-4", "12345", "1****");
        check("first-only", "李娜", "李*");
        check("first-only", "李", "*");
        check("year-only", "1974-07-07", "1974-01-01");
        check("county", "431302001", "431302");
        check("blank", "x", "NULL");
        assert_eq!("keep-6-4".parse::<Mask>().unwrap().to_text(), "keep-6-4");
        assert!("keep".parse::<Mask>().is_err());
    }
}
