//! A folder with very many files.

use std::path::Path;

use anyhow::Result;

use super::{Scale, trial::Outcome};
use crate::{bench::Figure, household};

/// 10,000 files of a row each, one of which is broken.
pub async fn files(program: &Path, scale: Scale) -> Result<Figure> {
    let catalog = household::catalog()?;
    let entry = household::entry(&catalog)?;
    let trial = scale.trial(program, "huge-folder").await?;
    let files = scale.of(10_000);
    let broken = files / 2;
    for number in 0..files {
        let mut writer = csv::Writer::from_path(trial.input(&format!("{number:06}.csv")))?;
        writer.write_record(entry.items.iter().map(|item| &item.name))?;
        let mut row = household::row(entry, number);
        if number == broken {
            row[entry.key[0]] = "431302".into();
        }
        writer.write_record(row)?;
        writer.flush()?;
    }
    let rejected = Some((format!("{broken:06}.csv"), 2));
    trial.judge(&Outcome { accepted: files - 1, rejected, ..Outcome::default() }).await
}
