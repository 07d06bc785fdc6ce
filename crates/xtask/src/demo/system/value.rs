//! How departments write values.

use chrono::{Days, NaiveDate};

use crate::demo::city::{Dice, TODAY};

/// A filled cell.
pub fn text(value: impl ToString) -> Option<String> {
    Some(value.to_string())
}

/// A cell that is filled in so many of a hundred rows.
pub fn often(dice: &mut Dice, percent: u64, value: impl ToString) -> Option<String> {
    (dice.below(100) < percent).then(|| value.to_string())
}

/// How forms write the sex.
pub fn male_female(male: bool) -> &'static str {
    if male { "男" } else { "女" }
}

/// `19740707`.
pub fn compact(date: NaiveDate) -> Option<String> {
    Some(date.format("%Y%m%d").to_string())
}

/// `1974-07-07`.
pub fn dashed(date: NaiveDate) -> Option<String> {
    Some(date.format("%Y-%m-%d").to_string())
}

/// `1974/07/07`, as the forms of 双公示 ask for.
pub fn slashed(date: NaiveDate) -> Option<String> {
    Some(date.format("%Y/%m/%d").to_string())
}

/// A moment of office hours at or after a day: `2026-11-02 08:00:00`.
pub fn moment(date: NaiveDate, dice: &mut Dice) -> Option<String> {
    let (hour, minute, second) = (8 + dice.below(10), dice.below(60), dice.below(60));
    Some(format!("{} {hour:02}:{minute:02}:{second:02}", date.format("%Y-%m-%d")))
}

/// A day so many days after another, but not after the day of the city's description.
pub fn later(date: NaiveDate, days: u64) -> NaiveDate {
    (date + Days::new(days)).min(TODAY)
}

/// A day of the last so many days.
pub fn recent(dice: &mut Dice, days: u64) -> NaiveDate {
    TODAY - Days::new(dice.below(days))
}
