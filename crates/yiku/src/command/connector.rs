//! `yiku connector`: register, look, run, pause.

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use yiku_bus::publish::{CheckedBatch, Submission};
use yiku_connector::{
    Position, PullLimit,
    connector_file::{ConnectorFile, Role, SourceRole},
};
use yiku_core::{batch::Batch, receipt::Deed};
use yiku_store::connector::{self, Connector as Stored, State};

use super::{ExitCode, Session, preview, quarantine::OPERATOR, table};
use crate::{
    arguments::Connector,
    clock, connectors_folder,
    worker::{self, pull},
};

pub(super) async fn run(session: &mut Session<'_>, command: Connector) -> anyhow::Result<ExitCode> {
    match command {
        Connector::Add { file } => add(session, &file).await?,
        Connector::List(json) => list(session, json.json).await?,
        Connector::Check { connector } => check(session, &connector).await?,
        Connector::Preview { connector, rows } => {
            let file = find(session, &connector)?;
            preview::run(session, &file, rows).await?;
        }
        Connector::Run { connector } => look(session, &connector, false).await?,
        Connector::Pause { connector } => set_state(session, &connector, State::Paused).await?,
        Connector::Resume { connector, accept } => {
            set_state(session, &connector, State::Running).await?;
            if accept {
                look(session, &connector, true).await?;
            }
            session.hub.activity.nudge();
        }
        Connector::Position { connector, set } => {
            position(session, &connector, set.as_deref()).await?;
        }
    }
    Ok(0)
}

/// A registered connector, or a file that is not registered yet.
fn find(session: &Session<'_>, named: &str) -> anyhow::Result<ConnectorFile> {
    match named.ends_with(".yaml") || named.ends_with(".yml") {
        true => ConnectorFile::read(&session.path(named.as_ref())),
        false => connectors_folder::find(session.hub, named),
    }
}

async fn add(session: &mut Session<'_>, typed: &std::path::Path) -> anyhow::Result<()> {
    let path = session.path(typed);
    let file = ConnectorFile::read(&path)?;
    connectors_folder::check(session.hub, &file)?;
    connectors_folder::add(session.hub, &file, OPERATOR).await?;
    session
        .line(format!(
            "{} registered; `yiku connector check {}` reaches its system, `yiku connector preview \
             {}` shows its first rows",
            file.name, file.name, file.name
        ))
        .await
}

async fn list(session: &mut Session<'_>, as_json: bool) -> anyhow::Result<()> {
    let mut db = session.hub.store.reader().await?;
    let all = connector::list(&mut db).await?;
    if as_json {
        let values: Vec<Value> = all.iter().map(to_json).collect();
        return session.json(&values).await;
    }
    let row = |one: &Stored| {
        [
            one.name.clone(),
            one.kind.clone(),
            one.entry.clone().or_else(|| one.grant_name.clone()).unwrap_or_default(),
            one.state.as_str().to_owned(),
            one.succeeded_at.map(clock::written).unwrap_or_default(),
            one.error_en.clone().unwrap_or_default(),
        ]
    };
    let headings = ["connector", "kind", "entry or grant", "state", "last good run", "error"];
    let text = table::of(headings, all.iter().map(row).collect());
    session.console.print(&text).await
}

fn to_json(one: &Stored) -> Value {
    json!({
        "name": one.name, "kind": one.kind, "role": one.role.as_str(), "entry": one.entry,
        "grant": one.grant_name, "department": one.department, "state": one.state.as_str(),
        "succeeded_at": one.succeeded_at.map(clock::written),
        "error": one.error_en, "error_zh": one.error_zh,
    })
}

async fn check(session: &mut Session<'_>, named: &str) -> anyhow::Result<()> {
    let file = find(session, named)?;
    connectors_folder::check(session.hub, &file)?;
    match &file.role {
        Role::Source(role) => {
            let puller = pull::Puller::new(session.hub, &file.name, role)?;
            let mut source = puller.open(&Position::default())?;
            source.check().await?;
            let limit = PullLimit { rows: 1, ..PullLimit::default() };
            match source.pull(limit).await? {
                Some(pull) if !pull.batch.is_empty() => {
                    check_columns(session, &puller, &pull.batch).await?;
                }
                _ => session.line(preview::NOTHING).await?,
            }
        }
        Role::Sink(role) => {
            connectors_folder::open_sink(session.hub, &file.name, role)?.check().await?;
        }
    }
    session.line(format!("{}: everything fits", file.name)).await
}

