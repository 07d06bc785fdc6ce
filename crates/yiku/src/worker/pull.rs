//! Pull (steps 1 to 4): one source, run by run, until it has nothing more for now.
//!
//! A run with limits (`stop_over`) is looked at whole before anything of it is published: swapped
//! columns or half a dump stop there. A run that was broken off by a restart is read again from its
//! beginning as far as it was published, so that doubled keys are still noticed.

use std::sync::Arc;

use anyhow::Context;
use yiku_bus::publish::{
    CheckedBatch, Checking, Line, LineState, RunKeys, Submission, check_batch,
};
use yiku_connector::{
    Access, ConnectorError, Load, Position, Pull, PullLimit, Run, Source,
    connector_file::{SourceRole, VANISHED_DEFAULT},
    effort::{self, Step},
};
use yiku_core::{
    contract::Contract,
    derive,
    mapping::{Mapping, MappingSpec},
    operation::Operation,
    publication::PublishedRun,
    receipt::Deed,
    row_version::{RowVersion, VersionParts},
};

use yiku_store::{run, sweep::keys};

use crate::{
    clock,
    hub::{HeldLine, Hub},
    kinds,
    worker::{materialise, sweep},
};

/// What one look at a source brought.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pulled {
    /// Rows handed over.
    pub pulled: u64,
    /// Rows on the bus.
    pub accepted: u64,
    /// Rows in quarantine.
    pub rejected: u64,
}

/// A limit that a run is over: nothing of the run was published.
#[derive(Debug, thiserror::Error)]
#[error("{en}")]
pub struct OverLimit {
    /// In Chinese.
    pub zh: String,
    /// In English.
    pub en: String,
}

/// Looks at a source once: everything it has now is published.
pub async fn look(
    hub: &Hub,
    name: &str,
    role: &SourceRole,
    accept: bool,
) -> anyhow::Result<Pulled> {
    Puller::new(hub, name, role)?.run(accept).await
}

/// A source with everything that its rows need, ready to be opened at a position.
pub struct Puller<'a> {
    hub: &'a Hub,
    name: &'a str,
    role: &'a SourceRole,
    contract: Arc<Contract>,
    mapping: Mapping,
}

impl<'a> Puller<'a> {
    /// Finds the entry's newest version and compiles the mapping for it.
    pub fn new(hub: &'a Hub, name: &'a str, role: &'a SourceRole) -> anyhow::Result<Self> {
        let live = hub.live();
        let contract = live.published.newest_of(&role.entry, role.major).with_context(|| {
            format!(
                "no version {}.x of entry `{}` is published; `yiku catalog publish {}` does it",
                role.major, role.entry, role.entry
            )
        })?;
        let mapping = compile_mapping(name, role, contract)?;
        Ok(Self { hub, name, role, contract: contract.clone(), mapping })
    }

    /// How columns become items.
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// The entry version that rows are checked against.
    pub fn contract(&self) -> &Arc<Contract> {
        &self.contract
    }

    /// Opens the source at a position.
    pub fn open(&self, position: &Position) -> anyhow::Result<Box<dyn Source>> {
        let kind = kinds::kind(&self.role.kind)?;
        Ok((kind.open_source)(self.role.config.clone(), &self.access(), position)?)
    }

    fn access(&self) -> Access {
        let entry = self.contract.entry();
        Access {
            connector: self.name.into(),
            load: self.role.load,
            columns: derive::table(entry).into(),
            key: entry.key.clone().into(),
            schemas: self.hub.schemas(),
            surroundings: self.hub.config.surroundings(),
        }
    }

    /// Pulls and publishes until the source has nothing more for now. With `accept`, limits do not
    /// stop the first run.
    pub async fn run(&self, accept: bool) -> anyhow::Result<Pulled> {
        let mut line = self.hub.hold_line(&self.role.entry, self.name).await?;
        materialise::catch_up(self.hub).await?;
        if !accept {
            self.look_at_run(line.state()).await?;
        }
        let total = self.publish_runs(&mut line).await?;
        if self.role.load == Load::Full {
            let number = line.state().line.number;
            drop(line);
            sweep::catch_up(self.hub, self.name, self.role, number, accept).await?;
        }
        Ok(total)
    }

