//! Bodies of pushes.

use serde_json::value::RawValue;
use yiku_api::{
    push_body::{BodyError, Format, Packing, read, unpack},
    push_mapping,
};
use yiku_core::batch::Batch;

use crate::{folder, mapping, message, told::told};

/// Words that the parser looks for.
pub const WORDS: &[&str] = &[
    "application/json",
    "application/x-ndjson",
    "text/csv",
    "; gzip",
    "\n",
    "\r\n",
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "null",
    "true",
    "_operation",
    "upsert",
    "delete",
    "citizen_id",
    "name",
    "\\u0000",
    "\\ud800",
    "1e999",
    "NaN",
    "431302199003070014",
    "４３１３０２",
    "\u{feff}",
    "\"\"",
    "99999999999999999999999",
    "\0",
];

/// The first line is the content type, perhaps with `; gzip` for a packed body; the rest the body.
pub fn run(bytes: &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    // The server takes no other header.
    let visible = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    let first = std::str::from_utf8(&bytes[..end]).unwrap_or_default();
    if !first.as_bytes().iter().all(visible) {
        return;
    }
    let body = bytes.get(end + 1..).unwrap_or_default();
    if let Err(error) = take(first, body) {
        message::check(&error.to_string());
        message::check(&error.zh());
    }
}

fn take(content_type: &str, body: &[u8]) -> Result<(), BodyError> {
    let format = Format::of(content_type)?;
    let encoding = content_type.split_once(';').map(|(_, encoding)| encoding);
    let body = unpack(Packing::of(encoding)?, body.to_vec(), BODY_BYTES_MAX)?;
    let batch = read(format, &body, "push")?;
    let rows = told([&batch]);
    let again = read(format, &body, "push")?;
    assert_eq!(rows, told([&again]), "a second reading gives other rows");
    count(format, &body, &batch);
    let contract = folder::contract("public-security/household");
    mapping::check_rows(contract, &push_mapping(contract, &batch.header), &batch);
    Ok(())
}

/// No row of a body is lost.
fn count(format: Format, body: &[u8], batch: &Batch) {
    let text = std::str::from_utf8(body).expect("it was read");
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match format {
        Format::Ndjson => {
            let lines = text.split('\n').filter(|line| !line.trim().is_empty());
            assert_eq!(batch.len(), lines.count(), "each line is a row");
        }
        Format::Json => {
            let rows: Vec<&RawValue> = serde_json::from_str(text).expect("it was read");
            assert_eq!(batch.len(), rows.len(), "each element is a row");
        }
        Format::Csv if !text.contains('"') => {
            let lines = text.split(['\n', '\r']).filter(|line| !line.is_empty());
            assert_eq!(batch.len(), lines.count() - 1, "each line below the header is a row");
        }
        Format::Csv => {}
    }
}

/// Small, so that small inputs meet it.
const BODY_BYTES_MAX: usize = 64 << 10;
