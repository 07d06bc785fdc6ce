//! Why the store could not do it.

use sqlx::{error::DatabaseError, postgres::PgDatabaseError};

/// Why the store could not do it. Each variant names who must act.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operator must start the newer hub, or restore a copy from before it.
    #[error(
        "{path} was written by a newer hub (schema {found}, this one knows up to {known}); \
         start the newer hub, or restore a copy made before it"
    )]
    Newer {
        /// The file.
        path: String,
        /// The newest migration in the file.
        found: u32,
        /// The newest migration of this hub.
        known: u32,
    },
    /// The operator named a file that is no store.
    #[error("{path} is not a store of this hub: {problem}; name another data folder")]
    Foreign {
        /// The file.
        path: String,
        /// What was found instead.
        problem: String,
    },
    /// The file could not be opened.
    #[error("{path} cannot be opened; look whether its folder exists, may be written and has room")]
    Unopened {
        /// The file.
        path: String,
        /// The driver's error.
        #[source]
        cause: sqlx::Error,
    },
    /// The file is damaged: restore from the last verified backup.
    #[error("the store is damaged; stop the hub and restore the last verified backup")]
    Damaged(#[source] sqlx::Error),
    /// The database cannot hold a store: the text says why and what to do.
    #[error("the store in {database} cannot be opened: {en}")]
    Unfit {
        /// Server and database, without a password.
        database: String,
        /// What is wrong and what to do, in Chinese.
        zh: String,
        /// In English.
        en: String,
    },
    /// Another hub works on the database.
    #[error(
        "another hub works on the store in {database}: {holder}; stop that hub, or if it is frozen \
         end its session by `SELECT pg_terminate_backend({backend})`, then start this one"
    )]
    Taken {
        /// Server and database, without a password.
        database: String,
        /// From where, and since when.
        holder: String,
        /// The process of the server that serves it.
        backend: i32,
    },
    /// The database server does not answer.
    #[error(
        "the store's database server does not answer; look whether it runs and can be reached, \
         nothing was lost"
    )]
    Unreachable(#[source] sqlx::Error),
    /// The disk is full. Nothing of the transaction was written.
    #[error("the disk of the data folder is full; free space, nothing was lost")]
    Full(#[source] sqlx::Error),
    /// Whether the last commit is durable is unknown: the process must end and start again.
    #[error(
        "writing to the store failed and its state is unknown; look whether its disk is full or \
         damaged, then start the hub again"
    )]
    Broken(#[source] Option<sqlx::Error>),
    /// Another transaction held the store too long; try again.
    #[error("the store is busy; try again")]
    Busy(#[source] sqlx::Error),
    /// Another process moved this unit of work on: give it up and take it again.
    #[error("`{unit}` was moved on by another process (expected {expected} on `{topic}`)")]
    Fenced {
        /// The unit.
        unit: String,
        /// The topic.
        topic: String,
        /// Where this process thought that the unit stands.
        expected: u64,
    },
    /// A cursor belongs to a topic that is not the one on the bus: an operator must decide.
    #[error(
        "`{unit}` was reading another topic `{topic}` (id {stored}, now {found}); \
         the bus was replaced or restored: start a new incarnation, never reset the cursor"
    )]
    OtherTopic {
        /// The unit.
        unit: String,
        /// The topic's name.
        topic: String,
        /// The topic's id in the cursor.
        stored: String,
        /// The topic's id on the bus.
        found: String,
    },
    /// What the bus holds does not follow what the store holds: an operator must look.
    #[error("{subject} does not follow what the store holds: {problem}")]
    Disordered {
        /// The batch, stream or row.
        subject: String,
        /// What does not fit.
        problem: String,
    },
    /// The caller asked for what is not there.
    #[error("{kind} `{name}` does not exist")]
    Missing {
        /// Which noun.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The caller asked for what may not be done; the text says why and what to do.
    #[error("{en}")]
    Refused {
        /// In Chinese.
        zh: String,
        /// In English.
        en: String,
    },
    /// What is stored cannot be read back: a defect of the hub.
    #[error("{what} in the store cannot be read: {problem}")]
    Unreadable {
        /// Which table or column.
        what: &'static str,
        /// What is wrong, without values.
        problem: String,
    },
    /// Any other answer of the database: a defect of the hub.
    #[error("the store answered with an error")]
    Database(#[source] sqlx::Error),
}

impl StoreError {
    /// What people read, in Chinese.
    pub fn zh(&self) -> String {
        match self {
            Self::Newer { path, found, known } => format!(
                "{path} 由更新版本写入（结构 {found}，本程序最高支持 {known}）；请启动新版本，或恢复升级前的备份"
            ),
            Self::Foreign { path, .. } => {
                format!("{path} 不是本系统的数据文件；请指定另一个数据目录")
            }
            Self::Unopened { path, .. } => {
                format!("{path} 无法打开；请检查目录是否存在、是否可写、是否还有空间")
            }
            Self::Damaged(_) => "数据文件已损坏；请停止系统并恢复最近一次校验过的备份".into(),
            Self::Unfit { database, zh, .. } => format!("无法打开 {database} 中的数据：{zh}"),
            Self::Taken { database, holder, backend } => format!(
                "另一系统实例正在使用 {database}（{holder}）；请先停止该实例，如已僵死请执行 SELECT \
                 pg_terminate_backend({backend})，再启动本实例"
            ),
            Self::Unreachable(_) => {
                "数据库服务器无响应；请检查其是否运行、网络是否可达，没有数据丢失".into()
            }
            Self::Full(_) => "数据目录所在磁盘已满；请释放空间，没有数据丢失".into(),
            Self::Broken(_) => {
                "写入数据文件失败，状态未知；请检查磁盘是否已满或损坏，然后重新启动系统".into()
            }
            Self::Busy(_) => "数据文件正忙；请重试".into(),
            Self::Fenced { unit, .. } => format!("工作单元“{unit}”已由另一进程接管"),
            Self::OtherTopic { unit, topic, .. } => {
                format!("“{unit}”此前读取的主题“{topic}”已被替换；须按恢复流程处理，不可重置位点")
            }
            Self::Disordered { subject, .. } => {
                format!("{subject} 与库内记录不衔接；请运维人员核查")
            }
            Self::Missing { name, .. } => format!("“{name}”不存在"),
            Self::Refused { zh, .. } => zh.clone(),
            Self::Unreadable { what, .. } => format!("库内 {what} 无法读取"),
            Self::Database(_) => "数据库返回错误".into(),
        }
    }

    /// Whether the process must end: what was written is unknown.
    pub fn ends_process(&self) -> bool {
        matches!(self, Self::Broken(_) | Self::Damaged(_))
    }

    /// Whether the same may go well later without anybody having changed what was asked for.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Busy(_) | Self::Full(_))
    }

    /// A refusal in both languages.
    pub fn refused(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::Refused { zh: zh.into(), en: en.into() }
    }

    pub(crate) fn missing(kind: &'static str, name: impl ToString) -> Self {
        Self::Missing { kind, name: name.to_string() }
    }

    pub(crate) fn unreadable(what: &'static str, problem: impl ToString) -> Self {
        Self::Unreadable { what, problem: problem.to_string() }
    }

    pub(crate) fn disordered(subject: impl ToString, problem: impl ToString) -> Self {
        Self::Disordered { subject: subject.to_string(), problem: problem.to_string() }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if matches!(error, sqlx::Error::PoolTimedOut) {
            return Self::Busy(error);
        }
        if matches!(error, sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_)) {
            return Self::Unreachable(error);
        }
        let answer = error.as_database_error();
        if let Some(answer) = answer.and_then(|error| error.try_downcast_ref::<PgDatabaseError>()) {
            return Self::sqlstate(answer.code().to_owned().as_str(), error);
        }
        let code = answer.and_then(primary_code);
        Self::classified(code, error)
    }
}