    /// Publishes run after run, the first of which may be the rest of one.
    ///
    /// While a batch becomes durable, the next one is already read and checked. The source stays
    /// open from run to run: opened anew, one whose runs are passes over the same rows would begin
    /// another one for ever, and one of many files would list them all for each.
    async fn publish_runs(&self, line: &mut HeldLine) -> anyhow::Result<Pulled> {
        let mut total = Pulled::default();
        let mut source = self.open(&Position(line.state().position.clone()))?;
        let mut keys = self.keys_so_far(line.state()).await?;
        let mut state = line.state().clone();
        let mut ahead = self.next(source.as_mut(), &state, &mut keys).await?;
        while let Some((pull, checked)) = ahead {
            total.pulled += checked.pulled();
            total.accepted += checked.accepted();
            total.rejected += checked.rejected().len() as u64;
            let position = pull.position.clone();
            let ends = pull.run.ends;
            let submission = self.submission(&state, pull);
            let publishing = self.hub.publish(line, checked, submission);
            if ends {
                publishing.await?;
                source.acknowledge(&position).await?;
                state = line.state().clone();
                ahead = self.next(source.as_mut(), &state, &mut keys).await?;
                if ahead.is_some() {
                    self.look_at_run(&state).await?;
                }
                continue;
            }
            state.next_batch += 1;
            let (published, next) =
                tokio::join!(publishing, self.next(source.as_mut(), &state, &mut keys));
            published?;
            source.acknowledge(&position).await?;
            ahead = next?;
        }
        Ok(total)
    }

    /// The next rows, checked.
    async fn next(
        &self,
        source: &mut dyn Source,
        line: &LineState,
        keys: &mut Option<RunKeys>,
    ) -> anyhow::Result<Option<(Pull, CheckedBatch)>> {
        let pulling = effort::spending(Step::Read, source.pull(PullLimit::default()));
        let Some(pull) = pulling.await? else { return Ok(None) };
        if pull.run.begins {
            *keys = self.fresh_keys();
        }
        let checked = self.check(line, &pull, keys.as_mut())?;
        Ok(Some((pull, checked)))
    }

    fn check(
        &self,
        line: &LineState,
        pull: &Pull,
        keys: Option<&mut RunKeys>,
    ) -> anyhow::Result<CheckedBatch> {
        let bound = self.mapping.bind(&pull.batch.header);
        let checking = Checking {
            contract: &self.contract,
            bound: &bound,
            connector: self.name,
            line: &line.line,
            batch: line.next_batch,
            retried: &[],
        };
        let check = || check_batch(&checking, &pull.batch, keys);
        let checked = tokio::task::block_in_place(|| effort::spend(Step::Check, check));
        checked.with_context(|| {
            let folder = self.hub.config.folders.data.display();
            format!("cannot keep the run's keys in `{folder}`; look at its free space")
        })
    }

    fn submission(&self, line: &LineState, pull: Pull) -> Submission {
        let run = self.published_run(&line.line, &pull.run);
        Submission {
            connector: self.name.to_owned(),
            actor: format!("connector:{}", self.name),
            deed: Deed::Publish,
            version: self.contract.entry().version,
            position_after: pull.position.0,
            run: Some(run),
            idempotency: None,
            origin: pull.batch.origin.to_string(),
            at_ms: clock::now_ms(),
            note: String::new(),
        }
    }

    fn published_run(&self, line: &Line, run: &Run) -> PublishedRun {
        let parts = VersionParts { line: line.number, order: run.number, ..Default::default() };
        PublishedRun {
            number: run.number,
            begins: run.begins,
            ends: run.ends,
            full: self.role.load == Load::Full,
            version: RowVersion::new(parts),
            keyless: 0,
        }
    }

