//! Every package must come under a licence that Apache-2.0 software may ship.

use anyhow::{Result, bail};

use crate::workspace::Metadata;

/// Licences that ask for no more than notice. Copyleft ones are not among them.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "OpenSSL",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Zlib",
    "bzip2-1.0.6",
];

/// Fails with the list of packages whose licence is not allowed.
pub fn check(metadata: &Metadata) -> Result<usize> {
    let mut refused = Vec::new();
    for package in &metadata.packages {
        match &package.license {
            Some(expression) if is_allowed(expression) => {}
            Some(expression) => {
                refused.push(format!("{} {}: {expression}", package.name, package.version));
            }
            None => refused.push(format!(
                "{} {}: no licence expression (licence file: {:?})",
                package.name, package.version, package.license_file
            )),
        }
    }
    if !refused.is_empty() {
        bail!("packages under a licence that is not allowed:\n  {}", refused.join("\n  "));
    }
    Ok(metadata.packages.len())
}

/// Whether an SPDX expression can be met with allowed licences alone. The old `MIT/Apache-2.0`
/// means `OR`.
fn is_allowed(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let allowed = any(&mut rest);
    allowed && rest.is_empty()
}

/// `term OR term …`
fn any(words: &mut &[&str]) -> bool {
    let mut allowed = all(words);
    while words.first() == Some(&"OR") {
        *words = &words[1..];
        allowed |= all(words);
    }
    allowed
}

/// `licence AND licence …`
fn all(words: &mut &[&str]) -> bool {
    let mut allowed = one(words);
    while words.first() == Some(&"AND") {
        *words = &words[1..];
        allowed &= one(words);
    }
    allowed
}

/// A licence, with or without exception, or an expression in brackets.
fn one(words: &mut &[&str]) -> bool {
    let Some((&first, rest)) = words.split_first() else { return false };
    *words = rest;
    if first == "(" {
        let allowed = any(words);
        let closed = words.first() == Some(&")");
        *words = words.get(1..).unwrap_or_default();
        return allowed && closed;
    }
    if let ["WITH", exception, rest @ ..] = *words {
        *words = rest;
        return ALLOWED.contains(&format!("{first} WITH {exception}").as_str());
    }
    ALLOWED.contains(&first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expression: &str, expected: bool) {
        assert_eq!(is_allowed(expression), expected, "{expression}");
    }

    #[test]
    fn licence_expressions() {
        check("MIT", true);
        check("MIT/Apache-2.0", true);
        check("GPL-3.0-only", false);
        check("GPL-3.0-only OR MIT", true);
        check("GPL-3.0-only AND MIT", false);
        check("(MIT OR GPL-2.0-only) AND ISC", true);
        check("Apache-2.0 WITH LLVM-exception OR GPL-2.0-only", true);
        check("GPL-2.0-only WITH Classpath-exception-2.0", false);
        check("(MIT", false);
        check("", false);
    }
}
