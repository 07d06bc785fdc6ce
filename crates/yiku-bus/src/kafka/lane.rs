//! A lane: one transactional producer on a thread of its own.
//!
//! The thread takes whatever waits and appends it in one transaction. What happened when something
//! goes wrong is known but in one case: before the commit is asked for, nothing was kept; when its
//! answer is missing, the producer is destroyed and taken anew, which ends the transaction one way
//! or the other. Rows are never sent again from memory unless nothing of them was kept.

use std::{collections::VecDeque, sync::Arc};

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot, watch};

use super::{settings::KafkaSettings, topics::Topics, transaction::Transactions};
use crate::{Append, BusError, Finish, Lane, Placed};

/// An append that waits for its answer.
pub(super) struct Pending {
    pub(super) rows: Vec<Append>,
    pub(super) finish: Finish,
    reply: oneshot::Sender<Result<Vec<Placed>, BusError>>,
}

enum Request {
    Append(Pending),
    Settle(oneshot::Sender<Result<(), BusError>>),
}

/// The right to append, as long as no other process takes it.
pub(super) struct KafkaLane {
    requests: mpsc::Sender<Request>,
    settings: Arc<KafkaSettings>,
    topics: Arc<Topics>,
}

impl KafkaLane {
    /// Takes the lane: whoever had it is fenced. Waits for the cluster.
    pub(super) fn take(
        settings: Arc<KafkaSettings>,
        topics: Arc<Topics>,
        name: &str,
        moved: Arc<watch::Sender<u64>>,
    ) -> Result<Self, BusError> {
        let mut transactions = Transactions::new(settings.clone(), topics.clone(), name);
        transactions.take()?;
        let (requests, waiting) = mpsc::channel(WAITING_MAX);
        let run = move || run(transactions, waiting, &moved);
        std::thread::Builder::new()
            .name("yiku-bus-w".into())
            .spawn(run)
            .map_err(|error| BusError::Broken(error.into()))?;
        Ok(Self { requests, settings, topics })
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, BusError>>) -> Request,
    ) -> Result<T, BusError> {
        let (reply, answer) = oneshot::channel();
        let gone = || BusError::InDoubt {
            brokers: self.settings.brokers(),
            problem: "the lane's thread ended".into(),
        };
        self.requests.send(request(reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

#[async_trait]
impl Lane for KafkaLane {
    async fn append(&self, rows: Vec<Append>, finish: Finish) -> Result<Vec<Placed>, BusError> {
        self.ask(|reply| Request::Append(Pending { rows, finish, reply })).await
    }

    async fn partitions(&self, topic: &str) -> Result<u32, BusError> {
        if let Some(known) = self.topics.known_partitions(topic) {
            return Ok(known);
        }
        let (topics, topic) = (self.topics.clone(), topic.to_owned());
        super::waiting(move || topics.partitions(&topic)).await
    }

    async fn settle(&self) -> Result<(), BusError> {
        self.ask(Request::Settle).await
    }
}

/// Runs until every sender is gone.
fn run(
    mut transactions: Transactions,
    mut waiting: mpsc::Receiver<Request>,
    moved: &watch::Sender<u64>,
) {
    let mut group = Vec::new();
    while waiting.blocking_recv_many(&mut group, GROUP_MAX) > 0 {
        let (mut appends, mut settling) = (VecDeque::new(), Vec::new());
        for request in group.drain(..) {
            match request {
                Request::Append(pending) => appends.push_back(pending),
                Request::Settle(reply) => settling.push(reply),
            }
        }
        while !appends.is_empty() {
            let group = next_group(&mut appends);
            let are_read = group.iter().any(Pending::is_read);
            append(&mut transactions, group);
            if are_read {
                moved.send_modify(|commits| *commits += 1);
            }
        }
        // Last, for an append before it may be one whose caller gave up.
        settling.into_iter().for_each(|reply| drop(reply.send(transactions.take())));
    }
}

impl Pending {
    /// Whether the hub itself reads it: rows of entities are for others.
    fn is_read(&self) -> bool {
        self.rows.iter().any(|one| !one.topic.starts_with("library."))
    }
}

/// As many as fit into one transaction, in their order; at least one.
fn next_group(appends: &mut VecDeque<Pending>) -> Vec<Pending> {
    let mut bytes = 0;
    let mut group = Vec::new();
    while let Some(next) = appends.front() {
        bytes += next.rows.iter().map(|one| one.records.as_bytes().len()).sum::<usize>();
        if !group.is_empty() && bytes > TRANSACTION_BYTES {
            break;
        }
        group.extend(appends.pop_front());
    }
    group
}

/// Appends all of a group or, where only one of them may be to blame, each for itself.
fn append(transactions: &mut Transactions, group: Vec<Pending>) {
    let failure = match transactions.append(&group) {
        Ok(placed) => {
            for (pending, placed) in group.into_iter().zip(placed) {
                // A caller that stopped waiting finds its batch on the bus when it opens anew.
                let _ = pending.reply.send(Ok(placed));
            }
            return;
        }
        Err(failure) => failure,
    };
    if group.len() > 1 && matches!(failure, BusError::Topic { .. }) {
        group.into_iter().for_each(|one| append(transactions, vec![one]));
        return;
    }
    for pending in group {
        let _ = pending.reply.send(Err(failure.again()));
    }
}

/// Appends that may wait for the lane; more make the callers wait.
const WAITING_MAX: usize = 64;
/// Appends that one transaction takes in.
const GROUP_MAX: usize = 64;
/// Of records in one transaction, unless one append alone has more.
const TRANSACTION_BYTES: usize = 8 << 20;