    /// Where the source stood when the run began that the line stands in, if it stands in one.
    async fn began_at(&self, line: &LineState) -> anyhow::Result<Option<serde_json::Value>> {
        let mut db = self.hub.store.reader().await?;
        Ok(run::began_at(&mut db, &line.line.entry, line.line.number).await?)
    }

    fn watches_keys(&self) -> bool {
        let whole = kinds::kind(&self.role.kind).is_ok_and(|kind| kind.runs_are_whole);
        whole || self.role.load == Load::Full
    }

    fn fresh_keys(&self) -> Option<RunKeys> {
        self.watches_keys().then(|| self.empty_keys())
    }

    fn empty_keys(&self) -> RunKeys {
        RunKeys::spilling_into(&self.hub.config.folders.data)
    }

    /// The keys of the run that the line stands in: its published part is read again.
    async fn keys_so_far(&self, line: &LineState) -> anyhow::Result<Option<RunKeys>> {
        let Some(keys) = self.fresh_keys() else { return Ok(None) };
        let Some(began_at) = self.began_at(line).await? else {
            return Ok(Some(keys));
        };
        // Where it no longer stands as it did, the source says itself what happened to it.
        let one_row = PullLimit { rows: 1, ..PullLimit::default() };
        self.open(&Position(line.position.clone()))?.pull(one_row).await?;
        let stands_there = |pull: &Pull, _| pull.position.0 == line.position;
        if let Some(keys) = self.keys_until(line, &began_at, stands_there).await? {
            return Ok(Some(keys));
        }
        // A file that grew since is another to the source, but its first rows are the same.
        let mut db = self.hub.store.reader().await?;
        let (pulled, origin) =
            run::published_of(&mut db, &line.line.entry, line.line.number).await?;
        drop(db);
        let as_many = |pull: &Pull, rows| rows == pulled && *pull.batch.origin == *origin;
        if let Some(keys) = self.keys_until(line, &began_at, as_many).await? {
            return Ok(Some(keys));
        }
        let problem = format!(
            "the source of `{}` changed while a run of it was being read: it no longer has the \
             place where the last batch ended; look at `yiku connector position {}`",
            self.name, self.name
        );
        Err(ConnectorError::Position(problem).into())
    }

    /// The keys of a run up to the batch that `is_last` tells by its pull and the rows so far;
    /// `None` when there is none such.
    async fn keys_until(
        &self,
        line: &LineState,
        began_at: &serde_json::Value,
        is_last: impl Fn(&Pull, u64) -> bool,
    ) -> anyhow::Result<Option<RunKeys>> {
        let mut keys = self.empty_keys();
        let mut source = self.open(&Position(began_at.clone()))?;
        let mut rows = 0;
        while let Some(pull) = source.pull(PullLimit::default()).await? {
            self.check(line, &pull, Some(&mut keys))?;
            rows += pull.batch.len() as u64;
            if is_last(&pull, rows) {
                return Ok(Some(keys));
            }
            if pull.run.ends {
                break;
            }
        }
        Ok(None)
    }

