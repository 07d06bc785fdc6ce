//! `yiku connector preview`: the first rows as mapped, what would be rejected, and why. Values are
//! masked; nothing is touched.

use anyhow::bail;
use yiku_connector::{
    Position, PullLimit,
    connector_file::{ConnectorFile, Role},
};
use yiku_core::{
    contract::{Checked, MappedRow, Verdict, shown},
    violation::Severity,
};

use super::Session;
use crate::worker::pull::Puller;

pub(super) async fn run(
    session: &mut Session<'_>,
    file: &ConnectorFile,
    rows: usize,
) -> anyhow::Result<()> {
    let Role::Source(role) = &file.role else {
        bail!("`{}` is a sink; `yiku grant try` shows rows as it would get them", file.name)
    };
    let puller = Puller::new(session.hub, &file.name, role)?;
    let mut source = puller.open(&Position::default())?;
    let limit = PullLimit { rows, ..PullLimit::default() };
    let (mut shown_rows, mut rejected) = (0, 0);
    while shown_rows < rows {
        let Some(pull) = source.pull(limit).await? else { break };
        let bound = puller.mapping().bind(&pull.batch.header);
        let mut mapped = MappedRow::new(puller.contract().entry().items.len());
        let mut checked = Checked::default();
        for row in 0..pull.batch.len().min(rows - shown_rows) {
            bound.apply(&pull.batch, row, &mut mapped);
            checked.body.clear();
            let verdict = puller.contract().check(&mapped, &mut checked);
            let place = pull.batch.places[row].place;
            let verdict_word = match verdict {
                Verdict::Accepted => "ok      ",
                Verdict::Rejected => "rejected",
            };
            rejected += usize::from(verdict == Verdict::Rejected);
            let text = masked(&puller, &mapped);
            session.line(format!("{verdict_word} {}:{place}  {text}", pull.batch.origin)).await?;
            for finding in &checked.findings {
                let violation = puller.contract().describe(finding, &mapped);
                let word = match violation.severity {
                    Severity::Reject => "reject",
                    Severity::Warn => "warn",
                };
                let item = violation.item.as_deref().unwrap_or("-");
                session
                    .line(format!(
                        "    {word} {} {item}: {} / {}",
                        violation.code, violation.zh, violation.en
                    ))
                    .await?;
            }
            shown_rows += 1;
        }
    }
    if shown_rows == 0 {
        session.line(NOTHING).await?;
    }
    session.line(format!("{shown_rows} rows looked at, {rejected} would be rejected")).await
}

/// What a source without a row may mean.
pub(super) const NOTHING: &str = "there is no row to read at present: a file may be in the course \
    of being written (`settle`, `ready`), or nothing fits `pattern`, `table` or `rows`";

fn masked(puller: &Puller<'_>, mapped: &MappedRow) -> String {
    if mapped.cells.is_empty() {
        return String::new();
    }
    let row = mapped.cells.row(0);
    let items = puller.contract().entry().items.iter().zip(row.cells());
    let cells = items.filter_map(|(item, cell)| {
        Some(format!("{}={}", item.name, shown(item, cell?).unwrap_or_default()))
    });
    cells.collect::<Vec<_>>().join(" ")
}
