//! What is wrong with a file of the catalog, and where.

use std::fmt;

use crate::printable::printable;

/// A text file that somebody else has read: the core does no input or output.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SourceFile {
    /// Its path, relative to the catalog folder, with `/`: `entries/tax/taxpayer.yaml`.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// One thing that is wrong with a file: what, where, and what to do, in both languages.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Problem {
    /// The file.
    pub path: String,
    /// Line, from 1, where one line is to blame.
    pub line: Option<u64>,
    /// Column, from 1, in characters.
    pub column: Option<u64>,
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

impl Problem {
    /// A problem of the whole file.
    pub fn of_file(path: &str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: None, column: None, zh: zh.into(), en: en.into() }
    }

    /// `path:line:column: what is wrong`, in Chinese.
    pub fn to_zh(&self) -> String {
        format!("{}: {}", self.place(), printable(&self.zh))
    }

    fn place(&self) -> String {
        match (self.line, self.column) {
            (Some(line), Some(column)) => format!("{}:{line}:{column}", self.path),
            (Some(line), None) => format!("{}:{line}", self.path),
            _ => self.path.clone(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), printable(&self.en))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_cannot_break_the_line() {
        let problem = Problem::of_file("a.yaml", "没有 `x\ny`", "there is no `x\u{1b}y`");
        assert_eq!(problem.to_zh(), "a.yaml: 没有 `x\u{fffd}y`");
        assert_eq!(problem.to_string(), "a.yaml: there is no `x\u{fffd}y`");
    }
}
