//! Which file names are meant: `*` stands for any characters, `?` for one.
//!
//! ASCII letters match in either case, because `DATA.CSV` and `data.csv` come from the same
//! programs. No crate is needed for two signs.

use serde::{Deserialize, Deserializer, de::Error as _};

/// A pattern for the name of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Pattern(Vec<char>);

impl Pattern {
    /// Whether the whole name fits.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        let (mut at, mut star) = (0, None);
        let mut pattern_at = 0;
        // After a mismatch only the last star need take one character more: linear times linear.
        while at < name.len() {
            match self.0.get(pattern_at) {
                Some('*') => {
                    star = Some((pattern_at, at));
                    pattern_at += 1;
                }
                Some(sign) if *sign == '?' || sign.eq_ignore_ascii_case(&name[at]) => {
                    pattern_at += 1;
                    at += 1;
                }
                _ => {
                    let Some((star_at, taken)) = star else { return false };
                    star = Some((star_at, taken + 1));
                    pattern_at = star_at + 1;
                    at = taken + 1;
                }
            }
        }
        self.0[pattern_at..].iter().all(|sign| *sign == '*')
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() || text.contains('/') {
            return Err(D::Error::custom(
                "`pattern` is for the names of files in the folder, without `/`: `*.csv`",
            ));
        }
        Ok(Self(text.chars().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, name: &str, expected: bool) {
        assert_eq!(Pattern(pattern.chars().collect()).matches(name), expected, "{pattern} {name}");
    }

    #[test]
    fn names_fit_patterns() {
        check("*.csv", "a.csv", true);
        check("*.csv", "A.CSV", true);
        check("*.csv", ".csv", true);
        check("*.csv", "a.csv.ok", false);
        check("户籍_*.txt", "户籍_2026-11.txt", true);
        check("?.csv", "李.csv", true);
        check("?.csv", "ab.csv", false);
        check("a*b*c", "aXbXbc", true);
        check("a*b*c", "aXbXb", false);
        check("*", "", true);
        check("****a", &"a".repeat(200), true);
        check("a[1].csv", "a[1].csv", true);
    }
}
