//! Files of catalog entries.

use std::sync::Arc;

use yiku_core::{
    contract::Contract,
    derive,
    entry::{self, compatibility},
};

use crate::{folder::CATALOG, message};

/// Words that the parser looks for.
pub const WORDS: &[&str] = &[
    "entry:",
    "version:",
    "items:",
    "key:",
    "rules:",
    "type:",
    "length:",
    "pattern:",
    "list:",
    "required:",
    "feeds:",
    "examples:",
    "order_by:",
    "mask:",
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
    "!!str",
    "|",
    ">",
    "---",
    "\\u0000",
    "\\e",
    "\t",
    "1.0.0",
    "18446744073709551616",
    "-1",
    "NaN",
    "decimal",
    "datetime",
    "citizen-id",
    "code",
    "(((",
    "(?i)",
    "公民身份号码",
    "~",
];

/// Reads the bytes as an entry's file. What is read must compile and give its derived forms.
pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let entry = match entry::parse(PATH, text, &CATALOG.lists) {
        Ok(entry) => entry,
        Err(problems) => {
            message::check_problems(&problems, text);
            let again = entry::parse(PATH, text, &CATALOG.lists).err();
            return assert_eq!(again, Some(problems), "a second reading finds something else");
        }
    };
    let differences = compatibility::compare(&entry, &entry);
    assert!(differences.is_empty(), "an entry differs from itself: {differences:?}");
    let entry = Arc::new(entry);
    match Contract::compile(Arc::clone(&entry), &CATALOG.lists) {
        Ok(_) => {
            derive::avro_schema(&entry);
            derive::json_schema(&entry, &CATALOG.lists);
            derive::csv_template(&entry);
        }
        Err(error) => message::check(&error.to_string()),
    }
}

const PATH: &str = "entries/public-security/household.yaml";
