//! Reads the files of a watched folder.
//!
//! Files are taken in order of their names, never changed, moved or deleted. Each file is a run
//! whose number rises from file to file, so a row of a later file is newer. A file that changed
//! after it was read is read again, as a new run. What cannot be read is a row too: a file without
//! a usable header, in a foreign encoding, behind a password, or that is a link gives one row with
//! a defect, and the next file is read; so nobody's broken file holds up the others.

mod config;
mod delimited;
mod encoding;
mod fault;
mod header;
pub(crate) mod in_memory;
mod json_value;
mod jsonl;
mod lines;
mod pattern;
mod position;
mod reading;
mod scan;
mod sheet;
mod sheet_cell;
mod sheet_rows;
mod sheet_size;
mod split;
mod taken;

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use serde_json::Value;
use yiku_connector::{
    Access, ConnectorError, Position, Pull, PullLimit, Run, Source, effort::Step,
};
use yiku_core::batch::{Batch, Header};

use crate::folder::{self, shown};
use config::SourceConfig;
use fault::Fault;
use position::{Progress, SourcePosition, Stamp};
use reading::Reading;
use scan::{Candidate, Now};
use taken::Stop;

/// Opens the source at a position; touches nothing.
pub(crate) fn open(
    config: Value,
    access: &Access,
    from: &Position,
) -> Result<Box<dyn Source>, ConnectorError> {
    let config = Arc::new(SourceConfig::read(config, access)?);
    let state = State { position: SourcePosition::read(from)?, ..State::default() };
    Ok(Box::new(FilesSource { config, position: state.position.clone(), state: Some(state) }))
}

/// A folder that is read.
struct FilesSource {
    config: Arc<SourceConfig>,
    /// Where the last pull ended.
    position: SourcePosition,
    /// Gone while a pull is under way, and for good when that pull was given up.
    state: Option<State>,
}

/// What is kept between pulls, none of which matters for what is read.
#[derive(Default)]
struct State {
    position: SourcePosition,
    reading: Option<Reading>,
    waiting: VecDeque<Candidate>,
    listed: Option<Listed>,
}

/// What the folder was like when it was listed.
struct Listed {
    at: SystemTime,
    /// When a name came or went last.
    modified: SystemTime,
    /// Files that were there and could not be read yet.
    unsettled: Vec<String>,
}

impl Listed {
    /// Whether nothing has come or gone since. Times of folders may be as coarse as two seconds.
    fn still_holds(&self, config: &SourceConfig) -> bool {
        let coarse = self.modified + Duration::from_secs(2);
        coarse < self.at && scan::modified(&config.folder).is_some_and(|now| now == self.modified)
    }
}

#[async_trait]
impl Source for FilesSource {
    async fn check(&mut self) -> Result<(), ConnectorError> {
        let config = self.config.clone();
        let progress = self.position.reading.clone();
        crate::blocking(Step::Read, move || check(&config, progress.as_ref())).await
    }

    async fn pull(&mut self, limit: PullLimit) -> Result<Option<Pull>, ConnectorError> {
        let config = self.config.clone();
        let mut state = self
            .state
            .take()
            .unwrap_or_else(|| State { position: self.position.clone(), ..State::default() });
        let (state, result) = crate::blocking(Step::Read, move || {
            let result = pull(&config, &mut state, limit);
            (state, result)
        })
        .await;
        if result.is_ok() {
            self.position = state.position.clone();
            self.state = Some(state);
        }
        result
    }
}

fn check(config: &SourceConfig, reading: Option<&Progress>) -> Result<(), ConnectorError> {
    let candidates = scan::list(config)?;
    for candidate in candidates.iter().filter(|candidate| !candidate.strange).take(CHECKED_MAX) {
        match scan::open(&candidate.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(folder::refused(&candidate.path, "read it", error));
            }
            _ => {}
        }
    }
    match reading {
        Some(progress) if !candidates.iter().any(|candidate| candidate.name == progress.file) => {
            Err(taken::changed(progress, "it vanished"))
        }
        _ => Ok(()),
    }
}

fn pull(
    config: &SourceConfig,
    state: &mut State,
    limit: PullLimit,
) -> Result<Option<Pull>, ConnectorError> {
    let mut begins = false;
    if state.reading.is_none() {
        match &state.position.reading {
            Some(progress) => state.reading = Some(resume(config, progress)?),
            None => {
                begins = true;
                match take_next(config, state)? {
                    None => return Ok(None),
                    Some(Next::Fault(candidate, fault)) => {
                        return Ok(Some(report(config, state, &candidate, &fault)));
                    }
                    Some(Next::Reading(reading)) => state.reading = Some(*reading),
                }
            }
        }
    }
    let reading = state.reading.as_mut().expect("it was opened above");
    let number = state.position.number;
    let (batch, ends) = reading.read(number, limit)?;
    if ends {
        let progress = reading.progress().clone();
        state.reading = None;
        finish(config, state, &progress.file, progress.stamp);
    } else {
        state.position.reading = Some(reading.progress().clone());
    }
    let run = Run { number, begins, ends };
    Ok(Some(Pull { batch, position: state.position.write(), run }))
}

