//! What was sent to the hub: what the library must hold, and how many rows must be counted.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, FixedOffset, TimeDelta};
use yiku_core::entry::EntryVersion;

use crate::{dice::Dice, household};

/// Rows of two files and of every pusher write to the same persons.
pub const PERSONS: u64 = 5_000;

/// What was sent so far.
#[derive(Default)]
pub struct Sent(Mutex<Book>);

#[derive(Default)]
struct Book {
    /// Rows so far; the next one's number is its time of update, too.
    rows: u64,
    bad: u64,
    /// The newest good row of each person.
    newest: HashMap<u64, u64>,
}

/// One row to be sent.
pub struct Row {
    /// Which person it is about.
    pub person: u64,
    /// The how manieth row of all it is.
    pub number: u64,
    /// Whether it must be rejected.
    pub is_bad: bool,
}

impl Sent {
    /// Takes down so many rows that are about to be sent, each about another person.
    pub fn rows(&self, dice: &mut Dice, count: u64) -> Vec<Row> {
        let first = dice.below(PERSONS);
        let mut book = self.book();
        let mut rows = Vec::new();
        for person in (first..first + count).map(|person| person % PERSONS) {
            let row = Row { person, number: book.rows, is_bad: dice.one_in(50) };
            book.rows += 1;
            if row.is_bad {
                book.bad += 1;
            } else {
                book.newest.insert(person, row.number);
            }
            rows.push(row);
        }
        rows
    }

    /// Rows sent, and how many of them were bad.
    pub fn counts(&self) -> (u64, u64) {
        let book = self.book();
        (book.rows, book.bad)
    }

    /// Where each person works by the newest good row, by citizen id.
    pub fn workplaces(&self, entry: &EntryVersion) -> HashMap<String, String> {
        let key = entry.key[0];
        let book = self.book();
        let newest = book.newest.iter();
        newest
            .map(|(&person, &number)| {
                (household::row(entry, person).swap_remove(key), workplace(number))
            })
            .collect()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Row {
    /// Its cells.
    pub fn cells(&self, entry: &EntryVersion) -> Vec<String> {
        let mut cells = household::row(entry, self.person);
        let mut set = |item, value| {
            let place = entry.item(item).expect("the register has this item");
            cells[place] = value;
        };
        set("workplace", workplace(self.number));
        set("updated_at", updated_at(self.number));
        if self.is_bad {
            set("sex", "7".into());
        }
        cells
    }
}

fn workplace(number: u64) -> String {
    format!("第{number}号单位")
}

/// Every row is a second younger than the one before it, whoever sends it.
fn updated_at(number: u64) -> String {
    let first: DateTime<FixedOffset> =
        "2020-01-01T00:00:00+08:00".parse().expect("a time of our own");
    (first + TimeDelta::seconds(number.cast_signed())).to_rfc3339()
}
