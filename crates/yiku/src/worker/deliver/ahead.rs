//! Forming the next parcel while a receiver takes the one before.
//!
//! What was formed ahead is used only where the parcel before it went as expected: nothing parked,
//! the same generation of the same grant, the same reading of the catalog. Else it is formed again.

use std::sync::Arc;

use anyhow::Context;
use tokio::task::JoinSet;
use yiku_connector::effort::{self, Step};
use yiku_store::{delivery::Span, subscription::Subscription};

use super::{Sealed, Standing, form::Formed};
use crate::hub::Hub;

/// A parcel that is being formed. Dropped, it is formed no further.
pub(super) struct Ahead {
    /// Where the subscription must stand for it.
    after: Subscription,
    /// The reading of the catalog it is formed by.
    live: u64,
    forming: JoinSet<anyhow::Result<Option<Sealed>>>,
}

impl Ahead {
    /// Begins to form what follows `formed`, where more is likely to follow and no key waits.
    pub(super) fn begin(hub: &Arc<Hub>, standing: &Arc<Standing>, formed: &Formed) -> Option<Self> {
        if !formed.is_full(standing.most) || !formed.frozen.waiting.is_empty() {
            return None;
        }
        let mut after = standing.subscription.clone();
        match &formed.span {
            Span::Changes { to, .. } => after.cursor = *to,
            Span::Page { to: Some((key, _)), .. } => after.page_key = Some(key.clone()),
            _ => return None,
        }
        let (hub, standing, live) = (Arc::clone(hub), Arc::clone(standing), standing.live.number);
        let mut forming = JoinSet::new();
        let from = after.clone();
        forming.spawn(effort::spending(
            Step::Deliver,
            async move { standing.form(&hub, &from).await },
        ));
        Some(Self { after, live, forming })
    }

    /// What was formed, if it still is what follows.
    pub(super) async fn sealed(mut self, now: &Standing) -> anyhow::Result<Option<Sealed>> {
        if self.after != now.subscription || self.live != now.live.number {
            return Ok(None);
        }
        let sealed = self.forming.join_next().await.context("a parcel is formed ahead")?;
        sealed.context("forming a parcel ahead ended early")?
    }
}
