//! 行政区划代码: six digits (GB/T 2260), nine for towns and streets, twelve for villages and
//! communities (statistical codes).

use std::{collections::HashSet, fmt};

use super::{Fault, ascii, characters};

/// A division code of right form. Whether it exists is what a [`DivisionSet`] knows.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Division {
    digits: [u8; 12],
    length: u8,
}

/// The form.
pub const PATTERN: &str = "^[1-9][0-9]{5}([0-9]{3}([0-9]{3})?)?$";

impl Division {
    /// Reads six, nine or twelve digits.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        check(text.as_bytes())?;
        let mut digits = [b'0'; 12];
        digits[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self { digits, length: text.len() as u8 })
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        ascii(&self.digits[..usize::from(self.length)])
    }

    /// The first six digits.
    pub fn county(&self) -> &str {
        ascii(&self.digits[..6])
    }

    /// Whether this is `other` or lies in it: 431302001 lies in 431302, 431300 and 430000.
    pub fn is_under(&self, other: &Self) -> bool {
        self.as_str().starts_with(significant(other.as_str()))
    }
}

impl fmt::Display for Division {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Checks the form.
pub fn check(text: &[u8]) -> Result<(), Fault> {
    if let Some(index) = text.iter().position(|byte| !byte.is_ascii_digit()) {
        return Err(Fault::Character { position: 1 + characters(&text[..index]) });
    }
    match text.len() {
        _ if text.first() == Some(&b'0') => Err(Fault::Character { position: 1 }),
        6 | 9 | 12 => Ok(()),
        length => {
            let expected = if length < 9 { 6 } else { (length as u32 / 3 * 3).min(12) };
            Err(Fault::Length { actual: length as u32, expected })
        }
    }
}

/// The digits that say something: 430000 → 43, 431300 → 4313, 431302 and longer → themselves.
pub fn significant(code: &str) -> &str {
    match code.len() {
        6 if code.ends_with("0000") => &code[..2],
        6 if code.ends_with("00") => &code[..4],
        _ => code,
    }
}

/// The divisions that exist or existed.
///
/// Towns and villages are known for some counties only. A code of nine or twelve digits is
/// unknown when its county is, or when towns (villages) of its county (town) are known and it
/// is none of them.
#[derive(Clone, Debug, Default)]
pub struct DivisionSet {
    /// One bit per code of six digits, from 100000 to 999999.
    counties: Vec<u64>,
    below: HashSet<u64, ahash::RandomState>,
    detailed: HashSet<u64, ahash::RandomState>,
}

impl DivisionSet {
    /// Makes the set of these codes; texts that are no division codes are left out.
    pub fn new<'a>(codes: impl IntoIterator<Item = &'a str>) -> Self {
        let mut set = Self { counties: vec![0; 1_000_000 / 64 + 1], ..Self::default() };
        for code in codes.into_iter().filter(|code| check(code.as_bytes()).is_ok()) {
            let number = number(code.as_bytes());
            if code.len() == 6 {
                set.counties[number as usize / 64] |= 1 << (number % 64);
            } else {
                set.below.insert(number);
                set.detailed.insert(number / 1000);
            }
        }
        set
    }

    /// Whether a code of right form is known. An empty set knows everything.
    pub fn knows(&self, code: &[u8]) -> bool {
        let number = number(code);
        match code.len() {
            _ if self.counties.is_empty() => true,
            6 => self.knows_county(number),
            9 => self.knows_town(number),
            _ => {
                self.knows_town(number / 1000)
                    && (self.below.contains(&number) || !self.detailed.contains(&(number / 1000)))
            }
        }
    }

    fn knows_town(&self, number: u64) -> bool {
        self.knows_county(number / 1000)
            && (self.below.contains(&number) || !self.detailed.contains(&(number / 1000)))
    }

    fn knows_county(&self, number: u64) -> bool {
        self.counties[number as usize / 64] >> (number % 64) & 1 == 1
    }
}

fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit & 15))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let actual = match Division::parse(text) {
            Ok(code) => code.to_string(),
            Err(fault) => fault.to_string(),
        };
        assert_eq!(actual, expected);
    }

    #[test]
    fn divisions() {
        check("431302", "431302");
        check("431302001", "431302001");
        check("431302001001", "431302001001");
        check("43130", "5 characters, not 6");
        check("4313020010", "10 characters, not 9");
        check("4313020010011", "13 characters, not 12");
        check("", "0 characters, not 6");
        check("43130Z", "character 6 cannot stand there");
        check("４31302", "character 1 cannot stand there");
        check("031302", "character 1 cannot stand there");
    }

    #[test]
    fn lying_in() {
        let under = |a, b| Division::parse(a).unwrap().is_under(&Division::parse(b).unwrap());
        assert!(under("431302001", "431302") && under("431302", "431300"));
        assert!(under("431302001001", "430000") && under("431302", "431302"));
        assert!(!under("431302", "431302001") && !under("431321", "431302"));
    }

    #[test]
    fn known_divisions() {
        let codes = ["431300", "431302", "431302001", "431302001001", "432501", "110101"];
        let set = DivisionSet::new(codes);
        for known in codes.into_iter().chain(["110101001", "110101001001"]) {
            assert!(set.knows(known.as_bytes()), "{known}");
        }
        for unknown in ["431399", "431302002", "431302002001", "431302001002", "431399001"] {
            assert!(!set.knows(unknown.as_bytes()), "{unknown}");
        }
        assert!(DivisionSet::default().knows(b"999999"));
    }
}
