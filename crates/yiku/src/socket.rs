//! Commands beside a running hub: the command line sends its words over a Unix socket, the hub
//! runs the same command function and sends back what it prints.
//!
//! One JSON object per line. The client begins with `{"words": […], "folder": "…"}`; the hub
//! answers with `{"print": …}`, `{"warn": …}`, `{"ask": prompt}` (answered by `{"answer": …}`) and
//! ends with `{"exit": code}`. The socket is readable by its owner alone.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use crate::console::{Console, Terminal};

/// A command as the client typed it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Typed {
    /// The words after the program's name.
    pub words: Vec<String>,
    /// The folder in which they were typed: relative paths start there.
    pub folder: PathBuf,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Frame {
    Print(String),
    Warn(String),
    Ask(String),
    Answer(Option<String>),
    Exit(u8),
}

/// Listens for commands. A socket left behind by a killed hub is replaced: the caller holds the
/// folder's lock, so no other hub can be listening.
pub fn listen(path: &Path) -> anyhow::Result<UnixListener> {
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path)
        .with_context(|| format!("cannot listen on the socket `{}`", path.display()))?;
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Sends the command to the hub that holds the folder and plays its answers on this terminal.
pub async fn forward(path: &Path, typed: &Typed) -> anyhow::Result<u8> {
    let stream = UnixStream::connect(path).await.with_context(|| {
        format!(
            "another process holds the data folder, and no hub answers on `{}`; wait until that \
             process ends",
            path.display()
        )
    })?;
    let (reader, writer) = stream.into_split();
    let mut peer = Peer { lines: BufReader::new(reader).lines(), writer };
    peer.send(typed).await?;
    let mut terminal = Terminal;
    while let Some(line) = peer.lines.next_line().await? {
        match serde_json::from_str(&line)? {
            Frame::Print(text) => terminal.print(&text).await?,
            Frame::Warn(line) => terminal.warn(&line).await?,
            Frame::Ask(prompt) => {
                let answer = terminal.ask(&prompt).await?;
                peer.send(&Frame::Answer(answer)).await?;
            }
            Frame::Exit(code) => return Ok(code),
            Frame::Answer(_) => bail!("the hub sent what only a client sends"),
        }
    }
    bail!("the hub ended before the command did")
}

/// The hub's end of one client.
pub struct Client {
    peer: Peer,
}

impl Client {
    /// Reads what the client typed.
    pub async fn accept(stream: UnixStream) -> anyhow::Result<(Self, Typed)> {
        let (reader, writer) = stream.into_split();
        let mut peer = Peer { lines: BufReader::new(reader).lines(), writer };
        let line = peer.lines.next_line().await?.context("the client said nothing")?;
        Ok((Self { peer }, serde_json::from_str(&line)?))
    }

    /// Tells the client how the command ended.
    pub async fn exit(mut self, code: u8) -> anyhow::Result<()> {
        self.peer.send(&Frame::Exit(code)).await
    }
}

#[async_trait]
impl Console for Client {
    async fn print(&mut self, text: &str) -> anyhow::Result<()> {
        self.peer.send(&Frame::Print(text.into())).await
    }

    async fn warn(&mut self, line: &str) -> anyhow::Result<()> {
        self.peer.send(&Frame::Warn(line.into())).await
    }

    async fn ask(&mut self, prompt: &str) -> anyhow::Result<Option<String>> {
        self.peer.send(&Frame::Ask(prompt.into())).await?;
        let line = self.peer.lines.next_line().await?.context("the client went away")?;
        match serde_json::from_str(&line)? {
            Frame::Answer(answer) => Ok(answer),
            _ => bail!("the client sent something other than an answer"),
        }
    }
}

struct Peer {
    lines: Lines<BufReader<OwnedReadHalf>>,
    writer: OwnedWriteHalf,
}

impl Peer {
    async fn send(&mut self, value: &impl Serialize) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        Ok(self.writer.write_all(&line).await?)
    }
}
