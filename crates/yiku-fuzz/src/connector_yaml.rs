//! Files of connectors.

use std::{path::PathBuf, sync::Arc};

use yiku_connector::{
    Access, ConnectorError, Limits, Load, Position, Schemas, Surroundings,
    connector_file::{ConnectorFile, Role},
};
use yiku_core::mapping::MappingSpec;

use crate::{folder, mapping, message};

/// Words that the parser looks for.
pub const WORDS: &[&str] = &[
    "connector:",
    "entry:",
    "grant:",
    "source:",
    "sink:",
    "kind:",
    "files",
    "folder:",
    "pattern:",
    "format:",
    "csv",
    "xlsx",
    "encoding:",
    "gb18030",
    "delimiter:",
    "skip:",
    "header:",
    "columns:",
    "settle:",
    "every:",
    "5m",
    "stop_over:",
    "rejected:",
    "20%",
    "load:",
    "full",
    "map:",
    "from:",
    "operation:",
    "zone:",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "*",
    "@1",
    "\\u0000",
    "99999999999999999999d",
    "-1",
    "NaN%",
    "4294967296",
];

/// Reads the bytes as a connector's file, as far as it goes without the system it names.
pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let file = match ConnectorFile::parse(text) {
        Ok(file) => file,
        Err(error) => {
            let told = format!("{error:#}");
            told.lines().for_each(message::check);
            let again = ConnectorFile::parse(text).expect_err("it was refused before");
            return assert_eq!(told, format!("{again:#}"));
        }
    };
    assert_eq!(file.text, text);
    let Role::Source(source) = file.role else { return };
    if source.kind == connector_files::KIND.name {
        let open = connector_files::KIND.open_source;
        if let Err(error) = open(source.config, &access(), &Position::default()) {
            assert!(matches!(error, ConnectorError::Config(_)), "{error}");
            message::check(&error.to_string());
        }
    }
    match MappingSpec::read(source.mapping) {
        Ok(spec) => drop(mapping::compile(&spec, folder::contract(source.entry.as_str()))),
        Err(problem) => message::check(&problem),
    }
}

fn access() -> Access {
    let folder = PathBuf::from("connectors");
    Access {
        connector: "fuzz".into(),
        load: Load::Changes,
        columns: Arc::new([]),
        key: Arc::new([]),
        schemas: Schemas::default(),
        surroundings: Surroundings { secrets: folder.clone(), folder, limits: Limits::default() },
    }
}
