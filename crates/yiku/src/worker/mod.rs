//! The workers. Each has the same form: read a bounded batch, decide in pure code, write in one
//! transaction, acknowledge.

pub mod deliver;
pub mod materialise;
pub mod merge;
pub mod pull;
pub mod push;
pub mod redrive;
pub mod relay;
pub mod retain;
pub mod sweep;
pub mod timekeep;
pub mod topics;

mod keep;

pub use keep::{
    break_down_if_unknown, keep_carrying, keep_delivering, keep_measuring, keep_merging,
    keep_pulling, keep_relaying, keep_retaining, note_outcome,
};

use crate::hub::Hub;

/// Does everything that follows from what was published, until all is at rest.
pub async fn settle(hub: &Hub) -> anyhow::Result<()> {
    materialise::catch_up(hub).await?;
    merge::catch_up(hub).await?;
    relay::catch_up(hub).await?;
    Ok(())
}