/// Every column that the mapping wants and the source does not have.
async fn check_columns(
    session: &mut Session<'_>,
    puller: &pull::Puller<'_>,
    batch: &Batch,
) -> anyhow::Result<()> {
    let bound = puller.mapping().bind(&batch.header);
    for missing in bound.missing() {
        let weight = if missing.required { "needed" } else { "optional" };
        let item = missing.item.as_deref().unwrap_or("operation");
        let line =
            format!("{}: no column `{}` for {item} ({weight})", batch.origin, missing.column);
        session.line(line).await?;
    }
    ensure!(
        !bound.missing().iter().any(|missing| missing.required),
        "columns that are needed are not there: name the right ones under `map:`, or ask for them; \
         the columns there are: {}",
        batch.header.columns().join(", ")
    );
    Ok(())
}

async fn look(session: &mut Session<'_>, name: &str, accept: bool) -> anyhow::Result<()> {
    let file = connectors_folder::find(session.hub, name)?;
    connectors_folder::register(session.hub, &file, OPERATOR).await?;
    match &file.role {
        Role::Source(role) => {
            let outcome = pull::look(session.hub, name, role, accept).await;
            worker::note_outcome(session.hub, name, &outcome).await;
            let pulled = outcome?;
            worker::settle(session.hub).await?;
            session
                .line(format!(
                    "{name}: {} pulled, {} accepted, {} rejected",
                    pulled.pulled, pulled.accepted, pulled.rejected
                ))
                .await
        }
        Role::Sink(role) => {
            let outcome = worker::deliver::catch_up(session.hub, name, role).await;
            worker::note_outcome(session.hub, name, &outcome).await;
            session.line(format!("{name}: {} changes delivered", outcome?)).await
        }
    }
}

async fn set_state(session: &mut Session<'_>, name: &str, state: State) -> anyhow::Result<()> {
    let mut tx = session.hub.store.begin().await?;
    connector::set_state(&mut tx, name, state, clock::now_ms()).await?;
    tx.commit().await?;
    session.line(format!("{name}: {}", state.as_str())).await
}

async fn position(session: &mut Session<'_>, name: &str, set: Option<&str>) -> anyhow::Result<()> {
    let file = connectors_folder::find(session.hub, name)?;
    let Role::Source(role) = &file.role else {
        bail!("`{name}` is a sink: it has no position, see `yiku delivery list`")
    };
    match set {
        Some(text) => set_position(session, &file, role, text).await,
        None => {
            let line = session.hub.hold_line(&role.entry, name).await?;
            let text = serde_json::to_string_pretty(&line.state().position)?;
            session.line(text).await
        }
    }
}

/// A position edit is a batch of no rows with a receipt. What the source finds there is read anew.
async fn set_position(
    session: &mut Session<'_>,
    file: &ConnectorFile,
    role: &SourceRole,
    text: &str,
) -> anyhow::Result<()> {
    let position: Value = serde_json::from_str(text).context("the position must be JSON")?;
    let puller = pull::Puller::new(session.hub, &file.name, role)?;
    puller.open(&Position(position.clone()))?;
    let mut line = session.hub.hold_line(&role.entry, &file.name).await?;
    let submission = Submission {
        connector: file.name.clone(),
        actor: "operator".into(),
        deed: Deed::PositionEdit,
        version: puller.contract().entry().version,
        position_after: position,
        run: None,
        idempotency: None,
        origin: "position".into(),
        at_ms: clock::now_ms(),
        note: String::new(),
    };
    session.hub.publish(&mut line, CheckedBatch::empty(), submission).await?;
    drop(line);
    worker::settle(session.hub).await?;
    session.line(format!("{}: position set", file.name)).await
}
