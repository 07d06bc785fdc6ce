//! Workbooks of a folder that is watched.

use std::{fs, fs::File, panic, sync::Once, thread};

use connector_files::read_workbook;
use tempfile::NamedTempFile;
use yiku_connector::{Limits, PullLimit};

use crate::{
    told::{Told, told},
    workbook::workbook,
};

/// Words that the parser looks for.
pub const WORDS: &[&str] = &[
    "<row r=\"1\">",
    "</row>",
    "<c r=\"A1\" t=\"s\">",
    "<c r=\"B2\" t=\"inlineStr\">",
    "<v>",
    "</v>",
    "<is><t>",
    "</t></is>",
    "</c>",
    "XFD1048576",
    " t=\"e\"",
    " t=\"b\"",
    " t=\"str\"",
    " s=\"1\"",
    "1e999",
    "NaN",
    "-1",
    "431302199003070014",
    "<mergeCell ref=\"A1:B2\"/>",
    "<dimension ref=\"A1:XFD1048576\"/>",
    "<f>1+1</f>",
    "&lt;",
    "&#x41;",
    "<![CDATA[",
    "0.1",
    "4294967296",
    "\n====\n",
    "_x0000_",
    "numFmtId=\"14\"",
    "count=\"4294967295\"",
];

/// Reads the bytes as a workbook, or as the XML of a sheet, which is put in one.
pub fn run(bytes: &[u8]) {
    pass_over_panics_of_the_reader();
    let packed = bytes.starts_with(b"PK").then(|| bytes.to_vec());
    let packed = packed.unwrap_or_else(|| workbook(bytes));
    thread_local! {
        static FILE: NamedTempFile = NamedTempFile::new().expect("a temporary file");
    }
    FILE.with(|file| {
        fs::write(file.path(), &packed).expect("a temporary file can be written to");
        let read = |limit| -> Vec<Told> {
            // Opened anew: a clone would share its place with an earlier reader.
            let file = File::open(file.path()).expect("a temporary file can be read");
            told(&read_workbook(file, LIMITS, limit))
        };
        let whole = read(PullLimit::default());
        let parts = read(PullLimit { rows: 1, bytes: 1 });
        assert_eq!(whole, parts, "read in parts the rows are others");
    });
}

/// The reader of workbooks runs in a thread of its own, whose panic is reported as a damaged
/// workbook: no finding. Where panics abort, as under libFuzzer, it must not be seen there.
fn pass_over_panics_of_the_reader() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if thread::current().name() != Some("yiku-xlsx") {
                before(info);
            }
        }));
    });
}

/// Small, so that small inputs meet them.
const LIMITS: Limits = Limits {
    file_bytes_max: 1 << 20,
    record_bytes_max: 512,
    columns_max: 16,
    workbook_bytes_max: 1 << 20,
};
