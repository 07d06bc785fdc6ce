//! Why a connector could not go on. Each variant names who must act.

/// The cause below a connector error.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a connector could not go on.
///
/// The texts name what, where and what to do, and never hold a value of a row or a secret.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorError {
    /// The department's engineer must change the connector's file.
    #[error("{0}")]
    Config(String),
    /// Nobody need act at once: the far system may answer later.
    #[error("{system}: {problem}")]
    Unavailable {
        /// The far system, without credentials: a folder, `host:port/database`, a URL.
        system: String,
        /// What did not work.
        problem: String,
        /// The driver's own error.
        #[source]
        cause: Option<Cause>,
    },
    /// The far system's owner must act: a vanished table, a changed column, a broken file.
    #[error("{system}: {problem}")]
    Unreadable {
        /// The far system, without credentials.
        system: String,
        /// What is wrong there and how it is mended.
        problem: String,
        /// The driver's own error.
        #[source]
        cause: Option<Cause>,
    },
    /// The stored position does not fit the source any more; a person must set it anew.
    #[error("the stored position does not fit this source: {0}")]
    Position(String),
}
