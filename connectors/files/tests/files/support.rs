//! A folder with files, and what a source makes of it.

use std::{fs, path::Path, sync::Arc};

use connector_files::KIND;
use serde_json::{Value, json};
use tempfile::TempDir;
use yiku_connector::{
    Access, ConnectorError, Limits, Load, Position, Pull, PullLimit, Schemas, Source, Surroundings,
    conformance,
};

/// A temporary folder and a configuration that reads it.
pub(crate) struct Folder {
    pub(crate) dir: TempDir,
    pub(crate) config: Value,
}

impl Folder {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { dir, config: json!({ "folder": ".", "settle": "0s" }) }
    }

    /// The same with one more word of configuration.
    pub(crate) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.config[key] = value.into();
        self
    }

    /// The same with a file.
    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        self.put(name, content);
        self
    }

    /// Writes a file.
    pub(crate) fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.dir.path().join(name), content).unwrap();
    }

    /// Opens the source.
    pub(crate) fn open(&self, from: &Position) -> Result<Box<dyn Source>, ConnectorError> {
        (KIND.open_source)(self.config.clone(), &access(self.dir.path()), from)
    }

    /// Puts the source through the suite.
    #[track_caller]
    pub(crate) fn conforms(&self, expected: &[&str]) {
        block_on(conformance::check_source(|position| self.open(position), expected));
    }

    /// Reads everything there is: the rows, in the suite's words, with their lines.
    pub(crate) fn told(&self) -> Vec<String> {
        let mut source = self.open(&Position::default()).unwrap();
        pull_all(&mut *source).iter().flat_map(lines).collect()
    }
}

/// Each row of a pull: `origin:line text`, and what is wrong in English.
pub(crate) fn lines(pull: &Pull) -> Vec<String> {
    let batch = &pull.batch;
    let line = |row: usize| {
        let place = batch.places[row].place;
        let mut line = format!("{}:{place} {}", batch.origin, conformance::row_text(batch, row));
        for defect in batch.defects.iter().filter(|defect| defect.row == row) {
            line.push_str(&format!(" ({})", defect.en));
        }
        line
    };
    (0..batch.len()).map(line).collect()
}

/// Pulls until there is nothing more.
pub(crate) fn pull_all(source: &mut dyn Source) -> Vec<Pull> {
    let mut pulls = Vec::new();
    while let Some(pull) = pull(source, PullLimit::default()).unwrap() {
        pulls.push(pull);
    }
    pulls
}

/// Pulls at most `rows` rows.
pub(crate) fn pull_rows(source: &mut dyn Source, rows: usize) -> Option<Pull> {
    pull(source, PullLimit { rows, ..PullLimit::default() }).unwrap()
}

/// Pulls once.
pub(crate) fn pull(
    source: &mut dyn Source,
    limit: PullLimit,
) -> Result<Option<Pull>, ConnectorError> {
    block_on(source.pull(limit))
}

/// What the hub tells the connector.
pub(crate) fn access(folder: &Path) -> Access {
    Access {
        connector: "test".into(),
        load: Load::Changes,
        columns: conformance::sink_columns(),
        key: Arc::new([0, 1]),
        schemas: Schemas::default(),
        surroundings: Surroundings {
            folder: folder.into(),
            secrets: folder.into(),
            limits: Limits::default(),
        },
    }
}

/// Runs a future to its end.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Text in GB18030.
pub(crate) fn gb(text: &str) -> Vec<u8> {
    encoding_rs::GB18030.encode(text).0.into_owned()
}
