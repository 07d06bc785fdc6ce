//! The connector kind `files`: a folder that departments put files in, or take them from.
//!
//! CSV, TSV, JSON Lines and Excel workbooks; UTF-8 and GB18030. A source reads the files of a
//! watched folder in order of their names, each file as one run, and goes on inside a file after
//! a restart. A sink writes each parcel as one file.

mod folder;
mod sink;
mod source;

use yiku_connector::{
    ConnectorKind,
    effort::{self, Step},
};

pub use source::in_memory::{TextForm, TextInMemory, read_workbook};

/// The kind, for the registry.
pub static KIND: ConnectorKind = ConnectorKind {
    name: "files",
    source_schema: include_str!("../source.schema.json"),
    sink_schema: include_str!("../sink.schema.json"),
    runs_are_whole: true,
    parcel_changes: 5_000,
    open_source: source::open,
    open_sink: sink::open,
};

/// Files wait for disks, so the work happens where waiting is allowed.
async fn blocking<T: Send + 'static>(step: Step, work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(move || effort::spend(step, work)).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
