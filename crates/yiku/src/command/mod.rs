//! The commands. Each is a function over the opened hub and a console, so that it is the same
//! beside a running hub (asked over the socket) and without one.

mod catalog;
mod connector;
mod delivery;
pub mod export;
mod grant;
pub mod import;
pub mod init;
mod preview;
mod quarantine;
mod reader;
mod receipt;
pub(crate) mod reconcile;
mod returned;
mod status;
mod table;
mod token;
mod trace;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Parser;

use crate::{
    arguments::{Arguments, Command},
    console::Console,
    hub::Hub,
    socket::Typed,
};

/// How a command ended: 0 well, 1 with an error, 2 when what was looked at does not hold (books
/// that do not balance, a catalog with problems).
pub type ExitCode = u8;

/// What a command is run with.
pub struct Session<'a> {
    /// The hub.
    pub hub: &'a Arc<Hub>,
    /// Where relative paths start.
    pub folder: &'a Path,
    /// Where it prints and asks.
    pub console: &'a mut dyn Console,
}

impl Session<'_> {
    /// A path as the person typed it.
    pub fn path(&self, typed: &Path) -> PathBuf {
        self.folder.join(typed)
    }

    /// Prints a line.
    pub async fn line(&mut self, text: impl AsRef<str>) -> anyhow::Result<()> {
        self.console.print(&format!("{}\n", text.as_ref())).await
    }

    /// Prints pretty JSON.
    pub async fn json(&mut self, value: &impl serde::Serialize) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(value)?;
        self.line(text).await
    }
}

/// Runs a command that a client of the socket typed.
pub async fn run_typed(hub: &Arc<Hub>, typed: &Typed, console: &mut dyn Console) -> ExitCode {
    let words = std::iter::once("yiku".to_owned()).chain(typed.words.iter().cloned());
    match Arguments::try_parse_from(words) {
        Ok(arguments) => run(hub, arguments.command, &typed.folder, console).await,
        Err(error) => {
            let _ = console.warn(&error.to_string()).await;
            2
        }
    }
}

/// Runs a command and prints its error, if it has one.
pub async fn run(
    hub: &Arc<Hub>,
    command: Command,
    folder: &Path,
    console: &mut dyn Console,
) -> ExitCode {
    let mut session = Session { hub, folder, console };
    match dispatch(&mut session, command).await {
        Ok(code) => code,
        Err(error) => {
            let _ = session.console.warn(&format!("error: {error:#}")).await;
            1
        }
    }
}

async fn dispatch(session: &mut Session<'_>, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(_)
        | Command::Init { .. }
        | Command::Export { .. }
        | Command::Import { .. } => {
            anyhow::bail!("this command starts by itself, not beside a running hub")
        }
        Command::Catalog(command) => catalog::run(session, command).await,
        Command::Connector(command) => connector::run(session, command).await,
        Command::Quarantine(command) => quarantine::run(session, command).await,
        Command::Receipt(command) => receipt::run(session, command).await,
        Command::Token(command) => token::run(session, command).await,
        Command::Reader(command) => reader::run(session, command).await,
        Command::Status(json) => status::run(session, json.json).await,
        Command::Grant(command) => grant::run(session, command).await,
        Command::Delivery(command) => delivery::run(session, command).await,
        Command::Trace { entity, known_at, json } => {
            trace::run(session, &entity, known_at.as_deref(), json.json).await
        }
        Command::Reconcile(json) => reconcile::run(session, json.json).await,
    }
}
