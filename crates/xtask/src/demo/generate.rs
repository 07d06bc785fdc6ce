//! Makes the departments' systems and the truth about them.
//!
//! A rerun makes only what is not there yet: each system is written under another name, renamed
//! at its end and then marked as done.

use std::{fs, path::Path, thread};

use anyhow::{Context, Result, anyhow};

use super::{
    city::{City, Dice},
    fault::{Fault, How},
    system::{Row, System},
    truth::{Broken, Truth},
    write::{self, Damage, Writer},
};

/// One row in so many is broken.
const BROKEN_ONE_IN: u64 = 50;

/// Makes every system that is not there yet, several at a time. Calls `made` after each.
pub fn generate(
    city: &City,
    systems: &'static [&'static System],
    folder: &Path,
    made: &(dyn Fn(&System) + Sync),
) -> Result<()> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let work = || -> Result<()> {
        loop {
            let index = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let Some(system) = systems.get(index) else { return Ok(()) };
            make_unless_done(city, system, folder)
                .with_context(|| format!("making the system {}", system.connector))?;
            made(system);
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            thread.join().map_err(|_| anyhow!("a generator thread panicked"))??;
        }
        Ok(())
    })
}

fn make_unless_done(city: &City, system: &'static System, folder: &Path) -> Result<()> {
    let mark = folder.join("truth").join(format!("{}.done", system.connector));
    if mark.exists() {
        return Ok(());
    }
    let data = folder.join("systems").join(system.department()).join(system.connector);
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    fs::create_dir_all(&data)?;
    fs::create_dir_all(folder.join("truth"))?;
    let mut truth =
        Truth::create(&folder.join("truth").join(format!("{}.jsonl", system.connector)))?;
    let mut writer = write::open(system, &data)?;
    let rows = write_rows(city, system, writer.as_mut(), &mut truth)?;
    writer.finish()?;
    let broken = truth.count;
    truth.finish()?;
    fs::write(mark, format!("{{\"rows\":{rows},\"broken\":{broken}}}\n"))?;
    Ok(())
}

/// Writes all rows of a system and returns their number.
pub fn write_rows(
    city: &City,
    system: &'static System,
    writer: &mut dyn Writer,
    truth: &mut Truth,
) -> Result<u64> {
    let mut rows = (system.rows)(city).enumerate().peekable();
    let mut turn = 0;
    let mut written = 0;
    while let Some((index, row)) = rows.next() {
        let mut dice = Dice::new(city.seed, system.connector, index as u64);
        let last = rows.peek().is_none();
        let fault = match system.cut_off().filter(|_| last) {
            Some(fault) => Some(fault),
            None if dice.one_in(BROKEN_ONE_IN) && !system.is_delete(&row) => {
                next_fault(system, &row, &mut turn)
            }
            None => None,
        };
        match fault {
            None => drop(writer.row(&row, Damage::None)?),
            Some(fault) => written += write_broken(system, row, fault, writer, truth)?,
        }
        written += 1;
    }
    Ok(written)
}

/// The next fault in turn that the row lends itself to.
fn next_fault(system: &'static System, row: &Row, turn: &mut usize) -> Option<&'static Fault> {
    let faults = system.faults;
    for _ in 0..faults.len() {
        let fault = &faults[*turn % faults.len()];
        *turn += 1;
        let cell = row[system.column(fault.column)].as_deref().unwrap_or_default();
        let fits = match fault.how {
            How::Cell(change) => change(cell).is_some(),
            How::Again(change) => change(cell).is_some(),
            How::Swap(other) => row[system.column(other)].is_some() && !cell.is_empty(),
            How::AsNumber => cell.len() > 15 && cell.bytes().all(|b| b.is_ascii_digit()),
            How::Garbage | How::Ragged => true,
            How::CutOff => false,
        };
        if fits {
            return Some(fault);
        }
    }
    None
}

/// Writes a row with its fault, notes the truth, and returns how many rows came on top.
fn write_broken(
    system: &'static System,
    mut row: Row,
    fault: &'static Fault,
    writer: &mut dyn Writer,
    truth: &mut Truth,
) -> Result<u64> {
    let at = system.column(fault.column);
    let key = system.key_of(&row);
    let cell = row[at].clone().unwrap_or_default();
    let mut damage = Damage::None;
    let mut more = 0;
    match fault.how {
        How::Cell(change) => row[at] = change(&cell),
        How::Swap(other) => row.swap(at, system.column(other)),
        How::Again(change) => {
            writer.row(&row, Damage::None)?;
            row[at] = change(&cell);
            more = 1;
        }
        How::Garbage => damage = Damage::Garbage,
        How::Ragged => damage = Damage::Ragged,
        How::CutOff => damage = Damage::CutOff,
        How::AsNumber => damage = Damage::Number(at),
    }
    let place = writer.row(&row, damage)?;
    truth.note(&Broken {
        connector: system.connector,
        entry: system.entry,
        origin: &place.origin,
        place: place.place,
        key: &key,
        fault: fault.name,
        column: fault.column,
        expect: fault.expect,
    })?;
    Ok(more)
}