    /// Reads the coming run without publishing and compares it with the limits.
    async fn look_at_run(&self, line: &LineState) -> anyhow::Result<()> {
        let limits = self.role.stop_over;
        let full = self.role.load == Load::Full;
        if limits.rejected.is_none() && !full {
            return Ok(());
        }
        if self.began_at(line).await?.is_some() {
            return Ok(()); // looked at when it began
        }
        let mut source = self.open(&Position(line.position.clone()))?;
        let mut keys = self.fresh_keys();
        let (mut pulled, mut rejected) = (0u64, 0u64);
        let mut seen = self.empty_keys();
        while let Some(pull) = source.pull(PullLimit::default()).await? {
            let checked = self.check(line, &pull, keys.as_mut())?;
            pulled += checked.pulled();
            rejected += checked.rejected().len() as u64;
            if full {
                let accepted = checked.records().iter().flatten().map(|record| record.key);
                let rejected = checked.rejected().iter().filter_map(|row| row.key.as_deref());
                for key in accepted.chain(rejected) {
                    seen.note(key, Operation::Upsert, &[])?;
                }
            }
            if pull.run.ends {
                break;
            }
        }
        if let Some(limit) = limits.rejected
            && pulled > 0
            && rejected as f64 > limit * pulled as f64
        {
            return Err(over_rejected(self.name, pulled, rejected, limit).into());
        }
        if full && pulled > 0 {
            let limit = limits.vanished.unwrap_or(VANISHED_DEFAULT);
            let (live, gone) = self.vanished(line.line.number, &seen).await?;
            if gone as f64 > limit * live as f64 {
                return Err(over_vanished(self.name, live, gone, limit).into());
            }
        }
        Ok(())
    }

    /// How many records the line has, and how many of them are not among the keys seen. Records
    /// that another line brought last are none of its business.
    async fn vanished(&self, line: u32, seen: &RunKeys) -> anyhow::Result<(u64, u64)> {
        let mut db = self.hub.store.reader().await?;
        let (mut records, mut gone, mut after) = (0, 0, 0);
        loop {
            let page = keys(&mut db, &self.role.entry, line, after, RECORDS_PAGE).await?;
            records += page.len() as u64;
            for (_, key) in &page {
                gone += u64::from(!seen.contains(key)?);
            }
            match page.last() {
                Some((last, _)) => after = *last,
                None => return Ok((records, gone)),
            }
        }
    }
}

/// Compiles a connector's mapping for an entry version.
pub fn compile_mapping(
    name: &str,
    role: &SourceRole,
    contract: &Contract,
) -> anyhow::Result<Mapping> {
    let spec = MappingSpec::read(role.mapping.clone());
    let spec =
        spec.map_err(|problem| anyhow::anyhow!("the mapping of connector `{name}`: {problem}"))?;
    let spec = (!role.mapping.as_object().is_some_and(serde_json::Map::is_empty)).then_some(&spec);
    Mapping::compile(spec, contract).map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the mapping of connector `{name}` does not fit:\n{}", lines.join("\n"))
    })
}

/// The mapping of rows whose columns are named as the items are.
pub fn plain_mapping(contract: &Contract) -> anyhow::Result<Mapping> {
    Mapping::compile(None, contract).map_err(|_| anyhow::anyhow!("items always map to themselves"))
}

fn over_rejected(name: &str, pulled: u64, rejected: u64, limit: f64) -> OverLimit {
    let percent = limit * 100.0;
    OverLimit {
        zh: format!(
            "本次共 {pulled} 行，其中 {rejected} 行不合格，超过上限 {percent}%，未发布任何行；\
             请用 yiku connector preview {name} 查看原因，改正后 yiku connector resume {name}"
        ),
        en: format!(
            "{rejected} of {pulled} rows would be rejected, over the limit of {percent} %: nothing \
             of the run was published; `yiku connector preview {name}` shows why, \
             `yiku connector resume {name}` goes on"
        ),
    }
}

/// More is gone than the connector allows.
pub(super) fn over_vanished(name: &str, live: u64, gone: u64, limit: f64) -> OverLimit {
    let percent = limit * 100.0;
    OverLimit {
        zh: format!(
            "全量数据缺少现有 {live} 条记录中的 {gone} 条，超过上限 {percent}%，未发布任何行；\
             确认无误后 yiku connector resume {name} --accept"
        ),
        en: format!(
            "the full load lacks {gone} of the {live} records there are, over the limit of \
             {percent} %: nothing of it was published; if it is right, \
             `yiku connector resume {name} --accept`"
        ),
    }
}

/// Records looked at in one read.
const RECORDS_PAGE: u32 = 2_000;
