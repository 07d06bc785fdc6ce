//! What a connector's file says of columns, and the rows it is put to.

use connector_files::{TextForm, TextInMemory};
use yiku_connector::{Limits, PullLimit};
use yiku_core::{
    batch::Batch,
    contract::{Contract, MappedRow},
    mapping::{Mapping, MappingSpec},
    yaml,
};

use crate::{checked_row, folder, message};

/// Words that the parser looks for.
pub const WORDS: &[&str] = &[
    "map:",
    "operation:",
    "zone:",
    "from:",
    "const:",
    "do:",
    "codes:",
    "date:",
    "trim",
    "half-width",
    "id-15-to-18",
    "digits-only",
    "blank-to-null",
    "excel",
    "unix-millis",
    "unix-seconds",
    "yyyyMMdd",
    "yyyy年M月d日",
    "yyyy-MM-dd HH:mm:ss",
    "upsert",
    "delete",
    "null",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "４３１３０２",
    "431302199003070014",
    "431302900307001",
    "45292.5",
    "99999999999999999999",
    "-1",
    "NaN",
    "\u{3000}",
    "\n---\n",
    "Asia/Urumqi",
    "0000-00-00",
];

/// The bytes are a mapping in YAML and, below a line `---`, the rows of a CSV file.
pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (yaml, csv) = text.split_once("\n---\n").unwrap_or((text, ""));
    let contract = folder::contract("public-security/household");
    let spec: MappingSpec = match yaml::read("mapping", yaml) {
        Ok(spec) => spec,
        Err(problems) => return message::check_problems(&problems, yaml),
    };
    let Some(mapping) = compile(&spec, contract) else { return };
    let form = TextForm::Delimited(b',');
    let Ok(mut reader) = TextInMemory::open(csv.as_bytes(), form, Limits::default()) else {
        return;
    };
    let (batch, _) = reader.read(PullLimit::default());
    check_rows(contract, &mapping, &batch);
}

/// Compiles a mapping; twice, with the same problems.
pub(crate) fn compile(spec: &MappingSpec, contract: &Contract) -> Option<Mapping> {
    match (Mapping::compile(Some(spec), contract), Mapping::compile(Some(spec), contract)) {
        (Ok(mapping), Ok(_)) => Some(mapping),
        (Err(problems), Err(again)) => {
            assert_eq!(problems, again);
            message::check_problems(&problems, "");
            None
        }
        _ => panic!("the mapping compiles only sometimes"),
    }
}

/// Maps every row twice to the same, and checks what comes of it.
pub(crate) fn check_rows(contract: &Contract, mapping: &Mapping, batch: &Batch) {
    let (mut row, mut again) = (MappedRow::default(), MappedRow::default());
    let bound = mapping.bind(&batch.header);
    for index in 0..batch.len() {
        bound.apply(batch, index, &mut row);
        bound.apply(batch, index, &mut again);
        assert_eq!((&row.findings, row.operation), (&again.findings, again.operation));
        assert!(row.cells.row(0).cells().eq(again.cells.row(0).cells()));
        assert_eq!(row.cells.len(), 1, "one row gives one row");
        checked_row::check(contract, &row);
    }
}
