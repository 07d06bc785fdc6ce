//! What can go wrong with the bus, by who must act.

use yiku_kafka::NoAnswer;

/// Why the bus could not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The reader stands before what is kept or behind what was written: its unit must stop. It
    /// is never moved by itself.
    #[error(
        "offset {from} of topic {topic}/{partition} is outside what the bus holds ({first} to {next})"
    )]
    OutOfRange {
        /// The topic.
        topic: String,
        /// The partition.
        partition: u32,
        /// What was asked for.
        from: u64,
        /// First offset that is kept.
        first: u64,
        /// The offset that the next record will have.
        next: u64,
    },
    /// The disk is full: nothing of the append was kept.
    #[error("the disk that holds the bus is full; free space, nothing was lost")]
    DiskFull,
    /// A file of another kind, of a newer version, or damaged.
    #[error("the bus file `{path}` cannot be used: {problem}")]
    Unusable {
        /// The file.
        path: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A stored batch cannot be taken apart.
    #[error("the batch at offset {offset} of topic {topic}/{partition} is damaged")]
    Damaged {
        /// The topic.
        topic: String,
        /// The partition.
        partition: u32,
        /// Where the batch begins.
        offset: u64,
    },
    /// The outcome of a write is not known: the process must end and start anew.
    #[error(
        "writing to the bus failed; look whether its disk is full or damaged, then start the hub again"
    )]
    Broken(#[source] Source),
    /// Reading failed.
    #[error("reading the bus failed")]
    Read(#[source] Source),
    /// Kafka does not answer. Nothing of an append was kept; it may be tried again.
    #[error("Kafka at {brokers} does not answer: {problem}")]
    Unreachable {
        /// The addresses of the configuration.
        brokers: String,
        /// What was noticed, and what to look at.
        problem: String,
    },
    /// Kafka does not let us in, or we do not trust it.
    #[error("Kafka at {brokers} cannot be used: {problem}")]
    Refused {
        /// The addresses of the configuration.
        brokers: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A topic is not as the hub needs it.
    #[error("topic {topic} of the bus cannot be used: {problem}")]
    Topic {
        /// The topic.
        topic: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// Kafka did not say whether a transaction was kept.
    #[error(
        "Kafka at {brokers} did not say whether the last rows were kept ({problem}); the hub finds \
         out once Kafka answers again, nothing is lost or doubled"
    )]
    InDoubt {
        /// The addresses of the configuration.
        brokers: String,
        /// What was noticed.
        problem: String,
    },
    /// Another hub has taken the lane: this one must end.
    #[error(
        "another hub has taken over lane {lane} of the bus; this one ends: of hubs with one data \
         folder or one bus.kafka.prefix only one may run"
    )]
    Fenced {
        /// The lane.
        lane: String,
    },
}

/// What another library said.
type Source = Box<dyn std::error::Error + Send + Sync>;

impl From<sqlx::Error> for BusError {
    fn from(error: sqlx::Error) -> Self {
        Self::Read(error.into())
    }
}

impl From<NoAnswer> for BusError {
    fn from(error: NoAnswer) -> Self {
        match error {
            NoAnswer::Unreachable { brokers, problem } => Self::Unreachable { brokers, problem },
            NoAnswer::Refused { brokers, problem } => Self::Refused { brokers, problem },
        }
    }
}

impl BusError {
    /// Whether an append that ended so may have been kept.
    pub fn leaves_in_doubt(&self) -> bool {
        matches!(self, Self::Broken(_) | Self::InDoubt { .. })
    }

    /// Whether the process must end: only a new one can find out how things stand.
    pub fn ends_process(&self) -> bool {
        matches!(self, Self::Broken(_) | Self::Fenced { .. })
    }

    /// Whether the same may succeed later without anybody's doing at the hub.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::DiskFull | Self::Unreachable { .. } | Self::InDoubt { .. })
    }

    /// The same for another caller.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Unreachable { brokers, problem } => {
                Self::Unreachable { brokers: brokers.clone(), problem: problem.clone() }
            }
            Self::Refused { brokers, problem } => {
                Self::Refused { brokers: brokers.clone(), problem: problem.clone() }
            }
            Self::Topic { topic, problem } => {
                Self::Topic { topic: topic.clone(), problem: problem.clone() }
            }
            Self::InDoubt { brokers, problem } => {
                Self::InDoubt { brokers: brokers.clone(), problem: problem.clone() }
            }
            Self::Fenced { lane } => Self::Fenced { lane: lane.clone() },
            other => Self::Read(other.to_string().into()),
        }
    }

    /// What happened, in Chinese; names and what other programs said stay as they are.
    pub fn zh(&self) -> String {
        match self {
            Self::OutOfRange { topic, partition, from, first, next } => {
                format!("总线主题 {topic}/{partition} 中没有位点 {from}（现有 {first} 至 {next}）")
            }
            Self::DiskFull => "总线所在磁盘已满；请清理磁盘，数据未丢失".into(),
            Self::Unusable { path, problem } => format!("总线文件 `{path}` 不能使用：{problem}"),
            Self::Damaged { topic, partition, offset } => {
                format!("总线主题 {topic}/{partition} 位点 {offset} 处的批次已损坏")
            }
            Self::Broken(_) => "写总线失败；请检查磁盘是否已满或损坏，然后重新启动".into(),
            Self::Read(_) => "读总线失败".into(),
            Self::Unreachable { brokers, problem } => {
                format!("Kafka（{brokers}）没有应答，稍后自动重试：{problem}")
            }
            Self::Refused { brokers, problem } => {
                format!("Kafka（{brokers}）不能使用，请检查 [bus.kafka] 配置：{problem}")
            }
            Self::Topic { topic, problem } => format!("总线主题 {topic} 不能使用：{problem}"),
            Self::InDoubt { brokers, problem } => format!(
                "Kafka（{brokers}）没有回答最后一批数据是否已保存（{problem}）；恢复应答后自动查明，\
                 不会丢失或重复"
            ),
            Self::Fenced { lane } => {
                format!("另一个枢纽进程已接管总线通道 {lane}，本进程退出；同一套配置只能运行一个")
            }
        }
    }
}