impl StoreError {
    /// What the answer to a commit means: where the server gave none, nobody knows what was
    /// written.
    pub(crate) fn in_commit(error: sqlx::Error) -> Self {
        match Self::from(error) {
            Self::Unreachable(error) => Self::Broken(Some(error)),
            other => other,
        }
    }

    fn sqlstate(code: &str, error: sqlx::Error) -> Self {
        match code {
            // Deadlock, serialisation, lock not available, cancelled.
            "40001" | "40P01" | "55P03" | "57014" => Self::Busy(error),
            "53100" => Self::Full(error),
            "XX001" | "XX002" => Self::Damaged(error),
            _ if code.starts_with("08") || code.starts_with("57P") => Self::Unreachable(error),
            _ => Self::Database(error),
        }
    }

    fn classified(code: Option<i32>, error: sqlx::Error) -> Self {
        match code {
            Some(SQLITE_BUSY | SQLITE_LOCKED) => Self::Busy(error),
            Some(SQLITE_IOERR) => Self::Broken(Some(error)),
            Some(SQLITE_CORRUPT | SQLITE_NOTADB) => Self::Damaged(error),
            Some(SQLITE_FULL) => Self::Full(error),
            _ => Self::Database(error),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let code = error.sqlite_error().map(|error| error.extended_code & 0xff);
        Self::classified(code, sqlx::Error::AnyDriverError(Box::new(error)))
    }
}

impl From<rusqlite::types::FromSqlError> for StoreError {
    fn from(error: rusqlite::types::FromSqlError) -> Self {
        Self::unreadable("a column", error)
    }
}

/// SQLite's primary result code: the low byte of the extended one that the driver gives.
pub(crate) fn primary_code(error: &dyn DatabaseError) -> Option<i32> {
    error.code()?.parse::<i32>().ok().map(|code| code & 0xff)
}

const SQLITE_BUSY: i32 = 5;
const SQLITE_LOCKED: i32 = 6;
const SQLITE_IOERR: i32 = 10;
const SQLITE_CORRUPT: i32 = 11;
const SQLITE_FULL: i32 = 13;
pub(crate) const SQLITE_CANTOPEN: i32 = 14;
pub(crate) const SQLITE_NOTADB: i32 = 26;
