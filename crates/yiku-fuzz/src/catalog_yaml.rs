//! The other files of the catalog: code lists, departments, libraries, grants.

use std::fmt::Debug;

use yiku_core::{code_list, department, grant, library, problem::Problem};

use crate::{folder::CATALOG, message};

/// Words that the parser looks for.
pub const WORDS: &[&str] = &[
    "codelist:",
    "codes:",
    "departments:",
    "library:",
    "entities:",
    "key:",
    "items:",
    "from:",
    "grant:",
    "to:",
    "of:",
    "rows:",
    "masks:",
    "quota:",
    "period:",
    "approved:",
    "under:",
    "ends:",
    "{",
    "}",
    "[",
    "]",
    "\"",
    ": ",
    "- ",
    "\n",
    "  ",
    "&a",
    "*a",
    "\\u0000",
    "2026-12-01",
    "18446744073709551616",
    "-1",
    "~",
    "first-only",
    "91431300MA4L0AB12X",
];

/// Reads the bytes as a file of each kind; twice, to the same.
pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (lists, entries) = (&CATALOG.lists, &CATALOG.entries);
    check(text, || code_list::parse("codelists/sex.yaml", text, |_| Some("code,zh\n1,男\n")));
    check(text, || department::parse("departments.yaml", text, lists));
    check(text, || library::parse("libraries/population.yaml", text, entries, lists));
    check(text, || grant::parse("grants/housing-fund-population.yaml", text));
}

fn check<T: Debug + PartialEq>(text: &str, read: impl Fn() -> Result<T, Vec<Problem>>) {
    let first = read();
    if let Err(problems) = &first {
        message::check_problems(problems, text);
    }
    assert_eq!(first, read(), "a second reading finds something else");
}
