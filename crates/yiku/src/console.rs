//! Where a command prints and asks: this terminal, or one at the other end of the local socket.

use std::io::{BufRead, IsTerminal, Write};

use async_trait::async_trait;

/// What a command talks to.
#[async_trait]
pub trait Console: Send + Sync {
    /// Prints to standard output, as it is.
    async fn print(&mut self, text: &str) -> anyhow::Result<()>;

    /// Prints a line to standard error.
    async fn warn(&mut self, line: &str) -> anyhow::Result<()>;

    /// Reads one line of standard input, with a prompt when a person is there. `None` at the end.
    /// Used for what must never be an argument: keys and values of persons.
    async fn ask(&mut self, prompt: &str) -> anyhow::Result<Option<String>>;
}

/// This process's terminal.
pub struct Terminal;

#[async_trait]
impl Console for Terminal {
    async fn print(&mut self, text: &str) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }

    async fn warn(&mut self, line: &str) -> anyhow::Result<()> {
        Ok(writeln!(std::io::stderr(), "{line}")?)
    }

    async fn ask(&mut self, prompt: &str) -> anyhow::Result<Option<String>> {
        if std::io::stdin().is_terminal() {
            write!(std::io::stderr(), "{prompt}: ")?;
        }
        let mut line = String::new();
        let read = tokio::task::block_in_place(|| std::io::stdin().lock().read_line(&mut line))?;
        Ok((read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
    }
}