/// The next file, opened, or what is wrong with it.
enum Next {
    Reading(Box<Reading>),
    Fault(Box<Candidate>, Fault),
}

fn take_next(config: &SourceConfig, state: &mut State) -> Result<Option<Next>, ConnectorError> {
    let mut listed = false;
    loop {
        let Some(candidate) = state.waiting.pop_front() else {
            if listed {
                return Ok(None);
            }
            listed = true;
            let (now, modified) = (Now::look(), scan::modified(&config.folder));
            let candidates = scan::list(config)?;
            let mut ahead = scan::ahead();
            // Another source may read other files of the folder, so only what is gone is forgotten.
            ahead.retain(|path, _| path.parent() != Some(config.folder.as_path()) || path.exists());
            let mut unsettled = Vec::new();
            for candidate in candidates {
                if state.position.done.holds(&candidate.name, &candidate.stamp) {
                    continue;
                }
                match candidate.is_settled(config, now, &mut ahead) {
                    true => state.waiting.push_back(candidate),
                    false => unsettled.push(candidate.name),
                }
            }
            state.listed = modified.map(|modified| Listed { at: now.wall, modified, unsettled });
            continue;
        };
        let next = match open_candidate(config, &candidate) {
            Ok(reading) => {
                let (there, listed) = (&reading.progress().stamp, &candidate.stamp);
                if (&there.modified, there.size) != (&listed.modified, listed.size) {
                    // Written to since the folder was listed: it is not settled.
                    if let Some(listed) = &mut state.listed {
                        listed.unsettled.push(candidate.name);
                    }
                    continue;
                }
                Next::Reading(Box::new(reading))
            }
            Err(Stop::Gone) => continue,
            Err(Stop::Fault(fault)) => Next::Fault(Box::new(candidate), fault),
            Err(Stop::Error(error)) => return Err(error),
        };
        state.position.number += 1;
        return Ok(Some(next));
    }
}

fn open_candidate(config: &SourceConfig, candidate: &Candidate) -> Result<Reading, Stop> {
    if candidate.strange {
        return Err(Stop::Fault(Fault::unreadable(
            1,
            "是链接或特殊文件，不会被读取：请把文件本身放入该文件夹",
            "a link or special file, which is never followed: put the file itself in the folder",
        )));
    }
    Reading::open(config, &candidate.path, &candidate.name, None)
}

fn resume(config: &SourceConfig, progress: &Progress) -> Result<Reading, ConnectorError> {
    let candidates = scan::list(config)?;
    let candidate = candidates.iter().find(|candidate| candidate.name == progress.file);
    let Some(candidate) = candidate else { return Err(taken::changed(progress, "it vanished")) };
    if candidate.strange {
        return Err(taken::changed(progress, taken::REPLACED));
    }
    match Reading::open(config, &candidate.path, &candidate.name, Some(progress)) {
        Ok(reading) => Ok(reading),
        Err(Stop::Gone) => Err(taken::changed(progress, "it vanished")),
        Err(Stop::Fault(fault)) => Err(taken::changed(progress, &fault.en)),
        Err(Stop::Error(error)) => Err(error),
    }
}

/// A run of one row, which says what is wrong with the file.
fn report(config: &SourceConfig, state: &mut State, candidate: &Candidate, fault: &Fault) -> Pull {
    let number = state.position.number;
    let header = Arc::new(Header::new([RAW_COLUMN]));
    let mut batch = Batch::new(header, shown(&candidate.name));
    fault.push(&mut batch, number);
    finish(config, state, &candidate.name, candidate.stamp.clone());
    let run = Run { number, begins: true, ends: true };
    Pull { batch, position: state.position.write(), run }
}

fn finish(config: &SourceConfig, state: &mut State, name: &str, stamp: Stamp) {
    state.position.reading = None;
    state.position.done.add(name, stamp);
    if !state.position.done.is_full() {
        return;
    }
    let done = &mut state.position.done;
    match &state.listed {
        // Not listed anew: of a hundred thousand files that would cost more than reading them.
        Some(listed) if listed.still_holds(config) => {
            let waiting = state.waiting.iter().map(|candidate| candidate.name.as_str());
            let unsettled = listed.unsettled.iter().map(String::as_str);
            done.fold(waiting.chain(unsettled), &folder::time_text(listed.at));
        }
        _ => {
            let now = folder::time_text(SystemTime::now());
            let Ok(mut candidates) = scan::list(config) else { return };
            candidates.retain(|candidate| !done.holds(&candidate.name, &candidate.stamp));
            done.fold(candidates.iter().map(|candidate| candidate.name.as_str()), &now);
        }
    }
}

/// The only column of rows that stand for a file without columns.
const RAW_COLUMN: &str = "(text)";
/// Files that `check` tries to open.
const CHECKED_MAX: usize = 20;
