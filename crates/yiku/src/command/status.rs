//! `yiku status`: how everything stands.

use serde_json::Value;

use super::{ExitCode, Session, table};
use crate::status;

pub(super) async fn run(session: &mut Session<'_>, as_json: bool) -> anyhow::Result<ExitCode> {
    let now = serde_json::to_value(status::read(session.hub).await?)?;
    if as_json {
        session.json(&now).await?;
        return Ok(0);
    }
    let tables = [
        section(
            &now,
            "connectors",
            ["name", "entry", "state", "pulled", "accepted", "rejected", "error"],
        ),
        section(&now, "libraries", ["entity", "rows", "history_rows", "conflicts", "backlog"]),
        section(
            &now,
            "subscriptions",
            ["name", "offered", "delivered", "withheld", "parked", "folded", "refused"],
        ),
        section(&now, "violations", ["code", "count"]),
    ];
    for text in tables {
        session.console.print(&text).await?;
    }
    if let Some(seconds) = now["clock_behind_s"].as_u64().filter(|seconds| *seconds > 0) {
        session
            .line(format!(
                "the clock is {seconds} s behind the newest receipt: it was set back; check this \
                 machine's time synchronisation"
            ))
            .await?;
    }
    let word = if now["settled"] == Value::Bool(true) { "at rest" } else { "at work" };
    session.line(word).await?;
    Ok(0)
}

fn section<const N: usize>(status: &Value, name: &str, columns: [&str; N]) -> String {
    let rows = status[name].as_array().into_iter().flatten().map(|row| {
        columns.map(|column| match &row[column] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        })
    });
    table::of(columns, rows.collect())
}
