//! What can go wrong with the bus, by who must act.

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
    Broken(#[source] sqlx::Error),
    /// Reading failed.
    #[error("reading the bus failed")]
    Read(#[from] sqlx::Error),
}
