//! A small table that a person hands in: a corrected report as CSV or XLSX, read through the files
//! connector's reader so that encodings and spreadsheets mean the same everywhere.

use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::json;
use yiku_connector::{Access, Limits, Position, PullLimit, Schemas, Surroundings};

/// Names and rows of a small file.
pub struct Sheet {
    /// The header.
    pub columns: Vec<String>,
    /// The rows, each as long as the header.
    pub rows: Vec<Vec<Option<String>>>,
}

/// Reads the file whole.
pub fn read(path: &Path) -> anyhow::Result<Sheet> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let name = path.file_name().and_then(|name| name.to_str()).context("name a file")?;
    ensure!(path.is_file(), "there is no file `{}`", path.display());
    let config = json!({ "folder": folder, "pattern": name, "settle": "0s" });
    let access = Access {
        connector: "import".into(),
        load: Default::default(),
        columns: [].into(),
        key: [].into(),
        schemas: Schemas::default(),
        surroundings: Surroundings {
            folder: folder.to_owned(),
            secrets: folder.to_owned(),
            limits: Limits::default(),
        },
    };
    let mut source = (connector_files::KIND.open_source)(config, &access, &Position::default())?;
    let mut sheet = Sheet { columns: Vec::new(), rows: Vec::new() };
    let handle = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        handle.block_on(async {
            while let Some(pull) = source.pull(PullLimit::default()).await? {
                if let Some(defect) = pull.batch.defects.first() {
                    let line = pull.batch.places[defect.row].place;
                    anyhow::bail!("`{}` line {line}: {}", path.display(), defect.en);
                }
                sheet.columns = pull.batch.header.columns().to_vec();
                let rows = pull.batch.cells.rows();
                sheet.rows.extend(
                    rows.map(|row| row.cells().map(|cell| cell.map(str::to_owned)).collect()),
                );
                if pull.run.ends {
                    break;
                }
            }
            Ok(sheet)
        })
    })
}
